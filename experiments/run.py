"""The stages of one experiment in order: train, evaluate, compare. Each can be repeated; none loses work."""

from __future__ import annotations

from collections.abc import Sequence

from agents.files import write_text
from experiments import report
from experiments.compare import Comparison, compare
from experiments.config import ExperimentConfig
from experiments.evaluate import evaluate, group, play, players, read_scores
from experiments.interruption import Interruption, interruptible
from experiments.progress import Display
from experiments.result_folder import ResultFolder
from experiments.result_page.contents import gather
from experiments.result_page.page import markdown_page

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
    write_text(folder.path / "comparison.csv", comparison.as_csv())
    write_text(folder.path / "comparison.md", report.comparison_markdown(comparison))
    write_text(folder.path / "report.md", markdown_page([gather(folder, config, comparison)]))


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
        from experiments import board

        board.build(folder, config, comparison)
    folder.finish("compare")
    return comparison
