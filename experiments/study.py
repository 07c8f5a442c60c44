"""A hyperparameter search in a result folder: it can be stopped anywhere and goes on with the trials that are missing.

    study.journal        every trial as Optuna knows it, appended as it happens
    trials.csv           one row per trial: state, steps, score, what it tried
    best.yaml            the algorithm of the experiment with the best hyperparameters, as a fragment of a configuration
    experiment.yaml      the whole experiment with them; `livesim run` takes it

The parent proposes and books, processes train. A proposal depends on the trials before it and on its own number, so a
search in one process that was interrupted proposes what it would have proposed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agents.files import write_text
from experiments.config import Algorithm, ExperimentConfig
from experiments.interruption import Interruption
from experiments.processes import POLL_S, begin_stoppable_worker, is_stop_asked, worker_context
from experiments.progress import Display
from experiments.result_folder import ResultFolder
from experiments.search import chosen_entry, dimensions, train_and_score, with_values
from livesim.errors import ConfigError

try:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState
except ImportError as error:
    raise ConfigError(
        f"a search needs the extra 'tune' ({error}). Install it with: pip install 'livesim[tune]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Sequence

JOURNAL = "study.journal"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class Search:
    """One search: an experiment, which of its algorithms, what is varied, and how many tuning seeds score a trial."""

    def __init__(
        self, folder: ResultFolder, config: ExperimentConfig, algorithm: str, only: Sequence[str], episodes: int
    ) -> None:
        """Raises ConfigError where the folder holds a search of something else."""
        self.folder, self.config, self.episodes = folder, config, episodes
        self.entry = chosen_entry(config, algorithm)
        self.space = dimensions(self.entry, only)
        self.study = open_study(folder.path)
        asked = {"algorithm": self.entry.name, "searched": sorted(self.space), "episodes": episodes}
        known = self.study.user_attrs or asked
        for name, value in asked.items():
            if known.get(name) != value:
                raise ConfigError(f"{folder.path}: this search has {name} {known.get(name)}, not {value}.")
            self.study.set_user_attr(name, value)

    def run(self, trials: int, jobs: int, display: Display, interruption: Interruption) -> None:
        """Go on until `trials` are complete or pruned. Raises KeyboardInterrupt where a stop was asked for."""
        self._repeat_lost()
        self.write()
        done = len(self.study.get_trials(states=FINISHED))
        with display.stage(f"searching {self.entry.name}", total=trials, done=min(done, trials)) as advance:

            def book(trial: optuna.Trial, score: float | None) -> None:
                state = TrialState.PRUNED if score is None else TrialState.COMPLETE
                self.study.tell(trial, score, state=state)
                self.write()
                advance(1)

            if jobs == 1:
                for _ in range(trials - done):
                    trial = self._ask()
                    book(trial, play_trial(self.folder.path, trial.number, lambda: not interruption.is_asked))
            else:
                self._in_processes(trials - done, jobs, book, interruption)
        interruption.check()

    def write(self) -> None:
        """Write the table of trials and, once one is complete, the best as configuration."""
        write_text(self.folder.path / "trials.csv", self._table())
        if self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            best = with_values(self.entry, self.study.best_params)
            data = self.config.as_data()
            places = [entry.name for entry in self.config.algorithms]
            data["algorithms"][places.index(best.name)] = _plain(best)
            write_text(self.folder.path / "best.yaml", _yaml({"algorithms": [_plain(best)]}))
            write_text(self.folder.path / "experiment.yaml", _yaml(data))

    def _ask(self) -> optuna.Trial:
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        number = waiting[0].number if waiting else len(self.study.trials)
        self.study.sampler = optuna.samplers.TPESampler(seed=number)
        return self.study.ask({name: one.distribution() for name, one in self.space.items()})

    def _repeat_lost(self) -> None:
        """Propose again what was being tried when the search was stopped."""
        for lost in self.study.get_trials(states=(TrialState.RUNNING,)):
            self.study.tell(lost.number, state=TrialState.FAIL)
            if lost.params:
                self.study.enqueue_trial(lost.params)

    def _in_processes(
        self, count: int, jobs: int, book: Callable[[optuna.Trial, float | None], None], interruption: Interruption
    ) -> None:
        context = worker_context()
        stop = context.Event()
        with ProcessPoolExecutor(jobs, context, begin_stoppable_worker, (stop,)) as pool:
            running: dict[Future[float | None], optuna.Trial] = {}
            try:
                while running or count > 0:
                    while count > 0 and len(running) < jobs and not interruption.is_asked:
                        trial = self._ask()
                        running[pool.submit(_play_in_process, self.folder.path, trial.number)] = trial
                        count -= 1
                    wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
                    if interruption.is_asked:
                        raise KeyboardInterrupt
                    for future in [future for future in running if future.done()]:
                        book(running.pop(future), future.result())
            finally:
                stop.set()

    def _table(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "state", "steps", "score", *self.space])
        for trial in self.study.trials:
            steps = trial.last_step
            score = "" if steps is None else repr(trial.intermediate_values[steps])
            values = [trial.params.get(name, "") for name in self.space]
            writer.writerow([trial.number, trial.state.name.lower(), steps or "", score, *values])
        return text.getvalue()


def open_study(folder: Path) -> optuna.Study:
    """Return the study of a folder, new or as it was left."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    return optuna.create_study(
        storage=storage, study_name="search", direction="maximize", pruner=pruner, load_if_exists=True
    )


def play_trial(path: Path, number: int, go_on: Callable[[], bool]) -> float | None:
    """Train and score a trial of the study in a folder; returns its score, None where it was pruned."""
    config, study = ResultFolder(path).config(), open_study(path)
    trial = optuna.Trial(study, study.trials[number]._trial_id)
    entry = with_values(chosen_entry(config, study.user_attrs["algorithm"]), trial.params)

    def report(step: int, score: float) -> bool:
        trial.report(score, step)
        return trial.should_prune()

    return train_and_score(config, entry, study.user_attrs["episodes"], report, go_on)


def _play_in_process(path: Path, number: int) -> float | None:
    return play_trial(path, number, lambda: not is_stop_asked())


def _plain(entry: Algorithm) -> dict[str, Any]:
    return entry.model_dump(mode="json", exclude_defaults=True)


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
