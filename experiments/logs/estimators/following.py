"""Follows: how often viewers who do not follow yet begin to, by the age of their stay."""

from __future__ import annotations

import numpy as np

from experiments.logs.estimators.auxiliary import Auxiliary
from experiments.logs.schema import FOLLOW
from experiments.logs.sessions import Sessions
from livesim.audience.state import FOLLOWER
from livesim.scenario import Scenario

WINDOWS = (
    ("audience.follow_entry_prob", 0.0, 10.0, 15.0, 10.0, "follows right after entry"),
    ("audience.follow_minute_prob", 60.0, 120.0, 120.0, 60.0, "follows in the second minute"),
    ("audience.follow_late_prob", 120.0, np.inf, np.inf, 1800.0, "later follows"),
)
"""Key, exposed from and until (s of the stay), events until, time over which the probability is spread, events.

A simulated follow is booked at the end of its tick, up to 5 s late."""


def following(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return the log probabilities of following on entry, in the second minute, and per half hour from then on."""
    found, visits = Auxiliary(), sessions.visits
    strangers = visits.source != FOLLOWER
    exposed_s = np.minimum(visits.left_s, sessions.follows_from_s) - visits.entered_s
    follows = sessions.of_kind(FOLLOW)
    after_s = follows.time_s - visits.entered_s[follows.visit]
    for key, begin, end, until, spread_s, what in WINDOWS:
        counts = strangers[follows.visit] & (after_s >= begin) & (after_s < until)
        seconds = np.clip(np.minimum(exposed_s, end) - begin, 0.0, None) * strangers
        found.add_ratio(key, sessions.per_room(follows.room[counts]), sessions.per_room(visits.room, seconds), what,
                        scale=spread_s)  # fmt: skip
    return found
