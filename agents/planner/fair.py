"""A planner that does not see the future: every candidate is tried under the same few futures of fresh luck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents import dice
from agents.parameters import parameter
from agents.planner.base import Planner
from agents.planner.candidates import best_few, candidates, firsts

if TYPE_CHECKING:
    from agents.planner.copies import Futures
    from agents.policy import State


@dataclass(frozen=True)
class FairParameters:
    """How far, how often and how carefully a fair planner looks."""

    futures: int = parameter(6, 2, 1024, "futures", "fresh futures under which the last candidates are compared")
    first_futures: int = parameter(2, 1, 1024, "futures", "of them, those under which every candidate is tried")
    keep: int = parameter(3, 1, 64, "candidates", "how many go on to the other futures, beside the base")
    horizon: int = parameter(60, 1, 2880, "decisions", "how far it looks; then a viewer has a worth")
    every: int = parameter(4, 1, 240, "decisions", "it plans in every so manieth decision, the base plays the others")
    margin: float = parameter(1.0, 0, 10, "standard errors", "how clear a gain over the base must be")


class Fair(Planner):
    """Rolling horizon over its base: what planning reaches without seeing the future.

    Candidates are the base's action and every allowed change of one head of it, each followed by the base for
    `horizon` decisions; then a viewer who is present has a worth. All candidates of a decision meet the same `futures`
    of fresh luck (`Rooms.renew_luck`), so that they differ only by what they do. A candidate must beat the base by
    `margin` standard errors: with few futures the best of many would else be the luckiest.

    An ad break costs viewers for longer than a few minutes: with a horizon of 20 decisions it looks nearly free.

    It sees the hidden state of those who are present (tastes, wallets), which no platform could; what comes it sees
    no more of than anybody. Source: rollout with a base policy, Bertsekas, Tsitsiklis and Wu 1997, "Rollout algorithms
    for combinatorial optimization", doi:10.1023/A:1009635226865.
    """

    name = "planner.fair"
    Parameters = FairParameters

    def predict(
        self,
        observation: Any,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return actions, (R,) or (R, H), and the memory."""
        actions, own, memory = self.base_action(observation, state, episode_start)
        batch = self.copies.batch
        rooms, tried = candidates(actions, batch.action_masks(), batch.actions.sizes)
        counts = np.bincount(rooms, minlength=len(actions))
        due = np.flatnonzero((own["step"] % self.params.every == 0) & (counts > 1) & ~batch.rooms.ended)
        if len(due):
            is_due = np.isin(rooms, due)
            place = np.zeros(len(actions), dtype=np.int64)
            place[due] = np.arange(len(due))
            actions = actions.copy()
            actions[due] = self._plan(due, place[rooms[is_due]], tried[is_due], own, memory)
        own["step"] += 1
        return self.shaped(actions), (own, *memory)

    def _plan(
        self, due: np.ndarray, rooms: np.ndarray, tried: np.ndarray, own: np.ndarray, memory: State
    ) -> np.ndarray:
        """Return the actions of the rooms `due`, (D, H). rooms: (N,) place in `due` of each candidate."""
        p = self.params
        futures = self._futures(due, own[due])
        remembered = tuple(part[due] for part in memory)
        is_base = firsts(rooms)

        def gains(which: np.ndarray, some: range) -> np.ndarray:
            return self.copies.gains(futures, rooms[which], tried[which], self.base, remembered, p.horizon, some)

        everybody, screen = np.arange(len(rooms)), min(p.first_futures, p.futures)
        gain = gains(everybody, range(screen))
        if screen < p.futures:
            everybody = best_few(rooms, gain.mean(axis=1), is_base, p.keep)
            gain = np.concatenate([gain[everybody], gains(everybody, range(screen, p.futures))], axis=1)
        error = gain.std(axis=1, ddof=1) / np.sqrt(gain.shape[1])
        sure = gain.mean(axis=1) - p.margin * error  # 0 for the base
        best = [everybody[_best(rooms[everybody] == place, sure)] for place in range(len(due))]
        return tried[best]

    def _futures(self, due: np.ndarray, own: np.ndarray) -> Futures:
        """Return the futures under which the candidates of each room are compared."""
        count = self.params.futures
        words = dice.mix(np.full(len(due), np.uint64(self.seed)), own["key"])
        for salt in (own["episode"], own["step"].astype(np.uint64)):
            words = dice.mix(words, salt)
        seeds = dice.mix(words[:, None], np.arange(count, dtype=np.uint64)) >> np.uint64(1)
        return self.copies.futures(due, seeds)


def _best(is_own: np.ndarray, value: np.ndarray) -> int:
    """Return the first of the highest values among a room's own candidates; the base comes first."""
    own = np.flatnonzero(is_own)
    return int(own[np.argmax(value[own])])
