"""One SimPy clock per room, with processes that can be stopped, copied and started again.

A restartable process is a dataclass with a method `run(room)` that is a SimPy generator: everything it must remember
is in its fields, and it begins by waiting for the time in them. A copy of a room copies those fields and starts the
processes again in the order in which they last began to wait, so that simultaneous events keep their order. A plain
generator function works too, but a room that runs one cannot be copied.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol

import simpy

from livesim import registry
from livesim.errors import SnapshotError

if TYPE_CHECKING:
    from livesim.view import RoomView

GRID = 1024.0  # due times lie on a binary grid, so that now + (due - now) == due exactly after a restart


class Process(Protocol):
    """Something that happens to a room at times of its own."""

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Wait for the next due time, act, and so on."""
        ...


@dataclass
class PlainGenerator:
    """A plug-in given as a generator function: it runs, but it cannot be copied."""

    name: str
    function: Callable[..., Generator[simpy.Event, Any, None]]
    parameters: dict[str, Any] = field(default_factory=dict)

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Run the function."""
        return self.function(room, **self.parameters)


def make_process(name: str, parameters: dict[str, Any], where: str = "") -> Process:
    """Return a fresh process that a plug-in registered: an object of a class, or a wrapped generator function.

    Raises UnknownNameError, or TypeError where the parameters do not fit.
    """
    factory = registry.resolve("process", name, where)
    if isinstance(factory, type):
        return factory(**parameters)
    inspect.signature(factory).bind(None, **parameters)  # the room comes first
    return PlainGenerator(name, factory, parameters)


class RoomClock:
    """The clock of one room, its processes and its host."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.env = simpy.Environment(initial_time=now_s)
        self.host = simpy.Resource(self.env, capacity=1)
        self._running: dict[simpy.Process, Process] = {}
        self._order: dict[simpy.Process, int] = {}
        self._waits = 0

    def start(self, process: Process, room: RoomView) -> None:
        """Start a process now."""
        running = self.env.process(process.run(room))
        self._running[running] = process
        self._order[running] = self._next()
        running.callbacks.append(self._forget)

    def until(self, due_s: float) -> simpy.Timeout:
        """Return the event of time due_s; a time in the past is now."""
        active = self.env.active_process
        if active is not None:
            self._order[active] = self._next()
        due = round(due_s * GRID) / GRID
        return self.env.timeout(max(0.0, due - self.env.now))

    def run_due(self, now_s: float) -> float:
        """Run everything that is due at now_s or before; return the time of the next event (inf: none)."""
        env = self.env
        while env.peek() <= now_s:
            env.step()
        return env.peek()

    def processes(self) -> list[Process]:
        """Return copies of the processes, in the order in which they wait.

        Raises SnapshotError naming a process that keeps its state in a generator.
        """
        waiting = sorted(self._running, key=self._order.__getitem__)
        for running in waiting:
            process = self._running[running]
            if isinstance(process, PlainGenerator) or not is_dataclass(process):
                name = process.name if isinstance(process, PlainGenerator) else type(process).__name__
                raise SnapshotError(
                    f"process '{name}' is a plain generator and cannot be copied with its room. Make it a dataclass "
                    "that keeps its state in fields and begins by waiting for its next due time."
                )
        return [copy.deepcopy(self._running[running]) for running in waiting]

    def _next(self) -> int:
        self._waits += 1
        return self._waits

    def _forget(self, finished: simpy.Event) -> None:
        self._running.pop(finished, None)  # type: ignore[call-overload]
        self._order.pop(finished, None)  # type: ignore[call-overload]
