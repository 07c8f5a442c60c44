"""Signal 9 at random moments: whatever is killed, a resume ends with the bytes of an undisturbed run.

KILLS=3 pytest -m slow tests/experiments/test_kills.py kills less often than the 20 times that are the rule.
"""

import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from killing import Kills, assert_all_is_whole, livesim, workers_of

from experiments.learning_curve import LearningCurve

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="process groups and /proc of Linux")

KILLS = int(os.environ.get("KILLS", "20"))
RUN = """\
name: small
scenario: tiny
algorithms:
  - name: ppo
    algorithm: maskable_ppo
    hyperparameters: {num_envs: 4, n_steps: 12, batch_size: 48, n_epochs: 1, net: [16]}
total_steps: 192
baselines: [combined]
evaluation_seeds: "1000:1003"
curve_seeds: "500:502"
evaluation_every: 96
checkpoint_every: 48
"""
SWEEP = """\
name: small_sweep
base: small.yaml
hyperparameters: {learning_rate: [3e-4, 1e-3, 3e-3]}
"""


class Place:
    """A folder with the experiment, the sweep, and what undisturbed commands made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run, self.sweep = folder / "small.yaml", folder / "sweep.yaml"
        self.run.write_text(RUN)
        self.sweep.write_text(SWEEP)
        self.seconds: dict[str, float] = {}

    def undisturbed(self, command: str, *arguments: object) -> Path:
        """Return the folder that an undisturbed command leaves; its words are in NAME.log beside it."""
        out = self.folder / command
        begun = time.monotonic()
        victim = livesim([command, *arguments, "--out", out], out.with_suffix(".log"))
        victim.join()
        assert victim.exitcode == 0, out.with_suffix(".log").read_text()
        self.seconds[command] = time.monotonic() - begun
        return out


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    return Place(tmp_path_factory.mktemp("kills"))


@pytest.fixture(scope="module")
def finished_run(place) -> Path:
    return place.undisturbed("run", place.run)


@pytest.fixture(scope="module")
def trained(place) -> Path:
    return place.undisturbed("train", place.run)


@pytest.fixture(scope="module")
def finished_sweep(place) -> Path:
    return place.undisturbed("sweep", place.sweep, "--jobs", 2)


def results_of(folder: Path) -> dict[str, bytes]:
    """Return what must not depend on kills: tables, episodes, curves, weights; progress.csv holds speeds."""
    kept = [*folder.rglob("*.md"), *folder.rglob("*.csv"), *folder.rglob("weights.npz")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if path.name != "progress.csv"}


def survive(kills: Kills, out: Path, command, wanted: dict[str, bytes]) -> None:
    """Let a command be killed until the kills are used up and it has come to its end, on a folder that then equals."""
    log = out.with_suffix(".log")

    def start():
        return livesim([*command(out), *(["--resume"] if out.exists() else [])], log)

    while kills.done < kills.wanted or not kills.ends:
        shutil.rmtree(out, ignore_errors=True)
        kills.survive(start, lambda: assert_all_is_whole(out))
        assert results_of(out) == wanted
    print(f"{kills.done} kills after {kills.moments_s} s, {kills.ends} ends, all with the same bytes")


def kills_of(count: int, span_s: float, seed: int) -> Kills:
    return Kills(count, np.random.default_rng(seed), span_s)


@pytest.mark.slow
def test_a_run_killed_twice_resumes_to_the_same_bytes(place, finished_run, tmp_path):
    kills = kills_of(2, place.seconds["run"], seed=1)
    survive(kills, tmp_path / "out", lambda out: ["run", place.run, "--out", out], results_of(finished_run))


@pytest.mark.slow
def test_a_run_survives_kills_at_random_moments(place, finished_run, tmp_path):
    kills = kills_of(KILLS, place.seconds["run"], seed=2)
    survive(kills, tmp_path / "out", lambda out: ["run", place.run, "--out", out], results_of(finished_run))


@pytest.mark.slow
def test_a_training_survives_kills_at_random_moments(place, trained, tmp_path):
    kills = kills_of(KILLS, place.seconds["train"], seed=3)
    survive(kills, tmp_path / "out", lambda out: ["train", place.run, "--out", out], results_of(trained))
    curve = LearningCurve.read(tmp_path / "out" / "runs" / "ppo" / "seed0" / "curve.csv")
    assert curve.steps() == [48, 96, 192]


@pytest.mark.slow
def test_an_evaluation_survives_kills_at_random_moments(place, trained, finished_run, tmp_path):
    out, kills = tmp_path / "out", kills_of(KILLS, place.seconds["run"] / 2, seed=4)
    while kills.done < kills.wanted or not kills.ends:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(trained, out)
        kills.survive(lambda: livesim(["evaluate", out], tmp_path / "log"), lambda: assert_all_is_whole(out))
        assert results_of(out) == results_of(finished_run)
    print(f"{kills.done} kills after {kills.moments_s} s, {kills.ends} ends, all with the same bytes")


@pytest.mark.slow
def test_a_comparison_survives_kills_and_changes_nothing(place, finished_run, tmp_path):
    log, before = tmp_path / "log", results_of(finished_run)
    command = ["compare", finished_run, "--seeds", "2000:2004"]
    begun = time.monotonic()
    livesim(command, log).join()
    wanted, kills = table_in(log), kills_of(KILLS, time.monotonic() - begun, seed=5)
    while kills.done < kills.wanted or not kills.ends:
        kills.survive(lambda: livesim(command, log), lambda: None)
        assert table_in(log) == wanted
        assert results_of(finished_run) == before
    print(f"{kills.done} kills after {kills.moments_s} s, {kills.ends} ends, all with the same table")


@pytest.mark.slow
def test_a_sweep_survives_kills_of_all_its_processes(place, finished_sweep, tmp_path):
    kills = kills_of(KILLS, place.seconds["sweep"], seed=6)
    survive(kills, tmp_path / "out", lambda out: ["sweep", place.sweep, "--jobs", 2, "--out", out],
            results_of(finished_sweep))  # fmt: skip


@pytest.mark.slow
def test_a_sweep_survives_kills_of_its_driver_alone(place, finished_sweep, tmp_path):
    """Its workers end with it, or the next driver could not work in their folders."""
    kills = kills_of(KILLS, place.seconds["sweep"], seed=7)
    kills.aim = os.kill
    survive(kills, tmp_path / "out", lambda out: ["sweep", place.sweep, "--jobs", 2, "--out", out],
            results_of(finished_sweep))  # fmt: skip


@pytest.mark.slow
def test_a_sweep_whose_workers_are_killed_lists_the_cells_and_resumes(place, finished_sweep, tmp_path):
    out, killed, luck = tmp_path / "out", 0, np.random.default_rng(8)
    while killed < KILLS:
        now, status, words = kill_workers(place, out, luck, KILLS - killed)
        killed += now
        assert_all_is_whole(out)
        assert status == (1 if now else 0)
        assert words.count("its process was killed by SIGKILL, perhaps for want of memory (logs/") == now, words
        if not now:
            assert results_of(out) == results_of(finished_sweep)
            shutil.rmtree(out)
    _, status, _ = kill_workers(place, out, luck, 0)
    assert status == 0
    assert results_of(out) == results_of(finished_sweep)
    print(f"{killed} workers killed, the same bytes in the end")


def kill_workers(place: Place, out: Path, luck: np.random.Generator, most: int) -> tuple[int, int, str]:
    """Sweep once and kill workers at random moments, each once; returns how many, exit status, last words."""
    log, killed = out.with_suffix(".log"), set()
    resume = ["--resume"] if out.exists() else []
    victim = livesim(["sweep", place.sweep, "--jobs", 2, "--out", out, *resume], log)
    while victim.is_alive():
        victim.join(luck.uniform(0.0, place.seconds["sweep"] / 3))
        alive = [worker for worker in workers_of(victim) if worker not in killed]
        if alive and len(killed) < most and victim.is_alive():
            worker = int(luck.choice(alive))
            try:
                os.kill(worker, 9)
            except ProcessLookupError:
                continue
            killed.add(worker)
    return log.read_text().count("FAILED, its process was killed"), victim.exitcode, log.read_text()


def table_in(log: Path) -> str:
    return "\n".join(line for line in log.read_text().splitlines() if not line.startswith("evaluating"))
