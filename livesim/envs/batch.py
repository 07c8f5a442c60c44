"""The one implementation behind both environments: a batch of rooms with actions and observations.

RoomEnv is this with one row, RoomVectorEnv is this plus autoreset. It owns the rooms, the policies that play
the heads an agent does not control, and what leaves a step: observations, rewards, info.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from livesim import registry, rewards
from livesim.envs.actions import HEADS, ActionHeads
from livesim.envs.observations import ObservationLayout
from livesim.errors import ConfigError, unknown_name
from livesim.room import Rooms, Snapshot
from livesim.scenario import Scenario, load_scenario
from livesim.status import RoomStatus

REWARD_MODES = ("expected", "realised")
DRAWN_SEEDS = (2**32, 2**63)


def episode_seed(generator: np.random.Generator) -> int:
    """Draw the room seed of the next episode: never one below 2**32, which people type for evaluation."""
    return int(generator.integers(*DRAWN_SEEDS))


@dataclass(frozen=True)
class BatchSnapshot:
    """A copy of rooms with the memories of the policies that play in them, at one moment between decisions."""

    rooms: Snapshot
    other_states: dict[str, Any]
    is_first: np.ndarray


class RoomBatch:
    """R rooms under one set of environment arguments; see RoomEnv for the meaning of each argument."""

    def __init__(
        self,
        num_rooms: int,
        *,
        scenario: str | Scenario,
        heads: Sequence[str],
        reward: str,
        reward_mode: str,
        observation: str,
        others: Mapping[str, str] | None,
        overrides: Mapping[str, Any] | None,
    ) -> None:
        if reward_mode not in REWARD_MODES:
            raise unknown_name("reward mode", str(reward_mode), REWARD_MODES, "reward_mode")
        self.scenario = load_scenario(scenario, overrides)
        self._arguments: dict[str, Any] = {
            "scenario": self.scenario, "heads": heads, "reward": reward, "reward_mode": reward_mode,
            "observation": observation, "others": others, "overrides": None,
        }  # fmt: skip
        self.layout = ObservationLayout(self.scenario)
        self.space = self.layout.space(observation)
        self.actions = ActionHeads(self.layout, heads)
        self.rooms = Rooms(self.scenario, num_rooms)
        self.num_rooms = num_rooms
        self.weights = rewards.weights(reward, self.scenario)
        self._weight_row = np.array([self.weights[term] for term in rewards.TERMS])
        self._is_expected = reward_mode == "expected"
        self._is_flat = observation == "flat"
        self._others = self._build_others(others or {})
        self._other_states: dict[str, Any] = dict.fromkeys(self._others)
        self._is_first = np.ones(num_rooms, dtype=bool)
        self._seen: np.ndarray | None = None  # what the other policies saw last; never handed out

    def reset(self, seeds: Sequence[int], rows: np.ndarray | None = None) -> None:
        """Start episodes: in all rooms, or with seeds[i] in room rows[i]."""
        self.rooms.reset(seeds, rows)
        self._is_first[slice(None) if rows is None else rows] = True
        for head, policy in self._others.items():
            self._other_states[head] = _restarted(policy, self._other_states[head], seeds, rows)

    def step(self, table: np.ndarray) -> None:
        """Apply one checked action per room (R, heads) and let a decision's time pass."""
        joint = np.zeros((self.num_rooms, len(HEADS)), dtype=np.int64)
        joint[:, self.actions.columns] = table
        for head, policy in self._others.items():
            choice, self._other_states[head] = policy.predict(
                self._seen, self._other_states[head], self._is_first, deterministic=True
            )
            joint[:, HEADS.index(head)] = np.asarray(choice).reshape(self.num_rooms)
        self._is_first = np.zeros(self.num_rooms, dtype=bool)
        self.rooms.apply(joint)
        self.rooms.advance()

    def observe(self) -> Any:
        """Return a batch of observations: (R, size) float32, or field -> (R, n). Freshly allocated."""
        flat = self.rooms.observe()
        if self._others:
            self._seen = flat.copy()
        return flat if self._is_flat else self.layout.named(flat)

    def rewards(self) -> np.ndarray:
        """Return the rewards of the last decision alone, (R,) float64, as `outcome` has them."""
        return self._weighted("expected" if self._is_expected else "realised")[1]

    def outcome(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the rewards (R,) float64 of the last decision, and info: arrays, room axis first."""
        expected, expected_total = self._weighted("expected")
        realised, realised_total = self._weighted("realised")
        terms, reward = (expected, expected_total) if self._is_expected else (realised, realised_total)
        info = {
            "time_s": self.rooms.time_s,
            "viewers": self.rooms.viewers,
            "action_mask": self.action_masks(),
            "reward_terms": terms,
            "reward_expected": expected_total,
            "reward_realised": realised_total,
            "costs": self.rooms.costs(),
            "events": self.rooms.events(),
        }
        if self.scenario.randomise:
            info["world"] = self.rooms.world_values()
        return reward.copy(), info

    def twin(self, num_rooms: int) -> RoomBatch:
        """Return another batch under the same arguments, not started: for copies of these rooms."""
        return RoomBatch(num_rooms, **self._arguments)

    def snapshot(self) -> BatchSnapshot:
        """Return a copy of all rooms, to be loaded into this or a twin."""
        return BatchSnapshot(self.rooms.snapshot(), dict(self._other_states), self._is_first.copy())

    def load(self, snapshot: BatchSnapshot, source: np.ndarray) -> None:
        """Let room i go on from where room source[i] was when `snapshot` was taken. source: (R,) int."""
        self.rooms.load(snapshot.rooms, source)
        self._is_first = snapshot.is_first[source]
        for head, state in snapshot.other_states.items():
            self._other_states[head] = None if state is None else tuple(part[source] for part in state)
        self._seen = self.rooms.observe() if self._others else None

    def action_masks(self) -> np.ndarray:
        """Return (R, sum of head sizes) bool: the choices that would do something now."""
        return self.actions.mask(self.rooms.masks())

    def status(self, row: int) -> RoomStatus:
        """Return what rendering shows of one room."""
        return self.rooms.status(row)

    def _weighted(self, mode: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return term -> (R,) weighted credits, and their sum (R,).

        The sum runs in the order of the terms, so that sum(info["reward_terms"].values()) is the reward
        exactly.
        """
        table = self.rooms.reward_values(mode) * self._weight_row + 0.0  # no -0.0 in what people read
        total = np.add.accumulate(table, axis=1)[:, -1]
        return {term: table[:, i] for i, term in enumerate(rewards.TERMS)}, total

    def _build_others(self, others: Mapping[str, str]) -> dict[str, Any]:
        """Return head -> policy for every head the agent leaves alone.

        Their seed is constant: what they roll depends on the seed of the episode, through `initial_state`.
        """
        for head in others:
            if head not in HEADS:
                raise unknown_name("head", str(head), HEADS, "others")
            if head in self.actions.heads:
                raise ConfigError(f"others: head '{head}' is controlled by the agent, so no policy can play it.")
        chosen = {**self.scenario.default_policies, **others}
        names = {
            head: _policy_name(head, chosen.get(head, "nothing")) for head in HEADS if head not in self.actions.heads
        }
        return {  # a head that does nothing needs no policy: its action is 0
            head: registry.resolve("policy", name)(self.layout, self.scenario, 0)
            for head, name in names.items()
            if name != f"{head}.nothing"
        }


def _restarted(policy: Any, state: Any, seeds: Sequence[int], rows: np.ndarray | None) -> Any:
    """Return a policy's memory with new episodes in `rows`.

    A policy without `initial_state` starts anew where `episode_start` tells it to.
    """
    if not hasattr(policy, "initial_state"):
        return None if rows is None else state
    fresh = policy.initial_state(seeds)
    if rows is None:
        return fresh
    kept = tuple(array.copy() for array in state)
    for array, part in zip(kept, fresh, strict=True):
        array[rows] = part
    return kept


def _policy_name(head: str, name: str) -> str:
    """Return "head.name"; a policy may be named with or without its head."""
    prefix = f"{head}."
    short = name.removeprefix(prefix)
    known = [full.removeprefix(prefix) for full in registry.names("policy") if full.startswith(prefix)]
    if short not in known:
        raise unknown_name("policy", short, known, f"others: {head}")
    return prefix + short
