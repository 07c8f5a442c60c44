"""Queues built from SimPy resources, one process per job: oracles for the compiled queues of the product."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import simpy

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference" / "queues.json"
STANDARD_ERRORS = 4.0


@cache
def case(name: str) -> dict[str, Any]:
    """Return one case of the shared reference: its params and closed form."""
    cases = json.loads(REFERENCE.read_text())["cases"]
    return next(one for one in cases if one["id"] == name)


def closed_form(name: str, key: str) -> Any:
    """Return one number of a closed form."""
    return case(name)["closed_form"][key]


def assert_near_theory(name: str, replications: Sequence[float] | np.ndarray, theory: float) -> None:
    """Assert that the mean of independent replications is within 4 of its standard errors of theory."""
    values = np.asarray(replications, dtype=float)
    assert len(values) >= 8, "fewer than 8 replications say little of their own spread"
    error = values.std(ddof=1) / math.sqrt(len(values))
    off = (values.mean() - theory) / error
    print(f"{name}: {values.mean():.6g} +- {error:.2g}, theory {theory:.6g}, {off:+.2f} standard errors")
    assert abs(off) <= STANDARD_ERRORS, (
        f"{name}: {values.mean():.6g} +- {error:.3g}, theory {theory:.6g} ({off:+.1f} se)"
    )


def priority_desk(
    arrive_s: np.ndarray, service_s: np.ndarray, key: np.ndarray, patience_s: np.ndarray, servers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return when each job's service begins (inf: gave up), and when it ends or gives up. All arrays: (jobs,).

    Non-preemptive; the lowest key is served first, and among equals the one who came first.
    """
    env = simpy.Environment()
    desk = simpy.PriorityResource(env, capacity=servers)
    begun, ended = np.full(len(arrive_s), np.inf), np.zeros(len(arrive_s))

    def job(n: int) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(arrive_s[n])
        with desk.request(priority=key[n]) as turn:
            yield turn | env.timeout(patience_s[n])
            if turn.triggered:
                begun[n] = env.now
                yield env.timeout(service_s[n])
        ended[n] = env.now

    for n in range(len(arrive_s)):
        env.process(job(n))
    env.run()
    return begun, ended


def publishing(
    segments: int,
    segment_s: float,
    headroom: float,
    ingest_s: float,
    packaging_s: float,
    workers: int,
    service_s: Callable[[int, int, float], float],
    rungs: int,
    outages_s: Sequence[tuple[float, float]] = (),
) -> np.ndarray:
    """Return when each segment is announced, (segments,) seconds.

    service_s: (segment, rung, time at which its service begins) -> seconds.  outages_s: rising (from, to) in which the
    uplink is down.
    """
    env = simpy.Environment()
    transcoders = simpy.Resource(env, capacity=workers)
    announced = np.zeros(segments)
    ready = [env.event() for _ in range(segments)]

    def uplink() -> Generator[simpy.Event, Any, None]:
        sent_s = 0.0
        for segment in range(segments):
            while (segment + 1) * segment_s - sent_s > 1e-9:
                now = env.now
                down = next((o for o in outages_s if o[0] <= now < o[1]), None)
                if down:
                    yield env.timeout(down[1] - now)
                    continue
                rest_s, behind_s = (segment + 1) * segment_s - sent_s, now - sent_s
                catching_up = behind_s > 1e-9 and headroom > 1.0
                rate = headroom if catching_up else 1.0
                steps = [rest_s / rate, *(o[0] - now for o in outages_s if o[0] > now)]
                if catching_up:
                    steps.append(behind_s / (headroom - 1.0))
                step = min(steps)
                yield env.timeout(step)
                sent_s += rate * step
            env.process(arrive(segment))

    def arrive(segment: int) -> Generator[simpy.Event, Any, None]:
        yield env.timeout(ingest_s)
        jobs = [env.process(rendition(segment, rung)) for rung in range(rungs)]
        yield simpy.AllOf(env, jobs if segment == 0 else [*jobs, ready[segment - 1]])
        ready[segment].succeed()
        yield env.timeout(packaging_s)
        announced[segment] = env.now

    def rendition(segment: int, rung: int) -> Generator[simpy.Event, Any, None]:
        with transcoders.request() as turn:
            yield turn
            yield env.timeout(service_s(segment, rung, env.now))

    env.process(uplink())
    env.run()
    return announced
