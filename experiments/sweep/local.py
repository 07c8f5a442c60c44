"""Cells in processes of this machine: one process per cell, so that a cell that dies takes nothing with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from experiments.processes import POLL_S, begin_worker, worker_context
from experiments.sweep.worker import Outcome, Task, play

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class LocalEngine:
    """`jobs` cells at a time; their number changes no result."""

    jobs: int = 1

    def play(self, tasks: Sequence[Task], is_stopping: Callable[[], bool]) -> Iterator[Outcome]:
        """Yield outcomes as they come in; a process that is killed is a cell that failed."""
        waiting, running = list(tasks), dict[int, _Worker]()
        context = worker_context()
        try:
            while running or waiting:
                if is_stopping():
                    waiting.clear()
                while waiting and len(running) < self.jobs:
                    worker = _Worker(context, waiting.pop(0))
                    running[worker.process.sentinel] = worker
                for sentinel in wait(list(running), POLL_S):
                    yield running.pop(sentinel).outcome()  # type: ignore[arg-type]
        finally:
            for worker in running.values():
                worker.process.kill()


class _Worker:
    """A process that plays one cell, and the pipe that its outcome comes through."""

    def __init__(self, context: Any, task: Task) -> None:
        self.task = task
        self.pipe, end = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(task, end), name=task.cell)
        with _one_thread_each():
            self.process.start()
        end.close()

    def outcome(self) -> Outcome:
        """Return how the cell ended, once its process has."""
        self.process.join()
        with self.pipe:
            try:
                return self.pipe.recv()
            except EOFError:
                return Outcome(self.task.cell, error=_death(self.process.exitcode))


def _work(task: Task, pipe: Connection) -> None:
    begin_worker()
    pipe.send(play(task))


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        hint = ", perhaps for want of memory" if -code == getattr(signal, "SIGKILL", 9) else ""
        return f"its process was killed by {signal.Signals(-code).name}{hint}"
    return f"its process ended with status {code}"


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes begun here use one thread each: `jobs` of them with as many threads as cores are slower."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
