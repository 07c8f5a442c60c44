"""A running room can be given another future: what has happened stays, what has not is drawn again given it."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.errors import OrderError
from livesim.incidents.plan import plan, replan
from livesim.ledger import INDEX
from livesim.luck import allocate, draw
from livesim.state import arrays
from tests.conftest import play

SHARED = ("network.offset_s",)  # the place in a trace is chosen by what the line was like, not drawn alone


@pytest.fixture(scope="module")
def lively():
    """A room in which everything that renewing must draw again is there: incidents, a desk, pre-rolls, giving up."""
    return load_scenario("entertainment", {
        "session.duration_s": 1800, "audience.planned_viewers": 60,
        "incidents": [
            {"kind": "edge_outage", "per_hour": 6, "length_s": 300},
            {"kind": "raid", "per_hour": 4, "viewers": 0.5, "length_s": 60},
            {"kind": "uplink_loss", "at_s": 1200, "spread_s": 300, "length_s": 20},
        ],
    })  # fmt: skip


def _running(scenario, seeds, decisions):
    rooms = Rooms(scenario, len(seeds))
    rooms.reset(list(seeds))
    play(rooms, decisions=decisions)
    return rooms


def _history(rooms):
    return rooms.state.ledger.history.copy()


def test_renewing_changes_nothing_of_what_has_happened_or_can_be_seen(lively):
    rooms = _running(lively, [5, 6], 30)
    seen, books, present = rooms.observe(), _history(rooms), rooms.viewers
    tastes, moods = rooms.state.viewers["taste"].copy(), rooms.state.viewers["mood"].copy()
    before = rooms.state.luck.candidates[:, :, : int(rooms.state.rooms.tick[0])].copy()
    rooms.renew_luck([70, 71])
    np.testing.assert_array_equal(rooms.observe(), seen)
    np.testing.assert_array_equal(_history(rooms), books)
    np.testing.assert_array_equal(rooms.viewers, present)
    np.testing.assert_array_equal(rooms.state.viewers["taste"], tastes)
    np.testing.assert_array_equal(rooms.state.viewers["mood"], moods)
    np.testing.assert_array_equal(rooms.state.luck.candidates[:, :, : before.shape[2]], before)


def test_the_new_future_is_a_function_of_state_and_seed(lively):
    rooms = _running(lively, [5], 30)
    copies = rooms.tile(0, 4)
    copies.renew_luck([70, 71, 70], rows=np.array([0, 1, 2]))
    play(copies, first=30)
    play(rooms, first=30)
    books = _history(copies)
    assert books[0].tobytes() == books[2].tobytes()
    assert books[3].tobytes() == _history(rooms)[0].tobytes(), "a row that was not renewed goes on as before"
    for one, other in ((0, 1), (0, 3), (1, 3)):
        assert not np.array_equal(books[one, 30:], books[other, 30:])


def test_nothing_of_the_old_future_is_left_in_a_renewed_room(lively):
    """Renewed with A and then with S, or with S at once: the same room, but for lines, which are only alike."""
    for decisions in (0, 7, 30, 41):
        rooms = _running(lively, [8], decisions)
        copies = rooms.tile(0, 2)
        copies.renew_luck([101], rows=np.array([0]))
        copies.renew_luck([909, 909])
        for name, array in arrays(copies.state):
            if name in SHARED:
                continue
            for field in array.dtype.names or [None]:
                values = array if field is None else array[field]
                np.testing.assert_allclose(
                    values[0].astype(float), values[1].astype(float), rtol=1e-5, atol=1e-3, err_msg=f"{name} {field}"
                )
        first, second = (clock.processes() for clock in copies.clocks)
        assert first == second


def test_viewers_who_come_after_renewing_are_nobody_who_has_been_there(lively):
    rooms = Rooms(lively, journal=60_000)
    rooms.reset([9])
    play(rooms, decisions=30)
    rooms.renew_luck([44])
    play(rooms, first=30)
    journal = rooms.journal(0)
    entered = journal["viewer_id"][journal["kind"] == 0]
    assert len(entered) == len(set(entered.tolist()))


@pytest.mark.parametrize("patience", ["accelerated", pytest.param("proportional", marks=pytest.mark.slow)])
def test_renewed_rooms_go_on_as_rooms_do_under_their_own_luck(tiny, patience):
    """Departures soon after, stays, entries, gifts, follows and credits have the same means within 4 standard errors.

    400 sessions, each going on under its own luck and under a new one from the middle on: paired.
    """
    scenario = load_scenario(tiny, {"audience.patience": patience})
    rooms = Rooms(scenario, 400)
    rooms.reset(list(range(400)))
    play(rooms, lambda rooms, _: np.zeros((rooms.num_rooms, 4), dtype=np.int64), decisions=12)
    twin = Rooms(scenario, 400)
    twin.restore(rooms.snapshot())
    twin.renew_luck(list(range(5000, 5400)))
    for each in (rooms, twin):
        play(each, lambda rooms, _: np.zeros((rooms.num_rooms, 4), dtype=np.int64), first=12)
    own, new = _history(rooms), _history(twin)
    for first, last in ((12, 13), (12, 15), (12, 24)):
        for name in ("left", "entered", "present_s", "watch_s", "stall_s", "messages", "follows", "shares", "gifts",
                     "gave_up", "clicks", "gift_expected", "follows_expected"):  # fmt: skip
            difference = (new - own)[:, first:last, INDEX[name]].sum(axis=1)
            error = difference.std(ddof=1) / np.sqrt(len(difference))
            assert abs(difference.mean()) <= 4.0 * error + 1e-9, (name, first, last, difference.mean(), error)
    spread = [books[:, 12:, INDEX["left"]].sum(axis=1).std() for books in (own, new)]
    assert spread[1] == pytest.approx(spread[0], rel=4.0 * np.sqrt(1.0 / 400)), spread


def test_market_and_modulator_go_on_from_where_they_are(tiny):
    """The correlation across the cut is that of the AR(1) path, within 4 standard errors of 600 rooms."""
    scenario = load_scenario(tiny, {"audience.modulator_sd": 0.5})
    tick, after = 70, 20  # the market of the coming tick is on show, so that it goes on from there
    luck = allocate(1, scenario.ticks, len(scenario.audience.segments))
    pairs = {"market": [], "level": []}
    for seed in range(600):
        draw(luck, 0, scenario, seed)
        draw(luck, 0, scenario, 10_000 + seed, tick)
        for name, values in pairs.items():
            path = np.log(getattr(luck, name)[0])
            cut = tick if name == "market" else tick - 1
            values.append((path[cut], path[cut + after]))
    rates = {
        "market": scenario.session.tick_s / scenario.ads.market_time_s,
        "level": -np.log(scenario.audience.modulator_corr_15min) * scenario.session.tick_s / 900.0,
    }
    for name, values in pairs.items():
        now, later = np.array(values).T
        expected = np.exp(-rates[name] * after)
        found = np.corrcoef(now, later)[0, 1]
        assert abs(found - expected) < 4.0 * (1.0 - expected**2) / np.sqrt(600) + 0.02, (name, found, expected)
        assert later.std() == pytest.approx(now.std(), rel=0.15)


def test_of_a_roster_those_come_who_have_not_come_yet():
    scenario = load_scenario("enterprise", {"audience.planned_viewers": 80, "session.duration_s": 3600})
    luck = allocate(1, scenario.ticks, len(scenario.audience.segments))
    tick, own, new = 24, [], []
    for seed in range(300):
        draw(luck, 0, scenario, seed)
        own.append(luck.candidates[0, 1, tick:].sum())
        come = luck.candidates[0, 1, :tick].copy()
        draw(luck, 0, scenario, 10_000 + seed, tick)
        np.testing.assert_array_equal(luck.candidates[0, 1, :tick], come)
        new.append(luck.candidates[0, 1, tick:].sum())
    difference = np.array(new) - np.array(own)
    assert abs(difference.mean()) < 4.0 * difference.std(ddof=1) / np.sqrt(300)


def test_an_incident_that_is_on_stays_and_its_end_has_no_memory():
    scenario = load_scenario("entertainment", {
        "session.duration_s": 36_000, "incidents": [{"kind": "uplink_loss", "per_hour": 20, "length_s": 300}],
    })  # fmt: skip
    now_s, rest, count = 9000.0, [], 0
    for seed in range(400):
        before = plan(scenario, np.random.default_rng(seed))
        after = replan(scenario, before, np.random.default_rng(10_000 + seed), now_s)
        begun = [incident for incident in before if incident.start_s <= now_s]
        assert [incident.start_s for incident in after[: len(begun)]] == [incident.start_s for incident in begun]
        assert all(incident.start_s > now_s for incident in after[len(begun) :])
        count += len(after) - len(begun)
        if begun[-1].end_s > now_s:
            rest.append(after[len(begun) - 1].end_s - now_s)
    assert abs(np.mean(rest) - 300.0) < 4.0 * 300.0 / np.sqrt(len(rest))
    expected = 400 * (36_000 - now_s) / (180.0 + 300.0)
    assert abs(count - expected) < 4.0 * np.sqrt(expected) + 400


def test_a_scheduled_incident_that_is_still_to_come_comes_later_than_now():
    scenario = load_scenario("entertainment", {
        "incidents": [{"kind": "edge_outage", "at_s": 1000, "spread_s": 1000, "length_s": 60}],
    })  # fmt: skip
    before = tuple(incident for incident in plan(scenario, np.random.default_rng(1)) if incident.start_s > 1500)
    starts = [replan(scenario, before, np.random.default_rng(n), 1500.0)[0].start_s for n in range(400)]
    assert min(starts) > 1500.0
    assert max(starts) <= 2000.0
    assert abs(np.mean(starts) - 1750.0) < 4.0 * 500.0 / np.sqrt(12 * 400)


def test_renewing_before_a_session_or_with_too_few_seeds_is_refused(tiny):
    rooms = Rooms(tiny, 2)
    with pytest.raises(OrderError, match=r"renew_luck\(\) before reset\(\)"):
        rooms.renew_luck([1, 2])
    rooms.reset([1, 2])
    with pytest.raises(OrderError, match="one seed per room: 2 rooms, 1 seeds"):
        rooms.renew_luck([1])
