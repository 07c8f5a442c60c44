"""Ingredients of learning at tiny size: sets, advice, bound, memory, frames; exact resume and play without torch."""

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import torch

from agents import hyperparameters
from agents.learned import Learner
from agents.leash import divergence
from agents.network import load_model
from agents.policy import make_policy
from livesim.envs.observations import ObservationLayout
from livesim.envs.vector_env import RoomVectorEnv
from livesim.errors import ConfigError
from livesim.scenario import load_scenario

ROOM = {"scenario": "tiny", "heads": ["recommend", "ads", "interact"]}
SMALL = {"num_envs": 2, "n_steps": 7, "batch_size": 7, "n_epochs": 2, "net": [8, 8]}
MIXTURES = {
    "sets, advice, look-ahead, bound, frames": {
        "extractor": "sets",
        "advice": "combined",
        "history": 2,
        "bound": {"critic_rollouts": 1, "until": 0.4},
        "look_ahead": {"rounds": 1, "sessions": 4, "looks": 2, "horizon": 3, "epochs": 2},
    },
    "advice at its own moments": {"advice": "combined", "advice_moments": "rule"},
    "events, clone, twin, realised": {
        "event_wait": 4,
        "warm_start": {"policy": "combined", "episodes": 2, "epochs": 1},
        "twin": "combined",
        "reward_mode": "realised",
    },
}


def start(algorithm="maskable_ppo", env=ROOM, **changes):
    return Learner(algorithm, {**SMALL, **changes}, env, seed=1, budget=400)


def actor_weights(learner):
    return {name: value.numpy().copy() for name, value in learner.model.policy.state_dict().items()}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_interrupted_and_resumed_training_is_bit_identical(mixture, tmp_path):
    straight, stopped = start(**MIXTURES[mixture]), start(**MIXTURES[mixture])
    straight.learn_until(98)
    stopped.learn_until(56)
    stopped.save_checkpoint(tmp_path)
    resumed = Learner.load_checkpoint(tmp_path)
    resumed.learn_until(98)
    assert resumed.steps == straight.steps
    mine, theirs = actor_weights(straight), actor_weights(resumed)
    for name in mine:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    np.testing.assert_array_equal(straight.rooms.raw_input, resumed.rooms.raw_input)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_a_saved_model_plays_whole_sessions_as_the_trained_one_without_torch(mixture, tmp_path):
    learner = start(**MIXTURES[mixture])
    learner.learn_until(28)
    learner.save_model(tmp_path / "model")
    with torch.no_grad():
        x = torch.as_tensor(learner.rooms.normalised(learner.rooms.raw_input))
        policy: object = learner.model.policy
        expected = policy.get_distribution(x, action_masks=learner.rooms.action_masks())
        logits = np.concatenate([head.logits.numpy() for head in expected.distributions], axis=1)
    played = _played_logits(load_model(tmp_path / "model"), learner)
    allowed = learner.rooms.action_masks()
    np.testing.assert_allclose(played[allowed], logits[allowed], atol=1e-4)


def _played_logits(policy, learner):
    """Return the normalised log-probabilities of a NumPy policy on the learner's present inputs."""
    outputs, _ = policy._outputs(learner.rooms.raw_input, (), np.zeros(2, dtype=bool))
    mask, parts, begin = learner.rooms.action_masks(), [], 0
    for size in policy.spec.sizes:
        place = slice(begin, begin + size)
        scores = np.where(mask[:, place], outputs[:, place], -np.inf)
        top = scores.max(axis=1, keepdims=True)
        parts.append(scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True)))
        begin += size
    return np.concatenate(parts, axis=1)


def test_a_policy_with_a_memory_plays_a_session_as_torch_does(tmp_path):
    learner = Learner(
        "recurrent_ppo", {**SMALL, "net": [8], "lstm_size": 6, "ent_coef": 0.0}, ROOM, seed=1, budget=400
    )
    learner.learn_until(28)
    policy, sb3 = learner.policy(), learner.model.policy
    env = RoomVectorEnv(num_envs=3, scenario="tiny")
    observation, _ = env.reset(seed=[5, 6, 7])
    state, theirs, first = policy.initial_state([5, 6, 7]), None, np.ones(3, dtype=bool)
    for _ in range(env.scenario.decisions + 3):
        action, state = policy.predict(observation, state, first)
        expected, theirs = sb3.predict(learner.normaliser.observation(observation), theirs, first, deterministic=True)
        np.testing.assert_array_equal(action, expected)
        np.testing.assert_allclose(state[1], theirs[0][0], atol=1e-5)
        observation, _, first, _, _ = env.step(action)


def test_a_policy_with_a_memory_never_chooses_what_is_masked():
    learner = Learner("recurrent_ppo", {**SMALL, "net": [8], "lstm_size": 6}, ROOM, seed=1, budget=400)
    masked = []
    step = learner.rooms.step_async

    def watch(actions):
        allowed, begin = learner.rooms.action_masks(), 0
        for column, size in enumerate(learner.rooms.inputs.sizes):
            masked.append(~allowed[np.arange(2), begin + actions[:, column]])
            begin += size
        step(actions)

    learner.rooms.step_async = watch
    learner.learn_until(56)
    assert not np.any(masked)


@pytest.fixture(scope="module")
def sets():
    learner = start(extractor="sets", advice="combined", history=2)
    learner.learn_until(28)
    return learner


def _room_of(order=(0, 1, 2, 3), more=()):
    """Return the tiny room with its items in another order, and further ones."""
    items = load_scenario("tiny").content.items
    chosen = [items[i].model_dump(mode="json") for i in order] + [dict(entry) for entry in more]
    scenario = load_scenario("tiny", {"content.items": chosen})
    return ObservationLayout(scenario), scenario


def test_permuting_the_items_permutes_the_logits(sets, observe):
    order = [2, 0, 3, 1]
    policy = sets.policy()
    generator, layout = np.random.default_rng(0), sets.env.layout
    values = {
        name: generator.random((5, 4))
        for name in ("item_minutes_since_shown", "item_minutes_shown", "item_match", "item_ctr", "item_stock")
    }
    values["item"] = np.eye(4)[[1, 0, 3, 2, 1]]
    values["item_is_product"], values["item_price_log"] = (
        observe(rows=1)[:, layout.slices[name]].repeat(5, axis=0) for name in ("item_is_product", "item_price_log")
    )
    before = observe(rows=5, **values)
    after = observe(rows=5, **{name: value[:, order] for name, value in values.items()})
    moved = policy.in_room(*_room_of(order))
    own, theirs = policy.outputs(before), moved.outputs(after)
    np.testing.assert_allclose(theirs[:, 1:5], own[:, 1:5][:, order], atol=1e-5)
    np.testing.assert_allclose(np.delete(theirs, range(1, 5), 1), np.delete(own, range(1, 5), 1), atol=1e-5)
    assert np.ptp(own[:, 1:5], axis=1).min() > 1e-6, "items are told apart"


def test_a_room_with_one_more_item_is_played_with_the_same_weights(sets):
    new = {"name": "encore", "kind": "performance", "topics": [0.1, 0.9, 0.1, 0.1, 0, 0, 0, 0], "length_s": 200}
    layout, scenario = _room_of(more=[new])
    policy = sets.policy().in_room(layout, scenario)
    for name, weight in sets.policy().weights.items():
        if "known" not in name:
            np.testing.assert_array_equal(policy.weights[name], weight)
    env = RoomVectorEnv(num_envs=8, scenario=scenario)
    observation, _ = env.reset(seed=list(range(8)))
    state, chosen = policy.initial_state(range(8)), []
    for _ in range(env.scenario.decisions):
        action, state = policy.predict(observation, state, deterministic=False)
        chosen.append(action[:, 0])
        observation, *_ = env.step(action)
    assert np.max(chosen) == 5, "the new item is among what it shows"


def test_a_flat_model_does_not_move_to_another_room():
    layout, scenario = _room_of()
    with pytest.raises(ConfigError, match="only a model with the extractor 'sets' plays in another room"):
        start().policy().in_room(layout, scenario)


def test_advice_starts_as_the_rule_and_trusts_it_as_asked():
    learner = start(advice="combined", advice_trust=0.9)
    learner.rooms.reset()
    rule = make_policy("combined", learner.env.layout, learner.env.scenario, learner.env.heads)
    raw = learner.rooms.raw_observation
    np.testing.assert_array_equal(learner.policy().predict(raw)[0], rule.predict(raw)[0])
    outputs, begin = learner.policy().outputs(raw), 0
    for column, size in enumerate(learner.rooms.inputs.sizes):
        logits = outputs[:, begin : begin + size]
        share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(share[np.arange(2), rule.predict(raw)[0][:, column]], 0.9, atol=0.02)
        begin += size


def test_the_first_rollouts_teach_the_value_and_leave_the_policy_alone():
    learner = start(advice="combined", bound={"critic_rollouts": 2})
    learner.learn_until(14)
    before = actor_weights(learner)
    learner.learn_until(28)
    after = actor_weights(learner)
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert changed
    assert all("critic" in name or "value_net" in name for name in changed)
    assert learner.statistics["train/kl_to_start"] == 0.0
    learner.learn_until(42)
    assert learner.statistics["train/kl_to_start"] > 0.0


def test_a_stronger_bound_keeps_the_policy_nearer_to_its_start():
    moved = []
    for weight in (0.0, 100.0):
        bound = {"kl_weight": weight, "critic_rollouts": 0, "until": 1.0}
        learner = start(advice="combined", bound=bound, learning_rate=0.01, target_kl=None)
        learner.learn_until(140)
        moved.append(learner.statistics["train/kl_to_start"])
    assert moved[1] < 0.2 * moved[0]


def test_the_penalty_falls_linearly_and_is_gone_when_it_should_be():
    learner = start(advice="combined", bound={"kl_weight": 2.0, "until": 0.5})
    learner.learn_until(1)
    assert [learner._leash.weight(steps) for steps in (0, 100, 200, 300)] == [2.0, 1.0, 0.0, 0.0]


def test_divergence_is_that_of_two_categorical_distributions():
    def one(p):
        return torch.distributions.Categorical(probs=torch.tensor([p]))

    class Heads:
        def __init__(self, *heads):
            self.distribution = list(heads)

    before, now = Heads(one([0.5, 0.5]), one([0.2, 0.8])), Heads(one([0.25, 0.75]), one([0.2, 0.8]))
    expected = 0.5 * np.log(2.0) + 0.5 * np.log(2.0 / 3.0)
    np.testing.assert_allclose(divergence(before, now), [expected], rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"event_wait": 4}, "event_wait: needs a number of 1 or more and an algorithm with masks"),
        ({"bound": {}}, "bound: needs a start worth keeping: warm_start or advice"),
        ({"advice": "combined", "initial_bias": "nothing"}, "initial_bias and advice both say where to start"),
        ({"advice": "combined", "advice_moments": "rule"}, "advice_moments: 'rule' needs advice and maskable_ppo"),
        ({"extractor": "sets", "net": [8]}, "the extractor 'sets' has two hidden layers"),
        ({"bound": {"kl_wait": 1}}, "ppo.bound: unknown hyperparameter 'kl_wait'.*Did you mean 'kl_weight'"),
    ],
)
def test_what_means_nothing_together_is_refused(values, says):
    with pytest.raises(ConfigError, match=says):
        hyperparameters.validate("ppo", values)


def test_realised_rewards_are_learnt_from_where_asked():
    expected, realised = (start(reward_mode=mode) for mode in (None, "realised"))
    for learner in (expected, realised):
        learner.learn_until(14)
    info = realised.rooms.last_info
    np.testing.assert_array_equal(realised.rooms.raw_reward, info["reward_realised"])
    np.testing.assert_array_equal(expected.rooms.raw_reward, expected.rooms.last_info["reward_expected"])
