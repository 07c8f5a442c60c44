"""Pictures of a log beside the sessions that its fitted scenario gives, and those of the base."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.files import whole_file
from experiments.logs.fitting import FittedLog
from experiments.logs.goodness import FEWEST, ages, stays_from, survival
from experiments.logs.schema import GIFT
from experiments.logs.sessions import Sessions
from livesim.audience.state import FEED, FOLLOWER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS_PER_INCH = 120
AGE_BINS = 24
STYLES = (("log", {"color": "black"}), ("fitted", {"color": "tab:blue"}), ("base", {"color": "tab:gray", "ls": ":"}))


def write_figures(fitted: FittedLog, folder: Path) -> list[Path]:
    """Write every figure that the log has data for as PNG files; return their paths."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in FIGURES:
        panels = 1 if draw is gift_amounts else 2
        figure, axes = pyplot.subplots(1, panels, figsize=(4.5 * panels, 4.0), layout="constrained")
        if draw(fitted, np.atleast_1d(axes)):
            paths.append(folder / f"{fitted.path.stem}_{name}.png")
            with whole_file(paths[-1]) as draft:
                figure.savefig(draft, dpi=DOTS_PER_INCH, format="png")
        pyplot.close(figure)
    return paths


def _three(fitted: FittedLog) -> list[tuple[str, dict[str, Any], Sessions]]:
    sessions = (fitted.log, fitted.fit.simulated, fitted.fit.base)
    return [(name, style, each) for (name, style), each in zip(STYLES, sessions, strict=True)]


def stay_survival(fitted: FittedLog, both: np.ndarray) -> bool:
    """Draw the share still present by stay, for the feed and for followers."""
    for axes, (source, title) in zip(both, ((FEED, "feed"), (FOLLOWER, "followers")), strict=True):
        for name, style, sessions in _three(fitted):
            sample = stays_from(sessions, source)
            if len(sample.seen) >= FEWEST:
                at = np.geomspace(0.5, max(sample.seen.max(), 1.0), 300)
                axes.plot(at, survival(sample, at), label=name, **style)
        axes.set(xscale="log", yscale="log", xlabel="stay, s", ylabel="share that stays longer", title=title)
    both[0].legend()
    return True


def gift_amounts(fitted: FittedLog, one: np.ndarray) -> bool:
    """Draw the share of gifts of at least an amount."""
    axes: Axes = one[0]
    for name, style, sessions in _three(fitted):
        x = np.sort(sessions.of_kind(GIFT).value)
        if len(x) >= FEWEST:
            axes.step(x, 1.0 - np.arange(len(x)) / len(x), where="pre", label=f"{name}, {len(x):,} gifts", **style)
    axes.set(xscale="log", yscale="log", xlabel="credits of a gift", ylabel="share of gifts of at least this")
    if len(fitted.log.of_kind(GIFT).room) < FEWEST:
        return False
    axes.legend()
    return True


def arrivals_by_age(fitted: FittedLog, both: np.ndarray) -> bool:
    """Draw entries per minute and room over the age of the session, for the feed and for followers."""
    length_s = fitted.base.session.duration_s
    edges = np.linspace(0.0, length_s, AGE_BINS + 1)
    for axes, (source, title) in zip(both, ((FEED, "feed"), (FOLLOWER, "followers")), strict=True):
        for name, style, sessions in _three(fitted):
            counts = np.histogram(ages(sessions, source), edges)[0] / len(sessions)
            axes.stairs(counts * 60.0 * AGE_BINS / length_s, edges / 60.0, label=name, **style)
        axes.set(xlabel="age of the session, min", ylabel="entries per minute", title=title, ylim=(0.0, None))
    both[0].legend()
    return True


FIGURES: tuple[tuple[str, Callable[[FittedLog, np.ndarray], bool]], ...] = (
    ("stays", stay_survival),
    ("gifts", gift_amounts),
    ("arrivals", arrivals_by_age),
)
