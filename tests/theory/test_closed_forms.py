"""Pieces of the room against what theory says of them; tolerances are 4 standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from livesim import Rooms, load_scenario
from livesim import ledger as book
from livesim.audience.config import AudienceConfig
from livesim.audience.patience import burn_rate, patience_budget, return_probability, stay_law
from livesim.audience.state import FEED, FOLLOWER
from livesim.chat.config import ChatConfig
from livesim.chat.talk import chat_times
from livesim.gifts.config import GiftsConfig
from livesim.gifts.giving import combo_items, gift_amount, giving_factor, heat_leave_factor, mean_gift
from livesim.luck import arrival_means
from livesim.randomness import Channel, exponential, gamma_quarter, normals, philox, poisson_from, uniforms
from livesim.schema import records
from livesim.state import ROOM

KEY = np.uint64(0x1234567890ABCDEF)


def test_philox_gives_the_known_answers_of_its_authors():
    words = [int(w) for w in philox(np.uint64(0), 0, 0, 0)]
    assert words == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = (1 << 64) - 1
    words = [int(w) for w in philox(np.uint64(ones), np.uint64(ones), 0xFFFFFFFF, 0xFFFFFFFF)]
    assert words == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def test_uniform_exponential_and_normal_draws_follow_their_laws():
    n = 20_000
    u = np.array([uniforms(KEY, i, 1, 0) for i in range(n)])
    z = np.array([normals(KEY, i, 2, 0) for i in range(n)])
    e = np.array([exponential(KEY, i, 3, 0) for i in range(n)])
    for column in range(4):
        assert stats.kstest(u[:, column], "uniform").pvalue > 1e-4
        assert stats.kstest(z[:, column], "norm").pvalue > 1e-4
    assert stats.kstest(e, "expon").pvalue > 1e-4
    assert abs(np.corrcoef(u.T) - np.eye(4)).max() < 4 / math.sqrt(n)


def test_poisson_and_gamma_variates_have_their_moments():
    n = 20_000
    u = np.array([uniforms(KEY, i, 4, 0) for i in range(n)])
    counts = np.array([poisson_from(x, 2.5) for x in u[:, 0]])
    assert abs(counts.mean() - 2.5) < 4 * math.sqrt(2.5 / n)
    weights = np.array([gamma_quarter(a, b) * c**4 for a, b, c, _ in u])
    assert abs(weights.mean() - 0.25) < 4 * 0.5 / math.sqrt(n) + 0.005
    assert weights.var() == pytest.approx(0.25, rel=0.15)


@pytest.mark.parametrize(("source", "p0", "mean", "sd"), [(FEED, 0.60, 5.78, 1.71), (FOLLOWER, 0.20, 7.17, 0.90)])
def test_stays_at_burn_rate_one_follow_the_fitted_law(source, p0, mean, sd):
    p = records([AudienceConfig()])[0]
    n = 20_000
    laws = [stay_law(p, KEY, i, source, 0.0, 0.0) for i in range(n)]
    budgets = np.array([patience_budget(p, KEY, i, law) for i, law in enumerate(laws)])
    assert budgets.max() <= 14_400.0
    for seconds in (1, 3, 5, 20, 100, 600, 2000, 6000):
        bounce = stats.norm.cdf((math.log(seconds) - 0.73) / 0.90)
        engaged = stats.norm.cdf((math.log(seconds) - mean) / sd)
        share = p0 * bounce + (1 - p0) * engaged
        error = math.sqrt(share * (1 - share) / n)
        assert abs((budgets <= seconds).mean() - share) <= 4 * error + 1e-9, seconds


def test_a_stalled_share_burns_patience_as_the_scenario_says_and_half_of_it_that_of_followers():
    p = records([AudienceConfig()])[0]
    mean = p.mood_mean
    assert burn_rate(p, mean, 0.0, False, 1.0) == pytest.approx(1.0)
    assert burn_rate(p, mean, 0.01, False, 1.0) == pytest.approx(1.065)
    assert burn_rate(p, mean, 0.01, True, 1.0) == pytest.approx(1.0325)
    assert burn_rate(p, mean + 1, 0.0, False, 2.0) == pytest.approx(2 * math.exp(-0.45))


def test_a_glance_earns_no_return_and_a_happy_follower_earns_a_good_one():
    p = records([AudienceConfig()])[0]
    assert return_probability(p, False, 1.0, 0.0, 0.0) == 0.0
    assert return_probability(p, True, 1.0, 0.0, 1e9) == pytest.approx(1 / (1 + math.exp(0.2)))


@pytest.mark.parametrize("z", [-1.5, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("wallet", [3.0, 40.0, 900.0, 1e6])
def test_the_mean_gift_is_the_mean_of_gifts(z, wallet):
    p = records([GiftsConfig()])[0]
    n = 20_000
    amounts = np.array([min(gift_amount(p, z, wallet, KEY, 7, i), p.counted_max) for i in range(n)])
    error = amounts.std(ddof=1) / math.sqrt(n)
    assert abs(mean_gift(p, z, wallet) - amounts.mean()) <= 4 * error + 2e-3 * amounts.mean()


def test_gifts_are_ladder_combos_and_never_exceed_the_wallet():
    assert [combo_items(float(a)) for a in (1, 4, 37, 99, 1000, 1106)] == [1, 4, 4, 1, 1, 5]
    p = records([GiftsConfig()])[0]
    assert all(1 <= gift_amount(p, 3.0, 12.0, KEY, 1, i) <= 12 for i in range(200))


def test_heat_crowds_out_outside_a_battle_and_is_contagious_inside():
    p = records([GiftsConfig()])[0]
    assert giving_factor(p, 5.0, False, 0.0) == pytest.approx(0.95)
    assert giving_factor(p, 500.0, False, 0.0) == pytest.approx(0.85)
    assert giving_factor(p, 5.0, True, 1.0) == pytest.approx(math.exp(0.9) * 1.25)
    assert giving_factor(p, 500.0, True, 0.0) == pytest.approx(3.0)
    assert heat_leave_factor(p, 5.0, False) == pytest.approx(1.025)
    assert heat_leave_factor(p, 5.0, True) == 1.0


def test_where_gifts_are_contagious_nobody_leaves_for_them():
    p = records([GiftsConfig(crowd="contagion")])[0]
    assert giving_factor(p, 5.0, False, 0.0) == pytest.approx(1.25)
    assert giving_factor(p, 500.0, False, 0.0) == pytest.approx(3.0)
    assert giving_factor(p, 5.0, True, 1.0) == pytest.approx(math.exp(0.9) * 1.25)
    assert heat_leave_factor(p, 5.0, False) == 1.0


def test_chat_has_the_mean_and_the_branching_of_a_hawkes_process():
    """Stationary rate = base / (1 - eta); variance of long counts = mean / (1 - eta)^2; compensator = count."""
    config = ChatConfig()
    p = records([config])[0]
    windows, length_s, base = 400, 600.0, 0.2
    counts, compensators = np.zeros(windows), np.zeros(windows)
    room = np.zeros(1, ROOM).view(np.recarray)[0]
    room.key = KEY
    room.chat_left = exponential(KEY, 0, int(Channel.CHAT_CLOCK), 0)
    times = np.empty(1024)
    for w in range(-4, windows):
        n = total = 0.0
        for tick in range(120):
            k, integral = chat_times(room, p, base, tick * 5.0, 5.0, times)
            assert all(tick * 5.0 <= t <= tick * 5.0 + 5.0 for t in times[:k])
            n, total = n + k, total + integral
        if w >= 0:
            counts[w], compensators[w] = n, total
    mean = base * length_s / (1 - config.branching)
    error = math.sqrt(mean / (1 - config.branching) ** 2 / windows)
    assert abs(counts.mean() - mean) <= 4 * error
    assert counts.var(ddof=1) / counts.mean() == pytest.approx(1 / (1 - config.branching) ** 2, rel=0.3)
    martingale = counts - compensators
    assert abs(martingale.mean()) <= 4 * martingale.std(ddof=1) / math.sqrt(windows)


def test_arrival_means_add_up_to_what_the_scenario_plans():
    config = AudienceConfig()
    means = arrival_means(config, 7200.0, 5.0).sum(axis=1)
    assert means[FEED] == pytest.approx(config.feed_entries_per_viewer_hour * 300 * 2 * config.boost_max)
    assert means[FOLLOWER] == pytest.approx(config.follower_entries_per_viewer * 300)


def test_entries_are_as_many_as_the_thinned_candidates_say():
    """With the boost held at 1 a third of the feed candidates enter, within 4 standard errors of the binomial."""
    still = load_scenario("tiny", {
        "audience.boost_start": 1.0, "audience.boost_gain": 0.0, "audience.planned_viewers": 200,
        "audience.share_rate_per_h": 0.0,
    })  # fmt: skip
    rooms = Rooms(still, 8)
    rooms.reset(list(range(8)))
    while not rooms.ended.all():
        rooms.apply(np.zeros((8, 4), dtype=np.int64))
        rooms.advance()
    candidates = rooms.state.luck.candidates[:, FEED].sum()
    entered = rooms.state.ledger.history[:, :, book.ENTERED_FEED].sum()
    assert abs(entered - candidates / 3) <= 4 * math.sqrt(candidates * 2 / 9)
    followers = rooms.state.luck.candidates[:, FOLLOWER].sum()
    assert rooms.state.ledger.history[:, :, book.ENTERED_FOLLOWER].sum() == followers


@pytest.mark.slow
def test_halving_the_tick_changes_less_than_the_noise_of_200_seeds():
    metrics = {}
    for tick_s in (5.0, 2.5):
        scenario = load_scenario("tiny", {"session.tick_s": tick_s, "session.duration_s": 3600})
        rooms = Rooms(scenario, 200)
        rooms.reset(list(range(200)))
        while not rooms.ended.all():
            rooms.apply(np.zeros((200, 4), dtype=np.int64))
            rooms.advance()
        metrics[tick_s] = rooms.state.ledger.history.sum(axis=1)
    coarse, fine = metrics[5.0], metrics[2.5]
    for column in ("entered", "watch_s", "stall_s", "messages", "follows_expected", "return_expected", "clicks"):
        a, b = coarse[:, book.INDEX[column]], fine[:, book.INDEX[column]]
        noise = 1.96 * math.sqrt(a.var(ddof=1) / 200 + b.var(ddof=1) / 200)
        assert abs(a.mean() - b.mean()) <= 2 * noise, (column, a.mean(), b.mean(), noise)
