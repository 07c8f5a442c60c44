import numpy as np
import pytest

from agents.policy import make_policy


@pytest.fixture
def act(layout, scenario):
    def run(name, observation, **params):
        policy = make_policy(f"ads.{name}", layout, scenario, ("ads",), params=params or None)
        return policy.predict(observation)[0]

    return run


def test_fixed_interval_breaks_by_the_clock_and_not_at_the_very_start(act, observe, form):
    observations = observe(
        rows=3, elapsed_min=np.array([0.0, 30.0, 30.0]), minutes_since_ad=np.array([60.0, 9.5, 10.0])
    )
    assert act("fixed_interval", observations, interval_min=10.0).tolist() == [0, 0, form("mid_roll_30")]


def test_credit_rule_buys_early_only_at_a_natural_pause(act, observe, form):
    observations = observe(rows=3, ad_credit_min=np.array([3.0, 3.0, 0.2]), dwell_min=np.array([4.0, 0.5, 4.0]))
    params = {"first_min": 6.0, "pause_credit_min": 5.0, "last_credit_min": 0.5}
    assert act("credit_rule", observations, **params).tolist() == [
        0,
        form("mid_roll_30"),
        form("mid_roll_30"),
    ]


def test_credit_rule_waits_for_the_audience_and_buys_nothing_that_outlasts_the_session(act, observe):
    observations = observe(
        rows=2,
        elapsed_min=np.array([2.0, 119.0]),
        remaining_min=np.array([118.0, 0.2]),
        ad_credit_min=np.array([0.0, 0.3]),
    )
    params = {"first_min": 6.0, "pause_credit_min": 5.0, "last_credit_min": 0.5}
    assert act("credit_rule", observations, **params).tolist() == [0, 0]


GATE = {
    "calm": 0.1,
    "load_cap_min": 2.0,
    "price_floor": 0.9,
    "long_price": 1.5,
    "gap_min": 5.0,
    "overdue_min": 15.0,
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "mid_roll_30"),
        ({"market_price": 2.0}, "mid_roll_60"),
        ({"market_price": 0.5}, None),
        ({"chat_trend": 0.8}, None),
        ({"gift_trend": 0.8}, None),
        ({"dwell_min": 3.0}, None),
        ({"ad_load30_min": 1.8}, None),
        ({"minutes_since_ad": 3.0}, None),
        ({"dwell_min": 3.0, "chat_trend": 0.8, "minutes_since_ad": 20.0}, "mid_roll_30"),
    ],
)
def test_engagement_gated_breaks_only_in_cheap_moments_or_when_overdue(act, observe, form, changes, expected):
    calm = {"dwell_min": 0.5, "minutes_since_ad": 8.0, **changes}
    assert act("engagement_gated", observe(**calm), **GATE)[0] == (form(expected) if expected else 0)


def test_a_masked_break_is_not_asked_for(act, observe, layout):
    mask = np.zeros(len(layout.format_names) + 1)
    mask[0] = 1.0
    observation = observe(ad_credit_min=0.0, dwell_min=0.5, mask_ads=mask)
    for name in (
        "fixed_interval",
        "credit_rule",
        "engagement_gated",
        "spam_mid_roll",
        "spam_overlay",
        "random",
    ):
        assert act(name, observation)[0] == 0


def test_spam_opens_its_format_every_two_minutes(act, observe, form):
    observations = observe(rows=2, minutes_since_ad=np.array([1.5, 2.0]))
    assert act("spam_overlay", observations).tolist() == [0, form("overlay")]
    assert act("spam_mid_roll", observations).tolist() == [0, form("mid_roll_30")]


def test_sell_out_is_the_credit_rule_until_the_last_ten_minutes(act, observe, form):
    observations = observe(rows=2, remaining_min=np.array([40.0, 9.0]))
    assert act("sell_out", observations).tolist() == [0, form("mid_roll_60")]
