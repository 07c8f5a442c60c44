"""What is true of a whole room during one tick: what is on, what is running, and the factors that follow from it."""

from __future__ import annotations

import math
from typing import NamedTuple

from livesim.compiled import inlined, kernel
from livesim.gifts.giving import giving_factor, heat_leave_factor


class Rules(NamedTuple):
    """The numbers of one room's scenario, one record per domain."""

    session: object
    audience: object
    network: object
    content: object
    gifts: object
    chat: object
    ads: object
    interactions: object
    desk: object
    pipeline: object


class Moment(NamedTuple):
    """Read by every viewer of the room during one tick."""

    tick: int
    start_s: float
    end_s: float
    tick_s: float
    highlight: float  # 0-1
    match_shift: float  # of everybody, from a transition or an interaction
    is_product: bool  # a product with stock is on screen
    is_lesson: bool  # a lesson is on
    explaining: bool  # the host explains it
    sale: float  # 0-1, strength of a running sale
    shared_mood: float  # what energy and a product on screen add to everybody's target mood
    boredom_step: float
    mood_step: float
    irritation_keep: float
    chat: float  # factor on the chat rate
    giving: float  # factor on giving
    heat_leave: float  # factor on leaving
    is_break: bool  # a mid-roll plays
    host_load: float  # 1: the host performs, 0: rests


@inlined
def rules_of(params, r):
    """Return the numbers of room r."""
    return Rules(
        params.session[r], params.audience[r], params.network[r], params.content[r], params.gifts[r], params.chat[r],
        params.ads[r], params.interactions[r], params.desk[r], params.pipeline[r],
    )  # fmt: skip


@kernel
def highlight_level(room, item, surprises_s, surprise_s, now_s):
    """Return the highlight level, 0-1: the profile of the item, or 1 while a surprise moment lasts.

    surprises_s: (n,) rising start times, padded with inf.  surprise_s: how long one lasts.
    """
    for n in range(surprises_s.shape[0]):
        if surprises_s[n] > now_s:
            break
        if now_s < surprises_s[n] + surprise_s:
            return 1.0
    knots = item.knots.shape[0]
    progress = (now_s - room.item_start_s) / max(item.length_s, 1.0)
    at = min(max(progress, 0.0), 0.9999) * (knots - 1)
    low = int(at)
    return item.knots[low] + (at - low) * (item.knots[low + 1] - item.knots[low])


@kernel
def moment_of(room, item, rules, kinds, surprises_s):
    """Return the Moment of a room for its coming tick. kinds: (J,) records of the scenario's kinds."""
    p, tick_s = rules.audience, rules.session.tick_s
    start_s = room.tick * tick_s
    highlight = highlight_level(room, item, surprises_s, rules.content.surprise_s, start_s)
    match_shift, chat, sale, battle = 0.0, 1.0, 0.0, False
    if room.kind >= 0:
        kind = kinds[room.kind]
        match_shift = kind.match_shift
        chat = 1.0 + (kind.chat - 1.0) * room.strength
        sale = room.strength if kind.sale > 0.0 else 0.0
        battle = kind.battle > 0.0
    host_load = kinds[room.host_kind].host_load if room.host_kind >= 0 else 1.0
    is_break = room.ad >= 0 and room.overlay == 0
    since = start_s - room.item_start_s
    if since < rules.content.transition_s and room.item_serial > 1:
        match_shift -= rules.content.transition_match
    is_product = item.is_product != 0
    shared_mood = p.mood_energy * room.energy - (p.mood_product if is_product else 0.0)
    battle_strength = room.strength * rival_freshness(room, rules.gifts)
    return Moment(
        room.tick, start_s, start_s + tick_s, tick_s, highlight,
        match_shift,
        is_product and item.stock >= 1.0,
        item.is_lesson != 0,
        since < 0.5 * item.length_s,
        sale,
        shared_mood,
        1.0 - math.exp(-tick_s / p.boredom_time_s),
        1.0 - math.exp(-tick_s / p.mood_time_s),
        math.exp(-tick_s * math.log(2.0) / rules.ads.irritation_half_life_s),
        chat,
        giving_factor(rules.gifts, room.heat, battle, battle_strength),
        heat_leave_factor(rules.gifts, room.heat, battle),
        is_break,
        0.0 if is_break else host_load,
    )  # fmt: skip


@kernel
def rival_freshness(room, p):
    """Return what earlier battles with the same rival have left of a battle's effect."""
    if room.rival < 0:
        return 1.0
    return (1.0 - p.rival_repeat) ** max(room.met[room.rival] - 1.0, 0.0)
