"""Play the cells of a sweep that are not complete, with any engine, and write one table over all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from agents.files import write_text
from experiments.interruption import interruptible
from experiments.progress import Display
from experiments.sweep.folder import SweepFolder
from experiments.sweep.plan import Cell
from experiments.sweep.table import Row, rows_of, table_csv, table_markdown
from experiments.sweep.worker import Engine, Outcome


def run_sweep(folder: SweepFolder, cells: Sequence[Cell], engine: Engine, display: Display) -> list[Row]:
    """Play what is not complete and return a row per cell; a cell that fails is noted and stops no other.

    A KeyboardInterrupt leaves every cell at its last safe point, marks the sweep interrupted and is raised on.
    """
    with folder.locked(), interruptible(display) as interruption:
        folder.stop_file.unlink(missing_ok=True)
        folder.set_state("running")

        def is_stopping() -> bool:
            if interruption.is_asked:
                folder.stop_file.touch()
            return interruption.is_asked

        try:
            _play(folder, cells, engine, display, is_stopping)
            interruption.check()
        except BaseException:
            folder.set_state("interrupted")
            raise
        finally:
            folder.stop_file.unlink(missing_ok=True)
        rows = rows_of(folder, cells)
        write_text(folder.path / "table.csv", table_csv(rows))
        write_text(folder.path / "table.md", table_markdown(rows))
        folder.set_state("failed" if any(row.error for row in rows) else "complete")
        return rows


def _play(
    folder: SweepFolder, cells: Sequence[Cell], engine: Engine, display: Display, is_stopping: Callable[[], bool]
) -> None:
    waiting = [cell for cell in cells if not folder.is_complete(cell.name)]
    if not waiting:
        return
    done, begun = len(cells) - len(waiting), time.monotonic()
    with display.stage(f"{len(cells)} cells", len(cells), done) as advance:
        for number, outcome in enumerate(engine.play([folder.task(cell) for cell in waiting], is_stopping), start=1):
            folder.note(outcome)
            advance(1)
            left = (time.monotonic() - begun) / number * (len(waiting) - number)
            display.say(f"{_how(outcome)}: {outcome.cell} ({done + number} of {len(cells)}, about {_span(left)} left)")


def _how(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"FAILED, {outcome.error}"
    return "stopped" if outcome.is_stopped else "complete"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
