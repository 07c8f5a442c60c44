"""Small experiments on the `tiny` scenario: sessions of 24 decisions, trainings of a second."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app

TINY = """\
name: small
environment: livesim/Room-v0
scenario: tiny
algorithms:
  - name: ppo
    label: PPO
    algorithm: maskable_ppo
    hyperparameters: {num_envs: 4, n_steps: 12, batch_size: 48, n_epochs: 1, net: [16]}
total_steps: 240
training_seeds: [0, 1]
baselines: [random, nothing, combined]
evaluation_seeds: "1000:1008"
curve_seeds: "500:502"
evaluation_every: 96
checkpoint_every: 96
"""


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(TINY)
    return file


@pytest.fixture(scope="session")
def livesim():
    """Call the command line: livesim("run", file, ...) -> result with exit_code, stdout, stderr."""

    def call(*arguments: object):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)

    return call


@pytest.fixture
def no_figures(monkeypatch) -> None:
    """Draw nothing for TensorBoard: half of the time of a small run, where a test is about something else."""
    monkeypatch.setattr("experiments.result_figures.result_figures", lambda *_: {})


@pytest.fixture(scope="session")
def finished(livesim, tmp_path_factory) -> Path:
    """The result folder of one small experiment, run once for all tests that only read it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.yaml").write_text(TINY)
    result = livesim("run", folder / "small.yaml", "--out", folder / "result")
    assert result.exit_code == 0, result.output
    return folder / "result"
