"""The batch as a gymnasium vector environment: equal to single rooms, autoreset in the same step."""

from __future__ import annotations

import copy
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import DictInfoToList
from sessions import DECISIONS, SHORT, assert_same

from livesim.envs.vector_env import RoomVectorEnv
from livesim.errors import ActionError, ConfigError, OrderError


def no_action(envs):
    return np.zeros(envs.action_space.shape, dtype=np.int64)


@pytest.mark.parametrize("observation", ["flat", "dict"])
def test_env_i_of_a_vector_equals_the_single_environment(make, make_vec, env_id, scenario, observation):
    seeds = [21, 5, 13]
    envs = make_vec(env_id, scenario=scenario, observation=observation)
    singles = [make(env_id, scenario=scenario, observation=observation) for _ in seeds]
    everything = DictInfoToList(envs)
    together, infos = everything.reset(seed=seeds)
    envs.action_space.seed(2)
    apart = [env.reset(seed=seed) for env, seed in zip(singles, seeds, strict=True)]
    for _ in range(DECISIONS - 1):
        for i, (alone, info) in enumerate(apart):
            row = {name: value[i] for name, value in together.items()} if observation == "dict" else together[i]
            assert_same(row, alone, f"observation of {i}")
            assert_same(plain(infos[i]), info, f"info of {i}")
        actions = envs.action_space.sample()
        together, rewards, _, _, infos = everything.step(actions)
        steps = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        assert rewards.tolist() == [step[1] for step in steps]
        apart = [(step[0], step[-1]) for step in steps]


def plain(info):
    """Return info with numpy scalars as Python numbers, which a list of infos holds otherwise."""
    if isinstance(info, dict):
        return {key: plain(value) for key, value in info.items()}
    return info.item() if isinstance(info, np.generic) else info


@pytest.mark.parametrize("kwargs", [{}, {"observation": "dict"}, {"heads": ["recommend"], "others": {"ads": "random"}}])
def test_the_batch_equals_gymnasiums_own_vectorisation_over_several_episodes(make_vec, kwargs):
    batch = make_vec(**kwargs)
    loop = gymnasium.make_vec(
        "livesim/Room-v0", num_envs=3, vectorization_mode="sync", scenario="tiny", overrides=SHORT,
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP}, **kwargs,
    )  # fmt: skip
    assert_same(batch.reset(seed=7), loop.reset(seed=7), "reset")
    batch.action_space.seed(7)
    for step in range(2 * DECISIONS + 2):
        actions = batch.action_space.sample()
        assert_same(batch.step(actions), loop.step(actions), f"step {step}")


def test_autoreset_gives_the_last_observation_and_info_of_the_finished_session(make, make_vec):
    envs, single = make_vec(num_envs=2), make()
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    envs.reset(seed=30)
    single.reset(seed=31)
    for _ in range(DECISIONS):
        observation, reward, terminated, truncated, info = envs.step(no_action(envs))
        alone = single.step(np.zeros(3, dtype=int))
    assert terminated.tolist() == [True, True]
    assert truncated.tolist() == [False, False]
    assert_same(info["final_obs"][1], alone[0])
    assert info["final_info"]["time_s"].tolist() == [180.0, 180.0]
    assert info["final_info"]["reward_terms"]["watch"][1] == alone[-1]["reward_terms"]["watch"]
    assert reward[1] == alone[1]
    assert info["time_s"].tolist() == [0.0, 0.0]
    assert info["events"]["entered"].tolist() == [0.0, 0.0]
    assert_same(observation[1], single.reset()[0])
    assert "final_obs" not in envs.step(no_action(envs))[-1]


def test_rooms_out_of_step_end_one_by_one(make_vec):
    envs = make_vec(num_envs=2)
    envs.reset(seed=40)
    for _ in range(2):
        envs.step(no_action(envs))
    envs.reset(options={"reset_mask": np.array([True, False])})
    for _ in range(DECISIONS - 2):
        _, _, terminated, _, info = envs.step(no_action(envs))
    assert terminated.tolist() == [False, True]
    assert info["_final_info"].tolist() == [False, True]
    assert info["final_obs"][0] is None
    assert info["final_info"]["time_s"].tolist() == [0.0, 180.0]
    assert info["time_s"].tolist() == [30.0 * (DECISIONS - 2), 0.0]
    assert info["events"]["watch_s"][0] > 0.0


def test_an_integer_seed_counts_up_over_the_rooms(make_vec):
    counted, listed = make_vec(), make_vec()
    assert_same(counted.reset(seed=50), listed.reset(seed=[50, 51, 52]))
    counted.step(no_action(counted))
    assert_same(counted.reset(seed=50)[0], listed.reset(seed=[50, 51, 52])[0])


def test_the_same_seed_gives_the_same_later_episodes(make_vec):
    runs = []
    for _ in range(2):
        envs = make_vec()
        envs.reset(seed=60)
        runs.append([envs.step(no_action(envs)) for _ in range(2 * DECISIONS)])
    assert_same(runs[0], runs[1])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda envs: pickle.loads(pickle.dumps(envs))], ids=["deepcopy", "pickle"]
)
def test_a_copy_in_mid_session_continues_exactly_into_the_next_episode(make_vec, env_id, copied):
    envs = make_vec(env_id)
    envs.reset(seed=70)
    for _ in range(3):
        envs.step(no_action(envs))
    twin = copied(envs)
    for step in range(DECISIONS):
        assert_same(envs.step(no_action(envs)), twin.step(no_action(twin)), f"step {step}")


def test_info_masks_say_which_rooms_a_value_belongs_to(make_vec):
    envs = make_vec()
    _, info = envs.reset(seed=1)
    assert info["_viewers"].tolist() == [True, True, True]
    _, info = envs.reset(options={"reset_mask": np.array([False, True, False])})
    assert info["_viewers"].tolist() == info["events"]["_entered"].tolist() == [False, True, False]


def test_what_a_step_returns_is_never_changed_later(make_vec):
    envs = make_vec()
    kept = [envs.reset(seed=1)]
    copies = [copy.deepcopy(kept[0])]
    for _ in range(DECISIONS + 1):
        kept.append(envs.step(no_action(envs)))
        copies.append(copy.deepcopy(kept[-1]))
    assert_same(kept, copies)


def test_changing_a_returned_observation_changes_no_later_step(make_vec):
    spoiled, plain = make_vec("livesim/Recommend-v0"), make_vec("livesim/Recommend-v0")
    spoiled.reset(seed=1)[0][:] = 0.0
    plain.reset(seed=1)
    for _ in range(DECISIONS):
        one, other = spoiled.step(no_action(spoiled)), plain.step(no_action(plain))
        assert_same(one[:2], other[:2])
        one[0][:] = 0.0


def test_calls_out_of_order_are_refused(make_vec):
    envs = make_vec()
    with pytest.raises(OrderError, match=r"step\(\) before reset\(\): call reset\(\) first"):
        envs.step(no_action(envs))
    with pytest.raises(OrderError, match=r"call reset\(\) without reset_mask"):
        envs.reset(options={"reset_mask": np.array([True, False, False])})
    envs.reset(seed=1)
    envs.close()
    envs.close()
    with pytest.raises(OrderError, match=r"step\(\) on a closed environment"):
        envs.step(no_action(envs))


def test_bad_arguments_are_refused(make_vec):
    with pytest.raises(ConfigError, match="num_envs: 0"):
        RoomVectorEnv(0, scenario="tiny")
    envs = make_vec()
    with pytest.raises(ConfigError, match="seed: 2 seeds for 3 environments"):
        envs.reset(seed=[1, 2])
    with pytest.raises(ConfigError, match="reset_mask must be 3 bools"):
        envs.reset(options={"reset_mask": np.array([1, 0, 0])})
    envs.reset(seed=1)
    with pytest.raises(ActionError, match="environment 1: action 99 of head 'recommend'"):
        envs.step(np.array([[0, 0, 0], [99, 0, 0], [0, 0, 0]]))
