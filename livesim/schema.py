"""The base of every configuration section: frozen, strict, and every number with unit, bounds and source."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class Config(BaseModel):
    """A frozen section of a scenario or experiment; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def number(default: float | int, low: float, high: float, unit: str, meaning: str, source: str = "assumed") -> Any:
    """Declare one scenario number. `source` names where the default comes from, or says "assumed"."""
    return Field(default, ge=low, le=high, description=meaning, json_schema_extra={"unit": unit, "source": source})


def switch(default: Any, meaning: str, source: str = "assumed") -> Any:
    """Declare one scenario choice: a bool, a Literal, a list or a mapping."""
    return Field(default, description=meaning, json_schema_extra={"unit": "choice", "source": source})


@cache
def scalar_fields(model: type[Config]) -> dict[str, type | tuple[Any, ...]]:
    """Return name -> kind of the fields that kernels can read: bool, int, float, or the options of a Literal."""
    kinds: dict[str, type | tuple[Any, ...]] = {}
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if annotation in (bool, int, float):
            kinds[name] = annotation  # type: ignore[assignment]
        elif get_origin(annotation) is Literal:
            kinds[name] = get_args(annotation)
    return kinds


def bounds_of(field: FieldInfo) -> tuple[float, float]:
    """Return the inclusive bounds of a number; infinite where none are declared."""
    limits = {type(bound).__name__: bound for bound in field.metadata}
    low, high = limits.get("Ge"), limits.get("Le")
    return getattr(low, "ge", -math.inf), getattr(high, "le", math.inf)


def records(configs: Sequence[Config], model: type[Config] | None = None) -> np.recarray:
    """Return the scalar fields of one section for R rooms as an (R,) record array for kernels.

    model: what the configs are, where there may be none.

    A Literal becomes the index of its option. Kernels read `params[r].name`; every entry is float64, so that one
    compiled kernel serves every scenario.
    """
    kinds = scalar_fields(model or type(configs[0]))
    table = np.zeros(len(configs), dtype=[(name, np.float64) for name in kinds])
    for row, config in enumerate(configs):
        values = ((kind, getattr(config, name)) for name, kind in kinds.items())
        table[row] = tuple(kind.index(value) if isinstance(kind, tuple) else float(value) for kind, value in values)
    return table.view(np.recarray)


def describe(config: Config, prefix: str = "") -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield (key, value, unit, bounds, source, meaning) of every number and choice of a configuration, sections inside.

    Entries of a list are keyed by their index, as overrides are.
    """
    for name, field in type(config).model_fields.items():
        value, key = getattr(config, name), f"{prefix}{name}"
        if isinstance(value, Config):
            yield from describe(value, f"{key}.")
        elif isinstance(value, tuple) and value and all(isinstance(entry, Config) for entry in value):
            for index, entry in enumerate(value):
                yield from describe(entry, f"{key}.{index}.")
        elif isinstance(field.json_schema_extra, dict):
            extra = field.json_schema_extra
            low, high = bounds_of(field)
            bounds = f"{low:g} to {high:g}" if low > -math.inf and high < math.inf else ""
            yield key, str(value), str(extra["unit"]), bounds, str(extra["source"]), field.description or ""
