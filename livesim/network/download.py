"""One viewer's downloads inside a network second: they come, are given up, arrive, and the next one is planned."""

from __future__ import annotations

import math

import numpy as np

from livesim.compiled import inlined, kernel
from livesim.network.abandon import look
from livesim.network.origin import DUE, UNKNOWN, announced_s, ask, newest_announced, ready_s
from livesim.network.rules import MANY, THROUGHPUT, catch_up_rate, next_rung_after, throughput_rung
from livesim.network.state import ABANDONED, DOWNLOAD_S, DOWNLOADS, ORIGIN_MISSES, SWITCH_MBPS


@inlined
def receive(q, ladder_kbps, players, origin, steps, tally, e, i, share_kbps, step_from, step_to, entered_s):
    """Let viewer i receive at share_kbps from step_from, or their first bit, to step_to; return kbit received."""
    sent = 0.0
    left = float(players.left_kbit[i])
    t = players.event_s[i]
    while t < step_to:
        rung = players.next_rung[i]
        size = ladder_kbps[rung] * q.segment_s
        if left == DUE:
            left = size
            ready = ready_s(origin, e, players.segment[i], rung, q.origin_s) + float(players.rtt_s[i])
            if q.live and ready > t:  # the edge is still fetching it
                players.delay_s[i] = float(players.delay_s[i]) + (ready - t)
                players.event_s[i] = ready
                t = ready
                continue
        is_new = t >= step_from
        t = max(t, step_from)
        until = t + left / share_kbps
        if q.rule == THROUGHPUT and rung > 0:
            first_bit, delay = players.event_s[i], float(players.delay_s[i])
            time_s = q.too_late_s - delay
            # in time at the present rate, and at the mean rate so far: so at every mean rate in between
            is_late = share_kbps * time_s < size or (size - left) * time_s < size * (t - first_bit)
            if is_late or not q.live:
                at, lower = look(
                    ladder_kbps, players.memory[i], players.since_look[i], rung, q.top, first_bit, delay, left,
                    share_kbps, t, min(until, step_to), step_to, is_late and players.dry_s[i] < math.inf, is_new,
                    q.live, q.segment_s, q.safety, q.grace_s, q.too_late_s,
                )  # fmt: skip
                if at >= 0.0:
                    sent += share_kbps * (at - t)
                    t = _abandon(q, ladder_kbps, players, origin, tally, e, i, lower, at)
                    left = DUE
                    continue
        if until > step_to:
            part = min(share_kbps * (step_to - t), left)
            sent += part
            left -= part
            break
        sent += left
        t, left = _arrive(q, ladder_kbps, players, origin, steps, tally, e, i, until, entered_s)
    players.left_kbit[i] = left
    return sent


@kernel
def _abandon(q, ladder_kbps, players, origin, tally, e, i, lower, at):
    """Give a download up at `at` and ask again; return the new first bit.

    Live, the lower rung is asked for, as in dash.js. With all media there the rule is asked anew, as in Sabre,
    whose results serve as the reference.
    """
    rtt = float(players.rtt_s[i])
    tally[DOWNLOADS] += 1.0
    tally[DOWNLOAD_S] += float(players.delay_s[i]) + (at - players.event_s[i])
    tally[ABANDONED] += 1.0
    if q.live:
        tally[ORIGIN_MISSES] += ask(origin, e, players.segment[i], lower, at)
    else:
        level_s = max(players.dry_s[i] - at, 0.0) * float(players.rate[i])
        memory = players.memory[i]
        memory[6] = min(memory[6] + 1.0, MANY - 1.0)  # the rule grows more cautious with each call
        lower = throughput_rung(q, ladder_kbps, memory, level_s)
    players.next_rung[i] = lower
    players.delay_s[i] = rtt
    players.event_s[i] = at + rtt
    return at + rtt


@inlined
def _arrive(q, ladder_kbps, players, origin, steps, tally, e, i, t, entered_s):
    """Let a segment arrive at t and plan the next request; return its first bit or the earliest, and what is left."""
    dry = players.dry_s[i]
    is_first = dry == math.inf
    got = players.next_rung[i]
    delay, transfer = np.float64(players.delay_s[i]), t - players.event_s[i]
    tally[DOWNLOADS] += 1.0
    tally[DOWNLOAD_S] += delay + transfer
    buffer = 0.0
    if is_first:
        if t - entered_s[i] > float(players.gave_up_s[i]):
            players.event_s[i] = math.inf
            return math.inf, 0.0
        players.gave_up_s[i] = math.inf
        players.startup_s[i] = t - entered_s[i]
    else:
        if dry < t:
            players.stall_s[i] = float(players.stall_s[i]) + (t - dry)
        else:
            buffer = (dry - t) * float(players.rate[i])
        if got != players.rung[i]:
            change = abs(ladder_kbps[got] - ladder_kbps[players.rung[i]]) / 1000.0
            tally[SWITCH_MBPS] += change
            players.qoe_mbit[i] = float(players.qoe_mbit[i]) - q.segment_s * change
            players.qoe_live_mbit[i] = float(players.qoe_live_mbit[i]) - change
    position, buffer, speed, request, skipped = after_segment(
        q, origin, t, buffer + q.segment_s, players.segment[i] + 1
    )
    expected, asks, known = request, math.inf, True
    if q.live:
        known = position < origin.upto
        announced = announced_s(q, origin.published_s, origin.upto, position)
        expected = max(request, announced + float(players.phase_s[i]))
        # a segment of which nothing is known yet ends after this tick
        request = expected if known else max(request, (position + 1) * q.segment_s)
        asks = request if known else math.inf
    level_s = max(buffer - (expected - t) * speed, 0.0)
    chosen = next_rung_after(
        q, ladder_kbps, players.memory[i], steps, ladder_kbps[got] * q.segment_s, delay, transfer, level_s, is_first
    )
    left = ladder_kbps[chosen] * q.segment_s
    if q.live:
        tally[ORIGIN_MISSES] += ask(origin, e, position, chosen, asks)
        if ready_s(origin, e, position, chosen, q.origin_s) > request:
            left = DUE
        left = left if known else UNKNOWN
    players.skips[i] += skipped
    players.rung[i] = got
    players.segment[i] = position
    players.rate[i] = speed
    players.dry_s[i] = t + buffer / speed
    players.next_rung[i] = chosen
    players.delay_s[i] = players.rtt_s[i]
    first_bit = request + float(players.rtt_s[i])
    players.event_s[i] = first_bit
    return first_bit, left


@inlined
def after_segment(q, origin, t, buffer_s, segment):
    """Return what follows a segment that came at t: next segment, buffer, playback rate, request time, skips.

    buffer_s: with the new segment in it.  segment: index of the next one, where nothing is skipped. A viewer
    later than the skip limit drops the buffer and goes on from the target latency, or from the newest segment
    that has been announced where that is older. The request waits for room in the buffer.
    """
    rate = 1.0
    skipped = 0
    if q.live:
        late = t - segment * q.segment_s + buffer_s - q.target_s
        if late > q.skip_limit_s:
            ahead = math.ceil((t - q.target_s) / q.segment_s)
            ahead = min(ahead, newest_announced(q, origin.published_s, origin.upto, t))
            if ahead > segment:
                segment = ahead
                buffer_s, late, skipped = 0.0, 0.0, 1
        # speeding up on a short buffer would only stall again (dash.js stops it below half the live delay)
        if late < 0.0 or buffer_s > 0.5 * q.target_s:
            rate = catch_up_rate(late, q.catch_up)
    over_s = buffer_s + q.segment_s - q.cap_s
    request = t + over_s / rate if over_s > 0.0 else t
    return segment, buffer_s, rate, request, skipped
