"""The learner's own numbers while it trains (losses, entropy, ...): TensorBoard at once, CSV at stops."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agents.files import write_text

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from experiments.config import ExperimentConfig
    from experiments.result_folder import ResultFolder

COPIED = "look_ahead/decisions"
"""What a learner says it played on copies of rooms, which its total_steps does not count."""


class TrainLog:
    """One row per rollout in progress.csv; a resumed run goes on after the rows up to its checkpoint."""

    def __init__(self, path: Path, writer: SummaryWriter, until_step: int = 0) -> None:
        self.path = path
        self.writer = writer
        self.rows: list[dict[str, str]] = []
        if path.is_file():
            with open(path, encoding="utf-8", newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= until_step]

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Note what the learner says after a rollout."""
        self.rows.append({"step": str(step), **{name: repr(float(value)) for name, value in numbers.items()}})
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)

    def save(self) -> None:
        """Write progress.csv and what TensorBoard has not been given yet."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())
        self.writer.flush()


def decisions_text(folder: ResultFolder, config: ExperimentConfig) -> dict[str, str]:
    """Return, by label of each learner, the decisions it was trained on: its own, and those on copies of rooms.

    "1,920" or "1,920 + 215,000 on copies", the latter in the mean over training seeds, to three digits.
    """
    found = {}
    for entry in config.algorithms:
        copied = [_copied(folder.run_folder(entry.name, seed) / "progress.csv") for seed in config.training_seeds]
        mean = float(f"{sum(copied) / len(copied):.3g}")
        found[entry.shown] = f"{config.total_steps:,}" + (f" + {mean:,.0f} on copies" if mean else "")
    return found


def _copied(path: Path) -> float:
    with open(path, encoding="utf-8", newline="") as file:
        return max((float(row.get(COPIED) or 0.0) for row in csv.DictReader(file)), default=0.0)
