"""How well simulated sessions resemble a log beyond the numbers that were fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import CensoredData, ecdf, ks_2samp

from experiments.logs.schema import GIFT, MESSAGE
from experiments.logs.sessions import Sessions
from livesim.audience.state import FEED, FOLLOWER

FEWEST = 20


class Sample(NamedTuple):
    """Numbers, and lower bounds of those that were cut off."""

    seen: np.ndarray
    cut: np.ndarray = np.zeros(0)


@dataclass(frozen=True)
class Distance:
    """A Kolmogorov-Smirnov distance of the log to the fitted and to the base simulation; NaN: too little to compare."""

    what: str
    fitted: float
    base: float
    count: int


def distances(log: Sessions, fitted: Sessions, base: Sessions) -> list[Distance]:
    """Return the distances of everything that can be compared."""
    measures: list[tuple[str, Callable[[Sessions], Sample]]] = [
        ("stays, feed", lambda sessions: stays_from(sessions, FEED)),
        ("stays, followers", lambda sessions: stays_from(sessions, FOLLOWER)),
        ("age at entry, feed", lambda sessions: Sample(ages(sessions, FEED))),
        ("age at entry, followers", lambda sessions: Sample(ages(sessions, FOLLOWER))),
        ("credits of a gift", lambda sessions: Sample(sessions.of_kind(GIFT).value)),
        ("gaps between messages", lambda sessions: Sample(message_gaps(sessions))),
    ]
    found = []
    for what, take in measures:
        ours, theirs, others = take(log), take(fitted), take(base)
        count = len(ours.seen) + len(ours.cut)
        found.append(Distance(what, distance(ours, theirs), distance(ours, others), count))
    return found


def stays_from(sessions: Sessions, source: int) -> Sample:
    """Return the stays of a source, right-censored where the session ended first."""
    visits = sessions.visits
    chosen = visits.source == source
    stay, has_left = visits.stay_s[chosen], visits.has_left[chosen]
    return Sample(stay[has_left], stay[~has_left])


def ages(sessions: Sessions, source: int) -> np.ndarray:
    """Return the age of the session at every entry of a source."""
    return sessions.visits.entered_s[sessions.visits.source == source]


def message_gaps(sessions: Sessions) -> np.ndarray:
    """Return the times between two messages of a room."""
    messages = sessions.of_kind(MESSAGE)
    gaps = np.diff(messages.time_s)
    return gaps[np.diff(messages.room) == 0]


def distance(a: Sample, b: Sample) -> float:
    """Return the largest difference of two distributions; of Kaplan and Meier's estimates where some are cut."""
    if min(len(a.seen), len(b.seen)) < FEWEST:
        return float("nan")
    if len(a.cut) == len(b.cut) == 0:
        return float(ks_2samp(a.seen, b.seen).statistic)
    last = min(max(each.seen.max(), each.cut.max(initial=0.0)) for each in (a, b))  # seen in both
    at = np.unique(np.concatenate([a.seen, b.seen]))
    at = at[at <= last]
    return float(np.abs(survival(a, at) - survival(b, at)).max())


def survival(sample: Sample, at: np.ndarray) -> np.ndarray:
    """Return the share that lasts longer than given times, (n,): Kaplan and Meier's estimate."""
    return ecdf(CensoredData(uncensored=sample.seen, right=sample.cut)).sf.evaluate(at)
