"""The episode loop: what it measures, and that nothing depends on how many rooms are played at a time."""

import numpy as np
import pytest

from experiments.environment import EnvConfig
from experiments.episode_table import read_table
from experiments.rollout import rollout
from livesim.errors import ResultFolderError

SEEDS = (7, 1003, 12, 40, 5)


def play(env: EnvConfig, name: str, batch: int = 64, seeds=SEEDS):
    return rollout(env.policy(name), env, seeds, batch=batch)


@pytest.mark.parametrize("name", ["combined", "random", "nothing"])
def test_the_batch_size_changes_no_number(name):
    env = EnvConfig(scenario="tiny")
    together, alone, in_pairs = (play(env, name, batch).csv_text() for batch in (64, 1, 2))
    assert together == alone == in_pairs


@pytest.mark.parametrize("env_id", ["livesim/Recommend-v0", "livesim/AdPlacement-v0", "livesim/InteractionTiming-v0"])
def test_one_head_environments_do_not_depend_on_the_batch_either(env_id):
    env = EnvConfig(id=env_id, scenario="tiny")
    assert play(env, "random", 64).csv_text() == play(env, "random", 2).csv_text()


def test_the_rows_are_the_seeds_in_the_order_given():
    table = play(EnvConfig(scenario="tiny"), "nothing")
    assert table["seed"].tolist() == list(SEEDS)
    backwards = play(EnvConfig(scenario="tiny"), "nothing", seeds=SEEDS[::-1])
    assert backwards["return"].tolist() == table["return"].tolist()[::-1]


def test_reward_terms_add_up_to_the_return():
    table = play(EnvConfig(scenario="tiny"), "combined")
    total = sum(table[name] for name in table.names("term."))
    np.testing.assert_allclose(total, table["return"], rtol=1e-9)


def test_both_reward_modes_are_always_reported():
    expected = play(EnvConfig(scenario="tiny", reward_mode="expected"), "combined")
    realised = play(EnvConfig(scenario="tiny", reward_mode="realised"), "combined")
    assert expected["return"].tolist() == expected["return_expected"].tolist()
    assert realised["return"].tolist() == realised["return_realised"].tolist()
    assert realised["return_expected"].tolist() == expected["return_expected"].tolist()


def test_every_episode_is_played_to_its_end_and_every_action_counted():
    env = EnvConfig(scenario="tiny")
    table = play(env, "random")
    assert set(table["length"]) == {env.load_scenario().decisions}
    for head in env.heads:
        counted = sum(table[name] for name in table.names(f"action.{head}."))
        assert counted.tolist() == table["length"].tolist()


def test_doing_nothing_asks_for_nothing_and_is_never_masked():
    table = play(EnvConfig(scenario="tiny"), "nothing")
    assert table["action.ads.none"].tolist() == table["length"].tolist()
    assert table["masked_actions"].sum() == 0
    assert table["ad_minutes_per_hour"].sum() == 0


def test_health_measures_stay_in_their_range():
    table = play(EnvConfig(scenario="tiny"), "combined")
    assert np.all((table["stall_share"] >= 0) & (table["stall_share"] <= 1))
    assert np.all((table["ad_minutes_per_hour"] >= 0) & (table["ad_minutes_per_hour"] <= 60))
    assert np.all(table["viewers_peak"] >= table["viewers_mean"])


def test_progress_adds_up_to_the_number_of_episodes():
    done = []
    env = EnvConfig(scenario="tiny")
    rollout(env.policy("nothing"), env, SEEDS, batch=2, progress=done.append)
    assert sum(done) == pytest.approx(len(SEEDS))


def test_a_table_reads_back_exactly(tmp_path):
    table = play(EnvConfig(scenario="tiny"), "random")
    (tmp_path / "episodes.csv").write_text(table.csv_text())
    assert read_table(tmp_path / "episodes.csv").csv_text() == table.csv_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", "episodes.csv: is not a table of episodes: no column 'seed'"),
        ("seed,return\n1,2\n3\n", "episodes.csv:3: holds 1 values for 2 columns"),
        ("seed,return\n1,much\n", "episodes.csv: column return: could not convert string to float: 'much'"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(tmp_path, text, expected):
    (tmp_path / "episodes.csv").write_text(text)
    with pytest.raises(ResultFolderError) as error:
        read_table(tmp_path / "episodes.csv")
    assert str(error.value).endswith(expected)
