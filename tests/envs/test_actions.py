"""Actions outside the space get one clear error; shapes and types that mean the same are accepted."""

from __future__ import annotations

import numpy as np
import pytest

from livesim.envs.actions import ActionHeads
from livesim.envs.observations import ObservationLayout
from livesim.errors import ActionError
from livesim.scenario import load_scenario


@pytest.fixture(scope="module")
def layout() -> ObservationLayout:
    return ObservationLayout(load_scenario("tiny"))


def test_an_action_out_of_range_names_value_head_range_and_choices(layout):
    ads = ActionHeads(layout, ["ads"])
    with pytest.raises(ActionError) as caught:
        ads.parse(9)
    assert str(caught.value) == (
        "action 9 of head 'ads' is out of range. "
        "Head 'ads' takes 0..3: 0 none, 1 mid_roll_30, 2 mid_roll_60, 3 overlay."
    )


def test_an_action_out_of_range_in_a_batch_names_the_environment(layout):
    heads = ActionHeads(layout, ["recommend", "ads", "interact"])
    actions = np.zeros((4, 3), dtype=int)
    actions[2, 1] = -1
    with pytest.raises(ActionError, match="environment 2: action -1 of head 'ads' is out of range"):
        heads.parse(actions, 4)


@pytest.mark.parametrize("action", [1.5, None, "1", [0.0, 0.0, 0.0], True])
def test_an_action_that_is_not_of_whole_numbers_is_refused(layout, action):
    with pytest.raises(ActionError, match="is not of whole numbers"):
        ActionHeads(layout, ["ads"]).parse(action)


@pytest.mark.parametrize(("action", "rooms"), [([1, 2], None), (1, None), ([[0, 0, 0]], 2)])
def test_an_action_of_another_shape_names_the_wanted_one(layout, action, rooms):
    wanted = r"\(3,\)" if rooms is None else r"\(2, 3\)"
    with pytest.raises(ActionError, match=f"does not fit heads recommend, ads, interact: wanted shape {wanted}"):
        ActionHeads(layout, ["recommend", "ads", "interact"]).parse(action, rooms)


@pytest.mark.parametrize("action", [2, np.int64(2), np.array(2), np.array([2]), np.uint8(2)])
def test_one_choice_may_come_as_number_or_array(layout, action):
    assert ActionHeads(layout, ["ads"]).parse(action).tolist() == [[2]]


def test_the_order_of_heads_is_the_order_of_the_action(layout):
    heads = ActionHeads(layout, ["interact", "ads"])
    assert heads.columns == (2, 1)
    assert heads.space.nvec.tolist() == [layout.head_sizes[2], layout.head_sizes[1]]
    with pytest.raises(ActionError, match="head 'ads'"):
        heads.parse([0, 4])


def test_masks_lie_side_by_side_in_the_order_of_heads(layout):
    masks = tuple(np.zeros((2, size), dtype=bool) for size in layout.head_sizes)
    masks[1][:] = True
    flat = ActionHeads(layout, ["interact", "ads"]).mask(masks)
    assert flat.sum(axis=1).tolist() == [4, 4]
    assert flat[:, -4:].all()
