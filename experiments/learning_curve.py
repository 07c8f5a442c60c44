"""Scores while learning: one row per curve seed and point of training, kept in one file that only grows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from agents.files import write_text
from experiments.episode_table import EpisodeTable, read_table, stack
from experiments.statistics import iqm_over_all


class LearningCurve:
    """Episodes of one run on the curve seeds; column `step` counts the training decisions before them."""

    def __init__(self, path: Path, table: EpisodeTable | None = None) -> None:
        self.path = path
        self.table = table

    @classmethod
    def read(cls, path: Path, until_step: float = np.inf) -> LearningCurve:
        """Read the points up to a step, as a resumed run knows them; empty where there is no file."""
        if not path.is_file():
            return cls(path)
        table = read_table(path)
        kept = table["step"] <= until_step
        if not kept.any():
            return cls(path)
        return cls(path, EpisodeTable({name: values[kept] for name, values in table.columns.items()}))

    def add(self, step: int, episodes: EpisodeTable) -> None:
        """Append one point and write the file."""
        point = EpisodeTable({"step": np.full(len(episodes), float(step)), **episodes.columns})
        self.table = point if self.table is None else stack([self.table, point])
        write_text(self.path, self.table.csv_text())

    def steps(self) -> list[int]:
        """Return the steps that have a point, ascending."""
        return [] if self.table is None else sorted({int(step) for step in self.table["step"]})

    def at(self, step: int) -> EpisodeTable:
        """Return the episodes of one point."""
        assert self.table is not None
        rows = self.table["step"] == step
        return EpisodeTable({name: values[rows] for name, values in self.table.columns.items() if name != "step"})

    def iqm(self, step: int) -> float:
        """Return the interquartile mean return of one point."""
        return float(iqm_over_all(self.at(step)["return"][None]))


def best_rule(rules: Mapping[str, LearningCurve]) -> str:
    """Return the rule with the highest interquartile mean return on the curve seeds, random apart; "" for none."""
    worth_beating = [name for name in rules if name.rpartition(".")[2] != "random"]
    return max(worth_beating, key=lambda name: rules[name].iqm(0), default="")
