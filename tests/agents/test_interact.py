import numpy as np
import pytest

from agents.policy import make_policy


@pytest.fixture
def policy(layout, scenario):
    def build(name, **params):
        return make_policy(f"interact.{name}", layout, scenario, ("interact",), params=params or None)

    return build


def uses(layout, **minutes):
    """Return minutes_since_use, (J,): never, except the named kinds."""
    return np.array([minutes.get(name, 120.0) for name in layout.kind_names], dtype=np.float32)


def only(layout, *names):
    """Return mask_interact that allows nothing but these kinds."""
    return np.array([1.0, *(float(name in names) for name in layout.kind_names)], dtype=np.float32)


def test_rotation_takes_the_next_allowed_kind_every_interval(policy, observe, layout, kind):
    second, third = layout.kind_names[1], layout.kind_names[2]
    due = observe(minutes_since_use=uses(layout, **{layout.kind_names[0]: 10.0}))
    early = observe(minutes_since_use=uses(layout, **{layout.kind_names[0]: 9.0}))
    blocked = observe(
        minutes_since_use=uses(layout, **{layout.kind_names[0]: 10.0}),
        mask_interact=only(layout, *(name for name in layout.kind_names if name != second)),
    )
    rotation = policy("rotation", interval_min=10.0)
    assert [rotation.predict(o)[0][0] for o in (due, early, blocked)] == [kind(second), 0, kind(third)]


def test_rotation_begins_with_the_first_kind_after_one_interval(policy, observe, layout):
    rotation = policy("rotation", interval_min=10.0)
    assert rotation.predict(observe(rows=2, elapsed_min=np.array([5.0, 10.0])))[0].tolist() == [0, 1]


def test_a_repertoire_gives_its_kinds_their_turn_and_leaves_out_the_others(policy, observe, layout, kind):
    first, second, third = layout.kind_names[:3]
    repertoire = policy("repertoire", places=[1, 3], interval_min=10.0)

    def after(name, minutes):
        return repertoire.predict(observe(minutes_since_use=uses(layout, **{name: minutes})))[0][0]

    assert [after(first, 10.0), after(third, 10.0), after(second, 10.0)] == [kind(third), kind(first), kind(third)]
    assert after(first, 9.0) == 0
    masked = observe(mask_interact=only(layout, second))
    assert repertoire.predict(masked)[0][0] == 0


def test_a_repertoire_of_every_kind_is_the_rotation(policy, observe, layout):
    seen = observe(rows=3, elapsed_min=np.array([5.0, 10.0, 40.0]))
    for interval in (4.0, 10.0):
        everything, rotation = (policy(name, interval_min=interval) for name in ("repertoire", "rotation"))
        assert everything.predict(seen)[0].tolist() == rotation.predict(seen)[0].tolist()


def test_cooldown_greedy_starts_the_kind_unused_for_longest_as_soon_as_it_may(policy, observe, layout, kind):
    since = uses(layout, poll=3.0, quiz=30.0, lucky_draw=4.0)
    allowed = only(layout, "poll", "quiz", "lucky_draw")
    assert policy("cooldown_greedy").predict(observe(minutes_since_use=since, mask_interact=allowed))[0][0] == kind(
        "quiz"
    )


def test_nothing_is_started_while_an_interaction_is_open(policy, observe, layout):
    busy = observe(interaction_open=np.eye(len(layout.kind_names))[0])
    for name in ("rotation", "repertoire", "cooldown_greedy", "lull_triggered", "before_ad"):
        assert policy(name).predict(busy)[0][0] == 0


DEFAULTS = {"gap_min": 4.0, "unanswered": 5.0, "intent_share": 0.05, "newcomer_share": 0.3, "leave_rate": 0.3}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"unanswered_log": np.log1p(8.0)}, "acknowledge"),
        ({"intent_log": np.log1p(20.0)}, "flash_sale"),
        ({"newcomer_share": 0.5}, "lucky_draw"),
        ({"leave_rate": 0.6}, "lucky_draw"),
        ({"dwell_min": 8.0}, "poll"),
        ({"chat_trend": -0.5}, "quiz"),
        ({"performing_min": 50.0}, "virtual_host"),
        ({"unanswered_log": np.log1p(8.0), "intent_log": np.log1p(30.0)}, "flash_sale"),
    ],
)
def test_lull_triggered_works_on_the_fullest_stock(policy, observe, kind, changes, expected):
    action = policy("lull_triggered", **DEFAULTS).predict(observe(**changes))[0][0]
    assert action == (kind(expected) if expected else 0)


def test_lull_triggered_gives_the_audience_a_pause_except_for_a_battle(policy, observe, layout, kind):
    recent = uses(layout, poll=1.0)
    full = observe(minutes_since_use=recent, unanswered_log=np.log1p(20.0))
    rival = observe(minutes_since_use=recent, unanswered_log=np.log1p(20.0), battle_offer=1.0, gift_trend=0.2)
    triggered = policy("lull_triggered", **DEFAULTS)
    assert triggered.predict(full)[0][0] == 0
    assert triggered.predict(rival)[0][0] == kind("battle")


def test_a_battle_offer_in_a_lull_is_taken_only_before_it_lapses(policy, observe, kind, scenario):
    offer = observe(battle_offer=1.0, gift_trend=-0.5)
    triggered = policy("lull_triggered", **DEFAULTS)
    state, taken = None, []
    for _ in range(6):  # decisions of 30 s: three minutes have passed at the sixth
        action, state = triggered.predict(offer, state)
        taken.append(int(action[0]))
    assert taken == [0, 0, 0, 0, 0, kind("battle")]


def test_before_ad_starts_a_lucky_draw_only_when_credit_runs_low(policy, observe, layout, kind):
    observations = observe(rows=2, ad_credit_min=np.array([9.0, 2.0]))
    before = policy("before_ad", credit_min=5.5, gap_min=5.0)
    assert before.predict(observations)[0].tolist() == [0, kind("lucky_draw")]
    no_prizes = observe(ad_credit_min=2.0, mask_interact=only(layout, "poll", "quiz"))
    assert before.predict(no_prizes)[0][0] == kind("quiz")


def test_spam_repeats_one_kind_as_fast_as_its_mask_allows(policy, observe, layout, kind):
    spam = policy("spam:poll")
    assert spam.predict(observe())[0][0] == kind("poll")
    assert spam.predict(observe(mask_interact=only(layout, "quiz")))[0][0] == 0
