"""What a policy's return is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments.figures.style import TERM_COLOURS, TOTAL, beside, new_figure, term_label, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.statistics import Estimate


def reward_decomposition(terms: Mapping[str, Mapping[str, float]], totals: Mapping[str, Estimate]) -> Figure:
    """Draw a bar per policy, first on top: mean credits of each reward term, costs to the left of zero.

    terms: policy -> term -> mean weighted credits of a session.  totals: policy -> mean return with its interval, drawn
    as a black point.
    """
    figure, axes = new_figure(8.5, 1.6 + 0.45 * len(terms))
    places = -np.arange(len(terms))
    drawn = [name for name in next(iter(terms.values())) if any(abs(part[name]) > 1e-9 for part in terms.values())]
    right, left = np.zeros(len(terms)), np.zeros(len(terms))
    for name in drawn:
        values = np.array([part[name] for part in terms.values()])
        start = np.where(values >= 0, right, left)
        axes.barh(places, values, left=start, height=0.7, color=TERM_COLOURS[name], label=term_label(name))
        right, left = right + np.maximum(values, 0.0), left + np.minimum(values, 0.0)
    for place, name in zip(places, terms, strict=True):
        total = totals[name]
        error = np.nan_to_num([[total.value - total.low], [total.high - total.value]])
        axes.errorbar(total.value, place, xerr=np.maximum(error, 0.0), fmt="ko", markersize=4, capsize=3)
    axes.errorbar([], [], xerr=[], fmt="ko", markersize=4, capsize=3, label=f"{TOTAL}, 95 %")
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.set_yticks(places, list(terms))
    axes.set_xlabel("credits of a session, mean")
    tidy(axes)
    beside(axes)
    axes.set_title("What the return is made of", loc="left", fontsize=11, fontweight="bold")
    return figure
