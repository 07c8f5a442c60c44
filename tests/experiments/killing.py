"""Run commands of livesim as processes, kill them with signal 9 at random moments, and look at what they leave.

Victims are copies of one process that has imported everything and loaded the kernels, so that the moments fall into
their work. Each leads a process group of its own.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agents import model_files
from agents.files import PARTIAL
from experiments.cli import app
from experiments.processes import PRELOADED

LONGEST_S = 1200


@dataclass
class Kills:
    """What was done to a command: kills that hit it alive, and how often it came to its end.

    Moments are uniform over span_s, which shrinks to what a whole command takes where that is less. aim: os.killpg for
    all processes of the command, os.kill for its first one alone.
    """

    wanted: int
    luck: np.random.Generator
    span_s: float
    aim: Callable[[int, int], None] = os.killpg
    done: int = 0
    ends: int = 0
    moments_s: list[float] = field(default_factory=list)

    def survive(self, start: Callable[[], multiprocessing.Process], left: Callable[[], None]) -> None:
        """Start a command until it ends; kill it where it has not at a random moment.

        left: called after every kill and at the end, to look at what lies there.
        """
        is_whole = True
        while True:
            victim, begun = start(), time.monotonic()
            if self.done < self.wanted:
                victim.join(self.luck.uniform(0.0, self.span_s))
            else:
                victim.join(LONGEST_S)
            if not victim.is_alive():
                assert victim.exitcode == 0, f"status {victim.exitcode}"
                self.ends += 1
                if is_whole:
                    self.span_s = min(self.span_s, time.monotonic() - begun)
                left()
                print(f"end {self.ends} after {self.done} kills", flush=True)
                return
            assert self.done < self.wanted, f"still at work after {LONGEST_S} s"
            self.aim(victim.pid, signal.SIGKILL)
            victim.join()
            is_whole = False
            self.done += 1
            self.moments_s.append(round(time.monotonic() - begun, 2))
            print(f"kill {self.done} after {self.moments_s[-1]} s", flush=True)
            left()


def livesim(arguments: Sequence[object], log: Path) -> multiprocessing.Process:
    """Start a command in a process group of its own; its words go to a log."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, "experiments.sweep.run", "experiments.sweep.local", "warm_rooms"])
    here = str(Path(__file__).parent)  # where the ancestor finds warm_rooms
    if here not in os.environ.get("PYTHONPATH", ""):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    victim = context.Process(target=_command, args=([str(argument) for argument in arguments], log))
    victim.start()
    while True:  # a group can be killed once it exists
        try:
            if os.getpgid(victim.pid) == victim.pid:
                return victim
        except ProcessLookupError:
            return victim
        time.sleep(0.001)


def workers_of(victim: multiprocessing.Process) -> list[int]:
    """Return the workers of a command: children of the process that it copies them from, its own child."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            parents[int(entry.parent.name)] = int(parent)
    return [process for process, parent in parents.items() if parents.get(parent) == victim.pid]


def assert_all_is_whole(folder: Path) -> None:
    """Assert that every file and folder that anybody would read is whole."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or "tensorboard" in parts:
            assert all(part.endswith(PARTIAL) or part in (".lock", ".stop") for part in parts if part.startswith("."))
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            lines = list(csv.reader(path.read_text().splitlines()))
            assert {len(line) for line in lines} == {len(lines[0])}, path
        elif path.is_dir() and (path.name == "model" or path.name.startswith("step_")):
            model_files.verify(path)


def _command(arguments: list[str], log: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    app(arguments)
