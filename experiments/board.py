"""TensorBoard as a view of a finished result: built from its files alone, as often as wanted.

    POLICY          a rule, or the mean over the training seeds of a learner: score, terms, audience, health, costs,
                    the return with its interval; a rule is a flat line over the steps at which learners were scored
    POLICY/seedK    a training seed of a learner: its own scores under each_seed/, its losses, its row of HParams
    comparison      the table as text, the figures, the layout of the charts

While a learner trains, its seeds write the tags of a policy themselves, so that they can be watched beside the rules.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.files import whole_folder
from experiments import report, statistics, tensorboard
from experiments.compare import Comparison, Scored, best_heuristic
from experiments.config import ExperimentConfig
from experiments.episode_table import stack
from experiments.learners import hparams
from experiments.learning_curve import LearningCurve, best_rule
from experiments.result_folder import ResultFolder, file_name
from experiments.statistics import Estimate
from experiments.tensorboard import EACH_SEED

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

COMPARISON = "comparison"
ALWAYS_TOLD = ("policy", "algorithm", "training_seed")
FINAL_MEASURES = ("viewers_mean", "stall_share", "ad_minutes_per_hour")
HOW_TO_READ = """\
**CUSTOM SCALARS** has one chart per measure with one line per policy; rules are flat. **HPARAMS** has a row per
training seed and rule with its final scores. **IMAGES** has the learning curves, what returns are made of, where ads
are placed, and a session of every policy; a click on one, or *Show actual image size*, makes it readable. **SCALARS**
has all of it, and under `each_seed` every training seed alone.

Curves are means over the curve seeds, final scores belong to the evaluation seeds. Set *Smoothing* to 0 to see the
points as they are. To see policies without their training seeds, filter the runs with `^[^/]*$`.
"""


def build(folder: ResultFolder, config: ExperimentConfig, comparison: Comparison) -> None:
    """Write tensorboard/ anew; the old one is replaced when the new one is whole."""
    with whole_folder(folder.path / "tensorboard", replaces=True) as draft:
        _Board(folder, config, comparison, draft).write()


class _Board:
    """One build: the curves of a result and where they go."""

    def __init__(self, folder: ResultFolder, config: ExperimentConfig, comparison: Comparison, root: Path) -> None:
        self.folder, self.config, self.comparison, self.root = folder, config, comparison, root
        self.learners = {
            entry.name: {
                seed: LearningCurve.read(folder.run_folder(entry.name, seed) / "curve.csv")
                for seed in config.training_seeds
            }
            for entry in config.algorithms
        }
        self.rules = {name: LearningCurve.read(folder.curve_file(name)) for name in config.baselines}
        self.best = best_rule(self.rules)
        curves = [curve for several in self.learners.values() for curve in several.values()]
        self.steps = sorted({step for curve in curves for step in curve.steps()})
        self.columns = _telling(comparison.policies, config.reward_mode)

    def write(self) -> None:
        """Write all runs; TensorBoard lists them in this order."""
        for name, several in self.learners.items():
            shared = sorted(set.intersection(*(set(curve.steps()) for curve in several.values())))
            self._policy(name, list(several.values()), {step: step for step in shared})
        for name, curve in self.rules.items():
            self._policy(name, [curve], dict.fromkeys(self.steps, 0))
        for name, several in self.learners.items():
            for seed, curve in several.items():
                with self._writer(name, seed) as writer:
                    if len(several) > 1:
                        for step in curve.steps():
                            tensorboard.write_point(writer, step, curve.at(step), self.columns, EACH_SEED)
                    _write_losses(writer, self.folder.run_folder(name, seed) / "progress.csv")
        rows = self._hparams()
        with self._writer(COMPARISON) as writer:
            writer.add_text("comparison", report.comparison_markdown(self.comparison))
            writer.add_text("how to read", HOW_TO_READ + self._labels())
            writer.add_custom_scalars(tensorboard.layout(self.columns, self._intervals()))
            some = self.comparison.policies[0]
            tensorboard.write_hparams_columns(writer, rows, list(self._final_scores(some, next(iter(some.tables)))))
            self._images(writer)

    def _policy(self, name: str, curves: Sequence[LearningCurve], points: Mapping[int, int]) -> None:
        """points: step on the axis -> step of the curves."""
        estimates = {step: self._estimates(curves, step) for step in set(points.values())}  # of a rule only one
        with self._writer(name) as writer:
            for shown, step in points.items():
                tensorboard.write_point(writer, shown, stack([curve.at(step) for curve in curves]), self.columns)
                for measure, estimate in estimates[step].items():
                    tensorboard.write_interval(writer, shown, measure, estimate)

    def _estimates(self, curves: Sequence[LearningCurve], step: int) -> dict[str, Estimate]:
        scores = np.stack([curve.at(step)["return"] for curve in curves])
        found = {"return_iqm": statistics.score(scores)}
        if self.best:
            found["ahead"] = statistics.paired_difference(scores, self.rules[self.best].at(0)["return"][None])
        return found

    def _labels(self) -> str:
        """Return which run is whose, for learners that tables call otherwise."""
        named = [f"`{entry.name}` is {entry.shown}" for entry in self.config.algorithms if entry.label]
        return f"\nRuns: {'; '.join(named)}.\n" if named else ""

    def _intervals(self) -> dict[str, str]:
        shown = {"return (interquartile mean, 95 %)": "return_iqm"}
        return {f"return minus {self.best}, same luck (mean, 95 %)": "ahead", **shown} if self.best else shown

    def _hparams(self) -> list[dict[str, Any]]:
        entries = {entry.name: entry for entry in self.config.algorithms}
        players = [(policy, seed) for policy in self.comparison.policies for seed in policy.tables]
        known = [
            {"policy": policy.name, "algorithm": "rule", "training_seed": "-"}
            if seed is None
            else {**hparams(entries[policy.name], self.config, seed), "training_seed": str(seed)}
            for policy, seed in players
        ]
        rows = tensorboard.same_keys(known, ALWAYS_TOLD)
        for (policy, seed), row in zip(players, rows, strict=True):
            name = policy.name if seed is None else f"{policy.name}, seed {seed}"
            with self._writer(policy.name, seed) as writer:
                scores = self._final_scores(policy, seed)
                tensorboard.write_hparams(writer, name, self.config.total_steps, row, scores)
        return rows

    def _final_scores(self, policy: Scored, seed: int | None) -> dict[str, float]:
        """Return the final scores by name; NaN for one that does not exist."""
        best = best_heuristic(self.comparison.policies)
        found = {"return_iqm": self._value(policy, "return_iqm", seed)}
        if best:
            own = 0.0 if policy is best else self._value(policy, "paired_difference", seed, best.name)
            found[f"minus_{best.name}"] = own
        found["score"] = self._value(policy, "normalised_score", seed)
        return found | {name: float(np.mean(policy.tables[seed][name])) for name in FINAL_MEASURES}

    def _value(self, policy: Scored, measure: str, seed: int | None, baseline: str = "") -> float:
        try:
            return self.comparison.find(policy.name, measure, baseline, seed).value
        except KeyError:
            return float("nan")

    def _images(self, writer: SummaryWriter) -> None:
        from experiments.result_figures import result_figures

        for place, (name, figure) in enumerate(result_figures(self.folder, self.config, self.comparison).items(), 1):
            tag = name if "/" in name else f"figures/{place}_{name}"  # TensorBoard sorts by tag
            writer.add_figure(tag, figure, self.config.total_steps, close=False)

    @contextmanager
    def _writer(self, policy: str, training_seed: int | None = None) -> Iterator[SummaryWriter]:
        writer = tensorboard.open_writer(tensorboard.run_path(self.root, file_name(policy), training_seed))
        try:
            yield writer
        finally:
            writer.close()


def _telling(policies: Sequence[Scored], reward_mode: str) -> list[str]:
    """Return the columns worth a chart: not zero for every policy, and not the return of the own mode twice."""
    columns = next(iter(policies[0].tables.values())).names()
    return [
        column
        for column in columns
        if tensorboard.tag_of(column)
        and column != f"return_{reward_mode}"
        and any(np.any(policy.values(column) != 0) for policy in policies)
    ]


def _write_losses(writer: SummaryWriter, file: Path) -> None:
    """Write what a learner said after its rollouts (progress.csv)."""
    if not file.is_file():
        return
    with open(file, encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            step = int(row.pop("step"))
            for name, value in row.items():
                if value:
                    writer.add_scalar(name, float(value), step)
