"""What the privacy modes of analytics hide, and how much noise they add."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.content.state import NEVER
from livesim.errors import ScenarioError
from livesim.ledger import MESSAGES
from livesim.privacy import counts
from livesim.privacy.config import PRIVACY
from livesim.privacy.publish import LAPLACE, Look, laplace, published, published_count
from livesim.randomness import room_key
from tests.conftest import busy_actions, play

MODES = {name: {"analytics.privacy": name} for name in PRIVACY}
ROOM = {"audience.planned_viewers": 80, "session.duration_s": 1800}


def room(mode: str, seeds=(1, 2), **analytics) -> Rooms:
    overrides = {**ROOM, **MODES[mode], **{f"analytics.{name}": value for name, value in analytics.items()}}
    rooms = Rooms(load_scenario("entertainment", overrides), len(seeds))
    rooms.reset(list(seeds))
    return rooms


def together(*batches: Rooms):
    """Play batches with the actions of the first, and yield the observations of all before every decision."""
    while True:
        yield [rooms.analytics() for rooms in batches]
        if batches[0].ended.all():
            return
        actions = busy_actions(batches[0], int(batches[0].state.ledger.decision[0]))
        for rooms in batches:
            rooms.apply(actions)
            rooms.advance()


def test_the_noise_is_laplace_with_mean_zero_and_variance_two():
    """100,000 draws over names and decisions, 4 standard errors: the fourth moment of Laplace(0, 1) is 24."""
    key = room_key(3)
    draws = np.array([laplace(key, name, decision) for name in range(100) for decision in range(1000)])
    assert abs(draws.mean()) < 4 * math.sqrt(2 / len(draws))
    assert abs(draws.var() - 2.0) < 4 * math.sqrt((24 - 4) / len(draws))
    assert abs((np.abs(draws) > math.log(2)).mean() - 0.5) < 4 * math.sqrt(0.25 / len(draws))


def test_a_published_count_has_noise_of_scale_one_over_epsilon():
    """Viewers read back from the observation, less those present: mean 0, variance 2 / epsilon^2, 4 standard errors.

    Looked at only where 40 and more are present: with epsilon 2 nothing is cut at zero there.
    """
    rooms = room("laplace", seeds=range(32), epsilon=2.0)
    noise = []
    for (seen,) in together(rooms):
        crowded = rooms.viewers >= 40
        noise.append((np.expm1(seen["viewers_log"].astype(float)) - rooms.viewers)[crowded])
    noise = np.concatenate(noise)
    assert len(noise) > 500
    assert abs(noise.mean()) < 4 * math.sqrt(0.5 / len(noise))
    assert abs(noise.var() - 0.5) < 4 * math.sqrt(20 / 16 / len(noise))


def test_noise_is_the_same_luck_for_every_policy_and_every_look():
    idle, busy = room("laplace", seeds=(7,)), room("laplace", seeds=(7,))
    met_others = False
    for decision in range(50):
        noises = []
        for rooms in (idle, busy):
            first, second = rooms.observe(), rooms.observe()
            np.testing.assert_array_equal(first, second)
            viewers = np.expm1(float(rooms.analytics()["viewers_log"][0]))
            noises.append(viewers - float(rooms.viewers[0]) if viewers > 0 else None)
        if decision > 20 and None not in noises:
            assert noises[0] == pytest.approx(noises[1], abs=1e-3)
        idle.apply(np.zeros((1, 4), dtype=np.int64))
        busy.apply(busy_actions(busy, decision))
        idle.advance()
        busy.advance()
        met_others |= bool(idle.viewers[0] != busy.viewers[0])
    assert met_others, "the two policies must differ in what they bring"


def test_noise_differs_from_name_to_name_decision_to_decision_and_room_to_room():
    first = laplace(room_key(1), counts.PRESENT, 5)
    others = [(1, counts.ENTRIES, 5), (1, counts.PRESENT, 6), (2, counts.PRESENT, 5)]
    assert all(laplace(room_key(seed), name, decision) != first for seed, name, decision in others)


def test_a_noisy_count_is_never_negative_and_a_sum_carries_the_noise_of_its_unit():
    look = Look(LAPLACE, 10.0, 1.0, room_key(1), 4)
    found = [published_count(Look(LAPLACE, 10.0, 1.0, room_key(1), n), counts.PRESENT, 0) for n in range(200)]
    assert min(found) == 0.0
    assert max(found) > 1.0
    in_seconds = published(look, counts.VIEWER_S, 300.0, 30.0, 10.0)
    assert in_seconds == pytest.approx(300.0 + 30.0 * laplace(room_key(1), counts.VIEWER_S, 4))


def test_small_groups_are_hidden_and_others_shown_exactly():
    """Viewers on one side of k = 30 read 0, those on the other as they are; so does what is computed from entries."""
    exact, hidden = room("full"), room("k_anonymous", k=30)
    sides = set()
    for full, anonymous in together(exact, hidden):
        for row, present in enumerate(exact.viewers):
            sides.add(present >= 30)
            for name in ("viewers_log", "break_value_log", "item_match"):
                shown = full[name][row] if present >= 30 else np.zeros_like(full[name][row])
                np.testing.assert_array_equal(anonymous[name][row], shown, err_msg=name)
    assert sides == {False, True}


def test_what_few_viewers_wrote_is_hidden_however_much_it_was():
    loud = {**ROOM, **MODES["k_anonymous"], "analytics.k": 5, "chat.base_per_viewer_min": 0.5}
    rooms = Rooms(load_scenario("entertainment", loud), 2)
    rooms.reset([1, 2])
    play(rooms, decisions=50)
    many = rooms.analytics()
    wrote = rooms.state.viewers.spoke_s >= rooms.time_s[0] - 600.0
    for row in range(2):
        talkers = np.flatnonzero(wrote[row] & (rooms.state.alive[row] == 1))
        assert len(talkers) >= 5, "this test needs a talkative room"
        rooms.state.viewers.spoke_s[row, talkers[4:]] = NEVER
    few = rooms.analytics()
    assert (rooms.state.ledger.history[:, 40:50, MESSAGES].sum(axis=1) >= 5).all(), "messages enough for a crowd"
    assert (many["chat_trend"] != 0).all()
    assert (few["chat_trend"] == 0).all()
    assert (few["chat_per_min_log"] == 0).all()


def test_with_a_group_size_that_nobody_reaches_every_number_about_viewers_reads_its_hidden_value():
    exact, hidden = room("full"), room("k_anonymous", k=10_000)
    for full, anonymous in together(exact, hidden):
        for field in exact._layout.fields:
            if field.hidden is None:
                np.testing.assert_array_equal(anonymous[field.name], full[field.name], err_msg=field.name)
            else:
                np.testing.assert_array_equal(anonymous[field.name], np.float32(field.hidden), err_msg=field.name)


@pytest.mark.parametrize("scenario", ["tiny", "ecommerce"])
def test_noise_touches_every_number_about_viewers_and_nothing_else(scenario):
    size = {"audience.planned_viewers": 100, "session.duration_s": 1800}
    exact, noisy = (Rooms(load_scenario(scenario, {**size, **MODES[mode]}), 2) for mode in ("full", "laplace"))
    exact.reset([3, 4])
    noisy.reset([3, 4])
    touched = set()
    for full, seen in together(exact, noisy):
        for field in exact._layout.fields:
            if not np.array_equal(full[field.name], seen[field.name]):
                touched.add(field.name)
    assert touched == {field.name for field in exact._layout.fields if field.hidden is not None}


@pytest.mark.parametrize("mode", PRIVACY)
def test_privacy_limits_the_observation_and_nothing_else(mode):
    exact, other = room("full"), room(mode)
    for _ in together(exact, other):
        for one, two in zip(exact.masks(), other.masks(), strict=True):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(exact.reward_values(), other.reward_values())
    assert exact.state.ledger.history.tobytes() == other.state.ledger.history.tobytes()


def test_rows_of_one_batch_may_have_different_modes():
    mixed = Rooms([load_scenario("tiny", MODES[mode]) for mode in PRIVACY])
    mixed.reset([5, 5, 5])
    play(mixed, decisions=15)
    for row, mode in enumerate(PRIVACY):
        alone = Rooms(load_scenario("tiny", MODES[mode]))
        alone.reset([5])
        play(alone, decisions=15)
        np.testing.assert_array_equal(alone.observe()[0], mixed.observe()[row])


@pytest.mark.parametrize("mode", PRIVACY)
def test_a_copy_is_seen_as_the_original(mode):
    rooms = room(mode)
    play(rooms, decisions=20)
    twin = copy.deepcopy(rooms)
    for (one,), (two,) in zip(together(rooms), together(twin), strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("analytics.privacy", "laplac", r"analytics.privacy: .*given: 'laplac'\)\. Did you mean 'laplace'\?"),
        ("analytics.k", 1, "analytics.k: .*greater than or equal to 2"),
        ("analytics.epsilon", 0, "analytics.epsilon: .*greater than or equal to 0.001"),
        ("analytics.kk", 3, "unknown key 'kk'. Known: .*epsilon"),
    ],
)
def test_a_mistake_about_privacy_is_named(key, value, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("tiny", {key: value})
