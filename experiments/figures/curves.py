"""Return while learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments import statistics
from experiments.figures.style import GREY, beside, colours, new_figure, tidy
from experiments.learning_curve import LearningCurve, best_rule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("--", ":", "-.", (0, (5, 1)), (0, (1, 3)))


def learning_curves(curves: Mapping[str, Sequence[LearningCurve]], rules: Mapping[str, LearningCurve]) -> Figure:
    """Draw interquartile mean returns while learning, and how far each learner is ahead of the best rule.

    curves: learner -> its curve per training seed (drawn thin); points that all seeds have are drawn.  rules: name ->
    its only point, a line.  The lower panel is the mean paired difference to the best rule on the curve seeds, where
    the luck of sessions cancels, with its 95 % interval; it is left out where there is no rule but random.
    """
    best = best_rule(rules)
    figure, panels = new_figure(8.5, 6.4 if best else 4.2, nrows=2 if best else 1, sharex=True, squeeze=False)
    top, bottom = panels[0, 0], panels[-1, 0]
    for (name, several), colour in zip(curves.items(), colours(list(curves)).values(), strict=True):
        steps = sorted(set.intersection(*(set(curve.steps()) for curve in several)))
        scores = [np.stack([curve.at(step)["return"] for curve in several]) for step in steps]
        if len(several) > 1:
            top.plot(steps, [statistics.interquartile_mean(s, axis=1) for s in scores], color=colour, linewidth=0.6)
        line = {"color": colour, "linewidth": 2, "marker": "o", "markersize": 3}
        top.plot(steps, [statistics.iqm_over_all(score) for score in scores], label=name, **line)
        if best:
            ahead = [statistics.paired_difference(score, rules[best].at(0)["return"][None]) for score in scores]
            bottom.fill_between(steps, [p.low for p in ahead], [p.high for p in ahead], color=colour, alpha=0.2, lw=0)
            bottom.plot(steps, [p.value for p in ahead], **line)
    for i, (name, curve) in enumerate(rules.items()):
        shade = "black" if name == best else GREY
        style = _DASHES[i % len(_DASHES)]
        top.axhline(curve.iqm(0), color=shade, linestyle=style, linewidth=1.2, label=f"{name} (rule)")
    if best:
        bottom.axhline(0.0, color="black", linewidth=1.2)
        bottom.set_ylabel(f"minus {best}, same luck\n(mean, band 95 %)")
        tidy(bottom)
    top.set_ylabel("return\n(interquartile mean)")
    bottom.set_xlabel("training decisions")
    tidy(top)
    beside(top)
    top.set_title("Return on the curve seeds while learning", loc="left", fontsize=11, fontweight="bold")
    return figure

