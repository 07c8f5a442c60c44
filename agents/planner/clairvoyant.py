"""A planner that knows all luck of the session: an upper bound that no policy should be asked to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.parameters import parameter
from agents.planner.base import Planner
from agents.planner.candidates import best_few, candidates, firsts

if TYPE_CHECKING:
    from agents.policy import State
    from livesim.envs.batch import RoomBatch


@dataclass(frozen=True)
class ClairvoyantParameters:
    """How thoroughly a clairvoyant searches."""

    sweeps: int = parameter(1, 1, 16, "sweeps", "how often it goes through the session")
    every: int = parameter(4, 1, 240, "decisions", "it tries to change every so manieth decision")
    first_look: int = parameter(10, 1, 2880, "decisions", "how far every candidate is played at first")
    keep: int = parameter(2, 1, 64, "candidates", "how many are then played to the end of the session")


class Clairvoyant(Planner):
    """Search over whole sessions on their true luck, from the base's session: exact returns, the best plan is kept.

    In the first decision of a session it goes through a copy of it: in each decision every allowed change of one head
    is tried, then the base follows; the best few by a first look are played to the end of the session, and the change
    with the highest return of the whole session is taken, or none. So its return is never below that of its base on
    the same luck. Further sweeps change the plan found so far, which is then followed as it stands.

    What it finds is a lower estimate of the true clairvoyant optimum, because a search by single changes may miss plans
    that need two. It is far above what any policy can reach, because it knows who will come, give and leave.
    """

    name = "planner.clairvoyant"
    Parameters = ClairvoyantParameters

    def initial_state(self, seeds: np.ndarray) -> State:
        """Return the memory of n new episodes: the planner's own, no plan yet, and the base's."""
        own, *memory = super().initial_state(seeds)
        return (own, np.zeros((len(own), 0, 0), dtype=np.int64), *memory)

    def predict(
        self,
        observation: Any,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return actions, (R,) or (R, H), and the memory: own rows, plans of whole sessions (R, T, H), the base's."""
        kept = None if state is None else (state[0], *state[2:])
        actions, own, memory = self.base_action(observation, kept, episode_start)
        plan = np.zeros((len(own), 0, 0), dtype=np.int64) if state is None else state[1]
        if (begin := np.flatnonzero(own["step"] == 0)).size:
            found = self._search(begin, actions[begin], tuple(part[begin] for part in memory))
            plan = plan.copy() if plan.size else np.zeros((len(own), *found.shape[1:]), dtype=np.int64)
            plan[begin] = found
        actions = plan[np.arange(len(plan)), np.minimum(own["step"], plan.shape[1] - 1)]
        own["step"] += 1
        return self.shaped(actions), (own, plan, *memory)

    def _search(self, begin: np.ndarray, actions: np.ndarray, memory: State) -> np.ndarray:
        """Return plans of whole sessions, (B, T, H), for the rooms `begin`; actions, memory: of the base, at first."""
        start = self.copies.batch.snapshot()
        actor = self.copies.batch.twin(len(begin))
        policy: Any = self.base
        for _ in range(self.params.sweeps):
            actor.load(start, begin)
            plan = self._sweep(actor, policy, actions, memory)
            policy, actions, memory = Replay(), plan[:, 0], (plan, np.ones(len(plan), dtype=np.int64))
        return plan

    def _sweep(self, actor: RoomBatch, policy: Any, actions: np.ndarray, memory: State) -> np.ndarray:
        """Go through the sessions of the actor's rooms, and improve what a policy does in each decision."""
        decisions = actor.scenario.decisions
        plan = np.zeros((actor.num_rooms, decisions, actions.shape[1]), dtype=np.int64)
        for t in range(decisions):
            if t % self.params.every == 0:
                actions = self._improved(actor, policy, actions, memory, decisions - t)
            plan[:, t] = actions
            actor.step(actions)
            if t + 1 < decisions:
                chosen, memory = policy.predict(actor.observe(), memory, np.zeros(len(plan), dtype=bool))
                actions = np.asarray(chosen, dtype=np.int64).reshape(len(plan), -1)
        return plan

    def _improved(self, actor: RoomBatch, policy: Any, actions: np.ndarray, memory: State, left: int) -> np.ndarray:
        """Return the actions after which the whole session brings most; a tie goes to what the policy does."""
        rooms, tried = candidates(actions, actor.action_masks(), actor.actions.sizes)
        open_rooms = np.flatnonzero((np.bincount(rooms) > 1) & ~actor.rooms.ended)
        rooms, tried = rooms[np.isin(rooms, open_rooms)], tried[np.isin(rooms, open_rooms)]
        if not len(rooms):
            return actions
        kept = actor.snapshot()
        is_base = firsts(rooms)
        look = min(self.params.first_look, left)
        seen = self.copies.look_ahead(kept, rooms, tried, policy, memory, look)
        value = seen.value(seen.worth[is_base][np.cumsum(is_base) - 1])
        if look < left:
            few = best_few(rooms, value, is_base, self.params.keep)
            rooms, tried = rooms[few], tried[few]
            value = self.copies.look_ahead(kept, rooms, tried, policy, memory, left).total
        better = actions.copy()
        for room in open_rooms:
            own = np.flatnonzero(rooms == room)  # what the policy does comes first
            better[room] = tried[own[np.argmax(value[own])]]
        return better


class Replay:
    """Follows plans of whole sessions; its memory is the plans, (R, T, H), and the next decision of each, (R,)."""

    def predict(
        self, observation: Any, state: State, episode_start: np.ndarray | None = None, deterministic: bool = True
    ) -> tuple[np.ndarray, State]:
        """Return the planned actions, (R, H)."""
        plan, step = state
        return plan[np.arange(len(plan)), np.minimum(step, plan.shape[1] - 1)], (plan, step + 1)
