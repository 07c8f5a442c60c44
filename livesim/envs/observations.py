"""Observations: spaces, flat order and documentation, all generated from one field table.

The table is `livesim.analytics.fields(scenario)`; this module adds no field and no number to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from livesim import analytics
from livesim.errors import unknown_name
from livesim.heads import choices
from livesim.scenario import Scenario

OBSERVATIONS = ("flat", "dict")


class ObservationLayout:
    """Where each analytics field sits in an observation, and what the choices of each head are called.

    fields: the table, in flat order. slices: field -> its place in a flat observation of `size` numbers.
    flat_space: Box (size,) float32. dict_space: one-level Dict of 1-D Boxes (a scalar field has shape (1,)).
    item_names (K,), format_names (F,), kind_names (J,); head_sizes: choices of each head, 0 included.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.fields = tuple(analytics.fields(scenario))
        self.slices: dict[str, slice] = {}
        self._places: list[tuple[str, int | slice]] = []
        start = 0
        for field in self.fields:
            stop = start + int(np.prod(field.shape, dtype=int))
            self.slices[field.name] = slice(start, stop)
            self._places.append((field.name, slice(start, stop) if field.shape else start))
            start = stop
        self.size = start
        self.item_names = tuple(item.name for item in scenario.content.items)
        self.format_names = tuple(form.name for form in scenario.ads.formats)
        self.kind_names = tuple(kind.name for kind in scenario.interactions.kinds)
        self.choice_names = choices(scenario)
        self.head_sizes = tuple(len(names) + 1 for names in self.choice_names.values())
        boxes: dict[str, spaces.Space[Any]] = {field.name: _box(field) for field in self.fields}
        self.dict_space = spaces.Dict(boxes)
        self.flat_space = spaces.Box(
            np.concatenate([_box(field).low for field in self.fields]),
            np.concatenate([_box(field).high for field in self.fields]),
            dtype=np.float32,
        )

    def space(self, observation: str) -> spaces.Box | spaces.Dict:
        """Return the space of one room's observation; `observation` is "flat" or "dict"."""
        if observation not in OBSERVATIONS:
            raise unknown_name("observation", str(observation), OBSERVATIONS, "observation")
        return self.flat_space if observation == "flat" else self.dict_space

    def flatten(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return (R, size) float32 from field -> (R, *shape); a scalar field may also be (R, 1)."""
        first = values[self.fields[0].name]
        flat = np.empty((len(first), self.size), dtype=np.float32)
        for name, place in self._places:
            value = values[name]
            flat[:, place] = value[:, 0] if isinstance(place, int) and value.ndim == 2 else value
        return flat

    def columns(self, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return field -> (R, n) from field -> (R, *shape), as `dict_space` has it: a scalar is (R, 1)."""
        return {name: value if value.ndim == 2 else value[:, None] for name, value in values.items()}

    def named(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Return a dict observation made of views of a flat one, (R, size)."""
        return {name: flat[:, place] for name, place in self.slices.items()}

    def split(self, observation: Any) -> dict[str, np.ndarray]:
        """Return field -> (n, *shape) of a batch of observations: flat (n, size) or a dict of columns.

        Fields are views of a flat observation, so this costs next to nothing.
        """
        if isinstance(observation, Mapping):
            return {
                name: value[:, 0] if isinstance(place, int) and value.ndim == 2 else value
                for name, place in self._places
                for value in (np.asarray(observation[name]),)
            }
        flat = np.asarray(observation)
        return {name: flat[:, place] for name, place in self._places}

    def table_markdown(self) -> str:
        """Return the field table as Markdown: the reference page of the observation.

        hidden: what a number about viewers reads where k-anonymity hides it; "-": it says nothing of them.
        """
        lines = ["| place | field | low | high | unit | hidden | meaning |", "|---|---|---|---|---|---|---|"]
        for field in self.fields:
            place = self.slices[field.name]
            where = f"{place.start}" if not field.shape else f"{place.start}..{place.stop - 1}"
            low, high = _bound_text(field.low), _bound_text(field.high)
            hidden = "-" if field.hidden is None else f"{field.hidden:g}"
            lines.append(f"| {where} | `{field.name}` | {low} | {high} | {field.unit} | {hidden} | {field.meaning} |")
        return "\n".join(lines) + "\n"


def _box(field: Any) -> spaces.Box:
    shape = field.shape or (1,)
    low = np.broadcast_to(np.asarray(field.low, dtype=np.float32), shape).copy()
    high = np.broadcast_to(np.asarray(field.high, dtype=np.float32), shape).copy()
    return spaces.Box(low, high, dtype=np.float32)


def _bound_text(bound: Any) -> str:
    values = np.unique(np.asarray(bound, dtype=float))
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
