"""What is one choice worth? Every allowed choice is tried on copies of running rooms, under many fresh futures.

How much a learner can gain in a head follows from three numbers of its choices: what a choice brings on average over
what the rule does, how much that truly differs from moment to moment (what state-dependent play could use), and how
much one future hides of it (what a learner must average away).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.planner.candidates import candidates
from agents.planner.copies import Copies
from experiments.environment import EnvConfig
from experiments.report import Table
from experiments.rollout import Progress, rollout
from experiments.statistics import Estimate, paired_difference
from livesim.envs.actions import NOTHING
from livesim.errors import ConfigError

if TYPE_CHECKING:
    from agents.policy import State
    from livesim.envs.batch import RoomBatch

AT_A_TIME = 16
"""Sessions played together."""
BEST = "the best by half of the futures"
STAKES_HEADER = ("head", "choice", "moments", "over the rule's choice", "differs between moments", "one future hides")


@dataclass(frozen=True)
class Tried:
    """One choice in one moment: head.choice, the seed of the session, and its gains (F,) over what the rule does."""

    head: str
    choice: str
    seed: int
    moment: int
    gains: np.ndarray


@dataclass(frozen=True)
class Stake:
    """What one choice is worth, in credits to the horizon and with what viewers bring afterwards.

    mean: over moments, with the interval over sessions.  differs: standard deviation of the true gain between moments,
    noise taken out, 0 where noise explains all.  hides: standard deviation of the gain between futures of a moment.
    """

    head: str
    choice: str
    moments: int
    mean: Estimate
    differs: float
    hides: float


def try_choices(
    env: EnvConfig,
    rule: str,
    seeds: Sequence[int],
    looks: int,
    futures: int,
    horizon: int,
    progress: Progress | None = None,
) -> list[Tried]:
    """Return every allowed change of one head in `looks` moments of each session that a rule plays.

    The moments are the same of all sessions, drawn once; the futures depend on the session's seed and the moment only.
    """
    if not 2 <= futures <= 1024:
        raise ConfigError(f"--futures must be 2 to 1024, got {futures}: two at least say what one future hides")
    decisions = env.load_scenario().decisions
    if not 1 <= looks < decisions:
        raise ConfigError(f"--looks must be 1 to {decisions - 1} in a session of {decisions} decisions, got {looks}")
    moments = set(np.random.default_rng(looks).choice(decisions - 1, looks, replace=False).tolist())
    trying = _Trying(env.policy(rule), moments, futures, horizon, progress)
    rollout(trying, env, seeds, batch=AT_A_TIME)
    return trying.found


class _Trying:
    """Plays as a rule does; in some moments it first tries every allowed change on copies of the rooms it is shown."""

    def __init__(self, rule: Any, moments: set[int], futures: int, horizon: int, progress: Progress | None) -> None:
        self.rule, self.moments, self.futures, self.horizon = rule, moments, futures, horizon
        self.progress = progress
        self.found: list[Tried] = []

    def meet(self, batch: RoomBatch) -> None:
        """Look at the rooms that are played next."""
        self.copies = Copies(batch)

    def initial_state(self, seeds: Sequence[int]) -> State:
        """Return the rule's memory of new sessions."""
        self.seeds, self.moment = list(seeds), 0
        return self.rule.initial_state(np.array(seeds))

    def predict(
        self,
        observation: Any,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return what the rule does."""
        chosen, memory = self.rule.predict(observation, state, episode_start)
        if self.moment in self.moments:
            self.found += self._tried(np.asarray(chosen, dtype=np.int64).reshape(len(self.seeds), -1), memory)
            if self.progress is not None:
                self.progress(len(self.seeds))
        self.moment += 1
        return chosen, memory

    def _tried(self, actions: np.ndarray, memory: State) -> list[Tried]:
        batch, seeds = self.copies.batch, self.seeds
        room, tried = candidates(actions, batch.action_masks(), batch.actions.sizes)
        is_open = (np.bincount(room, minlength=len(seeds)) > 1) & ~batch.rooms.ended
        room, tried = room[is_open[room]], tried[is_open[room]]
        if not len(room):
            return []
        rooms, place = np.unique(room, return_inverse=True)
        luck = [np.random.default_rng([seeds[row], self.moment]).integers(2**32, 2**63, self.futures) for row in rooms]
        futures, remembered = self.copies.futures(rooms, np.array(luck)), tuple(part[rooms] for part in memory)
        gains = self.copies.gains(futures, place, tried, self.rule, remembered, self.horizon)
        found = []
        for row, action, gain in zip(room, tried, gains, strict=True):
            for head in np.flatnonzero(action != actions[row]):
                name = batch.actions.heads[head]
                choice = (NOTHING[name], *batch.layout.choice_names[name])[action[head]]
                found.append(Tried(name, choice, seeds[row], self.moment, gain))
        return found


def stakes(found: Sequence[Tried]) -> list[Stake]:
    """Return what each choice is worth, heads in order of appearance; the last of a head is its best of every moment.

    That one is chosen by one half of the futures and judged by the other half, both ways, so that it is not the
    luckiest: 0 where the rule's own choice looks best.
    """
    groups: dict[tuple[str, str], list[Tried]] = defaultdict(list)
    by_moment: dict[tuple[str, int, int], list[np.ndarray]] = defaultdict(list)
    for one in found:
        groups[one.head, one.choice].append(one)
        by_moment[one.head, one.seed, one.moment].append(one.gains)
    for (head, seed, moment), gains in by_moment.items():
        groups[head, BEST].append(Tried(head, BEST, seed, moment, _judged(np.stack(gains))))
    heads = list(dict.fromkeys(head for head, _ in groups))
    return [_stake(*key, group) for head in heads for key, group in groups.items() if key[0] == head]


def _judged(gains: np.ndarray) -> np.ndarray:
    """Return the gains of the best of several choices, each half of the futures judging the choice of the other."""
    half = gains.shape[1] // 2
    judged = []
    for chooses, judges in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        mean = gains[:, chooses].mean(axis=1)
        best = int(mean.argmax())
        judged.append(gains[best, judges] if mean[best] > 0 else np.zeros(gains[0, judges].shape))
    return np.concatenate(judged)


def _stake(head: str, choice: str, group: Sequence[Tried]) -> Stake:
    gains = np.stack([one.gains for one in group])
    means, noise = gains.mean(axis=1), float(gains.var(axis=1, ddof=1).mean())
    between = float(means.var(ddof=1)) - noise / gains.shape[1] if len(means) > 1 else np.nan
    seeds = np.array([one.seed for one in group])
    sessions = np.array([means[seeds == seed].mean() for seed in np.unique(seeds)])[None]
    differs = float(np.sqrt(np.maximum(between, 0.0)))
    return Stake(head, choice, len(group), paired_difference(sessions, np.zeros_like(sessions)), differs, noise**0.5)


def stakes_table(found: Sequence[Stake]) -> Table:
    """Return the table of what choices are worth."""
    return Table(
        list(STAKES_HEADER),
        [
            [one.head, one.choice, str(one.moments), one.mean.text(), _plain(one.differs), _plain(one.hides)]
            for one in found
        ],
    )


def as_data(found: Sequence[Stake]) -> list[dict[str, Any]]:
    """Return plain data for JSON; what is unknown is None."""
    return [
        {**asdict(one), "mean": one.mean.as_data(), "differs": None if np.isnan(one.differs) else one.differs}
        for one in found
    ]


def _plain(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:.1f}"
