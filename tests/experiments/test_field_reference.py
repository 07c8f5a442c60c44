"""The generated pages: current, complete, and every source spelled out in the bibliography."""

from __future__ import annotations

import re

import pytest

from experiments import field_reference
from experiments.facts.data import load_facts
from experiments.field_reference import COMMAND, bibliography, differences, entry_text, pages, unlisted_sources, walk
from livesim.errors import ConfigError, ScenarioError
from livesim.interactions.config import POLL
from livesim.scenario import FOLDER, Scenario, load_scenario
from livesim.schema import describe

SOURCES = FOLDER / "sources.md"


def test_the_generated_pages_are_current():
    for page, text in pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name} is out of date: run `{COMMAND}`"


def test_every_number_that_a_scenario_shows_stands_on_both_pages():
    reference, sources = ((FOLDER / name).read_text(encoding="utf-8") for name in ("README.md", "sources.md"))
    for name in ("entertainment", "weak_network"):
        for key, *_ in describe(load_scenario(name)):
            general = re.sub(r"\.\d+\.", ".N.", key)
            assert f"| `{general}` |" in reference, f"{general} is missing: run `{COMMAND}`"
            assert f"| `{general}` |" in sources, f"{general} is missing: run `{COMMAND}`"


def test_an_entry_of_a_list_is_documented_once():
    keys = [key for key, _ in walk(Scenario)]
    assert len(set(keys)) == len(keys)
    assert {"content.items.N.price_credits", "network.access.N.rtt_ms", "incidents.N.size"} <= set(keys)


def test_every_source_of_the_facts_is_spelled_out_too():
    named = [fact.source for fact in load_facts() if fact.source]
    assert unlisted_sources(SOURCES.read_text(encoding="utf-8"), named) == []


@pytest.mark.parametrize(
    ("source", "is_listed"),
    [
        ("assumed", True),
        ("public traces: Riiser 2013, Raca 2020", True),
        ("public traces: Riiser 2013, Nobody 2020", False),
        ("Nobody and Nemo 2019, doi:10.1/1", False),
        ("sign: Ma et al. 2017", True),
        ("a friend", False),
    ],
)
def test_a_source_must_name_what_the_bibliography_spells_out(source, is_listed):
    page = "| `Riiser 2013`, `Ma et al. 2017` | a paper with `code` |\n| `public traces` and `Raca 2020` | traces |\n"
    assert bibliography(page) == ["Ma et al. 2017", "public traces", "Riiser 2013", "Raca 2020"]
    assert (unlisted_sources(page, [source]) == []) is is_listed


def test_a_source_without_an_entry_in_the_bibliography_is_refused(monkeypatch):
    monkeypatch.setattr(field_reference, "named_sources", lambda: ["Nobody 2020"])
    with pytest.raises(ConfigError, match=r"sources\.md: no entry of the bibliography spells out: Nobody 2020"):
        pages()


def test_a_page_without_markers_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Nothing to see\n")
    with pytest.raises(ConfigError, match=r"page\.md: the markers are missing"):
        field_reference.renewed(page, "text")


def test_what_is_written_by_hand_around_the_markers_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{field_reference.BEGIN}\nold\n{field_reference.END}\nafter\n")
    text = field_reference.renewed(page, "new")
    assert text == f"before\n{field_reference.BEGIN}\n\nnew\n\n{field_reference.END}\nafter\n"


def test_an_entry_is_told_by_what_it_has_of_its_own():
    assert entry_text(POLL) == (
        "cooldown_s 180; appeal -1.2; leave_in 0.85; chat 1.5; boredom_relief 0.3; votes true"
    )


def test_a_scenario_says_where_its_numbers_come_from(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "extends: entertainment\n"
        "audience: {planned_viewers: 70, mood_mean: 0.2, bounce_feed: 0.5}\n"
        "network: {access: [{name: wifi, mean_kbps: 9000}]}\n"
        "sources:\n"
        "  audience.planned_viewers: my own room, March\n"
        "  network.access.0.mean_kbps: my provider\n"
    )
    mine, base = load_scenario(tmp_path / "mine.yaml"), load_scenario("entertainment")
    found = {key: rest for key, *rest in differences(mine, base)}
    assert found == {
        "audience.planned_viewers": ["70", "my own room, March"],
        "audience.mood_mean": ["0.2", "calibration run"],
        "audience.bounce_feed": ["0.5", "assumed"],
        "network.access.0": ["name wifi; mean_kbps 9000", "assumed; mean_kbps: my provider"],
    }


def test_a_source_is_inherited_only_with_its_number(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "extends: tiny\naudience: {planned_viewers: 70}\ngifts: {giver_share: 0.05}\n"
        "sources: {audience.planned_viewers: a count, gifts.giver_share: a survey}\n"
    )
    (tmp_path / "child.yaml").write_text("extends: base\naudience: {planned_viewers: 90}\n")
    child = load_scenario(tmp_path / "child.yaml")
    assert child.sources == {"gifts.giver_share": "a survey"}
    assert load_scenario(child, {"gifts.giver_share": 0.1}).sources == {}


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("{gifts.giver_shar: a survey}", r"sources: gifts.giver_shar: unknown key .* Did you mean 'giver_share'\?"),
        ("{content.items.9.stock: a survey}", r"sources: content.items.9.stock: unknown key '9'. Known: 0, 1, 2, 3"),
        ("{gifts: a survey}", r"sources: gifts is a section or an entry. Name one of its fields, as gifts.FIELD"),
        ("{gifts.giver_share: ''}", r"sources: gifts.giver_share names no source"),
    ],
)  # fmt: skip
def test_a_source_for_nothing_is_refused(tmp_path, sources, message):
    (tmp_path / "mine.yaml").write_text(f"extends: tiny\nsources: {sources}\n")
    with pytest.raises(ScenarioError, match=message):
        load_scenario(tmp_path / "mine.yaml")


def test_the_command_prints_both_and_writes_only_what_has_changed(livesim):
    printed = livesim("scenarios", "reference").stdout
    assert "| `gifts.warm_up_s` | 240 | s | 1 to 7200 | giving starts as 1 - exp(-stay / this) |" in printed
    assert "| `gifts.warm_up_s` | 240 | s | assumed |" in printed
    before = SOURCES.stat().st_mtime_ns
    assert f"{SOURCES}: up to date" in livesim("scenarios", "reference", "--write").stdout
    assert SOURCES.stat().st_mtime_ns == before
