"""What an interaction does to one viewer, and the stocks it works on."""

from __future__ import annotations

import math

from livesim.audience.patience import sigma
from livesim.audience.profile import vote
from livesim.chat.state import QUEUE
from livesim.compiled import kernel
from livesim.content.learning import rehearse
from livesim.content.state import NEVER
from livesim.journal import note
from livesim.ledger import FOLLOWS, FOLLOWS_EXPECTED, J_FOLLOW, J_PARTICIPATE, NAMED, PARTICIPANTS
from livesim.randomness import Channel, normals, uniform, uniforms

CH_PARTICIPATION = int(Channel.PARTICIPATION)
ALL, AT_RISK, INTENT, GIVERS, NAMED_ONLY, NOBODY = range(6)
OWN_TASTE, ENTERS_BY = 1_000_000, 2_000_000  # draw numbers: own taste for kind 0, entering by following


@kernel
def takes_part(v, p, kind, key, j, use, now_s):
    """Return whether a viewer takes part in use number `use` of kind j: one uniform per viewer and use.

    sigma(appeal + 2 engagement - 1 + own taste for the kind), raised for those whom the kind works on.
    """
    if kind.crowd == NOBODY:
        return False
    if kind.crowd == NAMED_ONLY:
        return v.named_until_s > now_s
    logit = kind.appeal + 2.0 * sigma(v.mood) - 1.0
    logit += p.taste_sd * normals(v.key, v.viewer_id, CH_PARTICIPATION, OWN_TASTE + j)[0]
    if kind.crowd == AT_RISK:
        at_risk = now_s - v.entered_s < p.at_risk_stay_s or v.mood < p.at_risk_mood
        logit += p.at_risk_logit if at_risk else -p.at_risk_logit
    elif kind.crowd == INTENT:
        logit += 2.0 if v.intent_until_s > now_s else -1.0
    elif kind.crowd == GIVERS:
        logit += 1.5 if v.gift_rate > 0.0 else -0.5
    return uniform(key, v.viewer_id, CH_PARTICIPATION, j * 4096 + use) < sigma(logit)


@kernel
def decide(v, room, p, kind, uses, ledger, journal, now_s):
    """Let a viewer decide on the interaction that is open; those who stay out are bothered."""
    v.decided = room.use
    v.had_intent = 1 if v.intent_until_s > now_s else 0
    v.takes_part = 1 if takes_part(v, p, kind, room.key, int(room.kind), int(uses), now_s) else 0
    if not v.takes_part:
        v.mood = max(v.mood - room.bother, -2.0)
        return
    ledger[PARTICIPANTS] += 1.0
    note(journal, room, now_s, v.viewer_id, J_PARTICIPATE, float(room.kind))
    if kind.votes > 0.0:
        vote(v, room)
    if kind.entry_follow > 0.0 and not v.follows:
        ledger[FOLLOWS_EXPECTED] += kind.entry_follow
        if uniforms(room.key, v.viewer_id, CH_PARTICIPATION, ENTERS_BY + int(room.use))[0] < kind.entry_follow:
            v.follows = 1
            ledger[FOLLOWS] += 1.0
            note(journal, room, now_s, v.viewer_id, J_FOLLOW, 1.0)


@kernel
def is_inside(v, room):
    """Return whether a viewer takes, or took, part in the newest interaction."""
    return v.takes_part != 0 and v.decided == room.use


@kernel
def joint_leave_factor(v, room, kind, now_s, ad_factor):
    """Return the joint leave factor of an ad and of the interaction that is open or has just closed."""
    if room.kind >= 0:
        if is_inside(v, room):
            shield = 1.0 - kind.ad_shield * room.strength
            return (1.0 + (ad_factor - 1.0) * shield) * (1.0 - (1.0 - kind.leave_in) * room.strength)
        return ad_factor * (1.0 + (kind.leave_out - 1.0) * room.strength)
    if now_s < room.burst_until_s and is_inside(v, room):
        return ad_factor * room.burst
    return ad_factor


@kernel
def tire(uses, kinds, seconds):
    """Let every fatigue decay by `seconds` (0: as it is) and return their sum. uses: (J,) records of the room."""
    total = 0.0
    for j in range(uses.shape[0]):
        use = uses[j]
        use.fatigue *= math.exp(-seconds / kinds[j].fatigue_s)
        total += use.fatigue
    return total


@kernel
def settle_with_everybody(alive, viewers, room, kind, ledger):
    """Close: participants' mood rises and their boredom falls, by what strength was left at the opening.

    A quiz also shows what they know, on average, and lets them rehearse it.
    """
    count, right = 0, 0.0
    for i in range(room.high):
        v = viewers[i]
        if alive[i] and is_inside(v, room):
            count += 1
            v.mood = min(v.mood + kind.mood_in * room.strength, 2.0)
            v.boredom = max(v.boredom - kind.boredom_relief * room.strength, 0.0)
            right += v.known
            if kind.teaches > 0.0:
                rehearse(v, kind.teaches * room.strength, ledger)
    if kind.teaches > 0.0:
        room.quiz_right, room.quiz_took, room.quiz_use = right, count, room.use
    room.took_part = count
    room.asked = room.present


@kernel
def lift_everybody(alive, viewers, room, mood):
    """Raise everybody's mood once: a show needs no taking part."""
    for i in range(room.high):
        if alive[i]:
            v = viewers[i]
            v.mood = min(v.mood + mood, 2.0)


@kernel
def name_waiting(alive, viewers, room, waiting, chat_p, p, ledger, now_s):
    """Acknowledge the gifts and questions that wait, oldest first, at most `names_max`; return how many."""
    named = 0
    for step in range(QUEUE):
        entry = waiting[(room.waiting_next + step) % QUEUE]
        if named >= p.names_max:
            break
        if now_s - entry.since_s > chat_p.answer_wait_s:
            continue
        entry.since_s = NEVER
        v = viewers[entry.slot]
        if alive[entry.slot] and v.viewer_id == entry.viewer_id:
            named += 1
            v.named_until_s = now_s + p.name_s * named + p.named_s
    ledger[NAMED] += named
    return named
