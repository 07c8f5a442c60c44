"""An item becomes routine on screen and fresh again off it, for newcomers too; boredom does not fade by flicker."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.audience.taste import match_with
from tests.conftest import play


def item(wear: float) -> SimpleNamespace:
    return SimpleNamespace(topics=np.array([1.0, 0.0]), appeal=0.1, wear=wear)


def test_what_is_routine_fits_everybody_less():
    v, room = SimpleNamespace(taste=np.array([0.6, 0.8])), SimpleNamespace(match_mean=0.2, match_sd=0.5)
    assert match_with.py_func(v, room, item(0.0), 0.6) == pytest.approx(0.9)
    assert match_with.py_func(v, room, item(0.5), 0.6) == pytest.approx(0.6)


def programme(*steps: tuple[int, int]) -> Rooms:
    """Play (item, decisions) one after the other, holding each, in one room."""
    rooms = Rooms(load_scenario("tiny", {"session.duration_s": 7200}))
    rooms.reset([3])
    order = [k for k, decisions in steps for _ in range(decisions)]

    def hold(_: Rooms, n: int) -> np.ndarray:
        action = np.zeros((1, len(rooms.head_sizes)), dtype=np.int64)
        action[0, 0] = order[n] + 1
        return action

    play(rooms, hold, decisions=len(order))
    return rooms


def test_wear_grows_with_all_the_time_on_screen_and_recovers_off_it():
    rooms = programme((1, 30), (2, 50), (1, 20))
    p = rooms.scenarios[0].content
    first = 1.0 - math.exp(-900.0 / p.wear_time_s)
    back = first * math.exp(-1500.0 / p.wear_recovery_s)
    again = 1.0 - (1.0 - back) * math.exp(-600.0 / p.wear_time_s)
    assert rooms.state.items.wear[0, 1] == pytest.approx(again)
    assert rooms.state.items.wear[0, 2] == pytest.approx(1.0 - math.exp(-1500.0 / p.wear_time_s))


def test_an_item_held_past_its_end_does_not_become_fresh():
    rooms = programme((1, 120))
    time_s = rooms.scenarios[0].content.wear_time_s
    assert rooms.state.items.wear[0, 1] == pytest.approx(1.0 - math.exp(-3600.0 / time_s))


def boredom_on_return(away: int) -> float:
    """Return what those who saw all of it keep of 25 minutes of an item held past its ends, as a share."""
    rooms = programme((1, 50), (2, away), (1, 1))
    bored = 1.0 - math.exp(-1500.0 / rooms.scenarios[0].audience.boredom_time_s)
    return float(rooms.state.rooms.carried[0]) / bored


def test_a_minute_elsewhere_forgets_next_to_nothing():
    assert boredom_on_return(away=2) > 0.94


def test_an_hour_elsewhere_forgets_most():
    assert boredom_on_return(away=110) == pytest.approx(0.8 * math.exp(-3300.0 / 2400.0), rel=0.01)
