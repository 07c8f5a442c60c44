"""How one viewer answers to an ad: watching it to the end, clicking, being driven away."""

from __future__ import annotations

import math

from livesim.ads.auction import fill, relevance
from livesim.audience.patience import sigma
from livesim.compiled import kernel
from livesim.journal import note
from livesim.ledger import (
    AD_CLICKS,
    AD_COMPLETED,
    AD_CONVERSIONS,
    AD_EXPECTED,
    AD_IMPRESSIONS,
    AD_REVENUE,
    AD_SLOTS,
    J_AD_CLICK,
    J_AD_COMPLETE,
    J_AD_START,
    PREROLL_COMPLETED,
    PREROLL_IMPRESSIONS,
)
from livesim.randomness import Channel, uniforms

CH_COMPLETION, CH_PREROLL = int(Channel.AD_COMPLETION), int(Channel.PREROLL)
PRE, MID, OVERLAY = 0, 1, 2
FOREVER = 1e18


@kernel
def completion(p, position, length_s, follows, fit, load30):
    """Return the chance that one creative is watched to its end by a viewer who stays.

    sigma(base + mid - .02 (L - 15) + follower + relevance - load), Krishnan and Sitaraman, IMC 2013; an overlay
    always runs to its end.
    """
    if position == OVERLAY:
        return 1.0
    logit = p.complete_base + p.complete_length * (length_s - 15.0) + p.complete_relevance * fit
    logit += p.complete_load * load30
    if position == MID:
        logit += p.complete_mid
    if follows:
        logit += p.complete_follower
    return sigma(logit)


@kernel
def finish_impression(v, room, p, campaigns, ledger, journal, position, length_s, now_s):
    """End the creative a viewer is watching: completed and paid, or given back; perhaps clicked.

    The expected form pays price x completion chance; both forms are paid only for viewers still present, so they
    have equal means.
    """
    if v.campaign < 0:
        return
    c = campaigns[v.campaign]
    m = int(v.campaign)
    u_complete, u_click, u_convert, _ = uniforms(room.key, v.viewer_id, CH_COMPLETION, v.shown)
    v.shown += 1
    fit = relevance(room, c, v.taste)
    chance = completion(p, position, length_s, v.follows, fit, room.load30)
    ledger[AD_EXPECTED] += chance * v.ad_price
    if u_complete < chance:
        ledger[AD_COMPLETED] += 1.0
        ledger[AD_REVENUE] += v.ad_price
        if position == PRE:
            ledger[PREROLL_COMPLETED] += 1.0
        note(journal, room, now_s, v.viewer_id, J_AD_COMPLETE, v.ad_price)
        base = p.click_overlay if position == OVERLAY else p.click_mid
        click = base * c.quality * math.exp(p.click_relevance * fit + p.click_seen * v.seen[m])
        if u_click < click:
            ledger[AD_CLICKS] += 1.0
            note(journal, room, now_s, v.viewer_id, J_AD_CLICK, float(m))
            if u_convert < p.conversion:
                ledger[AD_CONVERSIONS] += 1.0
    else:
        c.left += v.ad_price
    v.campaign = -1
    if v.seen[m] < 255:
        v.seen[m] += 1


@kernel
def meet_ads(v, room, p, campaigns, order, rank_price, stranger, now_s):
    """Give a new viewer a clean ad record and, where no break credit is running, a pre-roll.

    A pre-roll drives some away before its end (`preroll_bounce`).
    """
    v.campaign = -1
    v.preroll_until_s = 0.0
    v.preroll_leave_s = FOREVER
    v.shown = 0
    for m in range(v.seen.shape[0]):
        v.seen[m] = 0
    if p.preroll <= 0.0 or not stranger or now_s < room.credit_until_s:
        return
    if fill(v, p, campaigns, order, rank_price, p.preroll_value):
        u_bounce, u_when, _, _ = uniforms(room.key, v.viewer_id, CH_PREROLL, 0)
        v.preroll_until_s = now_s + p.preroll_s
        if u_bounce < p.preroll_bounce:
            v.preroll_leave_s = now_s + u_when * p.preroll_s


@kernel
def settle_preroll(v, room, p, campaigns, ledger, journal, begin, until, stays):
    """Count a pre-roll as started once it has been on screen long enough, and end it when it has run."""
    ends = v.preroll_until_s
    if ends <= 0.0:
        return
    viewable = ends - p.preroll_s + p.preroll_viewable_s
    if begin <= viewable < until:
        ledger[PREROLL_IMPRESSIONS] += 1.0
        ledger[AD_IMPRESSIONS] += 1.0
        note(journal, room, viewable, v.viewer_id, J_AD_START, float(v.campaign))
    if stays and ends <= until:
        finish_impression(v, room, p, campaigns, ledger, journal, PRE, p.preroll_s, ends)
        v.preroll_until_s = 0.0


@kernel
def leave_factor(v, room, p, highlight):
    """Return what the ad that a viewer is watching does to their leave rate."""
    if v.campaign < 0:
        return 1.0
    if v.preroll_until_s > 0.0:
        return p.leave_base
    if room.overlay:
        return p.leave_overlay
    return (p.leave_base + p.leave_load * room.load30) * (1.0 + p.leave_highlight * highlight) * room.pause


@kernel
def start_creative(alive, viewers, room, p, campaigns, order, rank_price, ledger, journal, now_s, value):
    """Start one creative for everybody present who is not in a pre-roll; a slot nobody wants stays empty."""
    for i in range(room.high):
        v = viewers[i]
        if alive[i] == 0 or v.preroll_until_s > 0.0:
            continue
        ledger[AD_SLOTS] += 1.0
        if fill(v, p, campaigns, order, rank_price, value):
            ledger[AD_IMPRESSIONS] += 1.0
            note(journal, room, now_s, v.viewer_id, J_AD_START, float(v.campaign))


@kernel
def finish_creative(alive, viewers, room, p, campaigns, ledger, journal, position, length_s, now_s):
    """End the creative that everybody outside a pre-roll is watching."""
    for i in range(room.high):
        v = viewers[i]
        if alive[i] and v.preroll_until_s <= 0.0:
            finish_impression(v, room, p, campaigns, ledger, journal, position, length_s, now_s)
