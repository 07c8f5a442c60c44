"""What a network reads: the newest observation, frames before it, a rule's advice, and when it may act.

    input = [newest frame | older frames, newest first | one-hot of the advised choice of every head]

The newest frame comes first, so a field of the observation has the same place in every input. Only NumPy, and no
memory of its own: what is remembered travels through `state`, at play as in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

State = tuple[np.ndarray, ...]
ENDINGS = ("item", "interaction_open", "ad_playing")
"""One-hots whose fall is an event: an item, an interaction or an ad ends."""


class Inputs:
    """From raw flat observations (n, size) to what a network reads, (n, width), both float32.

    fields: observation field -> (start, stop). heads, sizes: what the policy plays. history: frames read, the newest
    included. adviser: a policy of the same heads whose choice is read too. event_wait: decide only where something
    ended, or after this many decisions without a choice; None decides always. Between two decisions the masks allow
    choice 0 alone, so discounting per decision of the room is that of the semi-Markov process. at_advice: likewise a
    head may act only where the adviser does.
    """

    def __init__(
        self,
        fields: Mapping[str, tuple[int, int]],
        heads: Sequence[str],
        sizes: Sequence[int],
        history: int = 1,
        adviser: Any = None,
        event_wait: int | None = None,
        at_advice: bool = False,
    ) -> None:
        self.fields, self.heads = dict(fields), tuple(heads)
        self.size = max(stop for _, stop in fields.values())
        self.sizes, self.history, self.adviser, self.event_wait = tuple(sizes), history, adviser, event_wait
        self.at_advice = at_advice
        self.advice_start = history * self.size
        self.width = self.advice_start + (sum(sizes) if adviser is not None else 0)
        self._kept = max(history - 1, 0 if event_wait is None else 1)
        self._masks = [fields[f"mask_{head}"] for head in heads]
        self._endings = [fields[name] for name in ENDINGS if name in fields]
        self.is_plain = self._kept == 0 and adviser is None

    def fresh(self, seeds: Sequence[int] | np.ndarray) -> State:
        """Return what is remembered at the start of n episodes."""
        if self.is_plain:
            return ()
        n = len(seeds)
        advice = self.adviser.initial_state(seeds) if self.adviser is not None else ()
        return (np.zeros((n, self._kept, self.size), np.float32), np.zeros(n, np.int64), *advice)

    def see(self, flat: np.ndarray, state: State, is_first: np.ndarray) -> tuple[np.ndarray, State]:
        """Return the inputs for observations and what is remembered after them.

        is_first: (n,) bool, rows whose episode starts; frames before the first are the first.
        """
        if self.is_plain:
            return flat, ()
        past, waited, *memory = state
        past = np.where(is_first[:, None, None], flat[:, None, :], past)
        newest = flat
        if self.event_wait is not None:
            is_open = is_first | self._has_ended(past[:, 0], flat) | (waited + 1 >= self.event_wait)
            waited = np.where(is_open, 0, waited + 1)
            newest = self._gated(newest, np.repeat(is_open[:, None], len(self.heads), axis=1))
        advised = []
        if self.adviser is not None:
            action, after = self.adviser.predict(flat, tuple(memory), is_first)
            choices = self._allowed(newest, np.asarray(action).reshape(len(flat), -1))
            advised = [
                np.eye(size, dtype=np.float32)[choice] for size, choice in zip(self.sizes, choices.T, strict=True)
            ]
            if self.at_advice:
                newest = self._gated(newest, choices > 0)
            memory = list(after)
        parts = [newest, past[:, : self.history - 1].reshape(len(flat), -1), *advised]
        kept = np.concatenate([flat[:, None, :], past[:, :-1]], axis=1) if self._kept else past
        return np.concatenate(parts, axis=1).astype(np.float32), (kept, waited, *memory)

    def widened(self, shift: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the normaliser (size,) of an observation for a whole input (width,); advice stays as it is."""
        rest = self.width - self.advice_start
        return (
            np.concatenate([np.tile(shift, self.history), np.zeros(rest, np.float32)]),
            np.concatenate([np.tile(factor, self.history), np.ones(rest, np.float32)]),
        )

    def masks(self, inputs: np.ndarray) -> np.ndarray:
        """Return what inputs (n, width) allow, (n, sum of sizes) bool."""
        return np.concatenate([inputs[:, start:stop] > 0.5 for start, stop in self._masks], axis=1)

    def _has_ended(self, before: np.ndarray, now: np.ndarray) -> np.ndarray:
        ended = np.zeros(len(now), dtype=bool)
        for start, stop in self._endings:
            ended |= (before[:, start:stop] > now[:, start:stop] + 0.5).any(axis=1)
        return ended

    def _gated(self, flat: np.ndarray, may_act: np.ndarray) -> np.ndarray:
        """Return observations whose masks leave a head choice 0 alone where it may not act. may_act: (n, H) bool."""
        gated = flat.copy()
        for column, (start, stop) in enumerate(self._masks):
            gated[:, start + 1 : stop] *= may_act[:, column, None]
        return gated

    def _allowed(self, newest: np.ndarray, action: np.ndarray) -> np.ndarray:
        """Return advised choices, (n, H); advice that is not allowed now reads as choice 0."""
        chosen = np.zeros_like(action)
        for column, (start, stop) in enumerate(self._masks):
            mask = newest[:, start:stop] > 0.5
            chosen[:, column] = np.where(mask[np.arange(len(action)), action[:, column]], action[:, column], 0)
        return chosen
