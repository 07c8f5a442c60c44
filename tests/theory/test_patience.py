"""Two models of patience: the same stays where nothing acts, and what theory says where something does."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from scipy.special import log_ndtr, ndtri_exp

from livesim import Rooms, load_scenario
from livesim.audience.config import AudienceConfig
from livesim.audience.hazard import age_at, hazard_at, normal_at, normal_hazard
from livesim.audience.patience import patience_budget, spend_patience
from livesim.audience.state import BOUNCER, ENGAGED, LOYAL
from livesim.ledger import J_ENTER, J_LEAVE
from livesim.schema import records
from livesim.state import VIEWER

KEY = np.uint64(0x1234567890ABCDEF)
LAWS = {BOUNCER: (0.73, 0.90), ENGAGED: (5.78, 1.71), LOYAL: (7.17, 0.90)}  # the defaults
EDGES_S = np.concatenate([[0.0], np.cumsum(5.0 * 1.4 ** np.arange(24))])  # 5 s, then ever longer, to 40,000 s
ACCELERATED, PROPORTIONAL = (
    records([AudienceConfig(patience=name)])[0] for name in ("accelerated", "proportional")
)  # fmt: skip


def stay_of(p, law: int, viewer: int, rate, edges=EDGES_S) -> float:
    """Return how long a viewer stays who burns patience at rate(begin) in each step."""
    v = np.zeros(1, VIEWER).view(np.recarray)[0]
    v.stay_law, v.budget_s = law, patience_budget(p, KEY, viewer, law)
    for begin, end in pairwise(edges):
        leave_s = spend_patience(v, p, rate(begin), begin, end)
        if leave_s < end:
            return leave_s
    return math.inf


def stays(p, law: int, rate, viewers: int = 150) -> np.ndarray:
    return np.array([stay_of(p, law, viewer, rate) for viewer in range(viewers)])


def test_the_hazard_of_the_normal_is_that_of_scipy_however_far_out():
    z = np.concatenate([np.linspace(-37.0, 60.0, 971), [200.0, 1000.0]])
    ours = np.array([normal_hazard(x) for x in z])
    np.testing.assert_allclose(ours, -stats.norm.logsf(z), rtol=1e-12)


def test_the_normal_quantile_inverts_the_hazard_to_the_stated_error():
    hazards = np.geomspace(1e-12, 1e5, 500)
    z = np.array([normal_at(h) for h in hazards])
    np.testing.assert_allclose(-stats.norm.logsf(z), hazards, rtol=1e-12)
    near = hazards < 600.0  # scipy's own inverse loses digits further out
    np.testing.assert_allclose(z[near], -ndtri_exp(-hazards[near]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_at_rate_one_both_models_give_the_same_stays(law):
    fast, hazard = stays(ACCELERATED, law, lambda _: 1.0), stays(PROPORTIONAL, law, lambda _: 1.0)
    np.testing.assert_allclose(hazard, fast, rtol=1e-10)
    assert len(np.unique(fast)) > 100


def test_the_cap_of_a_stay_is_kept():
    p = records([AudienceConfig(patience="proportional", stay_cap_s=600)])[0]
    found = stays(p, LOYAL, lambda _: 1.0)
    np.testing.assert_allclose(found, np.minimum(stays(PROPORTIONAL, LOYAL, lambda _: 1.0), 600.0), rtol=1e-10)
    assert (found == 600.0).mean() > 0.5
    assert (stays(p, LOYAL, lambda _: 1e-3) <= 600.0).all(), "the cap is an age that nobody outstays"


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("rate", [0.4, 2.5])
def test_acceleration_scales_time_and_proportional_hazards_scale_the_hazard(law, rate):
    plain = stays(ACCELERATED, law, lambda _: 1.0)
    free = plain < 0.99 * ACCELERATED.stay_cap_s * min(1.0, rate)  # no cap in the way, at either rate
    fast, hazard = stays(ACCELERATED, law, lambda _: rate), stays(PROPORTIONAL, law, lambda _: rate)
    np.testing.assert_allclose(fast[free], plain[free] / rate, rtol=1e-12)
    mean, sd = LAWS[law]
    lived = hazard < 0.99 * PROPORTIONAL.stay_cap_s
    z, z_plain = (np.log(hazard) - mean) / sd, (np.log(plain) - mean) / sd
    both = free & lived
    np.testing.assert_allclose(stats.norm.logsf(z[both]), stats.norm.logsf(z_plain[both]) / rate, rtol=1e-9)


def test_long_stays_of_strangers_react_more_under_proportional_hazards_and_short_ones_less():
    """Where the mean hazard H(a)/a falls with age, doubled hazards leave less than half of a stay.

    For LN(5.78, 1.71) it falls from about 55 s on: there d ln H / d ln a = hazard(z) / (1.71 H(z)) goes below 1.
    """
    mean, sd = LAWS[ENGAGED]
    turn = optimize.brentq(lambda z: stats.norm.pdf(z) / stats.norm.sf(z) + sd * stats.norm.logsf(z), -3.0, 1.0)
    turn_s = math.exp(mean + sd * turn)
    assert 45.0 < turn_s < 65.0
    plain = stays(ACCELERATED, ENGAGED, lambda _: 1.0)
    long, short = (plain > 2.0 * turn_s) & (plain < 7000.0), plain < turn_s
    assert min(long.sum(), short.sum()) > 15
    fast, hazard = stays(ACCELERATED, ENGAGED, lambda _: 2.0), stays(PROPORTIONAL, ENGAGED, lambda _: 2.0)
    assert (hazard[long] < fast[long]).all()
    assert (hazard[short] > fast[short]).all()
    slow, calm = stays(ACCELERATED, ENGAGED, lambda _: 0.5), stays(PROPORTIONAL, ENGAGED, lambda _: 0.5)
    assert (calm[long] > slow[long]).all()


def slow_stay(law: int, viewer: int, rate, edges) -> float:
    """Return the stay by integrating rate x hazard numerically, step by step, until the threshold is reached."""
    mean, sd = LAWS[law]

    def hazard(a: float) -> float:
        z = (math.log(a) - mean) / sd
        return math.exp(-0.5 * z * z - log_ndtr(-z)) / (math.sqrt(2.0 * math.pi) * sd * a)

    left = patience_budget(PROPORTIONAL, KEY, viewer, law)
    for begin, end in pairwise(edges):
        spent = rate(begin) * integrate.quad(hazard, begin, end, limit=200)[0]
        if spent >= left:
            goal = left / rate(begin)
            return optimize.brentq(lambda a, b=begin, g=goal: integrate.quad(hazard, b, a)[0] - g, begin, end)
        left -= spent
    return math.inf


@pytest.mark.parametrize("law", LAWS)
def test_leaving_under_changing_rates_is_solved_exactly_inside_a_tick(law):
    edges = np.arange(0.0, 2400.0, 30.0)

    def rate(begin: float) -> float:
        return 1.0 + 0.8 * math.sin(begin / 100.0)

    viewers = range(10)
    ours = [stay_of(PROPORTIONAL, law, viewer, rate, edges) for viewer in viewers]
    slow = [slow_stay(law, viewer, rate, edges) for viewer in viewers]
    np.testing.assert_allclose(ours, slow, rtol=1e-6)
    assert np.isfinite(ours).sum() > 5


def test_nothing_overflows_where_rates_are_absurd():
    for rate in (1e-9, 1e9):
        found = stays(PROPORTIONAL, ENGAGED, lambda _, rate=rate: rate, viewers=50)
        assert (found > 0.0).all()
        assert (found <= PROPORTIONAL.stay_cap_s).all()
    assert age_at(1e5, 5.78, 1.71) == math.inf, "later than any number: not an error"
    assert hazard_at(0.0, 5.78, 1.71) == 0.0


@pytest.mark.parametrize("p", [ACCELERATED, PROPORTIONAL], ids=["accelerated", "proportional"])
def test_who_is_thrown_out_leaves_at_once(p):
    v = np.zeros(1, VIEWER).view(np.recarray)[0]
    v.stay_law, v.budget_s = ENGAGED, 0.0
    assert spend_patience(v, p, 1.3, 100.0, 105.0) == pytest.approx(100.0, abs=1e-9)


NOTHING_ACTS = {
    "audience.leave_mood": 0, "audience.leave_stall": 0, "gifts.heat_leave": 0, "ads.preroll": False,
    "network.give_up_max": 0, "interactions.named_leave": 1, "audience.planned_viewers": 300,
}  # fmt: skip


def leaves(patience: str, **changed: float) -> dict[int, float]:
    """Return viewer -> stay of everybody who left a room in which nobody acts."""
    rooms = Rooms(load_scenario("tiny", {**NOTHING_ACTS, "audience.patience": patience, **changed}), journal=20_000)
    rooms.reset([12])
    while not rooms.ended.all():
        rooms.apply(np.zeros((1, 4), np.int64))
        rooms.advance()
    journal = rooms.journal(0)
    assert (journal["kind"] == J_ENTER).sum() > 300
    gone = journal["kind"] == J_LEAVE
    return dict(zip(journal["viewer_id"][gone].tolist(), journal["value"][gone].tolist(), strict=True))


def test_a_room_in_which_nothing_acts_is_the_same_under_both_models():
    fast, hazard = leaves("accelerated"), leaves("proportional")
    assert fast.keys() == hazard.keys()
    assert max(abs(hazard[viewer] - stay) for viewer, stay in fast.items()) < 1e-6


def test_a_room_that_pleases_less_loses_viewers_under_both_models():
    """Mood above its mean lengthens stays, so everybody leaves sooner who also leaves a room with a lower mean."""
    for patience in ("accelerated", "proportional"):
        usual = leaves(patience, **{"audience.leave_mood": 0.45, "audience.mood_mean": 0.3})
        eager = leaves(patience, **{"audience.leave_mood": 0.45, "audience.mood_mean": 2.0})
        both = usual.keys() & eager.keys()
        assert len(both) > 150
        assert sum(eager[v] <= usual[v] + 1e-9 for v in both) == len(both)
        assert sum(eager[v] for v in both) < 0.9 * sum(usual[v] for v in both)
