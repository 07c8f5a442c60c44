"""Chat: a Hawkes process whose base rate is that of the viewers present."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from experiments.facts.talk import decayed
from experiments.logs.estimators.auxiliary import Auxiliary, maximum_likelihood, too_few
from experiments.logs.schema import MESSAGE
from experiments.logs.sessions import Sessions
from livesim.scenario import Scenario

KEYS = ("chat.base_per_viewer_min", "chat.branching")
FEWEST = 200


def talking(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return log base rate per viewer-minute and logit branching ratio, with kernel and size effect as known.

    Intensity mu w(t) + n / kernel x sum exp(-(t - t_i) / kernel), w = N min(1, (N / knee)^exponent) / 60; per room
    sum log intensity - mu integral w - n sum (1 - exp(-(T - t_i) / kernel)).
    """
    found, messages, p = Auxiliary(), sessions.of_kind(MESSAGE), scenario.chat
    if too_few(found, KEYS, len(messages.room), "messages", FEWEST):
        return found
    weight, excited = np.zeros(len(messages.room)), np.zeros(len(messages.room))
    base, caused = np.zeros(len(sessions)), np.zeros(len(sessions))
    bounds = np.searchsorted(messages.room, np.arange(len(sessions) + 1))
    for room, (first, end) in enumerate(pairwise(bounds)):
        chosen = slice(first, end)
        times = messages.time_s[chosen]  # sorted
        weight[chosen] = _weight(sessions.viewers_at(room, times), scenario)
        excited[chosen] = decayed(times, 1.0 / p.kernel_s) / p.kernel_s
        base[room] = _integral(sessions, room, scenario)
        caused[room] = -np.expm1(-(sessions.length_s[room] - times) / p.kernel_s).sum()

    def likelihood(at: np.ndarray) -> tuple[float, np.ndarray]:
        mu, branching = np.exp(at[0]), 1.0 / (1.0 + np.exp(-at[1]))
        rate = np.maximum(mu * weight + branching * excited, 1e-12)
        loss = mu * base.sum() + branching * caused.sum() - np.log(rate).sum()
        spontaneous = sessions.per_room(messages.room, mu * weight / rate) - mu * base
        response = sessions.per_room(messages.room, excited / rate) - caused
        return float(loss), np.stack([spontaneous, branching * (1.0 - branching) * response], axis=1)

    start = [np.log(len(messages.room) / 2.0 / max(base.sum(), 1e-9)), 0.0]
    value, influence = maximum_likelihood(likelihood, start, [(-20.0, 5.0), (-8.0, 4.0)])
    for n, key in enumerate(KEYS):
        found.add(key, value[n], influence[:, n], f"{len(messages.room):,} messages")
    return found


def _weight(viewers: np.ndarray, scenario: Scenario) -> np.ndarray:
    """Return base messages per second at a base rate of one per viewer-minute.  viewers: at least the sender."""
    n, p = np.maximum(viewers, 1.0), scenario.chat
    return n * np.minimum(1.0, (n / p.size_knee) ** p.size_exponent) / 60.0


def _integral(sessions: Sessions, room: int, scenario: Scenario) -> float:
    """Return the integral of the weight over a session: it changes only when somebody enters or leaves."""
    entered, left = sessions.doors[room]
    times = np.concatenate([entered, left])
    order = np.argsort(times, kind="stable")
    viewers = np.cumsum(np.concatenate([np.ones(len(entered)), -np.ones(len(left))])[order])
    lasts = np.diff(np.append(times[order], sessions.length_s[room]))
    return float((np.where(viewers > 0, _weight(viewers, scenario), 0.0) * np.maximum(lasts, 0.0)).sum())
