"""Pictures of one world beside what was published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.files import whole_file
from experiments.facts.ads import completions
from experiments.facts.audience import relative_ramp
from experiments.facts.data import load_facts
from experiments.facts.daytime import mean_viewers
from experiments.facts.gate import CONDITIONS
from experiments.facts.gifts import prices, spending, with_many_givers
from experiments.facts.talk import SIZES
from experiments.facts.world import HOURS, World, at_hour
from livesim.audience.state import FEED, FOLLOWER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PUBLISHED_STAY_S = {0.5: 4.87, 0.9: 1026.0, 0.99: 9231.0}
PUBLISHED_PRICE = {0.5: 2.0, 0.9: 88.0, 0.99: 1488.0}
RAMP_TIME_MIN = 20.8
"""Fit to 1,508 French Twitch streams: viewers = plateau (1 - exp(-age / time))."""
PUBLISHED_HOURS = {
    "Twitch France 2019, viewers": (
        2.03, 1.42, 0.93, 0.56, 0.33, 0.21, 0.14, 0.14, 0.16, 0.21, 0.31, 0.46,
        0.60, 0.74, 0.76, 0.75, 0.84, 1.00, 1.19, 1.51, 2.01, 2.52, 2.68, 2.50,
    ),
    "KuaiLive 2025, gifts": (
        0.98, 0.55, 0.34, 0.25, 0.24, 0.38, 0.62, 0.68, 0.79, 0.89, 0.92, 0.96,
        1.12, 1.04, 0.97, 0.96, 0.97, 1.04, 1.29, 1.70, 2.06, 1.98, 1.86, 1.42,
    ),
}  # fmt: skip
"""Share of each local hour over that of a mean hour (CET, Beijing)."""
DOTS_PER_INCH = 120


def write_figures(world: World, folder: Path) -> list[Path]:
    """Write every figure that the scenario has data for as PNG files; return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, need, draw in FIGURES:
        if need and not CONDITIONS[need][0](world.scenario):
            continue
        figure, axes = pyplot.subplots(figsize=(6.0, 4.0), layout="constrained")
        draw(world, axes)
        path = folder / f"{Path(world.name).stem}_{name}.png"
        with whole_file(path) as draft:
            figure.savefig(draft, dpi=DOTS_PER_INCH, format="png")
        pyplot.close(figure)
        paths.append(path)
    return paths


def stay_survival(world: World, axes: Axes) -> None:
    """Draw the share still present by stay, for strangers and followers."""
    for source, label in ((FEED, "feed"), (FOLLOWER, "followers")):
        stays = np.concatenate([s.stays.stay_s[s.stays.source == source] for s in world["as it is"]])
        _survival(axes, stays, label)
    _points(axes, PUBLISHED_STAY_S, "feed, published")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="stay, s",
        ylabel="share that stays longer",
        xlim=(0.5, 2e4),
        ylim=(1e-3, 1.1),
    )
    axes.legend()


def audience_ramp(world: World, axes: Axes) -> None:
    """Draw viewers over the session mean by age: mean of sessions and the middle 80 %."""
    sessions = world["as it is"]
    ramp = relative_ramp(sessions)
    age_min = (1 + np.arange(ramp.shape[1])) * sessions[0].decision_s / 60.0
    axes.fill_between(age_min, *np.quantile(ramp, [0.1, 0.9], axis=0), alpha=0.25, label="80 % of sessions")
    axes.plot(age_min, ramp.mean(axis=0), label="simulated")
    published = 1.0 - np.exp(-age_min / RAMP_TIME_MIN)
    axes.plot(age_min, published / published.mean(), "k--", label="published fit")
    axes.set(xlabel="age of the session, min", ylabel="viewers over mean of the session", ylim=(0.0, None))
    axes.legend()


def gift_prices(world: World, axes: Axes) -> None:
    """Draw the share of gifts above a price."""
    _survival(axes, np.concatenate(prices(with_many_givers(world))), "simulated")
    _points(axes, PUBLISHED_PRICE, "published")
    axes.set(xscale="log", yscale="log", xlabel="credits of a gift", ylabel="share of gifts above", ylim=(1e-4, 1.1))
    axes.legend()


def spender_lorenz(world: World, axes: Axes) -> None:
    """Draw the Lorenz curve of credits over givers."""
    given = np.sort(np.concatenate(spending(with_many_givers(world))))
    share = np.concatenate([[0.0], np.cumsum(given) / max(given.sum(), 1e-9)])
    axes.plot(np.linspace(0.0, 1.0, len(share)), share, label="simulated")
    axes.plot([0.0, 1.0], [0.0, 1.0], color="grey", linewidth=0.8, label="everybody gives the same")
    axes.plot([0.90, 0.99], [1.0 - 0.927, 1.0 - 0.599], "ko", label="published")
    axes.set(xlabel="share of givers, smallest first", ylabel="share of credits")
    axes.legend()


def chat_by_size(world: World, axes: Axes) -> None:
    """Draw messages per viewer-minute against viewers, one point a session."""
    for size in ("as it is", *SIZES):
        viewers = [session.viewers.mean() for session in world[size]]
        rate = [60.0 * session.total("messages") / max(session.total("present_s"), 1e-9) for session in world[size]]
        axes.plot(viewers, rate, ".", label=size)
    axes.plot([18.0], [0.31], "ko", label="published")
    axes.set(xscale="log", yscale="log", xlabel="viewers", ylabel="messages per viewer-minute")
    axes.legend()


def ad_completion(world: World, axes: Axes) -> None:
    """Draw the share of pre-rolls and mid-rolls watched to the end, with the accepted bands."""
    counts = [completions(world, session) for session in world["as it is"]]
    bands = {part.measure: part.band for fact in load_facts() for part in fact.parts}
    for place, (slot, measure) in enumerate({"preroll": "completion_pre", "mid": "completion_mid"}.items()):
        done, shown = (sum(count[f"{slot}_{what}"] for count in counts) for what in ("completed", "impressions"))
        axes.bar(place, done / max(shown, 1.0), width=0.5)
        axes.plot([place, place], np.array(bands[measure], dtype=float), "k", linewidth=3)
    axes.set(xticks=[0, 1], xticklabels=["pre-roll", "mid-roll"], ylim=(0.0, 1.0))
    axes.set_ylabel("watched to the end (line: accepted band)")


def diurnal_curve(world: World, axes: Axes) -> None:
    """Draw viewers over their mean of the day by the hour at which a session opens, the clock switched on."""
    for (label, levels), mark in zip(PUBLISHED_HOURS.items(), ("ko", "k^"), strict=True):
        axes.plot(range(24), levels, mark, markersize=4, label=label)
    viewers = mean_viewers(world, [at_hour(hour) for hour in HOURS]).mean(axis=0)
    axes.plot(HOURS, viewers / max(viewers.mean(), 1e-9), label="simulated")
    axes.set(xlabel="local hour", ylabel="viewers over mean of the day", xticks=range(0, 25, 3), ylim=(0.0, None))
    axes.legend()


Drawing = Callable[[World, Any], None]
FIGURES: tuple[tuple[str, str, Drawing], ...] = (
    ("stay_survival", "feed", stay_survival),
    ("audience_ramp", "", audience_ramp),
    ("gift_prices", "gifts", gift_prices),
    ("spender_lorenz", "gifts", spender_lorenz),
    ("chat_by_size", "", chat_by_size),
    ("ad_completion", "mid_roll", ad_completion),
    ("diurnal_curve", "feed", diurnal_curve),
)
"""File name, condition of the scenario, and what draws it."""


def _survival(axes: Axes, values: np.ndarray, label: str) -> None:
    x = np.sort(values)
    axes.step(x, 1.0 - np.arange(len(x)) / max(len(x), 1), where="post", label=label)


def _points(axes: Axes, quantiles: dict[float, float], label: str) -> None:
    axes.plot(list(quantiles.values()), [1.0 - q for q in quantiles], "ko", label=label)
