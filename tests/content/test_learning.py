"""Lessons teach whoever follows them, quizzes rehearse what was taught, and nobody learns from anything else."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim import ledger as book
from livesim.content.learning import learn, rehearse
from livesim.heads import choices
from tests.conftest import play


def viewer(known: float = 0.0, mood: float = 0.0) -> SimpleNamespace:
    return SimpleNamespace(known=known, asked=0.0, mood=mood)


def test_an_hour_of_half_attention_teaches_what_the_curve_says():
    v, ledger = viewer(known=0.2), np.zeros(len(book.COLUMNS))
    learn.py_func(v, SimpleNamespace(learn_per_h=2.0), ledger, 3600.0)  # engagement sigma(0) = 1/2
    assert v.known == pytest.approx(1.0 - 0.8 * math.exp(-1.0))
    assert ledger[book.LEARNED] == pytest.approx(v.known - 0.2)


def test_two_half_hours_teach_as_much_as_one_hour():
    p, ledger = SimpleNamespace(learn_per_h=3.0), np.zeros(len(book.COLUMNS))
    once, twice = viewer(), viewer()
    learn.py_func(once, p, ledger, 3600.0)
    for _ in range(2):
        learn.py_func(twice, p, ledger, 1800.0)
    assert once.known == pytest.approx(twice.known)


@pytest.mark.parametrize(("known", "expected"), [(0.0, 0.0), (0.5, 0.6), (1.0, 1.0)])
def test_a_quiz_helps_what_was_half_understood_and_nothing_else(known, expected):
    v, ledger = viewer(known), np.zeros(len(book.COLUMNS))
    rehearse.py_func(v, 0.4, ledger)
    assert v.known == pytest.approx(expected)
    assert ledger[book.LEARNED] == pytest.approx(expected - known)


def test_asking_the_same_again_teaches_nothing():
    v, ledger = viewer(0.5), np.zeros(len(book.COLUMNS))
    rehearse.py_func(v, 0.4, ledger)
    once = v.known
    rehearse.py_func(v, 0.4, ledger)
    assert v.known == once


def lesson_room(**overrides) -> Rooms:
    return Rooms(load_scenario("education", {"audience.planned_viewers": 40, "session.duration_s": 2400, **overrides}))


def rest(rooms: Rooms, _: int) -> np.ndarray:
    return np.zeros((rooms.num_rooms, len(rooms.head_sizes)), dtype=np.int64)


def test_nobody_learns_while_no_lesson_is_on():
    rooms = lesson_room()
    rooms.reset([3])
    first = rooms.scenario.content.items[0]
    assert first.kind != "lesson"
    play(rooms, rest, round(first.length_s / 30.0))
    learned = rooms.state.ledger.history[0, :, book.LEARNED]
    assert learned.sum() == 0.0
    play(rooms, rest)
    assert rooms.state.ledger.history[0, :, book.LEARNED].sum() > 1.0


def test_what_was_learned_is_paid_at_its_price_in_both_forms():
    rooms = lesson_room()
    rooms.reset([3])
    play(rooms, rest, 40)
    price = rooms.scenario.rewards.learned
    for mode in ("expected", "realised"):
        assert rooms.reward_terms(mode)["learning"][0] == pytest.approx(price * rooms.events()["learned"][0])
    assert rooms.events()["learned"][0] > 0


def test_a_quiz_shows_what_the_room_knows():
    rooms = lesson_room()
    rooms.reset([3])
    quiz = 1 + choices(rooms.scenario)["interact"].index("quiz")

    def ask(rooms: Rooms, decision: int) -> np.ndarray:
        return np.array([[0, 0, quiz if decision == 40 else 0, 0]])

    play(rooms, ask, 41)
    assert rooms.analytics()["quiz_score"][0] == 0.0
    play(rooms, ask, 10, first=41)
    alive = rooms.state.alive[0] > 0
    assert 0.0 < rooms.analytics()["quiz_score"][0] < rooms.state.viewers.known[0][alive].max()
