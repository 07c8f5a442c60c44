"""The folder of one experiment: what lies where, how it is written, and when it may be continued.

    config.yaml          the resolved experiment; `livesim run RESULT/config.yaml` repeats it
    scenario.json        the resolved scenario, every number
    versions.json        python, packages, hash of the simulator, git commit, machine
    seeds.json           training, curve and evaluation seeds
    status.json          state (running, complete, ...), digest of the configuration, what is finished
    runs/NAME/seedK/     a learner: checkpoint, model, curve.csv (its scores), progress.csv (its losses)
    curves/NAME.csv      a baseline on the same curve seeds
    episodes/NAME.csv    the final scores, one row per evaluation seed (NAME-seedK.csv for a learner)
    sessions/NAME.npz    the first evaluation sessions decision by decision: what figures are drawn from
    comparison.csv, comparison.md, report.md    report.html beside them by `livesim report`
    tensorboard/         charts; `board.py` says which, and builds them from the rest of the folder

Every file is whole or absent, and so is the folder itself: there is none before status.json lies in it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

try:
    import fcntl
except ImportError:  # Windows: two processes in one folder are not noticed there
    fcntl = None  # type: ignore[assignment]

from agents.files import remove_leftovers, whole_folder, write_text
from experiments.config import ExperimentConfig, config_from
from experiments.yaml_source import read_source
from livesim.compiled import source_hash
from livesim.errors import ConfigError, ResultFolderError

PACKAGES = (
    "livesim", "gymnasium", "numpy", "numba", "simpy", "pydantic", "scipy", "torch", "stable-baselines3",
    "sb3-contrib", "tensorboard",
)  # fmt: skip


REMADE = ". Remove it, and it is made again."
"""What to do about a damaged file that is written from what else is known."""


def read_json(file: Path, keys: Sequence[str] = (), lack: str = "", remedy: str = "") -> dict[str, Any]:
    """Return the object in a JSON file; raises ResultFolderError where it cannot be read or lacks a key.

    lack, remedy: what the error says of a damaged file, and what to do.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultFolderError(f"{file}: cannot be read ({error}){remedy}") from None
    if not isinstance(data, dict) or not data.keys() >= set(keys):
        raise ResultFolderError(f"{file}: is damaged{lack}{remedy}")
    return data


def write_json(path: Path, data: Any) -> None:
    """Write plain data as indented JSON, atomically."""
    write_text(path, json.dumps(data, indent=2) + "\n")


def file_name(policy: str) -> str:
    """Return a policy's name as a file name: "interact.spam:poll" becomes "interact.spam-poll"."""
    return re.sub(r"[^A-Za-z0-9._+-]", "-", policy)


@contextmanager
def begun_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, moved to `path` at the end; raises ResultFolderError where anything lies there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ResultFolderError(_exists_text(path))
    try:
        with whole_folder(path) as draft:
            yield draft
    except OSError:
        if path.exists() and any(path.iterdir()):  # somebody was quicker
            raise ResultFolderError(_exists_text(path)) from None
        raise


class ResultFolder:
    """Paths and state of one result folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, config: ExperimentConfig) -> ResultFolder:
        """Start a new result; raises ResultFolderError where anything lies at `path`."""
        with begun_folder(path) as draft:
            write_text(draft / "config.yaml", yaml.safe_dump(config.as_data(), sort_keys=False, allow_unicode=True))
            write_json(draft / "scenario.json", config.env.load_scenario().model_dump(mode="json"))
            write_json(draft / "versions.json", versions())
            write_json(draft / "seeds.json", _seeds(config))
            cls(draft)._write_status(state="running", digest=config.digest(), finished=[])
        return cls(path)

    @classmethod
    def resume(cls, path: Path, config: ExperimentConfig) -> ResultFolder:
        """Continue a result; raises ResultFolderError where none is, or one of another configuration."""
        folder = cls.open(path)
        if difference := folder.difference_from(config):
            raise ResultFolderError(
                f"{path}: belongs to another configuration ({difference}). "
                "Resume with the settings it began with, or start another folder with --out DIR."
            )
        return folder

    @classmethod
    def open(cls, path: Path) -> ResultFolder:
        """Open a result; raises ResultFolderError where there is none or its beginning is missing."""
        folder = cls(path)
        if not path.is_dir():
            raise ResultFolderError(f"{path}: no such result folder")
        if (path / "sweep.json").is_file():
            raise ResultFolderError(f"{path}: is a sweep; each of its cells is a result: {path / 'cells'}/NAME")
        if not (path / "status.json").is_file():
            raise ResultFolderError(
                f"{path}: is not a result folder, or was left before it began: status.json is missing. "
                "Remove it or start another with --out DIR."
            )
        folder.status()
        return folder

    def config(self) -> ExperimentConfig:
        """Return the experiment the folder was made by."""
        return config_from(read_source(self.path / "config.yaml"))

    def status(self) -> dict[str, Any]:
        """Return state, digest and finished stages; raises ResultFolderError where the file is damaged."""
        keys = ("state", "digest", "finished")
        return read_json(self.path / "status.json", keys, ": it must hold state, digest and finished")

    def difference_from(self, config: ExperimentConfig) -> str | None:
        """Return in what another configuration differs from the one this folder began with; None where in nothing."""
        return None if self.status()["digest"] == config.digest() else self._first_difference(config)

    def require_finished(self) -> None:
        """Raise ResultFolderError where the experiment was not run to its end."""
        state = self.status()["state"]
        if state != "complete":
            config = shlex.quote(str(self.path / "config.yaml"))
            raise ResultFolderError(
                f"{self.path}: is not finished (state: {state}). "
                f"Continue it with: livesim run {config} --out {shlex.quote(str(self.path))} --resume"
            )

    def versions(self) -> dict[str, Any]:
        """Return what the folder was begun with; raises ResultFolderError where the file is damaged."""
        return read_json(self.path / "versions.json", lack=": it must hold names and versions")

    def changed_versions(self) -> list[str]:
        """Return what software has changed since the folder was begun, as "numpy: 2.3.0 then, 2.4.6 now"."""
        before, now = _flat(self.versions()), _flat(versions())
        return [f"{name}: {before.get(name)} then, {now[name]} now" for name in now if before.get(name) != now[name]]

    def note_versions(self, changed: Sequence[str]) -> None:
        """Keep what else had a hand in the episodes; nothing where they are all played already."""
        if not self.is_finished("evaluate"):
            then = self.versions()
            known = then.get("continued_with", [])
            then["continued_with"] = [*known, *(line for line in changed if line not in known)]
            write_json(self.path / "versions.json", then)

    def is_finished(self, stage: str) -> bool:
        """Return whether a stage, such as "train/ppo/seed0", was completed."""
        return stage in self.status()["finished"]

    def finish(self, stage: str) -> None:
        """Note that a stage is complete."""
        status = self.status()
        if stage not in status["finished"]:
            self._write_status(**{**status, "finished": [*status["finished"], stage]})

    def set_state(self, state: str) -> None:
        """Note how the whole result stands: running, interrupted or complete."""
        self._write_status(**{**self.status(), "state": state})

    def run_folder(self, name: str, seed: int) -> Path:
        """The folder of one learner and training seed."""
        return self.path / "runs" / name / f"seed{seed}"

    def episodes_file(self, name: str, seed: int | None = None) -> Path:
        """The table of final episodes of a baseline, or of a learner's training seed."""
        return self.path / "episodes" / (f"{file_name(name)}.csv" if seed is None else f"{name}-seed{seed}.csv")

    def sessions_file(self, name: str, seed: int | None = None) -> Path:
        """The recorded sessions of a baseline, or of a learner's training seed."""
        return self.path / "sessions" / f"{self.episodes_file(name, seed).stem}.npz"

    def curve_file(self, name: str) -> Path:
        """The episodes of a baseline on the curve seeds."""
        return self.path / "curves" / f"{file_name(name)}.csv"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing here; raises ResultFolderError where one already does.

        The lock goes with the process that holds it, however that ends. What a killed one left half-written is removed.
        """
        with open(self.path / ".lock", "w", encoding="utf-8") as file:
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ResultFolderError(f"{self.path}: another process is working in this folder") from None
            remove_leftovers(self.path)
            yield

    def _write_status(self, **status: Any) -> None:
        write_json(self.path / "status.json", status)

    def _first_difference(self, config: ExperimentConfig) -> str:
        try:
            there, here = self.config().as_data(), config.as_data()
        except ConfigError:
            return "its config.yaml is damaged"
        for key, value in here.items():
            if key != "description" and there.get(key) != value:
                return f"{key}: {there.get(key)!r} there, {value!r} here"
        return "the scenario or a default of a learner has changed since"


def versions() -> dict[str, Any]:
    """Return what the numbers were made with.

    git_commit: 40 hex digits, "-dirty" behind them where files of the checkout had changed; None outside one.
    """
    packages: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = None
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "packages": packages,
        "simulator_source": source_hash()[:16],
        "git_commit": _git_commit(),
    }


def _flat(versions: dict[str, Any]) -> dict[str, Any]:
    return {
        **versions.get("packages", {}),
        **{key: value for key, value in versions.items() if key not in ("packages", "continued_with")},
    }


def _git_commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    command += ["--exclude", "*"]  # the commit itself, never a tag near it
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _seeds(config: ExperimentConfig) -> dict[str, Any]:
    from experiments.seeds import training_environment_seed

    return {
        "training_seeds": list(config.training_seeds),
        "first_training_room": {str(seed): training_environment_seed(seed) for seed in config.training_seeds},
        "curve_seeds": list(config.curve_seeds),
        "evaluation_seeds": list(config.evaluation_seeds),
    }


def _exists_text(path: Path) -> str:
    state = "exists"
    if (path / "status.json").is_file():
        state = f"holds a result ({ResultFolder(path).status()['state']})"
    return f"{path}: {state}; nothing was changed. Continue it with --resume or choose another with --out DIR."
