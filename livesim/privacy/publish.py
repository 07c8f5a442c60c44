"""What analytics may publish of a number about viewers: all of it, nothing of a small group, or it with noise.

Every number that comes from viewers passes `published` before logarithms and ratios are taken of it, once per
decision and under one name, so that a ratio cannot tell more than the counts it is made of.

    k_anonymous  a number that comes from fewer than k viewers is hidden; so is everything computed from it. Those
                 who are not counted may be few: a share near 1 still tells that hardly anybody is left out
    laplace      value + unit L / epsilon, L Laplace(0, 1), unit: what one viewer adds at most (a count: 1)

The noise is a function of (room key, name, decision): the same luck for every policy, and the same number when a
decision is looked at twice. One count with noise of scale 1/epsilon is epsilon-differentially private for one viewer
who is in it once (Dwork et al., TCC 2006, doi:10.1007/11681878_14). No budget is kept over names and decisions: who
stays longer is protected less, as basic composition says.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from livesim.compiled import kernel
from livesim.privacy.config import PRIVACY
from livesim.randomness import Channel, uniform

CH_PRIVACY = int(Channel.PRIVACY)
K_ANONYMOUS, LAPLACE = PRIVACY.index("k_anonymous"), PRIVACY.index("laplace")
HIDDEN = math.nan  # arithmetic keeps it, so whatever is computed from a hidden number is hidden


class Look(NamedTuple):
    """Under which rules one room is looked at, and when."""

    mode: int  # index in PRIVACY
    k: float  # viewers
    scale: float  # 1 / epsilon
    key: int  # of the room
    decision: int  # decisions finished


@kernel
def look_at(p, key, decision):
    """Return the rules of a room. p: its record of AnalyticsConfig."""
    return Look(int(p.privacy), p.k, 1.0 / p.epsilon, key, decision)


@kernel
def laplace(key, name, decision):
    """Return a Laplace(0, 1) variate: the inverse of its distribution function at one uniform."""
    u = uniform(key, name, CH_PRIVACY, decision) - 0.5
    size = -math.log(1.0 - 2.0 * abs(u))
    return size if u > 0.0 else -size


@kernel
def published_at(look, name, decision, value, unit, viewers):
    """Return what may be said of a sum over viewers as it was published at `decision`; HIDDEN where nothing may.

    name: which number, one of counts.py.  unit: what one viewer adds at most.  viewers: how many the sum comes from.
    """
    if look.mode == K_ANONYMOUS:
        return value if viewers >= look.k else HIDDEN
    if look.mode == LAPLACE:
        return value + unit * look.scale * laplace(look.key, name, decision)
    return value


@kernel
def published(look, name, value, unit, viewers):
    """Return what may be said now of a sum over viewers."""
    return published_at(look, name, look.decision, value, unit, viewers)


@kernel
def published_count(look, name, count):
    """Return what may be said now of a number of viewers: never below 0."""
    return at_least(published(look, name, float(count), 1.0, count), 0.0)


@kernel
def at_least(value, low):
    """Return value, or low where it is lower; what is hidden stays hidden."""
    return low if value < low else value
