"""The command line from end to end, on sessions of 24 decisions."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.learner_run import LearnerRun


def test_a_run_trains_evaluates_and_compares(finished):
    status = json.loads((finished / "status.json").read_text())
    assert status["state"] == "complete"
    assert {"train/ppo/seed0", "train/ppo/seed1", "evaluate", "compare"} <= set(status["finished"])
    for name in ("random", "nothing", "combined", "ppo-seed0", "ppo-seed1"):
        assert len((finished / "episodes" / f"{name}.csv").read_text().splitlines()) == 9
    table = (finished / "comparison.md").read_text()
    assert "| PPO " in table
    assert "minus random" in table
    assert "8 evaluation seeds (1000:1008)" in table
    report = (finished / "report.md").read_text()
    assert "--host 127.0.0.1" in report
    assert not (finished / "runs" / "ppo" / "seed0" / "checkpoint").exists()


@pytest.mark.usefixtures("no_figures")
def test_a_run_prints_the_table_and_names_the_next_commands(livesim, tiny_file, tmp_path):
    result = livesim("run", tiny_file, "--set", "algorithms=[]", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "| combined" in result.stdout
    assert f"Report: {tmp_path / 'out' / 'report.md'}" in result.stderr


def test_the_learning_curve_starts_after_the_first_rollout_and_ends_with_the_budget(finished):
    from experiments.learning_curve import LearningCurve

    steps = LearningCurve.read(finished / "runs" / "ppo" / "seed0" / "curve.csv").steps()
    assert steps == [48, 96, 192, 240]


def test_an_existing_result_is_refused_with_one_line_and_status_2(livesim, tiny_file, finished):
    result = livesim("run", tiny_file, "--out", finished)
    assert result.exit_code == 2
    assert "holds a result (complete); nothing was changed" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output


def test_a_finished_run_resumed_does_nothing_again(livesim, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.glob("episodes/*")}
    result = livesim("run", finished / "config.yaml", "--out", finished, "--resume")
    assert result.exit_code == 0, result.output
    assert {path: path.stat().st_mtime_ns for path in finished.glob("episodes/*")} == before


@pytest.mark.parametrize("stop_at", [("ppo", 0, 144), pytest.param(("ppo", 1, 96), marks=pytest.mark.slow)])
@pytest.mark.usefixtures("no_figures")
def test_an_interrupted_run_resumes_to_the_same_bytes(livesim, finished, tmp_path, monkeypatch, stop_at):
    name, seed, step = stop_at
    original = LearnerRun._learn

    def interrupted(self, learner, curve, log, advance, interruption, scored):
        def watched(units):
            advance(units)
            if (self.entry.name, self.seed) == (name, seed) and learner.steps >= step:
                interruption.is_asked = True

        original(self, learner, curve, log, watched, interruption, scored)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(LearnerRun, "_learn", interrupted)
        stopped = livesim("run", finished / "config.yaml", "--out", out)
    assert stopped.exit_code == 130
    assert f"livesim run {finished / 'config.yaml'} --out {out} --resume" in stopped.stderr
    assert json.loads((out / "status.json").read_text())["state"] == "interrupted"
    assert not (out / "comparison.csv").exists()

    resumed = livesim("run", finished / "config.yaml", "--out", out, "--resume")
    assert resumed.exit_code == 0, resumed.output
    same = ["comparison.csv", "comparison.md", "runs/ppo/seed0/curve.csv", "runs/ppo/seed1/curve.csv"]
    for file in same:
        assert (out / file).read_bytes() == (finished / file).read_bytes(), file


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_a_crash_between_checkpoints_resumes_to_the_same_bytes(livesim, finished, tmp_path, monkeypatch):
    class PowerCutError(Exception):
        pass

    original = LearnerRun._score

    def crash(self, learner, *rest):
        original(self, learner, *rest)
        if learner.steps >= 192:
            raise PowerCutError

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(LearnerRun, "_score", crash)
        with pytest.raises(PowerCutError):
            livesim("run", finished / "config.yaml", "--out", out)
    resumed = livesim("run", finished / "config.yaml", "--out", out, "--resume")
    assert resumed.exit_code == 0, resumed.output
    for file in ("comparison.csv", "runs/ppo/seed0/curve.csv"):
        assert (out / file).read_bytes() == (finished / file).read_bytes(), file


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for child processes")
def test_ctrl_c_leaves_a_folder_that_can_be_resumed(tiny_file, tmp_path):
    out = tmp_path / "out"
    settings = ["--set", "total_steps=10_000_000", "--set", "training_seeds=[0]"]
    command = [sys.executable, "-m", "experiments.cli", "run", str(tiny_file), *settings, "--out", str(out)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as child:
        for line in child.stderr:
            if line.startswith("curve of combined"):
                child.send_signal(signal.SIGINT)
                break
        rest = child.stderr.read()
        child.wait(60)
    assert child.returncode == 130, rest
    assert "Interrupted; nothing is lost. Continue with:" in rest
    assert "--resume" in rest
    assert "Traceback" not in rest
    assert json.loads((out / "status.json").read_text())["state"] == "interrupted"


@pytest.mark.slow
@pytest.mark.usefixtures("no_figures")
def test_learners_trained_in_processes_give_the_same_bytes(livesim, finished, tmp_path):
    out = tmp_path / "out"
    result = livesim("run", finished / "config.yaml", "--out", out, "--jobs", "2")
    assert result.exit_code == 0, result.output
    for file in ("comparison.csv", "runs/ppo/seed0/curve.csv", "runs/ppo/seed1/curve.csv"):
        assert (out / file).read_bytes() == (finished / file).read_bytes(), file


@pytest.mark.usefixtures("no_figures")
def test_train_and_evaluate_one_after_the_other_give_what_run_gives(livesim, finished, tmp_path):
    out = tmp_path / "out"
    assert livesim("train", finished / "config.yaml", "--out", out).exit_code == 0
    assert not (out / "episodes").exists()
    assert livesim("evaluate", out).exit_code == 0
    assert (out / "comparison.csv").read_bytes() == (finished / "comparison.csv").read_bytes()


def test_compare_scores_a_finished_run_on_any_other_seeds(livesim, finished):
    result = livesim("compare", finished, "--seeds", "2000:2004", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["seeds"] == [2000, 2001, 2002, 2003]
    assert [policy["name"] for policy in data["policies"]] == ["random", "nothing", "combined", "ppo"]
    assert [len(row) for row in data["policies"][3]["returns"]] == [4, 4]
    assert {"policy", "training_seed", "measure", "baseline", "value", "low", "high"} == data["numbers"][0].keys()


def test_compare_on_the_same_seeds_repeats_the_kept_numbers(livesim, finished):
    kept = json.loads(livesim("compare", finished, "--json").stdout)
    played = json.loads(livesim("compare", finished, "--seeds", "1000:1008", "--json").stdout)
    assert played == kept


def test_compare_takes_any_policies(livesim, finished):
    result = livesim("compare", finished, "--policies", "nothing,ads.credit_rule", "--seeds", "3000:3002", "--json")
    assert result.exit_code == 0, result.output
    assert [policy["name"] for policy in json.loads(result.stdout)["policies"]] == [
        "nothing",
        "ads.credit_rule",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["compare", "{run}", "--seeds", "5000000000:5000000002"], "larger ones belong to training episodes"),
        (["compare", "{run}", "--policies", "combind"], "Did you mean 'combined'?"),
        (["compare", "{run}/runs"], "runs: is not a result folder"),
        (["run", "{run}/none.yaml"], "none.yaml: no such experiment file"),
        (
            ["scenarios", "show", "tinny"],
            "unknown scenario 'tinny'. Known: ecommerce, edge_outage, education, enterprise, entertainment, esports, "
            "flash_crowd, health, tiny, weak_network. Did you",
        ),
        (["scenarios", "validate", "tiny", "--set", "audience"], "--set audience: write key=value"),
        (
            ["policies", "list", "--head", "advert"],
            "--head: unknown head 'advert'. Known: ads, interact, operate, recommend, room.",
        ),
        (["luck", "tiny", "--first", "combind"], "unknown policy 'combind'"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(livesim, finished, arguments, expected):
    result = livesim(*(argument.format(run=finished) for argument in arguments))
    assert result.exit_code == 2
    assert expected in result.stderr
    assert result.stdout == ""


def test_a_damaged_model_is_named(livesim, tiny_file, tmp_path):
    out = tmp_path / "out"
    assert livesim("train", tiny_file, "--set", "training_seeds=[0]", "--out", out).exit_code == 0
    weights = out / "runs" / "ppo" / "seed0" / "model" / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-20])
    result = livesim("evaluate", out)
    assert result.exit_code == 2
    assert "weights.npz" in result.stderr


def test_scenarios_and_policies_are_listed(livesim):
    assert {line.split()[0] for line in livesim("scenarios", "list").stdout.splitlines()} >= {
        "tiny",
        "ecommerce",
    }
    assert "ads.credit_rule" in livesim("policies", "list", "--head", "ads").stdout.split()
    assert "recommend.hold:1 to recommend.hold:16" in livesim("policies", "list").stdout.splitlines()
    assert livesim("scenarios", "validate", "tiny").stdout.startswith("tiny: valid")


def test_a_shown_scenario_loads_as_the_same_scenario(livesim, tmp_path):
    from livesim.scenario import load_scenario

    file = tmp_path / "tiny.yaml"
    file.write_text(livesim("scenarios", "show", "tiny").stdout)
    assert load_scenario(str(file)) == load_scenario("tiny")


def test_luck_reports_the_variance_ratio(livesim):
    result = livesim("luck", "tiny", "--seeds", "1000:1006", "--json")
    data = json.loads(result.stdout)
    assert data["ratio"] == pytest.approx(data["variance_independent"] / data["variance_same_luck"])


def test_bench_measures_small_rooms(livesim):
    result = livesim("bench", "--viewers", "20", "--scenario", "tiny", "--decisions", "2", "--json")
    assert result.exit_code == 0, result.output
    alone, batch = json.loads(result.stdout)
    assert (alone["rooms"], batch["rooms"]) == (1, 64)
    assert alone["viewer_decisions_per_cpu_s"] > 0
    shares = [alone[name] for name in ("simpy_share", "kernel_share", "python_share")]
    assert sum(shares) == pytest.approx(1.0)


def test_help_loads_no_learning_library():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from experiments.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = ('torch', 'stable_baselines3', 'sb3_contrib', 'tensorboard', 'matplotlib')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_demo_gets_a_folder_of_its_own(tmp_path):
    from experiments.cli import next_free

    folder = tmp_path / "demo"
    assert next_free(folder) == folder
    folder.mkdir()
    assert next_free(folder) == tmp_path / "demo-2"
    (tmp_path / "demo-2").mkdir()
    assert next_free(folder) == tmp_path / "demo-3"
