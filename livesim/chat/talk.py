"""The room's chat as a Hawkes process, event by event inside a tick, and who said what."""

from __future__ import annotations

import math

import numpy as np

from livesim.audience.profile import tell
from livesim.chat.desk import QUESTION, REPORT, join
from livesim.chat.moderation import flag_probability, miss
from livesim.chat.state import BURST, QUEUE
from livesim.compiled import allocating_kernel, kernel
from livesim.journal import note
from livesim.ledger import (
    FLAGGED,
    J_MESSAGE,
    MESSAGES,
    MESSAGES_EXPECTED,
    QUESTIONS,
    SENTIMENT_SUM,
    THROTTLED,
    TOXIC,
)
from livesim.randomness import Channel, exponential, normals, uniforms

CH_CLOCK, CH_SENDER, CH_CLASS = int(Channel.CHAT_CLOCK), int(Channel.CHAT_SENDER), int(Channel.MESSAGE_CLASS)


@kernel
def base_rate(p, viewers):
    """Return spontaneous messages per second of a room: N mu0 min(1, (N / knee)^exponent)."""
    if viewers <= 0:
        return 0.0
    falling = min(1.0, (viewers / p.size_knee) ** p.size_exponent)
    return viewers * p.base_per_viewer_min / 60.0 * falling


@kernel
def chat_times(room, p, rate, start_s, tick_s, times):
    """Fill `times` with the messages of one tick; return (count, compensator).

    The intensity rate + eta/kernel S(t), S decaying with `kernel_s` and rising by 1 per message, is integrated
    exactly; a message falls where the integral meets the next unit-exponential threshold of the room's clock.
    """
    decay, gain = 1.0 / p.kernel_s, p.branching
    t, n, integral = 0.0, 0, 0.0
    s, left = room.excitation, room.chat_left
    while True:
        rest = tick_s - t
        whole = rate * rest + gain * s * (1.0 - math.exp(-decay * rest))
        if whole < left or n >= BURST:
            room.chat_left = left - whole
            room.excitation = s * math.exp(-decay * rest)
            return n, integral + whole
        x = _time_to(left, rate, gain * s, decay, rest)
        integral += left
        t += x
        s = s * math.exp(-decay * x) + 1.0
        times[n] = start_s + t
        n += 1
        room.messages += 1
        left = exponential(room.key, 0, CH_CLOCK, room.messages)


@kernel
def _time_to(left, rate, jump, decay, rest):
    """Return x in [0, rest] with rate x + jump (1 - exp(-decay x)) = left, by safeguarded Newton."""
    low, high = 0.0, rest
    x = min(rest, left / max(rate + jump * decay, 1e-12))
    for _ in range(40):
        fall = math.exp(-decay * x)
        error = rate * x + jump * (1.0 - fall) - left
        if error > 0.0:
            high = x
        else:
            low = x
        step = error / max(rate + jump * decay * fall, 1e-12)
        if abs(step) < 1e-9:
            break
        x -= step
        if not low <= x <= high:
            x = 0.5 * (low + high)
    return min(max(x, 0.0), rest)


@kernel
def wait_for_answer(waiting, room, kind, slot, viewer_id, now_s):
    """Put a gift or question into the ring of those not yet answered; the oldest falls out when it is full.

    kind: GIFT_THANKS or QUESTION. From the ring it also comes to the desk, at the end of the tick.
    """
    entry = waiting[room.waiting_next % QUEUE]
    entry.kind = kind
    entry.slot = slot
    entry.viewer_id = viewer_id
    entry.since_s = now_s
    room.waiting_next += 1


@kernel
def count_waiting(waiting, p, now_s):
    """Return how many gifts and questions can still be answered."""
    n = 0
    for at in range(QUEUE):
        if now_s - waiting[at].since_s <= p.answer_wait_s:
            n += 1
    return n


@allocating_kernel
def speak(
    alive, viewers, room, item, p, desk, ledger, journal, waiting, jobs, classes, total_weight, times, count, evidence
):  # fmt: skip
    """Pick the senders of one tick's messages by weight, class each message and note what it shows; return how many.

    A message beyond its sender's bucket is blocked: it never was a message, for the ledger and for the reward.
    total_weight: sum over present viewers of weight x engagement, as summed in the viewer loop.
    evidence: what one message adds to the sender's profile, along the topics of the item on screen.
    """
    first = room.messages - count
    targets = np.empty(count)
    for m in range(count):
        targets[m] = uniforms(room.key, first + m, CH_SENDER, 0)[0] * total_weight
    order = np.argsort(targets)
    cursor, walked, sent = 0, 0.0, 0
    for i in range(room.high):
        if alive[i] == 0:
            continue
        v = viewers[i]
        walked += v.talkative / (1.0 + math.exp(-v.mood))
        while cursor < count and targets[order[cursor]] <= walked:
            message = order[cursor]
            cursor += 1
            if not may_send(v, p, times[message]):
                ledger[THROTTLED] += 1.0
                ledger[MESSAGES] -= 1.0
                ledger[MESSAGES_EXPECTED] -= 1.0
                continue
            sent += 1
            v.spoke_s = times[message]
            classify(v, i, room, p, desk, ledger, waiting, jobs, classes, first + message, times[message])
            note(journal, room, times[message], v.viewer_id, J_MESSAGE, 1.0)
            tell(v, room, item, evidence)
        if cursor >= count:
            break
    return sent


@kernel
def may_send(v, p, time_s):
    """Return whether a sender's bucket holds a message at time_s, and take it out: `bucket_messages` per `bucket_s`.

    The generic cell rate algorithm (ITU-T I.371): one number per sender, the time at which the bucket is full again.
    """
    spacing = p.bucket_s / p.bucket_messages
    full_s = max(v.bucket_s, time_s)
    if full_s - time_s > p.bucket_s - spacing + 0.01:  # a float32 at a day's end is 8 ms off
        return False
    v.bucket_s = full_s + spacing
    return True


@kernel
def classify(v, slot, room, p, desk, ledger, waiting, jobs, classes, number, time_s):
    """Class message `number` as talk, question or toxic, note the sentiment it shows, and let the sensor flag it."""
    kind, u_flag, _, _ = uniforms(room.key, number, CH_CLASS, 0)
    question_share = 0.0 if v.troll else p.question_share
    toxic_share = p.troll_toxic_share if v.troll else p.toxic_share
    is_toxic = question_share <= kind < question_share + toxic_share
    if kind < question_share:
        ledger[QUESTIONS] += 1.0
        wait_for_answer(waiting, room, QUESTION, slot, v.viewer_id, time_s)
    elif is_toxic:
        ledger[TOXIC] += 1.0
    is_handled = False
    if u_flag < flag_probability(desk, room.strictness, is_toxic):
        ledger[FLAGGED] += 1.0
        toxic = 1 if is_toxic else 0
        is_handled = join(jobs, room, classes, ledger, REPORT, slot, v.viewer_id, time_s, 0, toxic)
    if is_toxic and not is_handled:
        miss(room, ledger)
    ledger[SENTIMENT_SUM] += math.tanh(v.mood - 0.5 + p.sentiment_noise * normals(room.key, number, CH_CLASS, 1)[0])
