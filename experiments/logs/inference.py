"""Indirect inference: the numbers of a scenario whose simulated sessions give the estimates that the log gives.

An estimate beta of a log is biased against the number theta of the scenario that it stands for, because moods, stalls,
ads and the platform modulate that number. The same estimate of simulated sessions has the same bias. So theta moves by
J^-1 (beta of the log - beta of sessions simulated with theta) until both agree; J, the sensitivities of beta to
theta, is measured once, at the base scenario, with the seeds of the simulation (common random numbers).

The error of theta comes from both sides: rooms of the log and simulated rooms are drawn anew with replacement, each
draw moves its estimates by one Newton step (`estimators.auxiliary`), J^-1 carries the difference to theta, and the
standard error of the drawn rooms scales it (`_spread`).

Source: Gourieroux, Monfort and Renault 1993, "Indirect inference" (J. Appl. Econometrics 8); Smith 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from experiments.logs.estimators import estimate
from experiments.logs.estimators.auxiliary import Auxiliary
from experiments.logs.parameters import BY_KEY, MOST_SPREAD, PARAMETERS, Parameter, family
from experiments.logs.record import record
from experiments.logs.sessions import Sessions, sessions_of
from experiments.seeds import FITTING_START
from experiments.statistics import BOOTSTRAP_SEED, CONFIDENCE
from livesim.errors import LogError
from livesim.scenario import Scenario, load_scenario

STEPS, STEPS_AFTER_REFUSAL = 4, 2
AGREED = 1.0
"""Estimates agree where the last step is less than so many standard errors; it is taken all the same."""
CLEAR = 3.0
"""Differences of simulations count where they are so many standard errors."""
LONGEST_STEP = 1.0
RESAMPLES = 2000
SLOPES = (0.3, 3.0)
"""A sensitivity outside this range is not believed: so little or so much of the number reaches its estimate."""


@dataclass(frozen=True)
class Simulation:
    """How candidate scenarios are simulated. rooms: per step.  slope_rooms: for each sensitivity.

    offset: which of the seeds set aside for fitting are taken; another check takes others.
    """

    rooms: int = 64
    slope_rooms: int = 32
    policies: str = "default"
    offset: int = 0
    progress: Callable[[float], None] | None = None

    @property
    def seeds(self) -> range:
        """The seeds of every simulation: above all that policies are trained, tuned or scored on."""
        first = FITTING_START + self.offset * self.rooms
        return range(first, first + self.rooms)

    def play(self, scenario: Scenario, rooms: int) -> Sessions:
        """Return simulated sessions, the first `rooms` of the seeds."""
        return sessions_of(record(scenario, self.seeds[:rooms], self.policies, progress=self.progress))


@dataclass
class Slopes:
    """Sensitivities J of the estimates (rows) to the parameters (columns), on their scales."""

    keys: tuple[str, ...]
    matrix: np.ndarray
    dropped: dict[str, str] = field(default_factory=dict)

    def of(self, keys: Sequence[str]) -> np.ndarray:
        """Return the rows and columns of some parameters."""
        at = [self.keys.index(key) for key in keys]
        return self.matrix[np.ix_(at, at)]


@dataclass(frozen=True)
class Fit:
    """What was found, on the scales of the parameters.

    keys: (p,).  theta, low, high, left: (p,) estimates, 95 % intervals, and the last step in standard errors.
    missing: why other parameters keep the base.  refused: those of them whose interval says too little, with value and
    interval.  simulated: sessions with theta.  base: with the base.
    """

    keys: tuple[str, ...]
    theta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    left: np.ndarray
    counts: dict[str, str]
    missing: dict[str, str]
    refused: dict[str, tuple[float, float, float]]
    simulated: Sessions
    base: Sessions
    steps: int

    def value(self, key: str) -> float:
        """Return the number of the scenario for one parameter."""
        return BY_KEY[key].from_scale(float(self.theta[self.keys.index(key)]))

    def interval(self, key: str) -> tuple[float, float]:
        """Return the ends of its 95 % interval."""
        n = self.keys.index(key)
        return BY_KEY[key].limits(float(self.low[n]), float(self.high[n]))


def with_numbers(scenario: Scenario, numbers: Mapping[str, float]) -> Scenario:
    """Return a scenario with some numbers replaced."""
    return load_scenario(scenario, {key: number for key, number in numbers.items()})


def colours(keys: Iterable[str]) -> list[list[Parameter]]:
    """Return which parameters are moved together: one of each block at a time."""
    groups: list[list[Parameter]] = []
    place: dict[str, int] = {}
    for key in keys:
        parameter = BY_KEY[key]
        if parameter.step == 0.0:
            continue
        n = place.get(parameter.block, 0)
        place[parameter.block] = n + 1
        if n == len(groups):
            groups.append([])
        groups[n].append(parameter)
    return groups


def measure_slopes(base: Scenario, at_base: Sessions, keys: Sequence[str], simulation: Simulation) -> Slopes:
    """Return the sensitivities at the base scenario, measured by moving one parameter of every block at a time.

    An effect on the estimate of another parameter counts where it is `CLEAR` times its standard error, which the same
    rooms before and after give.
    """
    before = estimate(_first_rooms(at_base, simulation.slope_rooms), base)
    matrix = np.eye(len(keys))
    place = {key: n for n, key in enumerate(keys)}
    dropped: dict[str, str] = {}
    for group in colours(keys):
        moved = {p.key: p.from_scale(p.to_scale(p.of(base)) + p.step) for p in group}
        after = estimate(simulation.play(with_numbers(base, moved), simulation.slope_rooms), base)
        for p in group:
            step = p.to_scale(moved[p.key]) - p.to_scale(p.of(base))
            for other in (key for key in keys if BY_KEY[key].block == p.block):
                if other in before.value and other in after.value:
                    change = after.value[other] - before.value[other]
                    error = np.linalg.norm(after.influence[other] - before.influence[other])
                    if other == p.key or abs(change) > CLEAR * error:
                        matrix[place[other], place[p.key]] = change / step
                elif other == p.key:
                    dropped[p.key] = "too few such events in simulated sessions of the base"
            slope = matrix[place[p.key], place[p.key]]
            if not SLOPES[0] <= slope <= SLOPES[1]:
                dropped.setdefault(p.key, f"it hardly shows in its estimate (slope {slope:.2g})")
    return Slopes(tuple(keys), matrix, dropped)


def infer(
    log: Auxiliary,
    base: Scenario,
    simulation: Simulation,
    slopes: Slopes | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Fit:
    """Return the parameters whose simulated sessions give the estimates of the log.

    log: estimates of a log.  base: everything that is not estimated.  slopes: sensitivities at this
    base where they are known.
    """
    at_base = simulation.play(base, simulation.rooms)
    first = estimate(at_base, base)
    keys = tuple(p.key for p in PARAMETERS if p.key in log.value and p.key in first.value)
    missing = dict(log.missing)
    missing.update(
        {key: f"simulated sessions of the base have {first.missing.get(key, 'none')}"
         for key in log.value if key not in first.value}
    )  # fmt: skip
    if slopes is None:
        say(f"sensitivities: {len(colours(keys))} x {simulation.slope_rooms} rooms")
        slopes = measure_slopes(base, at_base, keys, simulation)
    keys = tuple(key for key in keys if key in slopes.keys)
    theta = np.array([BY_KEY[key].to_scale(BY_KEY[key].of(base)) for key in keys])
    search = _Search(log, base, simulation, say, missing, keys, theta, slopes.of(keys), at_base, first)
    search.drop(slopes.dropped)
    search.settle(STEPS)
    refused = {}
    for key, (value, low, high) in search.intervals().items():
        if why := refusal(BY_KEY[key], low, high):
            ends = BY_KEY[key].limits(low, high)
            refused[key] = (BY_KEY[key].from_scale(value), *ends)
            missing[key] = f"{why}: [{ends[0]:.3g}, {ends[1]:.3g}]"
    if refused:
        search.drop({key: missing[key] for key in refused})
        search.play()
        search.settle(STEPS_AFTER_REFUSAL)
    theta, low, high = np.array(list(search.intervals().values())).T
    counts = {key: log.count[key] for key in search.keys}
    return Fit(
        search.keys, theta, low, high, search.left, counts, missing, refused, search.played, at_base, search.steps
    )  # fmt: skip


def refusal(parameter: Parameter, low: float, high: float) -> str:
    """Return why an interval on the scale says too little to replace the number of the base; empty where it does."""
    if parameter.scale in ("inverse", "square") and low <= 0.0:
        return "cannot be told from no scatter beyond chance"
    if (high - low) / 2.0 > MOST_SPREAD:
        return "its interval is too wide to say anything"
    return ""


@dataclass
class _Search:
    """Where the search for agreement stands: theta and J of the keys, the sessions simulated last, their estimates."""

    log: Auxiliary
    base: Scenario
    simulation: Simulation
    say: Callable[[str], None]
    missing: dict[str, str]
    keys: tuple[str, ...]
    theta: np.ndarray
    jacobian: np.ndarray
    played: Sessions
    now: Auxiliary
    left: np.ndarray = field(default_factory=lambda: np.zeros(0))
    spread: _Spread = field(default_factory=lambda: _Spread(np.zeros(0), np.zeros(0), np.zeros(0)))
    steps: int = 0

    def drop(self, reasons: Mapping[str, str]) -> None:
        """Leave some parameters, and those that mean nothing without them, at the base."""
        gone = [key for key in self.keys if any(other in reasons for other in family(key))]
        for key in gone:
            others = ", ".join(other.partition(".")[2] for other in family(key) if other in reasons)
            self.missing[key] = reasons.get(key, f"goes with {others}")
        kept = np.array([key not in gone for key in self.keys], dtype=bool)
        self.keys = tuple(key for key in self.keys if key not in gone)
        self.theta, self.jacobian = self.theta[kept], self.jacobian[np.ix_(kept, kept)]

    def settle(self, most_steps: int) -> None:
        """Move theta until estimates agree, or so many steps were taken; a last step is taken without simulating."""
        for turn in range(most_steps + 1):
            why = "too few such events in simulated sessions with the fitted numbers"
            self.drop({key: why for key in self.keys if key not in self.now.value})
            if not self.keys:
                raise LogError("nothing can be estimated from this log: " + "; ".join(
                    f"{key}: {reason}" for key, reason in self.missing.items()))  # fmt: skip
            inverse = np.linalg.inv(self.jacobian)
            step = inverse @ np.array([self.log.value[key] - self.now.value[key] for key in self.keys])
            self.spread = _spread(self.log, self.now, self.keys, inverse)
            self.left = step / np.maximum(self.spread.error, 1e-12)
            most = int(np.abs(self.left).argmax())
            self.say(f"step {self.steps}: {self.keys[most]} differs by {abs(self.left[most]):.2f} standard errors")
            before, here = self.now, self.theta
            self.theta = here + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
            if np.abs(self.left).max() < AGREED or turn == most_steps:
                return
            numbers = [BY_KEY[key].from_scale(value) for key, value in zip(self.keys, self.theta, strict=True)]
            self.theta = np.array([BY_KEY[key].to_scale(x) for key, x in zip(self.keys, numbers, strict=True)])
            self.play()
            _learn(self.jacobian, self.keys, self.theta - here, before, self.now, self.log)

    def play(self) -> None:
        """Simulate sessions with theta."""
        self.steps += 1
        numbers = {key: BY_KEY[key].from_scale(value) for key, value in zip(self.keys, self.theta, strict=True)}
        self.played = self.simulation.play(with_numbers(self.base, numbers), self.simulation.rooms)
        self.now = estimate(self.played, self.base)

    def intervals(self) -> dict[str, tuple[float, float, float]]:
        """Return value and ends of the 95 % interval of every parameter, on its scale."""
        ends = self.theta + self.spread.low, self.theta + self.spread.high
        return {key: (float(v), float(a), float(b)) for key, v, a, b in zip(self.keys, self.theta, *ends, strict=True)}


def _learn(
    jacobian: np.ndarray,
    keys: Sequence[str],
    moved: np.ndarray,
    before: Auxiliary,
    after: Auxiliary,
    log: Auxiliary,
) -> None:
    """Correct the sensitivities of a block in place, where its estimates did not come out as expected (Broyden 1965).

    The smallest change that explains the last step; only where the surprise is `CLEAR` of chance.
    """
    for block in dict.fromkeys(BY_KEY[key].block for key in keys):
        at = np.array([n for n, key in enumerate(keys) if BY_KEY[key].block == block and key in after.value])
        if len(at) == 0 or not np.any(moved[at]):
            continue
        names = [keys[n] for n in at]
        change = np.array([after.value[key] - before.value[key] for key in names])
        surprise = change - jacobian[np.ix_(at, at)] @ moved[at]
        error = np.array([np.linalg.norm(after.influence[key]) + np.linalg.norm(log.influence[key]) for key in names])
        if np.any(np.abs(surprise) > CLEAR * error):
            jacobian[np.ix_(at, at)] += np.outer(surprise, moved[at]) / (moved[at] @ moved[at])


@dataclass(frozen=True)
class _Spread:
    """What is known of the error of theta.  error: (p,) standard errors.  low, high: (p,) of the 95 % interval, from
    theta."""

    error: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _spread(log: Auxiliary, simulated: Auxiliary, keys: Sequence[str], inverse: np.ndarray) -> _Spread:
    """Return standard errors and ends of intervals by the studentised bootstrap over rooms of the log and of the
    simulation (Efron and Tibshirani 1993, ch. 12).

    A draw is divided by the standard error that its own rooms give. That matters where few rooms carry an estimate, as
    they do a variance: a log without such rooms gives a small estimate and a small error at once, and an interval
    from quantiles of the draws alone ends below the truth too often.
    """
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    error, moved, squares = np.zeros(len(keys)), np.zeros((RESAMPLES, len(keys))), np.zeros((RESAMPLES, len(keys)))
    for found in (log, simulated):
        influence = np.stack([found.influence[key] for key in keys], axis=1) @ inverse.T
        influence -= influence.mean(axis=0)
        count = len(influence)
        few = count / (count - 1.0) if count > 1 else np.inf
        drawn = generator.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES).astype(float)
        shift = drawn @ influence
        error += few * (influence**2).sum(axis=0)
        moved += shift
        squares += few * np.maximum(drawn @ influence**2 - shift**2 / count, 0.0)
    error = np.sqrt(error)
    ratio = moved / np.maximum(np.sqrt(squares), 1e-12)
    tail = 0.5 * (1.0 - CONFIDENCE)
    upper, lower = np.quantile(ratio, [1.0 - tail, tail], axis=0)
    return _Spread(error, -upper * error, -lower * error)


def _first_rooms(sessions: Sessions, count: int) -> Sessions:
    """Return the sessions of the first rooms."""
    if count >= len(sessions):
        return sessions
    visits, events = sessions.visits, sessions.events
    kept = int(np.searchsorted(visits.room, count))
    return Sessions(
        sessions.names[:count], sessions.item_names, sessions.length_s[:count],
        type(visits)(*(column[:kept] for column in visits)),
        type(events)(*(column[events.room < count] for column in events)), sessions.anomalies,
    )  # fmt: skip
