"""Same luck: repeatable, independent of the batch, and the same viewers for every policy."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.state import arrays
from tests.conftest import busy_actions, play

FIXED_TRAITS = ("entered_s", "segment", "source", "wtp", "talkative", "gift_rate", "gift_z")


def _same(a: Rooms, b: Rooms, rows_a=slice(None), rows_b=slice(None)) -> None:
    for (name, x), (_, y) in zip(arrays(a.state), arrays(b.state), strict=True):
        x, y = x[rows_a], y[rows_b]
        if name in ("viewers", "alive", "free") or name.startswith("network."):
            slots = min(x.shape[1], y.shape[1]) if x.ndim > 1 else None
            x, y = (x[:, :slots], y[:, :slots]) if slots else (x, y)
        assert x.tobytes() == y.tobytes(), name


def _rest(rooms: Rooms, _: int) -> np.ndarray:
    return np.zeros((rooms.num_rooms, 4), dtype=np.int64)


def test_same_seed_twice_is_bit_identical(tiny):
    a, b = Rooms(tiny, 2), Rooms(tiny, 2)
    for rooms in (a, b):
        rooms.reset([3, 4])
        play(rooms)
    _same(a, b)
    np.testing.assert_array_equal(a.observe(), b.observe())


def test_another_seed_is_another_session(tiny):
    a, b = Rooms(tiny), Rooms(tiny)
    a.reset([3])
    b.reset([4])
    play(a)
    play(b)
    assert a.state.ledger.history.tobytes() != b.state.ledger.history.tobytes()


@pytest.mark.parametrize("scenario", ["tiny", "entertainment", "ecommerce"])
def test_row_r_of_a_batch_equals_room_r_alone(scenario):
    small = load_scenario(scenario, {"audience.planned_viewers": 60, "session.duration_s": 1800})
    seeds = [21, 22, 23, 24, 25]
    batch = Rooms(small, len(seeds))
    batch.reset(seeds)
    play(batch)
    for row in (0, 2, 4):
        alone = Rooms(small)
        alone.reset([seeds[row]])
        play(alone)
        _same(alone, batch, slice(0, 1), slice(row, row + 1))


def test_a_row_that_starts_over_leaves_the_others_alone(tiny):
    a, b = Rooms(tiny, 2), Rooms(tiny, 2)
    for rooms in (a, b):
        rooms.reset([7, 8])
        play(rooms, decisions=5)
    b.reset([99], rows=np.array([1]))
    for rooms in (a, b):
        play(rooms, _rest, decisions=5)
    _same(a, b, slice(0, 1), slice(0, 1))


def test_two_policies_on_one_seed_meet_the_same_candidates_and_traits(small_room):
    quiet, busy = Rooms(small_room), Rooms(small_room)
    for rooms in (quiet, busy):
        rooms.reset([31])
    for (name, x), (_, y) in zip(arrays(quiet.state.luck), arrays(busy.state.luck), strict=True):
        np.testing.assert_array_equal(x, y, name)
    common = 0
    for decision in range(60):
        quiet.apply(_rest(quiet, decision))
        busy.apply(busy_actions(busy, decision))
        quiet.advance()
        busy.advance()
        for (name, x), (_, y) in zip(arrays(quiet.state.luck), arrays(busy.state.luck), strict=True):
            assert x.tobytes() == y.tobytes(), f"an action changed the luck: {name}"
        common += _compare_traits(quiet, busy)
    assert quiet.state.ledger.history.tobytes() != busy.state.ledger.history.tobytes()
    assert common > 500


def _compare_traits(a: Rooms, b: Rooms) -> int:
    seen = []
    for rooms in (a, b):
        viewers = rooms.state.viewers[0][rooms.state.alive[0] == 1]
        line = [getattr(rooms.state.network, name)[0][rooms.state.alive[0] == 1] for name in ("trace", "gain", "edge")]
        seen.append({
            int(v["viewer_id"]): (*(v[name] for name in FIXED_TRAITS), *(column[n] for column in line))
            for n, v in enumerate(viewers) if int(v["viewer_id"]) >> 40 < 3
        })  # fmt: skip
    both = seen[0].keys() & seen[1].keys()
    for viewer in both:
        assert seen[0][viewer] == seen[1][viewer], viewer
    return len(both)


def test_patience_budgets_do_not_depend_on_later_actions(small_room):
    """Until the first differing action the two episodes are identical, budgets and all."""
    a, b = Rooms(small_room), Rooms(small_room)
    for rooms in (a, b):
        rooms.reset([32])
        play(rooms, decisions=20)
    _same(a, b)
    a.apply(np.array([[0, 1, 0, 0]]))
    b.apply(np.array([[0, 0, 0, 0]]))
    a.advance()
    b.advance()
    assert a.state.ledger.history.tobytes() != b.state.ledger.history.tobytes()


def test_same_luck_makes_differences_between_policies_small(small_room):
    """The paired difference of two policies varies less than half as much as the unpaired one would."""
    count = 16
    totals = []
    for seeds in (range(count), range(count), range(1000, 1000 + count)):
        rooms = Rooms(small_room, count)
        rooms.reset(list(seeds))
        total = np.zeros(count)
        every = 20 if len(totals) == 0 else 10**9
        for decision in range(small_room.decisions):
            actions = np.zeros((count, 4), dtype=np.int64)
            if decision % every == 2:
                actions[:, 1] = rooms.masks()[1][:, 1]
            rooms.apply(actions)
            rooms.advance()
            total += rooms.reward_values("expected").sum(axis=1)
        totals.append(total)
    with_ads, without, elsewhere = totals
    paired, unpaired = np.var(with_ads - without, ddof=1), np.var(with_ads - elsewhere, ddof=1)
    assert unpaired > 2 * paired, (unpaired, paired)
