"""The player's rules: which rung next, how fast to play, when to ask. Scalars in, scalars out.

What a rule remembers of a viewer's downloads is their row of NetworkState.memory, MEMORY float32:

    throughput  fast and slow average kbit/s, their weights, fast and slow average latency, downloads
    rate        the last five rates kbit/s, newest first
    stallion    the last five throughputs kbit/s, newest first, mean and variance of latency
    buffer      nothing
"""

from __future__ import annotations

import math
from typing import NamedTuple, get_args

import numpy as np

from livesim.compiled import inlined, kernel
from livesim.network.config import NetworkConfig

_RULES = get_args(NetworkConfig.model_fields["rule"].annotation)
THROUGHPUT, BUFFER, RATE, STALLION = (_RULES.index(name) for name in ("throughput", "buffer", "rate", "stallion"))
_LN2 = math.log(2.0)
_RATES = 5  # downloads that the rate rule and Stallion look back on

# Chebyshev fit of exp(-y) on [0, 1]: relative error below 4e-8, a third of the cost of the library's exp
# here.
_DECAY = (9.99999985e-01, -9.99998488e-01, 4.99975485e-01, -1.66516838e-01,
          4.12265294e-02, -7.65717187e-03, 8.49954604e-04)  # fmt: skip
# 1 / (1 + exp(-x)) at x = -8, -8 + 1/16, ..., 8: read between entries it is exact to 5e-5.
_LOGISTIC = 1.0 / (1.0 + np.exp(-np.linspace(-8.0, 8.0, 257)))
MANY = 64  # downloads after which weights no longer move
_CAUTION = 0.9 ** np.arange(MANY)
# Stallion keeps the mean and variance of latency with the mean age of a window of five: 2 / (5 + 1)
_LATENCY_STEP = 2.0 / (_RATES + 1)


class PlayerNumbers(NamedTuple):
    """The numbers that a room's players need, as scalars: a record would be re-read after each store."""

    segment_s: float
    segments_per_s: float
    cap_s: float
    rule: int
    safety: float
    low_buffer: float
    fast_per_s: float
    slow_per_s: float
    grace_s: float
    too_late_s: float
    rate_sds: float
    latency_sds: float
    reservoir_s: float
    cushion_s: float
    live: bool
    target_s: float
    catch_up: float
    skip_limit_s: float
    publish_s: float
    origin_s: float
    failover_s: float
    top: int
    lowest_kbps: float
    highest_kbps: float


@kernel
def player_numbers(p, ladder_kbps, cap_rung):
    """Return the PlayerNumbers of a NetworkConfig record, a ladder and the highest rung offered."""
    cap = p["buffer_cap_s"]
    highest = ladder_kbps.shape[0] - 1
    return PlayerNumbers(
        p["segment_s"],
        1.0 / p["segment_s"],
        cap,
        int(p["rule"]),
        p["safety"],
        p["low_buffer_safety"],
        _LN2 / p["ewma_fast_s"],
        _LN2 / p["ewma_slow_s"],
        p["abandon_grace_s"],
        p["abandon_segments"] * p["segment_s"],
        p["stallion_rate_sd"],
        p["stallion_latency_sd"],
        p["reservoir_share"] * cap,
        p["cushion_share"] * cap,
        p["live"] > 0.0,
        p["latency_target_s"],
        p["catch_up"],
        p["skip_limit_s"],
        p["segment_s"] + p["ingest_s"] + p["packaging_s"],
        p["origin_s"],
        p["failover_s"],
        max(min(int(cap_rung), highest), 0),
        ladder_kbps[0],
        ladder_kbps[highest],
    )


@inlined
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


@inlined
def decay(y):
    """Return exp(-y) for y >= 0."""
    if y > 1.0:
        return math.exp(-y)
    a0, a1, a2, a3, a4, a5, a6 = _DECAY
    square = y * y
    return (a0 + a1 * y) + square * ((a2 + a3 * y) + square * ((a4 + a5 * y) + square * a6))


@kernel
def fill_latency_steps(q, steps):
    """Fill the step of the fast and the slow latency average at each download.  steps: (2, MANY).

    An average over n downloads with half-life h moves by (1 - keep) / (1 - keep^n) of the way to the newest,
    keep = 2^(-segment / h): the half-lives of throughput, counted in segments.
    """
    for half in range(2):
        keep = decay((q.fast_per_s if half == 0 else q.slow_per_s) * q.segment_s)
        power = 1.0
        for n in range(MANY):
            power *= keep
            steps[half, n] = (1.0 - keep) / (1.0 - power)


@inlined
def note_throughput(q, memory, steps, kbps, took_s, delay_s):
    """Add a download to the averages of throughput and latency.

    kbps: size over transfer time, latency left out.  took_s: transfer time, the weight of the sample.
    Source: Sabre, ThroughputHistory with ewma; averages are kept corrected for their missing past.
    """
    keep_fast, keep_slow = decay(q.fast_per_s * took_s), decay(q.slow_per_s * took_s)
    fast, slow, late, later = float(memory[0]), float(memory[1]), float(memory[4]), float(memory[5])
    known_fast = 1.0 - keep_fast * (1.0 - float(memory[2]))
    known_slow = 1.0 - keep_slow * (1.0 - float(memory[3]))
    n = int(memory[6])
    memory[0] = fast + (1.0 - keep_fast) / known_fast * (kbps - fast)
    memory[1] = slow + (1.0 - keep_slow) / known_slow * (kbps - slow)
    memory[2], memory[3] = known_fast, known_slow
    memory[4] = late + steps[0, n] * (delay_s - late)
    memory[5] = later + steps[1, n] * (delay_s - later)
    memory[6] = min(n + 1, MANY - 1)


@inlined
def throughput_rung(q, ladder_kbps, memory, level_s):
    """Return the highest rung that latency and throughput allow in one segment, and the buffer survives.

    Latency is the higher, throughput the lower of two averages. The next segment must need at most `safety` of the
    throughput in what latency leaves of its length, and at most .9, .81, ... down to `low_buffer_safety` of
    what can be fetched before the buffer, level_s, runs dry.
    Source: Sabre, ThroughputRule with its insufficient buffer rule.
    """
    kbps = min(float(memory[0]), float(memory[1]))
    latency_s = max(float(memory[4]), float(memory[5]))
    caution = max(_CAUTION[int(memory[6])], q.low_buffer)
    share = min(q.safety * (q.segment_s - latency_s), caution * (level_s - latency_s))
    return rung_below(ladder_kbps, kbps * share * q.segments_per_s, q.top)


@kernel
def _push(memory, kbps):
    for m in range(_RATES - 1, 0, -1):
        memory[m] = memory[m - 1]
    memory[0] = kbps


@kernel
def harmonic_estimate(memory, sample_kbps):
    """Put a rate before the last four and return the harmonic mean of those present."""
    _push(memory, sample_kbps)
    total, count = 0.0, 0
    for m in range(_RATES):
        rate = float(memory[m])
        if rate > 0.0:
            total += 1.0 / rate
            count += 1
    return count / total


@kernel
def stallion_estimate(q, memory, kbps, delay_s, is_first):
    """Return the bitrate that Stallion dares: throughput and latency, each on the safe side by some deviations.

        (mean throughput - z sd) * (1 - (mean latency + z' sd) / segment length)

    over the last five downloads; latency has running moments of the same mean age instead of a window, to keep
    a viewer's memory small.  kbps: size over transfer time.
    Source: Gutterman et al., "Stallion: video adaptation algorithm for low-latency video streaming", MMSys
    2020, doi:10.1145/3339825.3397044.
    """
    _push(memory, kbps)
    latency_s, variance = delay_s if is_first else float(memory[5]), float(memory[6])
    off = delay_s - latency_s
    latency_s += _LATENCY_STEP * off
    variance = (1.0 - _LATENCY_STEP) * (variance + _LATENCY_STEP * off * off)
    memory[5], memory[6] = latency_s, variance
    total, squares, count = 0.0, 0.0, 0
    for m in range(_RATES):
        rate = float(memory[m])
        if rate > 0.0:
            total += rate
            squares += rate * rate
            count += 1
    mean = total / count
    sd = math.sqrt(max(squares / count - mean * mean, 0.0))
    dead_s = latency_s + q.latency_sds * math.sqrt(variance)
    return max(mean - q.rate_sds * sd, 0.0) * max(1.0 - dead_s / q.segment_s, 0.0)


@inlined
def next_rung_after(q, ladder_kbps, memory, steps, size_kbit, delay_s, transfer_s, level_s, is_first):
    """Note a finished download and return the rung of the next one.

    delay_s: request to first bit.  level_s: buffer when the next request goes out.  is_first: of the session.
    """
    transfer = max(transfer_s, 1e-6)
    chosen = 0
    if q.rule == THROUGHPUT:
        note_throughput(q, memory, steps, size_kbit / transfer, transfer, delay_s)
        chosen = throughput_rung(q, ladder_kbps, memory, level_s)
    elif q.rule == BUFFER:
        chosen = min(rung_of_buffer(ladder_kbps.shape[0], level_s, q.reservoir_s, q.cushion_s), q.top)
    elif q.rule == STALLION:
        kbps = stallion_estimate(q, memory, size_kbit / transfer, delay_s, is_first)
        chosen = rung_below(ladder_kbps, kbps, q.top)
    elif is_first:
        chosen = rung_below(ladder_kbps, size_kbit / transfer, q.top)
    else:
        kbps = harmonic_estimate(memory, size_kbit / max(delay_s + transfer_s, 1e-6))
        chosen = rung_below(ladder_kbps, kbps, q.top)
    return chosen


@inlined
def rung_below(ladder_kbps, kbps, top):
    """Return the highest rung up to `top` that is not above a rate; 0 where all are."""
    rung = 0
    for above in range(1, top + 1):  # counts, where a search would end in a mispredicted branch
        rung += ladder_kbps[above] <= kbps
    return rung


@kernel
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


@kernel
def fill_quality(ladder_kbps, quality_of):
    """Fill the quality 0..1 of each rung: log bitrate between lowest and highest; 1 for a single rung.  (L,)"""
    rungs = ladder_kbps.shape[0]
    for rung in range(rungs):
        quality_of[rung] = 1.0
        if rungs > 1:
            span = math.log(ladder_kbps[rungs - 1] / ladder_kbps[0])
            quality_of[rung] = math.log(ladder_kbps[rung] / ladder_kbps[0]) / span
