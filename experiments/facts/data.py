"""The facts as data: what was published, in which band a room must lie, and what measures it."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

FILE = Path(__file__).with_name("facts.yaml")


class Part(BaseModel):
    """One number of a fact: published value, accepted band, and the measure that computes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    published: str
    band: tuple[float | None, float | None]
    measure: str
    unit: str = ""
    needs: tuple[str, ...] = ()
    only_for: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the band; NaN, nothing measured, does not."""
        low, high = self.band
        return (low is None or value >= low) and (high is None or value <= high) and value == value

    @property
    def band_text(self) -> str:
        """The band in words."""
        low, high = self.band
        if high is None:
            return f"> {low:g}"
        return f"< {high:g}" if low is None else f"{low:g} to {high:g}"


class Fact(BaseModel):
    """One row of the gate. Either it has parts or it waits for something that is not built."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    name: str
    statistic: str
    tag: str
    source: str = ""
    always: bool = False
    needs: tuple[str, ...] = ()
    waits_for: str = ""
    parts: tuple[Part, ...] = ()

    @model_validator(mode="after")
    def _is_honest(self) -> Self:
        if bool(self.parts) == bool(self.waits_for):
            raise ValueError(f"fact {self.number}: needs either parts or what it waits for")
        if self.tag == "R" and (self.source or any(part.published for part in self.parts)):
            raise ValueError(f"fact {self.number}: known from memory only, so no source and no number may stand here")
        if self.tag != "R" and not self.source:
            raise ValueError(f"fact {self.number}: tag {self.tag} needs a source")
        return self


def load_facts() -> tuple[Fact, ...]:
    """Return all facts in order of their numbers."""
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(Fact.model_validate(entry) for entry in entries)
