"""The publishing pipeline: uplink, transcoding, packaging; when the origin announces each segment.

The uplink carries the stream while it is shot; after a drop-out it carries what was shot meanwhile as fast as it can.
A segment that has arrived becomes one job per rendition, lowest first, for a first-come-first-served queue with several
workers; it is announced when its last rendition is ready and packaged, never before an older one. Above a load of 1 the
queue, and with it everybody's live latency, grows with slope load - 1.

It is a SimPy queue in all but name, run by a compiled loop over its jobs: as SimPy processes, fifteen jobs in each tick
cost two fifths of a session. The same queue built from SimPy resources, one process per job, lives in `tests/theory`
and gives the same times job by job.
"""

from __future__ import annotations

import math

import numpy as np

from livesim.compiled import kernel
from livesim.network.config import NetworkConfig, PipelineConfig
from livesim.network.origin import forget
from livesim.network.state import NetworkState
from livesim.randomness import Channel, normals

CH_PIPELINE = int(Channel.PIPELINE)


def open_pipeline(net: NetworkState, row: int, config: NetworkConfig, pipeline: PipelineConfig) -> None:
    """Put the pipeline of a room before its first segment."""
    work = np.asarray(config.ladder_kbps) ** pipeline.cost_exponent
    net.rung_work[row, : len(work)] = work / work.sum()
    net.cap_rung[row] = len(work) - 1
    net.enhance[row] = pipeline.enhance


@kernel
def publish(net, pipeline, p, r, key, until_s):
    """Announce every segment of room r whose time can be known at until_s, the end of the coming tick.

    pipeline, p: the room's PipelineConfig and NetworkConfig records.  key: its Philox key. Writes published_s and
    published_upto: every segment whose media end is at most until_s, but for those whose time depends on what is
    still to come, because the uplink is down or the workers are behind. Speed, cap and enhancement reach the
    transcoder with the media, ingest_s late.
    """
    from_s, known_s, before = net.upload_at_s[r], until_s + p.ingest_s, net.published_upto[r]
    upload(net, pipeline, p, r, until_s)
    size = net.uploaded_s.shape[1]
    rungs = net.cap_rung[r] + 1
    while net.published_upto[r] < net.uploaded_upto[r]:
        k = net.published_upto[r]
        if net.rung_next[r] < rungs:
            arrival_s = net.uploaded_s[r, k % size]
            free_s, workers = net.worker_free_s[r], int(pipeline.workers)
            if max(arrival_s, free_s[first_free(free_s, workers)]) > known_s:
                break
            if net.rung_next[r] == 0:
                net.complexity[r] = complexity(pipeline, key, k)
            service_s = net.complexity[r] * mean_transcode_s(net, pipeline, p, r, net.rung_next[r])
            begin_s = next_free(free_s, workers, arrival_s, service_s)
            net.ready_s[r] = max(net.ready_s[r], begin_s + service_s)
            net.rung_next[r] += 1
        if net.rung_next[r] >= rungs:  # also where the cap has just fallen below what was still to come
            net.ready_s[r] = max(net.ready_s[r], from_s)
            net.published_s[r, k % size] = net.ready_s[r] + p.packaging_s
            net.published_upto[r] += 1
            net.rung_next[r] = 0
    forget(net.asked_s[r], before, net.published_upto[r])


@kernel
def upload(net, pipeline, p, r, until_s):
    """Carry on with the upload to until_s and note which segments arrive at the transcoder, and when.

    A fluid queue: media leaves the camera at `uplink_headroom` times the speed of shooting, but never before it is
    shot; nothing leaves while the uplink is down. Where the ring of segments that wait for a transcoder is full, the
    upload waits too.
    """
    begin_s, sent_s = net.upload_at_s[r], net.upload_s[r]
    net.upload_at_s[r] = until_s
    if not net.uplink_up[r]:
        return
    size, k = net.uploaded_s.shape[1], net.uploaded_upto[r]
    room_s = (net.published_upto[r] + size) * p.segment_s
    reach_s = min(until_s, sent_s + pipeline.uplink_headroom * (until_s - begin_s), room_s)
    while (k + 1) * p.segment_s <= reach_s:
        shot_s = (k + 1) * p.segment_s
        net.uploaded_s[r, k % size] = max(shot_s, begin_s + (shot_s - sent_s) / pipeline.uplink_headroom) + p.ingest_s
        k += 1
    net.uploaded_upto[r] = k
    net.upload_s[r] = reach_s


@kernel
def first_free(free_s, servers):
    """Return which of the first so many servers is free first. free_s: (>= servers,) seconds."""
    first = 0
    for k in range(1, servers):
        if free_s[k] < free_s[first]:
            first = k
    return first


@kernel
def next_free(free_s, servers, arrival_s, service_s):
    """Give a job to the server that is free first; return when its service begins.

    Source: Kiefer and Wolfowitz 1955, "On the theory of queues with many servers"; with one server the recursion of
    Lindley 1952.
    """
    who = first_free(free_s, servers)
    begin_s = max(arrival_s, free_s[who])
    free_s[who] = begin_s + service_s
    return begin_s


@kernel
def mean_transcode_s(net, pipeline, p, r, rung):
    """Return the mean seconds that a worker needs for one rendition of a segment, as things stand."""
    work = net.rung_work[r, rung] * pipeline.transcode_cost * p.segment_s
    if net.enhance[r]:
        work *= 1.0 + pipeline.enhance_cost
    return work / net.transcode_speed[r]


@kernel
def complexity(pipeline, key, segment):
    """Return the work on a segment over its mean: log-normal. What is hard to code is so at every rung (assumed)."""
    variance = math.log1p(pipeline.transcode_cv * pipeline.transcode_cv)
    return math.exp(math.sqrt(variance) * normals(key, segment, CH_PIPELINE, 0)[0] - 0.5 * variance)


@kernel
def transcode_load(net, pipeline, p, r):
    """Return the load of the transcoders as things stand: work that comes over work they can do."""
    work = 0.0
    for rung in range(net.cap_rung[r] + 1):
        work += mean_transcode_s(net, pipeline, p, r, rung)
    return work / (pipeline.workers * p.segment_s)


@kernel
def backlog_s(net, p, r):
    """Return how much media has been shot, by the end of the last tick, and not been announced: seconds."""
    return net.upload_at_s[r] - net.published_upto[r] * p.segment_s
