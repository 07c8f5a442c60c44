"""Rendering of one room: which mode draws it, and what both modes say in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from livesim.errors import LivesimError, unknown_name
from livesim.heads import NOTHING
from livesim.status import RoomStatus

if TYPE_CHECKING:
    from livesim.envs.dashboard import Dashboard

RENDER_MODES = ("ansi", "rgb_array")
RENDER_FPS = 8


class Renderer:
    """Draw room statuses in one mode; the dashboard and matplotlib are loaded with the first frame."""

    def __init__(self, mode: str | None) -> None:
        if mode is not None and mode not in RENDER_MODES:
            raise unknown_name("render mode", str(mode), RENDER_MODES, "render_mode")
        self.mode = mode
        self._dashboard: Dashboard | None = None

    def draw(self, status: RoomStatus, weights: Mapping[str, float]) -> Any:
        """Return text, or a (H, W, 3) uint8 frame. weights: reward term -> weight of the preset in use."""
        if self.mode == "ansi":
            from livesim.envs.text import status_text

            return status_text(status, weights)
        if self._dashboard is None:
            self._dashboard = _new_dashboard()
        return self._dashboard.draw(status, weights)

    def close(self) -> None:
        """Drop the figure; the next frame makes a new one."""
        self._dashboard = None

    def __getstate__(self) -> dict[str, Any]:
        # a figure holds no state of the room, so copies of an environment draw their own
        return {"mode": self.mode, "_dashboard": None}


def _new_dashboard() -> Dashboard:
    try:
        from livesim.envs.dashboard import Dashboard
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("matplotlib"):
            raise
        raise LivesimError(
            "render_mode 'rgb_array' needs matplotlib, which is not installed. Run: pip install 'livesim[train]'"
        ) from error
    return Dashboard()


def clock(seconds: float) -> str:
    """Return "1:02:30"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def duration(seconds: float) -> str:
    """Return a short duration: "45 s", "3:20"."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d}"


def words(name: str | None) -> str:
    """Return a name of the scenario as words: "mid_roll_30" -> "mid roll 30"."""
    return "none" if name is None else name.replace("_", " ")


def weighted_credits(status: RoomStatus, weights: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return term -> (n,) cumulated realised credits under a preset's weights."""
    terms = status.history.reward_terms
    return {term: weight * terms[term] for term, weight in weights.items() if weight and term in terms}


def action_words(status: RoomStatus) -> dict[str, str]:
    """Return head -> what was chosen last, in words; a masked choice shows as what happened instead."""
    return {
        head: words(status.choice_names[head][choice - 1]) if choice else NOTHING[head]
        for head, choice in status.last_actions.items()
    }
