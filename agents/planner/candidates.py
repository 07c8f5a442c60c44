"""What a planner tries in one decision: what its base does, and every allowed change of one head of that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def candidates(base: np.ndarray, masks: np.ndarray, sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return (room, action) of everything to try: (N,) rooms in rising order, (N, H) actions.

    base: (R, H) what the base does; the first candidate of its room.  masks: (R, sum of sizes) bool, heads side by
    side.  sizes: choices of each head.
    """
    rooms, actions = [], []
    starts = np.cumsum([0, *sizes[:-1]])
    for room, chosen in enumerate(base):
        rooms.append(room)
        actions.append(chosen)
        for head, (start, size) in enumerate(zip(starts, sizes, strict=True)):
            for choice in np.flatnonzero(masks[room, start : start + size]):
                if choice != chosen[head]:
                    changed = chosen.copy()
                    changed[head] = choice
                    rooms.append(room)
                    actions.append(changed)
    return np.array(rooms), np.stack(actions)


def firsts(rooms: np.ndarray) -> np.ndarray:
    """Return which candidates are the first of their room, (N,) bool: what the base does. rooms: (N,), rising."""
    return np.concatenate([[True], rooms[1:] != rooms[:-1]])


def best_few(rooms: np.ndarray, value: np.ndarray, is_base: np.ndarray, keep: int) -> np.ndarray:
    """Return which candidates go on, rising: the base of every room, and the `keep` others of the highest value.

    rooms, value, is_base: (N,) of each candidate.
    """
    chosen = [np.flatnonzero(is_base)]
    for room in np.unique(rooms):
        others = np.flatnonzero((rooms == room) & ~is_base)
        chosen.append(others[np.argsort(-value[others], kind="stable")[:keep]])
    return np.sort(np.concatenate(chosen))
