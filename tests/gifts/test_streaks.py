"""A gift is often followed by another one of the same giver: combos, and the compensator knows of them."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim import ledger as book
from livesim.ledger import J_GIFT

OUTSIDE = {"gifts.crowd_out": 0.0, "gifts.heat_leave": 0.0, "gifts.wallet_log_mean": 12.0}


def gifts_of(rooms: Rooms) -> list[np.ndarray]:
    """Return the times of the gifts of each giver, over all rooms."""
    found = []
    for row in range(rooms.num_rooms):
        journal = rooms.journal(row)
        kept = journal["kind"] == J_GIFT
        for viewer in np.unique(journal["viewer_id"][kept]):
            found.append(np.sort(journal["time_s"][kept & (journal["viewer_id"] == viewer)]))
    return found


def played(streak_prob: float, rooms: int = 24) -> Rooms:
    overrides = {"audience.planned_viewers": 60, "session.duration_s": 3600, "incidents": [], **OUTSIDE}
    batch = Rooms(load_scenario("entertainment", {**overrides, "gifts.streak_prob": streak_prob}), rooms, 40_000)
    batch.reset(list(range(rooms)))
    for _ in range(batch.scenario.decisions):
        batch.advance()
    return batch


def test_a_gift_is_followed_within_the_streak_as_often_as_the_scenario_says():
    rooms = played(0.5)
    gaps = np.concatenate([np.diff(times) for times in gifts_of(rooms)])
    gifts = rooms.state.ledger.history[:, :, book.GIFTS].sum()
    # Within 20 s of each gift the streak brings another with probability .5, the usual hazard a few more.
    followed = (gaps <= 20.0).sum() / gifts
    assert 0.5 - 4 * np.sqrt(0.25 / gifts) - 0.03 < followed < 0.5 + 4 * np.sqrt(0.25 / gifts) + 0.06, followed


def test_without_streaks_hardly_any_gift_follows_another_at_once():
    gaps = np.concatenate([np.diff(times) for times in gifts_of(played(0.0))])
    assert (gaps <= 20.0).mean() < 0.25


def test_gifts_fall_at_their_own_times_and_not_at_the_ends_of_ticks():
    times = np.concatenate(gifts_of(played(0.5, rooms=4)))
    assert (np.abs(times / 5.0 - np.rint(times / 5.0)) > 1e-6).mean() > 0.9


def test_the_compensator_has_the_mean_of_what_is_counted():
    history = played(0.6, rooms=64).state.ledger.history
    difference = (history[:, :, book.GIFT_EXPECTED] - history[:, :, book.GIFT_COUNTED]).sum(axis=1)
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / 8.0, difference.mean()


def test_a_gift_cheers_the_chat():
    def messages(cheer: float) -> float:
        overrides = {"audience.planned_viewers": 80, "session.duration_s": 3600, "gifts.cheer": cheer}
        rooms = Rooms(load_scenario("entertainment", overrides), 8)
        rooms.reset(list(range(8)))
        for _ in range(rooms.scenario.decisions):
            rooms.advance()
        history = rooms.state.ledger.history
        return float(history[:, :, book.MESSAGES].sum()), float(history[:, :, book.GIFTS].sum())

    quiet, gifts = messages(0.0)
    cheered, _ = messages(4.0)
    # Each gift causes branching x 4 = 2 messages, and those 1 / (1 - branching) = 2 each: 4 in all.
    assert cheered - quiet == pytest.approx(4.0 * gifts, rel=0.35)
