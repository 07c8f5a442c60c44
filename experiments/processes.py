"""Worker processes: deaf to Ctrl-C, which the parent decides about, and never alive without the parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

from livesim.errors import LivesimError


class WorkerError(LivesimError, RuntimeError):
    """A worker process that was killed before it was done."""


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
