"""When the throughput rule gives a running download up: it looks at it again and again, and may ask for less.

With all media there a download is looked at each time that 50 ms and 12 kbit have gone by since the last look, as in
Sabre, whose results serve as the reference; how much of both has gone by is kept from one network second to the
next in 255ths (`NetworkState.since_look`). Live, it is looked at each 50 ms from its first bit on, which needs no
memory.
"""

from __future__ import annotations

import math

from livesim.compiled import inlined, kernel
from livesim.network.rules import rung_below

LOOK_S, LOOK_KBIT = 0.05, 12.0


@kernel
def look(
    ladder_kbps, memory, since, rung, top, first_bit_s, delay_s, left_kbit, kbps, t, until_s, step_to,
    may_abandon, is_new, is_live, segment_s, safety, grace_s, too_late_s,
):  # fmt: skip
    """Look at a download from t until until_s: return when it is given up and for which rung; -1 where it is not.

    since: (2,) uint8, kept for the next step, from step_to on.  is_new: the download began in this step.  Others
    as in `abandon_at`.
    """
    waited, came = (t - first_bit_s) % LOOK_S, LOOK_KBIT
    if not is_live:
        waited = min(delay_s, LOOK_S) if is_new else since[0] * (LOOK_S / 255.0)
        came = 0.0 if is_new else since[1] * (LOOK_KBIT / 255.0)
    at, lower = -1.0, rung
    if may_abandon:
        look_s = next_look_s(waited, came, kbps, t)
        at, lower = abandon_at(
            ladder_kbps, memory, rung, top, first_bit_s, delay_s, left_kbit, kbps, t, until_s, look_s, is_live,
            segment_s, safety, grace_s, too_late_s,
        )  # fmt: skip
    if not is_live:
        waited, came = since_look(waited, came, kbps, t, step_to)
        since[0] = min(waited * (255.0 / LOOK_S), 255.0) + 0.5
        since[1] = min(came * (255.0 / LOOK_KBIT), 255.0) + 0.5
    return at, lower


@kernel
def abandon_at(
    ladder_kbps, memory, rung, top, first_bit_s, delay_s, left_kbit, kbps, t, until_s, look_s,
    is_live, segment_s, safety, grace_s, too_late_s,
):  # fmt: skip
    """Return when a player gives a download up for a lower rung, and the rung; -1 where it does not by until_s.

    A download that began at first_bit_s, delay_s after its request, and has left_kbit to go at t, comes at
    kbps until until_s. It is looked at from look_s on, each time that 50 ms and, with all media there, 12 kbit
    have gone by, but not before grace_s after the request: where at its mean rate it will have taken more than
    too_late_s, a rung is chosen from that rate; if it is lower, and smaller than what is left, the download is
    abandoned.
    Source: Sabre, ThroughputRule.check_abandon.
    """
    size = ladder_kbps[rung] * segment_s
    if left_kbit <= size * ladder_kbps[0] / ladder_kbps[rung]:
        return -1.0, rung
    latency_s = max(float(memory[4]), float(memory[5]))
    every_s = LOOK_S if is_live else max(LOOK_S, LOOK_KBIT / kbps)
    early_s = first_bit_s - delay_s + grace_s - look_s
    if early_s > 0.0:
        look_s += every_s * math.ceil(early_s / every_s)
    while look_s <= until_s:
        left = left_kbit - kbps * (look_s - t)
        took = look_s - first_bit_s
        if left <= 0.0:
            break
        mean_kbps = (size - left) / took
        if took + delay_s + left / mean_kbps > too_late_s:
            lower = rung_below(ladder_kbps, safety * mean_kbps * (1.0 - latency_s / segment_s), top)
            if lower < rung and size * ladder_kbps[lower] / ladder_kbps[rung] < left:
                return look_s, lower
        look_s += every_s
    return -1.0, rung


@inlined
def next_look_s(waited_s, came_kbit, kbps, t):
    """Return when a download is looked at next: waited_s and came_kbit have gone by since the last look at t."""
    return t + max(LOOK_S - waited_s, (LOOK_KBIT - came_kbit) / kbps, 0.0)


@inlined
def since_look(waited_s, came_kbit, kbps, t, until_s):
    """Return time and kbit since the last look at until_s: as at t, or since a look in between."""
    look_s = next_look_s(waited_s, came_kbit, kbps, t)
    seconds, kbit = until_s - t + waited_s, kbps * (until_s - t) + came_kbit
    if look_s <= until_s:
        seconds = until_s - look_s
        if kbps >= LOOK_KBIT / LOOK_S:
            seconds -= LOOK_S * math.floor(seconds * (1.0 / LOOK_S))
        else:
            every_s = LOOK_KBIT / kbps
            seconds -= every_s * math.floor(seconds / every_s)
        kbit = kbps * seconds
    return seconds, kbit
