"""Action heads: from what an agent hands to `step` to one joint action per room, and the masks over it.

Every head is one Discrete choice in which 0 keeps or does nothing. A choice outside its head is an
ActionError; a choice that is inside but impossible now is masked, and the room counts it as a no-op.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from livesim.envs.observations import ObservationLayout
from livesim.errors import ActionError, ConfigError, unknown_name
from livesim.heads import HEADS, NOTHING


def check_heads(heads: Sequence[str]) -> tuple[str, ...]:
    """Return the heads an agent controls as a tuple; raises on none, an unknown one or one named twice."""
    if isinstance(heads, str):
        heads = (heads,)
    for head in heads:
        if head not in HEADS:
            raise unknown_name("head", str(head), HEADS, "heads")
    if not heads or len(set(heads)) != len(heads):
        raise ConfigError(f"heads: name each controlled head once, at least one. Known: {', '.join(HEADS)}.")
    return tuple(heads)


class ActionHeads:
    """The heads an agent controls: sizes, action space, masks and the checked way into a joint action.

    `columns` are the places of these heads in a joint action (R, heads), whose order is always `HEADS`.
    """

    def __init__(self, layout: ObservationLayout, heads: Sequence[str]) -> None:
        self.heads = check_heads(heads)
        self.columns = tuple(HEADS.index(head) for head in self.heads)
        self.sizes = tuple(layout.head_sizes[column] for column in self.columns)
        self._size_row = np.array(self.sizes, dtype=np.int64)
        self._choices = {head: (NOTHING[head], *layout.choice_names[head]) for head in self.heads}

    @property
    def space(self) -> spaces.Discrete | spaces.MultiDiscrete:
        """Discrete for one head, else a 1-D MultiDiscrete with one entry per head."""
        if len(self.sizes) == 1:
            return spaces.Discrete(self.sizes[0])
        return spaces.MultiDiscrete(list(self.sizes))

    def parse(self, actions: Any, num_rooms: int | None = None) -> np.ndarray:
        """Return actions as (R, heads) int64.

        `num_rooms` None means one environment: a number, or one number per head. Otherwise one row per room;
        with a single head also (R,). Raises ActionError naming value, head and range.
        """
        array = np.asarray(actions)
        if array.dtype.kind not in "iu":
            raise ActionError(f"action {actions!r} is not of whole numbers. {self._allowed(0)}")
        rows = 1 if num_rooms is None else num_rooms
        if array.shape not in self._shapes(num_rooms):
            wanted = self._shapes(num_rooms)[0]
            raise ActionError(
                f"action of shape {array.shape} does not fit heads {', '.join(self.heads)}: wanted shape {wanted}."
            )
        table = array.reshape(rows, len(self.heads)).astype(np.int64)
        is_outside = (table < 0) | (table >= self._size_row)
        if is_outside.any():
            raise self._outside(table, is_outside, num_rooms)
        return table

    def mask(self, masks: Sequence[np.ndarray]) -> np.ndarray:
        """Return the masks of the controlled heads side by side, (R, sum of sizes) bool, freshly allocated.

        masks: one (R, size) bool array per head of `HEADS`.
        """
        return np.concatenate([masks[column] for column in self.columns], axis=1)

    def _shapes(self, num_rooms: int | None) -> tuple[tuple[int, ...], ...]:
        count = len(self.heads)
        if num_rooms is None:
            return ((), (1,)) if count == 1 else ((count,),)
        return ((num_rooms,), (num_rooms, 1)) if count == 1 else ((num_rooms, count),)

    def _outside(self, table: np.ndarray, is_outside: np.ndarray, num_rooms: int | None) -> ActionError:
        row, column = (int(i[0]) for i in np.nonzero(is_outside))
        where = "" if num_rooms is None else f"environment {row}: "
        value, head = table[row, column], self.heads[column]
        return ActionError(f"{where}action {value} of head '{head}' is out of range. {self._allowed(column)}")

    def _allowed(self, column: int) -> str:
        head = self.heads[column]
        choices = ", ".join(f"{i} {name}" for i, name in enumerate(self._choices[head]))
        return f"Head '{head}' takes 0..{self.sizes[column] - 1}: {choices}."
