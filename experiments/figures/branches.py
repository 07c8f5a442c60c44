"""A what-if as pictures: both timelines of one session, or the mean difference over many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from experiments.figures.style import GREY, beside, colours, new_figure, tidy
from experiments.figures.timeline import lanes
from experiments.session_trace import SessionTrace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from experiments.whatif import Answer

WAS, WOULD = "as it was", "what if"
_COLOUR = dict(zip((WAS, WOULD), colours([WAS, WOULD]).values(), strict=True))
CONFIDENCE = 0.95


def branch_timelines(answer: Answer, row: int, title: str) -> Figure:
    """Draw one session twice: viewers, credits so far and their difference, what was on; the branch as a line."""
    figure, rows = new_figure(10.0, 8.8, nrows=4, sharex=True, height_ratios=[2.0, 2.0, 1.2, 2.2])
    people, money, gain, air = rows
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    branches = {WAS: answer.factual, WOULD: answer.counterfactual}
    for name, trace in branches.items():
        style = {"color": _COLOUR[name], "label": name, "linewidth": 1.4, "linestyle": "-" if name == WAS else "--"}
        people.plot(trace.ends_min, trace.viewers[row], **style)
        money.plot(trace.ends_min, np.cumsum(trace.reward[row]), **style)
    people.set(ylabel="viewers", ylim=(0.0, None))
    money.set_ylabel("credits so far")
    difference = np.cumsum(answer.counterfactual.reward[row] - answer.factual.reward[row])
    gain.fill_between(answer.factual.ends_min, difference, color=_COLOUR[WOULD], alpha=0.4, linewidth=0)
    gain.axhline(0.0, color="black", linewidth=0.8)
    gain.set_ylabel("credits,\nwhat if minus\nas it was")
    lanes(air, _below_each_other(answer, row), [0, 1], [WAS, WOULD])
    air.set_xlabel("minutes into the session")
    beside(people)
    for axes in (people, money, gain):
        tidy(axes)
    for axes in rows:
        _mark(axes, answer)
    return figure


def branch_differences(answer: Answer, title: str) -> Figure:
    """Draw what if minus as it was: mean over the sessions, pointwise 95 % t interval, each session thin."""
    figure, (people, money) = new_figure(9.0, 5.6, nrows=2, sharex=True)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    measures: list[tuple[Axes, str, Callable[[SessionTrace], np.ndarray]]] = [
        (people, "viewers", lambda trace: trace.viewers),
        (money, "credits so far", lambda trace: np.cumsum(trace.reward, axis=1)),
    ]
    minutes = answer.factual.ends_min
    for axes, name, of in measures:
        difference = np.asarray(of(answer.counterfactual), float) - of(answer.factual)
        mean, spread = difference.mean(axis=0), _half_width(difference)
        axes.plot(minutes, difference.T, color=GREY, linewidth=0.4, alpha=0.6)
        axes.fill_between(minutes, mean - spread, mean + spread, color=_COLOUR[WOULD], alpha=0.3, linewidth=0)
        axes.plot(minutes, mean, color=_COLOUR[WOULD], linewidth=1.8)
        axes.axhline(0.0, color="black", linewidth=0.8)
        axes.set_ylabel(f"{name},\nwhat if minus as it was")
        tidy(axes)
        _mark(axes, answer)
    money.set(xlabel="minutes into the session", xlim=(0.0, minutes[-1]))
    return figure


def _half_width(difference: np.ndarray) -> np.ndarray:
    """Return the half-width of the t interval of the mean at each decision, (D,). difference: (N, D), N >= 2."""
    n = len(difference)
    return student.ppf(0.5 + CONFIDENCE / 2, n - 1) * difference.std(axis=0, ddof=1) / np.sqrt(n)


def _mark(axes: Axes, answer: Answer) -> None:
    """Draw the moments at which the branch begins and ends."""
    step_min = answer.factual.decision_s / 60.0
    axes.axvline(answer.question.first * step_min, color="black", linewidth=1.0)
    if answer.question.end < answer.factual.decisions:
        axes.axvline(answer.question.end * step_min, color="black", linewidth=1.0, linestyle=":")


def _below_each_other(answer: Answer, row: int) -> SessionTrace:
    both = np.stack([answer.factual.on[row], answer.counterfactual.on[row]])
    return replace(answer.factual.sessions([row]), on=both)
