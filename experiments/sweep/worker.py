"""One cell of a sweep, done by a worker process of whatever engine."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from experiments.interruption import Interruption
from livesim.errors import LivesimError


@dataclass(frozen=True)
class Task:
    """A cell as plain data.  folder: its result, begun or not.  log: what it says.  stop: a file that asks to stop."""

    cell: str
    folder: Path
    log: Path
    stop: Path
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: done, stopped at a safe point because somebody asked, or failed with an error."""

    cell: str
    error: str | None = None
    is_stopped: bool = False


class Engine(Protocol):
    """Where the cells of a sweep are played."""

    def play(self, tasks: Sequence[Task], is_stopping: Callable[[], bool]) -> Iterator[Outcome]:
        """Yield outcomes as they come in; where is_stopping() turns true, begin no more and wait for those begun."""
        ...


class StopFile(Interruption):
    """A stop asked for in the driver, seen by every worker that shares its storage."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_asked(self) -> bool:  # type: ignore[override]
        """Whether the driver asked."""
        return self.path.exists()


def play(task: Task) -> Outcome:
    """Do a cell from where it stands; an error is its outcome, and its traceback is in the log."""
    stop = StopFile(task.stop)
    if stop.is_asked:
        return Outcome(task.cell, is_stopped=True)
    with _logged(task.log):
        try:
            _play(task, stop)
        except KeyboardInterrupt:
            return Outcome(task.cell, is_stopped=True)
        except Exception as error:
            traceback.print_exc()
            text = str(error) if isinstance(error, LivesimError) else f"{type(error).__name__}: {error}"
            return Outcome(task.cell, error=" ".join(text.split()))
    return Outcome(task.cell)


def _play(task: Task, stop: StopFile) -> None:
    from rich.console import Console

    from experiments.config import config_from
    from experiments.progress import Display
    from experiments.result_folder import ResultFolder
    from experiments.run import do_stages
    from experiments.yaml_source import Source

    config = config_from(Source(f"cell {task.cell}", dict(task.config)))
    is_begun = (task.folder / "status.json").is_file()
    folder = ResultFolder.resume(task.folder, config) if is_begun else ResultFolder.create(task.folder, config)
    do_stages(folder, config, Display(Console(stderr=True, width=120)), stop)


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        yield
