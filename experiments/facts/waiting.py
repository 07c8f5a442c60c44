"""Facts about what waiting costs: for the first frame, and for a stalled picture."""

from __future__ import annotations

import numpy as np

from experiments.facts.audience import share_gone
from experiments.facts.measures import matched, measures, totals
from experiments.facts.pooling import Pooled, divided, minus, ratio
from experiments.facts.sessions import Session
from experiments.facts.world import World
from livesim.audience.state import FEED, FOLLOWER


def lost_by(sessions: list[Session], within_s: float) -> Pooled:
    """Return the share of strangers from the feed who are gone after `within_s`."""
    return share_gone(sessions, FEED, within_s)


@measures("startup_slope")
def startup_slope(world: World) -> Pooled:
    """Return the points per second lost between 3 and 8 s of a start that never ends, over a quick one."""
    endless, quick = world["endless start"], world["quick start"]
    late = minus(lost_by(endless, 8.0), lost_by(quick, 8.0))
    early = minus(lost_by(endless, 3.0), lost_by(quick, 3.0))
    return lambda weights: 100.0 * minus(late, early)(weights) / 5.0


@measures("stall_patience_ratio")
def stall_patience_ratio(world: World) -> Pooled:
    """Return how much stalls shorten strangers' stays over how much they shorten followers'.

    Patience burns faster by a factor r, so the mean logarithm of the stay that is lost by minding stalls is mean ln r.
    """
    strangers, followers = (_log_loss(world, source) for source in (FEED, FOLLOWER))

    def rise(loss: Pooled) -> Pooled:
        return lambda weights: np.expm1(loss(weights))

    return divided(rise(strangers), rise(followers))


def _log_loss(world: World, source: int) -> Pooled:
    lost, count = [], []
    for minding, calm in zip(world["many stalls"], world["many stalls not minded"], strict=True):
        a, b = matched(minding, calm)
        ours, theirs = minding.stays, calm.stays
        chosen = (ours.source[a] == source) & ours.has_left[a] & theirs.has_left[b] & (theirs.stay_s[b] > 30.0)
        lost.append(np.log(theirs.stay_s[b][chosen] / ours.stay_s[a][chosen]).sum())
        count.append(chosen.sum())
    return ratio(lost, count)


@measures("stall_cost")
def stall_cost(world: World) -> Pooled:
    """Return the percentage of watch time lost per percent of stalling, both by the same viewers."""
    calm, lost = [], []
    for ours, theirs in zip(world["stalls"], world["stalls not minded"], strict=True):
        a, b = matched(ours, theirs)
        calm.append(theirs.stays.stay_s[b].sum())
        lost.append(calm[-1] - ours.stays.stay_s[a].sum())
    stalls = world["stalls"]
    playing = totals(stalls, "present_s") - totals(stalls, "startup_s")
    return divided(ratio(lost, calm), ratio(totals(stalls, "stall_s"), playing))
