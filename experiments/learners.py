"""The seam to the learners of `agents`: what a config says becomes what a learner is built from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.config import Algorithm, ExperimentConfig
from experiments.seeds import training_environment_seed

if TYPE_CHECKING:
    from agents.learned import Learner
    from agents.policy import Policy


def new_learner(entry: Algorithm, config: ExperimentConfig, seed: int) -> Learner:
    """Return an untrained learner of one training seed, whose rooms have luck of their own."""
    from agents.learned import Learner

    return Learner(
        entry.algorithm,
        entry.settings(),
        config.env.arguments(),
        seed=seed,
        budget=config.total_steps,
        env_seed=training_environment_seed(seed),
    )


def resumed_learner(checkpoint: Path) -> Learner | None:
    """Return the learner of the last checkpoint, None where there is none; damage raises CheckpointError."""
    from agents.model_files import has_checkpoint

    if not has_checkpoint(checkpoint):
        return None
    from agents.learned import Learner

    return Learner.load_checkpoint(checkpoint)


def load_model(folder: Path) -> Policy:
    """Return a trained model as a policy; raises CheckpointError where its files are damaged."""
    from agents.network import load_model as load

    return load(folder)


def hparams(entry: Algorithm, config: ExperimentConfig, seed: int) -> Mapping[str, Any]:
    """Return what TensorBoard's HParams table shows about one run."""
    start = (
        f"clone of {entry.warm_start.get('policy', 'combined')}" if entry.warm_start else entry.initial_bias or "random"
    )
    return {
        "policy": entry.name,
        "training_seed": seed,
        "algorithm": entry.algorithm,
        "start": start,
        "total_steps": config.total_steps,
        **{name: value for name, value in entry.resolved().items() if name not in ("warm_start", "initial_bias")},
    }
