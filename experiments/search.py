"""Search for hyperparameters: which are tried, on what luck, and how a trial is trained, scored and stopped early.

A trial trains the experiment's algorithm on tuning luck and is scored at rungs of its training on tuning seeds, the
same in every trial. None of these seeds is an evaluation seed or a curve seed. The best score is the best of many, so
it flatters the winner: what it is worth, only a run on evaluation seeds says. Sources: Akiba et al. 2019, "Optuna"
(pruning); Bergstra et al. 2011 (TPE).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.config import Algorithm, ExperimentConfig
from experiments.rollout import rollout
from experiments.seeds import SEARCH_SCORE_START, SEARCH_START
from livesim.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

RUNGS = 6
"""Points of a trial's learning curve; after the first, a trial below the median of the others stops."""


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter to search: a range, logarithmic where ratios matter, or a list of choices."""

    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    choices: tuple[Any, ...] = ()

    def distribution(self) -> BaseDistribution:
        """Return it as Optuna knows it."""
        from optuna import distributions

        if self.choices:
            return distributions.CategoricalDistribution(self.choices)
        return distributions.FloatDistribution(self.low, self.high, log=self.is_log)


_ALL = {
    "learning_rate": Dimension(5e-5, 2e-3, is_log=True),
    "gamma": Dimension(choices=(0.98, 0.99, 0.995, 0.998, 1.0)),
}
_ON_POLICY = {
    **_ALL,
    "gae_lambda": Dimension(choices=(0.8, 0.9, 0.95, 0.98)),
    "ent_coef": Dimension(1e-4, 3e-2, is_log=True),
}
_CLIPPED = {
    **_ON_POLICY,
    "n_steps": Dimension(choices=(60, 120, 240)),
    "n_epochs": Dimension(choices=(2, 5, 10)),
    "clip_range": Dimension(0.1, 0.3),
    "target_kl": Dimension(0.005, 0.1, is_log=True),
}
_PPO = {
    **_CLIPPED,
    "advice_trust": Dimension(0.8, 0.99),
    "bound.kl_weight": Dimension(0.1, 10.0, is_log=True),
    "bound.until": Dimension(0.1, 1.0),
}
SPACES: dict[str, dict[str, Dimension]] = {
    "ppo": _PPO,
    "maskable_ppo": _PPO,
    "recurrent_ppo": {**_CLIPPED, "lstm_size": Dimension(choices=(32, 64, 128))},
    "a2c": {**_ON_POLICY, "n_steps": Dimension(choices=(5, 10, 20, 40))},
    "dqn": {
        **_ALL,
        "n_step_returns": Dimension(choices=(1, 3, 5, 10)),
        "exploration_final_eps": Dimension(0.01, 0.1, is_log=True),
        "target_update_interval": Dimension(choices=(1_000, 4_000, 10_000)),
    },
}


def dimensions(entry: Algorithm, only: Sequence[str] = ()) -> dict[str, Dimension]:
    """Return what is searched for an algorithm: all that has a meaning for it, or the names asked for."""
    known, settings = SPACES[entry.algorithm], entry.settings()
    known = {
        name: one
        for name, one in known.items()
        if not (name == "advice_trust" and settings.get("advice") is None)
        and not (name.startswith("bound.") and settings.get("bound") is None)
    }
    for name in only:
        if name not in known:
            raise unknown_name("hyperparameter to search", name, known, f"--only: {entry.name}")
    return {name: known[name] for name in only or known}


def chosen_entry(config: ExperimentConfig, name: str) -> Algorithm:
    """Return the algorithm of an experiment by name, the first for ""; raises for none and for an unknown one."""
    if not config.algorithms:
        raise ConfigError(f"{config.name}: algorithms: nothing to tune; the experiment names no algorithm")
    if not name:
        return config.algorithms[0]
    known = {entry.name: entry for entry in config.algorithms}
    if name not in known:
        raise unknown_name("algorithm", name, known, "--algorithm")
    return known[name]


def with_values(entry: Algorithm, values: Mapping[str, Any]) -> Algorithm:
    """Return the entry with hyperparameters replaced; a dotted name reaches into a section."""
    hyper = dict(entry.hyperparameters)
    for name, value in values.items():
        section, dot, key = name.partition(".")
        hyper[section] = {**hyper[section], key: value} if dot else value
    return entry.model_copy(update={"hyperparameters": hyper})


def train_and_score(
    config: ExperimentConfig,
    entry: Algorithm,
    episodes: int,
    report: Callable[[int, float], bool],
    go_on: Callable[[], bool],
) -> float | None:
    """Train one trial; return its last score, or None where `report` ended it early.

    report: told the steps done and the mean return on the tuning seeds at every rung; True ends the trial. go_on: asked
    after every rollout; False raises KeyboardInterrupt.
    """
    from agents.learned import Learner

    total, seeds = config.total_steps, range(SEARCH_SCORE_START, SEARCH_SCORE_START + episodes)
    learner = Learner(
        entry.algorithm, entry.settings(), config.env.arguments(), seed=0, budget=total, env_seed=SEARCH_START
    )
    score = float("nan")
    try:
        for rung in range(1, RUNGS + 1):
            if not learner.learn_until(total * rung // RUNGS, lambda _: go_on()):
                raise KeyboardInterrupt
            table = rollout(learner.policy(), config.env, seeds, config.batch, entry.deterministic)
            score = float(np.mean(table["return"]))
            if report(learner.steps, score) and rung < RUNGS:
                return None
    finally:
        learner.close()
    return score
