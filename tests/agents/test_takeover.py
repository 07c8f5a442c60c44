"""A head that is taken over: who plays when, and that nothing else notices."""

import numpy as np

from agents.policy import make_policy
from agents.takeover import Choice, Takeover, Turn


def play(policy, batch, steps=6, seeds=range(1000, 1004)):
    state, played = policy.initial_state(list(seeds)), []
    for step in range(steps):
        actions, state = policy.predict(np.roll(batch, step, axis=0), state)
        played.append(actions)
    return np.stack(played)


def observations(layout):
    generator = np.random.default_rng(3)
    rows = generator.random((4, layout.size)).astype(np.float32)
    for name, place in layout.slices.items():
        if name.startswith("mask_"):
            rows[:, place] = 1.0
    return rows


HEADS = ("recommend", "ads", "interact")


def test_without_turns_a_policy_plays_as_it_does_alone(layout, scenario):
    alone = make_policy("random", layout, scenario, HEADS, seed=1)
    batch = observations(layout)
    np.testing.assert_array_equal(play(Takeover(alone, HEADS), batch), play(alone, batch))


def test_a_turn_plays_its_head_from_its_first_decision_to_before_its_end(layout, scenario):
    alone = make_policy("random", layout, scenario, HEADS, seed=1)
    batch = observations(layout)
    taken = play(Takeover(alone, HEADS, [Turn("ads", Choice(2), 2, 4)]), batch)
    expected = play(alone, batch)
    expected[2:4, :, 1] = 2
    np.testing.assert_array_equal(taken, expected)


def test_the_last_of_two_turns_of_a_head_plays_it(layout, scenario):
    alone = make_policy("nothing", layout, scenario, HEADS)
    turns = [Turn("ads", Choice(1), 0, 6), Turn("ads", Choice(2), 3, 4)]
    taken = play(Takeover(alone, HEADS, turns), observations(layout))
    assert taken[:, 0, 1].tolist() == [1, 1, 1, 2, 1, 1]


def test_a_policy_that_takes_over_begins_with_the_memory_of_a_new_episode(layout, scenario):
    rule = make_policy("ads.random", layout, scenario, ("ads",), seed=1)
    batch = observations(layout)
    taken = play(Takeover(make_policy("nothing", layout, scenario, HEADS), HEADS, [Turn("ads", rule, 2, 6)]), batch)
    shifted = play(rule, np.roll(batch, 2, axis=0), steps=4)
    np.testing.assert_array_equal(taken[2:, :, 1], shifted)


def test_a_head_beside_the_policy_is_played_by_whom_it_is_named_for(layout, scenario):
    alone = make_policy("ads.random", layout, scenario, ("ads",), seed=1)
    batch = observations(layout)
    taken = play(Takeover(alone, ("ads",), [Turn("interact", Choice(0), 3, 6)], {"interact": Choice(1)}), batch)
    assert taken.shape == (6, 4, 2)
    np.testing.assert_array_equal(taken[:, :, 0], play(alone, batch))
    assert taken[:, 0, 1].tolist() == [1, 1, 1, 0, 0, 0]
