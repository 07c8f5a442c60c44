"""How viewers react to the network, against published studies; the command prints the same at full length."""

from __future__ import annotations

from functools import cache

import pytest

from experiments import reactions

SHORT = {"session.duration_s": 3600, "audience.planned_viewers": 200}


@cache
def measured(experiment: str, seeds: int) -> dict[str, reactions.Reaction]:
    found = getattr(reactions, experiment)("entertainment", range(1000, 1000 + seeds), SHORT)
    return {one.what: one for one in found}


def test_a_second_of_start_up_costs_four_to_eight_viewers_of_a_hundred() -> None:
    (slope,) = measured("start_up", 8).values()
    assert slope.estimate.low >= 4.0, slope
    assert slope.estimate.high <= 8.0, slope


def test_one_per_cent_of_stalls_costs_three_to_eight_per_cent_of_watch_time() -> None:
    cost = measured("stalls", 8)["1 % stalled: % watched less"]
    assert cost.estimate.low >= 3.0, cost
    assert cost.estimate.high <= 8.0, cost


def test_followers_bear_stalls_better_than_others() -> None:
    costs = measured("stalls", 8)
    followers, others = (costs[f"1 % stalled: % watched less, {who}"].estimate for who in ("followers", "others"))
    assert followers.high < others.low, (followers, others)


@pytest.mark.parametrize("what", ["watched", "earned"])
def test_a_crowded_edge_loses_watch_time_and_money(what: str) -> None:
    loss = measured("crowding", 24)[f"kappa 0.7, not 2: % {what} less"]
    assert loss.estimate.low > 0.0, loss
