"""Every id with every shipped scenario keeps the contracts of Gymnasium and Stable-Baselines3."""

from __future__ import annotations

import json
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorStatistics
from sessions import DECISIONS, SHORT
from stable_baselines3.common.env_checker import check_env as sb3_check_env


@pytest.mark.parametrize("observation", ["flat", "dict"])
def test_gymnasium_accepts_the_environment(make, env_id, scenario, observation):
    env = make(env_id, scenario=scenario, observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.parametrize(
    "change",
    [{"session.clock": True}, {"analytics.privacy": "k_anonymous"}, {"analytics.privacy": "laplace"}],
    ids=["clock", "k_anonymous", "laplace"],
)
def test_both_checkers_accept_a_room_that_knows_the_time_or_hides_its_viewers(make, scenario, change):
    overrides = {**SHORT, **change}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(scenario=scenario, overrides=overrides).unwrapped, skip_render_check=True)
        sb3_check_env(make(scenario=scenario, overrides=overrides), warn=True)


def test_gymnasium_accepts_both_render_modes(make, env_id):
    check_env(make(env_id, render_mode="ansi").unwrapped)


@pytest.mark.parametrize("observation", ["flat", "dict"])
def test_stable_baselines3_accepts_the_environment(make, env_id, scenario, observation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3_check_env(make(env_id, scenario=scenario, observation=observation), warn=True)


def test_make_vec_gives_one_batch_with_the_spaces_of_the_single_environment(make, make_vec, env_id, scenario):
    env, envs = make(env_id, scenario=scenario), make_vec(env_id, scenario=scenario, num_envs=2)
    assert envs.single_observation_space == env.observation_space
    assert envs.single_action_space == env.action_space
    observation, info = envs.reset(seed=3)
    assert observation in envs.observation_space
    envs.action_space.seed(3)
    observation, reward, terminated, truncated, info = envs.step(envs.action_space.sample())
    assert observation in envs.observation_space
    assert (reward.shape, terminated.dtype, truncated.dtype) == ((2,), bool, bool)
    assert info["events"]["entered"].shape == (2,)
    assert info["action_mask"].shape == (2, envs.action_masks().shape[1])


def test_record_episode_statistics_counts_the_decisions(make, play, env_id, scenario):
    env = RecordEpisodeStatistics(make(env_id, scenario=scenario))
    env.reset(seed=1)
    steps = play(env, DECISIONS)
    assert [terminated for _, _, terminated, _, _ in steps] == [False] * (DECISIONS - 1) + [True]
    assert steps[-1][-1]["episode"]["l"] == DECISIONS
    assert steps[-1][-1]["episode"]["r"] == pytest.approx(sum(step[1] for step in steps))


def test_record_episode_statistics_counts_every_episode_of_a_vector(make_vec, env_id, scenario):
    envs = RecordVectorStatistics(make_vec(env_id, scenario=scenario, num_envs=2))
    envs.reset(seed=1)
    envs.action_space.seed(1)
    rewards = np.zeros(2)
    for _ in range(2 * DECISIONS):
        _, reward, _, _, info = envs.step(envs.action_space.sample())
        rewards += reward
    assert list(envs.length_queue) == [DECISIONS] * 4
    assert info["episode"]["l"].tolist() == [DECISIONS] * 2
    np.testing.assert_allclose(sum(envs.return_queue), rewards.sum())


def test_flattening_the_dict_observation_keeps_every_number(make, env_id, scenario):
    env = make(env_id, scenario=scenario, observation="dict")
    wrapped = FlattenObservation(env)
    observation, _ = wrapped.reset(seed=2)
    assert observation.shape == (env.unwrapped.layout.size,)
    flat, _ = make(env_id, scenario=scenario).reset(seed=2)
    np.testing.assert_array_equal(np.sort(observation), np.sort(flat))


def test_the_spec_survives_json(make, env_id):
    spec = make(env_id).spec
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(spec.to_json()))
    assert json.loads(spec.to_json())["id"] == env_id
    assert again.unwrapped.heads == make(env_id).unwrapped.heads
    assert again.unwrapped.scenario.session.duration_s == SHORT["session.duration_s"]


def test_single_and_vector_environment_take_the_same_arguments():
    import inspect

    from livesim.envs.env import RoomEnv
    from livesim.envs.vector_env import RoomVectorEnv

    single = dict(inspect.signature(RoomEnv).parameters)
    vector = dict(inspect.signature(RoomVectorEnv).parameters)
    vector.pop("num_envs")
    assert single == vector


def test_the_class_docstring_has_the_sections_of_the_field():
    from livesim.envs.env import RoomEnv

    sections = ["Observation", "Action heads", "Reward terms", "Start", "End", "Arguments", "Versions"]
    found = [line.strip()[3:] for line in RoomEnv.__doc__.splitlines() if line.strip().startswith("## ")]
    assert found == sections
