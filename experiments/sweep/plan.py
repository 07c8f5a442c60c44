"""The cells of a sweep: every combination of the values of its axes, under a name that says which."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from experiments.config import Algorithm, ExperimentConfig, config_from
from experiments.config_names import check_names
from experiments.progress import Display
from experiments.result_folder import file_name
from experiments.sweep.config import SweepConfig
from experiments.yaml_source import Source
from livesim.errors import ConfigError

LONGEST_NAME = 100


@dataclass(frozen=True)
class Cell:
    """One combination.  axes: what it has on each axis, as text.  world: the axes that make its rooms."""

    name: str
    axes: Mapping[str, str]
    world: tuple[str, ...]
    config: ExperimentConfig


def cells_of(sweep: SweepConfig) -> list[Cell]:
    """Return the cells in order; raises ConfigError where one is no experiment, or two have one name.

    A name holds every axis of the file, so that a value added to one leaves the others' names as they are.
    """
    base = sweep.experiment()
    cells: dict[str, Cell] = {}
    for scenario in sweep.scenarios or (base.scenario,):
        for overrides in _points(sweep.overrides):
            for entry in base.algorithms:
                for hyperparameters in _points(sweep.hyperparameters):
                    cell = _cell(sweep, base, scenario, overrides, entry, hyperparameters)
                    if cell.name in cells:
                        raise ConfigError(f"sweep {sweep.name}: two cells would be named {cell.name}")
                    cells[cell.name] = cell
    return list(cells.values())


def check_cells(cells: list[Cell], display: Display, where: str) -> None:
    """Check all that the cells refer to, as for a single experiment; raises the LivesimError of the first mistake."""
    with display.stage(f"checking {len(cells)} cells", len(cells)) as advance:
        for cell in cells:
            check_names(cell.config, f"{where}: cell {cell.name}")
            advance(1)


def _cell(
    sweep: SweepConfig,
    base: ExperimentConfig,
    scenario: str,
    overrides: Mapping[str, Any],
    entry: Algorithm,
    hyperparameters: Mapping[str, Any],
) -> Cell:
    world = {"scenario": Path(scenario).stem if scenario.endswith((".yaml", ".yml")) else scenario}
    world |= {key: _text(value) for key, value in overrides.items()}
    axes = world | {"algorithm": entry.name} | {key: _text(value) for key, value in hyperparameters.items()}
    name = _name(axes)
    learner = entry.model_dump(mode="json") | {"hyperparameters": {**entry.hyperparameters, **hyperparameters}}
    data = base.as_data() | {
        "name": sweep.name,
        "description": f"Cell of the sweep {sweep.name}: {', '.join(f'{key} {text}' for key, text in axes.items())}.",
        "scenario": scenario,
        "overrides": {**base.overrides, **overrides},
        "algorithms": [learner],
    }
    return Cell(name, axes, tuple(world.values()), config_from(Source(f"sweep {sweep.name}: cell {name}", data)))


def _points(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Yield every combination of the values of some axes; one empty combination where there is no axis."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _name(axes: Mapping[str, str]) -> str:
    short = {key: key.rpartition(".")[2] for key in axes}
    parts = [text if key in ("scenario", "algorithm") else f"{short[key]}-{text}" for key, text in axes.items()]
    name = file_name("__".join(parts))
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(repr(sorted(axes.items())).encode()).hexdigest()[:8]}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "-".join(_text(part) for part in value)
    return json.dumps(value)
