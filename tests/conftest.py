"""Shared by all tests: small scenarios and a way to play them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from livesim import Rooms, load_scenario
from livesim.scenario import Scenario

Play = Callable[[Rooms, int], np.ndarray]


def busy_actions(rooms: Rooms, decision: int) -> np.ndarray:
    """Return a lively joint action for every room, the same for the same room at the same decision: every head acts."""
    actions = np.zeros((rooms.num_rooms, len(rooms.head_sizes)), dtype=np.int64)
    for head, mask in enumerate(rooms.masks()):
        if (decision + head) % 4 == 0:
            for row in range(rooms.num_rooms):
                allowed = np.flatnonzero(mask[row])
                actions[row, head] = allowed[(decision * 7 + head * 3) % len(allowed)]
    return actions


def play(rooms: Rooms, choose: Play = busy_actions, decisions: int = 10_000, first: int = 0) -> None:
    """Play all rooms to their end, or for so many decisions."""
    for decision in range(first, first + decisions):
        if rooms.ended.all():
            return
        rooms.apply(choose(rooms, decision))
        rooms.advance()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels before several processes start, which would each compile them."""
    if getattr(session.config.option, "numprocesses", None) and not hasattr(session.config, "workerinput"):
        rooms = Rooms(load_scenario("tiny"))
        rooms.reset([0])
        play(rooms, decisions=2)


@pytest.fixture(scope="session")
def tiny() -> Scenario:
    return load_scenario("tiny")


@pytest.fixture(scope="session")
def small_room() -> Scenario:
    """The default room with 80 viewers: two hours with every mechanism in a fraction of a second."""
    return load_scenario("entertainment", {"audience.planned_viewers": 80})
