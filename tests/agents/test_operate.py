import numpy as np
import pytest

from agents.policy import make_policy
from livesim.heads import choices

THRESHOLD = {"share_low_mbps": 1.2, "share_high_mbps": 4.0, "delay_high_s": 4.0, "delay_low_s": 2.5, "late_high": 0.15,
             "load_low": 0.25, "flags_high": 6.0, "rest_min": 4.0}  # fmt: skip


@pytest.fixture
def policy(layout, scenario):
    def build(name, **params):
        return make_policy(f"operate.{name}", layout, scenario, ("operate",), params=params or None)

    return build


@pytest.fixture
def setting(scenario):
    names = choices(scenario)["operate"]
    return lambda name: names.index(name) + 1 if name else 0


def test_fixed_sets_its_levers_one_after_the_other_and_then_rests(policy, observe, setting):
    fixed = policy("fixed", cap=4, capacity=1, staff=-1, strictness=-1)
    assert fixed.predict(observe())[0][0] == setting("cap_2850_kbps")
    capped = {"bitrate_cap": 0.8}
    assert fixed.predict(observe(**capped))[0][0] == setting("capacity_x1.25")
    assert fixed.predict(observe(capacity_ordered=1.0, **capped))[0][0] == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"edge_share_mbps": np.array([0.8, 3.0, 100.0])}, "capacity_x1.25"),
        ({"edge_share_mbps": np.array([0.0, 3.0, 100.0]), "edge_up": np.array([0.0, 1.0, 1.0])}, None),
        ({"publish_delay_s": 6.0}, "cap_2850_kbps"),
        ({"desk_late_share": 0.3}, "staff_2"),
        ({"flags_per_min_log": np.log1p(10.0)}, "moderation_strict"),
        ({"capacity_ordered": 2.0, "edge_share_mbps": 3.0}, None),  # between the thresholds: hysteresis
        ({"capacity_ordered": 2.0, "edge_share_mbps": 5.0}, "capacity_x1.25"),
        ({"staff_ordered": 3.0, "desk_load": 0.1}, "staff_2"),
        ({"publish_delay_s": 6.0, "edge_share_mbps": 0.5}, "cap_2850_kbps"),  # the pipeline comes first
    ],
)
def test_threshold_acts_beyond_a_threshold_and_undoes_below_a_lower_one(policy, observe, setting, changes, expected):
    assert policy("threshold", **THRESHOLD).predict(observe(**changes))[0][0] == setting(expected)


def test_threshold_does_not_undo_what_it_has_just_done(policy, observe, setting):
    threshold = policy("threshold", **THRESHOLD)
    _, state = threshold.predict(observe(elapsed_min=30.0, edge_share_mbps=0.5))
    calm = {"capacity_ordered": 1.0, "edge_share_mbps": 100.0}
    action, state = threshold.predict(observe(elapsed_min=33.0, **calm), state)
    assert action[0] == 0
    action, _ = threshold.predict(observe(elapsed_min=34.5, **calm), state)
    assert action[0] == setting("capacity_x1")


def test_utilisation_target_rents_for_the_audience_it_expects(policy, observe, setting):
    target = policy("utilisation_target", rate_mbps=2.0, ahead=0.0, desk=0.6, delay_s=4.0)
    # three edges of 200 Mbit/s: enough for 300 viewers at 2 Mbit/s
    for viewers, expected in ((250, None), (360, "capacity_x1.25"), (440, "capacity_x1.5"), (900, "capacity_x2")):
        assert target.predict(observe(viewers_log=np.log1p(viewers)))[0][0] == setting(expected)
    gone = observe(viewers_log=np.log1p(240), edge_capacity_mbps=np.array([0.0, 200.0, 200.0]))
    assert target.predict(gone)[0][0] == setting("capacity_x1.25")


def test_utilisation_target_staffs_the_desk_by_its_load(policy, observe, setting):
    target = policy("utilisation_target", rate_mbps=2.0, ahead=0.0, desk=0.6, delay_s=4.0)
    assert target.predict(observe(desk_load=0.9))[0][0] == setting("staff_2")
    assert target.predict(observe(desk_load=0.2, staff=3.0, staff_ordered=3.0))[0][0] == setting("staff_1")
