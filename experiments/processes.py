"""Worker processes: quick to start, deaf to Ctrl-C (the parent decides), and never alive without the parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from typing import Any

from livesim.errors import LivesimError

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


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is started by multiprocessing"
    parent.join()
    os._exit(1)
