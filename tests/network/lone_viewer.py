"""Rooms for the tests of the player: the lone viewer of the product, and a crowd of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from livesim import schema
from livesim.network.config import AccessLine, NetworkConfig, PipelineConfig
from livesim.network.edges import open_edges
from livesim.network.player import admit, advance, start_player
from livesim.network.state import NetworkState, allocate
from livesim.network.traces import TraceBank, bank_for
from livesim.randomness import room_key

KEY = np.uint64(0)
AT_ONCE = schema.records([PipelineConfig(transcode_cost=0.0)])[0]  # announces what has been shot and packaged
ON_DEMAND = {"live": False, "rule": "rate", "buffer_cap_s": 25.0}


class Session(NamedTuple):
    """What a viewer saw of the first segments of a film."""

    startup_s: float
    stall_s: float
    stalls: int
    rungs: np.ndarray
    time_s: float


def bank_of(kbps, access: AccessLine | None = None) -> TraceBank:
    """Return a bank with one trace."""
    line = access or AccessLine(name="test")
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
        access_rtt_s=np.array([line.rtt_ms / 1000]),
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


@njit(nogil=True)
def _watch(net, bank, p, pipeline, ladder, alive, entered, segments, rungs):
    """Advance from second to second, and to the end of each download on the way."""
    t, stall, seen, first, stalls, was_dry = 0.0, 0.0, 0, net.segment[0, 0], 0, False
    while seen < segments and t < 50_000.0:
        until = math.floor(t) + 1.0
        begin = max(net.event_s[0, 0], t)
        size = ladder[net.next_rung[0, 0]] * p["segment_s"]
        left = net.left_kbit[0, 0] if net.left_kbit[0, 0] >= 0.0 else size
        at = (int(t) + net.offset_s[0, 0]) % bank.length[0]
        if begin < until and bank.kbps[at] > 0.0:
            until = min(until, begin + left / bank.kbps[at] + 1e-6)
        was_dry = net.dry_s[0, 0] <= t
        advance(net, bank, p, ladder, 0, 1, alive, entered, t, until - t, pipeline, KEY)
        t = until
        stall += net.stall_s[0, 0]
        stalls += net.stall_s[0, 0] > 1e-6 and not was_dry
        if net.segment[0, 0] - first > seen:
            rungs[seen] = net.rung[0, 0]
            seen += 1
    return stall, stalls, t


def watch(config: NetworkConfig, kbps, rtt_s: float, segments: int = 300) -> Session:
    """Play a film to the end of its last download."""
    net, p = lone_room(config, rtt_s)
    rungs = np.zeros(segments, np.int64)
    ladder = np.asarray(config.ladder_kbps, float)
    alive, entered = np.ones((1, 1), bool), np.zeros((1, 1))
    stall, stalls, time_s = _watch(net, bank_of(kbps), p, AT_ONCE, ladder, alive, entered, segments, rungs)
    return Session(float(net.startup_s[0, 0]), stall, stalls, rungs, time_s)


def crowded_room(config: NetworkConfig, viewers: int, seed: int = 1, planned: float | None = None):
    """Return (net, bank, p, ladder, alive, entered) of a room whose viewers enter in its first 30 s."""
    net = allocate(1, viewers, len(config.edge_shares), len(config.ladder_kbps))
    open_edges(net, 0, config, viewers if planned is None else planned)
    bank = bank_for(config)
    p = schema.records([config])[0]
    entered = np.random.default_rng(seed).uniform(0, 30, (1, viewers))
    key = room_key(seed)
    for i in range(viewers):
        admit(net, bank, p, 0, i, key, i, entered[0, i])
    alive = np.ones((1, viewers), bool)
    return net, bank, p, np.asarray(config.ladder_kbps, float), alive, entered
