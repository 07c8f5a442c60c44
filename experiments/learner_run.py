"""Train one learner with one training seed, score it as it learns, and lose little wherever it stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.files import remove_folder
from experiments import tensorboard
from experiments.config import Algorithm, ExperimentConfig
from experiments.interruption import Interruption
from experiments.learners import new_learner, resumed_learner
from experiments.learning_curve import LearningCurve
from experiments.progress import Advance, Display
from experiments.result_folder import ResultFolder
from experiments.rollout import rollout
from experiments.train_log import TrainLog

if TYPE_CHECKING:
    from agents.learned import Learner


class LearnerRun:
    """One (algorithm, training seed) of an experiment in its folder."""

    def __init__(self, folder: ResultFolder, config: ExperimentConfig, entry: Algorithm, seed: int) -> None:
        self.config, self.entry, self.seed = config, entry, seed
        self.folder = folder.run_folder(entry.name, seed)
        self.board = tensorboard.run_path(folder.path / "tensorboard", entry.name, seed)

    @property
    def title(self) -> str:
        """How progress calls it."""
        return f"training {self.entry.name}, seed {self.seed}"

    def train(self, display: Display, interruption: Interruption, scored: Callable[[int], None]) -> None:
        """Train to the end of the budget, from the last checkpoint where there is one.

        scored: called with the training decisions done after every point of the learning curve. Raises
        KeyboardInterrupt, with a checkpoint kept, where a stop was asked for.
        """
        learner = resumed_learner(self.folder / "checkpoint")
        done = learner.steps if learner else 0
        curve = LearningCurve.read(self.folder / "curve.csv", until_step=done)
        writer = tensorboard.open_writer(self.board, purge_step=done + 1)
        log = TrainLog(self.folder / "progress.csv", writer, until_step=done)
        learner = learner or new_learner(self.entry, self.config, self.seed)
        try:
            with display.stage(self.title, total=self.config.total_steps, done=done) as advance:
                self._learn(learner, curve, log, advance, interruption, scored)
        finally:
            learner.close()
            writer.close()

    def drop_checkpoint(self) -> None:
        """Remove what only a resume needs; called once the run is noted as finished."""
        remove_folder(self.folder / "checkpoint")

    def _learn(
        self,
        learner: Learner,
        curve: LearningCurve,
        log: TrainLog,
        advance: Advance,
        interruption: Interruption,
        scored: Callable[[int], None],
    ) -> None:
        """At every stop, score first and keep a checkpoint after.

        The first rollout is a stop of its own: the curve begins there, and demonstrations are not made twice.
        """
        config, shown = self.config, learner.steps

        def watch(current: Learner) -> bool:
            nonlocal shown
            advance(current.steps - shown)
            shown = current.steps
            log.add(current.steps, current.statistics)
            return not interruption.is_asked

        while learner.steps < config.total_steps:
            before = learner.steps
            stops = [_next(before, every) for every in (config.evaluation_every, config.checkpoint_every)]
            stop = min(*stops, config.total_steps)
            learner.learn_until(stop, watch)
            is_stopped = learner.steps < stop
            if not is_stopped and _is_due(before, learner.steps, config.evaluation_every, config.total_steps):
                self._score(learner, curve, log)
                scored(learner.steps)
            if is_stopped or _is_due(before, learner.steps, config.checkpoint_every, config.total_steps):
                log.save()
                learner.save_checkpoint(self.folder / "checkpoint")
            interruption.check()
        learner.save_model(self.folder / "model")

    def _score(self, learner: Learner, curve: LearningCurve, log: TrainLog) -> None:
        config, step = self.config, learner.steps
        policy, seeds = learner.policy(), config.curve_seeds
        curve.add(step, rollout(policy, config.env, seeds, config.batch, self.entry.deterministic))
        tensorboard.write_point(log.writer, step, curve.at(step))


def _next(step: int, every: int) -> int:
    return (step // every + 1) * every if step else 1


def _is_due(before: int, now: int, every: int, end: int) -> bool:
    return before == 0 or now // every > before // every or now >= end
