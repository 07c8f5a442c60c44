"""The player: admits a viewer and advances everybody of a room, exactly, one network second at a time.

Inside a step (a whole second of the room's clock, or what a tick cuts from it) a viewer's share of line and
edge is constant, and what happens inside is solved at its own time: a download ends, a wait ends, the
buffer runs dry. Between events a player costs nothing: its buffer is stored as the time at which it runs
dry.

Equations follow Sabre (Spiteri, Sitaraman and Sparacio 2018, doi:10.1145/3204949.3204953) with a request
latency of one rtt for each segment, and dash.js for live playback.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from livesim.network.edges import routes, water_level
from livesim.network.rules import (
    BUFFER,
    THROUGHPUT,
    after_segment,
    harmonic_estimate,
    player_numbers,
    published_s,
    quality_table,
    rung_below,
    rung_of_buffer,
    throughput_estimate,
)
from livesim.randomness import Channel, normals, uniforms

_NETWORK = int(Channel.NETWORK)
_STARTUP = int(Channel.STARTUP)


@njit(cache=True, nogil=True, error_model="numpy")
def admit(net, bank, p, r, i, key, viewer_id, now_s):
    """Give slot i of room r to a viewer who enters at now_s: draw line, edge and patience, start the player.

    p: the room's NetworkConfig record.  key: uint64 room key.  now_s: absolute seconds, may lie inside a
    tick. Every draw is a function of (key, viewer_id), so the same viewer has the same line in whatever
    slot.
    """
    u_access, u_trace, u_offset, u_edge = uniforms(key, viewer_id, _NETWORK, 0)
    u_phase, u_connect, _, _ = uniforms(key, viewer_id, _NETWORK, 1)
    z_gain, z_rtt, _, _ = normals(key, viewer_id, _NETWORK, 2)
    u_give_up = uniforms(key, viewer_id, _STARTUP, 0)[0]

    a = 0
    while a < bank.access_until.shape[0] - 1 and u_access >= bank.access_until[a]:
        a += 1
    trace = bank.access_first[a] + int(u_trace * bank.access_count[a])
    sd = bank.access_log_sd[a]
    net.access[r, i] = a
    net.trace[r, i] = trace
    net.offset_s[r, i] = int(u_offset * bank.length[trace])
    net.gain[r, i] = math.exp(sd * z_gain - 0.5 * sd * sd)
    rtt = bank.access_rtt_s[a] * math.exp(bank.rtt_log_sd[0] * z_rtt)
    net.rtt_s[r, i] = rtt
    e = 0
    while e < net.edge_until.shape[1] - 1 and u_edge >= net.edge_until[r, e]:
        e += 1
    net.edge[r, i] = e
    net.phase_s[r, i] = u_phase * p["request_jitter_s"]

    connect = p["connect_s"] * (0.5 + u_connect) + p["connect_rtts"] * rtt
    gave_up = math.inf
    if u_give_up < p["give_up_max"] and p["give_up_per_s"] > 0.0:
        gave_up = now_s + p["give_up_free_s"] + u_give_up / p["give_up_per_s"]
    net.gave_up_s[r, i] = gave_up
    start_player(net, p, r, i, now_s, now_s + connect)


@njit(cache=True, nogil=True, error_model="numpy")
def start_player(net, p, r, i, entered_s, request_s):
    """Put the player of slot i before its first request, sent at request_s or once the segment is published.

    Live playback begins with the segment that holds the target latency; the stream is up before the doors
    open, so segments before time 0 exist.
    """
    segment = 0
    if p["live"] > 0.0:
        segment = math.ceil((entered_s - p["latency_target_s"]) / p["segment_s"])
        q = player_numbers(p, net.publish_wait_s[r])
        request_s = max(request_s, published_s(q, segment, net.phase_s[r, i]))
    rung = int(p["first_rung"])
    net.segment[r, i] = segment
    net.next_rung[r, i] = rung
    net.event_s[r, i] = request_s + net.rtt_s[r, i]
    net.dry_s[r, i] = math.inf
    net.left_kbit[r, i] = -1.0  # not known before advance meets the ladder
    net.rate[r, i] = 1.0
    for m in range(net.memory.shape[2]):
        net.memory[r, i, m] = 0.0
    net.rung[r, i] = rung
    net.skips[r, i] = 0
    net.stall_s[r, i] = 0.0
    net.played_s[r, i] = 0.0
    net.startup_s[r, i] = 0.0
    net.latency_s[r, i] = 0.0
    net.quality[r, i] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def advance(net, bank, p, ladder_kbps, r, high, alive, entered_s, start_s, tick_s):
    """Advance the alive viewers in slots [0, high) of room r to start_s + tick_s, from there or their entry.

    ladder_kbps: (L,) float.  alive: (R, V) bool.  entered_s: (R, V) float64, absolute seconds.
    Writes the outputs of NetworkState.
    """
    q = player_numbers(p, net.publish_wait_s[r])
    edges = net.capacity_kbps.shape[1]
    route = np.empty(edges, np.int64)
    routes(net.up[r], route)
    first = np.zeros(edges + 1, np.int64)
    net.stall_s[r, :high] = 0.0
    net.skips[r, :high] = 0
    who = _viewers_by_edge(net.edge[r], alive[r], high, route, first)
    cell, stop, length = _trace_cells(bank.start, bank.length, net.trace[r], net.offset_s[r], who, start_s)
    for e in range(edges):
        begin, end = first[e], first[e + 1]
        capacity = net.capacity_kbps[r, e] if net.up[r, e] else 0.0
        sent, level = _advance_edge(
            q, ladder_kbps, who[begin:end], cell[begin:end], stop[begin:end], length[begin:end], bank.kbps,
            capacity, net.level_kbps[r, e], start_s, start_s + tick_s, entered_s[r],
            net.event_s[r], net.dry_s[r], net.gave_up_s[r], net.left_kbit[r], net.rate[r], net.memory[r],
            net.segment[r], net.next_rung[r], net.rtt_s[r], net.phase_s[r], net.gain[r],
            net.rung[r], net.skips[r], net.stall_s[r], net.startup_s[r],
        )  # fmt: skip
        net.sent_kbit[r, e] = sent
        net.level_kbps[r, e] = level
        net.utilisation[r, e] = sent / (capacity * tick_s) if capacity > 0.0 else 0.0
    _close_tick(
        q, ladder_kbps, who, entered_s[r], start_s, start_s + tick_s,
        net.dry_s[r], net.rate[r], net.segment[r], net.rung[r], net.stall_s[r], net.startup_s[r],
        net.played_s[r], net.latency_s[r], net.quality[r],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _viewers_by_edge(edge, alive, high, route, first):
    """Return the alive slots grouped by serving edge: those of edge e at first[e]:first[e + 1]."""
    edges = route.shape[0]
    serving = np.maximum(route, 0)  # where all edges are down, the first serves its nothing
    for i in range(high):
        first[serving[edge[i]] + 1] += alive[i]
    for e in range(edges):
        first[e + 1] += first[e]
    place = first.copy()
    who = np.empty(first[edges], np.uint32)
    for i in range(high):
        if alive[i]:
            e = serving[edge[i]]
            who[place[e]] = i
            place[e] += 1
    return who


@njit(cache=True, nogil=True, error_model="numpy")
def _trace_cells(bank_start, bank_length, trace, offset_s, who, start_s):
    """Return for each viewer the cell of the second of start_s, and the end and length of the trace."""
    count = who.shape[0]
    cell = np.empty(count, np.uint32)
    stop = np.empty(count, np.uint32)
    length = np.empty(count, np.uint32)
    second = np.uint32(math.floor(start_s))
    for j in range(count):
        which = trace[who[j]]
        begin, cells = bank_start[which], bank_length[which]
        cell[j] = begin + np.int64((second + np.uint32(offset_s[who[j]])) % np.uint32(cells))
        stop[j] = begin + cells
        length[j] = cells
    return cell, stop, length


@njit(cache=True, nogil=True, error_model="numpy")
def _advance_edge(
    q, ladder_kbps, who, cell, stop, length, kbps, capacity_kbps, level_kbps, start_s, end_s, entered_s,
    event_s, dry_s, gave_up_s, left_kbit, rate, memory, segment, next_rung, rtt_s, phase_s, gain,
    rung, skips, stall_s, startup_s,
):  # fmt: skip
    """Advance the viewers of one edge second by second; return kbit sent and the last fair level.

    A second of an edge is: who may receive in it, what their lines carry, the fair level, and then each of
    them. The arrays come one by one because an attribute of a NamedTuple costs a reference count at each
    use, which took nine tenths of the time.
    """
    count = who.shape[0]
    lines = np.empty(count, np.float64)
    active = np.empty(count, np.uint32)
    total_kbit = 0.0
    second = math.floor(start_s)
    step_from = start_s
    passed = np.uint32(0)
    while step_from < end_s:
        step_to = min(second + 1.0, end_s)
        n = 0
        for j in range(count):
            active[n] = j
            n += event_s[who[j]] < step_to
        for m in range(n):
            j = active[m]
            at = cell[j] + passed
            while at >= stop[j]:
                at -= length[j]
            lines[m] = gain[who[j]] * kbps[at]
        level_kbps = water_level(lines, n, capacity_kbps, level_kbps)
        sent = 0.0
        for m in range(n):
            i = who[active[m]]
            share = min(lines[m], level_kbps)
            left = float(left_kbit[i])
            if left < 0.0:
                left = ladder_kbps[next_rung[i]] * q.segment_s
            t = max(event_s[i], step_from)
            while t < step_to and share > 0.0:
                took = left / share
                if t + took > step_to:
                    part = min(share * (step_to - t), left)
                    sent += part
                    left -= part
                    break
                sent += left
                t += took
                # a segment has arrived
                dry = dry_s[i]
                is_first = dry == math.inf
                buffer = 0.0
                if is_first:
                    if t > gave_up_s[i]:
                        event_s[i] = math.inf
                        left = 0.0
                        break
                    gave_up_s[i] = math.inf
                    startup_s[i] = t - entered_s[i]
                elif dry < t:
                    stall_s[i] += t - dry
                else:
                    buffer = (dry - t) * rate[i]
                got = next_rung[i]
                position, buffer, speed, request, skipped = after_segment(
                    q, t, buffer + q.segment_s, segment[i] + 1, float(phase_s[i])
                )
                rtt = float(rtt_s[i])
                chosen = 0
                if q.rule == BUFFER:
                    level_s = max(buffer - (request - t) * speed, 0.0)
                    chosen = rung_of_buffer(ladder_kbps.shape[0], level_s, q.reservoir_s, q.cushion_s)
                else:
                    size = ladder_kbps[got] * q.segment_s
                    transfer = t - event_s[i]
                    if q.rule == THROUGHPUT:
                        took = max(rtt + transfer, 1e-6)
                        fast, slow = float(memory[i, 0]), float(memory[i, 1])
                        known_fast, known_slow = float(memory[i, 2]), float(memory[i, 3])
                        fast, slow, known_fast, known_slow, estimate = throughput_estimate(
                            fast, slow, known_fast, known_slow, size / took, took, q
                        )
                        memory[i, 0], memory[i, 1] = fast, slow
                        memory[i, 2], memory[i, 3] = known_fast, known_slow
                    elif is_first:
                        estimate = size / max(transfer, 1e-6)
                    else:
                        estimate = harmonic_estimate(memory, i, size / max(rtt + transfer, 1e-6))
                    chosen = rung_below(ladder_kbps, estimate)
                skips[i] += skipped
                rung[i] = got
                segment[i] = position
                rate[i] = speed
                dry_s[i] = t + buffer / speed
                next_rung[i] = chosen
                event_s[i] = request + rtt
                left = ladder_kbps[chosen] * q.segment_s
                t = request + rtt
            left_kbit[i] = left
        total_kbit += sent
        second += 1.0
        passed += np.uint32(1)
        step_from = step_to
    return total_kbit, level_kbps


@njit(cache=True, nogil=True, error_model="numpy")
def _close_tick(
    q, ladder_kbps, who, entered_s, start_s, end_s,
    dry_s, rate, segment, rung, stall_s, startup_s, played_s, latency_s, quality,
):  # fmt: skip
    """Settle every viewer at the end of the tick: stall so far, seconds played, latency, quality."""
    quality_of = quality_table(ladder_kbps)
    for j in range(who.shape[0]):
        i = who[j]
        dry = dry_s[i]
        if dry == math.inf:
            startup_s[i] = end_s - entered_s[i]
            played_s[i] = 0.0
            continue
        stall = float(stall_s[i])
        if dry < end_s:
            stall += end_s - dry
            stall_s[i] = stall
            dry_s[i] = end_s
            dry = end_s
        begun = max(start_s, entered_s[i] + startup_s[i])
        played_s[i] = max(end_s - begun - stall, 0.0)
        quality[i] = quality_of[rung[i]]
        if q.live:
            latency_s[i] = end_s - segment[i] * q.segment_s + (dry - end_s) * rate[i]
