"""The desk as a queue: who waits, who is served, who gives up, event by event inside a tick.

A non-preemptive queue with several servers, impatient jobs and a bounded waiting room, under one of three disciplines.
It is a SimPy queue in all but name, run by a compiled loop over its events: a SimPy process per job would cut every
tick of the room at every job, and cost more than the room. The same queue built from SimPy resources, one process per
job, lives in `tests/theory` and gives the same times job by job.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np

from livesim.chat.config import JOBS, DeskClass, DeskConfig
from livesim.compiled import kernel
from livesim.ledger import DESK_ANSWERED, DESK_BUSY_S, DESK_JOBS, DESK_LATE, DESK_QUEUE_S, DESK_WAIT_S
from livesim.randomness import Channel, normals
from livesim.schema import records
from livesim.table import Table

CH_SERVICE = int(Channel.DESK_SERVICE)
GIFT_THANKS, QUESTION, REPORT = range(len(JOBS))
FIFO, PRIORITY, DEADLINE = range(len(get_args(DeskConfig.model_fields["discipline"].annotation)))
NOTHING, ANSWERED, GAVE_UP = range(3)  # what `next_event` reports


def class_table(classes: Sequence[DeskClass]) -> Table:
    """Return one record per entry of JOBS, (3,); mean_s 0 marks a class that the scenario does not have."""
    table = np.zeros(len(JOBS), records([DeskClass()]).dtype).view(Table)
    for one in classes:
        table[JOBS.index(one.name)] = records([one])[0]
    return table


@kernel
def join(jobs, room, classes, ledger, kind, slot, viewer_id, arrive_s, ring, is_toxic):
    """Let a job come to the desk at arrive_s; return whether it may wait.

    jobs: (places + 1,) JOB records, those that wait first; the last one is scratch for `next_event`. A job of a class
    that the scenario does not have never came; one that finds no place is turned away and counts as late.
    """
    one = classes[kind]
    if one.mean_s <= 0.0:
        return False
    ledger[DESK_JOBS] += 1.0
    room.desk_serial += 1
    if room.desk_waiting >= jobs.shape[0] - 1:
        ledger[DESK_LATE] += 1.0
        return False
    job = jobs[room.desk_waiting]
    room.desk_waiting += 1
    job.viewer_id = viewer_id
    job.arrive_s = arrive_s
    job.deadline_s = arrive_s + one.patience_s
    job.done_s = 0.0
    job.work = unit_work(room.key, room.desk_serial, one.cv)
    job.serial = room.desk_serial
    job.slot = slot
    job.ring = ring
    job.kind = kind
    job.is_toxic = is_toxic
    job.by_bot = 0
    job.busy = 1
    return True


@kernel
def unit_work(key, serial, cv):
    """Return the work of a job over its mean: log-normal with mean 1 and this coefficient of variation."""
    variance = math.log1p(cv * cv)
    return math.exp(math.sqrt(variance) * normals(key, serial, CH_SERVICE, 0)[0] - 0.5 * variance)


@kernel
def next_event(jobs, servers, room, p, classes, ledger, start_s, end_s):
    """Run the desk to its next answer or its next giving up within (start_s, end_s]; say which, or NOTHING.

    servers: (places + 1,) JOB records: the first `room.desk_servers` are people, the last one is the bot. A person
    beyond that number ends the job in hand and takes no other. The job that the event is about is copied to the last
    record of `jobs`, its time to done_s. Times at which several things happen: answers first, then who gives up.
    """
    event = jobs.shape[0] - 1
    while True:
        done = _first_done(servers)
        late = _first_late(jobs, room.desk_waiting)
        done_s = servers[done].done_s if done >= 0 else math.inf
        late_s = jobs[late].deadline_s if late >= 0 else math.inf
        begin_s = max(_earliest_arrival(jobs, room.desk_waiting), _earliest_idle(servers, room, p), start_s)
        if min(done_s, late_s, begin_s) > end_s:
            return NOTHING
        if done_s <= min(late_s, begin_s):
            servers[done].busy = 0
            jobs[event] = servers[done]
            ledger[DESK_ANSWERED] += 1.0
            return ANSWERED
        if late_s <= begin_s:
            jobs[event] = jobs[late]
            jobs[event].done_s = late_s
            leave_queue(jobs, room, ledger, late, late_s, start_s)
            ledger[DESK_LATE] += 1.0
            return GAVE_UP
        _serve(jobs, servers, room, p, classes, ledger, begin_s, start_s, end_s)


@kernel
def _serve(jobs, servers, room, p, classes, ledger, begin_s, start_s, end_s):
    """Give the job that is next to a server that is free at begin_s, to a person rather than to the bot."""
    at = _next_job(jobs, room.desk_waiting, classes, p.discipline, begin_s)
    bot = servers.shape[0] - 1
    who = 0
    while who < bot and (who >= room.desk_servers or servers[who].busy or servers[who].done_s > begin_s):
        who += 1
    servers[who] = jobs[at]
    server = servers[who]
    server.by_bot = 1 if who == bot else 0
    server.done_s = begin_s + server.work * (p.bot_s if who == bot else classes[server.kind].mean_s)
    leave_queue(jobs, room, ledger, at, begin_s, start_s)
    ledger[DESK_BUSY_S] += min(server.done_s, end_s) - begin_s


@kernel
def leave_queue(jobs, room, ledger, at, time_s, start_s):
    """Take job `at` out of the queue at time_s; the last one takes its place, for its key decides, not its place."""
    arrive_s = jobs[at].arrive_s
    ledger[DESK_WAIT_S] += time_s - arrive_s
    ledger[DESK_QUEUE_S] += time_s - max(arrive_s, start_s)
    room.desk_waiting -= 1
    jobs[at] = jobs[room.desk_waiting]


@kernel
def _next_job(jobs, count, classes, discipline, now_s):
    """Return which of those who have come by now_s is next; the order of coming decides between equals."""
    best, best_key = -1, math.inf
    for at in range(count):
        job = jobs[at]
        if job.arrive_s > now_s:
            continue
        key = 0.0
        if discipline == PRIORITY:
            key = classes[job.kind].priority
        elif discipline == DEADLINE:
            key = job.deadline_s
        if best < 0 or key < best_key or (key == best_key and _came_before(job, jobs[best])):
            best, best_key = at, key
    return best


@kernel
def _came_before(one, other):
    return one.arrive_s < other.arrive_s or (one.arrive_s == other.arrive_s and one.serial < other.serial)


@kernel
def _first_done(servers):
    best, best_s = -1, math.inf
    for who in range(servers.shape[0]):
        if servers[who].busy and servers[who].done_s < best_s:
            best, best_s = who, servers[who].done_s
    return best


@kernel
def _first_late(jobs, count):
    best, best_s = -1, math.inf
    for at in range(count):
        if jobs[at].deadline_s < best_s:
            best, best_s = at, jobs[at].deadline_s
    return best


@kernel
def _earliest_arrival(jobs, count):
    earliest = math.inf
    for at in range(count):
        earliest = min(earliest, jobs[at].arrive_s)
    return earliest


@kernel
def _earliest_idle(servers, room, p):
    """Return since when the first idle server has been idle; inf where all are busy."""
    earliest, bot = math.inf, servers.shape[0] - 1
    for who in range(bot + 1):
        on_duty = p.bot > 0.0 if who == bot else who < room.desk_servers
        if on_duty and not servers[who].busy:
            earliest = min(earliest, servers[who].done_s)
    return earliest


@kernel
def book_service(servers, ledger, start_s, end_s):
    """Book what the services that are under way at start_s keep busy of the time to end_s."""
    for who in range(servers.shape[0]):
        if servers[who].busy:
            ledger[DESK_BUSY_S] += min(servers[who].done_s, end_s) - start_s


@kernel
def book_queue(jobs, room, ledger, start_s, end_s):
    """Book what those who still wait at end_s have waited since start_s."""
    for at in range(room.desk_waiting):
        ledger[DESK_QUEUE_S] += end_s - max(jobs[at].arrive_s, start_s)
