"""How often intervals hold a truth that is known: synthetic scores, many times over.

A synthetic comparison looks like real ones, only worse behaved: luck is shared and log-normal, policies amplify it
differently, each session adds accidents of its own that are skewed and heavy-tailed (a large gift), and
trained policies differ from each other and in what a session does to them. The expected difference is known by
construction, so whether an interval holds it can be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.statistics.differences import difference_family, luck_differences
from experiments.statistics.estimates import CONFIDENCE, Estimate, estimate, mean_over_all, resampled_weights
from experiments.statistics.two_way import two_way_difference

LUCK_SPREAD = 0.35
"""Standard deviation of the logarithm of a session's luck; returns of the default room: .15 to .3."""
LEVEL = 1000.0
DIFFERENCES = (40.0, 0.0, -25.0, 60.0)
"""Expected return of the learner minus that of each rule, credits."""
AMPLIFICATION = 0.08
"""By how much more than the next rule each rule's return follows the luck."""
ACCIDENT = 60.0
"""Standard deviation of what happens to one policy in one session, credits."""
TRAINING_SPREAD = 25.0
"""Standard deviation of a trained policy's expected return between training seeds, credits."""


@dataclass(frozen=True)
class Synthetic:
    """A learner (S, N), one rule (1, N) per entry of DIFFERENCES, and what the learner's training happened to add."""

    learner: np.ndarray
    rules: list[np.ndarray]
    trained: float

    @property
    def as_trained(self) -> np.ndarray:
        """The learner without the luck of its training: DIFFERENCES are then true of the models at hand."""
        return self.learner - self.trained


def synthetic(generator: np.random.Generator, training_seeds: int, seeds: int) -> Synthetic:
    """Return one comparison on synthetic luck."""
    luck = np.exp(generator.normal(0.0, LUCK_SPREAD, seeds) - LUCK_SPREAD**2 / 2)  # mean 1

    def played(expected: float, amplification: float, rows: int) -> np.ndarray:
        follows = expected + LEVEL * (1.0 + amplification) * (luck - 1.0)
        return follows + _accidents(generator, (rows, seeds)) * luck

    trained = generator.normal(0.0, TRAINING_SPREAD, (training_seeds, 1))
    learner = played(LEVEL, 0.0, training_seeds) + trained
    rules = [
        played(LEVEL - difference, AMPLIFICATION * place, 1) for place, difference in enumerate(DIFFERENCES, start=1)
    ]
    return Synthetic(learner, rules, float(trained.mean()))


def _accidents(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Mean zero, standard deviation ACCIDENT, skewness 2.6, excess kurtosis 10: mostly little, now and then much."""
    heavy = generator.gamma(0.6, size=shape)
    return ACCIDENT * (heavy - 0.6) / np.sqrt(0.6)


@dataclass(frozen=True)
class Coverage:
    """Of `repetitions` intervals a share held the truth; width: their mean width in credits."""

    method: str
    seeds: int
    share: float
    width: float
    repetitions: int

    @property
    def tolerance(self) -> float:
        """Four binomial standard errors of a method that holds the truth in 95 %."""
        return float(4 * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / self.repetitions))


Intervals = Callable[[np.ndarray, list[np.ndarray], int], list[Estimate]]
"""(learner, rules, resamples) -> intervals of DIFFERENCES, or of the first of them."""


def _alone(learner: np.ndarray, rules: list[np.ndarray], resamples: int) -> list[Estimate]:
    return [difference_family([luck_differences(learner, rules[0])], resamples)[0].alone]


def _together(learner: np.ndarray, rules: list[np.ndarray], resamples: int) -> list[Estimate]:
    family = difference_family([luck_differences(learner, rule) for rule in rules], resamples)
    return [one.simultaneous for one in family]


def _each(learner: np.ndarray, rules: list[np.ndarray], resamples: int) -> list[Estimate]:
    return [one.alone for one in difference_family([luck_differences(learner, rule) for rule in rules], resamples)]


def _resampled(method: str) -> Intervals:
    def intervals(learner: np.ndarray, rules: list[np.ndarray], resamples: int) -> list[Estimate]:
        return [estimate([learner, rules[0]], lambda a, b: mean_over_all(a) - mean_over_all(b), method, resamples)]

    return intervals


def _two_way(learner: np.ndarray, rules: list[np.ndarray], resamples: int) -> list[Estimate]:
    return [two_way_difference(learner, rules[0])]


def _crossed(learner: np.ndarray, rules: list[np.ndarray], resamples: int) -> list[Estimate]:
    """Resample rows and columns, each with replacement: the alternative that `two_way` rejects."""
    table = learner - rules[0]
    rows, columns = (np.concatenate([*resampled_weights(size, resamples)]) for size in table.shape)
    drawn = np.einsum("bs,sn,bn->b", rows, table, columns)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return [Estimate(float(table.mean()), float(low), float(high))]


OVER_SEEDS: dict[str, Intervals] = {
    "bootstrap-t": _alone,
    "BCa": _resampled("BCa"),
    "percentile": _resampled("percentile"),
    "four at once, simultaneous": _together,
    "four at once, each alone": _each,
}
"""What speaks of evaluation luck, the trained policies held fixed."""
OVER_TRAINING: dict[str, Intervals] = {"two-way": _two_way, "crossed bootstrap": _crossed}
"""What speaks of training luck as well."""


def measure(
    methods: Sequence[str],
    seeds: int,
    repetitions: int,
    resamples: int,
    training_seeds: int = 5,
    seed: int = 0,
    progress: Callable[[float], None] = lambda units: None,
) -> list[Coverage]:
    """Return how often each method holds the truth: all of its intervals at once.

    The truth is that of the models at hand, or of any training for the methods that speak of it.
    """
    held = dict.fromkeys(methods, 0)
    widths: dict[str, list[float]] = {name: [] for name in methods}
    for repetition in range(repetitions):
        drawn = synthetic(np.random.default_rng([seed, repetition]), training_seeds, seeds)
        for name in methods:
            if name in OVER_TRAINING:
                found = OVER_TRAINING[name](drawn.learner, drawn.rules, resamples)
            else:
                found = OVER_SEEDS[name](drawn.as_trained, drawn.rules, resamples)
            truth = DIFFERENCES[: len(found)]
            held[name] += all(one.low <= true <= one.high for one, true in zip(found, truth, strict=True))
            widths[name].append(float(np.mean([one.high - one.low for one in found])))
        progress(1)
    return [
        Coverage(name, seeds, held[name] / repetitions, float(np.mean(widths[name])), repetitions) for name in methods
    ]
