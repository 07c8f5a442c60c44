"""Experiments in randomised worlds: columns to condition on, training in one world and scores in another."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.calibration import calibrate
from experiments.config import load_config
from experiments.config_names import check_names
from experiments.environment import EnvConfig
from experiments.episode_table import read_table
from experiments.evaluate import read_scores
from experiments.facts.world import World
from experiments.result_folder import ResultFolder
from experiments.rollout import rollout
from livesim.errors import ConfigError, ScenarioError

VIEWERS, CROWD = "audience.planned_viewers", "gifts.crowd"
DRAWS = {VIEWERS: {"low": 20, "high": 80, "law": "log_uniform"}, CROWD: {"choices": ["crowding_out", "contagion"]}}
SETTING = "randomise={audience.planned_viewers: {low: 20, high: 80}}"
SEEDS = (7, 1003, 12, 40, 5)


def test_the_episode_table_says_the_world_of_each_session(tmp_path):
    env = EnvConfig(scenario="tiny", overrides={"randomise": DRAWS})
    table = rollout(env.policy("nothing"), env, SEEDS, batch=2)
    assert table.names("world.") == [f"world.{VIEWERS}", f"world.{CROWD}"]
    alone = env.make(1)
    for row, seed in enumerate(SEEDS):
        _, info = alone.reset(seed=seed)
        assert table[f"world.{VIEWERS}"][row] == info["world"][VIEWERS][0]
    assert set(table[f"world.{CROWD}"]) <= {0.0, 1.0}
    (tmp_path / "t.csv").write_text(table.csv_text())
    np.testing.assert_array_equal(read_table(tmp_path / "t.csv")[f"world.{VIEWERS}"], table[f"world.{VIEWERS}"])


def test_a_larger_audience_comes_where_a_larger_one_was_drawn():
    env = EnvConfig(scenario="tiny", overrides={"randomise": DRAWS})
    table = rollout(env.policy("nothing"), env, range(40))
    drawn, came = table[f"world.{VIEWERS}"], table["viewers_mean"]
    is_large = drawn > np.median(drawn)
    large, small = came[is_large], came[~is_large]
    error = np.sqrt(large.var(ddof=1) / len(large) + small.var(ddof=1) / len(small))
    assert large.mean() - small.mean() > 4.0 * error


def test_two_policies_on_one_seed_meet_the_same_world():
    env = EnvConfig(scenario="tiny", overrides={"randomise": DRAWS})
    tables = [rollout(env.policy(name), env, SEEDS) for name in ("nothing", "random")]
    for name in tables[0].names("world."):
        np.testing.assert_array_equal(tables[0][name], tables[1][name])


def test_an_experiment_randomises_by_overrides_and_by_set(tiny_file):
    by_set = load_config(tiny_file, [SETTING])
    assert by_set.env.load_scenario().randomise[VIEWERS].high == 80
    dotted = load_config(tiny_file, ["randomise.audience.planned_viewers={low: 20, high: 80}"])
    assert dotted.env.load_scenario() == by_set.env.load_scenario()
    tiny_file.write_text(tiny_file.read_text() + f"overrides: {{{SETTING.replace('=', ': ')}}}\n")
    assert load_config(tiny_file).env.load_scenario() == by_set.env.load_scenario()
    with pytest.raises(ConfigError, match="Did you mean 'randomise'"):
        load_config(tiny_file, ["randomize={}"])


@pytest.mark.parametrize(
    ("training", "evaluation", "is_drawn"),
    [
        ([SETTING], ["evaluation_overrides.randomise={}"], (True, False)),
        ([SETTING], ["evaluation_overrides.audience.planned_viewers=45"], (True, False)),
        ([], [f"evaluation_overrides.{SETTING}"], (False, True)),
        (["randomise={}", "audience.planned_viewers=45"], [f"evaluation_overrides.{SETTING}"], (False, True)),
    ],
    ids=["switched off", "held fixed", "only for scores", "fixed, then drawn for scores"],
)
def test_final_scores_can_be_played_in_other_worlds_than_training(tiny_file, training, evaluation, is_drawn):
    config = load_config(tiny_file, [*training, *evaluation])
    check_names(config)
    found = tuple(bool(env.load_scenario().randomise) for env in (config.env, config.evaluation_env))
    assert found == is_drawn
    if evaluation[0].endswith("=45"):
        assert config.evaluation_env.load_scenario().audience.planned_viewers == 45


@pytest.mark.slow
def test_a_policy_trained_in_many_worlds_is_scored_in_one_and_the_other_way_round(livesim, tiny_file, tmp_path):
    small = ["--set", "training_seeds=[0]", "--set", "baselines=[nothing]", "--set", "total_steps=96"]
    runs = {
        "many to one": ["--set", SETTING, "--set", "evaluation_overrides.randomise={}"],
        "one to many": ["--set", f"evaluation_overrides.{SETTING}"],
    }
    scored = {}
    for name, settings in runs.items():
        out = tmp_path / name.replace(" ", "_")
        result = livesim("run", tiny_file, *small, *settings, "--out", out)
        assert result.exit_code == 0, result.output
        scored[name] = read_scores(ResultFolder(out), load_config(out / "config.yaml"))
    tables = [table for policy in scored["many to one"] for table in policy.tables.values()]
    assert not any(table.names("world.") for table in tables)
    nothing, ppo = (policy.values(f"world.{VIEWERS}")[0] for policy in scored["one to many"])
    assert len(set(nothing)) == 8
    np.testing.assert_array_equal(ppo, nothing)


def test_what_describes_one_world_refuses_a_randomised_scenario(tmp_path):
    with pytest.raises(ScenarioError, match=r"tiny: facts describe one world, but randomise draws audience.planned_vi"):
        World("tiny", range(2), {"randomise": DRAWS})
    World("tiny", range(2), {"randomise": DRAWS, VIEWERS: 40, CROWD: "contagion"})
    (tmp_path / "shaken.yaml").write_text("extends: tiny\nrandomise:\n  ads.preroll: {choices: [true, false]}\n")
    with pytest.raises(ScenarioError, match=r"a calibration describes one world.*Hold it fixed: --set"):
        calibrate(str(tmp_path / "shaken.yaml"), 2, 1)
