"""From camera to edge: when a segment can be asked for, and who waits for the edge to fetch it from the origin.

A player chooses its next segment before it can know when that will be announced. `NetworkState.left_kbit` holds
UNKNOWN until the announcement is known, then DUE until the first bit where the edge may still have to fetch the
segment, else what is left of it.

An edge has no copy of a new segment: the first request for a rendition waits `origin_s` longer, those that come
while it is fetched wait for its end. Requests are noted as soon as their time is known, so that the earliest of
them counts in whatever order players are worked off; only a request made and answered within one network second
can come too late for a neighbour's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from livesim.compiled import inlined, kernel
from livesim.network.state import FRESH, WINDOW

UNKNOWN, DUE = -2.0, -1.0


class Origin(NamedTuple):
    """What one room's origin has announced and its edges have been asked for."""

    published_s: np.ndarray  # (WINDOW,)
    upto: int  # first segment whose announcement is not known
    asked_s: np.ndarray  # (E, FRESH, L)


@inlined
def announced_s(q, published_s, upto, segment):
    """Return when a segment is announced.

    Segments from before the session, those announced too long ago to be remembered, and those of which nothing
    is known yet have their usual time.
    """
    usual = segment * q.segment_s + q.publish_s
    noted = published_s[segment & (WINDOW - 1)]  # read in any case: a branch here would be a coin toss
    return noted if segment >= 0 and upto - WINDOW <= segment < upto else usual


@kernel
def newest_announced(q, published_s, upto, t):
    """Return the index of the newest segment that has been announced by t."""
    segment = upto - 1
    while segment >= 0 and segment >= upto - WINDOW and published_s[segment & (WINDOW - 1)] > t:
        segment -= 1
    if segment < 0:
        segment = min(segment, math.floor((t - q.publish_s) / q.segment_s))
    return segment


@kernel
def forget(asked_s, before, upto):
    """Clear the requests for the segments [before, upto) that have just become known.  asked_s: (E, FRESH, L)."""
    for k in range(max(before, upto - FRESH), upto):
        for e in range(asked_s.shape[0]):
            for rung in range(asked_s.shape[2]):
                asked_s[e, k % FRESH, rung] = math.inf


@inlined
def ask(origin, e, segment, rung, request_s):
    """Note a request at edge e (-1: none is up); return 1.0 where it is the first for this rendition, else 0.0.

    request_s: inf where it is not known yet, which notes nothing.
    """
    is_first = 0.0
    slot = segment & (FRESH - 1)
    earliest = origin.asked_s[e, slot, rung]
    if request_s < earliest and e >= 0 and segment >= 0 and segment >= origin.upto - FRESH:
        origin.asked_s[e, slot, rung] = request_s
        if earliest == math.inf:
            is_first = 1.0
    return is_first


@inlined
def ready_s(origin, e, segment, rung, origin_s):
    """Return when edge e has a rendition that was asked for; -inf where it always had. It can only become earlier."""
    ready = origin.asked_s[e, segment & (FRESH - 1), rung] + origin_s
    return ready if segment >= 0 and segment >= origin.upto - FRESH else -math.inf
