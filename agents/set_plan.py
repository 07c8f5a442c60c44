"""Which parts of an observation describe one item, ad format, interaction kind or edge, and what is known of each.

A network that reads sets sees (n, members, features) per set: fields of the observation, the member's entry of the
mask, the advice, and what the operator declares about it (`descriptions`: length, price rules, cooldown; no number
that says how viewers will react).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

if TYPE_CHECKING:
    from livesim.scenario import Scenario

SETS: dict[str, tuple[str, ...]] = {
    "items": (
        "item", "item_minutes_since_shown", "item_minutes_shown", "item_match", "item_ctr", "item_stock",
        "item_is_product", "item_price_log",
    ),
    "formats": ("ad_playing", "break_value_log"),
    "kinds": ("interaction_open", "cooldown_left_s", "minutes_since_use", "interactions_used"),
    "edges": ("edge_utilisation", "edge_up", "edge_capacity_mbps", "edge_share_mbps"),
}  # fmt: skip
"""Set -> its fields, one number per member each."""
HEAD_SETS = {"recommend": "items", "ads": "formats", "interact": "kinds"}
"""Heads whose choices 1, 2, ... are the members of a set, and which."""


@dataclass(frozen=True)
class SetPlan:
    """Places in an input. members: set -> (members, features) columns. context: columns that belong to no member.

    heads, sizes: what is chosen, in order.
    """

    members: dict[str, np.ndarray]
    context: np.ndarray
    heads: tuple[str, ...]
    sizes: tuple[int, ...]


def set_plan(
    fields: Mapping[str, tuple[int, int]], heads: Sequence[str], sizes: Sequence[int], history: int, has_advice: bool
) -> SetPlan:
    """Return where the members of each set lie in inputs of `history` frames and, where there is one, the advice."""
    size = max(stop for _, stop in fields.values())
    columns: dict[str, list[np.ndarray]] = {}
    for name, names in SETS.items():
        places = [np.arange(*fields[field]) for field in names if field in fields]
        places += [np.arange(*fields[f"mask_{head}"])[1:] for head, group in HEAD_SETS.items() if group == name]
        if places and len(places[0]):
            columns[name] = [place + frame * size for frame in range(history) for place in places]
    width = history * size
    if has_advice:
        for head, count in zip(heads, sizes, strict=True):
            if HEAD_SETS.get(head) in columns:
                columns[HEAD_SETS[head]].append(width + np.arange(1, count))
            width += count
    members = {name: np.stack(places, axis=1) for name, places in columns.items()}
    taken = np.concatenate([table.ravel() for table in members.values()])
    return SetPlan(members, np.setdiff1d(np.arange(width), taken), tuple(heads), tuple(sizes))


def shared_columns(fields: Mapping[str, tuple[int, int]]) -> list[slice]:
    """Return the fields whose members must be scaled alike, as slices of a flat observation."""
    return [slice(*fields[name]) for names in SETS.values() for name in names if name in fields]


def descriptions(scenario: Scenario) -> dict[str, np.ndarray]:
    """Return set -> (members, features) float32: what the operator declares about each member, of order one."""
    tables = {
        "items": [_item(entry) for entry in scenario.content.items],
        "formats": [
            [entry.creatives, entry.creative_s / 60.0, float(entry.overlay)] for entry in scenario.ads.formats
        ],
        "kinds": [_kind(entry) for entry in scenario.interactions.kinds],
        "edges": [[share] for share in scenario.network.edge_shares],
    }
    return {name: np.array(table, dtype=np.float32) for name, table in tables.items() if table}


def _item(entry: Any) -> list[float]:
    topics = np.array(entry.topics) / np.linalg.norm(entry.topics)
    return [*_one_hot(entry, "kind"), entry.length_s / 1800.0, *topics]


def _kind(entry: Any) -> list[float]:
    times = [entry.announce_s / 30.0, entry.open_s / 300.0, entry.cooldown_s / 600.0]
    costs = [entry.prize_per_100 / 4.0, entry.compute_credits / 4.0, entry.host_load]
    flags = [float(entry.battle), float(entry.sale), float(entry.votes), float(entry.teaches > 0)]
    return [*times, *costs, *flags, *_one_hot(entry, "needs"), *_one_hot(entry, "crowd")]


def _one_hot(entry: Any, name: str) -> list[float]:
    options = get_args(type(entry).model_fields[name].annotation)
    return [float(getattr(entry, name) == option) for option in options]
