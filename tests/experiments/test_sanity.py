"""The no-free-lunch table: its rows and how its verdicts are worded."""

import json

from experiments import sanity
from experiments.sanity import Row, Verdict
from experiments.statistics import Estimate
from livesim import list_scenarios, registry


def test_every_row_names_policies_that_exist():
    for scenario in list_scenarios():
        rows = sanity.rows_for(sanity.env_for("room", scenario, {}))
        assert set(sanity.policies_of(rows)) <= set(registry.names("policy"))


def test_a_room_without_ads_has_no_row_about_them():
    heads = {row.head for row in sanity.rows_for(sanity.env_for("room", "enterprise", {}))}
    assert heads == {"recommend", "interact", "room"}


def test_there_is_a_row_for_every_interaction_kind_repeated_without_end():
    env = sanity.env_for("room", "tiny", {})
    kinds = [kind.name for kind in env.load_scenario().interactions.kinds]
    spammed = [row.trivial for row in sanity.rows_for(env) if row.trivial.startswith("spam:")]
    assert spammed == [f"spam:{kind}" for kind in kinds]


def test_there_is_a_row_for_every_item_kept_on_for_ever():
    env = sanity.env_for("room", "tiny", {})
    held = [row.trivial for row in sanity.rows_for(env) if row.trivial.startswith("hold:")]
    assert held == [f"hold:{place}" for place in range(1, len(env.load_scenario().content.items) + 1)]


def test_a_verdict_says_who_wins_and_whether_it_is_clear():
    row = Row("ads", "nothing", "credit_rule")

    def text(value: float, low: float, high: float) -> str:
        return Verdict(row, Estimate(value, low, high), 0.0, 0.0).text

    assert text(5.0, 1.0, 9.0) == "loses"
    assert text(5.0, -1.0, 9.0) == "loses, not clearly"
    assert text(-5.0, -9.0, 1.0) == "WINS, not clearly"
    assert text(-5.0, -9.0, -1.0) == "WINS"
    assert not Verdict(row, Estimate(-5.0, -9.0, 1.0), 0.0, 0.0).is_kept


def test_the_command_prints_a_row_per_law_and_fails_only_where_a_trivial_policy_is_ahead(livesim):
    result = livesim("sanity", "tiny", "--seeds", "1000:1003", "--json")
    rows = json.loads(result.stdout)["tiny"]
    assert len(rows) == len(sanity.rows_for(sanity.env_for("room", "tiny", {})))
    assert result.exit_code == int(any(row["difference"] <= 0 for row in rows))


def test_some_heads_may_be_asked_for_and_a_misspelled_one_is_named(livesim):
    result = livesim("sanity", "tiny", "--head", "room", "--seeds", "1000:1002", "--json")
    assert [row["trivial"] for row in json.loads(result.stdout)["tiny"]] == ["random"]
    result = livesim("sanity", "tiny", "--head", "recomend")
    assert result.exit_code == 2
    assert "unknown head 'recomend'" in result.output
    assert "Did you mean 'recommend'" in result.output
