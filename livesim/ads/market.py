"""The ad market of one room at one moment."""

from __future__ import annotations

from livesim.ads.auction import run_auction
from livesim.compiled import allocating_kernel, kernel


@kernel
def market_now(s, r):
    """Return the common factor of all ad bids now."""
    room = s.rooms[r]
    return s.luck.market[r, min(room.tick, room.ticks - 1)]


@allocating_kernel
def open_market(s, params, r):
    """Rank the campaigns of room r for what is sold until the next auction."""
    run_auction(s.rooms[r], params.ads[r], s.campaigns[r], s.centres[r], market_now(s, r), s.order[r], s.rank_price[r])
