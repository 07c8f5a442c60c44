"""What holds for every registered policy."""

import subprocess
import sys

import numpy as np
import pytest

from agents.policy import HEADS, make_policy, policy_names
from livesim import registry
from livesim.errors import ConfigError, UnknownNameError

NAMES = policy_names()


@pytest.fixture(scope="module")
def batch(layout):
    """Thirty-two observations spread over their space, with random masks that always allow action 0."""
    generator = np.random.default_rng(5)
    low, high = np.clip(layout.flat_space.low, -10, 10), np.clip(layout.flat_space.high, -10, 60)
    rows = (low + generator.random((32, layout.size)) * (high - low)).astype(np.float32)
    for name, place in layout.slices.items():
        if name.startswith("mask_"):
            rows[:, place] = generator.random((32, place.stop - place.start)) < 0.5
            rows[:, place.start] = 1.0
    return rows


def columns(policy, action):
    """Return (n, H) whatever the policy's action shape."""
    return action.reshape(len(action), -1)


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_asks_only_for_what_the_mask_allows(name, layout, scenario, batch):
    heads = HEADS if name.startswith("room.") else (name.split(".")[0],)
    action = columns(None, make_policy(name, layout, scenario, heads, seed=1).predict(batch)[0])
    fields = layout.split(batch)
    for column, head in enumerate(heads):
        mask = fields[f"mask_{head}"] > 0.5
        assert mask[np.arange(len(batch)), action[:, column]].all()


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_a_batch_is_played_as_if_it_were_alone(name, layout, scenario, batch):
    policy = make_policy(name, layout, scenario, HEADS, seed=1)
    seeds = np.arange(1000, 1032)
    state, together = policy.initial_state(seeds), []
    for step in range(3):
        action, state = policy.predict(np.roll(batch, step, axis=0), state)
        together.append(action)
    row = 17
    state = policy.initial_state(seeds[row : row + 1])
    for step in range(3):
        alone, state = policy.predict(np.roll(batch, step, axis=0)[row : row + 1], state)
        np.testing.assert_array_equal(alone[0], together[step][row])


@pytest.mark.parametrize("name", NAMES)
def test_flat_dict_and_single_observations_give_the_same_action(name, layout, scenario, batch):
    policy = make_policy(name, layout, scenario, HEADS, seed=1)
    named = {field: batch[:, place] for field, place in layout.slices.items()}
    flat, _ = policy.predict(batch)
    np.testing.assert_array_equal(policy.predict(named)[0], flat)
    np.testing.assert_array_equal(policy.predict(batch[0])[0], flat[0])
    np.testing.assert_array_equal(policy.predict({key: value[0] for key, value in named.items()})[0], flat[0])


def test_random_repeats_with_its_seed_and_differs_with_another(layout, scenario, batch):
    first, again, other = (
        make_policy("random", layout, scenario, HEADS, seed=seed).predict(batch)[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_random_is_uniform_among_allowed_actions(layout, scenario, observe):
    count = len(layout.format_names) + 1
    mask = np.ones(count)
    mask[2] = 0.0
    policy = make_policy("ads.random", layout, scenario, ("ads",), seed=9)
    rows = 3000
    action, _ = policy.predict(observe(rows=rows, mask_ads=np.tile(mask, (rows, 1))), policy.initial_state(range(rows)))
    shares = np.bincount(action, minlength=count) / rows
    assert shares[2] == 0.0
    # standard error of a share near 1/3 is .0086
    np.testing.assert_allclose(np.delete(shares, 2), 1 / (count - 1), atol=0.035)


def test_random_rolls_new_dice_in_every_step_and_every_episode(layout, scenario, observe):
    policy = make_policy("random", layout, scenario, HEADS, seed=2)
    observation, state, seen = observe(rows=1), None, []
    for step in range(12):
        action, state = policy.predict(observation, state, np.array([step % 4 == 0]))
        seen.append(tuple(action[0]))
    assert len(set(seen)) > 6
    assert seen[0:4] != seen[4:8]


def test_an_episode_start_clears_the_memory_of_that_row_only(layout, scenario, observe, kind):
    policy = make_policy("interact.lull_triggered", layout, scenario, ("interact",))
    offers = observe(rows=2, battle_offer=1.0, gift_trend=-0.5)
    state = None
    for _ in range(5):
        _, state = policy.predict(offers, state)
    action, _ = policy.predict(offers, state, np.array([True, False]))
    assert action.tolist() == [0, kind("battle")]


def test_a_room_policy_can_be_put_together_from_names(layout, scenario, batch):
    named = make_policy("recommend.round_robin+ads.credit_rule", layout, scenario)
    mapped = make_policy({"recommend": "round_robin", "ads": "credit_rule"}, layout, scenario)
    action, _ = named.predict(batch)
    np.testing.assert_array_equal(action, mapped.predict(batch)[0])
    assert (action[:, 2] == 0).all()


def test_a_room_policy_plays_its_part_of_a_one_head_environment(layout, scenario, batch):
    alone = make_policy("combined", layout, scenario, ("ads",)).predict(batch)[0]
    assert alone.shape == (32,)
    np.testing.assert_array_equal(alone, make_policy("combined", layout, scenario).predict(batch)[0][:, 1])


def test_an_unknown_policy_is_named_with_the_nearest_match(layout, scenario):
    with pytest.raises(UnknownNameError, match=r"unknown policy 'ads.credit_rul'.*Did you mean 'ads.credit_rule'\?"):
        make_policy("ads.credit_rul", layout, scenario)


def test_a_policy_of_another_head_is_refused(layout, scenario):
    with pytest.raises(
        ConfigError, match=r"policy 'ads.credit_rule' plays ads, but the environment's heads are recommend"
    ):
        make_policy("ads.credit_rule", layout, scenario, ("recommend",))


def test_two_policies_for_one_head_are_refused(layout, scenario):
    with pytest.raises(ConfigError, match="names more than one policy for a head"):
        make_policy("ads.random+ads.nothing", layout, scenario)


def test_a_registered_factory_takes_layout_scenario_and_seed(layout, scenario, batch):
    policy = registry.resolve("policy", "ads.random")(layout, scenario, 3)
    assert policy.head == "ads"
    assert policy.predict(batch)[0].shape == (32,)


def test_importing_the_heuristics_loads_no_learning_library():
    modules = "livesim, agents.heuristics, agents.network, agents.hyperparameters, agents.tuning"
    code = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "stable_baselines3", "sb3_contrib", "matplotlib"} & set(loaded)


def test_learning_without_the_extra_says_how_to_install_it():
    code = "import sys; sys.modules['stable_baselines3'] = None; import agents.learned"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode != 0
    assert "Install it with: pip install 'livesim[train]'" in result.stderr
