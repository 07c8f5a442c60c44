"""What a network reads: frames, advice, and the masks between events."""

import numpy as np
import pytest

from agents.advice import advice_card, adviser
from agents.inputs import Inputs
from agents.policy import make_policy

HEADS = ("recommend", "ads", "interact")
FIRST = np.array([True])
LATER = np.array([False])


@pytest.fixture
def make(layout):
    """Return make(**arguments) -> Inputs of all three heads in the tiny room."""
    fields = {name: (place.start, place.stop) for name, place in layout.slices.items()}
    return lambda **arguments: Inputs(fields, HEADS, layout.head_sizes[:3], **arguments)


def test_without_ingredients_the_input_is_the_observation(make, observe):
    inputs, rows = make(), observe(rows=3)
    seen, state = inputs.see(rows, inputs.fresh(range(3)), np.ones(3, dtype=bool))
    assert seen is rows
    assert state == ()


def test_frames_stand_newest_first_and_start_as_the_first(make, observe):
    inputs = make(history=3)
    frames = [observe(elapsed_min=float(minute)) for minute in range(4)]
    seen, state = inputs.see(frames[0], inputs.fresh([0]), FIRST)
    np.testing.assert_array_equal(seen[0], np.concatenate([frames[0][0]] * 3))
    for frame in frames[1:]:
        seen, state = inputs.see(frame, state, LATER)
    np.testing.assert_array_equal(seen[0], np.concatenate([frames[3][0], frames[2][0], frames[1][0]]))
    seen, _ = inputs.see(frames[0], state, FIRST)
    np.testing.assert_array_equal(seen[0], np.concatenate([frames[0][0]] * 3))


def test_rows_do_not_see_each_other(make, observe):
    inputs, rows = make(history=2), observe(rows=2, elapsed_min=np.array([1.0, 2.0]))
    together, _ = inputs.see(rows, inputs.fresh([0, 1]), np.array([True, True]))
    alone, _ = inputs.see(rows[1:], inputs.fresh([1]), FIRST)
    np.testing.assert_array_equal(together[1], alone[0])


def test_advice_is_the_choice_of_the_rule_head_by_head(make, layout, scenario, observe):
    rule = make_policy("ads.fixed_interval", layout, scenario, HEADS)
    inputs = make(adviser=rule)
    rows = observe(minutes_since_ad=60.0)
    expected, _ = rule.predict(rows)
    assert expected[0, 1] > 0, "the rule wants an ad now"
    seen, _ = inputs.see(rows, inputs.fresh([0]), FIRST)
    hot = np.concatenate([np.eye(size)[choice] for size, choice in zip(inputs.sizes, expected[0], strict=True)])
    np.testing.assert_array_equal(seen[0, inputs.advice_start :], hot)


def test_advice_that_is_not_allowed_reads_as_nothing(make, layout, scenario, observe):
    inputs = make(adviser=make_policy("ads.fixed_interval", layout, scenario, HEADS))
    closed = np.zeros(layout.head_sizes[1])
    closed[0] = 1.0
    seen, _ = inputs.see(observe(minutes_since_ad=60.0, mask_ads=closed[None]), inputs.fresh([0]), FIRST)
    start = inputs.advice_start + layout.head_sizes[0]
    assert seen[0, start] == 1.0


def test_a_rule_in_a_model_keeps_the_numbers_it_had(layout, scenario, observe):
    rule = make_policy("combined", layout, scenario, HEADS)
    card = advice_card(rule, HEADS)
    assert set(card) == set(HEADS)
    rows = observe(rows=4, minutes_since_ad=np.arange(4) * 20.0)
    np.testing.assert_array_equal(adviser(card, layout, scenario).predict(rows)[0], rule.predict(rows)[0])
    changed = {"ads": {"policy": "ads.fixed_interval", "params": {"interval_min": 3.0}}}
    assert adviser(changed, layout, scenario).params.interval_min == 3.0


def test_a_head_may_act_only_where_the_advised_rule_does(make, layout, scenario, observe):
    inputs = make(adviser=make_policy("ads.fixed_interval", layout, scenario, HEADS), at_advice=True)
    sizes = np.cumsum([0, *layout.head_sizes])
    for minutes, may_act in ((0.5, False), (60.0, True)):
        seen, _ = inputs.see(observe(minutes_since_ad=minutes), inputs.fresh([0]), FIRST)
        allowed = inputs.masks(seen)[0]
        assert allowed[sizes[1] + 1 : sizes[2]].any() == may_act
        assert allowed[sizes[:3]].all(), "to do nothing is always allowed"
        assert not allowed[sizes[0] + 1 : sizes[1]].any(), "this rule never changes what is shown"


def test_between_events_only_choice_zero_is_allowed(make, layout, observe):
    inputs = make(event_wait=3)
    calm, state = observe(item=0), inputs.fresh([0])
    open_now = []
    for step in range(7):
        seen, state = inputs.see(calm, state, np.array([step == 0]))
        open_now.append(bool(inputs.masks(seen)[0, 1:5].any()))
        assert inputs.masks(seen)[0, 0]
    assert open_now == [True, False, False, True, False, False, True], "at the start, then after every third decision"


@pytest.mark.parametrize("field", ["item", "interaction_open", "ad_playing"])
def test_the_end_of_an_item_an_interaction_or_an_ad_is_an_event(make, layout, observe, field):
    inputs = make(event_wait=60)
    size = layout.slices[field].stop - layout.slices[field].start
    running = np.eye(size, dtype=np.float32)[:1]
    ended = np.eye(size, dtype=np.float32)[1:2] if field == "item" else np.zeros((1, size), np.float32)
    _, state = inputs.see(observe(**{field: running}), inputs.fresh([0]), FIRST)
    seen, state = inputs.see(observe(**{field: running}), state, LATER)
    assert inputs.masks(seen).sum() == len(HEADS), "nothing ended: choice 0 of every head"
    seen, _ = inputs.see(observe(**{field: ended}), state, LATER)
    assert inputs.masks(seen).all()
