"""Tune the few numbers of the heuristics: random search with successive halving, then a climb from the best,
the same luck for every candidate.

Whoever calls supplies the score, so that this module needs no episode loop of its own: `score(factory,
seeds)` plays one session per seed and returns its returns. Only training seeds may be passed; the result is
repeatable from its arguments. A step of the climb is taken, and a candidate replaces the declared defaults, only
where the paired gain exceeds its standard error.

Source: successive halving, Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed bandits",
ICML 2013.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from agents.files import write_text
from agents.parameters import TUNED_PATH, Bounds, bounds, build, read_tuned
from livesim import registry
from livesim.errors import ConfigError

Score = Callable[[Callable[..., Any], Sequence[int]], np.ndarray]
LARGEST_GRID = 100
FACTORS = (0.65, 0.8, 1.25, 1.55)  # one step of a number that may be many times larger or smaller
SHIFTS = (-0.15, -0.05, 0.05, 0.15)  # one step of another, as a share of its range
FINALISTS = 3  # of the steps tried at a time, how many play every seed
_HEADER = """\
# Numbers of the heuristics, tuned per scenario on training seeds by `livesim tune-heuristics`; do not edit by
# hand. A policy or scenario that is missing here uses the defaults declared beside the policy.
"""


@dataclass(frozen=True)
class TuningResult:
    """The outcome for one policy; gain: paired difference to the defaults, with its standard error."""

    policy: str
    params: dict[str, Any]
    score: float
    default_score: float
    gain: float
    gain_error: float
    seeds: int

    @property
    def is_better(self) -> bool:
        """Return whether the tuned numbers are worth keeping."""
        return self.gain > self.gain_error


def tunable(names: Sequence[str] | None = None) -> list[str]:
    """Return the policies that have numbers to tune, among `names` if given; single heads first."""
    chosen = registry.names("policy") if names is None else list(names)
    found = [name for name in chosen if bounds(getattr(registry.resolve("policy", name), "Parameters", _Nothing))]
    return sorted(found, key=lambda name: (name.startswith("room."), name))


@dataclass(frozen=True)
class _Nothing:
    pass


def tune(
    policy: str,
    score: Score,
    seeds: Sequence[int],
    candidates: int = 16,
    rounds: int = 3,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
    known: Mapping[str, Any] | None = None,
    vary: Sequence[str] | None = None,
    members: int | None = None,
) -> TuningResult:
    """Return the best numbers found for one policy.

    score: (factory, seeds) -> (len(seeds),) episode returns. known: numbers from an earlier search, a candidate too, so
    that tuning anew loses nothing. vary: the numbers that the score depends on; None for all. Where they are choices
    with at most LARGEST_GRID combinations, all of these are tried, else `candidates` at random. Round i of `rounds`
    plays len(seeds) / 2^(rounds - i) seeds and keeps the best third; the declared defaults are played throughout, for
    the paired gain. The best then climbs: of all steps of one number, or of one member of a subset in or out, the one
    that gains most is taken, until none gains. members: how many members a subset has to choose from, such as the
    items of a catalogue; None for all that its declaration allows.
    """
    factory = registry.resolve("policy", policy)
    if not tunable([policy]):
        raise ConfigError(f"policy '{policy}' has no numbers to tune. Tunable: {', '.join(tunable())}.")
    generator = np.random.default_rng([seed, len(policy), *policy.encode()])
    limits = _limits(factory.Parameters, vary, members)
    options = _candidates(factory.Parameters, candidates, generator, known or {}, limits)

    def play(params: dict[str, Any], some: Sequence[int]) -> np.ndarray:
        return score(partial(factory, params=params), some) if some else np.empty(0)

    returns = np.full((len(options), len(seeds)), np.nan)
    alive = list(range(len(options)))
    played = 0
    for i in range(rounds):
        upto = max(2, math.ceil(len(seeds) / 2 ** (rounds - 1 - i)))
        for index in sorted({0, *alive}):
            returns[index, played:upto] = play(options[index], seeds[played:upto])
        played = upto
        means = returns[:, :played].mean(axis=1)
        alive.sort(key=lambda index: -means[index])
        report(f"{policy}: round {i + 1} of {rounds}, {played} seeds, {len(alive)} candidates")
        for index in alive[:5]:
            report(f"  {means[index]:12.2f}  {_text(options[index])}{'  (defaults)' if index == 0 else ''}")
        alive = alive[: max(1, len(alive) // 3)]
    best, reached = options[alive[0]], returns[alive[0]]
    while step := _step_up(best, reached, limits, play, seeds):
        best, reached = step
        report(f"{policy}: {reached.mean():.2f} with {_text(best)}")
    gain = reached - returns[0]
    error = _standard_error(gain)
    result = TuningResult(
        policy,
        best,
        float(reached.mean()),
        float(returns[0].mean()),
        float(gain.mean()),
        error,
        len(seeds),
    )
    verdict = "kept" if result.is_better else "not clear, defaults stay"
    report(f"{policy}: gain over the defaults {result.gain:+.2f} +- {error:.2f} on {len(seeds)} seeds: {verdict}")
    return result


def write_tuned(results: Sequence[TuningResult], scenario: str, path: Path = TUNED_PATH) -> None:
    """Update one scenario's numbers in the YAML file, atomically; drop a policy that gained nothing."""
    read_tuned.cache_clear()  # another scenario may have been tuned meanwhile
    document = {name: dict(policies) for name, policies in read_tuned(path).items()}
    section = document.setdefault(scenario, {})
    for result in results:
        if result.is_better:
            section[result.policy] = result.params
        else:
            section.pop(result.policy, None)
    text = _HEADER + yaml.safe_dump(document, sort_keys=True, default_flow_style=None, width=118)
    write_text(path, text)
    read_tuned.cache_clear()


def _limits(kind: type, vary: Sequence[str] | None, members: int | None) -> dict[str, Bounds]:
    """Return what may be tried of the numbers that vary."""
    limits = {name: limit for name, limit in bounds(kind).items() if vary is None or name in vary}
    if members is None:
        return limits
    return {name: replace(limit, members=min(limit.members, members)) for name, limit in limits.items()}


def _step_up(
    best: dict[str, Any],
    reached: np.ndarray,
    limits: Mapping[str, Bounds],
    play: Callable[[dict[str, Any], Sequence[int]], np.ndarray],
    seeds: Sequence[int],
) -> tuple[dict[str, Any], np.ndarray] | None:
    """Return the neighbour that gains most and its returns, None where none gains more than its standard error.

    Every neighbour plays a quarter of the seeds, the best of them the rest.
    """
    few = max(2, len(seeds) // 4)
    tried = [(one, play(one, seeds[:few])) for one in _neighbours(best, limits)]
    tried.sort(key=lambda pair: -pair[1].mean())
    finalists = [(one, np.concatenate([start, play(one, seeds[few:])])) for one, start in tried[:FINALISTS]]
    candidate, returns = max(finalists, key=lambda pair: pair[1].mean())
    gain = returns - reached
    return (candidate, returns) if gain.mean() > _standard_error(gain) else None


def _standard_error(gain: np.ndarray) -> float:
    return float(gain.std(ddof=1) / math.sqrt(len(gain))) if len(gain) > 1 else math.inf


def _neighbours(params: Mapping[str, Any], limits: Mapping[str, Bounds]) -> list[dict[str, Any]]:
    """Return what is one step away: another choice, a member once more or less, a value somewhat larger or smaller."""
    found = []
    for name, limit in limits.items():
        steps = [value for value in _steps(params[name], limit) if value != params[name]]
        found += [{**params, name: value} for value in dict.fromkeys(steps)]
    return found


def _steps(value: Any, limit: Bounds) -> list[Any]:
    if limit.choices:
        return list(limit.choices)
    if limit.members:
        return _other_subsets(value, limit)
    if _is_wide(limit):
        return [_rounded(value * factor, limit) for factor in FACTORS]
    return [_rounded(value + shift * (limit.high - limit.low), limit) for shift in SHIFTS]


def _other_subsets(value: Sequence[int], limit: Bounds) -> list[tuple[int, ...]]:
    """Return the subsets with one member named once more, or once less; none is empty."""
    found = []
    for place in range(1, limit.members + 1):
        others, count = [other for other in value if other != place], list(value).count(place)
        named = [n for n in (count - 1, count + 1) if 0 <= n <= limit.repeats]
        found += [tuple(sorted(others + [place] * n)) for n in named if others or n]
    return found


def _candidates(
    kind: type, count: int, generator: np.random.Generator, known: Mapping[str, Any], limits: Mapping[str, Bounds]
) -> list[dict[str, Any]]:
    """Return the defaults, what is known, then every combination of few choices or random points in the bounds.

    Random points are log-uniform over wide positive ranges. Those that differ only in what does not vary are one.
    """
    defaults = asdict(kind())
    combinations = math.prod(len(limit.choices) for limit in limits.values())  # 0 where one is a range
    if 0 < combinations <= LARGEST_GRID:
        grid = product(*(limit.choices for limit in limits.values()))
        drawn = [dict(zip(limits, values, strict=True)) for values in grid]
    else:
        drawn = [{name: _draw(limit, generator) for name, limit in limits.items()} for _ in range(max(count - 1, 0))]
    unique: list[dict[str, Any]] = []
    for params in [defaults, asdict(build(kind, known, TUNED_PATH.name)), *({**defaults, **one} for one in drawn)]:
        candidate = _within(params, limits)
        if all(any(candidate[name] != other[name] for name in limits) for other in unique):
            unique.append(candidate)
    return unique


def _within(params: Mapping[str, Any], limits: Mapping[str, Bounds]) -> dict[str, Any]:
    """Return the numbers without the members that are not there, unless none of a subset's are."""
    there = {
        name: tuple(place for place in params[name] if place <= limit.members)
        for name, limit in limits.items()
        if limit.members
    }
    return {**params, **{name: places for name, places in there.items() if places}}


def _draw(limit: Bounds, generator: np.random.Generator) -> Any:
    if limit.choices:
        return limit.choices[int(generator.integers(len(limit.choices)))]
    if limit.members:
        places = 1 + np.flatnonzero(generator.random(limit.members) < generator.random())  # few as often as many
        if limit.repeats > 1:
            places = np.repeat(places, generator.integers(1, limit.repeats, len(places), endpoint=True))
        return tuple(places.tolist()) or (1,)
    if _is_wide(limit):
        return _rounded(math.exp(generator.uniform(math.log(limit.low), math.log(limit.high))), limit)
    return _rounded(float(generator.uniform(limit.low, limit.high)), limit)


def _is_wide(limit: Bounds) -> bool:
    return limit.low > 0 and limit.high / limit.low >= 10


def _rounded(value: float, limit: Bounds) -> float:
    return min(max(float(f"{value:.3g}"), limit.low), limit.high)


def _text(params: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in params.items()
    )
