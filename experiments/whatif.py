"""What would have happened: an episode replayed to a moment, and from there played otherwise on the same luck.

Everything in a room follows from its seed and the actions, so the replay needs only the seed and the policy, and both
branches are the same session bit for bit up to the moment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.takeover import Choice, Takeover, Turn
from experiments.environment import POLICY_SEED, EnvConfig
from experiments.rollout import Progress, rollout
from experiments.session_trace import Recorder, SessionTrace
from livesim.errors import ConfigError, unknown_name
from livesim.heads import HEADS, NOTHING, choices

if TYPE_CHECKING:
    from agents.policy import Policy
    from livesim.scenario import Scenario, SessionConfig

_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))?")


@dataclass(frozen=True)
class Change:
    """One head played otherwise. text: as it was asked for; is_once: a single choice, else a policy for a while."""

    text: str
    turn: Turn
    is_once: bool


@dataclass(frozen=True)
class Question:
    """A policy in an environment, and what is done otherwise. name: how the policy is called."""

    env: EnvConfig
    name: str
    policy: Policy
    changes: tuple[Change, ...]
    deterministic: bool = True

    @property
    def first(self) -> int:
        """The decision at which the branches part, counted from 0."""
        return min(change.turn.first for change in self.changes)

    @property
    def end(self) -> int:
        """The decision from which the policy plays everything again, or the number of decisions."""
        return max(change.turn.end for change in self.changes)


@dataclass(frozen=True)
class Answer:
    """N sessions as they were and as they would have been; row r of both is the same luck."""

    question: Question
    factual: SessionTrace
    counterfactual: SessionTrace

    @property
    def at_s(self) -> float:
        """The moment at which the branches part, s."""
        return self.question.first * self.factual.decision_s

    def refused(self) -> dict[str, int]:
        """Return change -> in how many sessions its single choice was impossible at its moment."""
        found = {}
        for change in self.question.changes:
            if change.is_once:
                more = _masked(self.counterfactual, change) > _masked(self.factual, change)
                found[change.text] = int(np.sum(more))
        return found


def ask(question: Question, seeds: Sequence[int], batch: int = 64, progress: Progress | None = None) -> Answer:
    """Play every seed as it was and as it would have been."""
    env = question.env
    branched = _branched(question)
    others = {head: name for head, name in env.others.items() if head not in branched.heads}
    branches: list[tuple[Any, EnvConfig]] = [
        (question.policy, env),
        (branched, replace(env, chosen_heads=branched.heads, others=others)),
    ]
    traces = []
    for policy, played in branches:
        recorder = Recorder(seeds, env.reward_mode)
        rollout(policy, played, seeds, batch, question.deterministic, progress, finished=recorder)
        traces.append(recorder.trace())
    return Answer(question, *traces)


def parse_changes(settings: Sequence[str], env: EnvConfig, at: str, until: str = "") -> tuple[Change, ...]:
    """Return what is changed by texts `HEAD=WHAT` or `HEAD=WHAT@TIME`; raises ConfigError or UnknownNameError.

    WHAT is a policy of the head (`credit_rule`; with its numbers, `fixed_interval,interval_min=8`), or "none" or
    "keep", and then plays the head from `at` (or TIME) until `until` (or the end); or it is one choice of the head
    (`battle`, `mid_roll_30`, an item), and then is made once. Times are HH:MM or HH:MM:SS into the session.
    """
    if not settings:
        raise ConfigError("--set: say what is done otherwise, such as --set ads=none or --set interact=battle@00:45")
    scenario = env.load_scenario()
    start_s, length_s = _moment(at, "--at", scenario.session), scenario.session.duration_s
    end_s = _seconds(until, "--until") if until else length_s
    if end_s > length_s:
        raise ConfigError(f"--until: {until} lies outside the session, which lasts {clock_text(length_s)}")
    if end_s <= start_s:
        raise ConfigError(f"--until {until}: lies before --at {at} or on it; the change would have no time")
    changes = tuple(_change(text, scenario, start_s, end_s) for text in settings)
    for i, change in enumerate(changes):
        for other in changes[:i]:
            if change.turn.head == other.turn.head and not (change.is_once or other.is_once):
                raise ConfigError(f"--set {change.text}: {other.text} already plays head '{change.turn.head}'")
    return tuple(sorted(changes, key=lambda change: change.is_once))  # the last turn of a head wins


def clock_text(seconds: float) -> str:
    """Return H:MM:SS."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _masked(trace: SessionTrace, change: Change) -> np.ndarray:
    return trace.events["masked_actions"][:, change.turn.first]


def _branched(question: Question) -> Takeover:
    """Return the policy with its turns; who would play a head beside it plays it, except in the turns."""
    env = question.env
    taken = dict.fromkeys(change.turn.head for change in question.changes if change.turn.head not in env.heads)
    scenario = env.load_scenario()
    names = {**scenario.default_policies, **env.others}
    beside = {head: _head_policy(head, names.get(head, "nothing"), scenario) for head in taken}
    return Takeover(question.policy, env.heads, [change.turn for change in question.changes], beside)


def _head_policy(head: str, name: str, scenario: Scenario, params: Mapping[str, Any] | None = None) -> Policy:
    from agents.policy import make_policy
    from livesim.envs.observations import ObservationLayout

    full = name if name.startswith(f"{head}.") else f"{head}.{name}"
    return make_policy(full, ObservationLayout(scenario), scenario, heads=(head,), seed=POLICY_SEED, params=params)


def _change(text: str, scenario: Scenario, start_s: float, end_s: float) -> Change:
    head, equals, rest = (part.strip() for part in text.partition("="))
    where = f"--set {text}"
    if not equals or not rest:
        raise ConfigError(f"{where}: write HEAD=WHAT, for example --set ads=none")
    if "." in head:
        raise ConfigError(
            f"{where}: '{head}' is a number of the scenario, which nobody changes in mid-session; here a head is "
            f"played otherwise: {', '.join(HEADS)}. --scenario NAME --override {text} asks about another room."
        )
    if head not in HEADS:
        raise unknown_name("head", head, HEADS, where)
    what, sign, moment = rest.rpartition("@")
    if sign:
        start_s = _moment(moment, where, scenario.session)
        if start_s >= end_s:
            raise ConfigError(f"{where}: lies on or after --until")
    else:
        what = rest
    first = math.ceil(start_s / scenario.session.decision_s - 1e-9)
    name, *numbers = (part.strip() for part in what.split(","))
    names = choices(scenario)[head]
    known = [policy.removeprefix(f"{head}.") for policy in _policies(head)]
    short = "nothing" if name in ("nothing", NOTHING[head]) else name.removeprefix(f"{head}.")
    if short in known:
        policy = _head_policy(head, short, scenario, _params(numbers, where))
        end = math.ceil(end_s / scenario.session.decision_s - 1e-9)
        return Change(text, Turn(head, policy, first, end), is_once=False)
    if short in names and not numbers:
        return Change(text, Turn(head, Choice(1 + names.index(short)), first, first + 1), is_once=True)
    raise unknown_name("policy or choice", what, [NOTHING[head], *known, *names], where)


def _policies(head: str) -> list[str]:
    from agents.policy import policy_names

    return [name for name in policy_names((head,)) if name.startswith(f"{head}.")]


def _params(numbers: Sequence[str], where: str) -> dict[str, Any] | None:
    from experiments.yaml_source import read_value

    params = {}
    for number in numbers:
        key, equals, value = number.partition("=")
        if not equals:
            raise ConfigError(f"{where}: '{number}': write NAME=VALUE, as in ads=fixed_interval,interval_min=8")
        params[key.strip()] = read_value(value)
    return params or None


def _moment(text: str, where: str, session: SessionConfig) -> float:
    """Return the moment of a decision in seconds; raises ConfigError for another form, or where no decision follows."""
    moment, last = _seconds(text, where), session.duration_s - session.decision_s
    if moment > last:
        raise ConfigError(
            f"{where}: {text} lies after the last decision of a session of {clock_text(session.duration_s)}. "
            f"Allowed: 0:00:00 to {clock_text(last)}"
        )
    return moment


def _seconds(text: str, where: str) -> float:
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise ConfigError(f"{where}: '{text}' is not a moment. Write HH:MM or HH:MM:SS into the session, such as 00:40")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
