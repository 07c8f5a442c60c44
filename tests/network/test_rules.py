"""The rules by hand: what each dares, what it abandons, and the highest rung on offer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lone_viewer import AT_ONCE, KEY, bank_of, crowded_room, lone_room

from livesim import schema
from livesim.network.config import NetworkConfig
from livesim.network.player import advance
from livesim.network.rules import MANY, fill_latency_steps, note_throughput, player_numbers, stallion_estimate
from livesim.network.state import ABANDONED, DOWNLOAD_S, DOWNLOADS, MEMORY

SIX = np.array(NetworkConfig().ladder_kbps)


def numbers(**values):
    return player_numbers(schema.records([NetworkConfig(**values)])[0], SIX, 5)


def test_stallion_takes_deviations_off_throughput_and_latency_by_hand() -> None:
    q, memory = numbers(rule="stallion"), np.zeros(MEMORY, np.float32)
    for n, kbps in enumerate([9000.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0]):
        dared = stallion_estimate(q, memory, kbps, 0.1, n == 0)
    # the last five: mean 3000, deviation sqrt(2) * 1000; latency always .1 of 2 s
    assert dared == pytest.approx((3000.0 - math.sqrt(2.0) * 1000.0) * 0.95, rel=1e-5)


def test_stallion_fears_a_latency_that_moves() -> None:
    q = numbers(rule="stallion")
    dared = []
    for latencies in ([0.3, 0.3, 0.3, 0.3], [0.1, 0.5, 0.1, 0.5]):
        memory = np.zeros(MEMORY, np.float32)
        dared.append([stallion_estimate(q, memory, 3000.0, at, n == 0) for n, at in enumerate(latencies)][-1])
    assert dared[0] == pytest.approx(3000.0 * 0.85, rel=1e-5)
    assert dared[1] < dared[0] - 100.0


def test_averages_of_throughput_and_latency_by_hand() -> None:
    q, memory, steps = numbers(ewma_fast_s=1.0, ewma_slow_s=2.0), np.zeros(MEMORY, np.float32), np.empty((2, MANY))
    fill_latency_steps(q, steps)
    note_throughput(q, memory, steps, 1000.0, 1.0, 0.1)
    note_throughput(q, memory, steps, 4000.0, 1.0, 0.4)
    # weights 1/2 and 1/4 of 3/4: (4000 * 2 + 1000) / 3; latency counts segments of 2 s: weights 3/4 and 3/16
    assert memory[0] == pytest.approx(3000.0, rel=1e-6)
    assert memory[4] == pytest.approx((0.4 * 0.75 + 0.1 * 0.1875) / 0.9375, rel=1e-6)
    keep = 2.0**-0.5
    assert memory[1] == pytest.approx((4000.0 + keep * 1000.0) / (1.0 + keep), rel=1e-6)
    assert memory[5] == pytest.approx((0.4 + 0.5 * 0.1) / 1.5, rel=1e-6)


def test_a_live_download_that_comes_too_late_is_abandoned_by_hand() -> None:
    # the third segment, 6000 kbit, is asked for at .86 s, begins at .96 s and has 400 kbit at 1 s, when the line falls
    # to 100 kbit/s. Looks come every 50 ms from .96 s on; the first that is .5 s after the request is at 1.36 s: at
    # the mean of 1090 kbit/s it would take more than 3.6 s, and rung 0 fits.
    config = NetworkConfig(
        ladder_kbps=(300.0, 3000.0), wanted_rung=0, latency_target_s=10.0, buffer_cap_s=20.0, catch_up=0.0,
        request_jitter_s=0.0, ingest_s=0.8, rule="throughput",
    )  # fmt: skip
    net, p = lone_room(config, 0.1)
    advance(
        net, bank_of([10_000.0] + [100.0] * 9), p, np.array(config.ladder_kbps), 0, 1, np.ones((1, 1), bool),
        np.zeros((1, 1)), 0.0, 1.4, AT_ONCE, KEY,
    )  # fmt: skip
    assert net.tally[0, ABANDONED] == 1.0
    assert net.next_rung[0, 0] == 0
    assert net.event_s[0, 0] == pytest.approx(1.46, abs=1e-3)
    assert net.sent_kbit[0, 0] == pytest.approx(600.0 + 6000.0 + 400.0 + 36.0, abs=0.1)
    assert net.tally[0, DOWNLOADS] == 3.0
    assert net.tally[0, DOWNLOAD_S] == pytest.approx(0.16 + 0.7 + 0.5, abs=1e-3)


@pytest.mark.parametrize("rule", ["buffer", "rate", "stallion"])
def test_only_the_throughput_rule_abandons(rule: str) -> None:
    abandoned = {}
    for name in ("throughput", rule):
        net, bank, p, ladder, alive, entered = crowded_room(NetworkConfig(rule=name, kappa=0.5), viewers=100)
        abandoned[name] = 0.0
        for tick in range(36):
            advance(net, bank, p, ladder, 0, 100, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
            abandoned[name] += net.tally[0, ABANDONED]
    assert abandoned["throughput"] > 0.0
    assert abandoned[rule] == 0.0


@pytest.mark.parametrize("rule", ["throughput", "buffer", "rate", "stallion"])
@pytest.mark.parametrize("cap", [-1, 0, 2, 9])
def test_no_player_asks_above_the_highest_rung_offered(rule: str, cap: int) -> None:
    net, bank, p, ladder, alive, entered = crowded_room(NetworkConfig(rule=rule, kappa=20.0), viewers=100)
    for tick in range(24):
        if tick == 12:
            net.cap_rung[0] = cap
        advance(net, bank, p, ladder, 0, 100, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
        if tick == 11:
            highest = net.rung.max()
    assert highest >= (1 if rule == "buffer" else 5)  # a live buffer is too short for more
    assert net.rung.max() <= max(cap, 0)
    assert cap > highest or net.rung.max() == max(cap, 0)


def test_half_the_capacity_factor_is_half_the_capacity() -> None:
    rooms = []
    for kappa, factor in ((0.2, 0.5), (0.1, 1.0)):
        net, bank, p, ladder, alive, entered = crowded_room(NetworkConfig(kappa=kappa), viewers=100)
        net.capacity_factor[0] = factor
        for tick in range(24):
            advance(net, bank, p, ladder, 0, 100, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
        rooms.append(net)
    assert np.array_equal(rooms[0].rung, rooms[1].rung)
    assert rooms[0].utilisation[0] == pytest.approx(rooms[1].utilisation[0])
    assert rooms[0].utilisation.max() > 0.8
