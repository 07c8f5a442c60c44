"""What the network knows of every viewer and every edge, as arrays of a batch of rooms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEMORY = 5
WINDOW = 128  # newest segments whose times are kept
WORKERS = 16  # most workers that transcode
RUNGS = 32  # most rungs of a ladder


class NetworkState(NamedTuple):
    """Arrays of R rooms, V viewer slots, E edges. Times are absolute seconds of the room's clock.

    Playback is stored as the time at which the buffer runs dry at the present playback rate, so that a viewer
    who only plays needs no work at all. Outputs are rewritten by every `advance`, for viewers alive in that
    tick.
    """

    # player, (R, V)
    event_s: np.ndarray  # float64: first bit of the segment being fetched; inf = gave up
    dry_s: np.ndarray  # float64: when the buffer runs dry; inf = no frame shown yet
    gave_up_s: np.ndarray  # float64, output: abandons start-up at this time; inf = started or never would
    left_kbit: np.ndarray  # float32: rest of the segment being fetched
    rate: np.ndarray  # float32: playback rate, 1 = normal
    memory: np.ndarray  # (R, V, MEMORY) float32: throughput rule 2 sums and their weights; rate rule 5 rates
    segment: np.ndarray  # int32: index of the segment being fetched
    next_rung: np.ndarray  # int8: its rung
    # line, (R, V)
    rtt_s: np.ndarray  # float32
    phase_s: np.ndarray  # float32: how much later than others this viewer learns of a segment
    gain: np.ndarray  # float32: factor on the trace
    offset_s: np.ndarray  # int32: start in the trace
    trace: np.ndarray  # int32: index in the TraceBank
    access: np.ndarray  # int8: access type in the TraceBank
    edge: np.ndarray  # int8: home edge
    # outputs of the last tick, (R, V)
    rung: np.ndarray  # int8: rung of the newest segment received
    skips: np.ndarray  # int8: jumps to the live edge in this tick
    stall_s: np.ndarray  # float32: seconds of this tick with an empty buffer after the first frame
    played_s: np.ndarray  # float32: seconds of this tick with a moving picture
    startup_s: np.ndarray  # float32: delay of the first frame; before it, time waited so far
    latency_s: np.ndarray  # float32: age of the picture at the end of the tick; 0 before the first frame
    quality: np.ndarray  # float32: 0..1, log position of `rung` on the ladder; 0 before the first frame
    # edges, (R, E) float64, and room
    capacity_kbps: np.ndarray
    edge_until: np.ndarray  # (R, E): cumulative share of viewers by home edge, last = 1
    up: np.ndarray  # (R, E) bool
    level_kbps: np.ndarray  # last fair share; inf = nobody was limited
    sent_kbit: np.ndarray  # this tick
    utilisation: np.ndarray  # sent / (capacity * tick), 0 for an edge that is down
    publish_wait_s: np.ndarray  # (R,): extra delay of every segment (transcoding pipeline)
    # publishing pipeline, (R,) where nothing else is said; segment k is at place k % WINDOW
    cap_rung: np.ndarray  # int64: highest rendition offered, and made
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
    ready_s: np.ndarray  # float64: end of the last rendition that was begun
    worker_free_s: np.ndarray  # (R, WORKERS) float64


def allocate(R: int, V: int, E: int) -> NetworkState:
    """Return the state of R empty rooms with V viewer slots and E edges of no capacity, all up."""
    viewers = (R, V)

    def zeros(dtype: type) -> np.ndarray:
        return np.zeros(viewers, dtype)

    return NetworkState(
        event_s=np.full(viewers, np.inf),
        dry_s=np.full(viewers, np.inf),
        gave_up_s=np.full(viewers, np.inf),
        left_kbit=zeros(np.float32),
        rate=np.ones(viewers, np.float32),
        memory=np.zeros((R, V, MEMORY), np.float32),
        segment=zeros(np.int32),
        next_rung=zeros(np.int8),
        rtt_s=zeros(np.float32),
        phase_s=zeros(np.float32),
        gain=np.ones(viewers, np.float32),
        offset_s=zeros(np.int32),
        trace=zeros(np.int32),
        access=zeros(np.int8),
        edge=zeros(np.int8),
        rung=zeros(np.int8),
        skips=zeros(np.int8),
        stall_s=zeros(np.float32),
        played_s=zeros(np.float32),
        startup_s=zeros(np.float32),
        latency_s=zeros(np.float32),
        quality=zeros(np.float32),
        capacity_kbps=np.zeros((R, E)),
        edge_until=np.tile(np.arange(1, E + 1) / E, (R, 1)),
        up=np.ones((R, E), np.bool_),
        level_kbps=np.full((R, E), np.inf),
        sent_kbit=np.zeros((R, E)),
        utilisation=np.zeros((R, E)),
        publish_wait_s=np.zeros(R),
        cap_rung=np.zeros(R, np.int64),
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
        ready_s=np.zeros(R),
        worker_free_s=np.zeros((R, WORKERS)),
    )
