"""Check every name and number that an experiment refers to, before any work starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from experiments.config import Algorithm, ExperimentConfig
from livesim.errors import ConfigError, LivesimError, unknown_name_text


def check_names(config: ExperimentConfig, where: str = "") -> None:
    """Check everything that a name or number refers to, before any work starts.

    Loads the scenario and its plug-ins, builds one room (traces included), resolves policies, and asks each
    algorithm about its hyperparameters. Raises the LivesimError of the first mistake.
    """
    from livesim import registry
    from livesim.heads import choices

    prefix = f"{where}: " if where else ""
    env = config.env
    scenario = env.load_scenario()
    if not any(choices(scenario)[head] for head in env.heads):
        raise ConfigError(
            f"{prefix}environment: in '{scenario.name}' the head {', '.join(env.heads)} of {env.id} has nothing to "
            "choose"
        )
    known = registry.names("reward")
    if config.reward not in known:
        raise ConfigError(unknown_name_text("reward preset", config.reward, known, f"{prefix}reward"))
    env.make(1).close()
    if config.evaluation_overrides:
        with _about(f"{prefix}evaluation_overrides"):
            _check_evaluation(config)
    for name in config.baselines:
        with _about(f"{prefix}baselines"):
            env.policy(name)
    for entry in config.algorithms:
        with _about(f"{prefix}algorithms: {entry.name}"):
            _check_algorithm(entry, config)


def _check_evaluation(config: ExperimentConfig) -> None:
    """Build one room of the final scores: it must look to a policy as the rooms of training do."""
    shapes = []
    for env in (config.env, config.evaluation_env):
        rooms = env.make(1)
        shapes.append((rooms.single_observation_space, rooms.single_action_space))
        rooms.close()
    if shapes[0] != shapes[1]:
        raise ConfigError("the rooms of evaluation have other observations or actions than those of training")


@contextmanager
def _about(where: str) -> Iterator[None]:
    try:
        yield
    except LivesimError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_algorithm(entry: Algorithm, config: ExperimentConfig) -> None:
    """Build the learner once, untrained: whatever it would refuse, it refuses now."""
    entry.resolved()
    if entry.warm_start and "policy" in entry.warm_start:
        config.env.policy(entry.warm_start["policy"])
    from experiments.learners import new_learner

    new_learner(entry, config, config.training_seeds[0]).close()
