"""Shared by all tests: small scenarios and a way to play them."""

from __future__ import annotations

import subprocess
import sys
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


ELSEWHERE = """
import numpy as np
from livesim import Rooms, load_scenario
from livesim.network.config import NetworkConfig
from livesim.network.lone import watch
rooms = Rooms(load_scenario("tiny"))
rooms.reset([0])
rooms.masks()
rooms.observe()
rooms.renew_luck([1])
watch(NetworkConfig(live=False, rule="buffer"), np.full(10, 4000.0), 0.0, segments=5)
"""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels in two processes before the workers start, each of which would compile all of them."""
    if getattr(session.config.option, "numprocesses", None) and not hasattr(session.config, "workerinput"):
        with subprocess.Popen([sys.executable, "-c", ELSEWHERE]) as elsewhere:
            rooms = Rooms(load_scenario("tiny"))
            rooms.reset([0])
            rooms.advance()
        assert elsewhere.returncode == 0


@pytest.fixture(scope="session")
def tiny() -> Scenario:
    return load_scenario("tiny")


@pytest.fixture(scope="session")
def small_room() -> Scenario:
    """The default room with 80 viewers: two hours with every mechanism in a fraction of a second."""
    return load_scenario("entertainment", {"audience.planned_viewers": 80})
