"""A policy whose heads others play for a while: what turns a replay into a what-if."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.policy import Policy


@dataclass(frozen=True)
class Choice:
    """The same choice at every decision; the room counts it as masked where it is impossible."""

    action: int

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, None]:
        """Return the choice for every row, (n,)."""
        first = next(iter(observation.values())) if isinstance(observation, Mapping) else observation
        return np.full(len(first), self.action, dtype=np.int64), None


@dataclass(frozen=True)
class Turn:
    """Another policy plays `head` at the decisions first, ..., end - 1, counted from 0."""

    head: str
    policy: Policy
    first: int
    end: int


@dataclass
class _State:
    step: int
    memories: list[Any]  # of the policy, of those beside it, of the turns


@dataclass(frozen=True)
class Takeover:
    """Plays what `policy` plays, except in the turns.

    policy plays the heads `own`; `beside` names who plays further heads. The policy sees every observation and
    keeps its memory, so that it has something to go on with when it gets a head back; a turn begins with the memory
    of a new episode. The episodes of all rows begin together, as they do in a rollout.
    """

    policy: Policy
    own: tuple[str, ...]
    turns: Sequence[Turn] = ()
    beside: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads it plays, in the order of its actions."""
        return (*self.own, *self.beside)

    def initial_state(self, seeds: Sequence[int] | np.ndarray) -> _State:
        """Return the memories of new episodes."""
        return _State(0, [p.initial_state(seeds) if hasattr(p, "initial_state") else None for p in self._players()])

    def predict(
        self,
        observation: Any,
        state: _State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, _State]:
        """Return (n,) actions for one head, else (n, heads)."""
        players = self._players()
        state = state or _State(0, [None] * len(players))
        memories = list(state.memories)

        def ask(player: int) -> np.ndarray:
            actions, memories[player] = players[player].predict(
                observation, memories[player], episode_start, deterministic
            )
            return np.asarray(actions)

        own = ask(0)
        n = len(own)
        table = np.column_stack([own.reshape(n, -1), *(ask(1 + i) for i in range(len(self.beside)))])
        for i, turn in enumerate(self.turns):
            if turn.first <= state.step < turn.end:
                table[:, self.heads.index(turn.head)] = ask(1 + len(self.beside) + i)
        return (table[:, 0] if len(self.heads) == 1 else table), _State(state.step + 1, memories)

    def _players(self) -> list[Any]:
        return [self.policy, *self.beside.values(), *(turn.policy for turn in self.turns)]
