"""Facts about gifts: how many, how much, by whom and when."""

from __future__ import annotations

import numpy as np

from experiments.facts.measures import binned, fano, kind_index, ledger_ratio, measures, totals
from experiments.facts.pooling import Pooled, divided, gini, mean, quantile, ratio, repeated, top_share
from experiments.facts.sessions import Session
from experiments.facts.world import MANY_GIVERS, TIP_EVERY, World
from livesim.audience.state import FOLLOWER
from livesim.ledger import J_GIFT
from livesim.randomness import Channel, room_key, uniforms
from livesim.scenario import Scenario

MINUTE_S = 60.0


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


def with_many_givers(world: World) -> list[Session]:
    """Return the sessions in which what givers give is compared: the room as it is, or with more givers of its law."""
    return world["as it is" if world.scenario.gifts.giver_share >= MANY_GIVERS else "many givers"]


def prices(sessions: list[Session]) -> list[np.ndarray]:
    """Return the credits of every gift, per session."""
    return [session.of_kind(J_GIFT)["value"] for session in sessions]


@measures("price_one")
def price_one(world: World) -> Pooled:
    """Return the share of gifts of one credit."""
    given = prices(with_many_givers(world))
    return ratio([(price == 1.0).sum() for price in given], [len(price) for price in given])


@measures("price_p50")
def price_p50(world: World) -> Pooled:
    """Return the median credits of a gift."""
    return quantile(prices(with_many_givers(world)), 0.5)


@measures("price_p90")
def price_p90(world: World) -> Pooled:
    """Return the 90th percentile of the credits of a gift."""
    return quantile(prices(with_many_givers(world)), 0.9)


@measures("price_p99")
def price_p99(world: World) -> Pooled:
    """Return the 99th percentile of the credits of a gift."""
    return quantile(prices(with_many_givers(world)), 0.99)


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
    return repeated(spending(with_many_givers(world)), gini)


@measures("spender_top_1")
def spender_top_1(world: World) -> Pooled:
    """Return the share of credits that the top 1 % of givers give."""
    return repeated(spending(with_many_givers(world)), lambda sums: top_share(sums, 0.01))


@measures("spender_top_10")
def spender_top_10(world: World) -> Pooled:
    """Return the share of credits that the top 10 % of givers give."""
    return repeated(spending(with_many_givers(world)), lambda sums: top_share(sums, 0.10))


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
