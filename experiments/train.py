"""The training stage: baselines on the curve seeds, then every (algorithm, training seed)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import tensorboard
from experiments.config import ExperimentConfig
from experiments.interruption import Interruption
from experiments.learner_run import LearnerRun
from experiments.learning_curve import LearningCurve
from experiments.processes import POLL_S, WorkerError, begin_stoppable_worker, is_stop_asked, worker_context
from experiments.progress import Display, Silent
from experiments.result_folder import ResultFolder, file_name
from experiments.rollout import rollout

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def train(
    folder: ResultFolder,
    config: ExperimentConfig,
    display: Display,
    interruption: Interruption,
    jobs: int = 1,
) -> None:
    """Do what is not done yet, `jobs` learners at a time; the number of jobs changes no result."""
    curves = _score_baselines(folder, config, display, interruption)
    runs = {
        f"train/{entry.name}/seed{seed}": LearnerRun(folder, config, entry, seed)
        for entry in config.algorithms
        for seed in config.training_seeds
    }
    waiting = {stage: run for stage, run in runs.items() if not folder.is_finished(stage)}
    with _baseline_lines(folder, curves, list(runs.values())) as lines:
        if jobs == 1 or len(waiting) < 2:
            for stage, run in waiting.items():
                run.train(display, interruption, lines.extend_to)
                folder.finish(stage)
                run.drop_checkpoint()
        else:
            for stage in _in_processes(folder, waiting, display, interruption, jobs):
                folder.finish(stage)
                waiting[stage].drop_checkpoint()
                for step in LearningCurve.read(waiting[stage].folder / "curve.csv").steps():
                    lines.extend_to(step)


def _score_baselines(
    folder: ResultFolder, config: ExperimentConfig, display: Display, interruption: Interruption
) -> dict[str, LearningCurve]:
    curves = {name: LearningCurve.read(folder.curve_file(name)) for name in config.baselines}
    for name, curve in curves.items():
        if not curve.steps():
            policy, seeds = config.env.policy(name), config.curve_seeds
            with display.stage(f"curve of {name}", len(seeds)) as advance:
                curve.add(0, rollout(policy, config.env, seeds, config.batch, progress=advance))
        interruption.check()
    return curves


class _Lines:
    """Baselines in TensorBoard: a point wherever a learner was scored; a single one would be invisible."""

    def __init__(self, curves: dict[str, LearningCurve], writers: dict[str, SummaryWriter], steps: set[int]) -> None:
        self.curves, self.writers, self.steps = curves, writers, steps

    def extend_to(self, step: int) -> None:
        """Write every baseline at a step, once."""
        if step not in self.steps:
            self.steps.add(step)
            for name, curve in self.curves.items():
                tensorboard.write_point(self.writers[name], step, curve.at(0))


@contextmanager
def _baseline_lines(
    folder: ResultFolder, curves: dict[str, LearningCurve], runs: list[LearnerRun]
) -> Iterator[_Lines]:
    root = folder.path / "tensorboard"
    known = {step for run in runs for step in LearningCurve.read(run.folder / "curve.csv").steps()}
    with ExitStack() as stack:
        writers = {}
        for name in curves:
            writers[name] = tensorboard.open_writer(tensorboard.run_path(root, file_name(name)))
            stack.callback(writers[name].close)
        yield _Lines(curves, writers, known)


def _in_processes(
    folder: ResultFolder,
    waiting: dict[str, LearnerRun],
    display: Display,
    interruption: Interruption,
    jobs: int,
) -> Iterator[str]:
    """Yield stages as they finish. A stop that is asked for here reaches the processes through an event."""
    context = worker_context()
    stop = context.Event()
    with ProcessPoolExecutor(jobs, context, begin_stoppable_worker, (stop,)) as pool:
        open_runs: dict[Future[None], str] = {
            pool.submit(_train_in_process, folder.path, run.entry.name, run.seed): stage
            for stage, run in waiting.items()
        }
        try:
            with display.stage(f"training {len(waiting)} learners, {jobs} at a time", len(waiting)) as advance:
                while open_runs:
                    wait(open_runs, timeout=POLL_S, return_when=FIRST_COMPLETED)
                    if interruption.is_asked and not stop.is_set():
                        stop.set()
                        pool.shutdown(wait=False, cancel_futures=True)
                    for future in [future for future in open_runs if future.done()]:
                        stage = open_runs.pop(future)
                        if not future.cancelled():
                            _result(future, stage)
                            advance(1)
                            yield stage
        finally:
            stop.set()
    interruption.check()


def _result(future: Future[None], stage: str) -> None:
    try:
        future.result()
    except BrokenProcessPool:
        raise WorkerError(
            f"{stage}: a training process was killed, perhaps for want of memory. Continue with --resume; fewer --jobs "
            "need less memory"
        ) from None


class _Remote(Interruption):
    """A stop asked for in the parent process."""

    def __init__(self) -> None:
        """Keep nothing: the parent knows."""

    @property
    def is_asked(self) -> bool:  # type: ignore[override]
        """Whether the parent asked."""
        return is_stop_asked()


def _train_in_process(path: Path, name: str, seed: int) -> None:
    folder = ResultFolder(path)
    config = folder.config()
    entry = next(entry for entry in config.algorithms if entry.name == name)
    LearnerRun(folder, config, entry, seed).train(Silent(), _Remote(), lambda step: None)
