"""Experiment files: what is accepted, and the text of every mistake."""

from pathlib import Path

import pytest

from experiments.config import load_config
from experiments.config_names import check_names
from experiments.result_page.tables import asked
from livesim.errors import ConfigError, LivesimError


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "experiment.yaml"
    file.write_text(text)
    return file


def message_of(file: Path, *settings: str, names: bool = False) -> str:
    def load() -> None:
        config = load_config(file, settings)
        if names:
            check_names(config, "experiment.yaml")

    with pytest.raises(LivesimError) as error:
        load()
    return str(error.value).replace(str(file), file.name)


def test_a_minimal_file_needs_a_name_only(tmp_path):
    config = load_config(written(tmp_path, "name: first\n"))
    assert config.environment == "livesim/Room-v0"
    assert config.evaluation_seeds == tuple(range(1000, 1064))
    assert config.baselines == ("random", "nothing", "combined")


@pytest.mark.parametrize(
    "name",
    [
        "demo",
        "room",
        "recommend",
        "ads",
        "interact",
        "operate",
        "operate_outage",
        "traces",
        "ablation",
    ],
)
def test_every_shipped_experiment_is_valid(name):
    file = Path(__file__).parents[2] / "experiments" / "configs" / f"{name}.yaml"
    config = load_config(file)
    assert config.name == name
    check_names(config, str(file))


def test_the_resolved_configuration_reads_back_as_itself(tmp_path, tiny_file):
    import yaml

    config = load_config(tiny_file, ["network.kappa=1.5"])
    again = load_config(written(tmp_path, yaml.safe_dump(config.as_data())))
    assert again == config
    assert again.digest() == config.digest()


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_match(tmp_path):
    text = message_of(written(tmp_path, "name: x\ntotal_stps: 5\n"))
    assert text.startswith("experiment.yaml:2: unknown key 'total_stps'. Known: ")
    assert text.endswith("Did you mean 'total_steps'?")


def test_an_unknown_key_of_an_algorithm_is_named_with_its_line(tmp_path):
    text = message_of(written(tmp_path, "name: x\nalgorithms:\n  - name: a\n    algorithm: ppo\n    hyperparams: {}\n"))
    assert text.startswith("experiment.yaml:5: algorithms.0: unknown key 'hyperparams'")
    assert text.endswith("Did you mean 'hyperparameters'?")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("total_steps: many", "experiment.yaml:2: total_steps: input should be a valid integer, got 'many'"),
        ("total_steps: 1.5", "experiment.yaml:2: total_steps: input should be a valid integer, got 1.5"),
        (
            "total_steps: 0",
            "experiment.yaml:2: total_steps: input should be greater than or equal to 1, got 0",
        ),
        ("scenario: 7", "experiment.yaml:2: scenario: input should be a valid string, got 7"),
        ("reward_mode: hoped", "reward_mode: input should be 'expected' or 'realised', got 'hoped'"),
        ("evaluation_seeds: 5:5", "experiment.yaml:2: evaluation_seeds: '5:5' holds no seed"),
        ("curve_seeds: 1000:1002", "curve_seeds and evaluation_seeds share seed 1000"),
        ("training_seeds: [99999999]", "99999999 is too large for a training seed; the largest is 16777215"),
        ("baselines: [random, random]", "'random' names more than one policy of the experiment"),
        ("name: y", "experiment.yaml:2: name: written twice; the first is in line 1"),
        ("batch: [", "experiment.yaml:3: not valid YAML"),
    ],
)
def test_a_wrong_value_is_named_with_file_line_and_key(tmp_path, line, expected):
    assert expected in message_of(written(tmp_path, f"name: x\n{line}\n"))


def test_a_name_that_could_leave_the_result_folder_is_refused(tmp_path):
    text = message_of(written(tmp_path, "name: ../x\n"))
    assert "experiment.yaml:1: name: '../x' is not a safe name. Use letters, digits, _ and -, at most 64" in text


def test_a_file_that_is_no_mapping_or_empty_or_missing_is_refused(tmp_path):
    assert message_of(written(tmp_path, "- a\n")) == "experiment.yaml:1: expected `key: value` lines"
    assert message_of(written(tmp_path, "")) == "experiment.yaml: is empty"
    assert "no such experiment file" in message_of(tmp_path / "absent.yaml")


def test_nothing_in_a_file_is_executed(tmp_path):
    text = message_of(written(tmp_path, "name: !!python/object/apply:os.getcwd []\n"))
    assert "not valid YAML" in text


def test_scientific_notation_without_a_point_is_a_number(tmp_path):
    file = written(
        tmp_path, "name: x\nalgorithms: [{name: a, algorithm: ppo, hyperparameters: {learning_rate: 1e-4}}]\n"
    )
    assert load_config(file).algorithms[0].hyperparameters == {"learning_rate": 1e-4}


def test_settings_replace_keys_and_reach_into_lists(tiny_file):
    config = load_config(tiny_file, ["total_steps=1000", "algorithms.0.hyperparameters.gamma=.9"])
    assert config.total_steps == 1000
    assert config.algorithms[0].hyperparameters["gamma"] == 0.9


def test_a_setting_of_a_scenario_section_becomes_an_override(tiny_file):
    config = load_config(tiny_file, ["audience.planned_viewers=10"])
    assert config.overrides == {"audience.planned_viewers": 10}
    assert config.env.load_scenario().audience.planned_viewers == 10


def test_paths_are_kept_whole_so_that_the_record_repeats_from_any_folder(tmp_path, tiny_file, monkeypatch):
    (tmp_path / "own.yaml").write_text("extends: tiny\n")
    monkeypatch.chdir(tmp_path)
    config = load_config(tiny_file, ["scenario=own.yaml", "network.traces=lines"])
    assert config.scenario == str(tmp_path / "own.yaml")
    assert config.overrides == {"network.traces": str(tmp_path / "lines")}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("total_step=5", "--set total_step=5: unknown key 'total_step'."),
        ("total_step=5", "Did you mean 'total_steps'?"),
        ("total_steps", "--set total_steps: write key=value, for example --set total_steps=100000"),
        (
            "algorithms.3.label=x",
            "--set algorithms.3.label=x: '3' is not an entry of a list of 1; entries count from 0",
        ),
        ("name.first=x", "--set name.first=x: 'first' lies inside 'small', which has no keys"),
    ],
)
def test_a_wrong_setting_is_named(tiny_file, setting, expected):
    assert expected in message_of(tiny_file, setting)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["environment=livesim/Rom-v0"], "Did you mean 'livesim/Room-v0'?"),
        (["scenario=entertainmnt"], "unknown scenario 'entertainmnt'"),
        (["scenario=entertainmnt"], "Did you mean 'entertainment'?"),
        (["audience.planed_viewers=3"], "Did you mean 'planned_viewers'?"),
        (["reward=balancd"], "experiment.yaml: reward: unknown reward preset 'balancd'."),
        (["baselines=[radom]"], "experiment.yaml: baselines: unknown policy 'radom'."),
        (["algorithms.0.algorithm=pppo"], "experiment.yaml: algorithms: ppo: unknown algorithm 'pppo'."),
        (["algorithms.0.hyperparameters.gama=.9"], "Did you mean 'gamma'?"),
        (["algorithms.0.warm_start={policy: combind}"], "unknown policy 'combind'"),
        (["others={recommend: nothing}"], "head 'recommend' is controlled by the agent"),
        (["algorithms.0.hyperparameters={advice: combind}"], "unknown policy 'combind'"),
        (["network.traces=/no/such/folder"], "/no/such/folder"),
        (["algorithms.0.algorithm=dqn", "algorithms.0.hyperparameters={}"], "dqn"),
    ],
)
def test_names_and_numbers_are_checked_before_any_work(tiny_file, settings, expected):
    assert expected in message_of(tiny_file, *settings, names=True)


def test_a_malformed_trace_is_named_with_file_and_line_before_any_work(tiny_file, tmp_path):
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "4g_1.csv").write_text("time_s,bandwidth_kbps\n0,1000\n1,-5\n")
    text = message_of(tiny_file, f"network.traces={tmp_path / 'lines'}", names=True)
    assert "4g_1.csv" in text
    assert "3" in text


def test_final_scores_can_be_played_on_traces_of_their_own(tiny_file, tmp_path):
    for n in range(5):
        (tmp_path / f"4g_{n}.csv").write_text("time_s,bandwidth_kbps\n0,9000\n1,8000\n")
    split = ["network.trace_split=train", "evaluation_overrides.network.trace_split=evaluation"]
    config = load_config(tiny_file, [f"network.traces={tmp_path}", *split])
    check_names(config)
    assert config.env.load_scenario().network.trace_split == "train"
    assert config.evaluation_env.load_scenario().network.trace_split == "evaluation"
    assert config.evaluation_env.load_scenario().network.traces == str(tmp_path)
    assert config.digest() != config.model_copy(update={"evaluation_overrides": {}}).digest()
    assert ("set for final scores: network.trace_split", "evaluation") in asked(config)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("network.trace_spilt=evaluation", "Did you mean 'trace_split'?"),
        ("network.trace_split=evaluation", "trace_split: chooses among measured traces. Give their folder as traces"),
        ("ads.formats=[overlay]", "evaluation_overrides: the rooms of evaluation have other observations or actions"),
    ],
)
def test_overrides_of_evaluation_are_checked_before_any_work(tiny_file, setting, expected):
    assert expected in message_of(tiny_file, f"evaluation_overrides.{setting}", names=True)


def test_config_errors_are_livesim_errors():
    assert issubclass(ConfigError, LivesimError)


def test_heads_may_be_chosen_and_a_misspelt_one_names_the_nearest(tmp_path):
    four = "[recommend, ads, interact, operate]"
    assert load_config(written(tmp_path, f"name: all\nheads: {four}\n")).env.heads[3] == "operate"
    message = message_of(written(tmp_path, "name: all\nheads: [recommend, operat]\n"), names=True)
    assert "unknown head 'operat'" in message
    assert "Did you mean 'operate'?" in message


def test_an_agent_that_would_have_nothing_to_choose_is_refused_before_any_work(tmp_path):
    file = written(tmp_path, "name: none\nenvironment: livesim/AdPlacement-v0\nscenario: enterprise\n")
    message = message_of(file, names=True)
    assert "in 'enterprise' the head ads of livesim/AdPlacement-v0 has nothing to choose" in message
