"""Figures: what they read out of recorded sessions, by hand, and that the same data gives the same picture."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.environment import EnvConfig
from experiments.figures import decomposition, placement, style, timeline
from experiments.rollout import rollout
from experiments.session_trace import Recorder
from experiments.statistics import Estimate


@pytest.fixture(scope="module")
def trace():
    env = EnvConfig(scenario="tiny")
    recorder = Recorder([7, 12], "expected")
    rollout(env.policy("combined"), env, [7, 12], finished=recorder)
    return recorder.trace()


def with_ads(trace, *ad_s):
    row = np.zeros(trace.viewers.shape)
    row[0, : len(ad_s)] = ad_s
    return replace(trace, events={**trace.events, "ad_s": row})


def test_an_ad_begins_where_one_runs_and_none_ran_before(trace):
    begins = placement.ad_begins(with_ads(trace, 30, 30, 0, 15, 0))
    assert np.flatnonzero(begins[0]).tolist() == [0, 3]
    assert not begins[1].any()


def test_ad_spans_join_decisions_that_touch(trace):
    assert timeline.ad_spans(with_ads(trace, 30, 30, 0, 15), 0) == [(0.0, 1.0), (1.5, 0.5)]


def test_the_trend_is_what_was_known_when_the_decision_was_made(trace):
    viewers = np.tile(np.arange(24), (2, 1))  # grows by one a decision of 30 s
    trend = placement.viewer_trend(replace(trace, viewers=viewers))
    assert np.isnan(trend[0, :11]).all()
    assert trend[0, 11] == pytest.approx(np.log(10.5 / 0.5))  # before decision 11: 10 viewers, five minutes earlier 0


def test_a_figure_of_the_same_data_is_the_same_picture(trace):
    first, second = (style.png(timeline.session_timeline(trace, 1, "a session")) for _ in range(2))
    assert first == second
    assert first != style.png(timeline.session_timeline(trace, 0, "a session"))


def test_what_no_policy_earned_is_not_in_the_decomposition():
    terms = {"a": {"watch": 2.0, "orders": 0.0, "prizes": -1.0}, "b": {"watch": 1.0, "orders": 0.0, "prizes": 0.0}}
    totals = {"a": Estimate(1.0, 0.5, 1.5), "b": Estimate(1.0, float("nan"), float("nan"))}
    legend = decomposition.reward_decomposition(terms, totals).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["watch", "prizes", "total, 95 %"]


def test_the_term_return_is_not_called_like_the_total():
    assert style.term_label("return") == "come back"
    assert style.term_label("gifts") == "gifts"
