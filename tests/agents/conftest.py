"""Hand-made observations: every field at a calm, neutral value, except what a test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from livesim.envs.observations import ObservationLayout
from livesim.scenario import Scenario, load_scenario

NEUTRAL = {
    "elapsed_min": 30.0,
    "remaining_min": 90.0,
    "viewers_log": np.log1p(200.0),
    "dwell_min": 2.0,
    "item_remaining_min": 5.0,
    "item_minutes_since_shown": 120.0,
    "item_stock": 1.0,
    "minutes_since_ad": 60.0,
    "ad_credit_min": 8.0,
    "market_price": 1.0,
    "minutes_since_use": 120.0,
    "prize_budget_share": 1.0,
    "mask_recommend": 1.0,
    "mask_ads": 1.0,
    "mask_interact": 1.0,
    "mask_operate": 1.0,
    "edge_up": 1.0,
    "edge_capacity_mbps": 200.0,
    "edge_share_mbps": 100.0,
    "uplink_up": 1.0,
    "publish_delay_s": 2.0,
    "bitrate_cap": 1.0,
    "capacity_rented": 1.0,
    "staff": 1.0,
    "staff_ordered": 1.0,
    "strictness": 1.0,
    "desk_load": 0.5,
}
Observe = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return load_scenario("tiny")


@pytest.fixture(scope="session")
def layout(scenario: Scenario) -> ObservationLayout:
    return ObservationLayout(scenario)


@pytest.fixture(scope="session")
def observe(layout: ObservationLayout) -> Observe:
    """Return observe(rows=1, **fields) -> flat (rows, size). A field: number, (rows,), (rows, n) or (n,)."""

    def build(rows: int = 1, **changes: Any) -> np.ndarray:
        values = {}
        for field in layout.fields:
            value = np.asarray(changes.pop(field.name, NEUTRAL.get(field.name, 0.0)), dtype=np.float32)
            if field.name == "item" and value.ndim == 0:
                value = np.eye(field.shape[0], dtype=np.float32)[int(value)]
            if field.shape and value.ndim == 1 and len(value) == rows and rows != field.shape[0]:
                value = value[:, None]
            values[field.name] = np.broadcast_to(value, (rows, *field.shape))
        assert not changes, f"no such fields: {sorted(changes)}"
        return layout.flatten(values)

    return build


@pytest.fixture(scope="session")
def kind(layout: ObservationLayout) -> Callable[[str], int]:
    """Return the interact action that starts a named kind."""
    return lambda name: layout.kind_names.index(name) + 1


@pytest.fixture(scope="session")
def form(layout: ObservationLayout) -> Callable[[str], int]:
    """Return the ads action that opens a named format."""
    return lambda name: layout.format_names.index(name) + 1
