import numpy as np
import pytest

from agents.policy import make_policy


@pytest.fixture
def act(layout, scenario):
    def run(name, observation, **params):
        policy = make_policy(f"recommend.{name}", layout, scenario, ("recommend",), params=params or None)
        return policy.predict(observation)[0]

    return run


def items(layout, **values):
    """Return a (K,) vector: `default`, and i3=2.0 for item 3."""
    vector = np.full(len(layout.item_names), values.pop("default", 0.0), dtype=np.float32)
    for name, value in values.items():
        vector[int(name[1:])] = value
    return vector


def test_fixed_schedule_shows_the_item_of_the_slot_by_the_clock(act, observe, layout):
    observation = observe(rows=3, elapsed_min=np.array([1.0, 9.0, 17.0]), item=0)
    assert act("fixed_schedule", observation, dwell_min=8.0).tolist() == [0, 2, 3]


def test_fixed_schedule_holds_an_item_that_would_end_inside_its_slot(act, observe):
    observation = observe(elapsed_min=1.0, item=0, item_remaining_min=0.5)
    assert act("fixed_schedule", observation, dwell_min=8.0).tolist() == [1]


def test_fixed_schedule_follows_the_rundown_while_its_item_is_masked(act, observe, layout):
    mask = np.ones(len(layout.item_names) + 1)
    mask[2] = 0.0
    assert act("fixed_schedule", observe(elapsed_min=9.0, item=0, mask_recommend=mask), dwell_min=8.0).tolist() == [0]


def test_round_robin_waits_for_the_dwell_and_then_shows_the_longest_unseen(act, observe, layout):
    since = items(layout, default=30.0, i0=0.0, i2=50.0)
    waiting = observe(item=0, dwell_min=5.0, item_minutes_since_shown=since)
    due = observe(item=0, dwell_min=8.0, item_minutes_since_shown=since)
    assert act("round_robin", waiting, dwell_min=8.0).tolist() == [0]
    assert act("round_robin", due, dwell_min=8.0).tolist() == [3]


def test_round_robin_never_picks_a_masked_item(act, observe, layout):
    since = items(layout, default=30.0, i0=0.0, i2=50.0, i1=40.0)
    mask = np.ones(len(layout.item_names) + 1)
    mask[3] = 0.0
    due = observe(item=0, dwell_min=8.0, item_minutes_since_shown=since, mask_recommend=mask)
    assert act("round_robin", due, dwell_min=8.0).tolist() == [2]


def test_most_clicked_shows_unseen_items_before_the_most_clicked(act, observe, layout):
    clicks = items(layout, i1=0.3, i2=0.1)
    since = items(layout, default=40.0, i0=0.0, i3=120.0)
    due = observe(item=0, dwell_min=10.0, item_ctr=clicks, item_minutes_since_shown=since)
    assert act("most_clicked", due, dwell_min=6.0, rest_min=15.0).tolist() == [4]


def test_most_clicked_lets_the_winner_rest(act, observe, layout):
    clicks = items(layout, i1=0.3, i2=0.1)
    rested = items(layout, default=40.0, i0=0.0)
    tired = items(layout, default=40.0, i0=0.0, i1=5.0)
    observations = observe(
        rows=2, item=0, dwell_min=10.0, item_ctr=clicks, item_minutes_since_shown=np.array([rested, tired])
    )
    assert act("most_clicked", observations, dwell_min=6.0, rest_min=15.0).tolist() == [2, 3]


def test_estimated_match_changes_only_for_a_clear_advantage(act, observe, layout):
    clear, slight = items(layout, i1=1.0), items(layout, i1=0.2)
    observations = observe(rows=2, item=0, dwell_min=4.0, item_match=np.array([clear, slight]))
    params = {
        "boredom_weight": 0.0,
        "margin": 0.3,
        "min_dwell_min": 3.0,
        "click_weight": 0.0,
        "product_weight": 0.0,
    }
    assert act("estimated_match", observations, **params).tolist() == [2, 0]


def test_estimated_match_leaves_a_good_item_when_it_gets_boring(act, observe, layout):
    match = items(layout, i0=0.5)
    fresh = observe(item=0, dwell_min=4.0, item_match=match, item_minutes_shown=items(layout, i0=1.0))
    worn = observe(item=0, dwell_min=9.0, item_match=match, item_minutes_shown=items(layout, i0=20.0))
    params = {
        "boredom_weight": 2.0,
        "margin": 0.3,
        "min_dwell_min": 3.0,
        "click_weight": 0.0,
        "product_weight": 0.0,
    }
    assert act("estimated_match", fresh, **params).tolist() == [0]
    assert act("estimated_match", worn, **params)[0] > 1


def test_estimated_match_distrusts_the_first_minutes(act, observe, layout):
    match = items(layout, i1=1.0)
    observations = observe(rows=2, elapsed_min=np.array([1.0, 60.0]), item=0, dwell_min=4.0, item_match=match)
    params = {
        "boredom_weight": 0.0,
        "margin": 0.3,
        "min_dwell_min": 3.0,
        "click_weight": 0.0,
        "product_weight": 0.0,
    }
    assert act("estimated_match", observations, **params).tolist() == [0, 2]


@pytest.mark.parametrize(("name", "params"), [("hold:2", {}), ("programme", {"places": [2]})])
def test_one_item_is_brought_on_and_held(act, observe, name, params):
    elsewhere, on, ending = observe(item=2), observe(item=1), observe(item=1, item_remaining_min=0.5)
    assert [act(name, seen, **params).tolist() for seen in (elsewhere, on, ending)] == [[2], [0], [2]]


def test_a_programme_shows_its_items_in_turn_and_skips_the_others(act, observe):
    params = {"places": [1, 3], "dwell_min": 6.0}
    young, due = observe(item=0, dwell_min=2.0), observe(item=0, dwell_min=6.0)
    last, unlisted = observe(item=2, dwell_min=6.0), observe(item=1)
    assert [act("programme", seen, **params).tolist() for seen in (young, due, last, unlisted)] == [[0], [3], [1], [3]]


def test_a_programme_goes_on_with_what_rested_longest_whatever_was_shown(act, observe):
    params = {"places": [1, 2, 4], "dwell_min": 6.0}
    shown_out_of_turn = observe(item=2, dwell_min=6.0, item_minutes_since_shown=[9.0, 21.0, 0.0, 14.0])
    nobody_yet = observe(item=1, dwell_min=6.0, item_minutes_since_shown=[120.0, 0.0, 120.0, 120.0])
    assert [act("programme", seen, **params).tolist() for seen in (shown_out_of_turn, nobody_yet)] == [[2], [4]]


def test_an_item_named_twice_comes_twice_as_often(act, observe):
    """Slots of 6 min, played by the rule itself: of 60, item 1 has 30, items 2 and 4 have 15 each."""
    params = {"places": [1, 1, 2, 4], "dwell_min": 6.0}
    since, item, shown = np.full(4, 120.0), 0, []
    for _ in range(60):
        since += 6.0
        since[item] = 0.0
        seen = observe(item=item, dwell_min=6.0, item_minutes_since_shown=np.minimum(since, 120.0))
        item = act("programme", seen, **params).item() - 1
        shown.append(item)
    assert np.bincount(shown, minlength=4).tolist() == pytest.approx([30, 15, 0, 15], abs=1)


def test_a_programme_of_nothing_in_the_catalogue_is_the_rundown(act, observe):
    assert act("programme", observe(item=0, dwell_min=20.0), places=[16]).tolist() == [0]


def test_an_item_that_the_catalogue_lacks_leaves_the_rundown_alone(act, observe):
    assert act("hold:16", observe(item=0)).tolist() == [0]
