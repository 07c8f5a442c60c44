"""How fast the simulator is: viewer-decisions per CPU-second, where time goes, memory per viewer slot.

One viewer-decision is one viewer present for one decision (30 simulated seconds). Rooms run to the middle of
a session first, so that compilation and the empty opening are not timed; then they are played through
`RoomVectorEnv` by a rule for every head, so that breaks and interactions happen and observations are made, as
in training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from experiments.environment import EnvConfig

if TYPE_CHECKING:
    from livesim.envs.vector_env import RoomVectorEnv

BATCH = 64
MOST_VIEWERS = 700_000
"""Most concurrent viewers in all rooms of one measurement; larger batches are left out."""
WARM_DECISIONS = 60
SEED = 1000


@dataclass(frozen=True)
class Speed:
    """One measurement. Shares add up to 1; python_share is everything that is neither SimPy nor a kernel."""

    rooms: int
    planned_viewers: int
    viewers: float  # mean concurrent, per room
    viewer_decisions_per_cpu_s: float
    cpu_ms_per_decision: float
    simpy_share: float
    kernel_share: float
    python_share: float
    bytes_per_slot: float
    megabytes: float


def plan(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return (rooms, concurrent viewers per room): each size alone, and in a batch of 64 where that fits."""
    return [(1, size) for size in sizes] + [(BATCH, size) for size in sizes if BATCH * size <= MOST_VIEWERS]


def measure(scenario: str, rooms: int, viewers: int, decisions: int) -> Speed:
    """Time `decisions` decisions of `rooms` rooms planned for `viewers` concurrent viewers each.

    Rates are per CPU-second of this process; shares are of wall time.
    """
    env = EnvConfig(scenario=scenario, overrides={"audience.planned_viewers": float(viewers)})
    batch = env.make(rooms)
    play = _Play(batch, env.policy("combined"))
    half = batch.scenario.decisions // 2
    for _ in range(min(WARM_DECISIONS, half)):
        play.decision()
    play.forget()
    before = dict(batch.rooms.timings)
    count = min(decisions, half - 1)
    for _ in range(count):
        play.decision()
    simpy, kernels = (batch.rooms.timings[name] - before[name] for name in ("simpy", "kernels"))
    slot_bytes, all_bytes = _memory(batch)
    batch.close()
    return Speed(
        rooms=rooms,
        planned_viewers=viewers,
        viewers=play.viewer_decisions / count / rooms,
        viewer_decisions_per_cpu_s=play.viewer_decisions / play.cpu_s,
        cpu_ms_per_decision=1e3 * play.cpu_s / count,
        simpy_share=simpy / play.wall_s,
        kernel_share=kernels / play.wall_s,
        python_share=1.0 - (simpy + kernels) / play.wall_s,
        bytes_per_slot=slot_bytes,
        megabytes=all_bytes / 1e6,
    )


class _Play:
    """Rooms and the policy that plays them; adds up the time of `step` alone, observations included."""

    def __init__(self, batch: RoomVectorEnv, policy: Any) -> None:
        self.batch, self.policy = batch, policy
        seeds = list(range(SEED, SEED + batch.num_envs))
        self.observation, _ = batch.reset(seed=seeds)
        self.state = policy.initial_state(seeds)
        self.forget()

    def forget(self) -> None:
        self.cpu_s = self.wall_s = self.viewer_decisions = 0.0

    def decision(self) -> None:
        actions, self.state = self.policy.predict(self.observation, self.state, None)
        viewers = float(self.batch.rooms.viewers.sum())
        cpu, wall = time.process_time(), time.perf_counter()
        self.observation, *_ = self.batch.step(actions)
        self.cpu_s += time.process_time() - cpu
        self.wall_s += time.perf_counter() - wall
        self.viewer_decisions += 0.5 * (viewers + float(self.batch.rooms.viewers.sum()))


def as_data(speed: Speed) -> dict[str, float]:
    """Return plain data for JSON."""
    return asdict(speed)


def print_table(results: Sequence[Speed]) -> None:
    """Print the measurements as a table."""
    from rich.console import Console
    from rich.table import Table

    columns = (
        "rooms",
        "viewers each",
        "viewer-decisions\nper CPU-s",
        "ns per viewer-\ndecision",
        "CPU ms per\ndecision",
    )
    table = Table(*columns, "SimPy", "kernels", "Python", "bytes per\nviewer slot", "MB", title="speed, one core")
    for one in results:
        table.add_row(
            str(one.rooms),
            f"{one.viewers:,.0f}",
            f"{one.viewer_decisions_per_cpu_s:,.0f}",
            f"{1e9 / one.viewer_decisions_per_cpu_s:,.0f}",
            f"{one.cpu_ms_per_decision:,.1f}",
            *(f"{100 * share:.0f} %" for share in (one.simpy_share, one.kernel_share, one.python_share)),
            f"{one.bytes_per_slot:,.0f}",
            f"{one.megabytes:,.1f}",
        )
    for column in table.columns:
        column.justify = "right"
    Console(width=140).print(table)


def _memory(batch: RoomVectorEnv) -> tuple[float, int]:
    """Return the bytes of one viewer slot, and of all arrays of the batch."""
    from livesim.state import arrays

    slots = batch.rooms.state.alive.shape
    found = [array for _, array in arrays(batch.rooms.state)]
    per_slot = sum(array.nbytes for array in found if array.shape[:2] == slots)
    return per_slot / (slots[0] * slots[1]), sum(array.nbytes for array in found)
