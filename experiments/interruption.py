"""Ctrl-C that loses nothing: the first press stops the work at its next safe point, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from experiments.progress import Display


class Interruption:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.is_asked = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if a stop was asked for; called at safe points."""
        if self.is_asked:
            raise KeyboardInterrupt


@contextmanager
def interruptible(display: Display) -> Iterator[Interruption]:
    """Catch the first Ctrl-C in an Interruption for as long as the block runs; only the main thread can."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if interruption.is_asked:
            raise KeyboardInterrupt
        interruption.is_asked = True
        display.say("Stopping at the next safe point. Press Ctrl-C again to stop at once.")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
