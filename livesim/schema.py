"""The base of every configuration section: frozen, strict, and every number with unit, bounds and source."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from livesim.errors import unknown_name_text
from livesim.table import Table

ASSUMED = "assumed"


class Config(BaseModel):
    """A frozen section of a scenario or experiment; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def number(
    default: float | int,
    low: float,
    high: float,
    unit: str,
    meaning: str,
    source: str = ASSUMED,
    range: tuple[float, float] | None = None,
) -> Any:
    """Declare one scenario number. `source` names where the default comes from, or says "assumed".

    low, high: what is allowed.  range: what is plausible, where somebody has said so: `livesim sensitivity` varies an
    assumed number over it.
    """
    extra: dict[str, Any] = {"unit": unit, "source": source}
    if range is not None:
        assert low <= range[0] < range[1] <= high, f"range {range} of '{meaning}' is not within {low} to {high}"
        extra["range"] = list(range)
    return Field(default, ge=low, le=high, description=meaning, json_schema_extra=extra)


def switch(default: Any, meaning: str, source: str = ASSUMED) -> Any:
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


def records(configs: Sequence[Config], model: type[Config] | None = None) -> Table:
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
    return table.view(Table)


@dataclass(frozen=True)
class Note:
    """What the schema says about one field that is not a section.

    kind: bool, int, float, the options of a Literal, or None for anything else.  low, high: bounds, None without.
    range: what is plausible, where stated.  unit and source are empty where the field is no number and no choice.
    """

    name: str
    kind: Any
    default: Any
    low: float | None
    high: float | None
    unit: str
    source: str
    meaning: str
    range: tuple[float, float] | None

    @property
    def bounds(self) -> str:
        """The bounds in words; empty without."""
        return "" if self.low is None or self.high is None else f"{self.low:g} to {self.high:g}"

    @property
    def is_assumed(self) -> bool:
        """Whether the number itself has no source: it is assumed, or only its sign was published."""
        return ASSUMED in self.source or self.source.startswith("sign:")


def notes(model: type[Config]) -> dict[str, Note]:
    """Return name -> note of the fields of one model, sections left out; a list of entries is one field."""
    kinds = scalar_fields(model)
    return {
        name: _note(name, field, kinds.get(name))
        for name, field in model.model_fields.items()
        if section_of(field) is None
    }


def section_of(field: FieldInfo) -> type[Config] | None:
    """Return the model of a field that is a section, None for other fields."""
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Config) else None


def entry_of(field: FieldInfo) -> type[Config] | None:
    """Return the model of the entries of a field that is a list of them, None for other fields."""
    inner = get_args(field.annotation)[0] if get_origin(field.annotation) is tuple else None
    return inner if isinstance(inner, type) and issubclass(inner, Config) else None


def _note(name: str, field: FieldInfo, kind: Any) -> Note:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    low, high = bounds_of(field)
    stated: Any = extra.get("range")
    return Note(
        name=name,
        kind=kind,
        default=None if field.is_required() else field.get_default(call_default_factory=True),
        low=low if low > -math.inf else None,
        high=high if high < math.inf else None,
        unit=str(extra.get("unit", "")),
        source=str(extra.get("source", "")),
        meaning=field.description or "",
        range=tuple(stated) if stated else None,
    )


def value_at(config: Config, key: str) -> Any:
    """Return what stands at a dotted key; entries of a list by index. Raises ValueError with the nearest match."""
    at: Any = config
    for part in key.split("."):
        known = list(type(at).model_fields) if isinstance(at, Config) else []
        if isinstance(at, tuple):
            known = [str(index) for index in range(len(at))]
        if part not in known:
            raise ValueError(unknown_name_text("key", part, known, key))
        at = at[int(part)] if isinstance(at, tuple) else getattr(at, part)
    return at


def describe(config: Config, prefix: str = "") -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield (key, value, unit, bounds, source, meaning) of every number and choice of a configuration, sections inside.

    Entries of a list are keyed by their index, as overrides are.
    """
    known = notes(type(config))
    for name in type(config).model_fields:
        value, key = getattr(config, name), f"{prefix}{name}"
        if isinstance(value, Config):
            yield from describe(value, f"{key}.")
        elif isinstance(value, tuple) and value and all(isinstance(entry, Config) for entry in value):
            for index, entry in enumerate(value):
                yield from describe(entry, f"{key}.{index}.")
        elif known[name].source:
            note = known[name]
            yield key, str(value), note.unit, note.bounds, note.source, note.meaning
