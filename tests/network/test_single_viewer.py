"""One viewer on shared traces against the published Sabre simulator: start-up, stalls, bitrate, switches."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from lone_viewer import watch

from livesim.network.config import NetworkConfig

SHARED = Path(__file__).parents[2].parent / "shared"
REFERENCE = SHARED / "reference" / "single_viewer.json"
TRACES = SHARED / "data" / "bandwidth"
RTT_S = 0.08
# relative tolerance 1 %, and below these a difference does not count: seconds, kbit/s, kbit/s of switches
FLOOR = np.array([0.1, 0.5, 1.0, 300.0])

pytestmark = pytest.mark.skipif(
    not (REFERENCE.exists() and TRACES.exists()),
    reason="the shared reference results are not on this machine",
)


@cache
def reference() -> dict[str, dict[str, list[float]]]:
    return json.loads(REFERENCE.read_text())["shared"]


def measure(trace: str, buffer_s: float, rule: str) -> np.ndarray:
    """Return start-up s, stall s, mean bitrate and sum of switches of a film of 300 segments."""
    config = NetworkConfig(live=False, rule=rule, buffer_cap_s=buffer_s)
    kbps = np.loadtxt(TRACES / f"{trace}.csv", delimiter=",", skiprows=1)[:, 1]
    session = watch(config, kbps, RTT_S)
    bitrate = np.array(config.ladder_kbps)[session.rungs]
    return np.array([session.startup_s, session.stall_s, bitrate.mean(), np.abs(np.diff(bitrate)).sum()])


@pytest.mark.parametrize(("rule", "theirs"), [("rate", "rb"), ("buffer", "bba")])
def test_a_lone_viewer_matches_sabre_on_every_shared_trace(rule: str, theirs: str) -> None:
    wrong = {}
    for case, results in reference().items():
        trace, buffer = case.split("|buf")
        expected = np.array(results[theirs])[[0, 1, 4, 5]]
        got = measure(trace, float(buffer), rule)
        if np.any(np.abs(got - expected) > 0.01 * np.maximum(expected, FLOOR)):
            wrong[case] = (got.round(3).tolist(), expected.tolist())
    assert len(reference()) > 50
    assert not wrong, wrong


def test_the_throughput_rule_is_near_sabre_where_nothing_is_abandoned() -> None:
    # Sabre also abandons downloads and takes the latency out of its samples, so this is near, not equal.
    got = measure("fixed_fcc_7", 25.0, "throughput")
    expected = np.array(reference()["fixed_fcc_7|buf25"]["throughput"])[[0, 1, 4]]
    assert got[0] == pytest.approx(expected[0], rel=0.01)
    assert got[1] == pytest.approx(expected[1], abs=0.5)
    assert got[2] == pytest.approx(expected[2], rel=0.1)
