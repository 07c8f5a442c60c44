"""The player's rules: which rung next, how fast to play, when to ask. Scalars in, scalars out."""

from __future__ import annotations

import math
from typing import NamedTuple, get_args

import numpy as np
from numba import njit

from livesim.network.config import NetworkConfig

_RULES = get_args(NetworkConfig.model_fields["rule"].annotation)
THROUGHPUT, BUFFER, RATE = (_RULES.index(name) for name in ("throughput", "buffer", "rate"))
_LN2 = math.log(2.0)

# Chebyshev fit of exp(-y) on [0, 1]: relative error below 4e-8, a third of the cost of the library's exp
# here.
_DECAY = (9.99999985e-01, -9.99998488e-01, 4.99975485e-01, -1.66516838e-01,
          4.12265294e-02, -7.65717187e-03, 8.49954604e-04)  # fmt: skip
# 1 / (1 + exp(-x)) at x = -8, -8 + 1/16, ..., 8: read between entries it is exact to 5e-5.
_LOGISTIC = 1.0 / (1.0 + np.exp(-np.linspace(-8.0, 8.0, 257)))


class PlayerNumbers(NamedTuple):
    """The numbers that a room's players need, as scalars: a record would be re-read after each store."""

    segment_s: float
    cap_s: float
    rule: int
    safety: float
    fast_per_s: float
    slow_per_s: float
    reservoir_s: float
    cushion_s: float
    live: bool
    target_s: float
    catch_up: float
    skip_limit_s: float
    publish_s: float


@njit(cache=True, nogil=True, error_model="numpy")
def player_numbers(p, publish_wait_s):
    """Return the PlayerNumbers of a NetworkConfig record and the room's extra publishing delay."""
    cap = p["buffer_cap_s"]
    return PlayerNumbers(
        p["segment_s"],
        cap,
        int(p["rule"]),
        p["safety"],
        _LN2 / p["ewma_fast_s"],
        _LN2 / p["ewma_slow_s"],
        p["reservoir_share"] * cap,
        p["cushion_share"] * cap,
        p["live"] > 0.0,
        p["latency_target_s"],
        p["catch_up"],
        p["skip_limit_s"],
        p["segment_s"] + p["ingest_s"] + p["packaging_s"] + publish_wait_s,
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def published_s(q, segment, phase_s):
    """Return when a viewer can request a live segment: its end, ingest, transcoding, packaging, phase."""
    return segment * q.segment_s + q.publish_s + phase_s


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def catch_up_rate(late_s, catch_up):
    """Return the playback rate 1 - c + 2c / (1 + exp(-5 late)); late_s: live latency minus its target.

    The logistic is read from a table: the rate is exact to 1e-4 c.
    Source: dash.js default catch-up, with the sign that plays faster when late.
    """
    place = min(max(5.0 * late_s + 8.0, 0.0), 15.999) * 16.0
    cell = np.uint64(place)
    below = _LOGISTIC[cell]
    share = below + (place - cell) * (_LOGISTIC[cell + np.uint64(1)] - below)
    return 1.0 - catch_up + 2.0 * catch_up * share


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def decay(y):
    """Return exp(-y) for y >= 0."""
    if y > 1.0:
        return math.exp(-y)
    a0, a1, a2, a3, a4, a5, a6 = _DECAY
    square = y * y
    return (a0 + a1 * y) + square * ((a2 + a3 * y) + square * ((a4 + a5 * y) + square * a6))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def after_segment(q, t, buffer_s, segment, phase_s):
    """Return what follows a segment that came at t: next segment, buffer, playback rate, request time, skips.

    buffer_s: with the new segment in it.  segment: index of the next one, where nothing is skipped.
    A viewer later than the skip limit drops the buffer and goes on from the target latency.
    """
    rate = 1.0
    skipped = 0
    if q.live:
        late = t - segment * q.segment_s + buffer_s - q.target_s
        if late > q.skip_limit_s:
            segment = max(segment, math.ceil((t - q.target_s) / q.segment_s))
            buffer_s, late, skipped = 0.0, 0.0, 1
        # speeding up on a short buffer would only stall again (dash.js stops it below half the live delay)
        if late < 0.0 or buffer_s > 0.5 * q.target_s:
            rate = catch_up_rate(late, q.catch_up)
    over_s = buffer_s + q.segment_s - q.cap_s
    request = t + over_s / rate if over_s > 0.0 else t
    if q.live:
        request = max(request, published_s(q, segment, phase_s))
    return segment, buffer_s, rate, request, skipped


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def throughput_estimate(fast, slow, known_fast, known_slow, sample_kbps, took_s, q):
    """Add a download to two exponentially weighted averages.

    fast, slow: weighted sums, kbit/s.  known_*: total weight in each, 0 before the first download.  took_s:
    the weight of the sample, s.  Returns the four new values and the safe share of the lower average.
    Source: Sabre and dash.js ThroughputHistory with ewma.
    """
    keep_fast = decay(q.fast_per_s * took_s)
    keep_slow = decay(q.slow_per_s * took_s)
    fast = keep_fast * fast + (1.0 - keep_fast) * sample_kbps
    slow = keep_slow * slow + (1.0 - keep_slow) * sample_kbps
    known_fast = 1.0 - keep_fast * (1.0 - known_fast)
    known_slow = 1.0 - keep_slow * (1.0 - known_slow)
    return fast, slow, known_fast, known_slow, q.safety * min(fast / known_fast, slow / known_slow)


@njit(cache=True, nogil=True, error_model="numpy")
def harmonic_estimate(memory, i, sample_kbps):
    """Put a rate before the last four and return the harmonic mean of those present.  memory: (V, 5)."""
    for m in range(4, 0, -1):
        memory[i, m] = memory[i, m - 1]
    memory[i, 0] = sample_kbps
    total, count = 0.0, 0
    for m in range(5):
        rate = float(memory[i, m])
        if rate > 0.0:
            total += 1.0 / rate
            count += 1
    return count / total


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def rung_below(ladder_kbps, kbps):
    """Return the highest rung not above a rate; 0 where all are."""
    rung = 0
    while rung + 1 < ladder_kbps.shape[0] and ladder_kbps[rung + 1] <= kbps:
        rung += 1
    return rung


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def rung_of_buffer(rungs, level_s, reservoir_s, cushion_s):
    """Return the rung of a buffer level: lowest below the reservoir, top from the cushion, linear between.

    Source: Huang et al., "A buffer-based approach to rate adaptation", SIGCOMM 2014,
    doi:10.1145/2619239.2626296.
    """
    if level_s < reservoir_s:
        return 0
    if level_s >= cushion_s:
        return rungs - 1
    return int((rungs - 1) * (level_s - reservoir_s) / (cushion_s - reservoir_s))


@njit(cache=True, nogil=True, error_model="numpy")
def quality_table(ladder_kbps):
    """Return (L,) quality 0..1 of each rung: log bitrate between lowest and highest; 1 for a single rung."""
    rungs = ladder_kbps.shape[0]
    table = np.ones(rungs, np.float32)
    if rungs > 1:
        span = math.log(ladder_kbps[rungs - 1] / ladder_kbps[0])
        for rung in range(rungs):
            table[rung] = math.log(ladder_kbps[rung] / ladder_kbps[0]) / span
    return table
