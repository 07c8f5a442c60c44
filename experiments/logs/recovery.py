"""Does a fit find the numbers that a log was made with? Logs of changed scenarios, fitted from the unchanged one.

Every repetition draws its own truth (each number moved up or down from the base), writes the log of its own seeds
as a file, reads it and fits it as `livesim fit` does, with simulations of seeds of its own. The sensitivities belong
to the base and are measured once. A finished repetition is a line of the file of results, so that an interrupted
check goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.table import Table
from scipy.stats import binom

from agents.files import write_text
from experiments.logs.estimators import estimate
from experiments.logs.files import write_log
from experiments.logs.fitting import fit_log
from experiments.logs.inference import Simulation, Slopes, measure_slopes, with_numbers
from experiments.logs.parameters import PARAMETERS, Parameter
from experiments.logs.record import record
from experiments.progress import Display, Silent
from livesim.errors import LogError
from livesim.scenario import Scenario, load_scenario

CHANGE = {"log": 0.35, "logit": 0.5, "same": 0.3, "inverse": 0.08, "square": 0.01}
CHANGE_OF = {"audience.notification_share": 0.06, "ads.complete_length": 0.01}
"""How far the truth of a repetition lies from the base at most, on the scale of the parameter; at least half of it."""
FIRST_LOG_SEED = 2**31
TARGET = 0.90


@dataclass(frozen=True)
class Check:
    """What is repeated. overrides: known of the room, neither moved nor fitted.  rooms: of each log.

    simulated: rooms per step of a fit.  slope_rooms: per sensitivity.
    """

    scenario: str
    overrides: Mapping[str, Any]
    rooms: int
    simulated: int
    slope_rooms: int

    @property
    def base(self) -> Scenario:
        """The scenario that fits start from."""
        return load_scenario(self.scenario, self.overrides)


def run_check(check: Check, repetitions: int, file: Path, display: Display) -> list[dict[str, Any]]:
    """Return the results of all repetitions; those in the file are taken from it, others are added one by one."""
    head = json.loads(json.dumps(asdict(check)))
    lines = _read(file, head)
    base = check.base
    simulation = Simulation(rooms=check.simulated, slope_rooms=check.slope_rooms)
    with display.stage("repetitions", total=repetitions, done=max(len(lines) - 2, 0)) as advance:
        if len(lines) < 2:
            lines = [head, _slopes(base, simulation)]
            _write(file, lines)
        slopes = Slopes(tuple(lines[1]["keys"]), np.array(lines[1]["matrix"]), lines[1]["dropped"])
        for number in range(len(lines) - 2, repetitions):
            lines.append(_repeat(check, base, number, replace(simulation, offset=number + 1), slopes))
            _write(file, lines)
            advance(1)
    return lines[2 : 2 + repetitions]


def changed(base: Scenario, number: int) -> dict[str, float]:
    """Return the truth of one repetition: every parameter moved by half to all of its `CHANGE`, up or down."""
    generator = np.random.default_rng([20261125, number])
    moved = {}
    for p in PARAMETERS:
        size = CHANGE_OF.get(p.key, CHANGE[p.scale]) * generator.uniform(0.5, 1.0)
        here = p.to_scale(p.of(base))
        there = [p.from_scale(here + sign * size) for sign in generator.permutation([-1.0, 1.0])]
        moved[p.key] = next((x for x in there if _is_inside(p, x)), there[0])
    return moved


def _is_inside(p: Parameter, x: float) -> bool:
    return p.bounds[0] < x < p.bounds[1]


def _slopes(base: Scenario, simulation: Simulation) -> dict[str, Any]:
    wide = replace(simulation, rooms=max(simulation.rooms, simulation.slope_rooms))
    at_base = wide.play(base, wide.rooms)
    keys = [p.key for p in PARAMETERS if p.key in estimate(at_base, base).value]
    found = measure_slopes(base, at_base, keys, wide)
    return {"keys": found.keys, "matrix": found.matrix.tolist(), "dropped": found.dropped}


def _repeat(check: Check, base: Scenario, number: int, simulation: Simulation, slopes: Slopes) -> dict[str, Any]:
    truth = {key: value for key, value in changed(base, number).items() if key not in check.overrides}
    first = FIRST_LOG_SEED + number * check.rooms
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        write_log(record(with_numbers(base, truth), range(first, first + check.rooms)), path)
        fitted = fit_log(path, check.scenario, {**check.overrides, **_known(base)}, simulation, Silent(), slopes)
    fit = fitted.fit
    found = {key: [fit.value(key), *fit.interval(key)] for key in fit.keys}
    return {"truth": truth, "found": {**found, **fit.refused}, "steps": fit.steps}


def _known(base: Scenario) -> dict[str, Any]:
    """Return what a fit is told of the room: the planned audience, in whose units rates are."""
    return {"audience.planned_viewers": base.audience.planned_viewers}


def coverage_table(check: Check, results: list[dict[str, Any]]) -> tuple[Table, bool, str]:
    """Return one row per parameter, whether all intervals together reach the target, and the line that says so."""
    title = f"{check.scenario}: {len(results)} repetitions, {check.rooms} rooms a log"
    table = Table(title=title, title_justify="left")
    for name in ("parameter", "base", "estimated", "truth inside", "base inside", "half width", "mean error"):
        table.add_column(name, justify="left" if name == "parameter" else "right")
    base = check.base
    inside = total = 0
    worst = ("", 1.0)
    for p in PARAMETERS:
        rows = [(r["truth"][p.key], *r["found"][p.key]) for r in results if p.key in r["found"]]
        if not rows:
            table.add_row(p.key, f"{p.of(base):.4g}", "0", "-", "-", "-", "-")
            continue
        hits = sum(low <= truth <= high for truth, _, low, high in rows)
        at_base = sum(low <= p.of(base) <= high for _, _, low, high in rows)
        on_scale = np.array([[p.to_scale(x) for x in row] for row in rows])
        half = np.abs(on_scale[:, 3] - on_scale[:, 2]) / 2.0
        error = (on_scale[:, 1] - on_scale[:, 0]) / np.maximum(half / 1.96, 1e-9)
        inside, total = inside + hits, total + len(rows)
        worst = min(worst, (p.key, hits / len(rows)), key=lambda pair: pair[1])
        table.add_row(
            p.key, f"{p.of(base):.4g}", f"{len(rows)}", f"{hits} ({hits / len(rows):.0%})",
            f"{at_base / len(rows):.0%}", f"{np.median(half):.3f} {p.scale}", f"{np.median(error):+.2f} se",
        )  # fmt: skip
    share = inside / max(total, 1)
    chance = int(binom.ppf(0.05, len(results), 0.95))
    text = (
        f"{inside:,} of {total:,} intervals hold the truth ({share:.1%}); lowest: {worst[0]} {worst[1]:.0%}. An exact "
        f"95 % interval would hold it in fewer than {chance} of {len(results)} repetitions once in twenty parameters."
    )
    return table, share >= TARGET, text


def _read(file: Path, head: dict[str, Any]) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except json.JSONDecodeError as error:
        raise LogError(f"{file}: not the results of a fit-check: {error}") from None
    if lines[:1] != [head]:
        raise LogError(f"{file}: holds the results of another fit-check ({lines[:1]}); choose another --out")
    return lines


def _write(file: Path, lines: list[dict[str, Any]]) -> None:
    write_text(file, "".join(json.dumps(line) + "\n" for line in lines))
