"""What a fit found, as a table and as data: numbers, intervals, how well they fit, what could not be estimated."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from experiments.logs.fitting import CheckedLog, FittedLog, ReadLog, not_estimated
from experiments.logs.inference import AGREED
from experiments.logs.parameters import BY_KEY, PARAMETERS
from livesim.audience.state import FEED

NOTE = (
    "distance: largest difference of two distribution functions, 0 the same, 1 disjoint (Kolmogorov and Smirnov; "
    "Kaplan and Meier where stays outlast the session). Rooms of one log share their luck, so no p-value is given; "
    "independent observations would differ by about 1.36 sqrt(2 / n) in one case of twenty."
)


def parameter_table(fitted: FittedLog) -> Table:
    """Return one row per fitted number."""
    table = _number_table(fitted, "numbers that reproduce its estimates", "fitted")
    for key in fitted.fit.keys:
        low, high = fitted.fit.interval(key)
        base = f"{BY_KEY[key].of(fitted.base):.4g}"
        table.add_row(key, f"{fitted.fit.value(key):.4g}", f"[{low:.4g}, {high:.4g}]", base, fitted.fit.counts[key])
    return table


def _number_table(read: ReadLog, title: str, what: str) -> Table:
    table = Table(title=f"{read.path.name}: {title}", title_justify="left")
    for name in ("parameter", what, "95 % interval", read.extends, "n"):
        table.add_column(name, justify="left" if name in ("parameter", "n") else "right")
    return table


def distance_table(fitted: FittedLog) -> Table:
    """Return one row per comparison of the log with simulated sessions."""
    table = Table(title="distance of the log to simulated sessions", title_justify="left")
    for name in ("of", "n in the log", "fitted", f"{fitted.extends}, same size and length"):
        table.add_column(name, justify="left" if name == "of" else "right")
    for each in fitted.distances:
        numbers = ("-" if np.isnan(d) else f"{d:.3f}" for d in (each.fitted, each.base))
        table.add_row(each.what, f"{each.count:,}", *numbers)
    return table


def summary(fitted: FittedLog) -> list[str]:
    """Return the lines around the tables: what was read, put right, known, left, and how long it took."""
    seconds, lines = fitted.seconds, _read_lines(fitted)
    lines += [f"Base kept: {key}: {why}" for key, why in not_estimated(fitted).items()]
    largest = float(np.abs(fitted.fit.left).max())
    lines.append(f"{fitted.fit.steps} steps; the last one moved no number by more than {largest:.2f} standard errors")
    if largest > AGREED:
        lines.append("Note: log and simulation do not agree yet; where events are few, more --rooms help")
    lines.append(
        f"reading {seconds['read']:.1f} s, estimates of the log {seconds['estimate']:.1f} s, "
        f"simulation {seconds['simulate']:.0f} s"
    )
    return lines


def _read_lines(read: ReadLog) -> list[str]:
    log = read.log
    return [
        f"{len(log)} rooms, {len(log.visits.room):,} entries ({(log.visits.source == FEED).mean():.0%} feed), "
        f"{len(log.events.room):,} events between them",
        *(f"{what}: {count:,}" for what, count in read.notes.items()),
        *(f"{key} = {value}: {read.known.why[key]}" for key, value in read.known.overrides.items()),
        *(f"Note: {warning}" for warning in read.known.warnings),
    ]


def estimate_table(checked: CheckedLog) -> Table:
    """Return one row per plain estimate of a log, not yet corrected by simulation."""
    table = _number_table(checked, "plain estimates", "estimate")
    found = checked.estimates
    for p in (p for p in PARAMETERS if p.key in found.value):
        value, half = found.value[p.key], 1.96 * float(np.linalg.norm(found.influence[p.key]))
        low, high = p.limits(value - half, value + half)
        base = f"{p.of(checked.base):.4g}"
        table.add_row(p.key, f"{p.from_scale(value):.4g}", f"[{low:.4g}, {high:.4g}]", base, found.count[p.key])
    return table


def check_summary(checked: CheckedLog) -> list[str]:
    """Return the lines around the table of a check: what was read, put right and known, what cannot be estimated."""
    seconds, missing = checked.seconds, checked.estimates.missing
    return [
        *_read_lines(checked),
        *(f"Not estimated: {p.key}: {missing[p.key]}" for p in PARAMETERS if p.key in missing),
        f"reading {seconds['read']:.1f} s, estimates {seconds['estimate']:.1f} s",
        "Moods, stalls, ads and the platform bias these estimates; livesim fit corrects them by simulation",
    ]


def as_data(fitted: FittedLog) -> dict[str, Any]:
    """Return everything as plain data for JSON."""
    fit = fitted.fit
    return {
        "log": str(fitted.path),
        "extends": fitted.extends,
        "rooms": len(fitted.log),
        "entries": len(fitted.log.visits.room),
        "events": len(fitted.log.events.room),
        "put_right": fitted.notes,
        "known": {key: {"value": value, "why": fitted.known.why[key]} for key, value in fitted.known.overrides.items()},
        "warnings": fitted.known.warnings,
        "parameters": {
            key: {
                "value": fit.value(key), "low": fit.interval(key)[0], "high": fit.interval(key)[1],
                "base": BY_KEY[key].of(fitted.base), "n": fit.counts[key],
                "last_step_in_standard_errors": float(fit.left[fit.keys.index(key)]),
            }
            for key in fit.keys
        },
        "not_estimated": not_estimated(fitted),
        "distances": {
            each.what: {"n": each.count, "fitted": _number(each.fitted), "base": _number(each.base)}
            for each in fitted.distances
        },
        "steps": fit.steps,
        "seconds": fitted.seconds,
    }  # fmt: skip


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
