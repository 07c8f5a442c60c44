"""Play trained models and baselines on evaluation seeds and keep every episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents.files import write_bytes, write_text
from experiments.compare import Scored
from experiments.config import ExperimentConfig
from experiments.episode_table import EpisodeTable, read_table
from experiments.interruption import Interruption
from experiments.progress import Display
from experiments.result_folder import ResultFolder
from experiments.rollout import rollout
from experiments.session_trace import Recorder
from livesim.errors import ResultFolderError, unknown_name

if TYPE_CHECKING:
    from agents.policy import Policy

RECORDED = 16
"""So many evaluation sessions of every policy are kept decision by decision."""


def players(config: ExperimentConfig, only: Sequence[str] | None = None) -> list[tuple[str, int | None]]:
    """Return (policy name, training seed) of all that an experiment scores; baselines have no training seed.

    only: the names wanted; a registered policy that is no baseline of the experiment may be among them.
    """
    known: list[tuple[str, int | None]] = [(name, None) for name in config.baselines]
    known += [(entry.name, seed) for entry in config.algorithms for seed in config.training_seeds]
    if only is None:
        return known
    chosen: list[tuple[str, int | None]] = []
    for name in only:
        own = [player for player in known if player[0] == name]
        if not own:
            _check_policy(name, config)
        chosen += own or [(name, None)]
    return chosen


def evaluate(folder: ResultFolder, config: ExperimentConfig, display: Display, interruption: Interruption) -> None:
    """Play every policy whose final episodes are not kept yet on the evaluation seeds."""
    for name, seed in players(config):
        file, sessions = folder.episodes_file(name, seed), folder.sessions_file(name, seed)
        if file.is_file() and sessions.is_file():
            continue
        recorder = Recorder(config.evaluation_seeds, config.reward_mode, RECORDED)
        table = play(folder, config, name, seed, config.evaluation_seeds, display, interruption, recorder)
        write_bytes(sessions, recorder.trace().npz_bytes())
        if not file.is_file():  # a result of before sessions were recorded keeps its numbers
            write_text(file, table.csv_text())


def play(
    folder: ResultFolder,
    config: ExperimentConfig,
    name: str,
    training_seed: int | None,
    seeds: Sequence[int],
    display: Display,
    interruption: Interruption,
    recorder: Recorder | None = None,
) -> EpisodeTable:
    """Return the episodes of one policy on the given seeds; a recorder keeps some decision by decision."""
    policy = load_policy(folder, config, name, training_seed)
    shown = name if training_seed is None else f"{name} (training seed {training_seed})"
    with display.stage(f"evaluating {shown}", total=len(seeds)) as advance:

        def progress(episodes: float) -> None:
            interruption.check()
            advance(episodes)

        env, deterministic = config.evaluation_env, is_deterministic(config, name)
        return rollout(policy, env, seeds, config.batch, deterministic, progress, finished=recorder)


def load_policy(folder: ResultFolder, config: ExperimentConfig, name: str, training_seed: int | None) -> Policy:
    """Return a baseline by name, or the trained model of one training seed."""
    if training_seed is None:
        return config.env.policy(name)
    from experiments.learners import load_model

    model = folder.run_folder(name, training_seed) / "model"
    if not model.is_dir():
        raise ResultFolderError(f"{model}: no trained model; continue the training with --resume")
    return load_model(model)


def read_scores(folder: ResultFolder, config: ExperimentConfig) -> list[Scored]:
    """Return the kept final episodes of every policy of an experiment."""
    tables = {player: read_table(folder.episodes_file(*player)) for player in players(config)}
    return group(config, tables)


def group(config: ExperimentConfig, tables: dict[tuple[str, int | None], EpisodeTable]) -> list[Scored]:
    """Return tables by (policy, training seed) as one Scored per policy, in order."""
    labels = {entry.name: entry.shown for entry in config.algorithms}
    names = list(dict.fromkeys(name for name, _ in tables))
    return [
        Scored(
            name=name,
            label=labels.get(name, name),
            tables={seed: table for (owner, seed), table in tables.items() if owner == name},
            is_baseline=name not in labels,
        )
        for name in names
    ]


def is_deterministic(config: ExperimentConfig, name: str) -> bool:
    """Return whether a policy is scored by its likeliest actions."""
    return all(entry.deterministic for entry in config.algorithms if entry.name == name)


def _check_policy(name: str, config: ExperimentConfig) -> None:
    from agents.policy import policy_names
    from livesim.errors import UnknownNameError

    try:
        config.env.policy(name)
    except UnknownNameError:
        known = [
            *(entry.name for entry in config.algorithms),
            *config.baselines,
            *policy_names(config.env.heads),
        ]
        raise unknown_name("policy", name, known, "--policies") from None
