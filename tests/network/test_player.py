"""The player against hand-worked cases, a slow model in small steps, and the laws of ticks and rooms."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from lone_viewer import bank_of, crowded_room, live_tick, lone_room, watch

from livesim import schema
from livesim.network.config import AccessLine, NetworkConfig
from livesim.network.edges import open_edges
from livesim.network.player import admit
from livesim.network.state import NetworkState, allocate
from livesim.network.traces import bank_for, synthetic_bank
from livesim.randomness import room_key

ONE_RUNG = {"ladder_kbps": (300.0,), "wanted_rung": 0}
# by hand: segments of 2 s and 600 kbit, published 1.2 s after their end, normal speed
LIVE = NetworkConfig(
    **ONE_RUNG, catch_up=0.0, latency_target_s=6.0, ingest_s=0.8, packaging_s=0.4, request_jitter_s=0.0, origin_s=0.0
)


def play(config: NetworkConfig, kbps: list[float], rtt_s: float, ticks: int, tick_s: float = 5.0):
    """Return (net, stall seconds, skips) of a lone viewer after some ticks."""
    net, p = lone_room(config, rtt_s)
    return _run(net, bank_of(kbps), p, config, ticks, tick_s)


def _run(net: NetworkState, bank, p, config: NetworkConfig, ticks: int, tick_s: float):
    stall, skips = 0.0, 0
    for tick in range(ticks):
        live_tick(
            net, bank, p, np.array(config.ladder_kbps), 0, 1, np.ones((1, 1), bool), np.zeros((1, 1)),
            tick * tick_s, tick_s,
        )  # fmt: skip
        stall += float(net.stall_s[0, 0])
        skips += int(net.skips[0, 0])
    return net, stall, skips


@pytest.mark.parametrize(("rtt_s", "startup_s", "stall_s"), [(0.0, 2.4, 299 * 0.4), (0.08, 2.48, 299 * 0.48)])
def test_a_line_below_the_lowest_rung_stalls_for_the_difference(rtt_s: float, startup_s: float, stall_s: float) -> None:
    # 600 kbit over 250 kbit/s = 2.4 s for 2 s of film
    config = NetworkConfig(live=False, buffer_cap_s=8.0, **ONE_RUNG)
    session = watch(config, [250.0] * 10, rtt_s)
    assert session.startup_s == pytest.approx(startup_s, abs=1e-5)
    assert session.stall_s == pytest.approx(stall_s, abs=1e-2)


def test_a_line_above_the_highest_rung_never_stalls() -> None:
    session = watch(NetworkConfig(live=False, buffer_cap_s=8.0), [20_000.0] * 10, 0.08)
    assert session.stall_s == 0.0
    assert session.startup_s == pytest.approx(0.08 + 600 / 20_000, abs=1e-6)
    assert session.rungs[-1] == 5


def test_a_request_waits_until_the_segment_fits_under_the_cap() -> None:
    # 1 s downloads: buffer 2, 3, 4, 5 at 1, 2, 3, 4 s; at 5 s it is 6, and 6 + 2 fits the cap of 8 exactly;
    # 7 at 6 s, so the next request waits 1 s and arrives at 8 s: 7 - 2 + 2 = 7 again, one segment every 2 s.
    config = NetworkConfig(live=False, buffer_cap_s=8.0, **ONE_RUNG)
    net, stall, _ = play(config, [600.0] * 10, 0.0, ticks=4)
    assert stall == 0.0
    assert net.dry_s[0, 0] == pytest.approx(20.0 + 7.0)  # the download of 18 to 19 s ended at 20 s
    assert net.segment[0, 0] == 13


def test_a_live_viewer_by_hand() -> None:
    # asks for segment -3 at 0 s, has it at 1.1 s: start-up 1.1 s at latency 1.1 + 6 = 7.1 s. Segments
    # -2, -1, 0 follow each other at 2.2, 3.3, 4.4 s; 1, 2 wait for 5.2 and 7.2 s and arrive at 6.3 and 8.3 s.
    net, stall, skips = play(LIVE, [600.0] * 60, 0.1, ticks=2)
    assert net.startup_s[0, 0] == pytest.approx(1.1)
    assert net.latency_s[0, 0] == pytest.approx(7.1, abs=1e-5)
    assert net.dry_s[0, 0] == pytest.approx(6.0 + 7.1, abs=1e-5)
    assert (stall, skips) == (0.0, 0)
    assert net.played_s[0, 0] == 5.0


OUTAGE = [600.0] * 10 + [0.0] * 10 + [600.0] * 40


def test_an_outage_stalls_a_live_viewer_by_hand() -> None:
    # segment 3 starts at 9.3 s, 180 kbit remain at 10 s and arrive at 20.3 s; the buffer ran dry at 13.1 s
    net, stall, skips = play(LIVE, OUTAGE, 0.1, ticks=5)
    assert stall == pytest.approx(7.2, abs=1e-4)
    assert net.latency_s[0, 0] == pytest.approx(14.3, abs=1e-4)
    assert skips == 0


def test_a_viewer_too_late_jumps_to_the_target_by_hand() -> None:
    # 8.3 s behind at 20.3 s: drops segment 3, asks for ceil((20.3 - 6) / 2) = 8, plays it from 21.4 s
    config = LIVE.model_copy(update={"skip_limit_s": 5.0})
    net, stall, skips = play(config, OUTAGE, 0.1, ticks=5)
    assert skips == 1
    assert stall == pytest.approx(8.3, abs=1e-4)
    assert net.latency_s[0, 0] == pytest.approx(21.4 - 16.0, abs=1e-4)


def test_extra_publishing_delay_moves_every_request() -> None:
    net, stall, _ = play(LIVE.model_copy(update={"packaging_s": 0.9}), [600.0] * 60, 0.1, ticks=2)
    # segment 3 is asked for at 9.7 s, first bit 9.8 s
    assert net.event_s[0, 0] == pytest.approx(9.8)
    assert stall == 0.0


def test_catch_up_brings_a_late_viewer_to_the_target() -> None:
    config = NetworkConfig(latency_target_s=8.0, request_jitter_s=0.0)
    net, stall, _ = play(config, [20_000.0] * 60, 0.1, ticks=40)
    assert net.latency_s[0, 0] == pytest.approx(8.0, abs=0.05)
    assert stall == 0.0


def test_a_viewer_who_gives_up_before_the_first_frame_never_plays() -> None:
    net, p = lone_room(LIVE, 0.1)
    net.gave_up_s[0, 0] = 3.0
    net, stall, _ = _run(net, bank_of([100.0] * 60), p, LIVE, ticks=4, tick_s=5.0)  # first frame would be at 6.1
    assert net.gave_up_s[0, 0] == 3.0
    assert net.startup_s[0, 0] == 20.0
    assert (net.played_s[0, 0], stall) == (0.0, 0.0)


def test_a_viewer_who_starts_in_time_cannot_give_up_any_more() -> None:
    net, p = lone_room(LIVE, 0.1)
    net.gave_up_s[0, 0] = 7.0
    net, _, _ = _run(net, bank_of([100.0] * 60), p, LIVE, ticks=2, tick_s=5.0)
    assert net.startup_s[0, 0] == pytest.approx(6.1)
    assert net.gave_up_s[0, 0] == math.inf


def test_patience_at_start_up_follows_the_published_slope() -> None:
    net, *_ = crowded_room(NetworkConfig(), viewers=4000)
    delay = net.gave_up_s[0]
    assert delay.min() >= 2.0
    assert np.mean(delay <= 7.0) == pytest.approx(0.058 * 5.0, abs=0.025)
    assert np.isfinite(delay).mean() == pytest.approx(0.8, abs=0.025)


def test_access_types_and_edges_follow_their_shares() -> None:
    config = NetworkConfig()
    net, bank, *_ = crowded_room(config, viewers=4000)
    expected = np.diff(bank.access_until, prepend=0.0)
    assert np.bincount(bank.access[net.trace[0]], minlength=5) / 4000 == pytest.approx(expected, abs=0.03)
    assert np.bincount(net.edge[0], minlength=3) / 4000 == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_a_viewer_has_the_same_line_in_whatever_slot() -> None:
    config = NetworkConfig()
    net, bank, p = allocate(1, 9, 3, 6), bank_for(config), schema.records([config])[0]
    open_edges(net, 0, config, 100)
    for slot in (2, 7):
        admit(net, bank, p, 0, slot, room_key(5), 41, 3.25)
    for name, values in net._asdict().items():
        if values.shape[:2] == (1, 9):
            assert np.array_equal(values[0, 2], values[0, 7]), name


def slow_live_player(config: NetworkConfig, kbps: np.ndarray, rtt_s: float, until_s: float, dt: float = 0.001):
    """Return (start-up, stall, latency) of a live viewer on one rung, stepped in milliseconds."""
    size, L = config.ladder_kbps[0] * config.segment_s, config.segment_s
    segment, buffer, rate, left = math.ceil(-config.latency_target_s / L), 0.0, 1.0, size
    published = L + config.ingest_s + config.packaging_s
    first_bit = max(0.0, segment * L + published) + rtt_s
    startup, stall = -1.0, 0.0
    for step in range(round(until_s / dt)):
        t = step * dt
        if startup >= 0:
            stall += dt if buffer <= 0 else 0.0
            buffer = max(buffer - rate * dt, 0.0)
        if t < first_bit:
            continue
        left -= kbps[int(t) % len(kbps)] * dt
        if left > 0:
            continue
        startup = t if startup < 0 else startup
        buffer, segment, left = buffer + L, segment + 1, size
        late = t - segment * L + buffer - config.latency_target_s
        rate = 1.0
        if late < 0 or buffer > config.latency_target_s / 2:
            rate = 1 - config.catch_up + 2 * config.catch_up / (1 + math.exp(-5 * late))
        room = max(0.0, (buffer + L - config.buffer_cap_s) / rate)
        first_bit = max(t + room, segment * L + published) + rtt_s
    return startup, stall, until_s - segment * L + buffer


@pytest.mark.parametrize("trace", [0, 3, 6])
def test_the_live_player_matches_a_slow_model_in_millisecond_steps(trace: int) -> None:
    config = NetworkConfig(**ONE_RUNG, request_jitter_s=0.0, skip_limit_s=600.0, origin_s=0.0)
    rough = AccessLine(name="rough", mean_kbps=420, log_sd=0.8, lag1=0.9, outages_per_h=20, outage_s=5)
    bank = synthetic_bank(config.model_copy(update={"access": (rough,)}))
    kbps = bank.kbps[bank.start[trace] : bank.start[trace] + 150]
    net, stall, _ = play(config, kbps, 0.1, ticks=30)
    startup_slow, stall_slow, latency_slow = slow_live_player(config, kbps, 0.1, 150.0)
    assert stall_slow > 1.0
    assert net.startup_s[0, 0] == pytest.approx(startup_slow, abs=0.003)
    assert stall == pytest.approx(stall_slow, abs=0.1)
    assert net.latency_s[0, 0] == pytest.approx(latency_slow, abs=0.1)


@pytest.mark.parametrize("trace", range(4))
def test_more_bandwidth_never_adds_stall_seconds(trace: int) -> None:
    # A law on one rung with all media there. With a ladder or at the live edge it is a tendency: a faster
    # line picks a higher rung, or plays nearer to the edge with less in the buffer.
    config = NetworkConfig(live=False, buffer_cap_s=8.0, **ONE_RUNG)
    rough = AccessLine(name="rough", mean_kbps=500, log_sd=0.9, lag1=0.9, outages_per_h=20, outage_s=5)
    bank = synthetic_bank(config.model_copy(update={"access": (rough,)}))
    kbps = bank.kbps[bank.start[trace] : bank.start[trace] + 400]
    stalls = [watch(config, kbps * scale, 0.08, segments=150).stall_s for scale in (0.7, 1.0, 1.3, 1.7, 2.5, 4.0)]
    assert stalls[0] > 10.0
    assert all(more <= less + 1e-3 for less, more in pairwise(stalls)), stalls


def totals(tick_s: float, until_s: float = 300.0):
    """Return per viewer stall and played seconds, and the state, of a room whose edges limit nobody."""
    config = NetworkConfig(kappa=100.0, origin_s=0.0)  # who asks an edge first is known to one network second
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=200)
    stall, played = np.zeros(200), np.zeros(200)
    for tick in range(round(until_s / tick_s)):
        live_tick(net, bank, p, ladder, 0, 200, alive, entered, tick * tick_s, tick_s)
        stall += net.stall_s[0]
        played += net.played_s[0]
    return stall, played, net, entered[0]


@pytest.mark.parametrize("tick_s", [10.0, 2.5, 0.5])
def test_the_length_of_a_tick_changes_nothing_for_a_viewer(tick_s: float) -> None:
    stall, played, net, _ = totals(5.0)
    other_stall, other_played, other, _ = totals(tick_s)
    assert stall.sum() > 10.0
    assert other_stall == pytest.approx(stall, abs=2e-3)
    assert other_played == pytest.approx(played, abs=2e-3)
    assert np.array_equal(other.rung, net.rung)
    assert np.array_equal(other.segment, net.segment)
    assert other.startup_s == pytest.approx(net.startup_s, abs=1e-5)


def test_start_up_stall_and_play_fill_the_time_of_every_viewer() -> None:
    stall, played, net, entered = totals(5.0)
    assert stall + played + net.startup_s[0] == pytest.approx(300.0 - entered, abs=1e-3)


def test_every_kbit_sent_is_in_a_segment() -> None:
    config = NetworkConfig(**ONE_RUNG, kappa=1.2, skip_limit_s=600.0)
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=100)
    first = net.segment[0].copy()
    net.gave_up_s[:] = np.inf
    sent = 0.0
    for tick in range(40):
        live_tick(net, bank, p, ladder, 0, 100, alive, entered, 5.0 * tick, 5.0)
        sent += net.sent_kbit.sum()
    left = np.where(net.left_kbit[0] < 0.0, 600.0, net.left_kbit[0])  # below 0: not begun
    got = (net.segment[0] - first + 1) * 600.0 - left
    assert sent == pytest.approx(got.sum(), rel=1e-6)


def test_a_room_of_a_batch_equals_the_room_alone_bit_for_bit() -> None:
    configs = [NetworkConfig(kappa=kappa) for kappa in (0.7, 1.0, 2.0)]
    bank, params = bank_for(configs[0]), schema.records(configs)
    ladder, keys = np.array(configs[0].ladder_kbps), [room_key(seed) for seed in range(3)]

    def simulate(rows: list[int]) -> NetworkState:
        net = allocate(len(rows), 50, 3, 6)
        alive, entered = np.ones((len(rows), 50), bool), np.zeros((len(rows), 50))
        for at, row in enumerate(rows):
            open_edges(net, at, configs[row], 50)
            for i in range(50):
                admit(net, bank, params[row], at, i, keys[row], i, 0.0)
            for tick in range(20):
                live_tick(net, bank, params[row], ladder, at, 50, alive, entered, 5.0 * tick, 5.0)
        return net

    batch = simulate([0, 1, 2])
    for row in range(3):
        alone = simulate([row])
        for name, values in alone._asdict().items():
            assert np.array_equal(values[0], getattr(batch, name)[row]), (row, name)


def test_an_easy_room_starts_fast_and_hardly_stalls() -> None:
    config = NetworkConfig()
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=500)
    stall = played = 0.0
    for tick in range(120):
        live_tick(net, bank, p, ladder, 0, 500, alive, entered, 5.0 * tick, 5.0)
        stall, played = stall + net.stall_s.sum(), played + net.played_s.sum()
    assert stall / (stall + played) < 0.01
    assert 1.0 < np.median(net.startup_s) < 2.0


def digest() -> str:
    """Return a fingerprint of a small crowded room under each rule."""
    hashed = hashlib.sha256()
    for rule in ("throughput", "buffer", "rate", "stallion"):
        config = NetworkConfig(rule=rule, kappa=0.7)
        net, bank, p, ladder, alive, entered = crowded_room(config, viewers=10)
        for tick in range(24):
            live_tick(net, bank, p, ladder, 0, 10, alive, entered, 2.5 * tick, 2.5)
        for values in net:
            hashed.update(values.tobytes())
    return hashed.hexdigest()


def test_plain_python_gives_the_same_bits_as_the_compiled_kernels() -> None:
    here = Path(__file__).parent
    plain = subprocess.run(
        [sys.executable, "-c", "import test_player; print(test_player.digest())"],
        cwd=here,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert plain.stdout.strip() == digest()
