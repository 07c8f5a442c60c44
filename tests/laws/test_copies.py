"""A room can be copied: the copy goes on exactly as the original would."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from livesim import Rooms, load_scenario, registering
from livesim.errors import OrderError, ScenarioError, SnapshotError
from livesim.state import arrays
from tests.conftest import play


def _halfway(scenario, rooms=2, seeds=(41, 42), decisions=None):
    made = Rooms(scenario, rooms)
    made.reset(list(seeds))
    play(made, decisions=decisions or scenario.decisions // 2)
    return made


def _history(rooms: Rooms) -> bytes:
    return rooms.state.ledger.history.tobytes() + rooms.observe().tobytes()


@pytest.mark.parametrize("decisions", [1, 3, 7, 11, 12, 13, 17])
def test_snapshot_restore_continue_equals_continue(tiny, decisions):
    rooms = _halfway(tiny, decisions=decisions)
    kept = rooms.snapshot()
    play(rooms, first=decisions)
    straight = _history(rooms)
    rooms.restore(kept)
    play(rooms, first=decisions)
    assert _history(rooms) == straight


def test_a_long_room_continues_exactly_from_any_moment(small_room):
    rooms = Rooms(small_room)
    rooms.reset([43])
    copies = []
    for decision in range(0, small_room.decisions, 24):
        copies.append((decision, copy.deepcopy(rooms)))
        play(rooms, decisions=24, first=decision)
    straight = _history(rooms)
    for decision, twin in copies:
        play(twin, first=decision)
        assert _history(twin) == straight, decision


def test_pickle_continues_exactly(tiny):
    rooms = _halfway(tiny)
    twin = pickle.loads(pickle.dumps(rooms))
    play(rooms, first=12)
    play(twin, first=12)
    assert _history(rooms) == _history(twin)


def test_tile_makes_independent_copies_of_one_room(tiny):
    rooms = Rooms(tiny, 2)
    rooms.reset([41, 42])
    play(rooms, lambda rooms, _: np.zeros((rooms.num_rooms, 4), dtype=np.int64), decisions=12)
    tiles = rooms.tile(1, 3)
    assert tiles.num_rooms == 3
    different = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    for mask, column in zip(tiles.masks(), different.T, strict=True):
        assert mask[np.arange(3), column].all(), "the actions of this test must be allowed"
    tiles.apply(different)
    tiles.advance()
    rooms.apply(np.zeros((2, 4), dtype=np.int64))
    rooms.advance()
    now = tiles.state.ledger.now
    np.testing.assert_array_equal(now[0], rooms.state.ledger.now[1])
    assert not np.array_equal(now[0], now[1])
    assert not np.array_equal(now[0], now[2])


def test_a_snapshot_of_another_size_is_refused(tiny):
    kept = _halfway(tiny).snapshot()
    with pytest.raises(OrderError, match="snapshot of 2 rooms cannot be restored into 3"):
        Rooms(tiny, 3).restore(kept)


def test_rooms_of_one_batch_must_fit_together(tiny):
    with pytest.raises(ScenarioError, match="ecommerce: cannot share a batch with 'tiny': items differ"):
        Rooms([tiny, load_scenario("ecommerce")])


def test_rooms_of_one_batch_may_have_different_numbers(tiny):
    bigger = load_scenario("tiny", {"audience.planned_viewers": 80, "ads.irritation_per_s": 0.02})
    mixed, alone = Rooms([tiny, bigger]), Rooms(bigger)
    mixed.reset([1, 2])
    alone.reset([2])
    play(mixed)
    play(alone)
    assert mixed.state.ledger.history[1].tobytes() == alone.state.ledger.history[0].tobytes()


@registering("process", "test_plain_generator")
def plain(room):
    while True:
        yield room.until(room.now + 60)


def test_a_plain_generator_runs_but_makes_snapshot_name_it(tiny):
    scenario = load_scenario(tiny, {"processes": [{"process": "test_plain_generator"}]})
    rooms = Rooms(scenario)
    rooms.reset([1])
    play(rooms, decisions=3)
    with pytest.raises(SnapshotError, match="process 'test_plain_generator' is a plain generator and cannot be copied"):
        rooms.snapshot()


def test_the_raid_plugin_brings_raiders_and_can_be_copied():
    scenario = load_scenario("scenarios/examples/raid_night.yaml", {
        "audience.planned_viewers": 40, "session.duration_s": 3600, "incidents": [],
        "processes": [{"process": "raid", "parameters": {"at_s": 900, "viewers": 30}}],
    })  # fmt: skip
    rooms = Rooms(scenario, journal=5000)
    rooms.reset([3])
    play(rooms, decisions=20)
    twin = copy.deepcopy(rooms)
    play(rooms, first=20)
    play(twin, first=20)
    raiders = [int(v) for v in rooms.journal(0)["viewer_id"] if v >> 40 == 4]
    assert 10 <= len(set(raiders)) <= 60
    assert _history(rooms) == _history(twin)


def test_arrays_of_a_state_all_have_the_room_axis_first(tiny):
    rooms = Rooms(tiny, 3)
    assert all(array.shape[0] == 3 for _, array in arrays(rooms.state))
