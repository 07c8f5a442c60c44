"""One session on one page: who was there, what it earned, and what was on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures.style import GREY, TERM_COLOURS, TOTAL, beside, colours, new_figure, term_label, tidy
from experiments.session_trace import AD, INTERACTION, ITEM, SessionTrace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LANES = ("content", "ads", "interaction")


def session_timeline(trace: SessionTrace, row: int, title: str) -> Figure:
    """Draw one session: viewers with ads shaded, credits so far by reward term, and what was on."""
    figure, (people, money, air) = new_figure(9.0, 6.6, nrows=3, sharex=True, height_ratios=[2.2, 2.2, 1.5])
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    minutes = trace.ends_min
    people.plot(minutes, trace.viewers[row], color="black", linewidth=1.2)
    for begin, width in ad_spans(trace, row):
        people.axvspan(begin, begin + width, color=GREY, alpha=0.3, linewidth=0)
    people.set(ylabel="viewers\n(grey: ad on)", ylim=(0.0, None))
    _earnings(money, trace, row)
    lanes(air, trace, [row], [""])
    air.set_xlabel("minutes into the session")
    for axes in (people, money):
        tidy(axes)
    return figure


def lanes(axes: Axes, trace: SessionTrace, rows: Sequence[int], labels: Sequence[str]) -> None:
    """Draw content, ads and interactions of some sessions as bands, one lane each, first on top.

    trace: the sessions below each other; labels: how each is called, "" for the only one.
    """
    ticks, height = [], 0.8
    handles: dict[str, Any] = {}
    colour = colours([*trace.kinds, *trace.formats, *trace.items])
    groups = ((ITEM, trace.items), (AD, trace.formats), (INTERACTION, trace.kinds))
    for lane, (what, names) in enumerate(groups):
        for place, row in enumerate(rows):
            y = -(lane * (len(rows) + 0.4) + place)
            ticks.append((y, f"{LANES[lane]}{f', {labels[place]}' if labels[place] else ''}"))
            runs = _runs(trace.on[row, :, what], trace.decision_s / 60.0)
            for index in sorted({index for index, _, _ in runs}):
                spans = [(begin, width) for other, begin, width in runs if other == index]
                bands = axes.broken_barh(spans, (y - height / 2, height), color=colour[names[index]])
                handles.setdefault(f"{LANES[lane]}: {names[index]}", bands)
    axes.set_yticks([y for y, _ in ticks], [text for _, text in ticks])
    axes.set(xlim=(0.0, trace.ends_min[-1]), ylim=(ticks[-1][0] - 0.6, 0.6))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    order = sorted(handles, key=lambda text: LANES.index(text.partition(":")[0]))
    beside(axes, [handles[text] for text in order], order)


def ad_spans(trace: SessionTrace, row: int) -> list[tuple[float, float]]:
    """Return (begin, length) in minutes of the decisions in which an ad ran, joined where they touch."""
    return [(begin, width) for _, begin, width in _runs((trace.events["ad_s"][row] > 0) - 1, trace.decision_s / 60.0)]


def _earnings(axes: Axes, trace: SessionTrace, row: int) -> None:
    total = np.cumsum(trace.reward[row])
    earned = [term for term, values in trace.terms.items() if np.any(values[row] != 0)]
    for term in sorted(earned, key=lambda term: -abs(trace.terms[term][row].sum())):
        so_far = np.cumsum(trace.terms[term][row])
        axes.plot(trace.ends_min, so_far, color=TERM_COLOURS[term], linewidth=1, label=term_label(term))
    axes.plot(trace.ends_min, total, color="black", linewidth=1.6, label=TOTAL)
    axes.set_ylabel("credits so far")
    beside(axes)


def _runs(values: np.ndarray, step_min: float) -> list[tuple[int, float, float]]:
    """Return (value, begin, length) of the stretches of equal values >= 0, in minutes."""
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return [
        (int(values[first]), first * step_min, (end - first) * step_min)
        for first, end in pairwise(bounds)
        if values[first] >= 0
    ]
