"""How all figures look: sizes, and one colour per reward term, policy and thing on the air, the same everywhere."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from livesim.rewards import TERMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 110
_PALETTE = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#77aadd", "#bbcc33", "#44bb99",
    "#882255", "#999933", "#ffaabb", "#332288", "#cc6677", "#117733", "#ddcc77", "#88ccee", "#aa4499", "#999999",
)  # fmt: skip
"""Bright, light and muted schemes of Paul Tol, told apart with colour-blind eyes."""
GREY, BAR = "#888888", _PALETTE[0]


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return name -> colour by place; names beyond the palette begin it again."""
    return {name: _PALETTE[i % len(_PALETTE)] for i, name in enumerate(names)}


TERM_COLOURS = colours(TERMS)
_TERM_LABELS = {"return": "come back"}
TOTAL = "total"


def term_label(term: str) -> str:
    """Return how a reward term is called beside the total, which is a return too: viewers who will come back."""
    return _TERM_LABELS.get(term, term)


def new_figure(width: float, height: float, **grid: Any) -> tuple[Figure, Any]:
    """Return a Figure that no backend or global state knows, and its axes as `subplots(**grid)` gives them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=DOTS_PER_INCH)
    return figure, figure.subplots(**grid)


def tidy(axes: Axes) -> None:
    """Leave only the frame that carries a scale, and a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def beside(axes: Axes, *entries: Any) -> None:
    """Put the legend to the right of the axes, where it covers nothing. entries: handles and labels, else its own."""
    axes.legend(*entries, loc="upper left", bbox_to_anchor=(1.0, 1.03), fontsize=8, frameon=False)


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file; equal figures give equal bytes."""
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()
