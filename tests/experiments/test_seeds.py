"""Seeds: how they are written, and that no evaluation seed can be a training seed."""

import numpy as np
import pytest

from experiments import seeds
from livesim.envs.batch import episode_seed
from livesim.errors import ConfigError


def test_a_range_names_its_first_seed_and_the_one_after_its_last():
    assert seeds.parse_seeds("1000:1003") == (1000, 1001, 1002)


@pytest.mark.parametrize("given", [[4, 2, 9], "4,2,9", (4, 2, 9)])
def test_a_list_keeps_its_order(given):
    assert seeds.parse_seeds(given) == (4, 2, 9)


def test_text_and_seeds_are_inverses():
    for text in ("1000:1064", "7", "4,2,9"):
        assert seeds.seeds_text(seeds.parse_seeds(text)) == text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("1000-1064", "cannot read '1000-1064'. Write a range such as 1000:1064 or a list of whole numbers"),
        ("5:5", "'5:5' holds no seed"),
        ([1, 2, 1], "1 is listed more than once"),
        ([-1], "-1 is outside 0 .. 4294967295; larger ones belong to training episodes"),
        ([2**32], "4294967296 is outside 0 .. 4294967295; larger ones belong to training episodes"),
        ([1.5], "cannot read [1.5]"),
        (True, "True is not a seed"),
        ("0:9999999", "holds 9999999 seeds; at most 1,000,000"),
    ],
)
def test_other_seeds_are_refused(given, message):
    with pytest.raises(ConfigError) as error:
        seeds.parse_seeds(given)
    assert message in str(error.value)


def test_the_rooms_of_training_start_above_every_evaluation_seed():
    assert seeds.training_environment_seed(0) == 2**32
    assert seeds.training_environment_seed(1) - seeds.training_environment_seed(0) >= 4096  # most rooms of a batch
    assert seeds.training_environment_seed(seeds.MOST_TRAINING_SEED - 1) < seeds.TUNING_START


def test_later_training_episodes_stay_above_every_evaluation_seed_too():
    generator = np.random.default_rng(0)
    drawn = [episode_seed(generator) for _ in range(1000)]
    assert min(drawn) >= seeds.EVALUATION_END
