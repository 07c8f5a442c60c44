"""The pieces a dashboard is made of: panels, small plots, columns of words, the strips of what was on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, LinearLocator, MaxNLocator

from livesim.envs.render import words
from livesim.status import RoomStatus

BACKGROUND, PANEL, GRID = "#0d1117", "#161b22", "#2a313c"
TEXT, MUTED = "#e6edf3", "#8b949e"
TERM_COLOURS = {
    "watch": "#4cc9f0",
    "gifts": "#f9c74f",
    "ads": "#ff7f6a",
    "orders": "#80ed99",
    "follows": "#b197fc",
    "return": "#63e6be",
    "chat": "#f78fb3",
    "prizes": "#c9a227",
    "complaints": "#868e96",
}
_CYCLE = (
    "#4cc9f0",
    "#f9c74f",
    "#80ed99",
    "#b197fc",
    "#ff9f5a",
    "#f78fb3",
    "#63e6be",
    "#74a9ff",
    "#d4b483",
    "#a5d8ff",
)


def add_panel(
    figure: Figure, left: float, top: float, width: float, height: float, title: str = "", note: str = ""
) -> None:
    """Draw a rounded card, pixels from the top left corner, with a title and a quieter note beside it."""
    box = _box(figure, left, top, width, height)
    figure.add_artist(
        FancyBboxPatch(
            (box[0], box[1]), box[2], box[3],
            boxstyle="round,pad=0,rounding_size=0.008", mutation_aspect=_ratio(figure),
            facecolor=PANEL, edgecolor=GRID, linewidth=0.8, transform=figure.transFigure, zorder=-1,
        )
    )  # fmt: skip
    wide, high = _pixels(figure)
    if title:
        label = figure.text((left + 16) / wide, 1 - (top + 22) / high, title, fontsize=8, color=TEXT, weight="bold")
        end = label.get_window_extent(figure.canvas.get_renderer()).x1  # type: ignore[attr-defined]
        figure.text((end + 10) / wide, 1 - (top + 22) / high, note, fontsize=7.5, color=MUTED)


def add_plot(
    figure: Figure, left: float, top: float, width: float, height: float,
    ticks: int = 4, percent: bool = False, time_labels: bool = True,
) -> Axes:  # fmt: skip
    """Add axes over minutes in the dashboard's look, pixels from the top left corner."""
    axes = figure.add_axes(_box(figure, left, top, width, height), facecolor="none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.tick_params(colors=MUTED, labelsize=7, length=0, pad=3, labelbottom=time_labels)
    axes.yaxis.set_major_locator(LinearLocator(2) if ticks == 2 else MaxNLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(_percent if percent else _short))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda minutes, _: f"{int(minutes // 60)}:{int(minutes % 60):02d}"))
    axes.set_axisbelow(True)
    return axes


def time_ticks(minutes: float, most: int = 8) -> np.ndarray:
    """Return at most about `most` round tick positions over a session of `minutes`."""
    step = next((s for s in (1, 2, 5, 10, 15, 30, 60, 120) if minutes / s <= most), 240)
    return np.arange(0, minutes + 1e-9, step)


class Area:
    """A line with a soft fill below it and a dot at its end."""

    def __init__(self, axes: Axes, colour: str) -> None:
        (self._fill,) = axes.fill([0, 0], [0, 0], color=colour, alpha=0.16, linewidth=0, animated=True)
        (self._line,) = axes.plot([], [], color=colour, linewidth=1.6, animated=True)
        (self._dot,) = axes.plot([], [], "o", color=colour, markersize=4, animated=True, clip_on=False)
        self.artists: list[Artist] = [self._fill, self._line, self._dot]

    def show(self, minutes: np.ndarray, values: np.ndarray) -> None:
        """Show values (n,) at minutes (n,)."""
        for artist in self.artists:
            artist.set_visible(len(minutes) > 0)
        if not len(minutes):
            return
        self._line.set_data(minutes, values)
        self._dot.set_data(minutes[-1:], values[-1:])
        outline = np.concatenate([[minutes[0]], minutes, [minutes[-1]]]), np.concatenate([[0], values, [0]])
        self._fill.set_xy(np.column_stack(outline))


class TextColumn:
    """Lines of words below each other, as many as there is room for."""

    def __init__(
        self, figure: Figure, left: float, top: float, step: float, count: int,
        size: float, ha: str = "left", colour: str = TEXT,
    ) -> None:  # fmt: skip
        wide, high = _pixels(figure)
        self._colour = colour
        self._texts = [
            figure.text(
                left / wide,
                1 - (top + i * step) / high,
                "",
                fontsize=size,
                color=colour,
                ha=ha,
                animated=True,
            )
            for i in range(count)
        ]
        self.artists: list[Artist] = list(self._texts)

    def show(self, lines: Sequence[str], colours: Sequence[str] | None = None) -> None:
        """Show the first lines that fit; the rest of the column stays empty."""
        for i, text in enumerate(self._texts):
            text.set_visible(i < len(lines))
            if i < len(lines):
                text.set_text(lines[i])
                text.set_color(colours[i] if colours else self._colour)


class Strips:
    """Three bands over the session: which item, which ad and which interaction was on in each decision."""

    def __init__(self, figure: Figure, left: float, top: float, width: float, height: float) -> None:
        self._axes = figure.add_axes(_box(figure, left, top, width, height), facecolor="none")
        self._axes.set_ylim(3, 0)
        self._axes.set_yticks([0.5, 1.5, 2.5], ["content", "ads", "interactions"])
        self._axes.tick_params(colors=MUTED, labelsize=7.5, length=0, pad=6)
        self._axes.xaxis.set_major_formatter(
            FuncFormatter(lambda minutes, _: f"{int(minutes // 60)}:{int(minutes % 60):02d}")
        )
        for side in self._axes.spines.values():
            side.set_visible(False)
        self._image = self._axes.imshow(
            np.zeros((6, 1, 4)), aspect="auto", interpolation="nearest", extent=(0, 1, 3, 0), animated=True
        )
        self._names = [
            self._axes.text(0, 0, "", fontsize=6.5, color=BACKGROUND, va="center", animated=True, clip_on=True)
            for _ in range(48)
        ]
        self._width = width
        self._minutes = 1.0
        self.artists: list[Artist] = [self._image, *self._names]

    def fit(self, minutes: float) -> None:
        """Set the time axis to the length of the session."""
        self._minutes = minutes
        self._axes.set_xlim(0, minutes)
        self._axes.set_xticks(time_ticks(minutes))

    def show(self, status: RoomStatus) -> None:
        """Colour the decisions so far and name the stretches that are wide enough."""
        past = status.history
        bands = (
            (past.item, status.item_names),
            (past.ad, status.format_names),
            (past.interaction, status.kind_names),
        )
        self._image.set_visible(len(past) > 0)
        if not len(past):
            for text in self._names:
                text.set_visible(False)
            return
        self._image.set_data(_band_pixels([np.asarray(band) for band, _ in bands]))
        start = 2 * past.time_s[0] - past.time_s[1] if len(past) > 1 else 0.0
        edges = np.concatenate([[max(start, 0.0)], past.time_s]) / 60
        self._image.set_extent((edges[0], edges[-1], 3, 0))
        self._axes.set_xlim(0, self._minutes)
        self._name_stretches(bands, edges)

    def _name_stretches(self, bands: Sequence[tuple[np.ndarray, Sequence[str]]], edges: np.ndarray) -> None:
        free = iter(self._names)
        for row, (band, names) in enumerate(bands):
            place = 0
            for choice, run in groupby(np.asarray(band).tolist()):
                first, place = place, place + len(list(run))
                if choice < 0:
                    continue
                wide = (edges[place] - edges[first]) / self._minutes * self._width
                label = _whole_words(words(names[choice]), round((wide - 6) / 4.9))
                text = next(free, None) if label else None
                if text is not None:
                    text.set_position((edges[first] + self._minutes * 0.005, row + 0.5))
                    text.set_text(label)
                    text.set_visible(True)
        for text in free:
            text.set_visible(False)


def _whole_words(text: str, length: int) -> str:
    """Return the first words of `text` that fit into `length` characters, perhaps none."""
    if len(text) <= length:
        return text
    return text[: length + 1].rpartition(" ")[0] if length > 0 else ""


def _band_pixels(bands: Sequence[np.ndarray]) -> np.ndarray:
    """Return RGBA pixels (60, n, 4): 20 rows a band, the outer ones empty as a gap between bands."""
    palette = np.array([to_rgba(colour) for colour in _CYCLE])
    image = np.zeros((60, len(bands[0]), 4))
    for row, band in enumerate(bands):
        colours = palette[np.maximum(band, 0) % len(palette)]
        colours[band < 0] = to_rgba(GRID)
        image[row * 20 + 2 : row * 20 + 18] = colours
    return image


def _box(figure: Figure, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    wide, high = _pixels(figure)
    return left / wide, 1 - (top + height) / high, width / wide, height / high


def _pixels(figure: Figure) -> tuple[float, float]:
    wide, high = figure.get_size_inches() * figure.dpi
    return float(wide), float(high)


def _ratio(figure: Figure) -> float:
    wide, high = _pixels(figure)
    return wide / high


def _short(value: float, _: int) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def _percent(value: float, _: int) -> str:
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"
