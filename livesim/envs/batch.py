"""The one implementation behind both environments: a batch of rooms that takes actions and gives observations.

RoomEnv is this with one row, RoomVectorEnv is this plus autoreset. It owns the rooms, the policies that play the
heads an agent does not control, and what leaves a step: observations, rewards, info.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from livesim import registry, rewards
from livesim.envs.actions import HEADS, ActionHeads
from livesim.envs.observations import ObservationLayout
from livesim.errors import ConfigError, unknown_name
from livesim.room import Rooms
from livesim.scenario import Scenario, load_scenario
from livesim.status import RoomStatus

REWARD_MODES = ("expected", "realised")
MAX_SEED = 2**31 - 1


def episode_seed(generator: np.random.Generator) -> int:
    """Draw the room seed of the next episode."""
    return int(generator.integers(MAX_SEED))


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
        self.layout = ObservationLayout(self.scenario)
        self.space = self.layout.space(observation)
        self.actions = ActionHeads(self.layout, heads)
        self.rooms = Rooms(self.scenario, num_rooms)
        self.num_rooms = num_rooms
        self.weights: dict[str, float] = dict(rewards.weights(reward, self.scenario))
        self._weight_column = np.array(list(self.weights.values()))[:, None]
        self._is_expected = reward_mode == "expected"
        self._is_flat = observation == "flat"
        self._other_names = self._check_others(others or {})
        self._others: dict[str, Any] = {}
        self._other_states: dict[str, Any] = {}
        self._is_first = np.ones(num_rooms, dtype=bool)
        self._seen: np.ndarray | None = None  # what the other policies saw last; never handed out

    def reset(self, seeds: Sequence[int], rows: np.ndarray | None = None, new_policies: bool = False) -> None:
        """Start episodes: in all rooms, or seeds[i] in room rows[i].

        `new_policies` rebuilds the policies of the other heads, so that a seeded reset repeats everything.
        """
        if new_policies or (self._other_names and not self._others):
            self._build_others(seeds[0])
        self.rooms.reset(seeds, rows)
        self._is_first[slice(None) if rows is None else rows] = True

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
        values = self.rooms.analytics()
        if self._is_flat or self._others:
            flat = self.layout.flatten(values)
            if self._others:
                self._seen = flat.copy() if self._is_flat else flat
            if self._is_flat:
                return flat
        return self.layout.columns(values)

    def outcome(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the rewards (R,) float64 of the last decision and the info dict of arrays, room axis first."""
        expected, expected_total = self._weighted("expected")
        realised, realised_total = self._weighted("realised")
        terms, reward = (expected, expected_total) if self._is_expected else (realised, realised_total)
        info = {
            "time_s": np.array(self.rooms.time_s, dtype=np.float64),
            "viewers": np.array(self.rooms.viewers, dtype=np.int64),
            "action_mask": self.action_masks(),
            "reward_terms": terms,
            "reward_expected": expected_total,
            "reward_realised": realised_total,
            "costs": self.rooms.costs(),
            "events": self.rooms.events(),
        }
        return reward.copy(), info

    def action_masks(self) -> np.ndarray:
        """Return (R, sum of head sizes) bool: the choices that would do something now."""
        return self.actions.mask(self.rooms.masks())

    def status(self, row: int) -> RoomStatus:
        """Return what rendering shows of one room."""
        return self.rooms.status(row)

    def _weighted(self, mode: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        # accumulate adds in the order of the terms, so that sum(info["reward_terms"].values()) is the reward exactly
        terms = self.rooms.reward_terms(mode)
        table = np.array([terms[name] for name in self.weights]) * self._weight_column
        return dict(zip(self.weights, table, strict=True)), np.add.accumulate(table)[-1]

    def _check_others(self, others: Mapping[str, str]) -> dict[str, str]:
        """Return head -> registered policy name for every head the agent leaves alone."""
        for head in others:
            if head not in HEADS:
                raise unknown_name("head", str(head), HEADS, "others")
            if head in self.actions.heads:
                raise ConfigError(f"others: head '{head}' is controlled by the agent, so no policy can play it.")
        free = [head for head in HEADS if head not in self.actions.heads]
        return {
            head: _policy_name(head, others.get(head, self.scenario.default_policies.get(head, "nothing")))
            for head in free
        }

    def _build_others(self, seed: int) -> None:
        self._others = {
            head: registry.resolve("policy", name)(self.layout, self.scenario, seed)
            for head, name in self._other_names.items()
        }
        self._other_states = dict.fromkeys(self._others)


def _policy_name(head: str, name: str) -> str:
    """Return "head.name"; a policy may be named with or without its head."""
    prefix = f"{head}."
    short = name.removeprefix(prefix)
    known = [full.removeprefix(prefix) for full in registry.names("policy") if full.startswith(prefix)]
    if short not in known:
        raise unknown_name("policy", short, known, f"others: {head}")
    return prefix + short
