"""A room as a dashboard frame, render_mode "rgb_array": the only part of livesim that needs matplotlib.

Fast enough for video because one figure is reused: panels, axes and grid are drawn once and kept as a bitmap;
a frame restores it and draws only lines, strips and words. The bitmap is drawn again when an axis has to
grow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from livesim.envs.dashboard_parts import (
    BACKGROUND,
    MUTED,
    TERM_COLOURS,
    TEXT,
    Area,
    Strips,
    TextColumn,
    add_panel,
    add_plot,
    time_ticks,
)
from livesim.envs.render import action_words, clock, duration, weighted_credits, words
from livesim.status import RoomStatus

WIDTH, HEIGHT = 960, 640
_TILES = ("viewers", "credits", "chat per min", "stalled", "Mbit/s", "behind live")
_AUDIENCE, _BITRATE, _STALL, _LIVE = "#4cc9f0", "#80ed99", "#ff9f5a", "#ff4d6d"


class Dashboard:
    """Draws statuses of one room after the other into one reused figure of 640 x 960 pixels."""

    def __init__(self) -> None:
        self._figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=BACKGROUND)
        self._canvas = FigureCanvasAgg(self._figure)
        self._moving: list[Artist] = []
        self._limits: tuple[float, ...] = ()
        self._background: Any = None
        self._build_header()
        self._build_plots()
        self._build_money()
        self._build_on_air()

    def draw(self, status: RoomStatus, weights: Mapping[str, float]) -> np.ndarray:
        """Return a (640, 960, 3) uint8 frame. weights: reward term -> weight of the preset in use."""
        credits = weighted_credits(status, weights)
        self._fit_axes(status, credits)
        self._set_header(status, credits)
        self._set_plots(status, credits)
        self._set_on_air(status)
        self._strips.show(status)
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            if artist.get_visible():
                artist.axes.draw_artist(artist) if artist.axes else self._figure.draw_artist(artist)
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def _build_header(self) -> None:
        self._title = self._words(24, 30, 15, weight="bold")
        self._live = self._words(WIDTH - 24, 30, 13, ha="right")
        self._tiles = []
        for i, name in enumerate(_TILES):
            left = 24 + i * 154
            add_panel(self._figure, left, 52, 142, 58)
            self._label(left + 12, 68, name)
            self._tiles.append(self._words(left + 12, 96, 16, weight="bold"))
        self._moving += [self._title, self._live, *self._tiles]

    def _build_plots(self) -> None:
        figure = self._figure
        add_panel(figure, 24, 122, 450, 204, "AUDIENCE", "concurrent viewers")
        add_panel(figure, 24, 338, 450, 160, "NETWORK", "bitrate above, stalled share below")
        self._audience_axes = add_plot(figure, 70, 158, 388, 140)
        self._bitrate_axes = add_plot(figure, 70, 372, 388, 46, ticks=2, time_labels=False)
        self._stall_axes = add_plot(figure, 70, 428, 388, 42, ticks=2, percent=True)
        self._audience = Area(self._audience_axes, _AUDIENCE)
        self._bitrate = Area(self._bitrate_axes, _BITRATE)
        self._stall = Area(self._stall_axes, _STALL)
        for area in (self._audience, self._bitrate, self._stall):
            self._moving += area.artists

    def _build_money(self) -> None:
        add_panel(self._figure, 486, 122, 450, 204, "MONEY", "credits so far, realised and weighted")
        self._money_axes = add_plot(self._figure, 532, 158, 270, 140)
        self._terms = {
            term: self._money_axes.plot([], [], color=colour, linewidth=1.6, animated=True)[0]
            for term, colour in TERM_COLOURS.items()
        }
        self._term_names = TextColumn(self._figure, 812, 166, 16, len(TERM_COLOURS), size=8)
        self._term_totals = TextColumn(self._figure, 924, 166, 16, len(TERM_COLOURS), size=8, ha="right")
        self._moving += [*self._terms.values(), *self._term_names.artists, *self._term_totals.artists]

    def _build_on_air(self) -> None:
        add_panel(self._figure, 486, 338, 450, 160, "ON AIR")
        add_panel(self._figure, 24, 510, 912, 116)
        for row, name in enumerate(("content", "ad", "interaction", "choices")):
            self._label(502, 382 + 18 * row, name)
        self._on_air = TextColumn(self._figure, 572, 382, 18, 4, size=9)
        self._recent = TextColumn(self._figure, 502, 458, 14, 3, size=8, colour=MUTED)
        self._strips = Strips(self._figure, 104, 522, 810, 84)
        self._moving += [*self._on_air.artists, *self._recent.artists, *self._strips.artists]

    def _words(self, x: float, y: float, size: float, ha: str = "left", weight: str = "normal") -> Text:
        place = x / WIDTH, 1 - y / HEIGHT
        return self._figure.text(*place, "", fontsize=size * 0.75, color=TEXT, ha=ha, weight=weight, animated=True)

    def _label(self, x: float, y: float, text: str) -> None:
        self._figure.text(x / WIDTH, 1 - y / HEIGHT, text, fontsize=7.5, color=MUTED)

    def _fit_axes(self, status: RoomStatus, credits: Mapping[str, np.ndarray]) -> None:
        """Grow the axes to what is shown; only then redraw the background."""
        past = status.history
        highest = max([float(v.max()) for v in credits.values() if len(v)], default=0.0)
        lowest = min([float(v.min()) for v in credits.values() if len(v)], default=0.0)
        limits = (
            status.duration_s / 60,
            _ceiling(past.viewers, 10),
            _ceiling(past.bitrate_mbps, 1),
            _ceiling(past.stall_share, 0.01),
            _nice(highest, 10),
            -_nice(-lowest, 10) if lowest < 0 else 0.0,
        )
        if limits == self._limits:
            return
        self._limits = limits
        minutes, viewers, bitrate, stall, high, low = limits
        for axes, bottom, top in (
            (self._audience_axes, 0, viewers),
            (self._bitrate_axes, 0, bitrate),
            (self._stall_axes, 0, stall),
            (self._money_axes, low, high),
        ):
            axes.set_xlim(0, minutes)
            axes.set_ylim(bottom, top)
            axes.set_xticks(time_ticks(minutes, 4 if axes is self._money_axes else 8))
        self._strips.fit(minutes)
        self._canvas.draw()
        self._background = self._canvas.copy_from_bbox(self._figure.bbox)

    def _set_header(self, status: RoomStatus, credits: Mapping[str, np.ndarray]) -> None:
        total = sum(float(values[-1]) for values in credits.values() if len(values))
        self._title.set_text(f"livesim · {words(status.scenario)}")
        is_over = status.time_s >= status.duration_s
        self._live.set_color(MUTED if is_over else _LIVE)
        self._live.set_text(f"{'ended' if is_over else '● LIVE'}   {clock(status.time_s)} / {clock(status.duration_s)}")
        values = (
            f"{status.viewers:,}",
            f"{total:,.0f}",
            f"{status.chat_per_min:,.1f}",
            f"{status.stall_share:.2%}",
            f"{status.bitrate_mbps:.2f}",
            f"{status.live_latency_s:.1f} s",
        )
        for tile, value in zip(self._tiles, values, strict=True):
            tile.set_text(value)

    def _set_plots(self, status: RoomStatus, credits: Mapping[str, np.ndarray]) -> None:
        past = status.history
        minutes = past.time_s / 60
        self._audience.show(minutes, past.viewers)
        self._bitrate.show(minutes, past.bitrate_mbps)
        self._stall.show(minutes, past.stall_share)
        for term, line in self._terms.items():
            line.set_visible(term in credits)
            if term in credits:
                line.set_data(minutes, credits[term])
        totals = {term: float(values[-1]) if len(values) else 0.0 for term, values in credits.items()}
        ranked = sorted(totals, key=lambda term: -totals[term])
        colours = [TERM_COLOURS.get(term, TEXT) for term in ranked]
        self._term_names.show(ranked, colours)
        self._term_totals.show([f"{round(totals[term]):,}" for term in ranked], colours)

    def _set_on_air(self, status: RoomStatus) -> None:
        item = words(status.item)
        if status.item is not None:
            item += f"   {duration(status.item_dwell_s)} on, {duration(status.item_left_s)} left"
        choices = " · ".join(action_words(status).values())
        self._on_air.show(
            [
                item,
                _open_text(status.ad, status.ad_left_s),
                _open_text(status.interaction, status.interaction_left_s),
                choices,
            ],
            [TEXT, *(TEXT if name else MUTED for name in (status.ad, status.interaction)), MUTED],
        )
        self._recent.show([text[:66] for text in status.recent[-3:]])


def _open_text(name: str | None, left_s: float) -> str:
    return "none" if name is None else f"{words(name)}   {duration(left_s)} left"


def _ceiling(values: np.ndarray, least: float) -> float:
    return _nice(float(values.max()) if len(values) else 0.0, least)


def _nice(value: float, least: float) -> float:
    """Return a round number with headroom above `value`, so that axes grow rarely."""
    wanted = max(value * 1.1, least)
    scale = 10.0 ** math.floor(math.log10(wanted))
    return next(step * scale for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * scale >= wanted)
