import pytest

from agents.hyperparameters import ALGORITHMS, validate
from livesim.errors import ConfigError, UnknownNameError


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_defaults_are_valid(algorithm):
    assert validate(algorithm, {}).gamma == 0.998


def test_an_unknown_algorithm_is_named_with_the_nearest_match():
    with pytest.raises(
        UnknownNameError,
        match=r"unknown algorithm 'maskable'. Known: a2c, dqn, maskable_ppo, ppo, recurrent_ppo. Did you mean",
    ):
        validate("maskable", {})


def test_an_unknown_hyperparameter_is_named_with_the_nearest_match():
    with pytest.raises(
        ConfigError, match=r"ppo: unknown hyperparameter 'learning_rat'.*Did you mean 'learning_rate'\?"
    ):
        validate("ppo", {"learning_rat": 1e-3})
    with pytest.raises(
        ConfigError, match=r"ppo.warm_start: unknown hyperparameter 'episode'.*Did you mean 'episodes'\?"
    ):
        validate("ppo", {"warm_start": {"episode": 3}})


def test_a_hyperparameter_of_another_algorithm_is_unknown():
    with pytest.raises(ConfigError, match="dqn: unknown hyperparameter 'clip_range'"):
        validate("dqn", {"clip_range": 0.1})


def test_a_value_out_of_bounds_is_refused_with_its_place():
    with pytest.raises(ConfigError, match=r"a2c.gamma: Input should be less than or equal to 1, got 1.5"):
        validate("a2c", {"gamma": 1.5})
