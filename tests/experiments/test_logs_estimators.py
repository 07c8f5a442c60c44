"""Each estimator of a log finds the numbers of data drawn from its own model, within 4 of its standard errors."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.logs.estimators.ads import ads
from experiments.logs.estimators.arrivals import arrivals
from experiments.logs.estimators.auxiliary import Auxiliary
from experiments.logs.estimators.following import following
from experiments.logs.estimators.giving import AMOUNT, HURDLE, giving, warmed_h
from experiments.logs.estimators.shopping import shopping
from experiments.logs.estimators.stays import stays
from experiments.logs.estimators.talking import talking
from experiments.logs.schema import AD_COMPLETE, AD_START, CLICK, FOLLOW, GIFT, IMPRESSION, MESSAGE, NONE, ORDER
from experiments.logs.sessions import Events, Sessions, Visits
from livesim.audience.state import CLIP, FEED, FOLLOWER, SEARCH
from livesim.scenario import load_scenario

ROOMS, LENGTH_S = 40, 3600.0
BASE = load_scenario("tiny", {"session.duration_s": LENGTH_S, "audience.planned_viewers": 50})


def close(found: Auxiliary, key: str, truth: float) -> None:
    """Assert that an estimate is within 4 standard errors of the truth, and that those are worth something."""
    error = np.sqrt((found.influence[key] ** 2).sum())
    assert abs(found.value[key] - truth) < 4.0 * error, f"{key}: {found.value[key]:.3f} +- {error:.3f}, not {truth:.3f}"
    assert error < 0.5


def logit(p: float) -> float:
    return float(np.log(p / (1.0 - p)))


def visits_of(room, source, entered_s, stay_s) -> Visits:
    """Return visits in order, cut at the end of the session."""
    left_s = np.minimum(entered_s + stay_s, LENGTH_S)
    columns = (room, np.arange(len(room)), source, entered_s, left_s, entered_s + stay_s < LENGTH_S)
    order = np.lexsort((entered_s, room))
    return Visits(*(np.asarray(column)[order] for column in columns))


def sessions_with(visits: Visits, *kinds: tuple) -> Sessions:
    """Return sessions with events given as (event, visit, time_s, value, position)."""
    parts = [
        (visits.room[visit], time_s, visit, np.full(len(visit), event, np.int8), value * np.ones(len(visit)),
         np.zeros(len(visit), np.int64), (position * np.ones(len(visit))).astype(np.int8))
        for event, visit, time_s, value, position in kinds
    ]  # fmt: skip
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.zeros(0, int)] * 7
    order = np.lexsort((columns[3], columns[1], columns[0]))
    events = Events(*(column[order] for column in columns))
    return Sessions(tuple(map(str, range(ROOMS))), (), np.full(ROOMS, LENGTH_S), visits, events, {})


def crowd(rng, count: int, stay_s=None, sources=(FEED,)) -> Visits:
    """Return `count` visits at uniform times in random rooms."""
    stay_s = np.full(count, 2.0 * LENGTH_S) if stay_s is None else stay_s
    return visits_of(rng.integers(0, ROOMS, count), rng.choice(sources, count), rng.uniform(0, LENGTH_S, count), stay_s)


def test_stays_find_shares_and_spreads_of_a_censored_mixture():
    rng = np.random.default_rng(1)
    n, shares = 12_000, {FEED: 0.7, FOLLOWER: 0.15, SEARCH: 0.3, CLIP: 0.5}
    source = rng.choice([FEED, FOLLOWER, SEARCH, CLIP], n, p=[0.6, 0.2, 0.1, 0.1])
    bounces = rng.random(n) < np.array([shares[s] for s in source])
    engaged = np.where(source == FOLLOWER, rng.lognormal(7.0, 0.8, n), rng.lognormal(5.5, 1.4, n))
    stay_s = np.where(bounces, rng.lognormal(1.0, 0.7, n), engaged)
    visits = visits_of(rng.integers(0, ROOMS, n), source, rng.uniform(0, LENGTH_S, n), stay_s)
    found = stays(sessions_with(visits), BASE)
    for source, name in ((FEED, "feed"), (FOLLOWER, "follower"), (SEARCH, "search"), (CLIP, "clip")):
        close(found, f"audience.bounce_{name}", logit(shares[source]))
    for name, mean, sd in (("bouncer", 1.0, 0.7), ("engaged", 5.5, 1.4), ("follower", 7.0, 0.8)):
        close(found, f"audience.{name}_log_mean", mean)
        close(found, f"audience.{name}_log_sd", float(np.log(sd)))


def test_stays_without_any_leave_are_not_estimated():
    found = stays(sessions_with(crowd(np.random.default_rng(2), 500)), BASE)
    assert found.value == {}
    assert "hardly any stay is seen to end" in found.missing["audience.bounce_feed"]


def test_arrivals_find_rates_start_pulse_and_scatter():
    rng = np.random.default_rng(3)
    tick_s, planned, ticks = BASE.session.tick_s, 50.0, 720
    edges = np.arange(ticks) * tick_s
    tau = BASE.audience.notification_decay_s
    pulse = np.exp(-edges / tau) * -np.expm1(-tick_s / tau) / -np.expm1(-LENGTH_S / tau)
    feed = np.where(edges < 300, 0.6, 1.0) * 90.0 * planned / 3600.0 * tick_s
    follower = 20.0 * planned * (0.3 * pulse + 0.7 / ticks)
    rates = {FEED: feed, FOLLOWER: follower, SEARCH: np.full(ticks, feed[-1] * 0.05)}
    room, source, entered = [], [], []
    for r in range(ROOMS):
        slow = np.exp(rng.normal(-0.5 * 0.3**2, 0.3, ticks // 60)).repeat(60)  # five minutes each
        for s, rate in rates.items():
            counts = rng.poisson(rng.gamma(4.0, rate * slow / 4.0))
            entered.append(edges.repeat(counts) + rng.uniform(0, tick_s, counts.sum()))
            room.append(np.full(counts.sum(), r))
            source.append(np.full(counts.sum(), s))
    columns = [np.concatenate(part) for part in (room, source, entered)]
    found = arrivals(sessions_with(visits_of(*columns, np.full(len(columns[0]), 60.0))), BASE)
    close(found, "audience.feed_entries_per_viewer_hour", float(np.log(90.0)))
    close(found, "audience.follower_entries_per_viewer", float(np.log(40.0)))
    close(found, "audience.search_share", float(np.log(0.05)))
    close(found, "audience.boost_start", float(np.log(0.6)))
    close(found, "audience.notification_share", 0.3)
    close(found, "audience.count_size", 0.25)
    found_sd = np.sqrt(found.value["audience.modulator_sd"])
    assert found_sd == pytest.approx(0.3, abs=0.03), "of ln N(-s^2/2, s), whose variance over mean^2 is exp(s^2) - 1"


def test_giving_finds_who_gives_and_how_often():
    rng = np.random.default_rng(4)
    n, share, rate, tau = 20_000, 0.08, 3.0, BASE.gifts.warm_up_s
    visits = crowd(rng, n, rng.lognormal(7.0, 1.0, n))
    ages = np.arange(0.0, LENGTH_S + 1.0)
    warmed = warmed_h(ages, tau)
    visit, when = [], []
    for giver in np.flatnonzero(rng.random(n) < share):
        at = np.cumsum(rng.exponential(1.0 / rate, 40))
        age = np.interp(at[at < warmed[-1]], warmed, ages)
        age = age[age < visits.left_s[giver] - visits.entered_s[giver]]
        visit += [giver] * len(age)
        when += list(visits.entered_s[giver] + age)
    gifts = (GIFT, np.array(visit), np.array(when), 1.0, NONE)
    found = giving(sessions_with(visits, gifts), BASE)
    close(found, HURDLE[0], logit(share))
    close(found, HURDLE[1], float(np.log(rate)))


def test_giving_finds_amounts_through_rounding_and_between_givers():
    rng = np.random.default_rng(5)
    givers, each = 400, rng.poisson(2.0, 400) + 1
    visits = crowd(rng, givers)
    visit = np.arange(givers).repeat(each)
    z, e = rng.normal(size=givers).repeat(each), rng.normal(size=each.sum())
    amount = np.ceil(np.exp(0.6 + 1.8 * z + 1.2 * e))
    gifts = (GIFT, visit, visits.entered_s[visit] + 0.001, amount, NONE)
    found = giving(sessions_with(visits, gifts), BASE)
    for key, truth in zip(AMOUNT, (0.6, np.log(1.8), np.log(1.2)), strict=True):
        close(found, key, float(truth))


def test_talking_finds_base_rate_and_branching_of_a_hawkes_process():
    rng = np.random.default_rng(6)
    viewers, mu, branching, kernel = 30, 0.08, 0.6, BASE.chat.kernel_s  # under the knee: every head counts alike
    visits = visits_of(np.arange(ROOMS).repeat(viewers), np.zeros(ROOMS * viewers, int), np.zeros(ROOMS * viewers),
                       np.full(ROOMS * viewers, 2 * LENGTH_S))  # fmt: skip
    visit, when = [], []
    for room in range(ROOMS):
        times = list(rng.uniform(0, LENGTH_S, rng.poisson(mu * viewers * LENGTH_S / 60.0)))
        for time_s in times:  # grows while it is walked: every message has its answers
            times += [t for t in time_s + rng.exponential(kernel, rng.poisson(branching)) if t < LENGTH_S]
        visit += list(room * viewers + rng.integers(0, viewers, len(times)))
        when += times
    found = talking(sessions_with(visits, (MESSAGE, np.array(visit), np.array(when), np.nan, NONE)), BASE)
    close(found, "chat.base_per_viewer_min", float(np.log(mu)))
    close(found, "chat.branching", logit(branching))


def test_ads_find_completion_by_position_length_and_follower_and_clicks():
    rng = np.random.default_rng(7)
    formats = [{"name": "short", "creative_s": 20}, {"name": "long", "creative_s": 60}]
    base = load_scenario(BASE, {"ads.formats": formats})
    n = 30_000
    source = rng.choice([FEED, FOLLOWER], n)
    visits = visits_of(rng.integers(0, ROOMS, n), source, rng.uniform(0, LENGTH_S - 200.0, n), np.full(n, 150.0))
    position = np.where((visits.source == FEED) & (rng.random(n) < 0.5), 0, 1)
    length = np.where(position == 0, 15.0, rng.choice([20.0, 60.0], n))
    value = 0.9 + 0.7 * (position == 1) - 0.03 * (length - 15.0) + 0.4 * (visits.source == FOLLOWER)
    done = rng.random(n) < 1.0 / (1.0 + np.exp(-value))
    clicked = done & (rng.random(n) < 0.03)
    who, at = np.arange(n), visits.entered_s + 5.0
    found = ads(
        sessions_with(
            visits, (AD_START, who, at, length, position),
            (AD_COMPLETE, who[done], (at + length)[done], np.nan, position[done]),
            (CLICK, who[clicked], (at + length)[clicked], np.nan, position[clicked]),
        ),
        base,
    )  # fmt: skip
    for key, truth in (("base", 0.9), ("mid", 0.7), ("length", -0.03), ("follower", 0.4)):
        close(found, f"ads.complete_{key}", truth)
    close(found, "ads.click_mid", float(np.log(0.03)))
    assert found.missing["ads.click_overlay"] == "0 clicks on overlays; at least 10 are needed"


def test_ads_of_viewers_who_left_before_the_end_say_nothing_of_completion():
    rng = np.random.default_rng(8)
    n = 4000
    stay_s = np.where(rng.random(n) < 0.5, 10.0, 150.0)
    visits = visits_of(rng.integers(0, ROOMS, n), np.zeros(n, int), rng.uniform(0, LENGTH_S - 200.0, n), stay_s)
    stays_on = visits.left_s - visits.entered_s > 20.0
    done = stays_on & (rng.random(n) < 0.75)
    who, at = np.arange(n), visits.entered_s + 1.0
    found = ads(
        sessions_with(visits, (AD_START, who, at, 15.0, 0), (AD_COMPLETE, who[done], at[done] + 15.0, np.nan, 0)), BASE
    )
    close(found, "ads.complete_base", logit(0.75))
    assert found.missing["ads.complete_follower"] == "no mid-rolls: followers see no others"


def test_following_finds_the_probability_by_age_of_the_stay():
    rng = np.random.default_rng(9)
    n, entry, minute, late = 30_000, 0.03, 0.05, 0.2
    visits = crowd(rng, n, rng.lognormal(5.5, 1.5, n), sources=(FEED, FOLLOWER))
    ages = np.array([0.0, 10.0, 60.0, 120.0, 1920.0])
    hazard = np.array([0.0, entry, entry, entry + minute, entry + minute + late])
    due = rng.exponential(1.0, n)
    age = np.where(due < hazard[-1], np.interp(due, hazard + 1e-9 * np.arange(5), ages), np.inf)
    age[(visits.source == FOLLOWER) | (age >= visits.left_s - visits.entered_s)] = np.inf
    who = np.flatnonzero(np.isfinite(age))
    visits = Visits(*visits[:4], np.minimum(visits.left_s, visits.entered_s + 1920.0), visits.has_left)
    found = following(sessions_with(visits, (FOLLOW, who, visits.entered_s[who] + age[who], np.nan, NONE)), BASE)
    for key, truth in (("entry", entry), ("minute", minute), ("late", late)):
        close(found, f"audience.follow_{key}_prob", float(np.log(truth)))


def test_shopping_finds_clicks_per_impression_and_orders_per_click():
    rng = np.random.default_rng(10)
    n = 8000
    visits = crowd(rng, n)
    clicked = np.flatnonzero(rng.random(n) < 0.12)
    ordered = clicked[rng.random(len(clicked)) < 0.2]
    at = visits.entered_s
    found = shopping(
        sessions_with(visits, (IMPRESSION, np.arange(n), at, np.nan, NONE), (CLICK, clicked, at[clicked], np.nan, NONE),
                      (ORDER, ordered, at[ordered], 40.0, NONE)),
        BASE,
    )  # fmt: skip
    close(found, "content.click_log10", float(np.log10(0.12)))
    close(found, "content.order_base", logit(0.2))
    without = shopping(sessions_with(visits), load_scenario("entertainment"))
    assert without.missing["content.order_base"] == "the base has no products"


def test_a_bootstrap_over_rooms_moves_an_estimate_as_refitting_does():
    """One Newton step from the whole sample against the estimate of the drawn sample."""
    rng = np.random.default_rng(11)
    n = 6000
    stay_s = np.where(rng.random(n) < 0.6, rng.lognormal(1.0, 0.7, n), rng.lognormal(5.5, 1.4, n))
    visits = crowd(rng, n, stay_s)
    whole = stays(sessions_with(visits), BASE)
    drawn = rng.integers(0, ROOMS, ROOMS)
    parts = [np.flatnonzero(visits.room == room) for room in drawn]
    again = Visits(*(np.concatenate([column[part] for part in parts]) for column in visits))
    again = again._replace(room=np.arange(ROOMS).repeat([len(part) for part in parts]))
    weights = np.bincount(drawn, minlength=ROOMS) - 1.0
    for key, value in stays(sessions_with(again), BASE).value.items():
        step = weights @ whole.influence[key]
        error = np.sqrt((whole.influence[key] ** 2).sum())
        assert whole.value[key] + step == pytest.approx(value, abs=0.3 * error), key
