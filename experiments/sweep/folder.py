"""The folder of a sweep: an ordinary result folder per cell, and what is known of all of them.

    sweep.yaml       the sweep as resolved; `livesim sweep RESULT/sweep.yaml` repeats it
    sweep.json       state, the digest of every cell, what failed and why
    versions.json    python, packages, hash of the simulator, git commit, machine
    cells/NAME/      a result: `livesim compare RESULT/cells/NAME` and all else work on it
    logs/NAME.log    what the workers of a cell said, tracebacks included
    table.csv, table.md

It may lie on storage that several machines share. A cell that is complete is never played again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from agents.files import write_text
from experiments.result_folder import ResultFolder, begun_folder, read_json, versions, write_json
from experiments.sweep.config import SweepConfig
from experiments.sweep.plan import Cell
from experiments.sweep.worker import Outcome, Task
from livesim.errors import ResultFolderError


class SweepFolder:
    """Paths and state of one sweep."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()  # workers have other working folders

    @classmethod
    def create(cls, path: Path, sweep: SweepConfig, cells: Sequence[Cell]) -> SweepFolder:
        """Start a sweep; raises ResultFolderError where anything lies at `path`."""
        with begun_folder(path) as draft:
            write_json(draft / "versions.json", versions())
            cls(draft)._write(sweep, {"state": "running", "cells": _digests(cells), "failed": {}})
        return cls(path)

    @classmethod
    def resume(cls, path: Path, sweep: SweepConfig, cells: Sequence[Cell]) -> SweepFolder:
        """Continue a sweep, to which cells may have been added; raises ResultFolderError where one has changed."""
        folder, now = cls(path), _digests(cells)
        status = folder._status()
        for name, digest in status["cells"].items():
            if now.get(name) != digest:
                how = "its settings have changed" if name in now else "it is no longer asked for"
                raise ResultFolderError(
                    f"{path}: belongs to another sweep (cell {name}: {how}); nothing was changed. Resume with the "
                    "settings it began with, or start another folder with --out DIR. Values may be added to an axis"
                )
        if now != status["cells"]:
            with folder.locked():
                folder._write(sweep, {**folder._status(), "cells": now})
        return folder

    @property
    def stop_file(self) -> Path:
        """Asks workers to stop, as long as it exists."""
        return self.path / ".stop"

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from sweeping here; raises ResultFolderError where one already does."""
        return ResultFolder(self.path).locked()

    def changed_versions(self) -> list[str]:
        """Return what software has changed since the sweep was begun."""
        return ResultFolder(self.path).changed_versions()

    def result(self, cell: str) -> ResultFolder:
        """The result of one cell, begun or not."""
        return ResultFolder(self.path / "cells" / cell)

    def log(self, cell: str) -> Path:
        """Where the workers of a cell write what they say."""
        return self.path / "logs" / f"{cell}.log"

    def is_complete(self, cell: str) -> bool:
        """Return whether a cell is played, scored and compared; of a damaged one its worker will complain."""
        result = self.result(cell)
        try:
            return (result.path / "status.json").is_file() and result.is_finished("compare")
        except ResultFolderError:
            return False

    def task(self, cell: Cell) -> Task:
        """Return what a worker must know of a cell."""
        place = self.result(cell.name).path
        return Task(cell.name, place, self.log(cell.name), self.stop_file, cell.config.as_data())

    def failures(self) -> dict[str, str]:
        """Return the error of every cell that failed when it was last played."""
        return dict(self._status()["failed"])

    def note(self, outcome: Outcome) -> None:
        """Keep how a cell ended."""
        failed = {name: error for name, error in self.failures().items() if name != outcome.cell}
        if outcome.error is not None:
            failed[outcome.cell] = outcome.error
        write_json(self.path / "sweep.json", {**self._status(), "failed": failed})

    def set_state(self, state: str) -> None:
        """Note how the whole sweep stands: running, interrupted, failed or complete."""
        write_json(self.path / "sweep.json", {**self._status(), "state": state})

    def _status(self) -> dict[str, Any]:
        file = self.path / "sweep.json"
        if not file.is_file():
            raise ResultFolderError(f"{self.path}: holds no sweep: sweep.json is missing")
        return read_json(file, ("state", "cells", "failed"), ": it must hold state, cells and failed")

    def _write(self, sweep: SweepConfig, status: dict[str, Any]) -> None:
        write_text(self.path / "sweep.yaml", yaml.safe_dump(sweep.as_data(), sort_keys=False, allow_unicode=True))
        write_json(self.path / "sweep.json", status)


def _digests(cells: Sequence[Cell]) -> dict[str, str]:
    return {cell.name: cell.config.digest() for cell in cells}
