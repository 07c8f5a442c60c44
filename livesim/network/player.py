"""The player: admits a viewer and advances everybody of a room, exactly, one network second at a time.

Inside a step (a whole second of the room's clock, or what a tick cuts from it) a viewer's share of line and
edge is constant, and what happens inside is solved at its own time: a download ends or is given up, a wait
ends, the buffer runs dry. Between events a player costs nothing: its buffer is stored as the time at which it
runs dry.

Stall time is counted from the first frame on, and start-up by itself; which share of stall has which denominator
is said in README.md. Each download is counted with the time from its request to its last
bit or its end by abandonment or a dead edge; those cut off by a viewer's departure run on to the end of that tick.

Equations follow Sabre (Spiteri, Sitaraman and Sparacio 2018, doi:10.1145/3204949.3204953) with a request
latency of one rtt for each segment, and dash.js for live playback.
"""

from __future__ import annotations

import math

import numpy as np

from livesim.compiled import allocating_kernel, kernel
from livesim.network.download import receive
from livesim.network.edges import effective_kbps, routes, water_level
from livesim.network.failover import reroute
from livesim.network.origin import DUE, UNKNOWN, Origin, announced_s, ask, ready_s
from livesim.network.qoe import rate_tick
from livesim.network.rules import MANY, fill_latency_steps, player_numbers
from livesim.network.state import ORIGIN_MISSES, players_of
from livesim.randomness import Channel, normals, uniforms

LONGEST_OFFSET_S = 65_536  # viewers start anywhere in the first 18 hours of a trace
_NETWORK = int(Channel.NETWORK)
_STARTUP = int(Channel.STARTUP)


@kernel
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
    net.trace[r, i] = trace
    net.offset_s[r, i] = int(u_offset * min(bank.length[trace], LONGEST_OFFSET_S))
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
        gave_up = p["give_up_free_s"] + u_give_up / p["give_up_per_s"]
    net.gave_up_s[r, i] = gave_up
    start_player(net, p, r, i, now_s, now_s + connect)


@kernel
def start_player(net, p, r, i, entered_s, request_s):
    """Put the player of slot i before its first request, sent at request_s or once the segment is announced.

    Live playback begins with the segment that holds the target latency, or the newest one where announcements
    run late; the stream is up before the doors open, so segments before time 0 exist.
    """
    segment = 0
    if p["live"] > 0.0:
        segment = math.ceil((entered_s - p["latency_target_s"]) / p["segment_s"])
        late_s = _lateness_s(net, p, r)
        if late_s > 0.0:
            usual_s = p["segment_s"] + p["ingest_s"] + p["packaging_s"]
            segment = min(segment, math.floor((entered_s - usual_s - late_s) / p["segment_s"]))
    rung = min(int(p["first_rung"]), max(int(net.cap_rung[r]), 0))
    net.segment[r, i] = segment
    net.next_rung[r, i] = rung
    net.event_s[r, i] = request_s + float(net.rtt_s[r, i])
    net.delay_s[r, i] = net.rtt_s[r, i]
    net.dry_s[r, i] = math.inf
    net.left_kbit[r, i] = UNKNOWN
    net.rate[r, i] = 1.0
    for m in range(net.memory.shape[2]):
        net.memory[r, i, m] = 0.0
    net.rung[r, i] = rung
    net.skips[r, i] = 0
    net.stall_s[r, i] = 0.0
    net.played_s[r, i] = 0.0
    net.startup_s[r, i] = 0.0
    net.latency_s[r, i] = 0.0
    net.qoe_mbit[r, i] = 0.0
    net.qoe_live_mbit[r, i] = 0.0
    net.stalled[r, i] = 0


@kernel
def _lateness_s(net, p, r):
    """Return how much later than usual the newest known announcement is."""
    newest = net.published_upto[r] - 1
    if newest < 0:
        return 0.0
    usual_s = (newest + 1) * p["segment_s"] + p["ingest_s"] + p["packaging_s"]
    return net.published_s[r, newest % net.published_s.shape[1]] - usual_s


@allocating_kernel
def advance(net, bank, p, ladder_kbps, r, high, alive, entered_s, start_s, tick_s):
    """Advance the alive viewers in slots [0, high) of room r to start_s + tick_s, from there or their entry.

    ladder_kbps: (L,) float.  alive: (R, V) bool.  entered_s: (R, V) float64, absolute seconds. What the pipeline can
    announce in the tick must have been published. Writes the outputs of NetworkState.
    """
    end_s = start_s + tick_s
    origin = Origin(net.published_s[r], net.published_upto[r], net.asked_s[r])
    q = player_numbers(p, ladder_kbps, net.cap_rung[r])
    players, tally = players_of(net, r), net.tally[r]
    edges = net.capacity_kbps.shape[1]
    route = np.empty(edges, np.int64)
    routes(net.up[r], route)
    first = np.zeros(edges + 1, np.int64)
    net.stall_s[r, :high] = 0.0
    net.skips[r, :high] = 0
    tally[:] = 0.0
    reroute(q, players, origin, high, alive[r], net.up[r], net.route[r], route, start_s, tally)
    who = _viewers_by_edge(players.edge, alive[r], high, route, first)
    _learn(q, ladder_kbps, players, origin, who, route, tally)
    cell, stop, length = _trace_cells(bank.start, bank.length, net.trace[r], net.offset_s[r], who, start_s)
    lines, active = np.empty(who.shape[0], np.float64), np.empty(who.shape[0], np.uint32)
    steps = np.empty((2, MANY))
    fill_latency_steps(q, steps)
    for e in range(edges):
        begin, end = first[e], first[e + 1]
        capacity = effective_kbps(net, r, e)
        sent, level = _advance_edge(
            q, ladder_kbps, players, origin, steps, tally, e, who[begin:end], cell[begin:end], stop[begin:end],
            length[begin:end], bank.kbps, lines, active, capacity, net.level_kbps[r, e], start_s, end_s, entered_s[r],
        )  # fmt: skip
        net.sent_kbit[r, e] = sent
        net.level_kbps[r, e] = level
        net.utilisation[r, e] = sent / (capacity * tick_s) if capacity > 0.0 else 0.0
    _close_tick(q, ladder_kbps, players, who, entered_s[r], start_s, end_s)


@kernel
def _learn(q, ladder_kbps, players, origin, who, route, tally):
    """Give every request whose announcement has become known its time, and tell the edge."""
    for j in range(who.shape[0]):
        i = who[j]
        if players.left_kbit[i] != UNKNOWN:
            continue
        left = ladder_kbps[players.next_rung[i]] * q.segment_s
        if q.live:
            segment, rtt, e = players.segment[i], float(players.rtt_s[i]), route[players.edge[i]]
            if segment >= origin.upto:
                continue
            rung = min(int(players.next_rung[i]), q.top)  # a rung above the cap is not made any more
            request = announced_s(q, origin.published_s, origin.upto, segment) + float(players.phase_s[i])
            request = max(request, players.event_s[i] - rtt)
            tally[ORIGIN_MISSES] += ask(origin, e, segment, rung, request)
            left = ladder_kbps[rung] * q.segment_s
            if ready_s(origin, e, segment, rung, q.origin_s) > request:
                left = DUE
            players.next_rung[i] = rung
            players.event_s[i] = request + rtt
        players.left_kbit[i] = left


@allocating_kernel
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


@allocating_kernel
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


@kernel
def _advance_edge(
    q, ladder_kbps, players, origin, steps, tally, e, who, cell, stop, length, kbps, lines, active, capacity_kbps,
    level_kbps, start_s, end_s, entered_s,
):  # fmt: skip
    """Advance the viewers of one edge second by second; return kbit sent and the last fair level.

    A second of an edge is: who may receive in it, what their lines carry, the fair level, and then each of
    them.  lines, active: scratch, one entry per viewer.
    """
    count = who.shape[0]
    total_kbit = 0.0
    second = math.floor(start_s)
    step_from = start_s
    passed = np.uint32(0)
    while step_from < end_s:
        step_to = min(second + 1.0, end_s)
        n = 0
        for j in range(count):
            active[n] = j
            n += players.event_s[who[j]] < step_to
        for m in range(n):
            j = active[m]
            at = cell[j] + passed
            while at >= stop[j]:
                at -= length[j]
            lines[m] = players.gain[who[j]] * kbps[at]
        level_kbps = water_level(lines, n, capacity_kbps, level_kbps)
        sent = 0.0
        for m in range(n):
            share = min(lines[m], level_kbps)
            if share <= 0.0:  # 50 ms have gone by since the last look, whatever came
                players.since_look[who[active[m]], 0] = 255
            else:
                i = who[active[m]]
                sent += receive(
                    q, ladder_kbps, players, origin, steps, tally, e, i, share, step_from, step_to, entered_s
                )
        total_kbit += sent
        second += 1.0
        passed += np.uint32(1)
        step_from = step_to
    return total_kbit, level_kbps


@kernel
def _close_tick(q, ladder_kbps, players, who, entered_s, start_s, end_s):
    """Settle every viewer at the end of the tick: stall so far, seconds played, latency, experience."""
    for j in range(who.shape[0]):
        i = who[j]
        dry = players.dry_s[i]
        if dry == math.inf:
            players.startup_s[i] = end_s - entered_s[i]
            players.played_s[i] = 0.0
            continue
        stall = float(players.stall_s[i])
        if dry < end_s:
            stall += end_s - dry
            players.stall_s[i] = stall
            players.dry_s[i] = end_s
            dry = end_s
        begun = max(start_s, entered_s[i] + float(players.startup_s[i]))
        played = max(end_s - begun - stall, 0.0)
        latency, rate = 0.0, float(players.rate[i])
        if q.live:
            latency = end_s - players.segment[i] * q.segment_s + (dry - end_s) * rate
        players.played_s[i] = played
        players.latency_s[i] = latency
        if stall > 0.0:
            players.stalled[i] = 1
        linear, live = rate_tick(q, ladder_kbps[players.rung[i]], played, stall, latency, rate)
        players.qoe_mbit[i] = float(players.qoe_mbit[i]) + linear
        players.qoe_live_mbit[i] = float(players.qoe_live_mbit[i]) + live
