"""How many viewers a room holds: Little's law where everything happens, and M/G/inf where nothing does."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from livesim import Rooms, load_scenario
from livesim.audience.state import FEED, SEARCH
from livesim.ledger import INDEX, J_ENTER, J_LEAVE
from livesim.luck import arrival_means
from tests.conftest import play

REPLICATIONS = 8


def stays_of(journal: dict[str, np.ndarray], end_s: float) -> np.ndarray:
    """Return how long each entry of a session stayed, cut at its end."""
    stays, since = [], {}
    for time_s, viewer, kind in zip(journal["time_s"], journal["viewer_id"], journal["kind"], strict=True):
        if kind == J_ENTER:
            since[viewer] = time_s
        elif kind == J_LEAVE:
            stays.append(time_s - since.pop(viewer))
    return np.array([*stays, *(end_s - entered for entered in since.values())])


def test_littles_law_holds_for_the_viewers_of_the_default_room() -> None:
    """L = lambda W: heads counted every 5 s (trapezoids) against entries and stays of the journal, 8 sessions.

    4 standard errors. The sum of stays is also the viewer-seconds of the ledger.
    """
    scenario = load_scenario("entertainment", {"session.decision_s": 5})
    rooms = Rooms(scenario, REPLICATIONS, journal=200_000)
    rooms.reset(list(range(REPLICATIONS)))
    play(rooms)
    length_s = scenario.session.duration_s
    ledger = rooms.state.ledger
    counted, expected = [], []
    for row in range(REPLICATIONS):
        assert rooms.state.rooms.journal_count[row] < 200_000
        stays = stays_of(rooms.journal(row), length_s)
        entries = ledger.history[row, :, INDEX["entered"]].sum()
        assert len(stays) == entries
        heads = ledger.viewers[row]  # at the end of each tick; the room opens empty
        counted.append((heads.sum() - heads[-1] / 2) / len(heads))
        expected.append(entries / length_s * stays.mean())
        np.testing.assert_allclose(ledger.history[row, :, INDEX["present_s"]].sum(), stays.sum(), rtol=1e-6)
    gap = np.array(counted) - np.array(expected)
    error = gap.std(ddof=1) / math.sqrt(REPLICATIONS)
    assert error < 0.002 * np.mean(counted), "heads and stays must agree well enough for a test"
    assert abs(gap.mean()) <= 4 * error, (gap.mean() / error, counted, expected)


QUIET = {
    "session.duration_s": 3600, "audience.planned_viewers": 100, "network.kappa": 100, "network.give_up_max": 0,
    # Poisson arrivals at a rate that nothing moves, from feed and search alone
    "audience.boost_start": 1, "audience.boost_gain": 0, "audience.boost_max": 1, "audience.count_size": 1000,
    "audience.modulator_sd": 0, "audience.follower_entries_per_viewer": 0, "audience.share_rate_per_h": 0,
    # stays that depend on nothing but the viewer
    "audience.bounce_match": 0, "audience.bounce_highlight": 0, "audience.leave_mood": 0, "audience.leave_stall": 0,
    "gifts.heat_leave": 0, "ads.preroll": False,
}  # fmt: skip


def present_at_the_end() -> float:
    """Return the mean number of viewers at the end: arrivals of each tick times the chance to be still there."""
    scenario = load_scenario("tiny", QUIET)
    audience, session = scenario.audience, scenario.session
    means = arrival_means(audience, session.duration_s, session.tick_s)
    age_s = session.duration_s - (np.arange(scenario.ticks) + 0.5) * session.tick_s
    engaged = stats.norm.sf((np.log(age_s) - audience.engaged_log_mean) / audience.engaged_log_sd)
    bouncing = stats.norm.sf((np.log(age_s) - audience.bouncer_log_mean) / audience.bouncer_log_sd)
    mean = 0.0
    for source, bounce in ((FEED, audience.bounce_feed), (SEARCH, audience.bounce_search)):
        mean += float(means[source] @ (bounce * bouncing + (1.0 - bounce) * engaged))
    return mean


def test_a_quiet_room_fills_like_a_queue_with_infinitely_many_servers() -> None:
    """M/G/inf: the number present is Poisson with the mean of arrivals still there, whatever the law of stays."""
    rooms = Rooms(load_scenario("tiny", QUIET), 100)
    rooms.reset(list(range(100)))
    play(rooms, lambda batch, _: np.zeros((batch.num_rooms, 4), np.int64))
    present = rooms.viewers.astype(float)
    mean = present_at_the_end()
    assert abs(present.mean() - mean) <= 4 * math.sqrt(mean / 100), (present.mean(), mean)
    # variance of a sample variance of a Poisson count: (2 m^2 + m) / n
    error = math.sqrt((2 * mean**2 + mean) / 100)
    assert abs(present.var(ddof=1) - mean) <= 4 * error, (present.var(ddof=1), mean)
