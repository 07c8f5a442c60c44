"""The work of a headroom study and its folder, which a rerun goes on with.

    settings.json                      what was asked for; another study is refused
    picks/CELL.json                    the mean return of every rule on the seeds for picking, and the best one
    episodes/CELL/ROLE/seedN.csv       one episode
    headroom.md, headroom.json         made anew from the episodes

Every file is whole or absent, and what was played is never played again.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from agents.files import write_text
from experiments.episode_table import EpisodeTable, read_table, stack
from experiments.headroom.study import PLANNED, Cell, Part, Study, chunks, roles
from experiments.interruption import Interruption
from experiments.processes import played
from experiments.progress import Display
from experiments.result_folder import REMADE, ResultFolder, file_name, read_json, write_json
from experiments.rollout import rollout
from experiments.seeds import parse_seeds, seeds_text
from livesim.errors import ResultFolderError


class HeadroomFolder:
    """What was picked and played so far."""

    def __init__(self, path: Path, study: Study) -> None:
        self.path, self.study = path, study

    @classmethod
    def begin(cls, path: Path, study: Study) -> HeadroomFolder:
        """Start a folder or go on with it, to more seeds too; raises ResultFolderError where it is another study's."""
        file = path / "settings.json"
        asked: dict[str, Any] = {**study.settings, "scenarios": {}}
        if file.is_file():
            there = read_json(file, remedy=REMADE)
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ResultFolderError(
                f"{path}: holds something else; nothing was changed. Choose another with --out DIR."
            )
        else:
            there = asked
        numbers = {cell.scenario: study.numbers(cell) for cell in study.cells}
        for name, value in {**study.settings, **numbers}.items():
            known = there["scenarios"].get(name, value) if name in numbers else there.get(name)
            is_added = name in ("fair", "clairvoyant") and None in (known, value)
            if known != value and not (is_added or (name == "seeds" and set(parse_seeds(known)) <= set(study.seeds))):
                raise ResultFolderError(
                    f"{path}: belongs to another study ({name}: {known!r} there, {value!r} here); nothing was changed. "
                    "Choose another with --out DIR."
                )
        there |= {name: value for name, value in study.settings.items() if value is not None}
        there["scenarios"] |= numbers
        write_json(file, there)
        return cls(path, study)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from writing here; raises ResultFolderError where one already does."""
        return ResultFolder(self.path).locked()

    def pick_file(self, cell: Cell) -> Path:
        """The file of what was picked in a cell."""
        return self.path / "picks" / f"{file_name(cell.name)}.json"

    def episode_file(self, part: Part, seed: int) -> Path:
        """The file of one episode."""
        return self.path / "episodes" / file_name(part.cell.name) / file_name(part.file) / f"seed{seed}.csv"

    def pick(self, cell: Cell) -> str:
        """Return the best rule of a cell, picked on seeds of its own; plays the rules where that was not done yet."""
        file, study = self.pick_file(cell), self.study
        if not file.is_file():
            env = study.env(cell)
            means = {
                rule: float(np.mean(rollout(env.policy(rule), env, study.pick_seeds)["return"]))
                for rule in dict.fromkeys(study.candidates(cell, self.pick))
            }
            best = max(means, key=means.__getitem__)
            write_json(file, {"best": best, "seeds": seeds_text(study.pick_seeds), "mean_returns": means})
        return str(read_json(file, remedy=REMADE)["best"])

    def write(self, part: Part, table: EpisodeTable) -> None:
        """Keep the episodes of a part."""
        for seed in part.seeds:
            write_text(self.episode_file(part, seed), table.rows_for([seed]).csv_text())

    def read(self, part: Part) -> EpisodeTable:
        """Return the kept episodes of a part."""
        return stack([read_table(self.episode_file(part, seed)) for seed in part.seeds])

    def missing(self, part: Part) -> list[int]:
        """Return the seeds of a part whose episodes are not kept yet."""
        return [seed for seed in part.seeds if not self.episode_file(part, seed).is_file()]


def work(folder: HeadroomFolder, display: Display, interruption: Interruption, jobs: int = 1) -> None:
    """Pick and play what the folder does not hold yet, `jobs` parts at a time; their number changes no result."""
    study = folder.study
    with display.stage("picking the best rules", len(study.cells)) as advance:
        for cell in study.cells:
            folder.pick(cell)
            advance(1)
            interruption.check()
    parts = [part for cell in study.cells for part in roles(study, cell, folder.pick(cell))]
    waiting = [piece for part in parts for piece in chunks(part, folder.missing(part))]
    waiting.sort(key=lambda piece: piece.role in PLANNED)
    total = sum(len(part.seeds) for part in parts)
    left = sum(len(piece.seeds) for piece in waiting if piece.role in PLANNED)
    begun, done = time.monotonic(), 0
    with display.stage("playing", total, total - sum(len(piece.seeds) for piece in waiting)) as advance:
        for piece, table in played(study.play, waiting, interruption, jobs):
            folder.write(piece, table)
            advance(len(piece.seeds))
            if piece.role in PLANNED:
                done += len(piece.seeds)
                minutes = (time.monotonic() - begun) / done * (left - done) / 60.0
                display.say(
                    f"{piece.cell.name}: {piece.role}, seeds {seeds_text(piece.seeds)}; {left - done} planned "
                    f"sessions left, about {minutes:.0f} min"
                )
    interruption.check()
