"""Spaces, flat order and documentation come from one field table."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import analytics
from livesim.envs.observations import ObservationLayout
from livesim.room import Rooms
from livesim.scenario import load_scenario


@pytest.fixture
def layout(scenario) -> ObservationLayout:
    return ObservationLayout(load_scenario(scenario))


def test_the_slices_cover_the_flat_observation_without_gap(layout, scenario):
    places = list(layout.slices.values())
    assert list(layout.slices) == [field.name for field in analytics.fields(load_scenario(scenario))]
    assert [place.start for place in places] == [0, *(place.stop for place in places[:-1])]
    assert places[-1].stop == layout.size == layout.flat_space.shape[0]


def test_bounds_of_the_flat_space_are_those_of_each_field(layout):
    for field in layout.fields:
        place = layout.slices[field.name]
        np.testing.assert_array_equal(layout.flat_space.low[place], np.float32(field.low))
        np.testing.assert_array_equal(layout.flat_space.high[place], np.float32(field.high))
        assert layout.dict_space[field.name].shape == (field.shape or (1,))
    assert layout.flat_space.is_bounded()


def test_flatten_and_split_are_inverse(layout, scenario):
    rooms = Rooms(load_scenario(scenario), 2)
    rooms.reset([1, 2])
    rooms.apply(np.zeros((2, 4), dtype=int))
    rooms.advance()
    values = rooms.analytics()
    flat = layout.flatten(values)
    np.testing.assert_array_equal(flat, rooms.observe())
    for part in (layout.split(flat), layout.split(layout.named(flat)), layout.split(layout.columns(values))):
        assert list(part) == list(values)
        for name in values:
            np.testing.assert_array_equal(part[name], values[name], err_msg=name)


def test_the_dict_observation_holds_the_flat_numbers(make, play, env_id, scenario):
    flat, named = make(env_id, scenario=scenario), make(env_id, scenario=scenario, observation="dict")
    flat.reset(seed=3)
    named.reset(seed=3)
    place = flat.unwrapped.layout.slices
    for one, other in zip(play(flat, 3), play(named, 3), strict=True):
        for name, values in other[0].items():
            np.testing.assert_array_equal(one[0][place[name]], values, err_msg=name)


def assert_a_random_session_stays_in_bounds(envs):
    space = envs.single_observation_space
    observation, _ = envs.reset(seed=4)
    envs.action_space.seed(4)
    for _ in range(61):
        assert np.isfinite(observation).all()
        assert ((observation >= space.low) & (observation <= space.high)).all()
        observation = envs.step(envs.action_space.sample())[0]


def test_observations_stay_in_bounds_over_a_whole_session_of_random_actions(make_vec, scenario):
    envs = make_vec(scenario=scenario, num_envs=2, overrides={"session.duration_s": 1800.0})
    assert_a_random_session_stays_in_bounds(envs)


def test_the_table_documents_every_field_with_its_place(layout):
    lines = layout.table_markdown().splitlines()
    assert lines[0] == "| place | field | low | high | unit | hidden | meaning |"
    assert len(lines) == 2 + len(layout.fields)
    for line, field in zip(lines[2:], layout.fields, strict=True):
        assert f"| `{field.name}` |" in line
        assert line.count("|") == 8, line
    assert lines[2].startswith("| 0 | `elapsed_min` | 0 |")


def test_what_a_hidden_number_reads_lies_inside_its_bounds(layout):
    about_viewers = {field.name for field in layout.fields if field.hidden is not None}
    assert about_viewers >= {"viewers_log", "sentiment", "item_ctr"}
    for field in layout.fields:
        assert field.hidden is None or field.low <= field.hidden <= field.high, field.name


@pytest.mark.parametrize("privacy", ["k_anonymous", "laplace"])
def test_limited_observations_stay_in_bounds_over_a_whole_session_of_random_actions(make_vec, scenario, privacy):
    limits = {"session.duration_s": 1800.0, "session.clock": True, "analytics.privacy": privacy}
    if privacy == "laplace":
        limits["analytics.epsilon"] = 0.01
    envs = make_vec(scenario=scenario, num_envs=2, overrides=limits)
    assert_a_random_session_stays_in_bounds(envs)
