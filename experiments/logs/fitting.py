"""From a log to a fitted scenario: what is known, what is estimated, how well it fits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.logs.estimators import estimate
from experiments.logs.estimators.auxiliary import Auxiliary
from experiments.logs.files import read_log
from experiments.logs.goodness import Distance, distances
from experiments.logs.inference import Fit, Simulation, Slopes, infer
from experiments.logs.parameters import PARAMETERS
from experiments.logs.schema import SOURCES
from experiments.logs.sessions import Sessions, sessions_of
from experiments.progress import Display
from livesim.errors import LogError
from livesim.scenario import Scenario, load_scenario

FEWEST_ROOMS = 5
PER_SOURCE = {
    "follower": "audience.follower_entries_per_viewer", "search": "audience.search_share",
    "clip": "audience.share_rate_per_h",
}  # fmt: skip
UNEVEN = 2.0
"""Rooms of which the middle 80 % differ in length or size by more than this factor are not one kind of room."""


@dataclass(frozen=True)
class Known:
    """What is not estimated. overrides: scenario keys.  why: where each comes from.  warnings: what does not fit."""

    overrides: dict[str, Any]
    why: dict[str, str]
    warnings: list[str]


@dataclass(frozen=True)
class ReadLog:
    """A log that was read. extends, base: the scenario that it is held against.  notes: what was put right."""

    path: Path
    extends: str
    base: Scenario
    known: Known
    log: Sessions
    notes: dict[str, int]


@dataclass(frozen=True)
class CheckedLog(ReadLog):
    """A log with its plain estimates. seconds: for reading and estimating."""

    estimates: Auxiliary
    seconds: dict[str, float]


@dataclass(frozen=True)
class FittedLog(ReadLog):
    """A log with the scenario that was fitted to it. seconds: for reading, estimating and simulating."""

    fit: Fit
    distances: list[Distance]
    seconds: dict[str, float]


def check_log(path: Path, extends: str, overrides: Mapping[str, Any]) -> CheckedLog:
    """Read a log and estimate what can be, without any simulation; seconds for a million rows.

    The estimates are those that a fit reproduces, each biased against the number of the scenario that it stands for.
    extends: the base, by name or path.  overrides: what is known of the room beside it.
    Raises LogError where the log is bad or of too few rooms.
    """
    begun = time.perf_counter()
    reading = read_log(path)
    log = sessions_of(reading.rows)
    if len(log) < FEWEST_ROOMS:
        raise LogError(f"{path}: {len(log)} rooms; intervals are drawn over rooms, at least {FEWEST_ROOMS} are needed")
    if not len(log.visits.room):
        raise LogError(f"{path}: nobody enters: a log needs enter rows")
    read_s = time.perf_counter() - begun
    known = known_of(log, extends, overrides)
    base = load_scenario(extends, known.overrides)
    begun = time.perf_counter()
    estimates = estimate(log, base)
    for key, why in known.why.items():  # absent sources: 0 is what the log says
        if estimates.value.pop(key, None) is not None or key in estimates.missing:
            estimates.missing[key] = why
    seconds = {"read": read_s, "estimate": time.perf_counter() - begun}
    return CheckedLog(path, extends, base, known, log, {**reading.notes, **log.anomalies}, estimates, seconds)


def fit_log(
    path: Path,
    extends: str,
    overrides: Mapping[str, Any],
    simulation: Simulation,
    display: Display,
    slopes: Slopes | None = None,
) -> FittedLog:
    """Read a log and fit a scenario to it.

    extends: the base, by name or path.  overrides: what is known of the room beside it.  slopes: sensitivities at
    this base where they are known.
    Raises LogError where the log is bad or of too few rooms.
    """
    checked = check_log(path, extends, overrides)
    begun = time.perf_counter()
    total = simulation.rooms * 4 + (0 if slopes else 10 * simulation.slope_rooms)
    with display.stage("simulating", total=total) as advance:
        fit = infer(checked.estimates, checked.base, replace(simulation, progress=advance), slopes, display.say)
    seconds = {**checked.seconds, "simulate": time.perf_counter() - begun}
    compared = distances(checked.log, fit.simulated, fit.base)
    return FittedLog(
        path, extends, checked.base, checked.known, checked.log, checked.notes, fit, compared, seconds
    )  # fmt: skip


def known_of(log: Sessions, extends: str, overrides: Mapping[str, Any]) -> Known:
    """Return size and length of the rooms and the sources that never occur, where they are not given."""
    found, why, warnings = dict(overrides), {key: "given" for key in overrides}, []
    if "session.duration_s" not in found:
        step = load_scenario(extends, overrides).session.decision_s
        found["session.duration_s"] = float(max(np.ceil(np.median(log.length_s) / step - 1e-6), 60 / step) * step)
        why["session.duration_s"] = "measured: median length of the sessions, in whole decisions"
    if "audience.planned_viewers" not in found:
        late = _late_viewers(log)
        found["audience.planned_viewers"] = float(max(round(late.mean()), 5))
        why["audience.planned_viewers"] = "measured: mean viewers in the second half; rates are per planned viewer"
        if _uneven(late):
            warnings.append("rooms differ in size by more than chance: intervals show it, but a scenario is one room")
    if _uneven(log.length_s):
        warnings.append(
            f"sessions last {log.length_s.min():,.0f} to {log.length_s.max():,.0f} s, simulated ones "
            f"{found['session.duration_s']:,.0f} s: arrivals and censoring are compared at different ages"
        )
    for source, key in PER_SOURCE.items():
        if key not in found and not (log.visits.source == SOURCES.index(source)).any():
            found[key], why[key] = 0.0, f"no entry of source {source} in the log"
    if raiders := int((log.visits.source == SOURCES.index("raid")).sum()):
        warnings.append(f"{raiders:,} entries of raids count as viewers only: write them as incidents or a process")
    return Known(found, why, warnings)


def _late_viewers(log: Sessions) -> np.ndarray:
    """Return the mean viewers of each room in the second half of its session, (S,)."""
    visits, half = log.visits, 0.5 * log.length_s[log.visits.room]
    return log.per_room(visits.room, np.clip(visits.left_s - np.maximum(visits.entered_s, half), 0.0, None)) / (
        0.5 * log.length_s
    )


def _uneven(values: np.ndarray) -> bool:
    low, high = np.quantile(values, [0.1, 0.9])
    return bool(high > UNEVEN * max(low, 1e-9))


def not_estimated(fitted: FittedLog) -> dict[str, str]:
    """Return why each of the other parameters keeps the number of the base, in the order of PARAMETERS."""
    known = (*fitted.fit.keys, *fitted.known.why)
    return {p.key: fitted.fit.missing.get(p.key, "not in the log") for p in PARAMETERS if p.key not in known}
