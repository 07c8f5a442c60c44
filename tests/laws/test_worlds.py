"""Domain randomisation: one world per room and session, the same luck kept, and a copy keeps its world."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from scipy import stats

from livesim import Rooms, load_scenario
from livesim.envs.env import RoomEnv
from livesim.envs.vector_env import RoomVectorEnv
from livesim.errors import ScenarioError
from livesim.luck import STREAMS
from livesim.randomness import room_streams
from livesim.scenario import Scenario
from livesim.schema import Config, bounds_of, scalar_fields
from livesim.state import arrays
from livesim.world import Draw, check_worlds, draw_world
from tests.conftest import play

RANGES = {
    "audience.planned_viewers": {"low": 20, "high": 80, "law": "log_uniform"},
    "ads.irritation_per_s": {"low": 0.003, "high": 0.012},
    "gifts.rivals": {"low": 1, "high": 4},
    "gifts.crowd": {"choices": ["crowding_out", "contagion"]},
    "ads.preroll": {"choices": [True, False]},
    "content.items.mug.price_credits": {"low": 10, "high": 90},
    "audience.patience": {"choices": ["accelerated", "proportional"]},
}


@pytest.fixture(scope="module")
def shaken() -> Scenario:
    return load_scenario("tiny", {"randomise": RANGES})


def worlds(scenario: Scenario, seeds: range) -> list[dict]:
    return [draw_world(scenario, room_streams(seed, STREAMS)["world"]) for seed in seeds]


def history(rooms: Rooms) -> bytes:
    return rooms.state.ledger.history.tobytes() + rooms.observe().tobytes() + rooms.reward_values().tobytes()


def test_numbers_are_drawn_by_their_law(shaken):
    """Kolmogorov-Smirnov for ranges, 4 standard errors for choices, 2,000 seeds."""
    drawn = worlds(shaken, range(2000))
    viewers = np.array([world["audience.planned_viewers"] for world in drawn])
    irritation = np.array([world["ads.irritation_per_s"] for world in drawn])
    assert stats.kstest(np.log(viewers / 20) / math.log(4), "uniform").pvalue > 1e-4
    assert stats.kstest((irritation - 0.003) / 0.009, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(viewers, irritation)[0, 1]) < 4 / math.sqrt(2000)
    for key, shares in (("gifts.rivals", {1: 4, 2: 4, 3: 4, 4: 4}), ("ads.preroll", {True: 2, False: 2})):
        found = [world[key] for world in drawn]
        assert set(found) == set(shares)
        for value, n in shares.items():
            assert abs(found.count(value) - 2000 / n) < 4 * math.sqrt(2000 / n * (1 - 1 / n)), (key, value)
    assert all(isinstance(world["gifts.rivals"], int) for world in drawn)


def test_one_number_more_changes_neither_the_other_draws_nor_any_other_luck(shaken):
    fewer = load_scenario(shaken, {"randomise": {key: RANGES[key] for key in list(RANGES)[1:3]}})
    for few, all_of_them in zip(worlds(fewer, range(20)), worlds(shaken, range(20)), strict=True):
        assert few == {key: all_of_them[key] for key in few}
    fixed, drawn = Rooms(load_scenario("tiny")), Rooms(fewer)
    fixed.reset([9])
    drawn.reset([9])
    for (name, x), (_, y) in zip(arrays(fixed.state.luck), arrays(drawn.state.luck), strict=True):
        if name != "rival":  # gifts.rivals, which is drawn here, is what chooses among rivals
            assert x.tobytes() == y.tobytes(), name


def test_no_observation_holds_what_was_drawn(tiny):
    """Two worlds that differ in a hidden number look the same before anything has happened."""
    hidden = {"ads.irritation_per_s": {"low": 0.1, "high": 0.2}, "gifts.crowd_out": {"low": 0.1, "high": 0.2}}
    fixed, drawn = Rooms(tiny), Rooms(load_scenario(tiny, {"randomise": hidden}))
    fixed.reset([9])
    drawn.reset([9])
    np.testing.assert_array_equal(fixed.observe(), drawn.observe())


def places(at: Config, prefix: str = "") -> list[tuple[str, object, tuple[float, float]]]:
    """Return (key, value, bounds) of every number, switch and choice of a scenario."""
    found: list[tuple[str, object, tuple[float, float]]] = []
    for name, field in type(at).model_fields.items():
        value = getattr(at, name)
        if isinstance(value, Config):
            found += places(value, f"{prefix}{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], Config):
            for n, entry in enumerate(value):
                found += places(entry, f"{prefix}{name}.{n}.")
        elif name in scalar_fields(type(at)):
            found.append((f"{prefix}{name}", value, bounds_of(field)))
    return found


def everything(scenario: Scenario) -> dict[str, dict]:
    """Return a draw near its value for every number that can be randomised."""
    draws: dict[str, dict] = {}
    for key, value, (_, high) in places(scenario):
        if isinstance(value, bool | str):
            continue  # a switch or kind that flips makes most rooms invalid; those above flip
        step = 1 if isinstance(value, int) else 0.03 * abs(value) or 0.001
        ends = (value, value + step) if value + step <= high else (value - step, value)
        draw = {"low": ends[0], "high": ends[1]}
        try:
            check_worlds(scenario.model_copy(update={"randomise": {key: Draw(**draw)}}), "here")
        except ScenarioError:
            continue
        draws[key] = draw
    return draws


def test_a_drawn_world_is_the_scenario_with_these_numbers_whatever_reads_them():
    """Every number that can be randomised is, at once: the room equals one whose file has the drawn numbers."""
    base = load_scenario("tiny", {
        "incidents": [{"kind": "flash_crowd", "at_s": 200, "viewers": 1.0, "length_s": 30},
                      {"kind": "capacity_drop", "per_hour": 20, "length_s": 40, "size": 0.4},
                      {"kind": "uplink_loss", "per_hour": 9, "length_s": 10}],
    })  # fmt: skip
    draws = everything(base)
    assert len(draws) > 400
    assert {key.split(".")[0] for key in draws} == {
        "audience", "network", "content", "gifts", "chat", "ads", "interactions", "operations", "incidents", "pipeline",
        "desk", "rewards", "analytics",
    }  # fmt: skip
    drawn = Rooms(load_scenario(base, {"randomise": draws}))
    drawn.reset([4])
    fixed = Rooms(load_scenario(base, dict(drawn.worlds[0])))
    fixed.reset([4])
    play(drawn)
    play(fixed)
    assert drawn.scenarios[0].model_dump(exclude={"randomise"}) == fixed.scenario.model_dump(exclude={"randomise"})
    assert history(drawn) == history(fixed)
    assert {k: v.tolist() for k, v in drawn.costs().items()} == {k: v.tolist() for k, v in fixed.costs().items()}


def test_row_r_of_a_batch_equals_the_room_alone_in_its_world(shaken):
    seeds = [31, 32, 33]
    batch = Rooms(shaken, 3)
    batch.reset(seeds)
    play(batch)
    assert len({world["audience.planned_viewers"] for world in batch.worlds}) == 3
    for row, seed in enumerate(seeds):
        alone = Rooms(shaken)
        alone.reset([seed])
        play(alone)
        assert alone.worlds[0] == batch.worlds[row]
        assert alone.state.ledger.history[0].tobytes() == batch.state.ledger.history[row].tobytes()


def test_a_row_that_starts_over_gets_a_world_of_its_own_and_leaves_the_others_alone(shaken):
    a, b = Rooms(shaken, 2), Rooms(shaken, 2)
    for rooms in (a, b):
        rooms.reset([7, 8])
        play(rooms, decisions=5)
    b.reset([99], rows=np.array([1]))
    assert b.worlds[0] == a.worlds[0]
    assert b.worlds[1] != a.worlds[1]
    for rooms in (a, b):
        play(rooms, lambda made, _: np.zeros((made.num_rooms, 4), dtype=np.int64), decisions=5)
    assert a.state.ledger.history[0].tobytes() == b.state.ledger.history[0].tobytes()
    again = Rooms(shaken)
    again.reset([99])
    assert again.worlds[0] == b.worlds[1]


def through_snapshot(rooms: Rooms) -> Rooms:
    other = Rooms(rooms.scenario, rooms.num_rooms)
    other.reset([1001, 1002])  # rooms in other worlds take over those of the snapshot
    play(other, decisions=3)
    other.restore(rooms.snapshot())
    return other


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda rooms: pickle.loads(pickle.dumps(rooms)), through_snapshot],
    ids=["deepcopy", "pickle", "restore"],
)
def test_a_copy_in_mid_session_keeps_its_world_and_goes_on_exactly(shaken, copied):
    rooms = Rooms(shaken, 2)
    rooms.reset([41, 42])
    play(rooms, decisions=11)
    twin = copied(rooms)
    assert twin.worlds == rooms.worlds
    play(rooms, first=11)
    play(twin, first=11)
    assert history(rooms) == history(twin)
    rooms.reset([50, 51])
    twin.reset([50, 51])
    assert twin.worlds == rooms.worlds
    assert [s.model_dump() for s in twin.scenarios] == [s.model_dump() for s in rooms.scenarios]


def test_tiles_of_a_room_share_its_world(shaken):
    rooms = Rooms(shaken, 2)
    rooms.reset([41, 42])
    play(rooms, decisions=11)
    tiles = rooms.tile(1, 3)
    assert tiles.worlds == [rooms.worlds[1]] * 3
    play(rooms, first=11)
    play(tiles, first=11)
    for n in range(3):
        assert tiles.state.ledger.history[n].tobytes() == rooms.state.ledger.history[1].tobytes()


def test_the_environment_says_the_drawn_numbers_at_reset_and_with_the_end_of_a_session(shaken):
    env, batch = RoomEnv(scenario=shaken), RoomVectorEnv(num_envs=2, scenario=shaken)
    _, info = env.reset(seed=5)
    _, infos = batch.reset(seed=[5, 6])
    assert info["world"].keys() == RANGES.keys()
    for key, value in info["world"].items():
        assert infos["world"][key][0] == value
        assert infos["world"][f"_{key}"].all()
    assert info["world"]["gifts.crowd"] in (0.0, 1.0)
    world = {key: infos["world"][key].copy() for key in RANGES}
    still = np.zeros((2, 3), dtype=np.int64)
    for _ in range(shaken.decisions):
        _, _, _, _, infos = batch.step(still)
    for key, before in world.items():
        np.testing.assert_array_equal(infos["final_info"]["world"][key], before)
    viewers = "audience.planned_viewers"
    assert (infos["world"][viewers] != world[viewers]).all(), "the next session is played in a world of its own"
    twin = pickle.loads(pickle.dumps(env))
    assert twin.step([0, 0, 0])[4]["world"] == info["world"]


def test_rooms_that_are_randomised_and_rooms_that_are_not_share_a_batch(tiny, shaken):
    mixed, alone = Rooms([tiny, shaken]), Rooms(tiny)
    assert np.isnan(mixed.world_values()["ads.irritation_per_s"]).all(), "nothing was drawn yet"
    mixed.reset([5, 6])
    alone.reset([5])
    assert np.isnan(mixed.world_values()["ads.irritation_per_s"]).tolist() == [True, False]
    play(mixed)
    play(alone)
    assert mixed.state.ledger.history[0].tobytes() == alone.state.ledger.history[0].tobytes()


def test_a_room_that_is_not_randomised_says_nothing_of_worlds(tiny):
    assert "world" not in RoomEnv(scenario=tiny).reset(seed=1)[1]
