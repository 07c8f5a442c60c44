"""What a gift from outside does to everybody else, under both models of it, on the same luck."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.ledger import GIFT_EXPECTED, LEFT, PRESENT_S
from tests.conftest import play

ROOMS = 8
TIPS = 20.0  # heat of three tips of about 800 credits


def after_a_tip(crowd: str) -> tuple[np.ndarray, np.ndarray, Rooms, Rooms]:
    """Return the ledgers of the half minute after a tip, and of the same half minute without, and both rooms."""
    numbers = {"audience.planned_viewers": 150, "gifts.crowd": crowd, "gifts.giver_share": 0.3}
    rooms = Rooms(load_scenario("entertainment", numbers), ROOMS)
    rooms.reset(list(range(ROOMS)))
    rest = np.zeros((ROOMS, 4), dtype=np.int64)
    play(rooms, lambda *_: rest, decisions=60)
    tipped = copy.deepcopy(rooms)
    tipped.state.rooms.heat[:] += TIPS
    for made in (tipped, rooms):
        made.apply(rest)
        made.advance()
    return tipped.state.ledger.now, rooms.state.ledger.now, tipped, rooms


@pytest.mark.parametrize(("crowd", "sign"), [("crowding_out", -1.0), ("contagion", 1.0)])
def test_others_give_less_under_crowding_out_and_more_under_contagion(crowd, sign):
    tipped, usual, _, _ = after_a_tip(crowd)
    per_second = [now[:, GIFT_EXPECTED] / now[:, PRESENT_S] for now in (tipped, usual)]
    change = per_second[0] / per_second[1] - 1.0
    assert (sign * change > 0.02).all(), change


def test_gifts_drive_viewers_away_under_crowding_out_and_nobody_under_contagion():
    budgets = {}
    for crowd in ("crowding_out", "contagion"):
        now, before, tipped, usual = after_a_tip(crowd)
        both = (tipped.state.alive == 1) & (usual.state.alive == 1)
        both &= tipped.state.viewers.viewer_id == usual.state.viewers.viewer_id
        assert both.sum() > 300
        budgets[crowd] = (usual.state.viewers.budget_s - tipped.state.viewers.budget_s)[both]
        if crowd == "contagion":
            np.testing.assert_array_equal(now[:, LEFT], before[:, LEFT])
            np.testing.assert_allclose(now[:, PRESENT_S], before[:, PRESENT_S], rtol=1e-6)
    # the exceptions are givers who are just being thanked, and what their mood does to others
    assert (budgets["crowding_out"] > 0.1).mean() > 0.98
    assert (np.abs(budgets["contagion"]) < 0.01).mean() > 0.98
