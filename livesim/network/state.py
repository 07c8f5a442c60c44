"""What the network knows of every viewer and every edge, as arrays of a batch of rooms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from livesim.compiled import inlined

MEMORY = 7
WINDOW = 128  # segments whose time of announcement is kept; a power of 2
FRESH = 32  # newest segments that an edge may not have yet, a power of 2; older ones are in every cache
WORKERS = 16  # most workers that transcode
RUNGS = 32  # most rungs of a ladder
QOE_BINS = 256  # of the histogram of experience, from minus to plus the highest bitrate

# What became of a room's downloads in a tick: see NetworkState.tally.
TALLY = ("downloads", "download_s", "abandoned", "origin_misses", "switch_mbps")
DOWNLOADS, DOWNLOAD_S, ABANDONED, ORIGIN_MISSES, SWITCH_MBPS = range(len(TALLY))


class NetworkState(NamedTuple):
    """Arrays of R rooms, V viewer slots, E edges, L rungs. Times are absolute seconds of the room's clock.

    Playback is stored as the time at which the buffer runs dry at the present playback rate, so that a viewer
    who only plays needs no work at all. Outputs are rewritten by every `advance`, for viewers alive in that
    tick.
    """

    # player, (R, V)
    event_s: np.ndarray  # float64: first bit of the segment being fetched; inf = gave up
    dry_s: np.ndarray  # float64: when the buffer runs dry; inf = no frame shown yet
    gave_up_s: np.ndarray  # float32, output: start-up delay at which they leave; inf = started or never would
    delay_s: np.ndarray  # float32: from the request to the first bit of the segment being fetched
    left_kbit: np.ndarray  # float32: rest of the segment being fetched; UNKNOWN, DUE: see `origin`
    rate: np.ndarray  # float32: playback rate, 1 = normal
    memory: np.ndarray  # (R, V, MEMORY) float32: what the rule remembers of downloads, see `rules`
    segment: np.ndarray  # int32: index of the segment being fetched
    next_rung: np.ndarray  # int8: its rung
    since_look: np.ndarray  # (R, V, 2) uint8: time and kbit since it was looked at, in 255ths of what must go by
    # line, (R, V)
    rtt_s: np.ndarray  # float32
    phase_s: np.ndarray  # float32: how much later than others this viewer learns of a segment
    gain: np.ndarray  # float32: factor on the trace
    offset_s: np.ndarray  # uint16: start in the trace
    trace: np.ndarray  # int32: index in the TraceBank
    edge: np.ndarray  # int8: home edge
    # experience since the decision began, (R, V)
    qoe_mbit: np.ndarray  # float32: linear form, see `qoe`
    qoe_live_mbit: np.ndarray  # float32: live form
    stalled: np.ndarray  # uint8: 1 after a stall
    # outputs of the last tick, (R, V)
    rung: np.ndarray  # int8: rung of the newest segment received
    skips: np.ndarray  # int8: jumps to the live edge in this tick
    stall_s: np.ndarray  # float32: seconds of this tick with an empty buffer after the first frame
    played_s: np.ndarray  # float32: seconds of this tick with a moving picture
    startup_s: np.ndarray  # float32: delay of the first frame; before it, time waited so far
    latency_s: np.ndarray  # float32: age of the picture at the end of the tick; 0 before the first frame
    # edges, (R, E) float64
    capacity_kbps: np.ndarray  # rented capacity included
    capacity_factor: np.ndarray  # what incidents leave of it
    edge_until: np.ndarray  # (R, E): cumulative share of viewers by home edge, last = 1
    up: np.ndarray  # (R, E) bool
    route: np.ndarray  # (R, E) int8: edge that served each edge's viewers in the last tick; -1 none
    level_kbps: np.ndarray  # last fair share; inf = nobody was limited
    sent_kbit: np.ndarray  # this tick
    utilisation: np.ndarray  # sent / (effective capacity * tick), 0 for an edge that is down
    asked_s: np.ndarray  # (R, E, FRESH, L): earliest request for segment k (slot k % FRESH); inf = none
    # room
    tally: np.ndarray  # (R, len(TALLY)) float64, output: downloads of this tick
    qoe_from_s: np.ndarray  # (R,) float64: start of the decision
    qoe_viewers: np.ndarray  # (R, QOE_BINS) int32: viewers who left in this decision, by experience
    # publishing pipeline, (R,) where nothing else is said; segment k is at place k % WINDOW
    cap_rung: np.ndarray  # int8: highest rendition offered, and made
    published_s: np.ndarray  # (R, WINDOW) float64: when the origin announces a segment, before the viewer's phase
    published_upto: np.ndarray  # int64: first segment whose time is not known yet
    uplink_up: np.ndarray  # bool
    transcode_speed: np.ndarray  # float64: 1 is normal
    enhance: np.ndarray  # bool: image enhancement is on
    upload_s: np.ndarray  # float64: media time that has left the camera
    upload_at_s: np.ndarray  # float64: when that was so
    uploaded_s: np.ndarray  # (R, WINDOW) float64: when a segment reached the transcoder
    uploaded_upto: np.ndarray  # int64: first segment that has not
    rung_work: np.ndarray  # (R, RUNGS) float64: share of each rung in the work on a segment
    rung_next: np.ndarray  # int64: rung of segment published_upto that comes next
    complexity: np.ndarray  # float64: work on segment published_upto over its mean, once it is begun
    ready_s: np.ndarray  # float64: end of the last rendition that was begun
    worker_free_s: np.ndarray  # (R, WORKERS) float64


def allocate(R: int, V: int, E: int, L: int) -> NetworkState:
    """Return the state of R empty rooms with V viewer slots, E edges of no capacity, all up, and L rungs."""
    viewers = (R, V)

    def zeros(dtype: type) -> np.ndarray:
        return np.zeros(viewers, dtype)

    return NetworkState(
        event_s=np.full(viewers, np.inf),
        dry_s=np.full(viewers, np.inf),
        gave_up_s=np.full(viewers, np.inf, np.float32),
        delay_s=zeros(np.float32),
        left_kbit=zeros(np.float32),
        rate=np.ones(viewers, np.float32),
        memory=np.zeros((R, V, MEMORY), np.float32),
        segment=zeros(np.int32),
        next_rung=zeros(np.int8),
        since_look=np.zeros((R, V, 2), np.uint8),
        rtt_s=zeros(np.float32),
        phase_s=zeros(np.float32),
        gain=np.ones(viewers, np.float32),
        offset_s=zeros(np.uint16),
        trace=zeros(np.int32),
        edge=zeros(np.int8),
        qoe_mbit=zeros(np.float32),
        qoe_live_mbit=zeros(np.float32),
        stalled=zeros(np.uint8),
        rung=zeros(np.int8),
        skips=zeros(np.int8),
        stall_s=zeros(np.float32),
        played_s=zeros(np.float32),
        startup_s=zeros(np.float32),
        latency_s=zeros(np.float32),
        capacity_kbps=np.zeros((R, E)),
        capacity_factor=np.ones((R, E)),
        edge_until=np.tile(np.arange(1, E + 1) / E, (R, 1)),
        up=np.ones((R, E), np.bool_),
        route=np.tile(np.arange(E, dtype=np.int8), (R, 1)),
        level_kbps=np.full((R, E), np.inf),
        sent_kbit=np.zeros((R, E)),
        utilisation=np.zeros((R, E)),
        asked_s=np.full((R, E, FRESH, L), np.inf),
        tally=np.zeros((R, len(TALLY))),
        qoe_from_s=np.zeros(R),
        qoe_viewers=np.zeros((R, QOE_BINS), np.int32),
        cap_rung=np.full(R, L - 1, np.int8),
        published_s=np.zeros((R, WINDOW)),
        published_upto=np.zeros(R, np.int64),
        uplink_up=np.ones(R, np.bool_),
        transcode_speed=np.ones(R),
        enhance=np.zeros(R, np.bool_),
        upload_s=np.zeros(R),
        upload_at_s=np.zeros(R),
        uploaded_s=np.zeros((R, WINDOW)),
        uploaded_upto=np.zeros(R, np.int64),
        rung_work=np.zeros((R, RUNGS)),
        rung_next=np.zeros(R, np.int64),
        complexity=np.ones(R),
        ready_s=np.zeros(R),
        worker_free_s=np.zeros((R, WORKERS)),
    )


class Players(NamedTuple):
    """The rows of NetworkState that say how the players of one room are doing, each (V,)."""

    event_s: np.ndarray
    dry_s: np.ndarray
    gave_up_s: np.ndarray
    delay_s: np.ndarray
    left_kbit: np.ndarray
    rate: np.ndarray
    memory: np.ndarray
    segment: np.ndarray
    next_rung: np.ndarray
    since_look: np.ndarray
    rtt_s: np.ndarray
    phase_s: np.ndarray
    gain: np.ndarray
    edge: np.ndarray
    qoe_mbit: np.ndarray
    qoe_live_mbit: np.ndarray
    stalled: np.ndarray
    rung: np.ndarray
    skips: np.ndarray
    stall_s: np.ndarray
    played_s: np.ndarray
    startup_s: np.ndarray
    latency_s: np.ndarray


@inlined
def players_of(net, r):
    """Return the Players of room r."""
    return Players(
        net.event_s[r], net.dry_s[r], net.gave_up_s[r], net.delay_s[r], net.left_kbit[r], net.rate[r], net.memory[r],
        net.segment[r], net.next_rung[r], net.since_look[r], net.rtt_s[r], net.phase_s[r], net.gain[r], net.edge[r],
        net.qoe_mbit[r], net.qoe_live_mbit[r], net.stalled[r], net.rung[r], net.skips[r], net.stall_s[r],
        net.played_s[r], net.startup_s[r], net.latency_s[r],
    )  # fmt: skip
