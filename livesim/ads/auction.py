"""Which campaigns fill a slot, and what they pay."""

from __future__ import annotations

import math

import numpy as np

from livesim.compiled import allocating_kernel, kernel


@allocating_kernel
def run_auction(room, p, campaigns, centres, market, order, rank_price):
    """Rank the campaigns for each segment and fix what each rank pays for one mid-roll impression.

    campaigns: (M,) records.  centres: (S, D).  market: common factor of all bids now.
    Writes order (S, M): campaigns by rank, -1 not eligible, and rank_price (S, M).

    Score = bid x predicted click x quality, bids shaded by pacing and falling with load. Second price: the score of
    the next rank over the own quality, at least the reserve; first price: the own score over the own quality. A
    campaign without budget or below the reserve is not eligible.
    """
    demand = market * math.exp(p.market_load * room.load30)
    score = np.empty(campaigns.shape[0])
    for s in range(centres.shape[0]):
        for m in range(campaigns.shape[0]):
            c = campaigns[m]
            click = p.click_mid * math.exp(p.click_relevance * relevance(room, c, centres[s]))
            score[m] = c.value * c.pacing * click * c.quality * demand
            if c.left < p.reserve_credits or score[m] < p.reserve_credits * c.quality:
                score[m] = 0.0
        ranked = np.argsort(-score)
        for k in range(campaigns.shape[0]):
            m = ranked[k]
            order[s, k] = -1
            if score[m] > 0.0:
                following = score[ranked[k + 1]] if k + 1 < campaigns.shape[0] else 0.0
                pays = score[m] if p.auction > 0.5 else following
                order[s, k] = m
                rank_price[s, k] = max(pays / campaigns[m].quality, p.reserve_credits)


@kernel
def relevance(room, campaign, taste):
    """Return how well a campaign fits a taste vector (D,), standardised over the population and all campaigns."""
    dot = 0.0
    for d in range(taste.shape[0]):
        dot += campaign.topics[d] * taste[d]
    return (dot - room.relevance_mean) / room.relevance_sd


@kernel
def fill(v, p, campaigns, order, rank_price, value):
    """Give a viewer the campaign that pays most for them now; return whether the slot was filled.

    value: worth of this position over a mid-roll. What a campaign pays falls with the viewer's earlier impressions of
    it as its predicted click does; a capped, broke or worthless campaign passes. The price is reserved from the
    budget now and given back where the impression is not completed, so that no campaign can spend more than it has.
    """
    best, best_price = -1, p.reserve_credits * value
    for k in range(order.shape[1]):
        m = order[v.segment, k]
        if m < 0:
            break
        price = rank_price[v.segment, k] * value * math.exp(p.click_seen * v.seen[m])
        if price >= best_price and v.seen[m] < campaigns[m].cap and campaigns[m].left >= price:
            best, best_price = m, price
    v.campaign = best
    if best < 0:
        return False
    campaigns[best].left -= best_price
    v.ad_price = best_price
    return True


@kernel
def give_back(v, campaigns):
    """Return the reserved price to the campaign and take the creative off."""
    if v.campaign >= 0:
        campaigns[v.campaign].left += v.ad_price
        v.campaign = -1


@kernel
def pace(campaigns, p, elapsed_share):
    """Steer every campaign's bids towards spending its budget evenly over the session."""
    for m in range(campaigns.shape[0]):
        c = campaigns[m]
        if c.budget > 0.0:
            ahead = (c.budget - c.left) / c.budget - elapsed_share
            c.pacing = min(max(math.exp(-3.0 * p.pacing_gain * ahead), 0.2), 1.5)
