"""The incidents of one session, drawn before it begins: how many draws there are never depends on an action."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from livesim.incidents.config import BRINGS_VIEWERS, IncidentConfig

if TYPE_CHECKING:
    from livesim.scenario import Scenario


@dataclass(frozen=True)
class Incident:
    """One incident of one session. edge -1: all, or none that matters. arrivals: viewers per tick from its start.

    line: which line of `incidents` it comes from.
    """

    line: int
    kind: str
    start_s: float
    end_s: float
    edge: int = -1
    size: float = 1.0
    arrivals: tuple[int, ...] = ()


def plan(scenario: Scenario, rng: np.random.Generator) -> tuple[Incident, ...]:
    """Return the incidents of one session in the order of their starts, from the room's own stream."""
    return replan(scenario, (), rng, 0.0)


def replan(
    scenario: Scenario, before: tuple[Incident, ...], rng: np.random.Generator, now_s: float
) -> tuple[Incident, ...]:
    """Return a plan that shares with the one `before` what began by now_s; what comes is drawn anew, given that.

    The end of a random incident that is on is drawn anew too (exponential lengths have no memory); viewers whom one
    has sent on their way still come.
    """
    found: list[Incident] = []
    for line, config in enumerate(scenario.incidents):
        own = np.random.Generator(np.random.PCG64(rng.integers(2**63)))  # a line more leaves the others as they were
        begun = [incident for incident in before if incident.line == line and incident.start_s <= now_s]
        free_s = now_s
        if begun and begun[-1].end_s > now_s and config.at_s is None:
            free_s = now_s + own.exponential(config.length_s)
            begun[-1] = replace(begun[-1], end_s=free_s)
        found += begun
        if config.at_s is not None and begun:
            continue
        for start_s, length_s in _times(config, scenario.session.duration_s, own, free_s):
            found.append(_incident(line, config, scenario, start_s, length_s, own))
    return tuple(sorted(found, key=lambda incident: incident.start_s))


def _times(
    config: IncidentConfig, duration_s: float, rng: np.random.Generator, now: float
) -> list[tuple[float, float]]:
    """Return (start, length) of what begins after `now`: once, or alternating exponential times up and down."""
    if config.at_s is not None:
        gone = min(max((now - config.at_s) / config.spread_s, 0.0), 1.0) if config.spread_s else 0.0
        return [(config.at_s + config.spread_s * (gone + (1.0 - gone) * rng.random()), config.length_s)]
    times: list[tuple[float, float]] = []
    while True:
        now += rng.exponential(3600.0 / config.per_hour)
        if now >= duration_s:
            return times
        length_s = rng.exponential(config.length_s)
        times.append((now, length_s))
        if config.kind not in BRINGS_VIEWERS:
            now += length_s


def _incident(
    line: int,
    config: IncidentConfig,
    scenario: Scenario,
    start_s: float,
    length_s: float,
    rng: np.random.Generator,
) -> Incident:
    if config.kind in BRINGS_VIEWERS:
        mean = config.viewers * scenario.audience.planned_viewers
        if (sd := config.viewers_log_sd) > 0.0:
            mean *= float(np.exp(sd * rng.standard_normal() - 0.5 * sd**2))
        count = rng.poisson(mean)
        delays_s = rng.exponential(config.length_s, count)
        ticks = np.bincount((delays_s / scenario.session.tick_s).astype(np.int64)) if count else np.zeros(0, np.int64)
        return Incident(line, config.kind, start_s, start_s, arrivals=tuple(ticks.tolist()))
    edges = len(scenario.network.edge_shares)
    edge = -1 if config.edge is None else config.edge
    if config.kind == "edge_outage" and config.edge is None:
        edge = int(rng.integers(edges))
    return Incident(line, config.kind, start_s, start_s + length_s, edge=edge, size=config.size)
