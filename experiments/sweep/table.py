"""One table over all cells of a sweep: scores with intervals, the best cell of every world, what failed and why.

Cells of one world (scenario and overrides) are played on the same evaluation seeds, so their differences are paired.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments import statistics
from experiments.compare import Scored, best_heuristic
from experiments.evaluate import read_scores
from experiments.report import markdown
from experiments.statistics import Estimate
from experiments.sweep.folder import SweepFolder
from experiments.sweep.plan import Cell

NUMBERS = ("return_iqm", "minus_rule", "minus_best")
NOTE = (
    "return (IQM): interquartile mean over training and evaluation seeds, in credits; seeds: mean return of the worst "
    "and the best training seed; minus rule: mean paired difference to the best baseline of that world on the same "
    "luck; minus best: the same to the best cell of that world, marked *; in brackets 95 % bootstrap intervals over "
    "evaluation seeds. The best of many cells looks better than it is on the seeds that chose it: "
    "`livesim compare RESULT/cells/NAME --seeds 2000:2128` scores it on others."
)


@dataclass(frozen=True)
class Row:
    """What is known of a cell. Estimates are None where it is not complete.

    returns: (S, N) of its learner, training seeds by evaluation seeds.
    """

    cell: Cell
    state: str
    error: str = ""
    log: str = ""
    returns: np.ndarray | None = None
    rule: str = ""
    minus_rule: Estimate | None = None
    return_iqm: Estimate | None = None
    minus_best: Estimate | None = None
    is_best: bool = False

    @property
    def seed_means(self) -> np.ndarray:
        """(S,) mean return of each training seed; empty where the cell is not complete."""
        return np.empty(0) if self.returns is None else self.returns.mean(axis=1)


def rows_of(folder: SweepFolder, cells: Sequence[Cell]) -> list[Row]:
    """Return a row per cell, in order, read from the kept episodes."""
    failures = folder.failures()
    return _with_best([_row(folder, cell, failures.get(cell.name, "")) for cell in cells])


def table_csv(rows: Sequence[Row]) -> str:
    """Return a line per cell; numbers read back exactly."""
    axes = list(rows[0].cell.axes)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ends = [name + end for name in NUMBERS for end in ("", "_low", "_high")]
    writer.writerow(["cell", *axes, "state", "is_best", "rule", "seed_lowest", "seed_highest", *ends, "error", "log"])
    for row in rows:
        means = row.seed_means
        spread = [repr(float(means.min())), repr(float(means.max()))] if len(means) else ["", ""]
        numbers = [cell for name in NUMBERS for cell in _exact(getattr(row, name))]
        head = [row.cell.name, *row.cell.axes.values(), row.state, int(row.is_best), row.rule]
        writer.writerow([*head, *spread, *numbers, row.error, row.log])
    return text.getvalue()


def table_markdown(rows: Sequence[Row]) -> str:
    """Return the table people read, the failures below it, and how to read both."""
    axes = [key for key in rows[0].cell.axes if len({row.cell.axes[key] for row in rows}) > 1] or ["algorithm"]
    header = ["cell", *axes, "return (IQM)", "seeds", "rule", "minus rule", "minus best"]
    lines = [
        [
            ("* " if row.is_best else "") + row.cell.name,
            *(row.cell.axes[key] for key in axes),
            _text(row.return_iqm, row.state),
            f"{row.seed_means.min():,.1f} .. {row.seed_means.max():,.1f}" if len(row.seed_means) else "-",
            row.rule or "-",
            _text(row.minus_rule),
            "-" if row.is_best else _text(row.minus_best),
        ]
        for row in rows
    ]
    failed = [f"- {row.cell.name}: {row.error} ({row.log})" for row in rows if row.error]
    parts = [markdown(header, lines)]
    if failed:
        parts.append(f"{len(failed)} of {len(rows)} cells failed; `--resume` plays them again:\n\n" + "\n".join(failed))
    return "\n\n".join([*parts, NOTE]) + "\n"


def _row(folder: SweepFolder, cell: Cell, error: str) -> Row:
    if error:
        log = folder.log(cell.name)
        return Row(cell, "failed", error, log.relative_to(folder.path).as_posix() if log.is_file() else "")
    if not folder.is_complete(cell.name):
        return Row(cell, "not finished")
    scored = read_scores(folder.result(cell.name), cell.config)
    learner = next(policy for policy in scored if not policy.is_baseline)
    return _scored_row(cell, learner, best_heuristic(scored))


def _scored_row(cell: Cell, learner: Scored, rule: Scored | None) -> Row:
    returns = learner.values()
    row = Row(cell, "complete", returns=returns, return_iqm=statistics.score(returns))
    if rule is None:
        return row
    return replace(row, rule=rule.label, minus_rule=statistics.paired_difference(returns, rule.values()))


def _with_best(rows: list[Row]) -> list[Row]:
    """Mark the cell with the highest interquartile mean of every world, the first of equals, and compare with it."""
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        there = best.get(row.cell.world)
        if row.return_iqm and (there is None or row.return_iqm.value > _value(there)):
            best[row.cell.world] = row
    return [_beside(row, best.get(row.cell.world)) for row in rows]


def _beside(row: Row, best: Row | None) -> Row:
    if row.returns is None or best is None or best.returns is None:
        return row
    difference = statistics.paired_difference(row.returns, best.returns)
    return replace(row, minus_best=difference, is_best=row is best)


def _value(row: Row) -> float:
    assert row.return_iqm is not None
    return row.return_iqm.value


def _exact(estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return ["", "", ""]
    return ["" if np.isnan(end) else repr(float(end)) for end in (estimate.value, estimate.low, estimate.high)]


def _text(estimate: Estimate | None, otherwise: str = "-") -> str:
    return otherwise if estimate is None else estimate.text()
