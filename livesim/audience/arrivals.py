"""Letting viewers in: thinning the candidates, drawing traits, setting clocks."""

from __future__ import annotations

from livesim.audience.patience import patience_budget, stay_law
from livesim.audience.profile import open_profile
from livesim.audience.state import FEED, FOLLOWER
from livesim.audience.taste import draw_taste, match_with
from livesim.compiled import kernel
from livesim.content.response import admit_shopper
from livesim.content.state import NEVER
from livesim.gifts.giving import admit_giver
from livesim.journal import note
from livesim.ledger import ENTERED, ENTERED_FEED, J_ENTER
from livesim.randomness import Channel, exponential, gamma_quarter, uniforms

CH_THINNING, CH_ENTRY, CH_WEIGHT = int(Channel.THINNING), int(Channel.ENTRY_TIME), int(Channel.CHAT_WEIGHT)
CH_FOLLOW, CH_SHARE, CH_COMPLAINT = int(Channel.FOLLOW), int(Channel.SHARE), int(Channel.COMPLAINT)


@kernel
def is_let_in(room, viewer_id, source, boost_max):
    """Return whether a candidate enters: feed candidates were drawn at the highest boost and are thinned to today's."""
    if source != FEED:
        return True
    return uniforms(room.key, viewer_id, CH_THINNING, 0)[0] < room.boost / boost_max


@kernel
def admit(v, room, item, rules, centres, feed_mix, base_mix, viewer_id, source, highlight, ledger, journal, now):
    """Make slot record v the viewer `viewer_id`: traits and clocks are a function of (room key, viewer id) alone.

    centres: (S, D) tastes of the segments.  feed_mix, base_mix: (S,) cumulative shares.  Returns the time of entry.
    """
    p, key = rules.audience, room.key
    u_when, u_segment, _, _ = uniforms(key, viewer_id, CH_ENTRY, 0)
    entered_s = now.start_s + u_when * now.tick_s
    v.viewer_id = viewer_id
    v.key = key
    v.source = source
    v.segment = _segment_of(feed_mix if source == FEED else base_mix, u_segment)
    v.follows = 1 if source == FOLLOWER else 0
    v.entered_s = entered_s
    draw_taste(v, centres[v.segment], p.taste_spread, key)
    v.match = match_with(v, room, item, rules.content.wear_match)
    v.item_serial = room.item_serial
    v.stay_law = stay_law(p, key, viewer_id, source, v.match, highlight)
    v.budget_s = patience_budget(p, key, viewer_id, v.stay_law)
    v.patience = v.budget_s
    v.mood = min(max(0.5 * p.mood_mean + 0.4 * v.match, -2.0), 2.0)
    v.irritation = 0.0
    v.boredom = 0.0
    v.minutes = 0
    v.votes = 0
    v.named_until_s = 0.0
    v.follow_left = exponential(key, viewer_id, CH_FOLLOW, 0)
    v.share_left = exponential(key, viewer_id, CH_SHARE, 0)
    v.complaint_left = exponential(key, viewer_id, CH_COMPLAINT, 0)
    v.share_count = 0
    v.complaint_count = 0
    open_profile(v, room)
    a, b, c, _ = uniforms(key, viewer_id, CH_WEIGHT, 0)
    v.talkative = gamma_quarter(a, b) * c**4
    v.troll = 0
    v.bucket_s = 0.0
    v.spoke_s = NEVER
    v.decided = 0
    v.takes_part = 0
    admit_giver(v, rules.gifts, key)
    admit_shopper(v, rules.content, key)
    room.present += 1
    ledger[ENTERED] += 1.0
    ledger[ENTERED_FEED + source] += 1.0
    note(journal, room, entered_s, viewer_id, J_ENTER, float(source))
    return entered_s


@kernel
def take_slot(room, free):
    """Return a free slot: the one given back last, else a new one."""
    if room.free_count > 0:
        room.free_count -= 1
        return free[room.free_count]
    room.high += 1
    return room.high - 1


@kernel
def give_slot_back(i, alive, room, free):
    """Take the viewer of slot i out of the room."""
    alive[i] = 0
    room.present -= 1
    free[room.free_count] = i
    room.free_count += 1


@kernel
def _segment_of(cumulative, u):
    last = cumulative.shape[0] - 1
    for k in range(last):
        if u < cumulative[k]:
            return k
    return last
