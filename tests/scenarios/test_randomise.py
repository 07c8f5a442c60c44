"""What `randomise:` of a scenario accepts, what it refuses and why, and how it meets overrides and other files."""

from __future__ import annotations

import pytest

from livesim import load_scenario
from livesim.errors import ScenarioError

VIEWERS = "audience.planned_viewers"
RANGE = {"low": 20, "high": 80}


@pytest.mark.parametrize(
    ("key", "draw", "message"),
    [
        ("audience.planed_viewers", RANGE, r"audience.planed_viewers: unknown key .* Did you mean 'planned_viewers'\?"),
        ("audiense.planned_viewers", RANGE, r"unknown key 'audiense'.* Did you mean 'audience'\?"),
        (VIEWERS, {"low": 80, "high": 20}, "low = 80 is not below high = 20"),
        (VIEWERS, {"low": 1, "high": 20}, "1 is outside its bounds, 5 to 200000"),
        (VIEWERS, {"low": 20}, "give low and high, or choices"),
        (VIEWERS, {"lo": 20, "high": 30}, r"unknown key 'lo'. Known: choices, high, law, low. Did you mean 'low'\?"),
        (VIEWERS, {**RANGE, "choices": [30, 40]}, "give either low and high, with a law, or choices, not both"),
        (VIEWERS, {**RANGE, "law": "log_unifrm"}, r"law: .*Did you mean 'log_uniform'\?"),
        (VIEWERS, {"choices": [30]}, r"choices needs at least two different values, got \[30\]"),
        (VIEWERS, {"choices": [30, "many"]}, "'many' is no number"),
        ("audience.mood_mean", {"low": -1, "high": 1, "law": "log_uniform"}, "log_uniform needs low above 0, got -1"),
        ("desk.servers", {"low": 1, "high": 2.5}, "2.5 is no whole number"),
        ("desk.servers", {"low": 1, "high": 9}, "desk.servers: 9 does not fit the rest: .*9 people are more than"),
        ("gifts.crowd", RANGE, "is a choice, so it needs choices among crowding_out, contagion"),
        ("gifts.crowd", {"choices": ["contagion", "crowdingout"]}, r"'crowdingout'.* Did you mean 'crowding_out'\?"),
        ("ads.preroll", {"choices": [0, 1]}, "unknown choice '0'. Known: False, True"),
        ("session.duration_s", {"low": 600, "high": 720}, "the clock of a session is the same in all rooms"),
        ("network.access.0.mean_kbps", {"low": 900, "high": 950}, r"the rooms of a batch share it \(access lines\)"),
        ("network.trace_split", {"choices": ["all", "train"]}, r"the rooms of a batch share it \(traces\)"),
        ("operations.staff_most", {"low": 3, "high": 5}, r"the rooms of a batch share it \(staff\)"),
        ("content.items.mgu.quality", {"low": 0.1, "high": 0.9}, r"unknown entry 'mgu'.* Did you mean 'mug'\?"),
        ("content.items.mug.name", {"choices": ["a", "b"]}, "is no number, switch or choice"),
        ("network.ladder_kbps.0", {"low": 100, "high": 200}, "'network.ladder_kbps' holds no further keys"),
        ("ads", RANGE, "is no number, switch or choice"),
    ],
)  # fmt: skip
def test_what_cannot_be_randomised_is_refused_with_the_reason(key, draw, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("tiny", {"randomise": {key: draw}})


def test_one_number_cannot_be_drawn_twice():
    price = {"low": 10, "high": 90}
    with pytest.raises(ScenarioError, match=r"items.2.price_credits: is the same number as 'content.items.mug"):
        load_scenario("tiny", {"randomise": {f"content.items.{n}.price_credits": price for n in ("mug", 2)}})


def test_an_override_holds_a_number_fixed_and_the_later_one_wins():
    shaken = load_scenario("tiny", {"randomise": {VIEWERS: RANGE, "content.items.mug.price_credits": RANGE}})
    assert set(load_scenario(shaken, {VIEWERS: 50}).randomise) == {"content.items.mug.price_credits"}
    assert set(load_scenario(shaken, {"content.items.2.price_credits": 50}).randomise) == {VIEWERS}
    assert load_scenario(shaken, {"randomise": {}}).randomise == {}
    one = load_scenario("tiny", {VIEWERS: 50, f"randomise.{VIEWERS}": RANGE})
    assert (one.audience.planned_viewers, one.randomise[VIEWERS].high) == (50, 80)
    assert load_scenario("tiny", {f"randomise.{VIEWERS}": RANGE, VIEWERS: 50}).randomise == {}


def test_a_file_that_gives_a_number_holds_fixed_what_its_parent_draws(tmp_path):
    (tmp_path / "shaken.yaml").write_text(
        "extends: tiny\nrandomise:\n  audience.planned_viewers: {low: 20, high: 80}\n"
        "  ads.preroll: {choices: [true, false]}\n"
    )
    (tmp_path / "calm.yaml").write_text("extends: shaken\naudience: {planned_viewers: 50}\n")
    shaken, calm = (load_scenario(tmp_path / f"{name}.yaml") for name in ("shaken", "calm"))
    assert set(shaken.randomise) == {VIEWERS, "ads.preroll"}
    assert set(calm.randomise) == {"ads.preroll"}
    assert calm.audience.planned_viewers == 50


def test_a_randomised_scenario_dumps_and_loads_to_an_equal_one():
    shaken = load_scenario("tiny", {"randomise": {VIEWERS: RANGE, "ads.preroll": {"choices": [True, False]}}})
    assert type(shaken).model_validate(shaken.model_dump(mode="json")) == shaken


