"""Domain randomisation: every session is played in a world of its own, drawn from what a scenario allows.

`randomise:` names numbers of the scenario and what they may be. A draw belongs to the luck of the seed: it is a keyed
hash (BLAKE2b) of the name of the number, and the key comes from the room's stream "world". So two policies on one seed
meet the same world, and randomising one more number changes neither the others nor any other luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from livesim.errors import ScenarioError, unknown_name_text
from livesim.schema import Config, bounds_of, scalar_fields

if TYPE_CHECKING:
    from livesim.scenario import Scenario

Value = bool | int | float | str


class Draw(Config):
    """What one number may be: a range with a law, or a list of choices, each as likely as the others.

    uniform: equal widths are equally likely, log_uniform: equal ratios. A whole number may be either end of its range.
    """

    low: float | None = Field(None, description="lowest value of a range")
    high: float | None = Field(None, description="highest value of a range")
    law: Literal["uniform", "log_uniform"] = Field("uniform", description="law of a range")
    choices: tuple[Value, ...] = Field((), description="instead of a range: what it may be")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None or self.law != "uniform":
                raise ValueError("give either low and high, with a law, or choices, not both")
            if len(set(self.choices)) < max(len(self.choices), 2):
                raise ValueError(f"choices needs at least two different values, got {list(self.choices)}")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        if not self.low < self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        if self.law == "log_uniform" and self.low <= 0.0:
            raise ValueError(f"law log_uniform needs low above 0, got {self.low:g}")
        return self

    @property
    def ends(self) -> tuple[Value, ...]:
        """The values between which, or from which, it draws."""
        return self.choices or (self.low, self.high)  # type: ignore[return-value]

    def at(self, u: float, is_whole: bool) -> Value:
        """Return the value at share u, in [0, 1), of what it may be."""
        if self.choices:
            return self.choices[int(u * len(self.choices))]
        assert self.low is not None
        assert self.high is not None
        top = self.high + 1.0 if is_whole else self.high
        if self.law == "log_uniform":
            value = self.low * (top / self.low) ** u
        else:
            value = self.low + u * (top - self.low)
        value = min(value, self.high)
        return int(value) if is_whole else value


class Place(NamedTuple):
    """Where a dotted key leads: path from the scenario, fields by name and entries of lists by index."""

    path: tuple[str | int, ...]
    owner: Config
    field: str

    @property
    def name(self) -> str:
        """The key in its one spelling, entries of lists by index."""
        return ".".join(map(str, self.path))

    @property
    def kind(self) -> Any:
        """bool, int, float, the options of a choice, or None where it is none of these."""
        return scalar_fields(type(self.owner)).get(self.field)


def place_of(scenario: Scenario, key: str, where: str = "") -> Place:
    """Return where a key leads; an entry of a list goes by its index or its name. Raises ScenarioError."""
    at: Any = scenario
    path: list[str | int] = []
    owner: Config = scenario
    field = ""
    for part in key.split("."):
        if isinstance(at, Config):
            if part not in type(at).model_fields:
                raise ScenarioError(unknown_name_text("key", part, type(at).model_fields, where))
            owner, field = at, part
            path.append(part)
            at = getattr(at, part)
        elif isinstance(at, tuple) and at and isinstance(at[0], Config):
            names = [str(getattr(entry, "name", "")) for entry in at]
            if part not in names and not (part.isdigit() and int(part) < len(at)):
                known = [name for name in names if name] or [str(n) for n in range(len(at))]
                raise ScenarioError(unknown_name_text("entry", part, known, where))
            entry = int(part) if part.isdigit() else names.index(part)
            path.append(entry)
            at, field = at[entry], ""
        else:
            raise ScenarioError(f"{where}: '{'.'.join(map(str, path))}' holds no further keys, so '{part}' is none")
    return Place(tuple(path), owner, field)


def in_world(scenario: Scenario, values: Mapping[str, Value]) -> Scenario:
    """Return a scenario with some numbers replaced. They were checked when it was loaded: nothing is validated."""
    changed: Any = scenario
    for key, value in values.items():
        changed = _replaced(changed, place_of(scenario, key).path, value)
    return changed


def _replaced(at: Any, path: tuple[str | int, ...], value: Value) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        return (*at[:first], _replaced(at[first], rest, value), *at[first + 1 :])
    return at.model_copy(update={first: _replaced(getattr(at, first), rest, value)})


def draw_world(scenario: Scenario, rng: np.random.Generator) -> dict[str, Value]:
    """Return what the randomised numbers of a scenario are in one session, by the keys of `randomise`.

    rng: the room's own stream; one draw is taken whatever is randomised.
    """
    luck = int(rng.integers(2**63)).to_bytes(8, "little")
    return {key: _drawn(place_of(scenario, key), draw, luck) for key, draw in scenario.randomise.items()}


def _drawn(place: Place, draw: Draw, luck: bytes) -> Value:
    word = blake2b(place.name.encode(), key=luck, digest_size=8).digest()
    u = (int.from_bytes(word, "little") >> 11) * 2.0**-53
    return draw.at(u, type(place.owner).model_fields[place.field].annotation is int)


def as_number(draw: Draw, value: Value) -> float:
    """Return a drawn value as info and tables say it: a switch as 0 or 1, a word as its place among the choices."""
    return float(draw.choices.index(value)) if isinstance(value, str) else float(value)


def check_worlds(scenario: Scenario, where: str) -> None:
    """Raise ScenarioError for a number that cannot be randomised, or not like this.

    Each number is also tried at its ends, the others as they are, so that a scenario which fits only sometimes fails
    here and not in the middle of a training.
    """
    names: dict[str, str] = {}
    for key, draw in scenario.randomise.items():
        here = f"{where}: randomise.{key}"
        place = place_of(scenario, key, here)
        if place.name in names:
            raise ScenarioError(f"{here}: is the same number as '{names[place.name]}'")
        names[place.name] = key
        _check_kind(place, draw, here)
        for end in draw.ends:
            _try(scenario, key, int(end) if place.kind is int else end, here)


def _check_kind(place: Place, draw: Draw, here: str) -> None:
    kind = place.kind
    if place.path[0] == "session":
        raise ScenarioError(f"{here}: the clock of a session is the same in all rooms and cannot be randomised")
    if kind is None:
        raise ScenarioError(f"{here}: is no number, switch or choice, so it cannot be randomised")
    if kind in (int, float):
        low, high = bounds_of(type(place.owner).model_fields[place.field])
        for value in draw.ends:
            if isinstance(value, bool | str):
                raise ScenarioError(f"{here}: {value!r} is no number")
            if not low <= value <= high:
                raise ScenarioError(f"{here}: {value:g} is outside its bounds, {low:g} to {high:g}")
            if kind is int and value != int(value):
                raise ScenarioError(f"{here}: {value:g} is no whole number")
        return
    options = (False, True) if kind is bool else kind
    if not draw.choices:
        raise ScenarioError(f"{here}: is a choice, so it needs choices among {', '.join(map(str, options))}")
    for value in draw.choices:
        if value not in options or isinstance(value, bool) != (kind is bool):
            raise ScenarioError(unknown_name_text("choice", str(value), map(str, options), here))


def _try(scenario: Scenario, key: str, value: Value, here: str) -> None:
    """Check a whole scenario with one number at one of its ends: what rooms share, and what must fit together."""
    from livesim.state import structure  # it is built from scenarios, so not at the top

    tried = in_world(scenario, {key: value})
    shared = structure(scenario)
    for name, other in structure(tried).items():
        if other != shared[name]:
            raise ScenarioError(f"{here}: cannot be randomised, the rooms of a batch share it ({name})")
    try:
        type(scenario).model_validate(tried.model_dump(exclude={"randomise"}))
    except ValueError as error:
        raise ScenarioError(f"{here}: {value!r} does not fit the rest: {_reason(error)}") from None


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return str(error)


def require_one_world(scenario: Scenario, what: str) -> None:
    """Raise ScenarioError where a scenario is randomised: for what describes one world."""
    if scenario.randomise:
        raise ScenarioError(
            f"{scenario.name}: {what} one world, but randomise draws {', '.join(scenario.randomise)} anew for every "
            "session. Hold it fixed: --set 'randomise={}'"
        )
