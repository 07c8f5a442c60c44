"""One tick of the crowd: every viewer of a room, in the fixed order of the design.

Order inside a tick (SimPy events that are due come before it, in `room.py`): arrivals, network, ads, content response,
gifts, chat and mood, departures, desk, ledger. Everything a viewer does in a tick happens in the part of the tick they
are present: somebody whose patience ends after 1.3 s watched, and risked buying, for 1.3 s.
"""

from __future__ import annotations

import math

import numpy as np

from livesim.ads.auction import give_back
from livesim.ads.response import leave_factor, meet_ads, settle_preroll
from livesim.audience.arrivals import admit, give_slot_back, is_let_in, take_slot
from livesim.audience.deeds import complain, earn_return, follow, leave, share
from livesim.audience.patience import burn_rate, sigma, spend_patience
from livesim.audience.profile import W_MESSAGE, close_profile, expect
from livesim.audience.state import CLIP, FOLLOWER, ID_SPACE, RAID, STRANGERS
from livesim.audience.taste import drift, match_with
from livesim.chat.moderation import run_desk
from livesim.chat.state import BURST
from livesim.chat.talk import base_rate, chat_times, speak
from livesim.compiled import allocating_kernel, inlined, kernel
from livesim.content.learning import learn
from livesim.content.response import order, shop
from livesim.gifts.giving import give
from livesim.interactions.effects import decide, joint_leave_factor, tire
from livesim.ledger import (
    ABANDONED,
    AD_S,
    DOWNLOAD_S,
    DOWNLOADS,
    FOLLOWER_S,
    GAVE_UP,
    KBIT,
    LATENCY_S,
    MESSAGES,
    MESSAGES_EXPECTED,
    NEWCOMER_S,
    ORIGIN_MISSES,
    PRESENT_S,
    PUBLISH_DELAY_S,
    QUALITY_S,
    SEGMENTS,
    SKIPS,
    STALL_S,
    STARTED,
    STARTUP_S,
    STAYED_30S,
    SWITCH_MBPS,
    WATCH_AD_S,
    WATCH_S,
)
from livesim.moment import moment_of, rules_of
from livesim.network import state as network
from livesim.network.pipeline import publish
from livesim.network.player import admit as admit_player
from livesim.network.player import advance as advance_players
from livesim.network.qoe import close_viewer
from livesim.network.rules import fill_quality
from livesim.operations.levers import charge
from livesim.randomness import Channel, normals

CH_MOOD = int(Channel.MOOD)
NEWCOMER_STAY_S, SETTLED_STAY_S = 180.0, 30.0
USUAL_S = 1200.0  # memory of the running mean that profiles are measured against


@allocating_kernel
def advance(s, params, bank, ticks):
    """Advance room r by ticks[r] ticks, for all rooms; ticks is counted down in place.

    Returns -1 when all is done, else the room whose slots do not suffice for the arrivals of its next tick: grow the
    state and call again.
    """
    for r in range(ticks.shape[0]):
        room = s.rooms[r]
        while ticks[r] > 0:
            if most_entries(s, r, room.tick) > s.alive.shape[1] - room.high + room.free_count:
                return r
            advance_tick(s, params, bank, r)
            ticks[r] -= 1
    return -1


@kernel
def most_entries(s, r, tick):
    """Return the most viewers who can enter room r in a tick."""
    most = s.pending[r, 0, tick] + s.pending[r, 1, tick] + s.pending[r, 2, tick]
    for source in range(STRANGERS):
        most += s.luck.candidates[r, source, tick]
    return most


@inlined  # compiled by itself, everything below it would be optimised once more: 10 s
def advance_tick(s, params, bank, r):
    """Advance one room by one tick."""
    room, items, alive, viewers = s.rooms[r], s.items[r], s.alive[r], s.viewers[r]
    item, kinds, rules = items[room.on_item], params.kinds[r], rules_of(params, r)
    ledger, journal, waiting, campaigns = s.ledger.now[r], s.ledger.journal[r], s.waiting[r], s.campaigns[r]
    now = moment_of(room, item, rules, kinds, s.luck.surprise_s[r])
    arrive(s, params, bank, r, now)
    before = room.present
    net = s.network
    jobs, classes = s.jobs[r], params.desk_classes[r]
    release_segments(net, rules, r, room.key, ledger, now.end_s)
    entered_s = s.viewers.entered_s
    advance_players(net, bank, rules.network, params.ladder, r, room.high, s.alive, entered_s, now.start_s, now.tick_s)
    book_downloads(net.tally[r], ledger)
    quality_of = np.empty(params.ladder.shape[0])
    fill_quality(params.ladder, quality_of)
    if net.enhance[r]:
        quality_of[:] = np.minimum(quality_of + rules.pipeline.enhance_quality, 1.0)
    mood_sum, weight_sum, evidence = advance_viewers(
        alive, viewers, s.free[r], room, item, items, rules, kinds, s.kinds[r], campaigns, waiting,
        s.pending[r, 0], ledger, journal, now, params.ladder, quality_of, net, r, net.dry_s[r], net.gave_up_s[r],
        net.startup_s[r], net.stall_s[r], net.played_s[r], net.latency_s[r], net.rung[r], net.skips[r],
    )  # fmt: skip
    room.mean_mood = mood_sum / room.present if room.present > 0 else rules.audience.mood_mean
    evidence += talk(alive, viewers, room, item, rules, ledger, journal, waiting, jobs, classes, now, weight_sum)
    run_desk(alive, viewers, room, waiting, jobs, s.servers[r], rules.desk, classes, ledger, now.start_s, now.end_s)
    close_tick(room, item, s.kinds[r], kinds, rules, ledger, now, evidence, before)


@kernel
def release_segments(net, rules, r, key, ledger, end_s):
    """Let the pipeline announce what it can until the end of the tick, and book how late each segment is."""
    p, first = rules.network, net.published_upto[r]
    publish(net, rules.pipeline, p, r, key, end_s)
    for k in range(first, net.published_upto[r]):
        ledger[SEGMENTS] += 1.0
        ledger[PUBLISH_DELAY_S] += net.published_s[r, k % net.published_s.shape[1]] - (k + 1) * p.segment_s


@kernel
def book_downloads(tally, ledger):
    """Book what became of the downloads of a tick.  tally: (len(TALLY),)."""
    ledger[DOWNLOADS] += tally[network.DOWNLOADS]
    ledger[DOWNLOAD_S] += tally[network.DOWNLOAD_S]
    ledger[ABANDONED] += tally[network.ABANDONED]
    ledger[ORIGIN_MISSES] += tally[network.ORIGIN_MISSES]
    ledger[SWITCH_MBPS] += tally[network.SWITCH_MBPS]


@kernel
def advance_viewers(
    alive, viewers, free, room, item, items, rules, kinds, uses, campaigns, waiting, pending_clip,
    ledger, journal, now, ladder, quality_of, net, r, dry_s, gave_up_s, startup_s,
    stall_s, played_s, latency_s, rung, skips,
):  # fmt: skip
    """Advance every viewer of a room by the part of the tick they are present.

    quality_of: (L,) quality of each rung. From dry_s on: what the network said of each slot, (V,). Returns the sum of
    moods, the sum of sender weights, and how much was shown of tastes.
    """
    mood_sum, weight_sum, evidence = 0.0, 0.0, 0.0
    highest_mbps = ladder[-1] / 1000.0
    for i in range(room.high):
        if alive[i] == 0:
            continue
        v = viewers[i]
        begin = max(now.start_s, v.entered_s)
        dt = now.end_s - begin
        started = dry_s[i] < math.inf
        stalled = min(stall_s[i] / dt, 1.0)
        live(v, room, item, rules, kinds, uses, now, ledger, journal, begin)
        factor = tempt(v, room, rules, kinds, now, begin, dt)
        picture = quality_of[rung[i]] if started else 1.0
        feel(v, room, rules.audience, now, stalled, picture, started, dt, begin)

        # the departure comes first: it bounds everything else the viewer does in this tick
        follows = v.follows != 0
        burn = burn_rate(rules.audience, v.mood, stalled, follows, factor * now.heat_leave)
        gave_up = v.entered_s + gave_up_s[i]
        leave_s = min(spend_patience(v, rules.audience, burn, begin, now.end_s), gave_up)
        if v.preroll_until_s > 0.0:
            leave_s = min(leave_s, v.preroll_leave_s)
        stays = leave_s >= now.end_s
        until = now.end_s if stays else max(leave_s, begin)
        seconds = until - begin
        part = seconds / dt

        ledger[PRESENT_S] += seconds
        ledger[STALL_S] += stall_s[i] * part
        if follows:
            ledger[FOLLOWER_S] += seconds
        if until - v.entered_s < NEWCOMER_STAY_S:
            ledger[NEWCOMER_S] += seconds
        if begin - v.entered_s < SETTLED_STAY_S <= until - v.entered_s:
            ledger[STAYED_30S] += 1.0
        if started:
            watched = played_s[i] * part
            if v.entered_s + startup_s[i] >= now.start_s:
                ledger[STARTED] += 1.0
                ledger[STARTUP_S] += startup_s[i]
            ledger[QUALITY_S] += picture * watched
            ledger[KBIT] += ladder[rung[i]] * watched
            ledger[LATENCY_S] += latency_s[i] * watched
            ledger[SKIPS] += skips[i]
            if v.campaign >= 0 and (v.preroll_until_s > 0.0 or now.is_break):
                ledger[WATCH_AD_S] += watched
            else:
                ledger[WATCH_S] += watched
                if now.is_lesson:
                    learn(v, rules.content, ledger, watched)
                if now.is_product:
                    evidence += shop(v, room, item, rules.content, now, ledger, journal, seconds, until)
            named = v.named_until_s > begin
            if v.follows == 0:
                lift = rules.interactions.named_follow if named else 1.0
                evidence += follow(v, room, item, rules.audience, lift, ledger, journal, begin, until)
            if v.intent_until_s > begin:
                order(v, room, items, kinds, rules.content, now, ledger, journal, begin, seconds, until)
            if v.gift_rate > 0.0:
                evidence += give(v, i, room, item, rules.gifts, now, ledger, journal, waiting, named, seconds, until)
            engagement = sigma(v.mood)
            share(v, room, rules.audience, ledger, journal, pending_clip, now.tick, now.tick_s, engagement,
                  seconds, until)  # fmt: skip
            if stays:
                weight_sum += v.talkative * engagement
        if v.irritation > 0.3:
            complain(v, room, rules.audience, ledger, journal, seconds, until)
        settle_preroll(v, room, rules.ads, campaigns, ledger, journal, begin, until, stays)
        if stays:
            mood_sum += v.mood
            continue
        if gave_up <= leave_s:
            ledger[GAVE_UP] += 1.0
        close_viewer(net, r, i, v.entered_s, now.end_s, rules.network.segment_s, highest_mbps, ledger)
        leave(v, room, rules.audience, ledger, journal, leave_s)
        give_back(v, campaigns)
        close_profile(v, room)
        give_slot_back(i, alive, room, free)
    return mood_sum, weight_sum, evidence


@kernel
def arrive(s, params, bank, r, now):
    """Admit everybody who enters room r during one tick: candidates that are let in, clip viewers, raiders, trolls."""
    room, clip, raid = s.rooms[r], np.int64(CLIP), np.int64(RAID)  # as variables: one compiled `enter` for all sources
    most = params.audience[r].boost_max
    for source in range(STRANGERS):
        for n in range(s.luck.candidates[r, source, now.tick]):
            viewer_id = (source << ID_SPACE) + s.luck.first_id[r, source, now.tick] + n
            if is_let_in(room, viewer_id, source, most):
                enter(s, params, bank, r, viewer_id, source, now)
    for _ in range(s.pending[r, 0, now.tick]):
        enter(s, params, bank, r, (clip << ID_SPACE) + room.clip_count, clip, now)
        room.clip_count += 1
    for _ in range(s.pending[r, 1, now.tick]):
        enter(s, params, bank, r, (raid << ID_SPACE) + room.raid_count, raid, now)
        room.raid_count += 1
    for _ in range(s.pending[r, 2, now.tick]):
        troll = s.viewers[r, enter(s, params, bank, r, (raid << ID_SPACE) + room.raid_count, raid, now)]
        troll.troll = 1
        troll.talkative = params.chat[r].troll_talkative
        room.raid_count += 1


@kernel
def enter(s, params, bank, r, viewer_id, source, now):
    """Let one viewer into room r, in every domain; return their slot."""
    room, rules = s.rooms[r], rules_of(params, r)
    i = take_slot(room, s.free[r])
    v = s.viewers[r, i]
    s.alive[r, i] = 1
    entered_s = admit(
        v, room, s.items[r, room.on_item], rules, s.centres[r], s.luck.mix[r, now.tick], s.luck.base_mix[r], viewer_id,
        source, now.highlight, s.ledger.now[r], s.ledger.journal[r], now,
    )  # fmt: skip
    admit_player(s.network, bank, rules.network, r, i, room.key, viewer_id, entered_s)
    meet_ads(v, room, rules.ads, s.campaigns[r], s.order[r], s.rank_price[r], source != FOLLOWER, entered_s)
    return i


@kernel
def live(v, room, item, rules, kinds, uses, now, ledger, journal, begin):
    """Meet a new item, live through a minute, or decide on an interaction, where it is time."""
    if v.item_serial != room.item_serial:
        v.item_serial = room.item_serial
        v.match = match_with(v, room, item, rules.content.wear_match)
        v.boredom = room.carried if v.entered_s < room.carried_before_s else 0.0
    elif now.end_s - v.entered_s >= 60.0 * (v.minutes + 1):
        v.minutes += 1
        drift(v, item, rules.audience.taste_drift)
        v.match = match_with(v, room, item, rules.content.wear_match)
        noise = normals(room.key, v.viewer_id, CH_MOOD, v.minutes)[0]
        v.mood = min(max(v.mood + rules.audience.mood_noise_sd * noise, -2.0), 2.0)
    if room.kind >= 0 and v.decided != room.use:
        decide(v, room, rules.interactions, kinds[room.kind], uses[room.kind].uses, ledger, journal, begin)


@kernel
def tempt(v, room, rules, kinds, now, begin, dt):
    """Return the factor of ads, interactions and being named on a viewer's leave rate; let irritation run."""
    p = rules.ads
    v.irritation *= now.irritation_keep
    factor = 1.0
    if v.campaign >= 0:
        factor = leave_factor(v, room, p, now.highlight)
        weight = 1.0 if v.preroll_until_s > 0.0 or now.is_break else p.overlay_load
        v.irritation += p.irritation_per_s * weight * dt
    if room.kind >= 0 or begin < room.burst_until_s:
        factor = joint_leave_factor(v, room, kinds[max(room.kind, 0)], begin, factor)
    if v.named_until_s > begin:
        factor *= rules.interactions.named_leave
    return factor


@kernel
def feel(v, room, p, now, stalled, quality, started, dt, begin):
    """Let boredom and mood run towards their targets.

    target = match + energy - stalls - missing quality - irritation - boredom - product + acknowledged; the pull to
    the room's mean mood adds `mood_crowd` per relaxation time.
    """
    share_of_tick = dt / now.tick_s
    if started:
        v.boredom += (1.0 - v.boredom) * now.boredom_step * share_of_tick
    target = (
        p.mood_match * (v.match + now.match_shift) + now.shared_mood - p.mood_stall * stalled
        - p.mood_quality * (1.0 - quality) - v.irritation - p.mood_boredom * v.boredom
    )  # fmt: skip
    if v.named_until_s > begin:
        target += p.mood_acknowledged
    pull = target - v.mood + p.mood_crowd * (room.mean_mood - v.mood)
    v.mood = min(max(v.mood + now.mood_step * share_of_tick * pull, -2.0), 2.0)


@allocating_kernel
def talk(alive, viewers, room, item, rules, ledger, journal, waiting, jobs, classes, now, weight_sum):
    """Let the room chat for one tick; returns what the messages showed."""
    p = rules.chat
    lift = math.exp(p.highlight * now.highlight + p.mood * (room.mean_mood - rules.audience.mood_mean))
    rate = base_rate(p, room.present) * lift * now.chat if weight_sum > 0.0 else 0.0
    times = np.empty(BURST)
    count, compensator = chat_times(room, p, rate, now.start_s, now.tick_s, times)
    ledger[MESSAGES] += count
    ledger[MESSAGES_EXPECTED] += compensator
    if count > 0 and weight_sum > 0.0:
        count = speak(
            alive, viewers, room, item, p, rules.desk, ledger, journal, waiting, jobs, classes, weight_sum, times,
            count, W_MESSAGE,
        )  # fmt: skip
    return W_MESSAGE * count


@kernel
def close_tick(room, item, uses, kinds, rules, ledger, now, evidence, before):
    """Let the room's own state run to the end of the tick: heat, fatigue, host energy, profiles, the clock."""
    p = rules.interactions
    room.heat *= math.exp(-now.tick_s / rules.gifts.heat_decay_s)
    item.shown_s += now.tick_s
    item.wear = 1.0 - (1.0 - item.wear) * math.exp(-now.tick_s / rules.content.wear_time_s)
    tire(uses, kinds, now.tick_s)
    if now.host_load < 1.0:  # a full rest recovers twice as fast as a half one
        recovery = p.energy_recovery_s / (1.0 - now.host_load)
        room.energy = 1.0 - (1.0 - room.energy) * math.exp(-now.tick_s / recovery)
        room.rested_s = now.end_s
    else:
        room.energy *= math.exp(-now.tick_s / p.energy_time_s)
    if room.ad >= 0:
        ledger[AD_S] += now.tick_s * (1.0 if now.is_break else rules.ads.overlay_load)
    expect(room, item, now.tick_s)
    if before > 0:
        step = 1.0 - math.exp(-now.tick_s / USUAL_S)
        room.usual += step * (evidence / (before * now.tick_s) - room.usual)
    charge(room, ledger, now.tick_s)
    room.tick += 1


@kernel
def end_session(alive, viewers, room, rules, ledger, journal):
    """Book the chance of coming back for everybody who is present when the session ends."""
    end_s = room.tick * rules.session.tick_s
    for i in range(room.high):
        if alive[i]:
            earn_return(viewers[i], room, rules.audience, ledger, journal, end_s)
