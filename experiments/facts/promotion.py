"""Facts about selling in the room and about what a host starts: coupons, draws, battles."""

from __future__ import annotations

import numpy as np

from experiments.facts.measures import during, kind_index, ledger_ratio, lift_while, measures, totals
from experiments.facts.pooling import Pooled, divided, ratio
from experiments.facts.world import World
from livesim.ledger import J_CLICK

ACTS = ("messages", "gifts", "follows", "shares", "clicks", "orders")
"""What platforms count as engagement: everything a viewer does but watch. Entering a draw itself is left out."""


@measures("product_ctr")
def product_ctr(world: World) -> Pooled:
    """Return the percentage of entries that click a product."""
    sessions = world["as it is"]
    clickers = [len(np.unique(session.of_kind(J_CLICK)["viewer_id"])) for session in sessions]
    return ratio(clickers, totals(sessions, "entered"), 100.0)


@measures("orders_per_click")
def orders_per_click(world: World) -> Pooled:
    """Return orders per hundred clicks."""
    return ledger_ratio(world["as it is"], "orders", "clicks", 100.0)


@measures("orders_per_entry")
def orders_per_entry(world: World) -> Pooled:
    """Return orders per hundred entries."""
    return ledger_ratio(world["as it is"], "orders", "entered", 100.0)


@measures("coupon_lift")
def coupon_lift(world: World) -> Pooled:
    """Return orders while a flash sale is open over the same minutes without it."""
    kind = kind_index(world, "flash_sale")
    return lift_while(world["flash sales"], world["no interactions"], kind, "orders")


@measures("draw_lift")
def draw_lift(world: World) -> Pooled:
    """Return the percentage by which acts of viewers (`ACTS`) rise while a draw is open."""
    kind = kind_index(world, "lucky_draw")
    treated, control = [], []
    for ours, theirs in zip(world["lucky draws"], world["no interactions"], strict=True):
        window = during(ours, kind)
        treated.append(sum(ours.column(act)[window].sum() for act in ACTS))
        control.append(sum(theirs.column(act)[window].sum() for act in ACTS))
    lift = ratio(treated, control)
    return lambda weights: 100.0 * (lift(weights) - 1.0)


@measures("battle_lift")
def battle_lift(world: World) -> Pooled:
    """Return expected giving in the first battle of a session over the same minutes without it."""
    kind = kind_index(world, "battle")
    return lift_while(world["battles"], world["no interactions"], kind, "gift_expected", use=0)


@measures("battle_repeat")
def battle_repeat(world: World) -> Pooled:
    """Return the percentage by which the second battle lifts giving less when its rival is the first one's."""
    kind = kind_index(world, "battle")
    again, fresh = (
        lift_while(world[name], world["no interactions"], kind, "gift_expected", use=1)
        for name in ("one rival", "ever new rivals")
    )
    return lambda weights: 100.0 * (divided(again, fresh)(weights) - 1.0)
