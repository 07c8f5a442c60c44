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
EXACT_S = 0.05  # start-up and stall seconds may differ by this much whatever their size

pytestmark = pytest.mark.skipif(
    not (REFERENCE.exists() and TRACES.exists()),
    reason="the shared reference results are not on this machine",
)


@cache
def reference() -> dict[str, dict[str, list[float]]]:
    return json.loads(REFERENCE.read_text())["shared"]


def measure(trace: str, buffer_s: float, rule: str) -> tuple[np.ndarray, int]:
    """Return start-up s, stall s, mean bitrate and sum of switches of a film of 300 segments, and stall events."""
    config = NetworkConfig(live=False, rule=rule, buffer_cap_s=buffer_s)
    kbps = np.loadtxt(TRACES / f"{trace}.csv", delimiter=",", skiprows=1)[:, 1]
    session = watch(config, kbps, RTT_S)
    bitrate = np.array(config.ladder_kbps)[session.rungs]
    numbers = [session.startup_s, session.stall_s, bitrate.mean(), np.abs(np.diff(bitrate)).sum()]
    return np.array(numbers), session.stall_events


@pytest.mark.parametrize(
    ("rule", "theirs", "tolerance"), [("rate", "rb", 0.01), ("buffer", "bba", 0.01), ("throughput", "throughput", 0.03)]
)
def test_a_lone_viewer_matches_sabre_on_every_shared_trace(rule: str, theirs: str, tolerance: float) -> None:
    wrong = {}
    for case, results in reference().items():
        trace, buffer = case.split("|buf")
        expected, events = np.array(results[theirs])[[0, 1, 4, 5]], results[theirs][3]
        got, stalls = measure(trace, float(buffer), rule)
        allowed = np.maximum(tolerance * expected, [EXACT_S, EXACT_S, 0.0, 0.0])
        if np.any(np.abs(got - expected) > allowed) or abs(stalls - events) > 1:
            wrong[case] = (got.round(3).tolist(), stalls, expected.tolist(), events)
    assert len(reference()) == 84
    assert not wrong, wrong
