"""Cells as tasks of a Ray cluster: one that runs already, or one of this machine for as long as the sweep takes.

Workers write results where the driver reads them: on a cluster of several machines the result folder must lie on
storage that all of them share, under the same path, and livesim must be installed on each. Ray gives every task one
thread, and no result depends on it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from experiments.sweep.worker import Outcome, Task, play
from livesim.errors import ConfigError

POLL_S = 0.5


@dataclass(frozen=True)
class RayEngine:
    """address: of a cluster, "auto" for that of this machine; None starts one.  jobs: CPUs of one that is started."""

    address: str | None = None
    jobs: int | None = None

    def play(self, tasks: Sequence[Task], is_stopping: Callable[[], bool]) -> Iterator[Outcome]:
        """Yield outcomes as they come in; a worker that is killed is a cell that failed."""
        with self._cluster() as ray:
            run = ray.remote(num_cpus=1, max_retries=0)(play)
            running = {run.remote(task): task for task in tasks}
            while running:
                is_stopping()  # tasks that have not begun see it themselves
                done, _ = ray.wait(list(running), timeout=POLL_S)
                for reference in done:
                    yield _outcome(ray, reference, running.pop(reference))

    @contextmanager
    def _cluster(self) -> Iterator[Any]:
        ray = require_ray()
        arguments: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self.address is None:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            arguments |= {"address": "local", "num_cpus": self.jobs, "include_dashboard": False}
        try:
            ray.init(**{"address": self.address, **arguments})
        except Exception as error:  # Ray raises this very class where a node does not start in time
            what = f"--address {self.address}: no Ray cluster answers there" if self.address else "Ray does not start"
            raise ConfigError(f"{what} ({error}). The folder is begun: try again with --resume") from None
        try:
            yield ray
        finally:
            ray.shutdown()


def _outcome(ray: Any, reference: Any, task: Task) -> Outcome:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        return Outcome(task.cell, error=f"{type(error).__name__}: {first.strip()}")


def require_ray() -> Any:
    """Return the library; raises ConfigError that says how to install it."""
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f"--engine ray needs the extra 'ray' ({error}). Install it with: pip install 'livesim[ray]'"
        ) from None
    return ray
