"""The facts as data: complete, honest about sources, and every part can be measured."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from experiments.facts.data import Fact, Part, load_facts
from experiments.facts.gate import CONDITIONS
from experiments.facts.measures import MEASURES

MUST = {1, 2, 6, 16, 18, 19, 29}


def test_the_facts_are_numbered_without_a_gap():
    assert [fact.number for fact in load_facts()] == list(range(1, 47))


def test_exactly_the_facts_that_a_room_may_never_miss_are_marked():
    assert {fact.number for fact in load_facts() if fact.always} == MUST


def test_a_fact_known_from_memory_prints_no_source():
    for fact in load_facts():
        assert (fact.tag == "R") == (fact.source == ""), fact.number
    with pytest.raises(ValidationError, match="fact 26: known from memory only, so no source"):
        Fact(number=26, name="a", statistic="b", tag="R", source="somebody 2012", waits_for="c")


def test_a_fact_without_parts_says_what_it_waits_for():
    with pytest.raises(ValidationError, match="fact 7: needs either parts or what it waits for"):
        Fact(number=7, name="a", statistic="b", tag="S", source="c")


def test_every_part_names_a_measure_and_known_conditions():
    used = {part.measure for fact in load_facts() for part in fact.parts}
    assert used == set(MEASURES)
    needs = {need for fact in load_facts() for holder in (fact, *fact.parts) for need in holder.needs}
    assert needs == set(CONDITIONS)


def test_a_band_holds_its_ends_and_nothing_that_was_not_measured():
    part = Part(name="a", published="", band=(1.0, 2.0), measure="m")
    assert part.holds(1.0)
    assert part.holds(2.0)
    assert not part.holds(2.1)
    assert not part.holds(float("nan"))
    assert part.band_text == "1 to 2"
    assert Part(name="a", published="", band=(20.0, None), measure="m").holds(1e9)
    assert Part(name="a", published="", band=(20.0, None), measure="m").band_text == "> 20"
