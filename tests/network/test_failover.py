"""An edge that goes down takes the downloads under way with it; its viewers go to the next one and come home."""

from __future__ import annotations

import numpy as np
import pytest
from lone_viewer import bank_of, crowded_room, live_tick, lone_room

from livesim.network.config import NetworkConfig
from livesim.network.state import DOWNLOAD_S, DOWNLOADS

# by hand: segments of 2 s and 600 kbit, announced 1.2 s after their end, normal speed; segment 3 is asked for at
# 9.2 s, begins at 9.3 s and arrives at 10.3 s over a line of 600 kbit/s
LIVE = NetworkConfig(
    latency_target_s=6.0, ingest_s=0.8,
    ladder_kbps=(300.0,), wanted_rung=0, catch_up=0.0, request_jitter_s=0.0, origin_s=0.0, failover_s=1.5,
)  # fmt: skip
ALIVE, ENTERED, LADDER = np.ones((1, 1), bool), np.zeros((1, 1)), np.array([300.0])


def step(net, p, start_s: float, tick_s: float) -> None:
    live_tick(net, bank_of([600.0] * 60), p, LADDER, 0, 1, ALIVE, ENTERED, start_s, tick_s)


def test_a_download_on_a_dead_edge_is_asked_for_again_at_the_next_edge_by_hand() -> None:
    net, p = lone_room(LIVE, 0.1, edges=2)
    step(net, p, 0.0, 10.0)
    assert net.left_kbit[0, 0] == pytest.approx(180.0, abs=0.01)
    net.up[0, 0] = False
    step(net, p, 10.0, 1.0)
    assert net.event_s[0, 0] == pytest.approx(11.6)
    step(net, p, 11.0, 3.0)
    # lost after .8 s; asked again at 11.5 s and there at 12.6 s; segment 4 waited at the origin, there at 13.7 s
    assert net.segment[0, 0] == 5
    assert net.dry_s[0, 0] == pytest.approx(17.1, abs=1e-4)
    assert net.sent_kbit[0].tolist() == pytest.approx([0.0, 1200.0 + 0.2 * 600.0], abs=0.1)
    assert net.tally[0, DOWNLOADS] == 2.0
    assert net.tally[0, DOWNLOAD_S] == pytest.approx(2.2, abs=1e-4)


def test_a_lost_download_counts_the_seconds_until_it_was_lost() -> None:
    net, p = lone_room(LIVE, 0.1, edges=2)
    step(net, p, 0.0, 10.0)
    net.up[0, 0] = False
    step(net, p, 10.0, 1.0)
    assert net.tally[0, DOWNLOADS] == 1.0
    assert net.tally[0, DOWNLOAD_S] == pytest.approx(0.8, abs=1e-5)


def test_recovery_brings_viewers_home_without_loss() -> None:
    net, p = lone_room(LIVE, 0.1, edges=2)
    net.up[0, 0] = False
    step(net, p, 0.0, 10.0)
    left = float(net.left_kbit[0, 0])
    assert 0.0 < left < 600.0
    net.up[0, 0] = True
    step(net, p, 10.0, 0.1)
    assert net.left_kbit[0, 0] == pytest.approx(left - 60.0, abs=0.01)
    assert net.sent_kbit[0, 0] == pytest.approx(60.0, abs=0.01)


def test_a_request_not_yet_sent_goes_to_the_new_edge_in_time() -> None:
    net, p = lone_room(LIVE, 0.1, edges=2)
    step(net, p, 0.0, 9.0)  # segment 3 is announced at 9.2 s
    net.up[0, 0] = False
    step(net, p, 9.0, 0.5)
    assert net.tally[0, DOWNLOADS] == 0.0
    assert net.sent_kbit[0].tolist() == pytest.approx([0.0, 120.0], abs=0.01)


@pytest.mark.parametrize("edges", [1, 3, 40])
def test_the_next_edge_that_is_up_serves_the_viewers_of_a_dead_one(edges: int) -> None:
    config = NetworkConfig(edge_shares=(1.0,) * edges, kappa=20.0)
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=400)
    dead = [0] if edges == 1 else [0, edges - 1]
    sent = []
    for tick in range(36):
        net.up[0, dead] = not 12 <= tick < 24
        live_tick(net, bank, p, ladder, 0, 400, alive, entered, 5.0 * tick, 5.0)
        sent.append(net.sent_kbit[0].copy())
    before, during, after = np.sum(sent[6:12], 0), np.sum(sent[12:24], 0), np.sum(sent[30:], 0)
    assert np.all(before > 0.0)
    assert np.all(during[dead] == 0.0)
    assert np.all(after > 0.0)
    assert np.all(net.route[0] == np.arange(edges))
    if edges > 1:
        assert during[1] / 12 > 1.5 * before[1] / 6  # edge 1 serves those of edges 0 and, round the corner, the last
