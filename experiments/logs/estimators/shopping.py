"""Products: clicks per impression and orders per click."""

from __future__ import annotations

import numpy as np

from experiments.logs.estimators.auxiliary import Auxiliary, too_few
from experiments.logs.schema import CLICK, IMPRESSION, NONE, ORDER
from experiments.logs.sessions import Sessions
from livesim.scenario import Scenario

FEWEST_ORDERS = 20
CLICKS, ORDERS = "content.click_log10", "content.order_base"


def shopping(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return log10 clicks per product impression, and logit orders per click."""
    found = Auxiliary()
    if not any(item.kind == "product" for item in scenario.content.items):
        found.missing.update({CLICKS: "the base has no products", ORDERS: "the base has no products"})
        return found
    click = sessions.of_kind(CLICK)
    clicks = sessions.per_room(click.room[click.position == NONE])
    shown = sessions.per_room(sessions.of_kind(IMPRESSION).room)
    orders = sessions.per_room(sessions.of_kind(ORDER).room)
    if shown.sum() == 0:
        found.missing.update({CLICKS: "no impressions of products", ORDERS: "no impressions of products"})
        return found
    found.add_ratio(CLICKS, clicks, shown, "clicks on products", unit=float(np.log(10.0)))
    if not too_few(found, [ORDERS], min(orders.sum(), clicks.sum() - orders.sum()), "orders", FEWEST_ORDERS):
        share = orders.sum() / clicks.sum()
        influence = (orders - share * clicks) / clicks.sum() / (share * (1.0 - share))
        found.add(ORDERS, float(np.log(share / (1.0 - share))), influence, f"{orders.sum():,.0f} orders")
    return found
