"""The incidents of one session, drawn before it begins: how many draws there are never depends on an action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livesim.incidents.config import BRINGS_VIEWERS, IncidentConfig

if TYPE_CHECKING:
    from livesim.scenario import Scenario


@dataclass(frozen=True)
class Incident:
    """One incident of one session. edge -1: all, or none that matters. arrivals: viewers per tick from its start."""

    kind: str
    start_s: float
    end_s: float
    edge: int = -1
    size: float = 1.0
    arrivals: tuple[int, ...] = ()


def plan(scenario: Scenario, rng: np.random.Generator) -> tuple[Incident, ...]:
    """Return the incidents of one session in the order of their starts, from the room's own stream."""
    found: list[Incident] = []
    for config in scenario.incidents:
        own = np.random.Generator(np.random.PCG64(rng.integers(2**63)))  # a line more leaves the others as they were
        for start_s, length_s in _times(config, scenario.session.duration_s, own):
            found.append(_incident(config, scenario, start_s, length_s, own))
    return tuple(sorted(found, key=lambda incident: incident.start_s))


def _times(config: IncidentConfig, duration_s: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return (start, length): once, or alternating exponential times up and down."""
    if config.at_s is not None:
        return [(config.at_s + config.spread_s * rng.random(), config.length_s)]
    times: list[tuple[float, float]] = []
    now = 0.0
    while True:
        now += rng.exponential(3600.0 / config.per_hour)
        if now >= duration_s:
            return times
        length_s = rng.exponential(config.length_s)
        times.append((now, length_s))
        if config.kind not in BRINGS_VIEWERS:
            now += length_s


def _incident(
    config: IncidentConfig, scenario: Scenario, start_s: float, length_s: float, rng: np.random.Generator
) -> Incident:
    if config.kind in BRINGS_VIEWERS:
        mean = config.viewers * scenario.audience.planned_viewers
        if (sd := config.viewers_log_sd) > 0.0:
            mean *= float(np.exp(sd * rng.standard_normal() - 0.5 * sd**2))
        count = rng.poisson(mean)
        delays_s = rng.exponential(config.length_s, count)
        ticks = np.bincount((delays_s / scenario.session.tick_s).astype(np.int64)) if count else np.zeros(0, np.int64)
        return Incident(config.kind, start_s, start_s, arrivals=tuple(ticks.tolist()))
    edges = len(scenario.network.edge_shares)
    edge = -1 if config.edge is None else config.edge
    if config.kind == "edge_outage" and config.edge is None:
        edge = int(rng.integers(edges))
    return Incident(config.kind, start_s, start_s + length_s, edge=edge, size=config.size)
