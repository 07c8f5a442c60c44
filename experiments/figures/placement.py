"""Where policies place ads: at which time of the session, and on which trend of the audience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments.figures.style import BAR, GREY, new_figure, tidy
from experiments.session_trace import SessionTrace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = 12
TREND_MIN = 5.0
TREND_EDGES = np.linspace(-0.6, 0.6, 13)


def ad_placement(traces: Mapping[str, SessionTrace]) -> Figure:
    """Draw a row per policy: ad minutes by time of the session, and how the audience moved where ads began.

    The right panel counts the decisions in which a break or overlay began by the trend before it, ln(viewers now / 5
    min ago), outermost bins holding all beyond; the grey line is the trend of all decisions, so that what stands above
    it was chosen. Pre-rolls are no choice of the ads head and are not counted.
    """
    figure, grid = new_figure(8.5, 0.9 + 1.25 * len(traces), nrows=len(traces), ncols=2, squeeze=False, sharex="col")
    for (left, right), (name, trace) in zip(grid, traces.items(), strict=True):
        edges = np.linspace(0.0, trace.ends_min[-1], PARTS + 1)
        load = _load_by_time(trace)
        left.stairs(load, edges, fill=True, color=BAR, alpha=0.85)
        left.set(ylim=(0.0, max(1.0, 1.15 * load.max())), ylabel="ad min/h")
        left.set_title(name, loc="left", fontsize=9, fontweight="bold")
        chosen, everywhere = _by_trend(trace)
        right.stairs(chosen, TREND_EDGES, fill=True, color=BAR, alpha=0.85)
        right.stairs(everywhere, TREND_EDGES, color=GREY)
        right.set(ylim=(0.0, 1.15 * max(chosen.max(), everywhere.max(), 0.01)), ylabel="share")
        right.axvline(0.0, color="black", linewidth=0.6)
        begun = ad_begins(trace).sum() / len(trace)
        left.set_title(f"{begun:.1f} ads a session" if begun else "none placed", loc="right", fontsize=8)
        for axes in (left, right):
            tidy(axes)
    grid[-1, 0].set_xlabel("minutes into the session")
    grid[-1, 1].set_xlabel(f"ln(viewers now / {TREND_MIN:g} min ago) where an ad begins\n(grey line: at all decisions)")
    grid[0, 1].set_title("on which trend of the audience", loc="left", fontsize=9)
    count = max(map(len, traces.values()))
    title = f"Where ads are placed, {count} sessions (each row has its own scale)"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def ad_begins(trace: SessionTrace) -> np.ndarray:
    """Return (N, D) whether an ad begins in the decision: one runs in it and none ran in the one before."""
    runs = trace.events["ad_s"] > 0
    return runs & ~np.pad(runs, ((0, 0), (1, 0)))[:, :-1]


def viewer_trend(trace: SessionTrace) -> np.ndarray:
    """Return ln(viewers at the start of each decision / five minutes before), (N, D); NaN in the first minutes."""
    back = max(round(TREND_MIN * 60.0 / trace.decision_s), 1)
    present = np.log(trace.viewers + 0.5)
    trend = np.full(trace.viewers.shape, np.nan)
    trend[:, back + 1 :] = present[:, back:-1] - present[:, : -back - 1]
    return trend


def _load_by_time(trace: SessionTrace) -> np.ndarray:
    """Return ad minutes per hour in each of PARTS equal parts of the session."""
    part = np.minimum(np.arange(trace.decisions) * PARTS // trace.decisions, PARTS - 1)
    ad_s = np.bincount(part, weights=trace.events["ad_s"].mean(axis=0), minlength=PARTS)
    decisions = np.bincount(part, minlength=PARTS)
    return 60.0 * ad_s / np.maximum(decisions * trace.decision_s, 1e-9)


def _by_trend(trace: SessionTrace) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of ad begins and of all decisions in each bin of the trend."""
    trend = viewer_trend(trace)
    known = ~np.isnan(trend)
    inside = np.clip(trend, TREND_EDGES[0] + 1e-9, TREND_EDGES[-1] - 1e-9)
    counts = [np.histogram(inside[known & chosen], TREND_EDGES)[0] for chosen in (ad_begins(trace), known)]
    return tuple(count / max(count.sum(), 1) for count in counts)  # type: ignore[return-value]
