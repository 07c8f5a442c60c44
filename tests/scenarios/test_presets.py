"""Presets are laid over any room: a name, a path or a file may ask for one."""

from __future__ import annotations

import pytest
import yaml

from agents.parameters import TUNED_PATH, read_tuned, tuned
from agents.tuning import registry
from experiments.config import load_config
from experiments.environment import EnvConfig
from experiments.facts.gate import missing
from livesim import list_scenarios, load_scenario
from livesim.errors import ScenarioError, UnknownNameError
from livesim.scenario import PRESETS, describe_preset, list_presets


def test_a_preset_scales_what_the_room_has_and_leaves_the_rest():
    for kind in ("entertainment", "ecommerce"):
        plain, mature, newcomer = (load_scenario(f"{kind}{preset}") for preset in ("", "+mature", "+newcomer"))
        change = yaml.safe_load((PRESETS / "mature.yaml").read_text())["audience"]
        assert mature.audience.follower_entries_per_viewer == pytest.approx(
            change["follower_entries_per_viewer"]["scale"] * plain.audience.follower_entries_per_viewer
        )
        assert mature.audience.boost_start == 1.0
        assert (plain.stage, mature.stage, newcomer.stage) == ("growing", "mature", "newcomer")
        assert mature.name == f"{kind}+mature"
        assert mature.description == f"{plain.description} {describe_preset('mature')}"
        for section in ("content", "ads", "interactions", "network", "session"):
            assert getattr(mature, section) == getattr(plain, section)
        assert newcomer.audience.follower_entries_per_viewer < 0.2 * plain.audience.follower_entries_per_viewer


def test_a_file_may_ask_for_a_preset_and_a_child_may_change_it(tmp_path):
    (tmp_path / "rush.yaml").write_text("extends: entertainment\naudience: {follower_entries_per_viewer: 2.0}\n")
    (tmp_path / "grown.yaml").write_text("extends: rush\npreset: mature\n")
    (tmp_path / "odd.yaml").write_text("extends: rush+mature\naudience: {boost_start: 0.7}\n")
    by_path, by_key = load_scenario(f"{tmp_path / 'rush.yaml'}+mature"), load_scenario(tmp_path / "grown.yaml")
    assert by_path.name == "rush+mature"
    assert by_key.name == "grown"
    assert by_path.audience == by_key.audience
    assert by_key.audience.follower_entries_per_viewer == pytest.approx(3.4)
    odd = load_scenario(tmp_path / "odd.yaml")
    assert odd.audience.boost_start == 0.7
    assert odd.audience.follower_entries_per_viewer == by_key.audience.follower_entries_per_viewer


def test_a_dumped_preset_is_not_laid_over_twice(tmp_path):
    scenario = load_scenario("tiny+mature")
    (tmp_path / "copy.yaml").write_text(yaml.safe_dump(scenario.model_dump(mode="json")))
    assert load_scenario(tmp_path / "copy.yaml") == scenario
    with pytest.raises(ScenarioError, match="'newcomer' cannot be laid over a room that is mature already"):
        load_scenario(f"{tmp_path / 'copy.yaml'}+newcomer")


def test_a_path_with_a_plus_in_it_is_a_path(tmp_path):
    (tmp_path / "a+b.yaml").write_text("extends: tiny\n")
    assert load_scenario(tmp_path / "a+b.yaml").stage == "growing"
    (tmp_path / "c+d").mkdir()
    (tmp_path / "c+d" / "e.yaml").write_text("extends: tiny\n")
    assert load_scenario(f"{tmp_path}/c+d/e.yaml").name == "e"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("tiny+matur", UnknownNameError, r"tiny\+matur: unknown preset 'matur'. Known: .* Did you mean 'mature'\?"),
        ("tinny+mature", UnknownNameError, r"unknown scenario 'tinny'.* Did you mean 'tiny'\?"),
        ("tiny+mature+newcomer", ScenarioError, "one preset at a time"),
    ],
)  # fmt: skip
def test_an_unknown_preset_names_the_nearest(name, error, message):
    with pytest.raises(error, match=message):
        load_scenario(name)


def test_rules_tuned_for_a_room_hold_for_it_under_a_preset():
    kind = registry.resolve("policy", "recommend.fixed_schedule").Parameters
    values = read_tuned(TUNED_PATH)["ecommerce"]["recommend.fixed_schedule"]
    assert values
    assert tuned(kind, "recommend.fixed_schedule", "ecommerce+mature") == kind(**values)
    assert tuned(kind, "recommend.fixed_schedule", "nowhere+mature") == kind()


def test_the_fact_of_mature_channels_follows_the_preset():
    assert missing(("mature",), load_scenario("ecommerce")) != ""
    assert missing(("mature",), load_scenario("ecommerce+mature")) == ""
    assert missing(("mature",), load_scenario("entertainment+newcomer")) != ""


def test_experiments_and_environments_take_a_room_with_a_preset(tmp_path):
    (tmp_path / "rush.yaml").write_text("extends: tiny\n")
    (tmp_path / "mine.yaml").write_text("name: mine\nscenario: tiny+newcomer\n")
    assert load_config(tmp_path / "mine.yaml").env.load_scenario().stage == "newcomer"
    config = load_config(tmp_path / "mine.yaml", [f"scenario={tmp_path}/rush.yaml+mature"])
    assert config.scenario == f"{tmp_path.resolve()}/rush.yaml+mature"
    env = EnvConfig(scenario=config.scenario).make(1)
    assert env.scenario.stage == "mature"
    env.close()


def test_presets_are_told_from_scenarios():
    assert list_presets() == ["mature", "newcomer", "small"]
    assert not set(list_presets()) & set(list_scenarios())
