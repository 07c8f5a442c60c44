"""A room on one screen of plain text: render_mode "ansi"."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np

from livesim.envs.render import action_words, clock, duration, weighted_credits, words
from livesim.status import RoomStatus

WIDTH = 80
_BLOCKS = " ▁▂▃▄▅▆▇█"
_INDENT = " " * 11


def status_text(status: RoomStatus, weights: Mapping[str, float]) -> str:
    """Return about 25 lines of 80 characters: time, crowd, network, what is on, money, recent events."""
    lines = [*_header(status), *_crowd(status), *_on_air(status), *_money(status, weights), *_recent(status)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def sparkline(values: np.ndarray, width: int) -> str:
    """Return the last `width` values as block characters, scaled from 0 to their maximum."""
    shown = np.asarray(values, dtype=float)[-width:]
    if not len(shown):
        return ""
    top = max(float(shown.max()), 1e-12)
    levels = np.clip(np.ceil(shown / top * 8), 0, 8).astype(int)
    return "".join(_BLOCKS[level] for level in levels)


def _header(status: RoomStatus) -> list[str]:
    name = f"livesim · {status.scenario}"
    time = f"{clock(status.time_s)} / {clock(status.duration_s)}"
    done = min(status.time_s / status.duration_s, 1.0)
    bar_width = WIDTH - 7
    filled = round(done * bar_width)
    return [
        f"{name}{time:>{WIDTH - len(name)}}",
        "█" * filled + "░" * (bar_width - filled) + f" {done:5.0%}",
        "─" * WIDTH,
    ]


def _crowd(status: RoomStatus) -> list[str]:
    past = status.history
    peak = int(past.viewers.max()) if len(past) else 0
    return [
        _row("AUDIENCE", f"{status.viewers:,} viewers", past.viewers, f"peak {peak:,}"),
        _row("CHAT", f"{status.chat_per_min:,.1f} per min", past.chat_per_min, ""),
        _row(
            "NETWORK",
            f"{status.bitrate_mbps:.2f} Mbit/s",
            past.bitrate_mbps,
            f"{status.live_latency_s:.1f} s behind",
        ),
        _row("", f"{status.stall_share:.2%} stalled", past.stall_share, _edge_note(status)),
        "",
    ]


def _edge_note(status: RoomStatus) -> str:
    return f"edge {max(edge.utilisation for edge in status.edges):.0%} full" if status.edges else ""


def _row(label: str, value: str, history: np.ndarray, note: str) -> str:
    return f"{label:<11}{value:<18}{sparkline(history, 36):<36}  {note}"


def _on_air(status: RoomStatus) -> list[str]:
    item = words(status.item)
    if status.item is not None:
        item += f", on for {duration(status.item_dwell_s)}, {duration(status.item_left_s)} left"
    actions = " | ".join(f"{head} {choice}" for head, choice in action_words(status).items())
    return [
        f"{'ON AIR':<11}{item}",
        f"{'AD':<11}{_open_text(status.ad, status.ad_left_s)}",
        f"{'INTERACT':<11}{_open_text(status.interaction, status.interaction_left_s)}",
        *_wrapped("OPERATE", status.operations),
        *_wrapped("TROUBLE", ", ".join(status.troubles) or "none"),
        *_wrapped("CHOICES", actions),
        "",
    ]


def _wrapped(label: str, text: str) -> list[str]:
    """Return a labelled paragraph of as many lines as it needs."""
    lines = textwrap.wrap(text, WIDTH - len(_INDENT)) or [""]
    return [f"{label if i == 0 else '':<11}{line}" for i, line in enumerate(lines)]


def _open_text(name: str | None, left_s: float) -> str:
    return "none" if name is None else f"{words(name)}, {duration(left_s)} left"


def _money(status: RoomStatus, weights: Mapping[str, float]) -> list[str]:
    series = weighted_credits(status, weights)
    totals = {term: float(values[-1]) if len(values) else 0.0 for term, values in series.items()}
    lines = [f"{'CREDITS':<11}{sum(totals.values()):>12,.1f}  realised so far, weighted by the reward preset"]
    top = max([abs(total) for total in totals.values()], default=0.0) or 1.0
    for term, total in totals.items():
        bar = ("█" if total >= 0 else "▒") * round(abs(total) / top * 36)
        lines.append(f"{_INDENT}{total:>12,.1f}  {term:<12}{bar}")
    return [*lines, ""]


def _recent(status: RoomStatus) -> list[str]:
    newest = status.recent[-5:]
    return [f"{'RECENT' if i == 0 else '':<11}{text[: WIDTH - 11]}" for i, text in enumerate(newest)]
