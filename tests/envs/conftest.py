"""Short sessions of every id and every shipped scenario, so that a new one is tested by being registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import pytest
from sessions import SHORT

import livesim
from livesim.envs.registration import ENV_IDS


@pytest.fixture(params=sorted(ENV_IDS))
def env_id(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=livesim.list_scenarios())
def scenario(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make() -> Callable[..., gymnasium.Env]:
    """Return gymnasium.make for a short session of the tiny scenario, or another one."""

    def build(env_id: str = "livesim/Room-v0", **kwargs: Any) -> gymnasium.Env:
        return gymnasium.make(env_id, **{"scenario": "tiny", "overrides": SHORT, **kwargs})

    return build


@pytest.fixture
def make_vec() -> Callable[..., gymnasium.vector.VectorEnv]:
    """Return gymnasium.make_vec over the batch, for a short session."""

    def build(env_id: str = "livesim/Room-v0", num_envs: int = 3, **kwargs: Any) -> gymnasium.vector.VectorEnv:
        kwargs = {"scenario": "tiny", "overrides": SHORT, **kwargs}
        return gymnasium.make_vec(env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **kwargs)

    return build


@pytest.fixture
def play() -> Callable[..., list[Any]]:
    """Return a function that plays sampled actions and lists (observation, reward, terminated, info)."""

    def run(env: gymnasium.Env, steps: int, seed: int = 0) -> list[Any]:
        env.action_space.seed(seed)
        return [env.step(env.action_space.sample()) for _ in range(steps)]

    return run
