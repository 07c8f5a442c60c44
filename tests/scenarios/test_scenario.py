"""A scenario is validated before any work starts, and every mistake gets one clear error."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms, list_scenarios, load_scenario, registering
from livesim import ledger as book
from livesim.ads.config import FormatConfig
from livesim.errors import LivesimError, ScenarioError, UnknownNameError
from livesim.interactions.config import QUIZ, KindConfig
from livesim.scenario import KINDS, Scenario
from livesim.schema import Config, describe, scalar_fields
from tests.conftest import play


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "rush.yaml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_the_shipped_scenarios_load():
    assert list_scenarios() == [
        "ecommerce",
        "edge_outage",
        "education",
        "enterprise",
        "entertainment",
        "esports",
        "flash_crowd",
        "health",
        "tiny",
        "weak_network",
    ]
    for name in list_scenarios():
        assert load_scenario(name).name == name


def test_a_dumped_scenario_loads_to_an_equal_one(tmp_path, write):
    import yaml

    for name in list_scenarios():
        scenario = load_scenario(name)
        path = write(yaml.safe_dump(scenario.model_dump(mode="json")), f"{name}.yaml")
        assert load_scenario(path) == scenario


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("extends: tiny\naudiense: {}", ScenarioError, "audiense: unknown key 'audiense'. Known: .* Did you mean 'audience'?"),
        ("extends: tiny\nads: {formats: [midrol]}", UnknownNameError, "unknown ad format 'midrol'.* Did you mean 'mid_roll_"),
        ("extends: tiny\nads: {reserve: 1}", ScenarioError, "ads.reserve: unknown key 'reserve'.* Did you mean 'reserve_credits'?"),
        ("extends: tiny\naudience: {planned_viewers: many}", ScenarioError, "audience.planned_viewers: .*number.*given: 'many'"),
        ("extends: tiny\nnetwork: {rule: stalion}", ScenarioError, r"network.rule: .*given: 'stalion'\)\. Did you mean 'stallion'\?"),
        ("extends: tiny\naudience: {planned_viewers: -3}", ScenarioError, "audience.planned_viewers: .*greater than or equal to 5"),
        ("extends: tiny\nsession: {duration_s: 100}", ScenarioError, "duration_s = 100 s must be a whole multiple of 30 s"),
        ("extends: tiny\nplugins: [no_such_module_here]", ScenarioError, "plugins: cannot import 'no_such_module_here'"),
        ("extends: nowhere", UnknownNameError, "unknown scenario 'nowhere'"),
        ("- a\n- b", ScenarioError, "a scenario is a mapping of sections, not a list"),
        ("a: [", ScenarioError, "not valid YAML"),
        ("extends: tiny\nprocesses: [{process: raidd}]\nplugins: [scenarios.plugins.raid]", UnknownNameError, "Did you mean 'raid'?"),
        ("extends: tiny\nprocesses: [{process: raid, parameters: {at: 1}}]\nplugins: [scenarios.plugins.raid]", ScenarioError, "raid: .*unexpected keyword argument 'at'"),
        ("extends: tiny\ndefault_policies: {adds: nothing}", ScenarioError, "unknown head 'adds'. Known: ads, interact, operate, recommend"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_is_allowed(write, text, error, message):
    with pytest.raises(error, match=message):
        load_scenario(write(text))


def test_an_unknown_scenario_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown scenario 'entertainmnt'.*Did you mean 'entertainment'"):
        load_scenario("entertainmnt")


def test_a_missing_file_says_so():
    with pytest.raises(ScenarioError, match=r"nowhere/rush\.yaml: no such scenario file"):
        load_scenario("nowhere/rush.yaml")


def test_a_scenario_that_extends_itself_is_refused(write):
    path = write("extends: rush")
    with pytest.raises(ScenarioError, match="extends itself"):
        load_scenario(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("audience.planed_viewers", 50, "Did you mean 'planned_viewers'?"),
        ("content.items.9.price_credits", 5, "'9' is not an index of a list of 4"),
        ("content.items.2.price_credits", -5, "content.items.2.price_credits: .*greater than or equal to 0"),
        ("network.traces", "/no/such/folder", "/no/such/folder"),
    ],
)
def test_overrides_are_checked_against_the_schema(key, value, message):
    with pytest.raises(LivesimError, match=message):
        Rooms(load_scenario("tiny", {key: value}))


def test_one_parameter_scales_the_audience():
    sizes = []
    for planned in (40, 160):
        rooms = Rooms(load_scenario("tiny", {"audience.planned_viewers": planned}), 8)
        rooms.reset(list(range(8)))
        play(rooms)
        sizes.append(float(rooms.state.ledger.viewers[:, 8:].mean()))
    assert 3.2 < sizes[1] / sizes[0] < 4.8


def test_there_is_a_scenario_of_every_kind_of_room():
    assert {load_scenario(name).kind for name in list_scenarios()} == set(KINDS)


def test_an_entry_may_change_a_registered_one_and_keep_the_rest(write):
    kinds = load_scenario(
        write("extends: tiny\ninteractions: {kinds: [poll, {name: quiz, appeal: -0.5}]}")
    ).interactions.kinds
    assert [kind.name for kind in kinds] == ["poll", "quiz"]
    assert kinds[1].appeal == -0.5
    assert kinds[1].model_copy(update={"appeal": QUIZ.appeal}) == QUIZ


def test_a_room_without_ads_has_nothing_to_choose_and_nothing_to_observe_of_them():
    rooms = Rooms(load_scenario("enterprise", {"audience.planned_viewers": 30, "session.duration_s": 900}))
    rooms.reset([1])
    play(rooms)
    assert rooms.head_sizes[1] == 1
    assert "ad_playing" not in rooms.analytics()
    assert rooms.state.ledger.history[0, :, [book.AD_SLOTS, book.PREROLL_IMPRESSIONS]].sum() == 0


def test_plugins_may_register_a_format_and_a_kind_of_interaction():
    registering("ad_format", "test_billboard")(FormatConfig(name="test_billboard", creatives=3, creative_s=10))
    registering("interaction", "test_cheer")(KindConfig(name="test_cheer", open_s=30, chat=2.0))
    scenario = load_scenario("tiny", {"ads.formats": ["test_billboard"], "interactions.kinds": ["test_cheer", "poll"]})
    rooms = Rooms(scenario)
    rooms.reset([1])
    assert rooms.head_sizes[:3] == (5, 2, 3)
    play(rooms, lambda _, decision: np.array([[0, 1, 1, 0]]) if decision == 8 else np.zeros((1, 4), dtype=np.int64))
    totals = rooms.state.ledger.history[0].sum(axis=0)
    assert rooms.state.kinds.uses[0, 0] == 1
    assert totals[book.AD_S] == 30.0
    assert totals[book.PARTICIPANTS] > 0


def _sections(model: type[Config], path: str = "") -> list[tuple[str, type[Config]]]:
    found = [(path, model)]
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, Config):
                found += _sections(kind, f"{path}{name}.")
    return found


def test_every_number_of_a_scenario_has_a_unit_bounds_a_meaning_and_a_source():
    checked = 0
    for path, model in _sections(Scenario):
        for name, kind in scalar_fields(model).items():
            if kind not in (int, float):
                continue
            field = model.model_fields[name]
            extra = field.json_schema_extra or {}
            assert {"unit", "source"} <= set(extra), f"{path}{name} has no unit or source"
            assert extra["source"], f"{path}{name}"
            assert field.description, f"{path}{name} has no meaning"
            assert len(field.metadata) >= 2, f"{path}{name} has no bounds"
            checked += 1
    assert checked > 150


def test_every_number_can_be_shown_with_unit_bounds_and_source(tiny):
    rows = {row[0]: row for row in describe(tiny)}
    assert rows["audience.planned_viewers"][1:4] == ("40.0", "viewers", "5 to 200000")
    assert "content.items.2.price_credits" in rows
    assert "network.access.0.rtt_ms" in rows
    assert all(row[4] for row in rows.values()), "a number without a source"
