"""How one viewer answers to a product on screen: clicking, intending, ordering."""

from __future__ import annotations

import math

from livesim.audience.patience import sigma
from livesim.audience.profile import W_CLICK, tell
from livesim.compiled import kernel
from livesim.journal import note
from livesim.ledger import CLICKS, J_CLICK, J_ORDER, ORDER_CREDITS, ORDER_EXPECTED, ORDER_MARGIN, ORDERS
from livesim.randomness import Channel, exponential, normals

CH_CLICK, CH_ORDER = int(Channel.CLICK), int(Channel.ORDER)


@kernel
def admit_shopper(v, p, key):
    """Draw a new viewer's willingness to pay and set their clocks."""
    v.wtp = math.exp(p.wtp_log_sd * normals(key, v.viewer_id, CH_ORDER, 0)[0])
    v.click_left = exponential(key, v.viewer_id, CH_CLICK, 0)
    v.order_left = exponential(key, v.viewer_id, CH_ORDER, 1)
    v.click_count = 0
    v.order_count = 1
    for k in range(v.seen_ds.shape[0]):
        v.seen_ds[k] = 0
    v.intent_until_s = 0.0
    v.known = 0.0
    v.asked = 0.0


@kernel
def click_rate(p, match, explaining, sale, seen_min, shown_s):
    """Return the click hazard in 1/s: 10^a exp(b match + explaining + sale), fading with minutes seen.

    sale: 0-1, remaining strength of a running flash sale.  shown_s: time the product has been on screen this time; a
    product must be presented before people click.
    """
    log = p.click_log10 * math.log(10.0) + p.click_match * match + p.click_sale * sale
    if explaining:
        log += p.click_explaining
    return math.exp(log - seen_min / p.click_saturation_min) * (1.0 - math.exp(-shown_s / p.click_warm_up_s))


@kernel
def intent_rate(p, price, reference, wtp, follows, sale):
    """Return the order hazard in 1/s that a click opens for `intent_s` seconds.

    The whole intent leads to an order with probability sigma(base - slope ln(price / wtp) + trust + sale).
    """
    logit = p.order_base - p.order_price * math.log(max(price, 1e-6) / max(reference * wtp, 1e-6))
    logit += p.order_sale * sale
    if follows:
        logit += p.order_trust
    return -math.log(max(1.0 - sigma(logit), 1e-12)) / p.intent_s


@kernel
def open_intent(v, item, k, p, now_s, sale):
    """Turn a click on item k into an intent."""
    price = item.price * (1.0 - p.sale_discount) if sale > 0.0 else item.price
    v.intent_rate = intent_rate(p, price, item.reference, v.wtp, v.follows, sale)
    v.intent_until_s = now_s + p.intent_s
    v.intent_item = k


@kernel
def shop(v, room, item, p, now, ledger, journal, seconds, until):
    """Let a viewer watch the product on screen for `seconds` and click where their clock says so.

    Returns what it showed of their taste.
    """
    match = v.match + now.match_shift
    seen_ds = float(v.seen_ds[room.on_item])
    rate = click_rate(p, match, now.explaining, now.sale, seen_ds / 600.0, until - room.item_start_s)
    v.seen_ds[room.on_item] = int(min(seen_ds + 10.0 * seconds + 0.5, 65535.0))
    item.viewer_s += seconds
    v.click_left -= rate * seconds
    shown = 0.0
    while v.click_left <= 0.0:
        v.click_count += 1
        v.click_left += exponential(room.key, v.viewer_id, CH_CLICK, v.click_count)
        open_intent(v, item, room.on_item, p, until, now.sale)
        item.clicks += 1.0
        ledger[CLICKS] += 1.0
        note(journal, room, until, v.viewer_id, J_CLICK, float(room.on_item))
        shown += tell(v, room, item, W_CLICK)
    return shown


@kernel
def order(v, room, items, kinds, p, now, ledger, journal, begin, seconds, until):
    """Let a viewer order what they clicked, where their clock says so and stock lasts.

    A running sale lifts the hazard of intents that were open when it began by `order_intent`, of others by
    `order_other`, and costs its discount.
    """
    item = items[v.intent_item]
    if item.stock < 1.0:
        return
    rate, margin, paid = v.intent_rate, item.price * item.margin, item.price
    if now.sale > 0.0:
        kind = kinds[room.kind]
        lift = kind.order_intent if v.had_intent and v.decided == room.use else kind.order_other
        rate *= 1.0 + (lift - 1.0) * now.sale
        margin -= item.price * p.sale_discount
        paid -= item.price * p.sale_discount
    hazard = rate * min(seconds, v.intent_until_s - begin)
    ledger[ORDER_EXPECTED] += min(hazard, v.order_left) * margin
    v.order_left -= hazard
    if v.order_left > 0.0:
        return
    v.order_count += 1
    v.order_left = exponential(room.key, v.viewer_id, CH_ORDER, v.order_count)
    v.intent_until_s = 0.0
    item.stock -= 1.0
    ledger[ORDERS] += 1.0
    ledger[ORDER_CREDITS] += paid
    ledger[ORDER_MARGIN] += margin
    note(journal, room, until, v.viewer_id, J_ORDER, margin)
