"""The only episode loop of the project: play a policy on given seeds and measure every episode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.environment import EnvConfig
from experiments.episode_table import EpisodeTable, stack
from livesim.envs.actions import NOTHING

if TYPE_CHECKING:
    from agents.policy import Policy
    from livesim.envs.batch import RoomBatch
    from livesim.room import Rooms

Progress = Callable[[float], None]
"""Called with the number of episodes (a fraction while they run) finished since the last call."""


def rollout(
    policy: Policy,
    env_config: EnvConfig,
    seeds: Sequence[int],
    batch: int = 64,
    deterministic: bool = True,
    progress: Progress | None = None,
    watch: Callable[[Rooms], None] | None = None,
    finished: Callable[[RoomBatch], None] | None = None,
) -> EpisodeTable:
    """Return one row of measurements per seed, in the order of `seeds`.

    policy: anything with SB3's `predict`. One that has `initial_state(seeds)` is given the seeds of its
    rooms, so that dice it rolls belong to an episode. One that has `meet(batch)`, a planner, is shown the rooms.
    Rooms are played `batch` at a time; the result does not depend on it, because row r of a batch equals the room
    alone. `watch` sees the rooms after every decision but the last: for calibration, which may know what no policy
    may. `finished` sees each batch when its sessions are over, with their whole ledger: for records of what happened.
    """
    tables = []
    for first in range(0, len(seeds), batch):
        chunk = list(seeds[first : first + batch])
        rooms = env_config.make(len(chunk))
        try:
            tables.append(_play(policy, rooms.batch, chunk, deterministic, progress, watch))
            if finished is not None:
                finished(rooms.batch)
        finally:
            rooms.close()
    return stack(tables)


def _play(
    policy: Policy,
    rooms: RoomBatch,
    seeds: list[int],
    deterministic: bool,
    progress: Progress | None,
    watch: Callable[[Rooms], None] | None,
) -> EpisodeTable:
    if hasattr(policy, "meet"):
        policy.meet(rooms)
    rooms.reset(seeds)
    observation = rooms.observe()
    _, info = rooms.outcome()
    totals = _Totals(rooms, len(seeds), info.get("world", {}))
    state = policy.initial_state(seeds) if hasattr(policy, "initial_state") else None
    starts = np.ones(len(seeds), dtype=bool)
    active = np.ones(len(seeds), dtype=bool)
    while active.any():
        actions, state = policy.predict(observation, state, starts, deterministic)
        rooms.step(rooms.actions.parse(actions, len(seeds)))
        observation = rooms.observe()
        reward, info = rooms.outcome()
        starts = np.zeros(len(seeds), dtype=bool)
        totals.add(actions, reward, info, active)
        active &= ~rooms.rooms.ended
        if watch is not None and active.all():
            watch(rooms.rooms)
        if progress is not None:
            progress(len(seeds) / rooms.scenario.decisions)
    return totals.table(seeds)


class _Totals:
    """Sums over the decisions of one batch of episodes; rows stop adding when their episode has ended."""

    def __init__(self, rooms: RoomBatch, count: int, world: Mapping[str, np.ndarray]) -> None:
        self.world = {f"world.{key}": values for key, values in world.items()}
        self.choices = {head: (NOTHING[head], *rooms.layout.choice_names[head]) for head in rooms.actions.heads}
        self.sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(count))
        self.decision_s = rooms.scenario.session.decision_s
        self.peak = np.zeros(count)
        self.length = np.zeros(count)

    def add(self, actions: np.ndarray, reward: np.ndarray, info: Mapping[str, Any], active: np.ndarray) -> None:
        sums = self.sums
        sums["return"] += np.where(active, reward, 0.0)
        sums["return_expected"] += np.where(active, info["reward_expected"], 0.0)
        sums["return_realised"] += np.where(active, info["reward_realised"], 0.0)
        for group, prefix in (("reward_terms", "term."), ("events", "event."), ("costs", "cost.")):
            for name, values in info[group].items():
                sums[prefix + name] += np.where(active, values, 0.0)
        sums["viewers"] += np.where(active, info["viewers"], 0.0)
        self.peak = np.where(active, np.maximum(self.peak, info["viewers"]), self.peak)
        self.length += active
        chosen = np.asarray(actions).reshape(len(active), len(self.choices))
        for column, (head, names) in enumerate(self.choices.items()):
            for index, choice in enumerate(names):
                sums[f"action.{head}.{choice}"] += active & (chosen[:, column] == index)

    def table(self, seeds: Sequence[int]) -> EpisodeTable:
        sums, length = self.sums, np.maximum(self.length, 1.0)
        started_s = sums["event.present_s"] - sums["event.startup_s"]
        columns = {
            "seed": np.array(seeds, dtype=np.int64),
            **self.world,
            **{name: sums[name] for name in ("return", "return_expected", "return_realised")},
            **{name: values for name, values in sums.items() if name.startswith("term.")},
            "viewers_mean": sums["viewers"] / length,
            "viewers_peak": self.peak,
            "stall_share": sums["event.stall_s"] / np.maximum(started_s, 1e-9),
            "ad_minutes_per_hour": 60.0 * sums["event.ad_s"] / (length * self.decision_s),
            "masked_actions": sums["event.masked_actions"],
            **{name: values for name, values in sums.items() if name.startswith("event.")},
            **{name: values / length for name, values in sums.items() if name.startswith("cost.")},
            **{name: values for name, values in sums.items() if name.startswith("action.")},
            "length": self.length,
        }
        return EpisodeTable(columns)
