"""The first request of an edge for a new rendition waits for the origin; late announcements hold up everybody."""

from __future__ import annotations

import numpy as np
import pytest
from lone_viewer import bank_of, crowded_room, live_tick, lone_room

from livesim.network.config import NetworkConfig
from livesim.network.state import ORIGIN_MISSES, WINDOW

LIVE = NetworkConfig(
    latency_target_s=6.0, ingest_s=0.8,
    ladder_kbps=(300.0,), wanted_rung=0, catch_up=0.0, request_jitter_s=0.0, origin_s=0.5,
)  # fmt: skip
LADDER = np.array([300.0])


def run(net, p, viewers: int, until_s: float) -> float:
    """Advance a room of lines of 600 kbit/s in ticks of .5 s; return origin misses."""
    alive, entered, misses = np.ones((1, viewers), bool), np.zeros((1, viewers)), 0.0
    for tick in range(round(until_s / 0.5)):
        live_tick(net, bank_of([600.0] * 60), p, LADDER, 0, viewers, alive, entered, 0.5 * tick, 0.5)
        misses += net.tally[0, ORIGIN_MISSES]
    return misses


def test_the_first_request_waits_and_later_ones_wait_for_its_end_by_hand() -> None:
    # segments -3, -2, -1 are old and there at 1.1, 2.2, 3.3 s; segment 0 is announced at 3.2 s. The first asks at
    # 3.3 s, so the edge has it at 3.8 s; the second learns of it at 3.4 s, the third at 4.2 s.
    net, p = lone_room(LIVE, 0.1, viewers=3)
    net.phase_s[0] = [0.0, 0.2, 1.0]
    assert run(net, p, 3, 4.5) == 1.0
    assert net.event_s[0].tolist() == pytest.approx([3.9, 3.9, 4.3])
    assert net.delay_s[0].tolist() == pytest.approx([0.6, 0.5, 0.1])


def test_every_edge_fetches_for_itself() -> None:
    net, p = lone_room(LIVE, 0.1, viewers=3, edges=3)
    net.edge[0] = [0, 1, 2]
    assert run(net, p, 3, 4.5) == 3.0
    assert net.event_s[0].tolist() == pytest.approx([3.9, 3.9, 3.9])


def test_on_demand_everything_is_in_the_cache() -> None:
    config = LIVE.model_copy(update={"live": False})
    net, p = lone_room(config, 0.1, viewers=3)
    assert run(net, p, 3, 20.0) == 0.0


def test_no_edge_fetches_a_rendition_twice() -> None:
    config = NetworkConfig()
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=300)
    misses = 0.0
    for tick in range(60):
        live_tick(net, bank, p, ladder, 0, 300, alive, entered, 5.0 * tick, 5.0)
        misses += net.tally[0, ORIGIN_MISSES]
    segments = net.published_upto[0]
    assert segments == 150
    assert segments * 3 <= misses + 9  # at least one rung of each segment at each edge, but for the newest few
    assert misses <= segments * 3 * len(ladder)


def test_announcements_are_kept_for_a_window_and_come_after_the_segment() -> None:
    net, p = lone_room(LIVE, 0.1)
    run(net, p, 1, 300.0)
    assert net.published_upto[0] == 150
    newest = np.arange(150 - WINDOW, 150)
    assert net.published_s[0, newest % WINDOW] == pytest.approx((newest + 1) * 2.0 + 1.2)


def test_nobody_gets_a_segment_before_it_was_announced() -> None:
    net, bank, p, ladder, alive, entered = crowded_room(NetworkConfig(latency_target_s=3.5, ingest_s=0.8), viewers=200)
    for tick in range(60):
        live_tick(net, bank, p, ladder, 0, 200, alive, entered, 5.0 * tick, 5.0)
        fetching = (net.left_kbit[0] >= 0.0) & np.isfinite(net.event_s[0])
        announced = (net.segment[0] + 1) * 2.0 + 1.2 + net.phase_s[0]
        assert np.all(net.event_s[0][fetching] >= (announced + net.rtt_s[0])[fetching] - 1e-5)
