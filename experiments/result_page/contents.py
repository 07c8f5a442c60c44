"""Everything a page says about one experiment, read from its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.compare import Comparison, compare
from experiments.config import ExperimentConfig
from experiments.episode_table import EpisodeTable
from experiments.evaluate import read_scores
from experiments.learning_curve import LearningCurve
from experiments.provenance import Provenance, provenance
from experiments.result_folder import ResultFolder


@dataclass(frozen=True)
class Contents:
    """One experiment. curves: per learner its training seeds' curves; rule_curves: rules on the same curve seeds."""

    folder: Path
    config: ExperimentConfig
    config_text: str
    comparison: Comparison
    versions: dict[str, Any]
    origin: Provenance
    curves: dict[str, list[EpisodeTable]]
    rule_curves: dict[str, EpisodeTable]

    def label(self, name: str) -> str:
        """Return how tables call a policy."""
        return next(policy.label for policy in self.comparison.policies if policy.name == name)


def read(path: Path) -> Contents:
    """Return the contents of a finished result; raises ResultFolderError for a wrong or unfinished folder."""
    folder = ResultFolder.open(path)
    folder.require_finished()
    config = folder.config()
    return gather(folder, config, compare(read_scores(folder, config)))


def gather(folder: ResultFolder, config: ExperimentConfig, comparison: Comparison) -> Contents:
    """Return the contents of a result whose comparison is known."""
    curves = {
        entry.name: [
            curve.table
            for seed in config.training_seeds
            if (curve := LearningCurve.read(folder.run_folder(entry.name, seed) / "curve.csv")).table is not None
        ]
        for entry in config.algorithms
    }
    rules = {name: LearningCurve.read(folder.curve_file(name)).table for name in config.baselines}
    return Contents(
        folder=folder.path,
        config=config,
        config_text=(folder.path / "config.yaml").read_text(encoding="utf-8"),
        comparison=comparison,
        versions=folder.versions(),
        origin=provenance(folder, config),
        curves={name: tables for name, tables in curves.items() if tables},
        rule_curves={name: table for name, table in rules.items() if table is not None},
    )
