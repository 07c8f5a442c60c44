"""What planners have in common: the rooms they are shown, their base policy, and their own memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from agents.parameters import build
from agents.planner.copies import Copies
from agents.policy import Memory
from livesim.errors import OrderError

if TYPE_CHECKING:
    from agents.policy import State
    from livesim.envs.batch import RoomBatch


class Planner:
    """Base of planners. Whoever plays the episodes shows them the rooms, with `meet`, before each batch of them."""

    name: ClassVar[str]
    Parameters: ClassVar[type]

    def __init__(self, base: Any, seed: int = 0, params: Mapping[str, Any] | None = None) -> None:
        self.base, self.seed = base, seed
        self.params: Any = build(self.Parameters, params or {}, self.name)
        self.memory = Memory()
        self._copies: Copies | None = None

    def meet(self, batch: RoomBatch) -> None:
        """Look at the rooms that are played next: what is planned is planned on copies of them."""
        self._copies = Copies(batch)

    @property
    def copies(self) -> Copies:
        """Return the store of copies; raises OrderError where no rooms have been shown."""
        if self._copies is None:
            raise OrderError(
                f"policy '{self.name}' plans on copies of the rooms it plays: call meet(batch) before predict()"
            )
        return self._copies

    def initial_state(self, seeds: np.ndarray) -> State:
        """Return the memory of n new episodes: the planner's own, then the base's."""
        return (self.memory.fresh(seeds), *self.base.initial_state(seeds))

    def base_action(
        self, observation: Any, state: State | None, episode_start: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, State]:
        """Return what the base does, (R, H), the planner's own rows, and the base's memory afterwards."""
        rooms = self.copies.batch.num_rooms
        own = self.memory.begin(rooms, state[0] if state else None, episode_start)
        chosen, memory = self.base.predict(observation, state[1:] if state else None, episode_start)
        return np.asarray(chosen, dtype=np.int64).reshape(rooms, -1), own, memory

    def shaped(self, actions: np.ndarray) -> np.ndarray:
        """Return (R, H) actions as a policy hands them over: (R,) for one head."""
        return actions[:, 0] if actions.shape[1] == 1 else actions
