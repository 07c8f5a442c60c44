"""A room that knows the time: who comes at which hour of which day, and what a platform sees of it."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.audience.config import AudienceConfig
from livesim.daytime import SATURDAY, WEEKDAYS, arrival_level, day_and_hour
from livesim.errors import ScenarioError
from livesim.luck import level_of_day
from tests.conftest import play

DATA = Path(__file__).parents[2] / "shared" / "data" / "live"
CURVE = tuple(float(n) for n in range(1, 25))
ON = {"session.clock": True}


def level(hours: list[float], days: list[int] | None = None, factors: tuple[float, ...] = (1.0,) * 7) -> np.ndarray:
    return arrival_level(CURVE, factors, np.array(days or [0] * len(hours)), np.array(hours))


def test_a_level_stands_in_the_middle_of_its_hour():
    np.testing.assert_allclose(level([0.5, 12.5, 23.5]), [1.0, 13.0, 24.0])


def test_between_two_hours_the_level_lies_between_theirs_also_around_midnight():
    hours = np.linspace(23.5, 24.5, 50)
    around = level(list(hours % 24.0))
    assert (np.diff(around) < 0).all(), "it falls from 24 at half past eleven to 1 at half past midnight"
    assert around.max() <= 24.0
    assert around.min() >= 1.0
    assert abs(level([23.999])[0] - level([0.001])[0]) < 0.1


def test_midnight_begins_the_next_day_and_sunday_is_followed_by_monday():
    day, hour = day_and_hour(WEEKDAYS.index("sunday"), 23.0, np.array([0.0, 3599.0, 3600.0, 7200.0]))
    assert day.tolist() == [6, 6, 0, 0]
    np.testing.assert_allclose(hour, [23.0, 23.0 + 3599 / 3600, 0.0, 1.0])
    assert day_and_hour(0, 24.0, 0.0) == (1.0, 0.0)


def test_the_factor_of_a_day_holds_until_midnight():
    scenario = load_scenario("tiny", {
        **ON, "session.start_hour": 23.5, "session.weekday": "friday", "session.duration_s": 3600,
        "audience.hour_curve": [1.0] * 24, "audience.weekday_factors": [1, 1, 1, 1, 2, 3, 1],
    })  # fmt: skip
    levels = level_of_day(scenario)
    assert levels[:360].tolist() == [2.0] * 360
    assert levels[360:].tolist() == [3.0] * 360


@pytest.mark.parametrize("weekday", WEEKDAYS[:SATURDAY])
def test_the_default_evening_show_keeps_its_planned_level(weekday):
    """20 to 22 h of a working day: 1 on average, within the rounding of the curve."""
    levels = level_of_day(load_scenario("entertainment", {**ON, "session.weekday": weekday}))
    assert levels.mean() == pytest.approx(1.0, abs=0.005)
    assert 0.8 < levels.min() < levels.max() < 1.1, "arrivals change within a session"


def _column(name: str) -> np.ndarray:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"reference data not found: {path}")
    with path.open() as file:
        return np.array([float(row[1]) for row in list(csv.reader(file))[1:]])


def test_the_default_curve_is_the_geometric_mean_of_its_two_sources():
    twitch, gifts = _column("twitch_fr_2019_hour_profile.csv"), _column("kuailive_2025_gift_hour_share.csv")
    both = np.sqrt(twitch / twitch.mean() * gifts / gifts.mean())
    ours = np.array(AudienceConfig().hour_curve)
    np.testing.assert_allclose(ours, both * ours.sum() / both.sum(), atol=0.007)


def test_the_default_weekend_is_that_of_its_source():
    days = _column("twitch_fr_2019_weekday_profile.csv")
    factors = AudienceConfig().weekday_factors
    np.testing.assert_allclose(factors[SATURDAY:], days[SATURDAY:] / days[:SATURDAY].mean(), atol=0.005)


def test_without_the_clock_the_hour_of_the_start_changes_nothing(tiny):
    early = load_scenario("tiny", {"session.start_hour": 4, "session.weekday": "sunday"})
    plain, other = Rooms(tiny), Rooms(early)
    for rooms in (plain, other):
        rooms.reset([5])
        play(rooms)
    assert plain.state.ledger.history.tobytes() == other.state.ledger.history.tobytes()
    np.testing.assert_array_equal(plain.observe(), other.observe())


def test_candidates_come_as_the_curve_says():
    """Twenty minutes from 5 and from 21 h, 100 seeds each: the ratio of candidates within 4 standard errors."""
    counts, levels = [], []
    for hour in (5.0, 21.0):
        scenario = load_scenario("tiny", {**ON, "session.start_hour": hour, "session.duration_s": 1200})
        rooms = Rooms(scenario, 100)
        rooms.reset(list(range(100)))
        counts.append(rooms.state.luck.candidates[:, 0].sum(axis=1))  # the feed: no notification pulse
        levels.append(level_of_day(scenario).mean())
    night, evening = counts
    error = math.hypot(evening.std(ddof=1) / evening.mean(), night.std(ddof=1) / night.mean()) / 10
    assert evening.mean() / night.mean() == pytest.approx(levels[1] / levels[0], rel=4 * error)
    assert levels[1] / levels[0] > 7


def test_rows_of_one_batch_may_open_at_different_hours():
    scenarios = [
        load_scenario("tiny", {**ON, "session.start_hour": hour, "session.weekday": day})
        for hour, day in ((4.0, "monday"), (23.9, "friday"), (20.0, "sunday"))
    ]
    batch = Rooms([*scenarios, load_scenario("tiny")])
    batch.reset([1, 2, 3, 4])
    play(batch)
    for row, scenario in enumerate([*scenarios, load_scenario("tiny")]):
        alone = Rooms(scenario)
        alone.reset([row + 1])
        play(alone)
        assert alone.state.ledger.history[0].tobytes() == batch.state.ledger.history[row].tobytes()
        np.testing.assert_array_equal(alone.observe()[0], batch.observe()[row])


def test_the_observation_tells_the_hour_and_the_weekend():
    """From Friday 23:54 on twelve minutes: the hand passes midnight, and the weekend begins with it."""
    rooms = Rooms(load_scenario("tiny", {**ON, "session.start_hour": 23.9, "session.weekday": "friday"}))
    rooms.reset([1])
    for decision in range(24):
        seen = {name: float(rooms.analytics()[name][0]) for name in ("hour_sin", "hour_cos", "is_weekend")}
        turn = 2 * math.pi * (23.9 + decision / 120) / 24
        assert seen["hour_sin"] == pytest.approx(math.sin(turn), abs=1e-6)
        assert seen["hour_cos"] == pytest.approx(math.cos(turn), abs=1e-6)
        assert seen["is_weekend"] == (1.0 if decision >= 12 else 0.0)
        rooms.apply(np.zeros((1, 4), dtype=np.int64))
        rooms.advance()


def test_without_the_clock_the_observation_tells_no_hour():
    rooms = Rooms(load_scenario("tiny", {"session.weekday": "sunday"}))
    rooms.reset([1])
    play(rooms, decisions=3)
    assert [float(rooms.analytics()[name][0]) for name in ("hour_sin", "hour_cos", "is_weekend")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("session.weekday", "mondey", r"session.weekday: .*given: 'mondey'\)\. Did you mean 'monday'\?"),
        ("session.start_hour", 25, "session.start_hour: .*less than or equal to 24"),
        ("session.clock", "yesterday", "session.clock: .*valid boolean.*given: 'yesterday'"),
        ("audience.hour_curve", [1.0] * 23, "hour_curve: one number per hour, 24 in all, got 23"),
        ("audience.weekday_factors", [1.0] * 8, "weekday_factors: one number per weekday, 7 in all, got 8"),
        ("audience.hour_curve", [-1.0] + [1.0] * 23, "hour_curve: every number from 0 to 100, got -1"),
    ],
)
def test_a_mistake_about_time_is_named(key, value, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("tiny", {key: value})


def test_the_example_of_a_friday_night_falls_after_midnight_and_rises_with_the_weekend():
    scenario = load_scenario("scenarios/examples/friday_night.yaml")
    assert scenario.session.clock is True, "YAML reads `on` as true"
    levels = level_of_day(scenario)
    midnight = 1080  # an hour and a half of 5 s ticks
    assert levels[midnight] / levels[midnight - 1] == pytest.approx(1.13, abs=0.01)
    assert levels[-1] < levels[midnight] < 1.13 * levels[0]
