"""Sweeps from end to end: one result per cell, one table over all, and nothing lost by what goes wrong."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.compare import Scored
from experiments.episode_table import EpisodeTable
from experiments.sweep import local
from experiments.sweep.config import load_sweep
from experiments.sweep.folder import SweepFolder
from experiments.sweep.local import LocalEngine
from experiments.sweep.plan import cells_of
from experiments.sweep.ray import RayEngine
from experiments.sweep.table import Row, _scored_row, _with_best, table_csv, table_markdown
from experiments.sweep.worker import play

SWEEP = """\
name: small_sweep
base:
  scenario: tiny
  algorithms:
    - name: ppo
      algorithm: maskable_ppo
      hyperparameters: {num_envs: 4, n_steps: 12, batch_size: 48, n_epochs: 1, net: [16]}
  total_steps: 96
  baselines: [combined]
  evaluation_seeds: "1000:1004"
  curve_seeds: "500:502"
hyperparameters: {gamma: [0.9, 0.99]}
"""
FIRST, SECOND = "tiny__ppo__gamma-0.9", "tiny__ppo__gamma-0.99"


class HereEngine:
    """Plays cells in this process; does what a test wants before each."""

    def __init__(self, before=lambda task: None) -> None:
        self.before = before

    def play(self, tasks, is_stopping):
        for task in tasks:
            self.before(task)
            is_stopping()
            yield play(task)


@pytest.fixture
def sweep_file(tmp_path) -> Path:
    file = tmp_path / "sweep.yaml"
    file.write_text(SWEEP)
    return file


@pytest.fixture
def here(monkeypatch, no_figures):
    """Let the local engine play in this process; here(before) does something before each cell."""

    def use(before=lambda task: None):
        monkeypatch.setattr(local, "LocalEngine", lambda jobs: HereEngine(before))

    use()
    return use


@pytest.fixture(scope="module")
def finished_sweep(livesim, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "sweep.yaml").write_text(SWEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "LocalEngine", lambda jobs: HereEngine())
        patch.setattr("experiments.result_figures.result_figures", lambda *_: {})
        result = livesim("sweep", folder / "sweep.yaml", "--out", folder / "result")
    assert result.exit_code == 0, result.output
    return folder / "result"


def cells_in(file: Path, out: Path):
    """Return the cells of a sweep and a new folder for them."""
    sweep = load_sweep(file)
    cells = cells_of(sweep)
    return cells, SweepFolder.create(out, sweep, cells)


def table(folder: Path) -> dict[str, dict[str, str]]:
    with open(folder / "table.csv", newline="") as file:
        return {row["cell"]: row for row in csv.DictReader(file)}


def test_a_sweep_has_a_result_per_cell_and_one_table(livesim, finished_sweep):
    rows = table(finished_sweep)
    assert list(rows) == [FIRST, SECOND]
    assert {row["state"] for row in rows.values()} == {"complete"}
    assert json.loads((finished_sweep / "sweep.json").read_text())["state"] == "complete"
    for name, row in rows.items():
        shown = livesim("compare", finished_sweep / "cells" / name, "--json")
        numbers = json.loads(shown.stdout)["numbers"]
        own = next(one for one in numbers if (one["policy"], one["measure"]) == ("ppo", "return_iqm"))
        kept = [float(row[f"return_iqm{end}"]) for end in ("", "_low", "_high")]
        assert kept == [own["value"], own["low"], own["high"]]
    best = max(rows, key=lambda name: float(rows[name]["return_iqm"]))
    assert [name for name, row in rows.items() if row["is_best"] == "1"] == [best]
    assert f"* {best}" in (finished_sweep / "table.md").read_text()


def test_a_sweep_is_no_single_result_but_its_cells_are(livesim, finished_sweep):
    result = livesim("compare", finished_sweep)
    assert result.exit_code == 2
    assert f"is a sweep; each of its cells is a result: {finished_sweep}/cells/NAME" in result.stderr


def test_a_cell_that_fails_stops_no_other_and_is_played_again(livesim, sweep_file, finished_sweep, here, tmp_path):
    out = tmp_path / "out"

    def damage(task):
        if task.cell == FIRST:
            task.folder.mkdir(parents=True)
            (task.folder / "status.json").write_text("{")

    here(damage)
    result = livesim("sweep", sweep_file, "--out", out)
    assert result.exit_code == 1, result.output
    assert [row["state"] for row in table(out).values()] == ["failed", "complete"]
    assert "1 of 2 cells failed; `--resume` plays them again" in result.stdout
    assert f"(logs/{FIRST}.log)" in result.stdout
    assert "Traceback" in (out / "logs" / f"{FIRST}.log").read_text()

    here()
    still = livesim("sweep", sweep_file, "--out", out, "--resume")
    assert still.exit_code == 1, "a damaged cell stays listed"
    (out / "cells" / FIRST / "status.json").unlink()
    (out / "cells" / FIRST).rmdir()
    assert livesim("sweep", sweep_file, "--out", out, "--resume").exit_code == 0
    for file in ("table.csv", "table.md"):
        assert (out / file).read_bytes() == (finished_sweep / file).read_bytes()


def test_ctrl_c_stops_every_cell_at_a_safe_point_and_loses_nothing(livesim, sweep_file, finished_sweep, here, tmp_path):
    out = tmp_path / "out"
    here(lambda task: signal.raise_signal(signal.SIGINT) if task.cell == SECOND else None)
    result = livesim("sweep", sweep_file, "--out", out)
    assert result.exit_code == 130
    assert f"livesim sweep {sweep_file} --out {out} --resume --engine local" in result.stderr
    assert json.loads((out / "sweep.json").read_text())["state"] == "interrupted"
    assert not (out / ".stop").exists()
    here()
    assert livesim("sweep", sweep_file, "--out", out, "--resume").exit_code == 0
    assert (out / "table.csv").read_bytes() == (finished_sweep / "table.csv").read_bytes()


def test_a_finished_sweep_can_grow_but_not_change(livesim, sweep_file, finished_sweep, here, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished_sweep, out)
    assert "exists; nothing was changed" in livesim("sweep", sweep_file, "--out", out).stderr
    changed = livesim("sweep", sweep_file, "--out", out, "--resume", "--set", "total_steps=48")
    assert changed.exit_code == 2
    assert f"belongs to another sweep (cell {FIRST}: its settings have changed)" in changed.stderr
    played: list[str] = []
    here(lambda task: played.append(task.cell))
    sweep_file.write_text(SWEEP.replace("0.99]", "0.99, 0.5]"))
    assert livesim("sweep", sweep_file, "--out", out, "--resume").exit_code == 0
    assert played == ["tiny__ppo__gamma-0.5"]
    assert len(table(out)) == 3


def test_a_dry_run_prints_the_plan_and_writes_nothing(livesim, sweep_file, tmp_path):
    result = livesim("sweep", sweep_file, "--out", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert FIRST in result.stdout
    assert "2 cells, 192 training decisions" in result.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--address", "auto"], "--address is for --engine ray"),
        (["--engine", "ray", "--address", "auto", "--jobs", "2"], "--jobs is for clusters that the command starts"),
    ],
)
def test_options_that_do_not_go_together_are_refused(livesim, sweep_file, arguments, expected):
    result = livesim("sweep", sweep_file, *arguments)
    assert result.exit_code == 2
    assert expected in result.stderr


def test_a_missing_ray_is_named_with_how_to_install_it(livesim, sweep_file, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = livesim("sweep", sweep_file, "--engine", "ray", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "--engine ray needs the extra 'ray'" in result.stderr
    assert "pip install 'livesim[ray]'" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signal 9")
def test_a_process_that_is_killed_is_a_cell_that_failed(sweep_file, tmp_path):
    cells, folder = cells_in(sweep_file, tmp_path / "out")
    killed: list[str] = []

    def kill_first():
        for process in multiprocessing.active_children():
            if process.name == FIRST and not killed:
                process.kill()
                killed.append(process.name)
        return False

    with folder.locked():
        outcomes = list(LocalEngine(2).play([folder.task(cell) for cell in cells], kill_first))
    assert {outcome.cell: outcome.error for outcome in outcomes} == {
        FIRST: "its process was killed by SIGKILL, perhaps for want of memory",
        SECOND: None,
    }


@pytest.mark.slow
def test_a_local_ray_cluster_gives_the_tables_of_the_local_engine(livesim, sweep_file, finished_sweep, tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    for name, options in (("local", ["--jobs", "2"]), ("ray", ["--engine", "ray", "--jobs", "2"])):
        result = livesim("sweep", sweep_file, "--out", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
        for file in ("table.csv", "table.md", *(f"cells/{cell}/comparison.csv" for cell in (FIRST, SECOND))):
            assert (tmp_path / name / file).read_bytes() == (finished_sweep / file).read_bytes(), (name, file)


@pytest.mark.slow
def test_a_killed_ray_worker_is_a_cell_that_failed(sweep_file, tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    cells, folder = cells_in(sweep_file, tmp_path / "out")
    outcomes = list(RayEngine(None, 1).play([folder.task(cell) for cell in cells], lambda: kill_ray_worker(folder)))
    assert sum(outcome.error is not None for outcome in outcomes) == 1
    assert "WorkerCrashedError" in next(outcome.error for outcome in outcomes if outcome.error)


def kill_ray_worker(folder) -> bool:
    """Kill the worker that plays the first cell, once it has begun."""
    mark = folder.path / "killed"
    if (folder.result(FIRST).path / "status.json").is_file() and not mark.exists():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = entry.read_bytes()
            except OSError:
                continue
            if words.startswith(b"ray::play"):
                mark.touch()
                os.kill(int(entry.parent.name), signal.SIGKILL)
    return False


def test_the_best_cell_of_every_world_is_marked_and_compared_on_the_same_luck(sweep_file):
    cells = cells_of(load_sweep(sweep_file))

    def row(cell, returns) -> Row:
        table = EpisodeTable({"seed": np.arange(4), "return": np.array(returns, dtype=float)})
        return _scored_row(cell, Scored("ppo", "ppo", {0: table}, False), Scored("rule", "rule", {None: table}, True))

    rows = _with_best([row(cells[0], [1, 2, 3, 4]), row(cells[1], [2, 4, 6, 8]), Row(cells[1], "failed", "boom")])
    assert [one.is_best for one in rows] == [False, True, False]
    assert rows[0].minus_best.value == pytest.approx((-1 - 2 - 3 - 4) / 4)
    assert rows[0].minus_rule.value == 0.0
    assert rows[0].return_iqm.value == pytest.approx(2.5)
    assert "boom" in table_markdown(rows)
    assert table_csv(rows).splitlines()[3].startswith(f"{SECOND},tiny,ppo,0.99,failed,0,")
