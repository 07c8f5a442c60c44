"""Fair sharing of an edge: the laws of max-min, a brute-force search, and that no edge overflows."""

from __future__ import annotations

import numpy as np
import pytest
from lone_viewer import AT_ONCE, KEY, crowded_room

from livesim.network.config import NetworkConfig
from livesim.network.edges import capacities, routes, water_level
from livesim.network.player import advance


def brute_force_level(lines: np.ndarray, capacity: float) -> float:
    """Return the max-min level by serving the slowest lines first."""
    rest, order = capacity, np.sort(lines)
    for at, line in enumerate(order):
        fair = rest / (len(order) - at)
        if line > fair:
            return fair
        rest -= line
    return np.inf


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("guess", [np.inf, 100.0, 5_000.0, 1e9])
def test_water_filling_equals_brute_force_from_any_guess(seed: int, guess: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    lines = np.exp(rng.normal(8, 1.5, n)) * (rng.random(n) < 0.9)
    capacity = lines.sum() * rng.uniform(0.01, 1.2)
    level = water_level(lines, n, capacity, guess)
    assert level == pytest.approx(brute_force_level(lines, capacity), rel=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_shares_fill_the_edge_and_never_exceed_line_or_capacity(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    lines = np.exp(rng.normal(9, 1, 300))
    capacity = lines.sum() * rng.uniform(0.05, 0.95)
    level = water_level(lines, 300, capacity, np.inf)
    shares = np.minimum(lines, level)
    assert shares.sum() <= capacity
    assert shares.sum() == pytest.approx(capacity, rel=1e-8)
    limited = shares < lines
    assert limited.any()
    assert np.all(shares[limited] == level)  # equal shares for the limited
    assert np.all(shares[~limited] <= level)  # nobody below the line gets less than they can use


def test_an_edge_that_is_large_enough_limits_nobody() -> None:
    assert water_level(np.array([100.0, 200.0, 300.0]), 3, 601.0, np.inf) == np.inf


def test_an_edge_without_capacity_gives_nothing() -> None:
    assert water_level(np.array([100.0, 200.0]), 2, 0.0, np.inf) == 0.0


def test_three_viewers_share_by_hand() -> None:
    # 900 over lines of 100, 1000, 2000: the slow one keeps 100, the others get (900 - 100) / 2
    assert water_level(np.array([100.0, 1000.0, 2000.0]), 3, 900.0, np.inf) == pytest.approx(400.0)


@pytest.mark.parametrize(
    ("up", "expected"),
    [
        ([True, True, True], [0, 1, 2]),
        ([False, True, True], [1, 1, 2]),
        ([True, True, False], [0, 1, 0]),
        ([False, False, True], [2, 2, 2]),
        ([False, False, False], [-1, -1, -1]),
    ],
)
def test_viewers_of_a_dead_edge_use_the_next_one_up(up: list[bool], expected: list[int]) -> None:
    route = np.zeros(3, np.int64)
    routes(np.array(up), route)
    assert route.tolist() == expected


def test_capacity_is_kappa_times_planned_demand_split_by_shares() -> None:
    config = NetworkConfig(kappa=2.0, edge_shares=(3.0, 1.0), wanted_rung=2)
    assert capacities(config, 100).tolist() == [180_000.0, 60_000.0]  # 2 * 100 * 1200 kbit/s


@pytest.mark.parametrize("kappa", [0.1, 0.7, 2.0])
def test_no_edge_sends_more_than_its_capacity(kappa: float) -> None:
    config = NetworkConfig(kappa=kappa)
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=200)
    for tick in range(60):
        net.up[0, 1] = tick < 30
        advance(net, bank, p, ladder, 0, 200, alive, entered, 2.5 * tick, 2.5, AT_ONCE, KEY)
        room = net.capacity_kbps[0] * 2.5 * net.up[0]
        assert np.all(net.sent_kbit[0] <= room), (tick, net.sent_kbit[0], room)
    assert net.sent_kbit[0, 1] == 0.0
    assert net.utilisation[0, 1] == 0.0
    assert net.utilisation[0, 2] > 0.1


def test_with_every_edge_down_nobody_receives_and_everybody_stalls() -> None:
    net, bank, p, ladder, alive, entered = crowded_room(NetworkConfig(), viewers=20)
    for tick in range(12):
        advance(net, bank, p, ladder, 0, 20, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
    net.up[0] = False
    for tick in range(12, 18):
        advance(net, bank, p, ladder, 0, 20, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
    started = np.isfinite(net.dry_s[0])
    assert net.sent_kbit.sum() == 0.0
    assert np.all(net.stall_s[0][started] == 5.0)
    assert np.all(net.played_s[0] == 0.0)


def test_less_capacity_means_lower_quality_and_later_start() -> None:
    results = {}
    for kappa in (2.0, 0.7):
        net, bank, p, ladder, alive, entered = crowded_room(NetworkConfig(kappa=kappa), viewers=300)
        quality = []
        for tick in range(120):
            advance(net, bank, p, ladder, 0, 300, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
            quality.append(net.rung[0].mean() / 5)
        results[kappa] = np.mean(quality[24:]), np.median(net.startup_s[0])
    assert results[0.7][0] < results[2.0][0] - 0.2, results
    assert results[0.7][1] > results[2.0][1], results


def test_an_edge_below_the_lowest_rung_is_allowed_and_stalls() -> None:
    # .1 x 1850 = 185 kbit/s for each of the planned viewers, whose lowest rendition needs 300: they play at most 62 %
    config = NetworkConfig(kappa=0.1, edge_shares=(1.0,), give_up_per_s=0.0, skip_limit_s=600.0)
    net, bank, p, ladder, alive, entered = crowded_room(config, viewers=100)
    stall = played = 0.0
    for tick in range(72):
        advance(net, bank, p, ladder, 0, 100, alive, entered, 5.0 * tick, 5.0, AT_ONCE, KEY)
        if tick >= 12:
            stall, played = stall + net.stall_s.sum(), played + net.played_s.sum()
    assert net.rung.max() <= 1
    assert played / (stall + played) == pytest.approx(185.0 / 300.0, abs=0.03)
