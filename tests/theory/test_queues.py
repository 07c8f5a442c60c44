"""The recursion under the pipeline against queueing theory: 16 replications, 4 standard errors of their mean."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numba import njit
from queue_models import REFERENCE, assert_near_theory, case, closed_form

from livesim.network.pipeline import first_free, next_free

REPLICATIONS = 16
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference results are not on this machine")

Draw = Callable[[np.random.Generator, int], np.ndarray]


@njit
def waits_of(free_s, servers, arrive_s, service_s):
    """Return what each job of a queue waits before its service."""
    waits = np.empty(arrive_s.shape[0])
    for n in range(arrive_s.shape[0]):
        waits[n] = next_free(free_s, servers, arrive_s[n], service_s[n]) - arrive_s[n]
    return waits


@njit
def blocked_of(free_s, servers, arrive_s, service_s):
    """Return which jobs find every server busy and go away."""
    blocked = np.zeros(arrive_s.shape[0], np.bool_)
    for n in range(arrive_s.shape[0]):
        if free_s[first_free(free_s, servers)] > arrive_s[n]:
            blocked[n] = True
        else:
            next_free(free_s, servers, arrive_s[n], service_s[n])
    return blocked


def settled(values: np.ndarray) -> np.ndarray:
    """Return the part after the first tenth: every queue here starts empty."""
    return values[len(values) // 10 :]


def queue(seed: int, lam: float, service: Draw, servers: int, jobs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return arrivals, services and waits of one replication with Poisson arrivals."""
    rng = np.random.default_rng(seed)
    arrive_s = np.cumsum(rng.exponential(1 / lam, jobs))
    service_s = service(rng, jobs)
    return arrive_s, service_s, waits_of(np.zeros(servers), servers, arrive_s, service_s)


def exponential(mean: float) -> Draw:
    return lambda rng, n: rng.exponential(mean, n)


def constant(mean: float) -> Draw:
    return lambda rng, n: np.full(n, mean)


def lognormal(mean: float, squared_cv: float) -> Draw:
    variance = math.log1p(squared_cv)
    return lambda rng, n: mean * np.exp(math.sqrt(variance) * rng.standard_normal(n) - 0.5 * variance)


def hyperexponential(rng: np.random.Generator, n: int) -> np.ndarray:
    """0.9 Exp(2) + 0.1 Exp(0.2)."""
    return rng.exponential(np.where(rng.random(n) < 0.9, 0.5, 5.0))


@pytest.mark.parametrize(
    ("name", "servers", "service", "jobs"),
    [
        ("mm1", 1, exponential(0.1), 400_000),
        ("mm1_half", 1, exponential(0.1), 200_000),
        ("mmc_4", 4, exponential(1.0), 400_000),
        ("mmc_10", 10, exponential(1.0), 400_000),
        ("mmc_50", 50, exponential(1.0), 400_000),
        ("md1", 1, constant(1.0), 400_000),
        ("mg1_lognormal", 1, lognormal(1.0, 4.0), 1_000_000),
        ("mg1_hyperexp", 1, hyperexponential, 1_000_000),
    ],
)
def test_the_mean_wait_is_that_of_theory(name: str, servers: int, service: Draw, jobs: int) -> None:
    lam = case(name)["params"]["lam"]
    waits = [settled(queue(seed, lam, service, servers, jobs)[2]).mean() for seed in range(REPLICATIONS)]
    assert_near_theory(f"{name} Wq", waits, closed_form(name, "Wq"))


def test_the_law_of_the_wait_is_that_of_theory() -> None:
    waits = [settled(queue(seed, 8.0, exponential(0.1), 1, 400_000)[2]) for seed in range(REPLICATIONS)]
    assert_near_theory("mm1 P(wait)", [(w > 0).mean() for w in waits], closed_form("mm1", "P_wait"))
    assert_near_theory("mm1 P(Wq > .5)", [(w > 0.5).mean() for w in waits], closed_form("mm1", "P_Wq_gt_0.5"))
    waits = [settled(queue(seed, 3.2, exponential(1.0), 4, 400_000)[2]) for seed in range(REPLICATIONS)]
    assert_near_theory("mmc_4 P(wait)", [(w > 0).mean() for w in waits], closed_form("mmc_4", "P_wait"))


def test_two_queues_in_tandem_are_those_of_jackson() -> None:
    totals = []
    for seed in range(REPLICATIONS):
        arrive_s, service_s, waits = queue(seed, 4.0, exponential(0.1), 1, 400_000)
        leave_s = arrive_s + waits + service_s
        again_s = np.random.default_rng(1000 + seed).exponential(0.2, len(leave_s))
        second = waits_of(np.zeros(1), 1, leave_s, again_s)
        totals.append(settled(waits + service_s + second + again_s).mean())
    assert_near_theory("tandem W", totals, closed_form("tandem", "W_total"))


@pytest.mark.parametrize("service", [exponential(1.0), lognormal(1.0, 4.0)], ids=["exponential", "lognormal"])
def test_the_loss_is_that_of_erlang_whatever_the_law_of_service(service: Draw) -> None:
    shares = []
    for seed in range(REPLICATIONS):
        rng = np.random.default_rng(seed)
        arrive_s = np.cumsum(rng.exponential(1 / 15.0, 400_000))
        shares.append(settled(blocked_of(np.zeros(20), 20, arrive_s, service(rng, len(arrive_s)))).mean())
    assert_near_theory("erlangB_20_15 P_block", shares, closed_form("erlangB_20_15", "P_block"))
