"""What the desk does to the room: answers, removals, and the harm of what was missed."""

from __future__ import annotations

from livesim.chat.config import STRICTNESS
from livesim.chat.desk import (
    ANSWERED,
    GIFT_THANKS,
    NOTHING,
    QUESTION,
    REPORT,
    book_queue,
    book_service,
    join,
    leave_queue,
    next_event,
)
from livesim.chat.state import QUEUE
from livesim.compiled import kernel
from livesim.content.state import NEVER
from livesim.ledger import DESK_ANSWERED, DESK_JOBS, DESK_LATE, FALSE_REMOVALS, MODERATION_MISSES, REMOVED
from livesim.randomness import Channel, uniforms

CH_SERVICE, CH_MODERATION = int(Channel.DESK_SERVICE), int(Channel.MODERATION)
LENIENT, NORMAL, STRICT = range(len(STRICTNESS))
TRIES = 4  # draws per viewer to be hurt: slots may be empty


@kernel
def flag_probability(p, strictness, is_toxic):
    """Return the chance that the sensor flags a message. p: DeskConfig record."""
    if strictness == LENIENT:
        return p.flag_toxic_lenient if is_toxic else p.flag_other_lenient
    if strictness == STRICT:
        return p.flag_toxic_strict if is_toxic else p.flag_other_strict
    return p.flag_toxic_normal if is_toxic else p.flag_other_normal


@kernel
def run_desk(alive, viewers, room, waiting, jobs, servers, p, classes, ledger, start_s, end_s):
    """Run the desk through one tick, with everything that its answers and silences do to the room."""
    book_service(servers, ledger, start_s, end_s)
    come_from_ring(alive, viewers, waiting, jobs, room, p, classes, ledger)
    forget_named(waiting, jobs, room, ledger, start_s)
    event = next_event(jobs, servers, room, p, classes, ledger, start_s, end_s)
    while event != NOTHING:
        job = jobs[jobs.shape[0] - 1]
        if job.kind == REPORT:
            _judge(alive, viewers, room, job, p, ledger, event == ANSWERED)
        elif event == ANSWERED:
            _answer(alive, viewers, waiting, job, p)
        elif job.kind == QUESTION and _is_here(alive, viewers, job):
            lower_mood(viewers[job.slot], p.late_mood)
        event = next_event(jobs, servers, room, p, classes, ledger, start_s, end_s)
    book_queue(jobs, room, ledger, start_s, end_s)
    while room.missed_felt < room.missed:
        room.missed_felt += 1
        _hurt(alive, viewers, room, p)


@kernel
def come_from_ring(alive, viewers, waiting, jobs, room, p, classes, ledger):
    """Let the gifts and questions of this tick come to the desk; an asker who is turned away is disappointed."""
    pushed_out = max(room.waiting_next - QUEUE - room.desk_read, 0)
    if classes[GIFT_THANKS].mean_s > 0.0 or classes[QUESTION].mean_s > 0.0:
        ledger[DESK_JOBS] += pushed_out
        ledger[DESK_LATE] += pushed_out
    for number in range(room.desk_read + pushed_out, room.waiting_next):
        entry = waiting[number % QUEUE]
        slot, who = entry.slot, entry.viewer_id
        if join(jobs, room, classes, ledger, entry.kind, slot, who, entry.since_s, number, 0):
            continue
        is_here = alive[slot] and viewers[slot].viewer_id == who
        if entry.kind == QUESTION and classes[QUESTION].mean_s > 0.0 and is_here:
            lower_mood(viewers[slot], p.late_mood)
    room.desk_read = room.waiting_next


@kernel
def forget_named(waiting, jobs, room, ledger, start_s):
    """Take the questions that the host has answered meanwhile off the desk: they count as answered."""
    at = 0
    while at < room.desk_waiting:
        job = jobs[at]
        entry = waiting[job.ring % QUEUE]
        if job.kind == QUESTION and entry.viewer_id == job.viewer_id and entry.since_s == NEVER:
            leave_queue(jobs, room, ledger, at, start_s, start_s)
            ledger[DESK_ANSWERED] += 1.0
        else:
            at += 1


@kernel
def _is_here(alive, viewers, job):
    return alive[job.slot] and viewers[job.slot].viewer_id == job.viewer_id


@kernel
def lower_mood(v, by):
    """Lower a viewer's mood by so much, within its range."""
    v.mood = max(v.mood - by, -2.0)


@kernel
def _answer(alive, viewers, waiting, job, p):
    """Thank or answer in time: mood rises, the viewer counts as named, an answered question waits no longer."""
    entry = waiting[job.ring % QUEUE]
    if job.kind == QUESTION and entry.viewer_id == job.viewer_id and entry.since_s == job.arrive_s:
        entry.since_s = NEVER
    if not _is_here(alive, viewers, job):
        return
    quality = p.bot_quality if job.by_bot else 1.0
    v = viewers[job.slot]
    v.mood = min(v.mood + p.answer_mood * quality, 2.0)
    v.named_until_s = max(v.named_until_s, job.done_s + p.answer_named_s * quality)


@kernel
def _judge(alive, viewers, room, job, p, ledger, in_time):
    """Settle a flagged message: taken down, left standing, or given up on."""
    if not in_time:
        if job.is_toxic:
            miss(room, ledger)
        return
    right = p.bot_right if job.by_bot else p.person_right
    is_right = uniforms(room.key, job.serial, CH_SERVICE, 1)[0] < right
    if (job.is_toxic != 0) != is_right:  # taken for harmless
        if job.is_toxic:
            miss(room, ledger)
        return
    ledger[REMOVED] += 1.0
    if not job.is_toxic:
        ledger[FALSE_REMOVALS] += 1.0
    if not _is_here(alive, viewers, job):
        return
    v = viewers[job.slot]
    if not job.is_toxic:
        lower_mood(v, p.anger_mood)
    elif v.troll and not job.by_bot:
        v.budget_s = 0.0  # thrown out: patience for the room ends now


@kernel
def miss(room, ledger):
    """Note a toxic message that nobody took down; its harm is done at the end of the tick."""
    ledger[MODERATION_MISSES] += 1.0
    room.missed += 1


@kernel
def _hurt(alive, viewers, room, p):
    """Lower the mood of `harm_viewers` viewers present, drawn with replacement by dice of the missed message."""
    wanted = min(int(p.harm_viewers), room.present)
    for draw in range(TRIES * int(p.harm_viewers)):
        if wanted <= 0:
            return
        slot = int(uniforms(room.key, room.missed_felt, CH_MODERATION, draw)[0] * room.high)
        if alive[slot]:
            lower_mood(viewers[slot], p.harm_mood)
            wanted -= 1
