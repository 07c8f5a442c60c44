"""Incidents in a running room: what they change, how they overlap, that copies go on exactly."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from tests.conftest import busy_actions, play

EVERYTHING = [
    {"kind": "edge_outage", "at_s": 60, "length_s": 120, "edge": 0},
    {"kind": "edge_outage", "at_s": 120, "length_s": 120, "edge": 0},
    {"kind": "capacity_drop", "at_s": 30, "length_s": 200, "size": 0.5},
    {"kind": "capacity_drop", "at_s": 90, "length_s": 60, "size": 0.4, "edge": 1},
    {"kind": "uplink_loss", "at_s": 300, "length_s": 30},
    {"kind": "transcode_slowdown", "at_s": 330, "length_s": 60, "size": 0.5},
    {"kind": "flash_crowd", "at_s": 400, "viewers": 3, "length_s": 20},
    {"kind": "troll_raid", "at_s": 420, "viewers": 0.5, "length_s": 10},
    {"kind": "edge_outage", "per_hour": 20, "length_s": 15},
]


def room(incidents, rows: int = 1, **overrides) -> Rooms:
    return Rooms(load_scenario("tiny", {"incidents": incidents, **overrides}), rows)


def run_to(rooms: Rooms, time_s: float) -> None:
    while rooms.time_s[0] < time_s:
        rooms.apply(np.zeros((rooms.num_rooms, 4), dtype=np.int64))
        rooms.advance()


def test_an_edge_is_down_until_the_last_of_two_overlapping_outages_is_over():
    rooms = room(EVERYTHING[:2])
    rooms.reset([1])
    up = {}
    for time_s in (60, 90, 180, 210, 240, 270):
        run_to(rooms, time_s)
        up[time_s] = rooms.state.network.up[0].tolist()
    assert up[60] == [False, True, True]  # due exactly at a decision runs inside it
    assert up[90] == up[180] == up[210] == [False, True, True]
    assert up[240] == up[270] == [True, True, True]


def test_overlapping_drops_of_capacity_multiply():
    rooms = room(EVERYTHING[2:4])
    rooms.reset([1])
    run_to(rooms, 90)
    assert rooms.state.network.capacity_factor[0].tolist() == pytest.approx([0.5, 0.2, 0.5])
    run_to(rooms, 240)
    assert rooms.state.network.capacity_factor[0].tolist() == [1.0, 1.0, 1.0]


def test_a_flash_crowd_fills_the_room_and_the_same_luck_brings_the_same_viewers():
    calm, crowd = room([]), room(EVERYTHING[6:7])
    for rooms in (calm, crowd):
        rooms.reset([5])
        run_to(rooms, 510)
    more = crowd.state.ledger.history[0, :, :].sum(axis=0) - calm.state.ledger.history[0, :, :].sum(axis=0)
    from livesim.ledger import ENTERED_CLIP, ENTERED_FEED

    assert more[ENTERED_CLIP] > 80
    assert crowd.viewers[0] > calm.viewers[0] + 20
    assert abs(more[ENTERED_FEED]) <= 0.2 * more[ENTERED_CLIP]  # only through the boost of a livelier room


def test_a_copied_room_goes_through_its_incidents_as_the_original_does():
    rooms = room(EVERYTHING, rows=2)
    rooms.reset([3, 4])
    play(rooms, busy_actions, 5)
    twin = copy.deepcopy(rooms)
    play(rooms, busy_actions, first=5)
    play(twin, busy_actions, first=5)
    np.testing.assert_array_equal(rooms.state.ledger.history, twin.state.ledger.history)


def test_row_r_of_a_batch_with_incidents_equals_the_room_alone():
    together = room(EVERYTHING, rows=3)
    together.reset([7, 8, 9])
    play(together)
    alone = room(EVERYTHING)
    alone.reset([8])
    play(alone, lambda rooms, decision: busy_actions(rooms, decision))
    np.testing.assert_array_equal(together.state.ledger.history[1], alone.state.ledger.history[0])


@pytest.mark.parametrize("name", ["flash_crowd", "edge_outage", "weak_network"])
def test_a_stress_scenario_differs_from_the_default_only_where_it_says(name):
    stress, default = load_scenario(name), load_scenario("entertainment")
    assert stress.incidents
    assert stress.content == default.content
    assert stress.audience == default.audience
