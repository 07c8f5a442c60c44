"""A roster is a fixed list of invited people: who attends, and when they come, is their own dice."""

from __future__ import annotations

import numpy as np

from livesim import Rooms, load_scenario
from livesim.audience.state import FEED, FOLLOWER, SEARCH
from livesim.luck import allocate, draw

INVITED = 230  # 2.3 per planned viewer


def arrivals(seeds: range, **overrides) -> np.ndarray:
    scenario = load_scenario("enterprise", {"audience.planned_viewers": 100, **overrides})
    luck = allocate(len(seeds), scenario.ticks, len(scenario.audience.segments))
    for row, seed in enumerate(seeds):
        draw(luck, row, scenario, seed)
    return luck.candidates


def test_attendance_is_binomial_over_the_list():
    came = arrivals(range(400), **{"audience.roster_late_s": 10})[:, FOLLOWER].sum(axis=1)
    mean, variance = INVITED * 0.7, INVITED * 0.7 * 0.3
    assert abs(came.mean() - mean) < 4 * np.sqrt(variance / 400), came.mean()
    assert abs(came.var(ddof=1) - variance) < 4 * variance * np.sqrt(2 / 399), came.var(ddof=1)
    assert came.max() <= INVITED


def test_most_are_there_within_the_first_minute_and_the_others_come_late():
    came = arrivals(range(200))[:, FOLLOWER]  # ticks of 5 s
    first = came[:, :12].sum() / came.sum()
    assert abs(first - 0.6) < 4 * np.sqrt(0.6 * 0.4 / came.sum()), first
    late = came[:, 12:].sum(axis=0)
    delay_s = (np.arange(len(late)) * 5.0 + 2.5) @ late / late.sum()
    assert abs(delay_s - 420.0) < 4 * 420.0 / np.sqrt(late.sum()) + 2.5, delay_s


def test_nobody_else_comes():
    came = arrivals(range(8))
    assert came[:, FEED].sum() == came[:, SEARCH].sum() == 0


def test_an_invited_person_is_known_to_the_room_as_one_who_follows_it():
    rooms = Rooms(load_scenario("enterprise", {"audience.planned_viewers": 40}))
    rooms.reset([1])
    for _ in range(4):
        rooms.advance()
    alive = rooms.state.alive[0] > 0
    assert alive.sum() > 20
    assert (rooms.state.viewers.source[0][alive] == FOLLOWER).all()
