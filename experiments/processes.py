"""Worker processes: quick to start, deaf to Ctrl-C (the parent decides), and never alive without the parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

from experiments.interruption import Interruption
from livesim.errors import LivesimError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

POLL_S = 0.5
"""How often a parent that waits for workers looks whether it was asked to stop."""

# Adam imports torch._dynamo when it is first built: seconds that every worker would spend.
PRELOADED = ["agents.learned", "torch._dynamo", "experiments.run", "experiments.train"]


class WorkerError(LivesimError, RuntimeError):
    """A worker process that was killed before it was done."""


def worker_context() -> Any:
    """Return how workers are started: on Linux as copies of a process that has imported everything, else anew.

    Copies of a process that has run nothing are safe; elsewhere, system libraries do not survive it.
    """
    if not sys.platform.startswith("linux"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def begin_worker() -> None:
    """Make the process a worker; called first in it.

    A parent that is killed takes its workers with it: a worker that went on would write into a folder that the next
    command believes its own. What it loses is the work since its last checkpoint.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()


_stop: Event | None = None


def begin_stoppable_worker(stop: Event) -> None:
    """Make the process a worker whose parent asks it to stop by an event; called first in it."""
    global _stop
    _stop = stop
    begin_worker()


def is_stop_asked() -> bool:
    """Return whether the parent asked this worker to stop."""
    assert _stop is not None, "begin_stoppable_worker begins such a worker"
    return _stop.is_set()


def played(
    play: Callable[[Piece], Result], pieces: Sequence[Piece], interruption: Interruption, jobs: int
) -> Iterator[tuple[Piece, Result]]:
    """Yield pieces of work with their results, `jobs` at a time, as they are done.

    Where somebody asks to stop, what is being played is finished and no more begun.
    """
    if jobs == 1:
        for piece in pieces:
            if interruption.is_asked:
                return
            yield piece, play(piece)
        return
    with ProcessPoolExecutor(jobs, worker_context(), begin_worker) as pool:
        running: dict[Future[Result], Piece] = {pool.submit(play, piece): piece for piece in pieces}
        while running:
            done, _ = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
            if interruption.is_asked:
                running = {future: piece for future, piece in running.items() if not future.cancel()}


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is started by multiprocessing"
    parent.join()
    os._exit(1)
