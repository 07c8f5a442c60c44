"""One viewer alone on one line: the way to understand a trace and a rule.

The viewer is played by the kernels of the room, on an edge that limits nobody, with one segment of a film after the
other there for the asking: what differs from a published single-viewer simulator is then the player and nothing else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from livesim import schema
from livesim.compiled import allocating_kernel
from livesim.errors import TraceError
from livesim.network.config import NetworkConfig
from livesim.network.player import advance, start_player
from livesim.network.state import NetworkState, allocate
from livesim.network.traces import TraceBank

FILM_SEGMENTS = 300
REQUEST_LATENCY_S = 0.08
LONGEST_S = 50_000.0
_AFTER_S = 1e-6  # a step goes that far beyond the end of a download, so that rounding cannot cut it off
_LEAST_STALL_S = 1e-6  # less is rounding, not a stall


class Session(NamedTuple):
    """What a viewer saw of a film, up to the end of its last download."""

    startup_s: float  # from the first request to the first frame
    stall_s: float  # picture stood still after the first frame
    stall_events: int  # changes from playing to standing still
    mean_bitrate_kbps: float  # over the segments
    switch_kbps: float  # sum of |bitrate change| between one segment and the next
    rungs: np.ndarray  # (segments,) int64, rung of each segment
    end_s: float  # when the last download had ended


def watch(config: NetworkConfig, kbps: np.ndarray, rtt_s: float, segments: int = FILM_SEGMENTS) -> Session:
    """Play a film over a line that repeats, from its first second.

    kbps: (T,) one value a second.  rtt_s: wait of every request, >= 0.  segments: length of the film.
    Raises TraceError where the line does not deliver the film in 50,000 s.
    """
    net, p = lone_room(config, rtt_s)
    ladder = np.asarray(config.ladder_kbps, float)
    rungs, stalls = np.zeros(segments, np.int64), np.zeros(segments)
    alive, entered = np.ones((1, 1), bool), np.zeros((1, 1))
    seen, end_s = _play(net, bank_of(kbps), p, ladder, alive, entered, rungs, stalls)
    if seen < segments:
        raise TraceError(f"the line delivers {seen} of {segments} segments in {LONGEST_S:,.0f} s. Give a faster one")
    bitrate = ladder[rungs]
    return Session(
        startup_s=float(net.startup_s[0, 0]),
        stall_s=float(stalls.sum()),
        stall_events=int(np.count_nonzero(stalls > _LEAST_STALL_S)),
        mean_bitrate_kbps=float(bitrate.mean()),
        switch_kbps=float(np.abs(np.diff(bitrate)).sum()),
        rungs=rungs,
        end_s=end_s,
    )


def bank_of(kbps: np.ndarray) -> TraceBank:
    """Return a bank with one trace.  kbps: (T,) one value a second."""
    kbps = np.asarray(kbps, np.float32)
    return TraceBank(
        kbps=kbps,
        start=np.zeros(1, np.int64),
        length=np.array([len(kbps)]),
        mean_kbps=np.array([kbps.mean(dtype=np.float64)]),
        access=np.zeros(1, np.int64),
        access_first=np.zeros(1, np.int64),
        access_count=np.ones(1, np.int64),
        access_until=np.ones(1),
        access_log_sd=np.zeros(1),
        access_rtt_s=np.zeros(1),  # a lone viewer's is given
        rtt_log_sd=np.zeros(1),
    )


def lone_room(config: NetworkConfig, rtt_s: float, viewers: int = 1, edges: int = 1) -> tuple[NetworkState, np.void]:
    """Return a room whose edges limit nobody and viewers, all of edge 0, who request their first segment at 0."""
    net = allocate(1, viewers, edges, len(config.ladder_kbps))
    net.capacity_kbps[:] = 1e15
    net.rtt_s[:] = rtt_s
    p = schema.records([config])[0]
    for i in range(viewers):
        net.gave_up_s[0, i] = np.inf
        start_player(net, p, 0, i, 0.0, 0.0)
    return net, p


@allocating_kernel
def _play(net, bank, p, ladder, alive, entered, rungs, stalls):
    """Advance a lone viewer until all segments have come; return how many did, and the time.

    From second to second, and to the end of each download on the way, so that no two end in one step.
    rungs, stalls: (segments,), written: the rung of each segment and the seconds of stall that it ended. A stall ends
    only with a segment, so there are as many stalls as entries above 0.
    """
    t, seen, first = 0.0, 0, net.segment[0, 0]
    while seen < rungs.shape[0] and t < LONGEST_S:
        until = math.floor(t) + 1.0
        begin = max(net.event_s[0, 0], t)
        size = ladder[net.next_rung[0, 0]] * p["segment_s"]
        left = net.left_kbit[0, 0] if net.left_kbit[0, 0] >= 0.0 else size
        kbps = bank.kbps[int(t) % bank.length[0]]
        if begin < until and kbps > 0.0:
            until = min(until, begin + left / kbps + _AFTER_S)
        advance(net, bank, p, ladder, 0, 1, alive, entered, t, until - t)
        t = until
        stalls[seen] += net.stall_s[0, 0]
        if net.segment[0, 0] - first > seen:
            rungs[seen] = net.rung[0, 0]
            seen += 1
    return seen, t
