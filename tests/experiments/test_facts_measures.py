"""Measures on sessions written by hand: every expected value is worked out in the test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from experiments.facts import audience, talk
from experiments.facts.gate import MEASURES
from experiments.facts.measures import during, fano, inside
from experiments.facts.sessions import Session
from livesim.audience.state import FEED, FOLLOWER, ID_SPACE
from livesim.ledger import (
    COLUMNS,
    INDEX,
    J_ENTER,
    J_FOLLOW,
    J_GIFT,
    J_LEAVE,
    J_MESSAGE,
    J_PARTICIPATE,
)

DECISION_S = 30.0


def feed(n: int) -> int:
    return (FEED << ID_SPACE) + n


def follower(n: int) -> int:
    return (FOLLOWER << ID_SPACE) + n


def session(
    events: list[tuple[float, int, int, float]] = [],  # noqa: B006 - never changed
    viewers: list[int] | np.ndarray = [0] * 40,
    columns: dict[str, Any] = {},  # noqa: B006
    kinds: dict[int, list[int]] = {},  # noqa: B006
    seed: int = 1,
) -> Session:
    """events: (time_s, viewer, kind, value).  columns: ledger column -> values.  kinds: kind -> decisions it was on."""
    history = np.zeros((len(viewers), len(COLUMNS)))
    for name, values in columns.items():
        history[: len(values), INDEX[name]] = values
    on = np.full((len(viewers), 3), -1)
    for kind, decisions in kinds.items():
        on[decisions, 2] = kind
    table = np.array(events, dtype=float).reshape(-1, 4)
    journal = {
        "time_s": table[:, 0],
        "viewer_id": np.array([event[1] for event in events], dtype=np.int64),
        "kind": table[:, 2].astype(np.int64),
        "value": table[:, 3],
    }
    return Session(seed, DECISION_S, journal, history, np.array(viewers), on)


def world(**treatments: list[Session]) -> Any:
    """Return a world whose treatments are given; `as_it_is` stands for "as it is"."""
    return _World(None, {name.replace("_", " "): sessions for name, sessions in treatments.items()})


class _World:
    def __init__(self, scenario: Any, played: dict[str, list[Session]]) -> None:
        self.scenario, self._played = scenario, played

    def __getitem__(self, name: str) -> list[Session]:
        return self._played[name]


def value(measure: str, world: Any, sessions: int = 1) -> float:
    return float(MEASURES[measure](world)(np.ones((1, sessions)))[0])


def visit(viewer: int, entered_s: float, stay_s: float | None) -> list[tuple[float, int, int, float]]:
    """Enter, and leave again unless the stay is None."""
    enter = [(entered_s, viewer, J_ENTER, float(viewer >> ID_SPACE))]
    return enter if stay_s is None else [*enter, (entered_s + stay_s, viewer, J_LEAVE, stay_s)]


def test_a_stay_ends_with_its_leave_or_with_the_record():
    stays = session([*visit(feed(1), 10.0, 4.0), *visit(follower(2), 200.0, None)]).stays
    assert stays.viewer_id.tolist() == [feed(1), follower(2)]
    assert stays.stay_s.tolist() == [4.0, 1000.0]  # 40 decisions of 30 s are 1,200 s
    assert stays.has_left.tolist() == [True, False]
    assert stays.source.tolist() == [FEED, FOLLOWER]


def test_bounce_counts_only_entries_that_could_be_watched_for_five_seconds():
    events = [*visit(feed(1), 0, 3), *visit(feed(2), 0, 7), *visit(feed(3), 0, None), *visit(follower(4), 0, 1)]
    late = visit(feed(5), 1199.0, None)
    made = world(as_it_is=[session([*events, *late])])
    assert value("bounce_feed", made) == pytest.approx(1 / 3)
    assert value("bounce_follower", made) == 1.0


def test_stays_are_pooled_over_sessions():
    long = [session(visit(feed(1), 0, 600)), session(visit(feed(1), 0, 60) + visit(follower(2), 0, 120))]
    made = world(as_it_is=long)
    assert value("stay_mean", made, 2) == 330.0
    assert value("stay_p90", made, 2) == 600.0
    assert value("follower_stay", made, 2) == 2.0


def test_the_hazard_ratio_divides_leaves_by_the_time_lived_in_each_window():
    """Three live 5 + 10 + 10 s of the first ten seconds, one leaves; two live 300 + 100 s of 300-600, one leaves."""
    events = [*visit(feed(1), 0, 5), *visit(feed(2), 0, None), *visit(feed(3), 0, 400)]
    assert value("hazard_ratio", world(as_it_is=[session(events)])) == pytest.approx((1 / 25) / (1 / 400))


def test_the_ramp_reaches_nine_tenths_of_the_plateau_where_the_mean_curve_does():
    """239 decisions: 50 viewers up to minute 40, then 100. The plateau is 100, and 90 of it is first seen at 40.5."""
    viewers = np.full(239, 100)
    viewers[:80] = 50
    made = world(as_it_is=[session(viewers=viewers)])
    assert value("ramp_time", made) == 40.5
    assert value("ramp_at_20_min", made) == pytest.approx(0.5)


def test_snapshots_are_a_quarter_of_an_hour_apart_as_in_the_data():
    viewers = np.arange(1, 240)
    minutes, seen = audience.snapshots(session(viewers=viewers))
    assert minutes.tolist() == [7, 22, 37, 52, 67, 82, 97, 112]
    assert seen[0] == 14  # the fourteenth decision ends at minute 7


def test_volatility_and_large_moves_see_steps_after_minute_45():
    """From minute 45 on: 100 viewers, doubled at minute 90. Of the 120 moves those over the step, 30, are large."""
    viewers = np.full(239, 100)
    viewers[:60] = 5
    viewers[179:] = 200
    made = world(as_it_is=[session(viewers=viewers)])
    assert value("large_moves", made) == pytest.approx(30 / 120)
    assert value("volatility", made) == 0.0


def test_an_audience_that_keeps_its_level_is_persistent_and_one_that_flips_is_not():
    wave = np.round(100 * np.exp(0.2 * np.sin(2 * np.pi * np.arange(600) / 240))).astype(int)  # two hours long
    flip = np.round(100 * np.exp(0.2 * np.sin(2 * np.pi * np.arange(600) / 60))).astype(int)  # turns in 15 min
    assert audience.autocorrelation(session(viewers=wave)) == pytest.approx(np.cos(2 * np.pi / 8), abs=0.1)
    assert audience.autocorrelation(session(viewers=flip)) == pytest.approx(-1.0, abs=0.05)


def test_the_cost_of_stalls_compares_the_same_viewers_and_divides_by_the_stalled_share():
    """They stay 90 s instead of 100 s, 10 % less, and stall 2 % of the time since the first frame: 5 % per 1 %."""
    columns = {"stall_s": [2.0], "present_s": [105.0], "startup_s": [5.0]}
    minding = session([*visit(feed(1), 0, 90), *visit(feed(8), 0, 5)], columns=columns)
    calm = session([*visit(feed(1), 0, 100), *visit(feed(9), 0, 500)])
    assert value("stall_cost", world(stalls=[minding], stalls_not_minded=[calm])) == pytest.approx(5.0)


def test_patience_with_stalls_is_compared_by_the_factor_on_stays():
    """Strangers leave 1.2 times as fast, followers 1.1 times: a rise of .2 over a rise of .1."""
    minding = session([*visit(feed(1), 0, 100), *visit(follower(2), 0, 100)])
    calm = session([*visit(feed(1), 0, 120), *visit(follower(2), 0, 110)])
    made = world(many_stalls=[minding], many_stalls_not_minded=[calm])
    assert value("stall_patience_ratio", made) == pytest.approx(2.0)


def test_start_up_abandonment_is_what_waiting_costs_beyond_a_quick_start():
    """Of ten, none is gone by 3 s and four by 8 s; with a quick start one is gone by 8 s: 30 points in 5 s."""
    endless = [event for n in range(10) for event in visit(feed(n), 0, 6 if n < 4 else None)]
    quick = [event for n in range(10) for event in visit(feed(n), 0, 6 if n < 1 else None)]
    made = world(endless_start=[session(endless)], quick_start=[session(quick)])
    assert value("startup_slope", made) == pytest.approx(6.0)


def test_follows_are_counted_for_those_who_did_not_follow_on_entry():
    events = [*visit(feed(1), 0, 100), *visit(feed(2), 0, 10), *visit(follower(3), 0, 100)]
    events += [(50.0, feed(1), J_FOLLOW, 1.0)]
    made = world(as_it_is=[session(events)])
    assert value("follows_per_entry", made) == 50.0
    assert value("follows_of_stayers", made) == 100.0


GIFTS = [
    (10.0, feed(1), J_GIFT, 1.0),
    (11.0, feed(1), J_GIFT, 9.0),
    (12.0, feed(2), J_GIFT, 1.0),
    (13.0, feed(3), J_GIFT, 89.0),
]


def test_gifts_are_rare_priced_and_concentrated_as_their_events_say():
    room = SimpleNamespace(gifts=SimpleNamespace(giver_share=1.0))
    made = _World(room, {"as it is": [session(GIFTS, columns={"entered": [400.0], "gifts": [4.0]})]})
    assert value("gifts_per_entry", made) == 1.0
    assert value("entries_with_gift", made) == 0.75
    assert value("price_one", made) == 0.5
    assert value("price_p50", made) == 1.0
    assert value("price_p99", made) == 89.0
    assert value("spender_top_1", made) == pytest.approx(0.89)
    assert value("spender_gini", made) == pytest.approx((2 * (1 * 1 + 2 * 10 + 3 * 89) / (3 * 100)) - 4 / 3)


def test_the_fano_factor_is_variance_over_mean():
    assert fano(np.array([0.0, 4.0])) == 2.0
    assert np.isnan(fano(np.zeros(3)))
    gifts = {"gifts": [0, 0, 3, 1], "messages": [1, 1, 4, 4]}  # by the minute 0, 4 and 2, 8
    made = world(as_it_is=[session(viewers=[5] * 4, columns=gifts)])
    assert value("gift_fano", made) == 2.0
    assert value("gift_chat_correlation", made) == pytest.approx(1.0)


def test_elasticity_is_one_where_tips_follow_viewers_and_two_where_they_follow_their_square():
    part = [session(columns={"gift_expected": [10.0], "present_s": [100.0]})]
    fourfold = [session(columns={"gift_expected": [40.0], "present_s": [400.0]})]
    assert value("tip_elasticity", world(as_it_is=fourfold, a_quarter=part)) == pytest.approx(1.0)
    square = [session(columns={"gift_expected": [160.0], "present_s": [400.0]})]
    assert value("tip_elasticity", world(as_it_is=square, a_quarter=part)) == pytest.approx(2.0)


def _room(*formats: bool) -> Any:
    """A scenario with these formats (True: an overlay) and one kind of battle."""
    battle = SimpleNamespace(name="battle", battle=True)
    ads = SimpleNamespace(formats=[SimpleNamespace(overlay=o) for o in formats], preroll_s=15.0)
    return SimpleNamespace(ads=ads, interactions=SimpleNamespace(kinds=[battle]))


def test_crowding_out_looks_only_at_decisions_after_a_tip():
    """Tips precede decisions 4 and 8; a battle is on in decision 8. Other decisions do not count."""
    usual = {"gift_expected": [9, 9, 9, 9, 10, 9, 9, 9, 20, 9], "present_s": [1] * 10}
    tipped = {"gift_expected": [1, 1, 1, 1, 9, 1, 1, 1, 25, 1], "present_s": [1] * 10}
    made = _World(_room(False), {
        "as it is": [session(viewers=[5] * 10, columns=usual, kinds={0: [8]})],
        "tips from outside": [session(viewers=[5] * 10, columns=tipped, kinds={0: [8]})],
    })  # fmt: skip
    assert value("crowding_out", made) == pytest.approx(-10.0)
    assert value("crowding_in", made) == pytest.approx(25.0)


def test_completion_separates_pre_rolls_from_mid_rolls_and_leaves_overlays_out():
    columns = {
        "ad_impressions": [30, 50], "ad_completed": [22, 50],
        "preroll_impressions": [10, 0], "preroll_completed": [6, 0], "ad_clicks": [3, 5],
    }  # fmt: skip
    made = _World(_room(False, True), {"as it is": [session(viewers=[5] * 2, columns=columns)]})
    made["as it is"][0].on[:, 1] = [0, 1]
    assert value("completion_pre", made) == 0.6
    assert value("completion_mid", made) == 0.8
    assert value("completion_ratio", made) == pytest.approx(4 / 3)
    assert value("ctr_in_stream", made) == 10.0


def test_the_cost_of_ad_load_is_scaled_to_three_minutes_an_hour():
    """A 1,200 s record with 60 s of ads is 3 min an hour; the same viewer stays 95 s instead of 100 s."""
    with_ads = session(visit(feed(1), 0, 95), columns={"ad_s": [60.0]})
    made = _World(None, {"mid-rolls only": [with_ads], "no ads": [session(visit(feed(1), 0, 100))]})
    assert value("ad_load_cost", made) == pytest.approx(5.0)


def test_pre_roll_bounce_counts_those_who_would_have_stayed():
    shown = session([*visit(feed(1), 0, 10), *visit(feed(2), 0, 50), *visit(feed(3), 0, 2)])
    calm = session([*visit(feed(1), 0, 40), *visit(feed(2), 0, 50), *visit(feed(3), 0, 2)])
    made = _World(_room(False), {"pre-rolls for ever": [shown], "no ads": [calm]})
    assert value("preroll_bounce", made) == 0.5


def test_an_interaction_counts_use_by_use_and_a_lift_only_where_it_was_open_throughout():
    ours = session(viewers=[5] * 8, columns={"gift_expected": [1, 2, 4, 4, 2, 1, 9, 9]}, kinds={0: [1, 2, 3, 4, 6, 7]})
    theirs = session(viewers=[5] * 8, columns={"gift_expected": [1, 1, 2, 2, 1, 1, 1, 1]})
    assert np.flatnonzero(during(ours, 0)).tolist() == [1, 2, 3, 4, 6, 7]
    assert np.flatnonzero(during(ours, 0, use=1)).tolist() == [6, 7]
    assert np.flatnonzero(inside(ours, 0, use=0)).tolist() == [2, 3]
    made = _World(_room(False), {"battles": [ours], "no interactions": [theirs]})
    assert value("battle_lift", made) == 2.0


def test_a_repeated_rival_is_compared_with_a_new_one_in_the_second_battle():
    control = session(viewers=[5] * 8, columns={"gift_expected": [1] * 8})
    on = {0: [0, 1, 2, 4, 5, 6]}
    again = session(viewers=[5] * 8, columns={"gift_expected": [2, 2, 2, 1, 1.6, 1.6, 1.6, 1]}, kinds=on)
    fresh = session(viewers=[5] * 8, columns={"gift_expected": [2, 2, 2, 1, 2, 2, 2, 1]}, kinds=on)
    made = _World(_room(False), {"no interactions": [control], "one rival": [again], "ever new rivals": [fresh]})
    assert value("battle_repeat", made) == pytest.approx(-20.0)


def test_senders_are_counted_once():
    events = [(t, feed(n), J_MESSAGE, 1.0) for t, n in ((1, 1), (2, 1), (3, 1), (4, 2))]
    made = world(as_it_is=[session(events, columns={"messages": [4.0], "entered": [20.0]})])
    assert value("messages_per_sender", made) == 2.0
    assert value("sender_share", made) == 10.0


def test_the_slope_of_chat_on_size_is_that_of_a_power_law():
    def room(viewers: int) -> list[Session]:
        return [session(viewers=[viewers] * 2, columns={"messages": [viewers**0.5], "present_s": [60.0 * viewers]})]

    made = _World(None, {"40 viewers": room(36), "1000 viewers": room(900), "6000 viewers": room(6400)})
    assert value("chat_slope", made) == pytest.approx(-0.5)
    assert value("chat_small", made) == pytest.approx(1 / 6)


def test_the_peak_hour_and_its_lift_over_the_trough_come_from_mean_viewers():
    """Two sessions an hour: 10 and 30 viewers at 21 h, 4 and 0 at 5 h, 5 each at all others: peak 20, trough 2."""
    rooms = {f"at {hour} h": [session(viewers=[5] * 4)] * 2 for hour in range(24)}
    rooms["at 21 h"] = [session(viewers=[8, 12]), session(viewers=[30, 30])]
    rooms["at 5 h"] = [session(viewers=[4, 4]), session(viewers=[0, 0])]
    made = _World(None, rooms)
    assert value("peak_hour", made, 2) == 21.0
    assert value("peak_over_trough", made, 2) == 10.0


def test_the_weekend_is_compared_with_the_mean_working_day():
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    viewers = (8, 9, 10, 11, 12, 13, 15)
    made = _World(None, {f"{day} evening": [session(viewers=[n] * 3)] for day, n in zip(days, viewers, strict=True)})
    assert value("weekend_lift", made) == pytest.approx(1.4)


def test_the_moderation_load_is_what_was_taken_down_of_all_messages():
    columns = {"messages": [150.0, 50.0], "removed": [1.0, 2.0]}
    assert value("moderation_load", world(as_it_is=[session(viewers=[5] * 2, columns=columns)])) == pytest.approx(1.5)


def test_decayed_sums_what_is_left_of_earlier_messages():
    left = talk.decayed(np.array([0.0, 1.0, 3.0]), 0.5)
    assert left == pytest.approx([0.0, np.exp(-0.5), np.exp(-1.5) + np.exp(-1.0)])


def hawkes(generator: np.random.Generator, end_s: float) -> np.ndarray:
    """Return a Hawkes process by its clusters: background at .2/s, each message causes Poisson(.5) more, Exp(15 s)."""
    todo = generator.uniform(0.0, end_s, generator.poisson(0.2 * end_s)).tolist()
    times: list[float] = []
    while todo:
        times.append(todo.pop())
        todo += [t for t in times[-1] + generator.exponential(15.0, generator.poisson(0.5)) if t < end_s]
    return np.array(times)


def test_the_branching_ratio_of_simulated_hawkes_processes_is_recovered_on_average():
    """Within 4 standard errors of 8 replications, and .06 for the base that the pieces take from slow clusters."""
    generator = np.random.default_rng(11)
    found = np.array([talk.branching(hawkes(generator, 7200.0), 7200.0) for _ in range(8)])
    assert abs(found.mean() - 0.5) < 4 * found.std(ddof=1) / np.sqrt(8) + 0.06, found


def test_messages_that_cause_no_others_have_a_branching_ratio_near_zero():
    poisson = np.random.default_rng(5).uniform(0.0, 7200.0, 2000)
    assert talk.branching(poisson, 7200.0) < 0.15
    assert np.isnan(talk.branching(poisson[:50], 7200.0))


def test_only_those_present_at_the_opening_count_as_voters():
    """Kind 0 opens in decision 2; of five who were there two vote, and one who came later votes as well."""
    events = [*visit(feed(1), 0, None), *visit(feed(2), 0, None), *visit(feed(3), 70, None)]
    events += [(65.0, feed(1), J_PARTICIPATE, 0.0), (65.0, feed(2), J_PARTICIPATE, 0.0)]
    events += [(75.0, feed(3), J_PARTICIPATE, 0.0), (75.0, feed(1), J_PARTICIPATE, 1.0)]
    made = session(events, viewers=[4, 5, 6, 6], kinds={0: [2, 3]})
    assert talk.voters_and_present(made, [0]) == (2, 5)
