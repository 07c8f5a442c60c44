"""Facts about chat and taking part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from experiments.facts.measures import fano, ledger_ratio, measures
from experiments.facts.pooling import Pooled, mean, ratio
from experiments.facts.sessions import Session
from experiments.facts.world import World
from livesim.ledger import J_MESSAGE, J_PARTICIPATE

BIN_S = 10.0
PIECE_S = 900.0  # the base rate of the fitted process is constant in pieces of this length
KERNELS_S = (2.0, 60.0)
"""Time constants that a response may have; a slower one cannot be told from a moving base."""
SIZES = ("40 viewers", "1000 viewers", "6000 viewers")


@measures("comments_per_hour")
def comments_per_hour(world: World) -> Pooled:
    """Return messages per viewer-hour."""
    return ledger_ratio(world["as it is"], "messages", "present_s", 3600.0)


def _per_viewer_minute(world: World, treatment: str) -> Pooled:
    return ledger_ratio(world[treatment], "messages", "present_s", 60.0)


@measures("chat_small")
def chat_small(world: World) -> Pooled:
    """Return messages per viewer-minute in a room of some forty viewers."""
    return _per_viewer_minute(world, SIZES[0])


@measures("chat_large")
def chat_large(world: World) -> Pooled:
    """Return messages per viewer-minute in a room of about a thousand viewers."""
    return _per_viewer_minute(world, SIZES[1])


@measures("chat_huge")
def chat_huge(world: World) -> Pooled:
    """Return messages per viewer-minute in a room of more than five thousand viewers."""
    return _per_viewer_minute(world, SIZES[2])


@measures("chat_slope")
def chat_slope(world: World) -> Pooled:
    """Return the least squares slope of log messages per viewer-minute on log viewers, over the three sizes."""
    rates = [_per_viewer_minute(world, size) for size in SIZES]
    sizes = [mean([session.viewers.mean() for session in world[size]]) for size in SIZES]

    def pooled(weights: np.ndarray) -> np.ndarray:
        y = np.log(np.array([rate(weights) for rate in rates]))
        x = np.log(np.array([size(weights) for size in sizes]))
        x -= x.mean(axis=0)
        return (x * y).sum(axis=0) / (x * x).sum(axis=0)

    return pooled


def _senders(session: Session) -> int:
    return len(np.unique(session.of_kind(J_MESSAGE)["viewer_id"]))


@measures("messages_per_sender")
def messages_per_sender(world: World) -> Pooled:
    """Return messages per viewer who writes at all."""
    sessions = world["as it is"]
    return ratio([session.total("messages") for session in sessions], [_senders(session) for session in sessions])


@measures("sender_share")
def sender_share(world: World) -> Pooled:
    """Return the percentage of entries that write at least once."""
    sessions = world["as it is"]
    return ratio([_senders(session) for session in sessions], [session.total("entered") for session in sessions], 100.0)


@measures("chat_fano")
def chat_fano(world: World) -> Pooled:
    """Return the variance over the mean of messages per 10 s, mean of sessions."""
    found = []
    for session in world["as it is"]:
        edges = np.arange(0.0, session.seen_s + 1e-9, BIN_S)
        found.append(fano(np.histogram(session.of_kind(J_MESSAGE)["time_s"], edges)[0]))
    return mean(found)


@measures("chat_branching")
def chat_branching(world: World) -> Pooled:
    """Return the branching ratio of a Hawkes process fitted to the messages of each session, mean of sessions."""
    return mean([branching(session.of_kind(J_MESSAGE)["time_s"], session.seen_s) for session in world["as it is"]])


def branching(times_s: np.ndarray, end_s: float) -> float:
    """Return the maximum likelihood branching ratio n of messages at `times_s` in [0, end_s].

    Intensity: base(t) + n b sum exp(-b (t - t_i)), base constant in quarters of an hour. Given n and b the base is
    profiled by its first-order condition, expected background messages of a piece = those not attributed to others,
    which keeps the search two-dimensional. NaN below 100 messages.
    """
    times = np.sort(times_s)
    if len(times) < 100:
        return float("nan")
    piece = np.minimum((times / PIECE_S).astype(int), int(np.ceil(end_s / PIECE_S)) - 1)
    lengths = np.minimum(PIECE_S, end_s - PIECE_S * np.arange(piece.max() + 1))
    counts = np.bincount(piece, minlength=len(lengths)).astype(float)

    def loss(parameters: np.ndarray) -> float:
        n, b = 1.0 / (1.0 + np.exp(-parameters[0])), np.exp(parameters[1])
        excited = n * b * decayed(times, b)
        base = counts * (1.0 - n) / lengths
        for _ in range(30):  # expectation-maximisation of the base alone
            own = base[piece] / (base[piece] + excited)
            base = np.bincount(piece, weights=own, minlength=len(lengths)) / lengths
        caused = n * (1.0 - np.exp(-b * (end_s - times))).sum()
        return float((base * lengths).sum() + caused - np.log(base[piece] + excited).sum())

    bounds = [(-6.0, 3.0), (-np.log(KERNELS_S[1]), -np.log(KERNELS_S[0]))]
    options = {"xatol": 1e-2, "fatol": 1e-2}
    best = minimize(loss, np.array([-1.0, -np.log(15.0)]), method="Nelder-Mead", bounds=bounds, options=options)
    return float(1.0 / (1.0 + np.exp(-best.x[0])))


def decayed(times: np.ndarray, b: float) -> np.ndarray:
    """Return sum over earlier times of exp(-b (t - t_i)), (n,): the recursion of Ozaki 1979."""
    out = np.zeros(len(times))
    carry = 0.0
    for i, factor in enumerate(np.exp(-b * np.diff(times)).tolist(), start=1):
        carry = factor * (1.0 + carry)
        out[i] = carry
    return out


@measures("moderation_load")
def moderation_load(world: World) -> Pooled:
    """Return the percentage of messages that the desk takes down."""
    return ledger_ratio(world["as it is"], "removed", "messages", 100.0)


@measures("poll_response")
def poll_response(world: World) -> Pooled:
    """Return the percentage of those present at the opening who vote in a poll or play a quiz."""
    names = [kind.name for kind in world.scenario.interactions.kinds]
    kinds = [names.index(name) for name in ("poll", "quiz") if name in names]
    found = [voters_and_present(session, kinds) for session in world["as it is"]]
    return ratio([voters for voters, _ in found], [present for _, present in found], 100.0)


def voters_and_present(session: Session, kinds: Sequence[int]) -> tuple[int, int]:
    """Return who took part having entered before the decision of an opening, and who was there when it began.

    Summed over all uses of the kinds. Those who enter while it is open may take part too; they count as neither.
    """
    part = session.of_kind(J_PARTICIPATE)
    entered_s = dict(zip(session.stays.viewer_id.tolist(), session.stays.entered_s.tolist(), strict=True))
    voters = present = 0
    for kind in kinds:
        is_open = session.on[:, 2] == kind
        for first in np.flatnonzero(is_open & ~np.concatenate([[False], is_open[:-1]])):
            length = np.argmin(np.append(is_open[first:], False))
            begin_s, end_s = first * session.decision_s, (first + length) * session.decision_s
            chosen = (part["value"] == kind) & (part["time_s"] >= begin_s) & (part["time_s"] < end_s)
            voters += sum(entered_s[viewer] < begin_s for viewer in part["viewer_id"][chosen].tolist())
            present += int(session.viewers[first - 1]) if first > 0 else 0
    return voters, present
