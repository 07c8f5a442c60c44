"""The few numbers of a heuristic: declared with unit and bounds, tuned per scenario, overridable by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from livesim.errors import ConfigError, unknown_name_text
from livesim.scenario import split_preset

TUNED_PATH = Path(__file__).with_name("tuned.yaml")
P = TypeVar("P")


@dataclass(frozen=True)
class NoParameters:
    """For policies that have nothing to tune."""


@dataclass(frozen=True)
class Bounds:
    """What the tuner may try: a range (low, high), a tuple of choices, or subsets of 1..members.

    repeats: how many times a member of a subset may be named.
    """

    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()
    members: int = 0
    repeats: int = 1


def parameter(default: float, low: float, high: float, unit: str, meaning: str) -> Any:
    """Declare one number of a heuristic, inclusive bounds."""
    return field(default=default, metadata={"bounds": Bounds(low, high), "unit": unit, "meaning": meaning})


def choice(default: Any, choices: tuple[Any, ...], meaning: str) -> Any:
    """Declare one choice of a heuristic."""
    return field(default=default, metadata={"bounds": Bounds(choices=choices), "unit": "choice", "meaning": meaning})


def subset(members: int, meaning: str, repeats: int = 1) -> Any:
    """Declare some of the numbers 1..members, rising and at least one; the default is each of them once."""
    limit = Bounds(members=members, repeats=repeats)
    every = tuple(range(1, members + 1))
    return field(default=every, metadata={"bounds": limit, "unit": "places", "meaning": meaning})


def bounds(kind: type) -> dict[str, Bounds]:
    """Return name -> Bounds of a parameter dataclass."""
    return {entry.name: entry.metadata["bounds"] for entry in fields(kind)}


def build(kind: type[P], values: Mapping[str, Any], where: str) -> P:
    """Return parameters from a mapping; ConfigError for an unknown name or a value outside its bounds."""
    known = bounds(kind)
    for name, value in values.items():
        if name not in known:
            raise ConfigError(unknown_name_text("parameter", name, known, where))
        _check(known[name], name, value, where)
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _check(limit: Bounds, name: str, value: Any, where: str) -> None:
    if limit.choices:
        if value not in limit.choices:
            raise ConfigError(unknown_name_text(name, str(value), map(str, limit.choices), where))
        return
    if limit.members:
        if not _is_subset(value, limit):
            most = f", each at most {limit.repeats} times" if limit.repeats > 1 else ""
            wanted = f"rising whole numbers from 1 to {limit.members}{most}"
            raise ConfigError(f"{where}: {name} must be {wanted}, got {value!r}.")
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: {name} must be a number, got {value!r}.")
    if not limit.low <= value <= limit.high:
        raise ConfigError(f"{where}: {name} must lie in [{limit.low:g}, {limit.high:g}], got {value!r}.")


def _is_subset(value: Any, limit: Bounds) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    named = [place for place in range(1, limit.members + 1) for _ in range(min(value.count(place), limit.repeats))]
    return list(value) == named


def tuned(kind: type[P], policy: str, scenario_name: str) -> P:
    """Return a policy's tuned parameters for a scenario; the declared defaults where none are tuned.

    Those of "ecommerce+mature" are those of "ecommerce" until it has its own.
    """
    table, (kind_of_room, _) = read_tuned(TUNED_PATH), split_preset(scenario_name)
    values = next((table[name][policy] for name in (scenario_name, kind_of_room) if policy in table.get(name, {})), {})
    return build(kind, values, where=f"agents/tuned.yaml: {scenario_name}.{policy}")


def chosen(kind: type[P], policy: str, scenario_name: str, params: Mapping[str, Any] | None) -> P:
    """Return the parameters a policy was asked for, or its tuned ones where none were named."""
    if params is None:
        return tuned(kind, policy, scenario_name)
    return build(kind, params, where=policy)


@cache
def read_tuned(path: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return scenario -> policy -> parameter -> value; empty if the file is missing. Cached per process."""
    if not path.exists():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
