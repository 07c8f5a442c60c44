"""What incidents a session gets: from the scenario and the seed alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from livesim.errors import ScenarioError
from livesim.incidents.plan import plan
from livesim.scenario import load_scenario


def room_with(*incidents: dict, **overrides):
    return load_scenario("tiny", {"session.duration_s": 7200, "incidents": list(incidents), **overrides})


def planned(*incidents: dict, seed: int = 0, **overrides):
    return plan(room_with(*incidents, **overrides), np.random.default_rng(seed))


def raid_sizes(**line: float) -> np.ndarray:
    scenario = room_with({"kind": "raid", "at_s": 60, "viewers": 1.0, "length_s": 30, **line})  # 40 planned viewers
    return np.array([sum(plan(scenario, np.random.default_rng(seed))[0].arrivals) for seed in range(400)])


def test_a_scheduled_incident_happens_at_its_time_for_its_length():
    (outage,) = planned({"kind": "edge_outage", "at_s": 600, "length_s": 120, "edge": 1})
    assert (outage.start_s, outage.end_s, outage.edge) == (600.0, 720.0, 1)


def test_a_spread_incident_begins_inside_its_window_and_not_always_at_the_same_time():
    starts = [planned({"kind": "uplink_loss", "at_s": 600, "spread_s": 300}, seed=s)[0].start_s for s in range(50)]
    assert min(starts) >= 600
    assert max(starts) <= 900
    assert max(starts) - min(starts) > 200


def test_on_off_outages_have_the_availability_of_theory():
    # up 1800 s, down 20 s on average: availability 1800 / 1820 = .98901 and 3600 / 1820 = 1.978 outages per hour
    line = {"kind": "edge_outage", "per_hour": 2.0, "length_s": 20.0, "edge": 0}
    scenario = room_with(line, **{"session.duration_s": 86_400})
    down, count, sessions = [], [], 400
    for seed in range(sessions):
        outages = plan(scenario, np.random.default_rng(seed))
        down.append(sum(min(each.end_s, 86_400.0) - each.start_s for each in outages) / 86_400.0)
        count.append(len(outages) / 24.0)
    for values, expected in ((down, 20 / 1820), (count, 3600 / 1820)):
        error = np.std(values, ddof=1) / np.sqrt(sessions)
        assert abs(np.mean(values) - expected) < 4 * error, (np.mean(values), expected, error)


def test_random_incidents_of_one_line_never_overlap():
    outages = planned({"kind": "edge_outage", "per_hour": 30, "length_s": 200, "edge": 0})
    assert len(outages) > 3
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(outages))


def test_a_line_more_leaves_the_incidents_of_the_lines_before_as_they_were():
    first = {"kind": "edge_outage", "per_hour": 4, "length_s": 60}
    assert set(planned(first)) <= set(planned(first, {"kind": "uplink_loss", "per_hour": 5}))


def test_a_flash_crowd_brings_a_poisson_number_of_viewers():
    counts = [sum(planned({"kind": "flash_crowd", "at_s": 60, "viewers": 2.0}, seed=s)[0].arrivals) for s in range(200)]
    mean = 2.0 * 40  # two per planned viewer of the tiny room
    assert abs(np.mean(counts) - mean) < 4 * np.sqrt(mean / 200)
    assert np.var(counts, ddof=1) == pytest.approx(mean, rel=4 * np.sqrt(2 / 199))


@pytest.mark.parametrize(
    ("incident", "message"),
    [
        ({"kind": "edge_outage"}, "edge_outage: give either at_s (once) or per_hour above 0 (at random)"),
        ({"kind": "edge_outage", "at_s": 5, "per_hour": 2}, "give either at_s (once) or per_hour"),
        ({"kind": "edge_outage", "at_s": 5, "edge": 7}, "incidents.0: there is no edge 7. Known: 0 to 2"),
        ({"kind": "uplink_loss", "at_s": 5, "edge": 1}, "uplink_loss: edge has no meaning here"),
        ({"kind": "edge_outage", "at_s": 5, "size": 0.6}, "edge_outage: size has no meaning here"),
        ({"kind": "edge_outage", "per_hour": 5, "spread_s": 5}, "spread_s has no meaning without at_s"),
        ({"kind": "capacity_drop", "at_s": 5, "size": 0}, "incidents.0.size"),
        ({"kind": "edge_outag", "at_s": 5}, "'edge_outage'"),
    ],
)
def test_an_incident_that_makes_no_sense_is_one_clear_error(incident, message):
    with pytest.raises(ScenarioError) as error:
        planned(incident)
    assert message in str(error.value)


def test_raids_differ_in_size_with_the_mean_that_the_scenario_says():
    sizes = raid_sizes(viewers_log_sd=0.8)
    error = sizes.std(ddof=1) / np.sqrt(400)
    assert abs(sizes.mean() - 40.0) < 4 * error, (sizes.mean(), error)
    assert np.log(np.maximum(sizes, 1)).std() > 0.6


def test_without_a_spread_the_size_of_a_raid_is_poisson():
    sizes = raid_sizes()
    assert abs(sizes.var(ddof=1) - 40.0) < 4 * 40.0 * np.sqrt(2 / 399), sizes.var(ddof=1)


def test_the_spread_of_sizes_belongs_to_incidents_that_bring_viewers():
    with pytest.raises(ScenarioError, match="viewers_log_sd has no meaning here"):
        planned({"kind": "uplink_loss", "at_s": 60, "viewers_log_sd": 0.5})
