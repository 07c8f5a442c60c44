"""The network section refuses what cannot be simulated, in words that say what is allowed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from livesim.network.config import NetworkConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ladder_kbps": (300, 300)}, r"ladder_kbps: must rise from above 0, got \[300\.0, 300\.0\]"),
        ({"ladder_kbps": (0, 300)}, r"ladder_kbps: must rise from above 0"),
        ({"ladder_kbps": ()}, r"ladder_kbps: must rise"),
        ({"wanted_rung": 6}, r"wanted_rung: rung 6 is not on the ladder\. Known: 0 to 5"),
        ({"first_rung": 9}, r"first_rung: rung 9 is not on the ladder\. Known: 0 to 5"),
        ({"edge_shares": (0.5, 0.0)}, r"edge_shares: every edge needs a share above 0, got \[0\.5, 0\.0\]"),
        ({"edge_shares": ()}, r"edge_shares: every edge needs a share above 0"),
        ({"access": ()}, r"access: 1 to 100 access types, got 0"),
        ({"access": ({"name": "a"}, {"name": "a"})}, r"access: every name once, got \['a', 'a'\]"),
        ({"access": ({"name": "a", "share": 0},)}, r"share\s+Input should be greater than or equal to 0"),
        ({"kappa": 0}, r"kappa\s+Input should be greater"),
        ({"buffer_cap_s": 3}, r"buffer_cap_s: 3 s holds less than two segments of 2 s"),
        ({"reservoir_share": 0.7}, r"cushion_share: 0\.6 is not above reservoir_share 0\.7"),
        ({"latency_target_s": 2}, r"latency_target_s: 2 s is before the newest segment exists\. .* = 2\.8 s"),
        ({"rule": "bola"}, r"rule\s+Input should be 'throughput', 'buffer', 'rate' or 'stallion'"),
        ({"failover_s": -1}, r"failover_s\s+Input should be greater than or equal to 0"),
        ({"abandon_segments": 0.5}, r"abandon_segments\s+Input should be greater than or equal to 1"),
        ({"kapa": 1.0}, r"kapa\s+Extra inputs are not permitted"),
    ],
)
def test_a_bad_network_section_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        NetworkConfig(**values)


def test_every_number_has_a_unit_and_a_source() -> None:
    for name, field in NetworkConfig.model_fields.items():
        assert field.description, name
        if field.annotation in (int, float) or name in ("edge_shares", "ladder_kbps"):
            assert set(field.json_schema_extra or {}) == {"unit", "source"}, name
