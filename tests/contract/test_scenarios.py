"""Every shipped room, alone and under every preset, loads, keeps its bounds and plays."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, list_scenarios, load_scenario
from livesim.scenario import list_presets
from tests.conftest import play

SHORT = {"session.duration_s": 600, "audience.planned_viewers": 40}


@pytest.mark.parametrize("preset", ["", *(f"+{name}" for name in list_presets())])
@pytest.mark.parametrize("scenario", list_scenarios())
def test_every_room_plays_under_every_preset(scenario, preset):
    room = load_scenario(f"{scenario}{preset}", SHORT)
    rooms = Rooms(room, 2)
    rooms.reset([3, 4])
    play(rooms)
    assert rooms.ended.all()
    assert (rooms.state.ledger.history[:, :, 0].sum(axis=1) > 0).all(), "somebody comes"
    observation = rooms.observe()
    assert np.isfinite(observation).all()
    assert np.isfinite(rooms.reward_values()).all()
