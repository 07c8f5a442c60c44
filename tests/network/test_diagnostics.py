"""Link formulas by hand, and against a queue that is played packet by packet."""

from __future__ import annotations

import math

import numpy as np
import pytest

from livesim import Rooms
from livesim.errors import UnknownNameError
from livesim.network.diagnostics import delay_growth, delay_s, edge_loads, queueing_s, transmission_s, utilisation


def test_utilisation_is_offered_load_over_bandwidth() -> None:
    # 500 packets of 1500 bytes are 6000 kbit/s: three quarters of 8000, one and a half of 4000
    assert utilisation(500.0, 1500.0, [8000.0, 4000.0]).tolist() == [0.75, 1.5]


def test_delay_is_sending_propagation_and_queueing() -> None:
    # 12 kbit over 12,000 kbit/s take 1 ms; at U = 0.75 three more of them wait before (M/M/1), or 1.5 (M/D/1)
    assert transmission_s(1500.0, 12_000.0) == pytest.approx(0.001)
    assert delay_s(750.0, 1500.0, 12_000.0, 0.020) == pytest.approx(0.024)
    assert delay_s(750.0, 1500.0, 12_000.0, 0.020, "M/D/1") == pytest.approx(0.0225)
    assert delay_s(0.0, 1500.0, 12_000.0, 0.020) == pytest.approx(0.021)


def test_from_full_load_on_there_is_no_mean_delay_but_a_rate_of_growth() -> None:
    assert queueing_s([1.0, 1.5], 0.001).tolist() == [math.inf, math.inf]
    assert delay_growth([0.5, 1.0, 1.25]).tolist() == [0.0, 0.0, 0.25]


@pytest.mark.parametrize("law", ["M/M/1", "M/D/1"])
def test_queueing_agrees_with_packets_one_by_one(law: str) -> None:
    """Lindley's recursion, U = 0.7, 8 replications of 200,000 packets, 4 standard errors."""
    means = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        n = 200_000
        service = rng.exponential(1.0, n) if law == "M/M/1" else np.ones(n)
        steps = np.cumsum(service[:-1] - rng.exponential(1.0 / 0.7, n)[1:])
        wait = steps - np.minimum(np.minimum.accumulate(steps), 0.0)
        means.append(wait.mean())
    error = np.std(means, ddof=1) / math.sqrt(8)
    assert abs(np.mean(means) - queueing_s(0.7, 1.0, law)) <= 4 * error


def test_an_unknown_queue_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown queue 'M/M1'\. Known: M/D/1, M/M/1\. Did you mean 'M/M/1'\?"):
        queueing_s(0.5, 1.0, "M/M1")  # type: ignore[arg-type]


def test_an_edge_that_is_down_is_idle_and_delays_for_ever() -> None:
    full, half, down = edge_loads(np.array([1200.0, 1200.0, 0.0]), np.array([1.0, 0.5, 0.0]))
    assert full == (1.0, math.inf)
    assert half == (0.5, pytest.approx(0.02))
    assert down == (0.0, math.inf)


def test_the_status_of_a_room_shows_its_edges(tiny) -> None:
    rooms = Rooms(tiny)
    rooms.reset([1])
    rooms.apply(np.zeros((1, 4), np.int64))
    rooms.advance()
    edges = rooms.status(0).edges
    assert len(edges) == len(tiny.network.edge_shares)
    assert [edge.utilisation for edge in edges] == rooms.state.network.utilisation[0].tolist()
    assert all(edge.delay_s > 0.0 for edge in edges)


def test_the_status_shows_that_an_edge_is_down(tiny) -> None:
    rooms = Rooms(tiny)
    rooms.reset([1])
    rooms.state.network.up[0, 1] = False
    delays = [edge.delay_s for edge in rooms.status(0).edges]
    assert [math.isinf(delay) for delay in delays] == [False, True, False]
