"""The figures of a page as inline SVG, narrow enough for a phone; they need matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.extra import missing_extra
from experiments.compare import Scored, best_heuristic, scale
from experiments.report import best_first
from experiments.result_page.contents import Contents
from experiments.statistics import Estimate, interquartile_mean, score
from experiments.statistics.differences import luck_differences
from experiments.statistics.profiles import normalised_runs, performance_profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.5
STYLE: Any = {"font.size": 10, "svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False}
"""svg.fonttype none: text stays text, small and found by a search."""
LONG_LABEL = 12
LABEL_WIDTH = 16
MARKS = 160
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d00", "#7f7f7f", "#6a3d9a", "#b15928", "#1b9e9e",
)  # fmt: skip
"""Okabe and Ito 2008 and five more, told apart with any eyes."""


def draw(contents: Contents, name: str, prefix: str) -> str:
    """Return one figure as an <svg> element whose ids begin with `prefix`; empty where it has nothing to show.

    Raises ConfigError without matplotlib.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise missing_extra(error, "a page with figures") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context(STYLE | {"svg.hashsalt": prefix}):
        figure = FIGURES[name](contents)
        if figure is None:
            return ""
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return _inline(text.getvalue(), prefix)


def _inline(svg: str, prefix: str) -> str:
    """Return the <svg> element alone, without a fixed size, its ids unlike those of other figures of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for size in ("width", "height"):
        svg = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace(' id="', f' id="{prefix}-').replace("url(#", f"url(#{prefix}-")
    return svg.replace('xlink:href="#', f'xlink:href="#{prefix}-').strip()


def _subplots(height: float) -> tuple[Figure, Axes]:
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(WIDTH, height), layout="constrained")


def _colour(contents: Contents, name: str) -> str:
    names = [policy.name for policy in contents.comparison.policies if not policy.is_baseline]
    names += [policy.name for policy in contents.comparison.policies if policy.is_baseline]
    return COLOURS[names.index(name) % len(COLOURS)]


def _line(policy: Scored) -> dict[str, Any]:
    return {"linestyle": "--", "linewidth": 1.3} if policy.is_baseline else {"linewidth": 2.0}


def differences(contents: Contents) -> Figure | None:
    """Draw every evaluation seed's paired difference to the best rule, with mean and both intervals."""
    comparison = contents.comparison
    best = best_heuristic(comparison.policies)
    others = [policy for policy in best_first(comparison.policies) if policy is not best]
    if best is None or not others:
        return None
    figure, axes = _subplots(1.2 + 0.55 * len(others))
    for place, policy in enumerate(others):
        values, colour = luck_differences(policy.values(), best.values()), _colour(contents, policy.name)
        spread = place + 0.18 + 0.2 * _spaced(len(values))
        axes.plot(values, spread, "o", color=colour, markersize=3, alpha=0.45, markeredgewidth=0)
        alone = comparison.find(policy.name, "paired_difference", best.name)
        together = comparison.find(policy.name, "paired_difference_simultaneous", best.name)
        _interval(axes, together, place - 0.12, colour, 1.2)
        _interval(axes, alone, place - 0.12, colour, 4.0)
        axes.plot(alone.value, place - 0.12, "o", color="white", markeredgecolor=colour, markersize=6)
    axes.axvline(0.0, color="black", linewidth=0.8)
    _rows(axes, others)
    figure.supxlabel(f"credits more than {best.label}", fontsize=axes.xaxis.label.get_fontsize())
    return figure


def _spaced(count: int) -> np.ndarray:
    """Return offsets in 0 .. 1 that keep neighbours apart, the same every time."""
    return (np.arange(count) * 0.618034) % 1.0


def _interval(axes: Axes, estimate: Estimate, height: float, colour: str, width: float) -> None:
    if not np.isnan(estimate.low):
        axes.plot([estimate.low, estimate.high], [height, height], color=colour, linewidth=width, solid_capstyle="butt")


def profile(contents: Contents) -> Figure:
    """Draw the share of runs above each mark, with its pointwise band."""
    policies, ends = contents.comparison.policies, scale(contents.comparison.policies)
    runs = {p.name: p.values() if ends is None else normalised_runs(p.values(), *ends) for p in policies}
    everything = np.concatenate([values.ravel() for values in runs.values()])
    first, last = np.quantile(everything, [0.005, 0.995])
    marks = np.linspace(first, last, MARKS)
    figure, axes = _subplots(3.4)
    for policy in best_first(policies):
        found, colour = performance_profile(runs[policy.name], marks), _colour(contents, policy.name)
        axes.fill_between(marks, found.low, found.high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(marks, found.share, color=colour, label=policy.label, **_line(policy))
    axes.set(xlabel="score" if ends else "return, credits", ylabel="share of runs above it", ylim=(0, 1.02))
    _legend(figure, axes)
    return figure


def curve(contents: Contents) -> Figure | None:
    """Draw the learning curves: all training seeds together with a band, each alone, and the rules as lines."""
    if not contents.curves:
        return None
    figure, axes = _subplots(3.4)
    for policy in contents.comparison.policies:
        colour = _colour(contents, policy.name)
        if policy.is_baseline and policy.name in contents.rule_curves:
            level = float(interquartile_mean(contents.rule_curves[policy.name]["return"]))
            axes.axhline(level, color=colour, label=policy.label, **_line(policy))
        elif policy.name in contents.curves:
            _learner_curve(axes, contents, policy, colour)
    axes.set(xlabel="training decisions", ylabel="return, credits")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.locator_params(axis="x", nbins=5)
    _legend(figure, axes)
    return figure


def _learner_curve(axes: Axes, contents: Contents, policy: Scored, colour: str) -> None:
    tables = contents.curves[policy.name]
    for table in tables:
        steps = np.unique(table["step"])
        alone = [float(interquartile_mean(table["return"][table["step"] == step])) for step in steps]
        axes.plot(steps, alone, color=colour, linewidth=0.7, alpha=0.5)
    shared = sorted(set.intersection(*(set(table["step"]) for table in tables)))
    points = [score(np.stack([table["return"][table["step"] == step] for table in tables])) for step in shared]
    axes.fill_between(shared, [p.low for p in points], [p.high for p in points], color=colour, alpha=0.12, linewidth=0)
    values = [p.value for p in points]
    axes.plot(shared, values, color=colour, label=policy.label, marker="o", markersize=3, linewidth=2)


def terms(contents: Contents) -> Figure:
    """Draw what the mean return is made of: gains to the right, losses to the left, the return as a mark."""
    policies = best_first(contents.comparison.policies)
    names = [name for name in next(iter(policies[0].tables.values())).names("term.") if _matters(policies, name)]
    figure, axes = _subplots(1.7 + 0.36 * len(policies))
    ahead, behind = np.zeros(len(policies)), np.zeros(len(policies))
    for number, name in enumerate(names):
        means = np.array([float(np.mean(policy.values(name))) for policy in policies])
        left = np.where(means >= 0, ahead, behind)
        colour = COLOURS[number % len(COLOURS)]
        axes.barh(range(len(policies)), means, left=left, height=0.66, color=colour, label=name.removeprefix("term."))
        ahead, behind = ahead + np.maximum(means, 0), behind + np.minimum(means, 0)
    returns = [float(np.mean(policy.values())) for policy in policies]
    diamond: Any = {"color": "white", "markeredgecolor": "black", "markersize": 5}
    axes.plot(returns, range(len(policies)), "D", label="mean return", **diamond)
    axes.axvline(0.0, color="black", linewidth=0.8)
    _rows(axes, policies)
    axes.set_xlabel("credits a session")
    _legend(figure, axes)
    return figure


def _rows(axes: Axes, policies: Sequence[Scored]) -> None:
    """Name a row per policy, the first on top."""
    axes.set_yticks(range(len(policies)), [fill(policy.label, LABEL_WIDTH) for policy in policies])
    axes.invert_yaxis()


def _matters(policies: Sequence[Scored], name: str) -> bool:
    return any(np.any(policy.values(name)) for policy in policies)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    columns = 2 if max(map(len, labels)) > LONG_LABEL else 3
    figure.legend(handles, labels, loc="outside upper left", ncols=columns, frameon=False)


FIGURES: dict[str, Callable[[Contents], Figure | None]] = {
    "differences": differences,
    "profile": profile,
    "curve": curve,
    "terms": terms,
}
CAPTIONS = {
    "differences": "One dot per evaluation seed; the ring is the mean, the bar its 95 % interval, the thin line the "
    "interval that holds for all pairs of the comparison at once.",
    "profile": "Performance profile with pointwise 95 % bands.",
    "curve": "Learning curve; band: 95 % over curve seeds.",
    "terms": "Reward terms, stacked; the diamond is the mean return.",
}
