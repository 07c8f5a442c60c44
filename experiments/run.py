"""The stages of one experiment in order: train, evaluate, compare. Each can be repeated; none loses work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments import report, statistics
from experiments.compare import Comparison, compare
from experiments.config import ExperimentConfig
from experiments.environment import POLICY_SEED
from experiments.evaluate import evaluate, group, play, players, read_scores
from experiments.interruption import Interruption, interruptible
from experiments.learning_curve import LearningCurve
from experiments.progress import Display
from experiments.result_folder import ResultFolder, file_name, write_text

STAGES = ("train", "evaluate", "compare")


def run_stages(
    folder: ResultFolder,
    config: ExperimentConfig,
    display: Display,
    stages: Sequence[str] = STAGES,
    jobs: int = 1,
) -> Comparison | None:
    """Do the given stages of an experiment in its folder; returns the comparison where that is one of them.

    A KeyboardInterrupt leaves the folder usable, marks it interrupted and is raised on.
    """
    with interruptible(display) as interruption:
        return do_stages(folder, config, display, interruption, stages, jobs)


def do_stages(
    folder: ResultFolder,
    config: ExperimentConfig,
    display: Display,
    interruption: Interruption,
    stages: Sequence[str] = STAGES,
    jobs: int = 1,
) -> Comparison | None:
    """Do what `run_stages` does, for whoever knows of interruptions from elsewhere."""
    with folder.locked():
        folder.set_state("running")
        try:
            comparison = _do(folder, config, display, interruption, stages, jobs)
        except KeyboardInterrupt:
            folder.set_state("interrupted")
            raise
        except BaseException:
            folder.set_state("failed")
            raise
        folder.set_state("complete" if comparison else "partial")
        return comparison


def rescore(
    folder: ResultFolder,
    config: ExperimentConfig,
    display: Display,
    seeds: Sequence[int],
    only: Sequence[str] | None = None,
) -> Comparison:
    """Return a comparison of a trained experiment on other evaluation seeds; the folder does not change."""
    with interruptible(display) as interruption:
        tables = {
            (name, seed): play(folder, config, name, seed, seeds, display, interruption)
            for name, seed in players(config, only)
        }
        return compare(group(config, tables))


def write_comparison(folder: ResultFolder, config: ExperimentConfig, comparison: Comparison) -> None:
    """Write comparison.csv, comparison.md and report.md."""
    markdown = report.comparison_markdown(comparison)
    write_text(folder.path / "comparison.csv", comparison.as_csv())
    write_text(folder.path / "comparison.md", markdown)
    write_text(folder.path / "report.md", report.experiment_report(config, markdown))


def _do(
    folder: ResultFolder,
    config: ExperimentConfig,
    display: Display,
    interruption: Interruption,
    stages: Sequence[str],
    jobs: int,
) -> Comparison | None:
    if "train" in stages and config.algorithms:
        from experiments.train import train

        train(folder, config, display, interruption, jobs)
        folder.finish("train")
    if "evaluate" in stages:
        evaluate(folder, config, display, interruption)
        folder.finish("evaluate")
    if "compare" not in stages:
        return None
    comparison = compare(read_scores(folder, config))
    write_comparison(folder, config, comparison)
    if config.algorithms:
        _write_tensorboard(folder, config, comparison)
    folder.finish("compare")
    return comparison


def _write_tensorboard(folder: ResultFolder, config: ExperimentConfig, comparison: Comparison) -> None:
    """Write final scores, HParams, aggregates over training seeds, and what all runs share."""
    from experiments import tensorboard
    from experiments.learners import hparams

    root, scenario = folder.path / "tensorboard", config.env.load_scenario().name
    entries = {entry.name: entry for entry in config.algorithms}
    runs: list[tuple[str, int | None, dict[str, Any]]] = []
    for policy in comparison.policies:
        for seed in policy.tables:
            known = {"policy": policy.name, "training_seed": POLICY_SEED, "algorithm": "rule"}
            shown = dict(hparams(entries[policy.name], config, seed)) if seed is not None else known
            runs.append((policy.name, seed, shown))
    keyed = tensorboard.same_keys([shown for _, _, shown in runs])
    for (name, seed, _), shown in zip(runs, keyed, strict=True):
        run = f"seed{POLICY_SEED if seed is None else seed}"
        scores = [
            _value(comparison, name, measure, seed) for measure in ("return_iqm", "return_mean", "normalised_score")
        ]
        writer = tensorboard.open_writer(tensorboard.run_path(root, scenario, file_name(name), run))
        try:
            tensorboard.write_final(writer, config.total_steps, scores, shown)
        finally:
            writer.close()
    _write_aggregates(folder, config)
    columns = next(iter(comparison.policies[0].tables.values())).names()
    tensorboard.write_root(root, report.comparison_table(comparison), columns, keyed)


def _write_aggregates(folder: ResultFolder, config: ExperimentConfig) -> None:
    from experiments import tensorboard

    root, scenario = folder.path / "tensorboard", config.env.load_scenario().name
    curves = {
        entry.name: [
            LearningCurve.read(folder.run_folder(entry.name, seed) / "curve.csv") for seed in config.training_seeds
        ]
        for entry in config.algorithms
    }
    steps = sorted({step for several in curves.values() for curve in several for step in curve.steps()})
    for name, several in curves.items():
        shared = sorted(set.intersection(*(set(curve.steps()) for curve in several)))
        _write_aggregate(tensorboard.run_path(root, scenario, name, "all"), several, {step: step for step in shared})
    for name in config.baselines:
        curve = LearningCurve.read(folder.curve_file(name))
        run = tensorboard.run_path(root, scenario, file_name(name), "all")
        _write_aggregate(run, [curve], dict.fromkeys(steps, 0))


def _write_aggregate(run: Any, curves: Sequence[LearningCurve], points: dict[int, int]) -> None:
    """points: step on the axis -> step of the curve."""
    import numpy as np

    from experiments import tensorboard

    for old in run.glob("events.out.tfevents.*"):
        old.unlink()
    writer = tensorboard.open_writer(run)
    try:
        for shown, step in points.items():
            scores = np.stack([curve.at(step)["return"] for curve in curves])
            tensorboard.write_aggregate(writer, shown, statistics.score(scores))
    finally:
        writer.close()


def _value(comparison: Comparison, policy: str, measure: str, seed: int | None) -> float:
    try:
        return comparison.find(policy, measure, training_seed=seed).value
    except KeyError:
        return float("nan")
