"""What one choice is worth: the same futures for all choices of a moment, and sums that say what they claim."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.environment import EnvConfig
from experiments.stakes import BEST, Tried, stakes, try_choices
from livesim.errors import ConfigError

ENV = EnvConfig(id="livesim/InteractionTiming-v0", scenario="tiny", overrides={"audience.planned_viewers": 30})


def test_a_session_says_the_same_whatever_is_played_beside_it():
    together = try_choices(ENV, "interact.rotation", [5, 6], looks=2, futures=3, horizon=4)
    alone = try_choices(ENV, "interact.rotation", [6], looks=2, futures=3, horizon=4)
    kept = [one for one in together if one.seed == 6]
    assert [(one.choice, one.moment) for one in kept] == [(one.choice, one.moment) for one in alone]
    np.testing.assert_array_equal([one.gains for one in kept], [one.gains for one in alone])
    assert any(one.gains.any() for one in alone)


def test_spread_between_moments_and_noise_of_futures_are_told_apart():
    """2,000 moments x 8 futures: true gains N(3, 2), noise N(0, 5); within 4 standard errors of each number."""
    generator, moments, futures = np.random.default_rng(0), 2000, 8
    truth = generator.normal(3.0, 2.0, moments)
    found = [
        Tried("ads", "overlay", n % 100, n // 100, truth[n] + generator.normal(0.0, 5.0, futures))
        for n in range(moments)
    ]
    one = next(stake for stake in stakes(found) if stake.choice == "overlay")
    of_means = np.sqrt(4.0 + 25.0 / futures)
    assert abs(one.mean.value - 3.0) < 4 * of_means / np.sqrt(moments)
    assert one.mean.low < 3.0 < one.mean.high
    assert abs(one.differs**2 - 4.0) < 4 * of_means**2 * np.sqrt(2 / moments)
    assert abs(one.hides**2 - 25.0) < 4 * 25.0 * np.sqrt(2 / (moments * (futures - 1)))


def test_the_best_of_a_moment_is_not_the_luckiest():
    """Five choices that differ by noise alone: choosing by one half and judging by the other gains nothing (4 s.e.)."""
    generator, moments = np.random.default_rng(1), 4000
    found = [
        Tried("recommend", f"item{k}", n % 50, n // 50, generator.normal(0.0, 1.0, 8))
        for n in range(moments)
        for k in range(5)
    ]
    best = stakes(found)[-1]
    assert best.choice == BEST
    assert abs(best.mean.value) < 4 * np.sqrt(1 / 8 / moments)
    for one in found:
        if one.choice == "item3":
            one.gains[:] += 2.0
    assert stakes(found)[-1].mean.value == pytest.approx(2.0, abs=0.2)


def test_the_command_prints_every_choice(livesim):
    ask = ("stakes", "tiny", "--environment", "AdPlacement-v0", "--seeds", "1000:1004", "--looks", 2, "--futures", 2)
    result = livesim(*ask, "--horizon", 4, "--viewers", 30, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {one["head"] for one in found} == {"ads"}
    assert found[-1]["choice"] == BEST
    assert all(one["moments"] >= 1 and one["hides"] >= 0.0 for one in found)


def test_what_cannot_be_asked_is_refused_before_anything_is_played():
    with pytest.raises(ConfigError, match=r"--looks must be 1 to \d+ in a session of \d+ decisions, got 9999"):
        try_choices(ENV, "interact.rotation", [1], looks=9999, futures=2, horizon=4)
    with pytest.raises(ConfigError, match="--futures must be 2 to 1024, got 1"):
        try_choices(ENV, "interact.rotation", [1], looks=1, futures=1, horizon=4)
