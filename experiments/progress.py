"""Progress of long work on the terminal: bars with an ETA, or one line per stage where nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

import livesim

Advance = Callable[[float], None]


class Display:
    """Shows stages of work, by default on standard error: results stay alone on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, label: str, total: float, done: float = 0.0) -> Iterator[Advance]:
        """Show a stage of `total` units, `done` of them behind us; yields what to call with further units."""
        start = time.monotonic()
        if self.console.is_terminal:
            with _bars(self.console) as bars:
                task = bars.add_task(label, total=total)
                bars.update(task, completed=done)
                yield lambda units: bars.advance(task, units)
        else:
            yield lambda units: None
        self.say(f"{label}: {time.monotonic() - start:.0f} s")


def simulator_display() -> Display:
    """Return the display of a command that simulates; says so where the kernels must be compiled first."""
    display = Display()
    if not any(Path(livesim.__file__).parent.glob("**/crowd.*.nbi")):
        display.say("First use: compiling the simulator takes a few minutes; later uses load it.")
    return display


class Silent(Display):
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Print nothing."""

    @contextmanager
    def stage(self, label: str, total: float, done: float = 0.0) -> Iterator[Advance]:
        """Show nothing."""
        yield lambda units: None


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


PIPED_WIDTH = 160


def wide_console() -> Console:
    """Return a console for tables: as wide as the terminal, or wide enough where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)
