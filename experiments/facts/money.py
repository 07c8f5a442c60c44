"""Facts about gifts, ads and orders."""

from __future__ import annotations

import numpy as np

from experiments.facts.audience import lost_by
from experiments.facts.measures import (
    binned,
    during,
    ledger_ratio,
    lift_while,
    matched,
    measures,
    totals,
)
from experiments.facts.pooling import (
    Pooled,
    divided,
    gini,
    mean,
    minus,
    quantile,
    ratio,
    repeated,
    top_share,
)
from experiments.facts.sessions import Session
from experiments.facts.world import TIP_EVERY, World
from livesim.audience.state import FEED, FOLLOWER
from livesim.ledger import J_CLICK, J_GIFT
from livesim.randomness import Channel, room_key, uniforms
from livesim.scenario import Scenario

MINUTE_S = 60.0
ACTS = ("messages", "gifts", "follows", "shares", "clicks", "orders")
"""What platforms count as engagement: everything a viewer does but watch. Entering a draw itself is left out."""


def kind_index(world: World, name: str) -> int:
    """Return the number of an interaction kind of the scenario."""
    return [kind.name for kind in world.scenario.interactions.kinds].index(name)


@measures("gifts_per_entry")
def gifts_per_entry(world: World) -> Pooled:
    """Return gifts per hundred entries."""
    return ledger_ratio(world["as it is"], "gifts", "entered", 100.0)


@measures("entries_with_gift")
def entries_with_gift(world: World) -> Pooled:
    """Return the percentage of entries that give at least once."""
    sessions = world["as it is"]
    givers = [len(np.unique(session.of_kind(J_GIFT)["viewer_id"])) for session in sessions]
    return ratio(givers, totals(sessions, "entered"), 100.0)


@measures("gifts_per_hour")
def gifts_per_hour(world: World) -> Pooled:
    """Return gifts per viewer-hour."""
    return ledger_ratio(world["as it is"], "gifts", "present_s", 3600.0)


@measures("coins_per_hour")
def coins_per_hour(world: World) -> Pooled:
    """Return credits given per viewer-hour."""
    return ledger_ratio(world["as it is"], "gift_credits", "present_s", 3600.0)


def prices(sessions: list[Session]) -> list[np.ndarray]:
    """Return the credits of every gift, per session."""
    return [session.of_kind(J_GIFT)["value"] for session in sessions]


@measures("price_one")
def price_one(world: World) -> Pooled:
    """Return the share of gifts of one credit."""
    given = prices(world["as it is"])
    return ratio([(price == 1.0).sum() for price in given], [len(price) for price in given])


@measures("price_p50")
def price_p50(world: World) -> Pooled:
    """Return the median credits of a gift."""
    return quantile(prices(world["as it is"]), 0.5)


@measures("price_p90")
def price_p90(world: World) -> Pooled:
    """Return the 90th percentile of the credits of a gift."""
    return quantile(prices(world["as it is"]), 0.9)


@measures("price_p99")
def price_p99(world: World) -> Pooled:
    """Return the 99th percentile of the credits of a gift."""
    return quantile(prices(world["as it is"]), 0.99)


def spending(sessions: list[Session]) -> list[np.ndarray]:
    """Return the credits of every giver, per session."""
    sums = []
    for session in sessions:
        gifts = session.of_kind(J_GIFT)
        _, giver = np.unique(gifts["viewer_id"], return_inverse=True)
        sums.append(np.bincount(giver, weights=gifts["value"]))
    return sums


@measures("spender_gini")
def spender_gini(world: World) -> Pooled:
    """Return the Gini coefficient of credits over givers."""
    return repeated(spending(world["as it is"]), gini)


@measures("spender_top_1")
def spender_top_1(world: World) -> Pooled:
    """Return the share of credits that the top 1 % of givers give."""
    return repeated(spending(world["as it is"]), lambda sums: top_share(sums, 0.01))


@measures("spender_top_10")
def spender_top_10(world: World) -> Pooled:
    """Return the share of credits that the top 10 % of givers give."""
    return repeated(spending(world["as it is"]), lambda sums: top_share(sums, 0.10))


def gave_before(session: Session, scenario: Scenario) -> np.ndarray:
    """Return which entries, (n,) bool, are of followers who gave to this host before: the dice of their giver flag."""
    key, stays = room_key(session.seed), session.stays
    is_loyal = np.zeros(len(stays.viewer_id), dtype=bool)
    for at in np.flatnonzero(stays.source == FOLLOWER):
        is_giver, has_given, _, _ = uniforms(key, int(stays.viewer_id[at]), int(Channel.GIVER), 0)
        is_loyal[at] = is_giver < scenario.gifts.giver_share and has_given < scenario.gifts.repeat_share
    return is_loyal


def _loyal(world: World) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"loyal": [], "others": [], "by_loyal": [], "by_others": [], "credits": []}
    for session in world["as it is"]:
        is_loyal, gifts = gave_before(session, world.scenario), session.of_kind(J_GIFT)
        by_loyal = np.isin(gifts["viewer_id"], session.stays.viewer_id[is_loyal])
        found["loyal"].append(is_loyal.sum())
        found["others"].append((~is_loyal).sum())
        found["by_loyal"].append(len(np.unique(gifts["viewer_id"][by_loyal])))
        found["by_others"].append(len(np.unique(gifts["viewer_id"][~by_loyal])))
        found["credits"].append(gifts["value"][by_loyal].sum())
    return found


@measures("loyal_ratio")
def loyal_ratio(world: World) -> Pooled:
    """Return the share of entries with a gift among loyal givers over that among all others."""
    found = _loyal(world)
    return divided(ratio(found["by_loyal"], found["loyal"]), ratio(found["by_others"], found["others"]))


@measures("loyal_share")
def loyal_share(world: World) -> Pooled:
    """Return the share of credits that loyal givers give."""
    return ratio(_loyal(world)["credits"], totals(world["as it is"], "gift_credits"))


@measures("gift_fano")
def gift_fano(world: World) -> Pooled:
    """Return the variance over the mean of gifts per minute, mean of sessions."""
    return mean([fano(binned(session, "gifts", MINUTE_S)) for session in world["as it is"]])


def fano(counts: np.ndarray) -> float:
    """Return variance over mean of counts; NaN where nothing was counted."""
    return float(counts.var() / counts.mean()) if counts.sum() > 0 else float("nan")


@measures("gift_chat_correlation")
def gift_chat_correlation(world: World) -> Pooled:
    """Return the correlation of gifts and messages per minute, mean of sessions."""
    found = []
    for session in world["as it is"]:
        gifts, messages = binned(session, "gifts", MINUTE_S), binned(session, "messages", MINUTE_S)
        varies = gifts.std() > 0 and messages.std() > 0
        found.append(np.corrcoef(gifts, messages)[0, 1] if varies else float("nan"))
    return mean(found)


@measures("crowding_out")
def crowding_out(world: World) -> Pooled:
    """Return the percentage change of others' expected giving in the half minute after a tip, outside battles."""
    return _after_tips(world, inside=False)


@measures("crowding_in")
def crowding_in(world: World) -> Pooled:
    """Return the percentage change of others' expected giving in the half minute after a tip, inside battles."""
    return _after_tips(world, inside=True)


def _after_tips(world: World, inside: bool) -> Pooled:
    """Compare tipped with untipped decisions of the same number; the crowd has had 90 s to forget the tip before."""
    kinds = [kind.name for kind in world.scenario.interactions.kinds if kind.battle]
    battles = [kind_index(world, name) for name in kinds]
    tipped, usual = [], []
    for ours, theirs in zip(world["tips from outside"], world["as it is"], strict=True):
        is_tipped = (np.arange(len(ours.on)) % TIP_EVERY == 0) & (np.arange(len(ours.on)) > 0)
        in_battle = np.isin(ours.on[:, 2], battles) & np.isin(theirs.on[:, 2], battles)
        no_battle = ~np.isin(ours.on[:, 2], battles) & ~np.isin(theirs.on[:, 2], battles)
        window = is_tipped & (in_battle if inside else no_battle)
        tipped.append(ours.column("gift_expected")[window].sum() / max(ours.column("present_s")[window].sum(), 1e-9))
        usual.append(theirs.column("gift_expected")[window].sum() / max(theirs.column("present_s")[window].sum(), 1e-9))
    change = ratio(tipped, usual)
    return lambda weights: 100.0 * (change(weights) - 1.0)


@measures("tip_elasticity")
def tip_elasticity(world: World) -> Pooled:
    """Return the change of log expected giving per change of log viewers, a quarter of the audience to all."""
    whole, part = world["as it is"], world["a quarter"]
    tips = ratio(totals(whole, "gift_expected"), totals(part, "gift_expected"))
    viewers = ratio(totals(whole, "present_s"), totals(part, "present_s"))
    return lambda weights: np.log(tips(weights)) / np.log(viewers(weights))


def _in_overlay(world: World, session: Session) -> np.ndarray:
    overlays = [n for n, form in enumerate(world.scenario.ads.formats) if form.overlay]
    return np.isin(session.on[:, 1], overlays)


def completions(world: World, session: Session) -> dict[str, float]:
    """Return impressions and completions of pre-rolls and mid-rolls; decisions with an overlay are left out."""
    kept = ~_in_overlay(world, session)
    column = {name: float(session.column(name)[kept].sum()) for name in (
        "ad_impressions", "ad_completed", "preroll_impressions", "preroll_completed",
    )}  # fmt: skip
    column["mid_impressions"] = column["ad_impressions"] - column["preroll_impressions"]
    column["mid_completed"] = column["ad_completed"] - column["preroll_completed"]
    return column


def _completion(world: World, slot: str) -> Pooled:
    counts = [completions(world, session) for session in world["as it is"]]
    return ratio([c[f"{slot}_completed"] for c in counts], [c[f"{slot}_impressions"] for c in counts])


@measures("completion_pre")
def completion_pre(world: World) -> Pooled:
    """Return the share of pre-rolls watched to the end."""
    return _completion(world, "preroll")


@measures("completion_mid")
def completion_mid(world: World) -> Pooled:
    """Return the share of mid-rolls watched to the end."""
    return _completion(world, "mid")


@measures("completion_ratio")
def completion_ratio(world: World) -> Pooled:
    """Return mid-roll completion over pre-roll completion."""
    return divided(completion_mid(world), completion_pre(world))


@measures("loading_over_ads")
def loading_over_ads(world: World) -> Pooled:
    """Return strangers lost in 10 s of waiting over those lost in 10 s of a pre-roll, above those lost anyway."""
    quick = lost_by(world["quick start"], 10.0)
    waiting = minus(lost_by(world["endless start"], 10.0), quick)
    return divided(waiting, minus(lost_by(world["pre-rolls, no bouncers"], 10.0), quick))


@measures("ctr_in_stream")
def ctr_in_stream(world: World) -> Pooled:
    """Return the click-through of pre-rolls and mid-rolls in percent."""
    return _click_through(world, "as it is", overlays=False)


@measures("ctr_overlay")
def ctr_overlay(world: World) -> Pooled:
    """Return the click-through of overlays in percent, one every ten minutes."""
    return _click_through(world, "overlays", overlays=True)


def _click_through(world: World, treatment: str, overlays: bool) -> Pooled:
    clicks, shown = [], []
    for session in world[treatment]:
        kept = _in_overlay(world, session) == overlays
        clicks.append(session.column("ad_clicks")[kept].sum())
        shown.append(session.column("ad_impressions")[kept].sum())
    return ratio(clicks, shown, 100.0)


@measures("ad_load_cost")
def ad_load_cost(world: World) -> Pooled:
    """Return the percentage of stay that the same viewers lose per 3 min of mid-roll an hour."""
    lost, calm = [], []
    for ours, theirs in zip(world["mid-rolls only"], world["no ads"], strict=True):
        a, b = matched(ours, theirs)
        calm.append(theirs.stays.stay_s[b].sum())
        lost.append(calm[-1] - ours.stays.stay_s[a].sum())
    hours = np.array([session.seen_s / 3600.0 for session in world["mid-rolls only"]])
    load = ratio(totals(world["mid-rolls only"], "ad_s") / 60.0, hours)
    return lambda weights: 100.0 * ratio(lost, calm)(weights) * 3.0 / load(weights)


@measures("preroll_bounce")
def preroll_bounce(world: World) -> Pooled:
    """Return the share of strangers gone when the pre-roll ends, of those who would be there without it."""
    length_s = world.scenario.ads.preroll_s
    gone, would_stay = [], []
    for ours, theirs in zip(world["pre-rolls for ever"], world["no ads"], strict=True):
        a, b = matched(ours, theirs)
        stays = (theirs.stays.source[b] == FEED) & (theirs.stays.stay_s[b] > length_s)
        gone.append((ours.stays.has_left[a] & (ours.stays.stay_s[a] <= length_s) & stays).sum())
        would_stay.append(stays.sum())
    return ratio(gone, would_stay)


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
