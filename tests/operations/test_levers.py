"""The levers of the operate head: what they set, when it works, what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.errors import ScenarioError
from livesim.heads import choices
from livesim.ledger import OPERATIONS
from livesim.network.edges import capacities

WAGE, PRICE = 12.0, 0.15  # credits per hour, and per Mbit/s and hour


@pytest.fixture
def room() -> Rooms:
    rooms = Rooms(load_scenario("tiny"), 1)
    rooms.reset([1])
    return rooms


def choose(rooms: Rooms, name: str | None) -> None:
    actions = np.zeros((1, 4), dtype=np.int64)
    if name is not None:
        actions[0, 3] = choices(rooms.scenario)["operate"].index(name) + 1
    rooms.apply(actions)
    rooms.advance()


def allowed(rooms: Rooms) -> set[str]:
    names = choices(rooms.scenario)["operate"]
    return {names[n] for n in np.flatnonzero(rooms.masks()[3][0][1:])}


def test_a_setting_that_is_already_in_place_is_masked(room: Rooms):
    assert {"cap_6000_kbps", "capacity_x1", "staff_1", "moderation_normal"}.isdisjoint(allowed(room))
    choose(room, "cap_750_kbps")
    assert "cap_750_kbps" not in allowed(room)
    assert "cap_6000_kbps" in allowed(room)


def test_no_viewer_is_given_more_than_the_cap(room: Rooms):
    choose(room, "cap_750_kbps")
    for _ in range(12):
        choose(room, None)
    alive = room.state.alive[0] > 0
    assert alive.sum() > 5
    assert room.state.network.rung[0][alive].max() <= 1


def test_rented_capacity_arrives_after_its_delay_and_goes_at_once(room: Rooms):
    own = capacities(room.scenario.network, room.scenario.audience.planned_viewers)
    choose(room, "capacity_x1.5")
    assert room.state.network.capacity_kbps[0] == pytest.approx(own)
    choose(room, None)
    choose(room, None)
    assert room.state.network.capacity_kbps[0] == pytest.approx(1.5 * own)
    assert not any(name.startswith("capacity") for name in allowed(room))  # locked for five minutes
    for _ in range(8):
        choose(room, None)
    choose(room, "capacity_x1")
    assert room.state.network.capacity_kbps[0] == pytest.approx(own)


def test_rent_and_wages_are_paid_from_the_order_on(room: Rooms):
    base_mbps = capacities(room.scenario.network, room.scenario.audience.planned_viewers).sum() / 1000
    choose(room, None)
    per_decision = 30 / 3600
    assert room.state.ledger.now[0, OPERATIONS] == pytest.approx(WAGE * per_decision)
    choose(room, "capacity_x2")
    assert room.state.ledger.now[0, OPERATIONS] == pytest.approx((WAGE + PRICE * base_mbps) * per_decision)
    choose(room, "staff_3")
    expected = (3 * WAGE + PRICE * base_mbps) * per_decision
    assert room.state.ledger.now[0, OPERATIONS] == pytest.approx(expected)
    assert room.reward_terms("expected")["operations"][0] == pytest.approx(-expected)


def test_called_people_come_after_their_delay_and_leave_at_once(room: Rooms):
    choose(room, "staff_2")
    assert room.state.rooms.desk_servers[0] == 1
    choose(room, None)
    choose(room, None)
    assert room.state.rooms.desk_servers[0] == 2
    for _ in range(8):
        choose(room, None)
    choose(room, "staff_0")
    assert room.state.rooms.desk_servers[0] == 0


def test_a_masked_setting_does_nothing_and_is_counted(room: Rooms):
    choose(room, "capacity_x2")
    choose(room, "capacity_x1.25")
    assert room.events()["masked_actions"][0] == 1
    assert room.state.rooms.capacity_level[0] == 3


@pytest.mark.parametrize("steps", [[1.25, 2.0], [1.0, 1.0], []])
def test_steps_of_capacity_must_rise_from_one(steps):
    with pytest.raises(ScenarioError, match="capacity_steps: must begin with 1 and rise"):
        load_scenario("tiny", {"operations.capacity_steps": steps})


def test_more_people_on_the_desk_than_can_be_called_is_an_error():
    with pytest.raises(ScenarioError, match=r"desk.servers: 5 people are more than operations.staff_most = 3"):
        load_scenario("tiny", {"desk.servers": 5})
