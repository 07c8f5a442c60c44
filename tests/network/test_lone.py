"""The lone viewer: what is counted, by hand, and the closed forms of a starved line and of an outage."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.errors import TraceError
from livesim.network.config import NetworkConfig
from livesim.network.lone import watch

ONE_RUNG = NetworkConfig(live=False, rule="buffer", ladder_kbps=(300.0,), wanted_rung=0)


def test_start_up_stalls_and_bitrate_by_hand() -> None:
    # 600 kbit a segment. First segment at 1 s; 2 s of film while 3 s of nothing pass: the next comes at 5 s, a stall
    # from 3 s to 5 s. Then a segment each second: never dry again.
    session = watch(ONE_RUNG, np.array([600.0] + [0.0] * 3 + [600.0] * 20), 0.0, segments=6)
    assert session.startup_s == pytest.approx(1.0)
    assert session.stall_s == pytest.approx(2.0)
    assert session.stall_events == 1
    assert session.mean_bitrate_kbps == 300.0
    assert session.switch_kbps == 0.0
    assert session.end_s == pytest.approx(9.0, abs=0.07)


def test_two_stalls_are_two_events_and_a_first_wait_is_none() -> None:
    # segments end at 4 s (start-up), 5 s, then nothing until 11 s: dry at 4 + 4 = 8 s; the next at 12 s, and after
    # another gap at 17 s, dry at 12 + 2 = 14 s
    rates = [0.0] * 3 + [600.0] * 2 + [0.0] * 6 + [600.0] + [0.0] * 4 + [600.0] * 10
    session = watch(ONE_RUNG, np.array(rates), 0.0, segments=4)
    assert session.startup_s == pytest.approx(4.0)
    assert session.stall_s == pytest.approx(4.0 + 3.0)
    assert session.stall_events == 2


def test_switches_are_counted_in_kbit_per_second() -> None:
    # the harmonic mean rule after one segment at 300: 4000 kbit/s allow 2850; it stays there
    config = NetworkConfig(live=False, rule="rate", ladder_kbps=(300.0, 2850.0), wanted_rung=0)
    session = watch(config, np.full(10, 4000.0), 0.0, segments=5)
    assert session.rungs.tolist() == [0, 1, 1, 1, 1]
    assert session.switch_kbps == 2550.0
    assert session.mean_bitrate_kbps == pytest.approx((300 + 4 * 2850) / 5)


def test_a_request_without_latency_counts_every_segment_of_a_fast_line() -> None:
    session = watch(ONE_RUNG, np.full(10, 1e6), 0.0, segments=50)
    assert session.stall_events == 0
    assert len(session.rungs) == 50
    assert session.startup_s == pytest.approx(600 / 1e6)


def test_a_line_that_never_delivers_the_film_is_refused() -> None:
    with pytest.raises(TraceError, match=r"the line delivers \d+ of 300 segments in 50,000 s\. Give a faster one"):
        watch(ONE_RUNG, np.full(10, 1.0), 0.0)
