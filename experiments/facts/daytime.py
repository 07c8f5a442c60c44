"""Facts about the hour and the weekday: short sessions of a small room with the clock switched on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.facts.measures import measures
from experiments.facts.pooling import Pooled, divided, mean
from experiments.facts.world import HOURS, World, at_hour, on_day
from livesim.daytime import SATURDAY, WEEKDAYS


def mean_viewers(world: World, treatments: Sequence[str]) -> np.ndarray:
    """Return the mean concurrent viewers of every session under each treatment, (S, treatments)."""
    return np.array([[session.viewers.mean() for session in world[name]] for name in treatments]).T


def _by_hour(world: World) -> Pooled:
    """Return the mean viewers at each hour of the day; here a resample gives 24 values, (B, 24)."""
    viewers = mean_viewers(world, [at_hour(hour) for hour in HOURS])
    return lambda weights: weights @ viewers / weights.sum(axis=1, keepdims=True)


@measures("peak_hour")
def peak_hour(world: World) -> Pooled:
    """Return the hour whose sessions have most viewers."""
    curve = _by_hour(world)
    return lambda weights: np.array(HOURS, dtype=float)[curve(weights).argmax(axis=1)]


@measures("peak_over_trough")
def peak_over_trough(world: World) -> Pooled:
    """Return the viewers of the fullest hour over those of the emptiest."""
    curve = _by_hour(world)
    highest, lowest = (lambda weights: curve(weights).max(axis=1)), (lambda weights: curve(weights).min(axis=1))
    return divided(highest, lowest)


@measures("weekend_lift")
def weekend_lift(world: World) -> Pooled:
    """Return mean viewers at weekends over those on working days, at the same hour."""
    viewers = mean_viewers(world, [on_day(day) for day in WEEKDAYS])
    return divided(mean(viewers[:, SATURDAY:].mean(axis=1)), mean(viewers[:, :SATURDAY].mean(axis=1)))
