"""What a host cannot do now: one mask per head, entry 0 (keep / none) always allowed."""

from __future__ import annotations

import numpy as np

from livesim.chat.talk import count_waiting
from livesim.compiled import kernel
from livesim.operations.levers import mask_operate

NOTHING, RIVAL, PRODUCT, NAMES, PRIZE = range(5)


@kernel
def pending_offer(room, offers_s, wait_s, now_s):
    """Return the index of the battle offer that waits, or -1. offers_s: (n,) rising, padded with inf."""
    for n in range(offers_s.shape[0]):
        if offers_s[n] > now_s:
            break
        if n > room.offers_taken and now_s <= offers_s[n] + wait_s:
            return n
    return -1


@kernel
def fill_masks(s, params, recommend, ads, interact, operate):
    """Write the masks of all rooms, one (R, size) bool array per head."""
    for r in range(recommend.shape[0]):
        room = s.rooms[r]
        now_s = room.tick * params.session[r].tick_s
        is_over = room.tick >= room.ticks
        mask_items(room, s.items[r], params.content[r].min_dwell_s, now_s, is_over, recommend[r])
        is_idle = room.ad < 0 and now_s - room.ad_end_s >= params.ads[r].min_gap_s
        ads[r, 0] = True
        ads[r, 1:] = is_idle and not is_over
        offer = pending_offer(room, s.luck.offer_s[r], params.gifts[r].rival_wait_s, now_s)
        names = count_waiting(s.waiting[r], params.chat[r], now_s)
        mask_kinds(
            room, s.items[r, room.on_item], s.kinds[r], params.kinds[r], offer, names, now_s, is_over, interact[r]
        )
        rungs, staff = params.ladder.shape[0], int(params.operations[r].staff_most) + 1
        mask_operate(room, s.network.cap_rung[r], rungs, staff, now_s, is_over, operate[r])


@kernel
def mask_items(room, items, min_dwell_s, now_s, is_over, mask):
    """Allow the item that is on, and others once it has been on for its minimum; never what is sold out."""
    is_settled = now_s - room.item_start_s >= min_dwell_s or now_s <= 0.0
    mask[0] = True
    for k in range(items.shape[0]):
        is_sold_out = items[k].is_product != 0 and items[k].stock < 1.0
        mask[k + 1] = not is_over and not is_sold_out and (is_settled or k == room.on_item)


@kernel
def mask_kinds(room, item, uses, kinds, offer, names, now_s, is_over, mask):
    """Allow a kind that is not cooling down, while the host is free and what it needs is there."""
    mask[0] = True
    for j in range(kinds.shape[0]):
        needs = kinds[j].needs
        can = not is_over and room.host_kind < 0 and now_s >= uses[j].cooldown_until_s
        if needs == RIVAL:
            can = can and offer >= 0
        elif needs == PRODUCT:
            can = can and item.is_product != 0 and item.stock >= 1.0
        elif needs == NAMES:
            can = can and names > 0
        elif needs == PRIZE:
            can = can and room.prize_left >= kinds[j].prize_per_100 * room.present / 100.0
        mask[j + 1] = can


def empty_masks(rooms: int, sizes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return fresh mask arrays, one (rooms, size) per head."""
    return tuple(np.zeros((rooms, size), dtype=np.bool_) for size in sizes)
