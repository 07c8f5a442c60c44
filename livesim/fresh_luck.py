"""A new future for a room that is running: what is drawn but has not happened yet is drawn again, given what has.

`Rooms.renew_luck` puts it together. Under the new key every later roll of anybody's dice is another one; this module
draws again what the state already holds of the future:

    clocks (chat, follow, share, complaint, click, order, gift)   a new unit exponential: thresholds have no memory
    patience                     from the viewer's own law of stays, given the patience spent so far
    who gives up on a start-up   given the wait so far
    bounce off a pre-roll        given the part that has been watched
    lines                        the viewer goes on at another place of the same trace, the one of LINE_TRIES at which
                                 the last second was most like theirs: the bandwidth seen so far is kept only by that
    work at the desk             of jobs that wait, and of those in service given the time they have taken

`luck.draw` does the same for arrivals, feed mix, ad market, surprises and rivals, `incidents.plan.replan` for
incidents. What belongs to the present stays, though no platform could see it: tastes, wallets, rates and laws of stays
of those who are there, what they think of each kind of interaction, and the world that a scenario draws. Of the future
there stays, so that a renewed room shares it with its origin: viewers whom a share or a raid has sent on their way
(within minutes), segments that the pipeline has begun (seconds), what plug-ins keep in fields of their own, and the
noise of published numbers, because what has been published must stay.
"""

from __future__ import annotations

import math

from livesim.audience.hazard import age_at, hazard_at
from livesim.audience.patience import PROPORTIONAL, stay_log_mean, stay_log_sd
from livesim.audience.state import BOUNCER
from livesim.chat.desk import unit_work
from livesim.compiled import kernel
from livesim.moment import rules_of
from livesim.network.player import LONGEST_OFFSET_S
from livesim.randomness import Channel, exponential, uniforms

CH_PATIENCE, CH_STARTUP, CH_PREROLL = int(Channel.PATIENCE), int(Channel.STARTUP), int(Channel.PREROLL)
CH_FOLLOW, CH_SHARE, CH_COMPLAINT = int(Channel.FOLLOW), int(Channel.SHARE), int(Channel.COMPLAINT)
CH_CLICK, CH_ORDER, CH_GIFT = int(Channel.CLICK), int(Channel.ORDER), int(Channel.GIFT)
CH_CLOCK, CH_NETWORK, CH_SERVICE = int(Channel.CHAT_CLOCK), int(Channel.NETWORK), int(Channel.DESK_SERVICE)
LINE_TRIES = 16


@kernel
def renew_crowd(s, params, bank, r, key):
    """Give room r the key of another future, and everybody in it what that key says of what has not happened yet."""
    room, rules = s.rooms[r], rules_of(params, r)
    now_s = room.tick * rules.session.tick_s
    room.key = key
    room.chat_left = exponential(key, 0, CH_CLOCK, room.messages)
    for i in range(room.high):
        if s.alive[r, i]:
            v = s.viewers[r, i]
            renew_clocks(v, key)
            renew_patience(v, rules.audience, key)
            renew_preroll(v, rules.ads, key, now_s)
            renew_startup(s.network, rules.network, r, i, key, v.viewer_id, now_s - v.entered_s)
            renew_line(s.network, bank, r, i, key, v.viewer_id, now_s)
    renew_desk(room, s.jobs[r], s.servers[r], rules.desk, params.desk_classes[r], now_s)


@kernel
def renew_clocks(v, key):
    """Draw the thresholds of a viewer's clocks again, each under the number it had."""
    who = v.viewer_id
    v.follow_left = exponential(key, who, CH_FOLLOW, 0)
    v.share_left = exponential(key, who, CH_SHARE, v.share_count)
    v.complaint_left = exponential(key, who, CH_COMPLAINT, v.complaint_count)
    v.click_left = exponential(key, who, CH_CLICK, v.click_count)
    v.order_left = exponential(key, who, CH_ORDER, v.order_count)
    v.gift_left = exponential(key, who, CH_GIFT, v.gift_count)


@kernel
def renew_patience(v, p, key):
    """Draw a viewer's patience again, given what is spent of it; who has been thrown out stays so.

    The cumulative hazard of their law of stays, at what is spent, grows by a unit exponential.
    """
    if v.budget_s <= 0.0:
        return
    spent = max(v.patience - v.budget_s, 0.0)
    more = exponential(key, v.viewer_id, CH_PATIENCE, 1)
    if p.patience != PROPORTIONAL:
        log_mean, log_sd = stay_log_mean(p, v.stay_law), stay_log_sd(p, v.stay_law)
        stay_s = age_at(hazard_at(spent, log_mean, log_sd) + more, log_mean, log_sd)
        if v.stay_law != BOUNCER:
            stay_s = min(stay_s, p.stay_cap_s)
        more = max(stay_s - spent, 1e-6)
    v.budget_s = more
    v.patience = spent + more


@kernel
def renew_preroll(v, p, key, now_s):
    """Draw again whether and when the pre-roll that a viewer is watching drives them away."""
    if v.preroll_until_s <= now_s:
        return
    u_bounce, u_when, _, _ = uniforms(key, v.viewer_id, CH_PREROLL, 0)
    rest_s = v.preroll_until_s - now_s
    rest = p.preroll_bounce * min(rest_s / p.preroll_s, 1.0)
    v.preroll_leave_s = math.inf
    if u_bounce < rest / (1.0 - p.preroll_bounce + rest):
        v.preroll_leave_s = now_s + u_when * rest_s


@kernel
def renew_startup(net, p, r, i, key, viewer_id, waited_s):
    """Draw again when a viewer without a picture gives up, given the wait so far: uniform, as on entry."""
    if net.dry_s[r, i] < math.inf or p.give_up_per_s <= 0.0:
        return
    gone = min(max((waited_s - p.give_up_free_s) * p.give_up_per_s, 0.0), 1.0)
    u = gone + (1.0 - gone) * uniforms(key, viewer_id, CH_STARTUP, 0)[0]
    net.gave_up_s[r, i] = p.give_up_free_s + u / p.give_up_per_s if u < p.give_up_max else math.inf


@kernel
def renew_line(net, bank, r, i, key, viewer_id, now_s):
    """Let a viewer's line go on elsewhere in its trace, where the second before was most like their last one."""
    trace = net.trace[r, i]
    first, cells = bank.start[trace], bank.length[trace]
    last = int(now_s) - 1 + cells
    level = math.log1p(bank.kbps[first + (last + net.offset_s[r, i]) % cells])
    best = math.inf
    for n in range(LINE_TRIES):
        offset = int(uniforms(key, viewer_id, CH_NETWORK, n)[0] * min(cells, LONGEST_OFFSET_S))
        distance = abs(math.log1p(bank.kbps[first + (last + offset) % cells]) - level)
        if distance < best:
            best = distance
            net.offset_s[r, i] = offset


@kernel
def renew_desk(room, jobs, servers, p, classes, now_s):
    """Draw the work of every job at the desk again; of one in service, given the time it has taken."""
    for at in range(room.desk_waiting):
        job = jobs[at]
        job.work = unit_work(room.key, job.serial, classes[job.kind].cv)
    for who in range(servers.shape[0]):
        job = servers[who]
        cv = classes[job.kind].cv
        if not job.busy or cv <= 0.0:
            continue
        mean_s = p.bot_s if job.by_bot else classes[job.kind].mean_s
        begin_s = job.done_s - job.work * mean_s
        variance = math.log1p(cv * cv)
        taken = hazard_at((now_s - begin_s) / mean_s, -0.5 * variance, math.sqrt(variance))
        taken += exponential(room.key, job.serial, CH_SERVICE, 0)
        job.work = age_at(taken, -0.5 * variance, math.sqrt(variance))
        job.done_s = begin_s + job.work * mean_s
