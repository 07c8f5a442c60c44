"""Nothing appears or disappears: viewers, money, budgets."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim import ledger as book
from livesim.rewards import TERMS
from tests.conftest import busy_actions, play

JOURNAL = 60_000


@pytest.fixture(scope="module")
def played() -> Rooms:
    shop = load_scenario("ecommerce", {"audience.planned_viewers": 80})
    rooms = Rooms(shop, 4, journal=JOURNAL)
    rooms.reset([11, 12, 13, 14])
    play(rooms)
    return rooms


def _events(rooms: Rooms, row: int, kind: int) -> np.ndarray:
    journal = rooms.journal(row)
    assert int(rooms.state.rooms.journal_count[row]) <= JOURNAL, "the journal of this test is too small"
    return journal["value"][journal["kind"] == kind]


def test_entered_equals_present_plus_left_at_every_decision(tiny):
    rooms = Rooms(tiny, 3)
    rooms.reset([1, 2, 3])
    entered, left = np.zeros(3), np.zeros(3)
    for decision in range(tiny.decisions):
        rooms.apply(busy_actions(rooms, decision))
        rooms.advance()
        events = rooms.events()
        entered += events["entered"]
        left += events["left"]
        np.testing.assert_array_equal(entered - left, rooms.viewers)
        np.testing.assert_array_equal(rooms.state.alive.sum(axis=1), rooms.viewers)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("gift_credits", book.J_GIFT), ("ad_revenue", book.J_AD_COMPLETE), ("order_margin", book.J_ORDER),
        ("messages", book.J_MESSAGE), ("follows", book.J_FOLLOW), ("return_realised", book.J_RETURN),
        ("complaints", book.J_COMPLAINT), ("participants", book.J_PARTICIPATE),
    ],
)  # fmt: skip
def test_the_ledger_equals_the_sum_of_individual_payments(played, column, kind):
    totals = played.state.ledger.history.sum(axis=1)[:, book.INDEX[column]]
    counts = kind in (book.J_MESSAGE, book.J_FOLLOW, book.J_COMPLAINT, book.J_PARTICIPATE)
    for row in range(played.num_rooms):
        values = _events(played, row, kind)
        paid = float(len(values)) if counts else float(values.sum())
        assert totals[row] == pytest.approx(paid, rel=1e-9, abs=1e-9), (column, row)


def test_every_kind_of_money_moved_in_the_played_rooms(played):
    totals = played.state.ledger.history.sum(axis=(0, 1))
    for column in ("gift_credits", "ad_revenue", "order_margin", "prizes"):
        assert totals[book.INDEX[column]] > 0, column


def test_no_campaign_spends_more_than_its_budget():
    poor = load_scenario("tiny", {"ads.reserve_credits": 0.01})
    rooms = Rooms(poor, 2)
    rooms.reset([5, 6])
    rooms.state.campaigns.left[:] = 0.4  # less than a break for forty viewers costs
    rooms.state.campaigns.budget[:] = 0.4
    play(rooms)
    left = rooms.state.campaigns.left
    assert (left >= -1e-12).all(), left
    reserved = np.where(rooms.state.alive & (rooms.state.viewers.campaign >= 0), rooms.state.viewers.ad_price, 0.0)
    spent = rooms.state.ledger.history.sum(axis=1)[:, book.INDEX["ad_revenue"]]
    np.testing.assert_allclose(left.sum(axis=1) + spent + reserved.sum(axis=1), 0.4 * left.shape[1], rtol=1e-9)


def test_stock_falls_by_exactly_the_orders(played):
    sold = (played.state.items.stock_full - played.state.items.stock).sum(axis=1)
    orders = played.state.ledger.history.sum(axis=1)[:, book.INDEX["orders"]]
    np.testing.assert_array_equal(sold, orders)
    assert (played.state.items.stock >= 0).all()


def test_presence_is_the_integral_of_concurrency(played):
    """Little's law, as an identity: viewer-seconds in the ledger equal the sum of individual stays."""
    for row in range(played.num_rooms):
        journal = played.journal(row)
        end = float(played.time_s[row])
        entered = journal["time_s"][journal["kind"] == book.J_ENTER]
        left = journal["time_s"][journal["kind"] == book.J_LEAVE]
        stays = left.sum() - entered.sum() + end * (len(entered) - len(left))
        present = played.state.ledger.history[row, :, book.PRESENT_S].sum()
        assert present == pytest.approx(stays, rel=1e-6)


def test_a_viewer_who_leaves_watched_no_longer_than_they_stayed(played):
    history = played.state.ledger.history.sum(axis=1)
    watched = history[:, book.WATCH_S] + history[:, book.WATCH_AD_S] + history[:, book.STALL_S]
    assert (watched <= history[:, book.PRESENT_S] * (1 + 1e-6)).all()


def test_expected_and_realised_reward_agree_in_mean(small_room):
    """Every compensator has the mean of what it stands for: |mean difference| <= 4 standard errors, per term."""
    shop = load_scenario("ecommerce", {"audience.planned_viewers": 80})
    for scenario, count in ((small_room, 32), (shop, 24)):
        rooms = Rooms(scenario, count)
        rooms.reset(list(range(count)))
        totals = {mode: np.zeros((count, len(TERMS))) for mode in ("expected", "realised")}
        for decision in range(scenario.decisions):
            rooms.apply(busy_actions(rooms, decision))
            rooms.advance()
            for mode, total in totals.items():
                total += rooms.reward_values(mode)
        difference = totals["expected"] - totals["realised"]
        error = difference.std(axis=0, ddof=1) / np.sqrt(count)
        for n, term in enumerate(TERMS):
            assert abs(difference[:, n].mean()) <= 4 * error[n] + 1e-9, (
                scenario.name, term, difference[:, n].mean(), error[n],
            )  # fmt: skip
