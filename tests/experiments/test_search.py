"""The search for hyperparameters: what is tried, on which luck, and that it can stop anywhere."""

import csv

import numpy as np
import pytest
import yaml

pytest.importorskip("optuna")
pytest.importorskip("stable_baselines3")

from experiments import seeds, study
from experiments.ablation import ablation_markdown
from experiments.compare import Scored
from experiments.config import ExperimentConfig, load_config
from experiments.episode_table import EpisodeTable
from experiments.interruption import Interruption
from experiments.progress import Silent
from experiments.result_folder import ResultFolder
from experiments.search import RUNGS, chosen_entry, dimensions, train_and_score, with_values
from experiments.study import Search
from livesim.errors import ConfigError, UnknownNameError

SMALL = {"num_envs": 2, "n_steps": 6, "batch_size": 6, "n_epochs": 1, "net": [4]}


def config(**changes):
    entry = {"name": "ppo", "algorithm": "maskable_ppo", "hyperparameters": {**SMALL, **changes}}
    return ExperimentConfig.model_validate(
        {
            "name": "small",
            "environment": "livesim/AdPlacement-v0",
            "scenario": "tiny",
            "algorithms": [entry],
            "total_steps": 72,
            "baselines": ["nothing"],
        }
    )


def search_in(path, **changes):
    chosen = config(**changes)
    folder = ResultFolder.open(path) if path.exists() else ResultFolder.create(path, chosen)
    return Search(folder, chosen, "", ["learning_rate", "ent_coef"], episodes=2)


def proposals(search):
    return [tuple(trial.params.values()) for trial in search.study.trials]


def test_tuning_luck_is_no_luck_that_counts():
    assert seeds.training_environment_seed(seeds.MOST_TRAINING_SEED) < seeds.SEARCH_START
    starts = [seeds.TUNING_START, seeds.FITTING_START, seeds.SEARCH_START, seeds.SEARCH_SCORE_START]
    assert starts == sorted(set(starts))
    assert all(start >= seeds.EVALUATION_END for start in starts)


def test_only_what_has_a_meaning_is_searched():
    plain = set(dimensions(config().algorithms[0]))
    advised = set(dimensions(config(advice="credit_rule", bound={}).algorithms[0]))
    assert advised - plain == {"advice_trust", "bound.kl_weight", "bound.until"}
    with pytest.raises(UnknownNameError, match=r"--only: ppo: unknown .*'advice_trust'"):
        dimensions(config().algorithms[0], ["advice_trust"])
    with pytest.raises(UnknownNameError, match=r"--algorithm: unknown algorithm 'pp'.*Did you mean 'ppo'"):
        chosen_entry(config(), "pp")


def test_a_dotted_name_reaches_into_a_section():
    entry = with_values(config(advice="credit_rule", bound={"until": 0.2}).algorithms[0], {"bound.kl_weight": 3.0})
    assert entry.hyperparameters["bound"] == {"until": 0.2, "kl_weight": 3.0}


def test_a_trial_is_scored_at_every_rung_and_ends_where_it_is_told_to():
    chosen, seen = config(), []
    score = train_and_score(chosen, chosen.algorithms[0], 2, lambda *point: bool(seen.append(point)), lambda: True)
    assert [step for step, _ in seen] == [12 * rung for rung in range(1, RUNGS + 1)]
    assert score == seen[-1][1]
    assert train_and_score(chosen, chosen.algorithms[0], 2, lambda step, _: step >= 24, lambda: True) is None
    with pytest.raises(KeyboardInterrupt):
        train_and_score(chosen, chosen.algorithms[0], 2, lambda *_: False, lambda: False)


def test_a_search_that_was_killed_goes_on_to_the_same_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "train_and_score", lambda config, entry, *rest: entry.hyperparameters["learning_rate"])
    straight, stopped = search_in(tmp_path / "straight"), search_in(tmp_path / "stopped")
    straight.run(14, 1, Silent(), Interruption())
    stopped.run(5, 1, Silent(), Interruption())
    killed = stopped._ask()  # running when the process died
    resumed = search_in(tmp_path / "stopped")
    resumed.run(13, 1, Silent(), Interruption())
    states = [trial.state.name for trial in resumed.study.trials]
    assert states.count("COMPLETE") == 13
    assert states[killed.number] == "FAIL"
    assert resumed.study.trials[killed.number + 1].params == killed.params, "what was lost is tried again"
    assert proposals(resumed)[:6] == proposals(straight)[:6]


def test_a_search_writes_a_configuration_that_runs(tmp_path):
    search = search_in(tmp_path / "found")
    search.run(2, 1, Silent(), Interruption())
    best = search.study.best_trial
    again = load_config(tmp_path / "found" / "experiment.yaml")
    assert again.algorithms[0].hyperparameters == {**SMALL, **best.params}
    fragment = yaml.safe_load((tmp_path / "found" / "best.yaml").read_text())
    assert fragment["algorithms"][0]["hyperparameters"] == {**SMALL, **best.params}
    with open(tmp_path / "found" / "trials.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["complete", "complete"]
    assert float(rows[best.number]["score"]) == best.value
    with pytest.raises(ConfigError, match="this search has episodes 2, not 3"):
        Search(search.folder, search.config, "", ["learning_rate", "ent_coef"], episodes=3)


@pytest.mark.slow
def test_two_processes_find_what_one_finds_for_the_same_proposals(tmp_path):
    one, two = search_in(tmp_path / "one"), search_in(tmp_path / "two")
    one.run(2, 1, Silent(), Interruption())
    two.run(2, 2, Silent(), Interruption())
    assert proposals(one) == proposals(two)
    assert [t.value for t in one.study.trials] == [t.value for t in two.study.trials]


def scored(name, rows, is_baseline=False):
    tables = {
        (None if is_baseline else seed): EpisodeTable({"seed": np.array([1, 2]), "return": np.array(values)})
        for seed, values in enumerate(rows)
    }
    return Scored(name, name.title(), tables, is_baseline)


def test_an_ablation_is_a_difference_on_the_same_luck_to_the_plain_learner():
    plain = scored("plain", [[1.0, 3.0], [2.0, 4.0]])
    twin = scored("twin", [[2.0, 4.0], [5.0, 7.0]])
    rule = scored("combined", [[9.0, 9.0]], is_baseline=True)
    lines = ablation_markdown([rule, plain, twin]).splitlines()
    assert lines[0].startswith("| learner | mean return | difference to `plain`")
    assert "| 2.0 [2.0, 2.0] | +1.0, +3.0 |" in lines[3]
    assert lines[4].startswith("| combined | 9.0")
    with pytest.raises(UnknownNameError, match=r"--plain: unknown learner 'plan'.*Did you mean 'plain'"):
        ablation_markdown([rule, plain, twin], "plan")
    with pytest.raises(ConfigError, match="at least two learners"):
        ablation_markdown([rule, plain])
