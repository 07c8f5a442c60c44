"""Planners: what they guarantee, what they may not see, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from agents.planner import Clairvoyant, Fair, make_planner
from agents.planner.candidates import best_few, candidates
from agents.planner.copies import Copies, worth_of_a_viewer
from agents.policy import make_policy
from experiments.environment import EnvConfig
from experiments.rollout import rollout
from livesim.errors import ConfigError, OrderError, UnknownNameError

CHEAP = "futures=2:horizon=4:every=8:keep=2"
ADS = EnvConfig(id="livesim/AdPlacement-v0", scenario="tiny")
ROOM = EnvConfig(id="livesim/Room-v0", scenario="tiny")


def _plays(env, name, seeds):
    return rollout(env.policy(name), env, seeds)["return"]


@pytest.mark.parametrize(("env", "base"), [(ADS, "ads.credit_rule"), (ROOM, "room.combined"), (ROOM, "room.nothing")])
def test_a_clairvoyant_is_never_below_its_base_on_the_same_luck(env, base):
    seeds = [1, 2]
    bound = _plays(env, f"planner.clairvoyant:every=6:base={base}", seeds)
    rule = _plays(env, base, seeds)
    assert (bound >= rule - 1e-9).all(), (bound, rule)
    assert bound.mean() > rule.mean()


def test_further_sweeps_of_a_clairvoyant_never_lose():
    once, twice = (
        _plays(ADS, f"planner.clairvoyant:sweeps={sweeps}:every=6:base=ads.nothing", [4, 5]) for sweeps in (1, 2)
    )
    assert (twice >= once - 1e-9).all(), (once, twice)


@pytest.mark.parametrize("name", [f"planner.fair:{CHEAP}", "planner.clairvoyant:every=12"])
def test_a_planner_plays_a_room_of_a_batch_as_it_plays_it_alone(name):
    together = _plays(ROOM, name, [11, 12, 13])
    np.testing.assert_array_equal(_plays(ROOM, name, [12]), together[1:2])


def test_a_fair_planner_decides_the_same_whatever_the_future_holds():
    """Two rooms that are alike but for what is to come, see the same action; over a whole stretch of decisions."""
    env = ADS.make(2)
    env.reset(seed=[21, 21])
    policy = make_planner(f"planner.fair:{CHEAP.replace('every=8', 'every=1')}", env.layout, env.scenario, ("ads",))
    policy.meet(env.batch)
    for decision in range(12):
        env.step(np.zeros(2, dtype=np.int64))
        if decision % 3 == 0:
            kept = env.batch.snapshot()
            env.batch.rooms.renew_luck([77 + decision], rows=np.array([0]))
            observation = env.batch.observe()
            action, _ = policy.predict(observation, policy.initial_state(np.array([21, 21])))
            assert action[0] == action[1]
            env.batch.load(kept, np.arange(2))


def test_a_look_ahead_on_true_luck_is_what_then_happens():
    env = ADS.make(2)
    observation, _ = env.reset(seed=[31, 32])
    policy = make_policy("ads.credit_rule", env.layout, env.scenario, ("ads",))
    memory = policy.initial_state(np.array([31, 32]))
    for _ in range(5):
        action, memory = policy.predict(observation, memory)
        observation, *_ = env.step(action)
    action, memory = policy.predict(observation, memory)
    seen = Copies(env.batch).look_ahead(
        env.batch.snapshot(), np.array([0, 1, 1]), action[[0, 1, 1]][:, None], policy, memory, 7
    )
    total = np.zeros(2)
    for _ in range(7):
        observation, reward, *_ = env.step(action)
        total += reward
        action, memory = policy.predict(observation, memory)
    np.testing.assert_allclose(seen.total, total[[0, 1, 1]], rtol=1e-12)
    np.testing.assert_array_equal(seen.viewers, env.rooms.viewers[[0, 1, 1]])


def test_candidates_are_the_base_and_every_allowed_change_of_one_head():
    masks = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 1, 0]], dtype=bool)
    rooms, tried = candidates(np.array([[1, 0], [0, 0]]), masks, (3, 2))
    np.testing.assert_array_equal(rooms, [0, 0, 0, 1])
    np.testing.assert_array_equal(tried, [[1, 0], [0, 0], [1, 1], [0, 0]])


def test_the_best_few_keep_the_base_of_every_room():
    rooms, value = np.array([0, 0, 0, 0, 1, 1]), np.array([0.0, 3.0, 1.0, 2.0, 0.0, -5.0])
    is_base = np.array([True, False, False, False, True, False])
    np.testing.assert_array_equal(best_few(rooms, value, is_base, 2), [0, 1, 3, 4, 5])


def test_the_worth_of_a_viewer_is_what_they_bring_in_the_time_they_stay():
    half = np.array([0.5])
    tau = 10.0 / np.log(2.0)  # half of them gone after 10 decisions
    assert worth_of_a_viewer(np.array([2.0]), half, 10, np.array([1e9]))[0] == pytest.approx(2.0 * tau)
    assert worth_of_a_viewer(np.array([2.0]), half, 10, np.array([0.0]))[0] == 0.0
    assert worth_of_a_viewer(np.array([2.0]), half, 10, np.array([10.0]))[0] == pytest.approx(tau)


def test_names_say_planner_numbers_and_base(layout, scenario):
    fair = make_policy("planner.fair:futures=4:base=interact.spam:poll", layout, scenario, ("interact",))
    assert isinstance(fair, Fair)
    assert (fair.params.futures, fair.base.name) == (4, "interact.spam:poll")
    bound = make_policy("planner.clairvoyant", layout, scenario, ("recommend", "ads"))
    assert isinstance(bound, Clairvoyant)
    assert bound.base.name == "room.combined"


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("planner.fare", UnknownNameError, "Did you mean 'planner.fair'"),
        ("planner.fair:future=4", ConfigError, "unknown parameter 'future'.*Did you mean 'futures'"),
        ("planner.fair:futures=1", ConfigError, r"futures must lie in \[2, 1024\], got 1"),
        ("planner.fair:horizon=2.5", ConfigError, "horizon must be a whole number, got '2.5'"),
        ("planner.fair:every=2:every=3", ConfigError, "every is given twice"),
        ("planner.fair:base=planner.clairvoyant", ConfigError, "the base of a planner cannot be a planner"),
        ("planner.clairvoyant:base=combind", UnknownNameError, "Did you mean"),
    ],
)
def test_wrong_names_are_refused_with_what_is_allowed(layout, scenario, name, error, text):
    with pytest.raises(error, match=text):
        make_policy(name, layout, scenario, ("recommend", "ads"))


def test_a_planner_without_rooms_says_who_must_show_them(layout, scenario, observe):
    policy = make_policy("planner.fair", layout, scenario, ("ads",))
    with pytest.raises(OrderError, match=r"'planner.fair' plans on copies of the rooms it plays: call meet\(batch\)"):
        policy.predict(observe())
