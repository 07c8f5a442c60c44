"""Quality of experience by hand, and the histogram it is summed up with."""

from __future__ import annotations

import numpy as np
import pytest
from lone_viewer import bank_of, live_tick, lone_room

from livesim import ledger as book
from livesim.network.config import NetworkConfig
from livesim.network.qoe import close_room, close_viewer, qoe_bin, tenth_percentile
from livesim.network.state import QOE_BINS, SWITCH_MBPS

LIVE = NetworkConfig(
    latency_target_s=6.0, ingest_s=0.8,
    ladder_kbps=(300.0,), wanted_rung=0, catch_up=0.0, request_jitter_s=0.0, origin_s=0.0,
)  # fmt: skip
VIEWERS = np.zeros(1, [("entered_s", "f8")]).view(np.recarray)
ALIVE = np.ones(1, np.uint8)


def play(config: NetworkConfig, kbps: list[float], until_s: int):
    """Return the state after ticks of 1 s of a lone viewer, and the sum of switches."""
    net, p = lone_room(config, 0.1)
    switch = 0.0
    for tick in range(until_s):
        live_tick(
            net, bank_of(kbps), p, np.array(config.ladder_kbps), 0, 1, np.ones((1, 1), bool), np.zeros((1, 1)),
            float(tick), 1.0,
        )  # fmt: skip
        switch += net.tally[0, SWITCH_MBPS]
    return net, switch


def closed(net, highest_kbps: float, end_s: float) -> np.ndarray:
    ledger = np.zeros(len(book.COLUMNS))
    close_room(net, 0, ALIVE, VIEWERS, 1, 2.0, highest_kbps, end_s, ledger)
    return ledger


def test_a_steady_viewer_has_the_bitrate_as_linear_experience() -> None:
    net, _ = play(LIVE, [600.0] * 60, 30)
    ledger = closed(net, 300.0, 30.0)
    assert ledger[book.QOE_S] == pytest.approx(30.0 - 1.1, abs=1e-5)
    assert ledger[book.QOE_SUM] / ledger[book.QOE_S] == pytest.approx(0.3, rel=1e-5)
    # live: latency 7.1 s at normal speed costs .1 * .3 * 7.1 Mbit per segment of 2 s
    assert ledger[book.QOE_LIVE_SUM] / ledger[book.QOE_S] == pytest.approx(0.3 - 0.1 * 0.3 * 7.1 / 2.0, rel=1e-4)
    assert ledger[book.QOE_P10] == pytest.approx(0.3, abs=2 * 0.3 / QOE_BINS)
    assert (ledger[book.SEEN_VIEWERS], ledger[book.STALLED_VIEWERS]) == (1.0, 0.0)


def test_a_stall_costs_the_highest_bitrate_by_hand() -> None:
    # 25 s with a stall of 7.2 s after a start-up of 1.1 s; segments of 2 s at .3 Mbit/s on a ladder up to .3
    net, _ = play(LIVE, [600.0] * 10 + [0.0] * 10 + [600.0] * 40, 25)
    ledger = closed(net, 300.0, 25.0)
    assert ledger[book.QOE_SUM] == pytest.approx(0.3 * (23.9 - 7.2) - 2.0 * 0.3 * 7.2, abs=1e-3)
    assert (ledger[book.SEEN_VIEWERS], ledger[book.STALLED_VIEWERS]) == (1.0, 1.0)


def test_a_new_decision_begins_with_a_clean_slate() -> None:
    net, _ = play(LIVE, [600.0] * 60, 30)
    closed(net, 300.0, 30.0)
    again = closed(net, 300.0, 30.0)
    assert again[[book.QOE_S, book.QOE_SUM, book.SEEN_VIEWERS, book.QOE_P10]].tolist() == [0.0] * 4


def test_each_change_of_bitrate_costs_a_segment_of_it() -> None:
    config = NetworkConfig(
        ladder_kbps=(300.0, 900.0), wanted_rung=0, catch_up=0.0, request_jitter_s=0.0, origin_s=0.0, rule="rate"
    )
    net, switch = play(config, [6000.0] * 60, 30)
    ledger = closed(net, 900.0, 30.0)
    assert switch == pytest.approx(0.6)  # once from the first, lowest rung
    low_s = 1.0 - 0.2  # the second segment is there within the first tick, whose end counts
    assert low_s > 0.0
    assert ledger[book.QOE_SUM] == pytest.approx(0.9 * (30.0 - 0.2) - 2.0 * 0.6, abs=1e-4)


def test_who_leaves_is_judged_and_who_saw_no_frame_is_not() -> None:
    net, _ = play(LIVE, [600.0] * 60, 30)
    ledger = np.zeros(len(book.COLUMNS))
    close_viewer(net, 0, 0, 0.0, 30.0, 2.0, 0.3, ledger)
    assert ledger[book.SEEN_VIEWERS] == 1.0
    assert net.qoe_viewers[0].sum() == 1
    net, _ = play(LIVE, [100.0] * 60, 5)  # the first frame would come at 6.1 s
    blank = closed(net, 300.0, 5.0)
    assert not blank.any()


def test_the_tenth_percentile_is_exact_to_a_bin() -> None:
    rng = np.random.default_rng(3)
    mbps = rng.normal(1.5, 1.0, 5000)
    counts = np.zeros(QOE_BINS, np.int32)
    for value in mbps:
        counts[qoe_bin(value, 6.0)] += 1
    assert tenth_percentile(counts, 6.0) == pytest.approx(np.percentile(mbps, 10), abs=12.0 / QOE_BINS)
    assert not counts.any()
    assert tenth_percentile(counts, 6.0) == 0.0
