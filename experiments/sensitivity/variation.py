"""Which numbers of a scenario are varied, and over what.

A number is varied if its source says "assumed" (or gives only the sign of an effect), to a low and a high end:

    a stated range               its ends
    0, a probability of 1        not varied: off, or always, says what a room has, not how much of it
    unit "rank"                  not varied: only the order counts
    unit "ratio"                 value^(1/1.5) and value^1.5: the distance from 1, on the log scale, by a factor of
                                 1.5, but the value itself by no more than that; 1 is neutral and stays
    a probability or share       odds / 1.5 and odds x 1.5 (bounds within 0 to 1)
    a logarithm of something     value -+ ln 1.5: what it is the logarithm of, by a factor of 1.5 ("log s"; "log" and
                                 "logit" that may have either sign)
    any other number             value / 1.5 and value x 1.5; the sign stays

Ends are clipped to the bounds; a whole number is rounded, and moves by 1 at least. A choice takes each other option.
The entries of a list move together, each by the rule, as one number (`content.items.*.quality`), except relative
weights, which mean nothing together and move one by one. Numbers that only say how large or how exact a simulation is
are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from livesim.errors import ConfigError, ScenarioError, nearest_text
from livesim.scenario import Scenario, load_scenario
from livesim.schema import Config, Note, entry_of, notes, section_of

FACTOR = 1.5
LOW, HIGH = "low", "high"
SIZES = ("session.*", "audience.planned_viewers", "network.synthetic_*")
"""How large and how long a room is, and how fine its synthetic lines: no assumption about the world."""
WEIGHTS = ("relative", "weight")
"""Units of numbers that count only in relation to those of the other entries."""


@dataclass(frozen=True)
class Variation:
    """One number at one other value. side: "low", "high", or the option of a choice.  overrides: dotted keys."""

    key: str
    side: str
    text: str
    overrides: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called in tables and files."""
        return f"{self.key}={self.text}"


@dataclass(frozen=True)
class Assumption:
    """One assumed number, or one field of all entries of a list. reason: why it has no variations."""

    key: str
    text: str
    variations: tuple[Variation, ...] = ()
    reason: str = ""


def ends(value: float, note: Note) -> tuple[float, float]:
    """Return the low and the high end of a number; an end equal to the value says that there is none."""
    low, high = sorted(_raw_ends(value, note))
    return _fitted(low, value, note), _fitted(high, value, note)


def _raw_ends(value: float, note: Note) -> tuple[float, float]:
    least, most = _bounds(note)
    if note.range is not None:
        return note.range
    if value == 0 or note.unit == "rank":
        return value, value
    if note.unit == "ratio":
        distance = max(value, 1.0 / value)
        nearer, further = (min(FACTOR, distance**power) for power in (1.0 - 1.0 / FACTOR, FACTOR - 1.0))
        return (value / nearer, value * further) if value > 1 else (value / further, value * nearer)
    if least >= 0 and most <= 1:
        return _at_odds(value, 1.0 / FACTOR), _at_odds(value, FACTOR)
    if note.unit.startswith("log10 "):
        return value - math.log10(FACTOR), value + math.log10(FACTOR)
    if note.unit.startswith("log ") or (note.unit in ("log", "logit") and least < 0 < most):
        return value - math.log(FACTOR), value + math.log(FACTOR)
    return value / FACTOR, value * FACTOR


def _at_odds(probability: float, factor: float) -> float:
    odds = factor * probability
    return odds / (odds + 1.0 - probability)


def _fitted(end: float, value: float, note: Note) -> float:
    least, most = _bounds(note)
    if note.kind is not int:
        return float(min(max(float(f"{end:.4g}"), least), most)) if end != value else value
    whole = round(end)
    if whole == value and end != value:
        whole += 1 if end > value else -1
    return int(min(max(whole, least), most))


def _bounds(note: Note) -> tuple[float, float]:
    assert note.low is not None, f"{note.name} has no lower bound"
    assert note.high is not None, f"{note.name} has no upper bound"
    return note.low, note.high


def assumptions(scenario: Scenario) -> list[Assumption]:
    """Return every assumed number and choice of a scenario, varied or not, in the order of the schema; no sizes."""
    return [
        _checked(found, scenario)
        for found in _assumptions(scenario, "")
        if not any(fnmatchcase(found.key, size) for size in SIZES)
    ]


def chosen(found: Sequence[Assumption], patterns: Sequence[str]) -> list[Assumption]:
    """Return those whose key fits one of the patterns (`gifts.*`), all without patterns.

    Raises ConfigError for a pattern that fits none, with the nearest key.
    """
    for pattern in patterns:
        if not any(fits(one.key, pattern) for one in found):
            keys = [one.key for one in found]
            raise ConfigError(
                f"--only {pattern}: fits none of the {len(keys)} assumed numbers; a pattern is a dotted key, * for "
                f"anything.{nearest_text(pattern, keys)}"
            )
    return [one for one in found if not patterns or any(fits(one.key, pattern) for pattern in patterns)]


def fits(key: str, pattern: str) -> bool:
    """Return whether a key is what a pattern says, or lies in the section it names."""
    return key == pattern or key.startswith(f"{pattern}.") or fnmatchcase(key, pattern)


def _assumptions(config: Config, prefix: str) -> Iterator[Assumption]:
    known = notes(type(config))
    for name, field in type(config).model_fields.items():
        key, value = f"{prefix}{name}", getattr(config, name)
        if section_of(field):
            yield from _assumptions(value, f"{key}.")
        elif (entry := entry_of(field)) and value:
            for note in notes(entry).values():
                yield from _of_entries(key, value, note)
        elif known[name].is_assumed and known[name].kind is not None:
            yield _of_field(key, value, known[name])


def _of_field(key: str, value: Any, note: Note) -> Assumption:
    if note.kind is bool or isinstance(note.kind, tuple):
        options = (not value,) if note.kind is bool else tuple(option for option in note.kind if option != value)
        made = [Variation(key, shown(option), shown(option), {key: option}) for option in options]
        return Assumption(key, shown(value), tuple(made))
    return _varied(key, [value], note, lambda new: {key: new[0]})


def _of_entries(key: str, entries: Sequence[Config], note: Note) -> Iterator[Assumption]:
    if not note.is_assumed or note.kind not in (int, float):  # a choice says what an entry is
        return

    def replaced(indices: Sequence[int], new: Sequence[float]) -> dict[str, Any]:
        dumped = [entry.model_dump(mode="json") for entry in entries]
        for index, value in zip(indices, new, strict=True):
            dumped[index][note.name] = value
        return {key: dumped}

    values = [getattr(entry, note.name) for entry in entries]
    if note.unit in WEIGHTS:
        for index, value in enumerate(values):
            yield _varied(f"{key}.{index}.{note.name}", [value], note, partial(replaced, [index]))
    else:
        yield _varied(f"{key}.*.{note.name}", values, note, partial(replaced, range(len(values))))


def _varied(
    key: str, values: Sequence[float], note: Note, overrides: Callable[[Sequence[float]], dict[str, Any]]
) -> Assumption:
    made = []
    for side, place in ((LOW, 0), (HIGH, 1)):
        new = [ends(value, note)[place] for value in values]
        if new != list(values):
            made.append(Variation(key, side, _list_text(new), overrides(new)))
    reason = "" if made else ("0" if not any(values) else "neutral, or at its bound")
    return Assumption(key, _list_text(values), tuple(made), reason)


def _checked(found: Assumption, scenario: Scenario) -> Assumption:
    """Return an assumption without the variations that do not make a valid scenario."""
    kept, reason = [], found.reason
    for variation in found.variations:
        try:
            load_scenario(scenario, variation.overrides)
            kept.append(variation)
        except ScenarioError as error:
            reason = f"{variation.text} does not fit: {error}"
    return Assumption(found.key, found.text, tuple(kept), reason)


def _list_text(values: Sequence[float]) -> str:
    texts = [shown(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "/".join(texts)


def shown(value: Any) -> str:
    """Return a value as short text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)
