"""What a viewer may do besides watching: follow, share, complain, leave and perhaps come back."""

from __future__ import annotations

import math

from livesim.audience.patience import return_probability
from livesim.audience.profile import W_FOLLOW, tell
from livesim.compiled import kernel
from livesim.journal import note
from livesim.ledger import (
    COMPLAINTS,
    COMPLAINTS_EXPECTED,
    FOLLOWS,
    FOLLOWS_EXPECTED,
    J_COMPLAINT,
    J_FOLLOW,
    J_LEAVE,
    J_RETURN,
    J_SHARE,
    LEFT,
    RETURN_EXPECTED,
    RETURN_REALISED,
    SHARES,
)
from livesim.randomness import Channel, exponential, normals, poisson_from, uniforms

CH_SHARE, CH_DELAY = int(Channel.SHARE), int(Channel.SHARE_DELAY)
CH_COMPLAINT, CH_PATIENCE = int(Channel.COMPLAINT), int(Channel.PATIENCE)
MOST_ENTRIES = 63  # of one share


@kernel
def follow_hazard(p, match, start, stop):
    """Return the integral of the follow hazard over the part [start, stop] of a stay, in seconds.

    `follow_entry_prob` within the first 10 s, `follow_minute_prob` within the second minute, `follow_late_prob` per
    half hour from then on, raised by match.
    """
    first = max(min(stop, 10.0) - min(start, 10.0), 0.0) * p.follow_entry_prob / 10.0
    second = max(min(stop, 120.0) - max(start, 60.0), 0.0) * p.follow_minute_prob / 60.0
    late = max(stop - max(start, 120.0), 0.0)
    if late > 0.0:
        late *= p.follow_late_prob / 1800.0 * math.exp(p.follow_match * match)
    return first + second + late


@kernel
def follow(v, room, item, p, factor, ledger, journal, begin, until):
    """Let a viewer become a follower where their clock says so; returns what it showed of their taste."""
    hazard = factor * follow_hazard(p, v.match, begin - v.entered_s, until - v.entered_s)
    ledger[FOLLOWS_EXPECTED] += min(hazard, v.follow_left)
    v.follow_left -= hazard
    if v.follow_left > 0.0:
        return 0.0
    v.follows = 1
    ledger[FOLLOWS] += 1.0
    note(journal, room, until, v.viewer_id, J_FOLLOW, 1.0)
    return tell(v, room, item, W_FOLLOW)


@kernel
def share(v, room, p, ledger, journal, pending_clip, tick, tick_s, engagement, seconds, until):
    """Let a viewer share a clip where their clock says so; it brings Poisson entries after a log-normal delay.

    pending_clip: (T + 1,) entries per tick of the session.
    """
    v.share_left -= p.share_rate_per_h / 3600.0 * math.exp(engagement) * seconds
    while v.share_left <= 0.0:
        v.share_count += 1
        first = int(v.share_count) * (MOST_ENTRIES + 1)
        v.share_left += exponential(room.key, v.viewer_id, CH_SHARE, v.share_count)
        ledger[SHARES] += 1.0
        note(journal, room, until, v.viewer_id, J_SHARE, 1.0)
        entries = poisson_from(uniforms(room.key, v.viewer_id, CH_DELAY, first)[0], p.share_entries)
        for n in range(min(entries, MOST_ENTRIES)):
            z = normals(room.key, v.viewer_id, CH_DELAY, first + 1 + n)[0]
            delay_s = math.exp(p.share_delay_log_mean + p.share_delay_log_sd * z)
            at = tick + 1 + int(min(delay_s / tick_s, 1e6))
            if at < room.ticks:
                pending_clip[at] += 1


@kernel
def complain(v, room, p, ledger, journal, seconds, until):
    """Let an irritated viewer complain where their clock says so."""
    hazard = p.complaint_rate_per_h / 3600.0 * (v.irritation - 0.3) * seconds
    ledger[COMPLAINTS_EXPECTED] += hazard
    v.complaint_left -= hazard
    while v.complaint_left <= 0.0:
        v.complaint_count += 1
        v.complaint_left += exponential(room.key, v.viewer_id, CH_COMPLAINT, v.complaint_count)
        ledger[COMPLAINTS] += 1.0
        note(journal, room, until, v.viewer_id, J_COMPLAINT, 1.0)


@kernel
def earn_return(v, room, p, ledger, journal, leave_s):
    """Book the chance that a viewer comes to a later session, and the coin toss of it; a troll's is worth nothing."""
    if v.troll:
        return
    chance = return_probability(p, v.follows != 0, v.mood, v.irritation, leave_s - v.entered_s)
    ledger[RETURN_EXPECTED] += chance
    if uniforms(room.key, v.viewer_id, CH_PATIENCE, 2)[0] < chance:
        ledger[RETURN_REALISED] += 1.0
        note(journal, room, leave_s, v.viewer_id, J_RETURN, 1.0)


@kernel
def leave(v, room, p, ledger, journal, leave_s):
    """Book the departure of a viewer, with the chance of their coming back."""
    earn_return(v, room, p, ledger, journal, leave_s)
    ledger[LEFT] += 1.0
    note(journal, room, leave_s, v.viewer_id, J_LEAVE, leave_s - v.entered_s)
