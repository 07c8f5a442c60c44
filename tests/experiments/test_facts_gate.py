"""The gate: what applies, what passes, and the command from end to end on small rooms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.environment import EnvConfig
from experiments.facts.data import Fact, Part
from experiments.facts.gate import CONDITIONS, Gate, Reading, Verdict, as_data, chosen_facts, judge, missing
from experiments.facts.sessions import RecordedEnv, play
from experiments.facts.table import estimate_text, markdown_page
from experiments.facts.world import TREATMENTS, Scheduled, Treatment, World, policy_of, tip
from experiments.statistics import Estimate
from livesim import Rooms, ledger
from livesim.errors import ConfigError
from livesim.heads import HEADS
from livesim.scenario import load_scenario

THIRTY = tuple(range(1000, 1030))


def verdict(number: int, value: float | None, always: bool = False) -> Verdict:
    """A fact with the band 0 to 1; value None: it does not apply."""
    part = Part(name="p", published="", band=(0.0, 1.0), measure="m")
    fact = Fact(number=number, name="f", statistic="s", tag="A", source="x", always=always, parts=(part,))
    if value is None:
        return Verdict(fact, (Reading(part, None, "no"),), "no")
    return Verdict(fact, (Reading(part, Estimate(value, value, value)),))


def gate(*verdicts: Verdict, seeds: tuple[int, ...] = THIRTY) -> Gate:
    return Gate("room", seeds, verdicts)


def test_a_gate_passes_where_85_percent_of_the_applicable_facts_are_in_band():
    inside = [verdict(n, 0.5) for n in range(17)]
    absent = [verdict(40, None), verdict(41, None)]
    assert gate(*inside, *[verdict(20 + n, 2.0) for n in range(3)], *absent).passes  # 17 of 20
    assert not gate(*inside, *[verdict(20 + n, 2.0) for n in range(4)], *absent).passes  # 17 of 21


def test_a_gate_fails_where_a_fact_that_must_hold_does_not():
    made = gate(*[verdict(n, 0.5) for n in range(99)], verdict(6, 2.0, always=True))
    assert not made.passes
    assert made.text == "room: FAILS; 99 of 100 applicable facts in band (99%); out although they must be in: 6"


def test_a_gate_asks_for_thirty_seeds():
    made = gate(verdict(1, 0.5), seeds=(1000, 1001))
    assert not made.passes
    assert made.text.endswith("2 seeds where the gate asks for 30")


def test_a_fact_is_in_only_where_every_part_that_applies_is():
    part = Part(name="p", published="", band=(0.0, 1.0), measure="m")
    fact = Fact(number=1, name="f", statistic="s", tag="A", source="x", parts=(part, part))
    good, bad = Reading(part, Estimate(0.5, 0.4, 0.6)), Reading(part, Estimate(3.0, 2.0, 4.0))
    assert Verdict(fact, (good, Reading(part, None, "no"))).is_in
    assert not Verdict(fact, (good, bad)).is_in


def test_a_value_that_could_not_be_measured_is_out_and_null_in_json():
    made = gate(verdict(1, float("nan")))
    assert not made.kept
    numbers = as_data(made)["facts"][0]["parts"][0]
    assert numbers["value"] is None
    assert numbers["in_band"] is False
    assert json.loads(json.dumps(as_data(made)))["applicable"] == 1


def test_conditions_say_what_a_scenario_lacks():
    room, shop = load_scenario("entertainment"), load_scenario("ecommerce")
    assert missing(("gift_room", "battle", "raid"), room) == ""
    assert missing(("mature",), room) == "not a mature channel: add +mature"
    assert missing(("mature",), load_scenario("entertainment+mature")) == ""
    assert missing(("products",), room) == "nothing is for sale"
    assert missing(("feed", "gift_room"), shop) == CONDITIONS["gift_room"][1]
    assert missing(("flash_sale", "products"), shop) == ""
    assert missing(("raid",), load_scenario("enterprise")) == CONDITIONS["raid"][1]
    assert missing(("raid",), load_scenario("scenarios/examples/raid_night.yaml")) == ""


def test_facts_can_be_chosen_by_number_and_an_unknown_number_is_named():
    assert [fact.number for fact in chosen_facts("16, 1")] == [16, 1]
    assert len(chosen_facts()) == 46
    with pytest.raises(ConfigError, match=r"--only 1,77: there is no fact '77'. Facts are numbered 1 to 46."):
        chosen_facts("1,77")


def test_numbers_are_written_with_three_digits():
    assert estimate_text(Estimate(0.04567, 0.04, 0.05)) == "0.0457 [0.0400, 0.0500]"
    assert estimate_text(Estimate(1234.5, 1000, 2000)) == "1,234 [1,000, 2,000]"
    assert estimate_text(Estimate(float("nan"), 0, 0)) == "nothing to measure"


def test_a_recorded_session_holds_every_event_even_where_the_first_journal_was_too_short(monkeypatch):
    monkeypatch.setattr("experiments.facts.sessions.EVENTS_PER_VIEWER", 1)
    env = RecordedEnv(scenario="tiny")
    made = play(env, lambda scenario: policy_of(scenario, {}), [1000, 1001])
    assert [session.seed for session in made] == [1000, 1001]
    for session in made:
        assert len(session.viewers) == env.load_scenario().decisions - 1
        assert len(session.of_kind(ledger.J_ENTER)["time_s"]) == session.total("entered")
        assert len(session.of_kind(ledger.J_GIFT)["time_s"]) == session.total("gifts")
        assert session.stays.has_left.sum() == session.total("left")
        assert session.stays.stay_s.sum() == pytest.approx(session.total("present_s"), rel=1e-6)


def test_a_recorded_session_does_not_depend_on_the_rooms_beside_it():
    env = RecordedEnv(scenario="tiny")
    together = play(env, lambda scenario: policy_of(scenario, {}), [1000, 1001, 1002], batch=3)[1]
    alone = play(env, lambda scenario: policy_of(scenario, {}), [1001])[0]
    assert np.array_equal(together.history, alone.history)
    assert np.array_equal(together.events["time_s"], alone.events["time_s"])


def test_the_default_policies_play_as_in_a_plain_environment():
    from experiments.rollout import rollout

    env, world = EnvConfig(scenario="tiny", chosen_heads=HEADS), World("tiny", [1000])
    rules = "+".join(f"{head}.{name}" for head, name in world.scenario.default_policies.items())
    table = rollout(env.policy(rules), env, [1000])
    assert world["as it is"][0].total("entered") <= table["event.entered"][0]
    assert world["as it is"][0].viewers.max() == table["viewers_peak"][0]


def test_a_schedule_is_served_at_its_minutes_or_as_soon_as_the_mask_allows():
    """A poll at minutes 2 and 2.5: the second waits until the first has closed and cooled down (60 + 180 s)."""
    schedule = {"interact": Scheduled("poll", (2.0, 2.5)), "ads": "nothing"}
    session = play(RecordedEnv(scenario="tiny"), lambda scenario: policy_of(scenario, schedule), [1000])[0]
    open_at = np.flatnonzero(np.diff(session.on[:, 2], prepend=-1) == 1) * session.decision_s / 60.0
    assert open_at.tolist() == pytest.approx([2.0, 6.5], abs=0.5)


def test_a_tip_from_outside_heats_rooms_every_two_minutes():
    rooms = Rooms(load_scenario("tiny"), 1)
    rooms.reset([1])
    for decision in range(1, 9):
        rooms.advance()
        rooms.state.rooms.heat[:] = 0.0
        tip(rooms)
        assert (rooms.state.rooms.heat[0] > 0.0) == (decision % 4 == 0)


def test_every_treatment_can_be_played_in_the_shipped_rooms_that_have_its_mechanism():
    for name in ("entertainment", "ecommerce", "tiny"):
        scenario = load_scenario(name)
        for entry in TREATMENTS.values():
            treatment = entry if isinstance(entry, Treatment) else entry(scenario)
            changed = load_scenario(name, overrides=treatment.overrides)
            needed = [wish.name for wish in treatment.policies.values() if isinstance(wish, Scheduled)]
            known = [kind.name for kind in scenario.interactions.kinds] + [form.name for form in scenario.ads.formats]
            if set(needed) <= set(known):
                policy_of(changed, treatment.policies)


def test_paired_facts_are_judged_on_small_rooms():
    world = World("tiny", range(1000, 1010), {"audience.planned_viewers": 60})
    made = judge(world, chosen_facts("1,3,14,15,22,30,34,36,39,46"))
    by_number = {verdict.fact.number: verdict for verdict in made.verdicts}
    assert by_number[3].absent == "the session is shorter than two hours"
    assert by_number[46].absent.startswith("waits: impressions in the feed")
    assert by_number[1].is_in
    assert by_number[14].is_in, by_number[14]  # 5.8, standard error .4
    assert "| 46" in markdown_page([made])


def test_the_command_prints_writes_and_fails_below_thirty_seeds(livesim, tmp_path):
    page, pictures = tmp_path / "pages" / "facts.md", tmp_path / "pictures"
    options = ["--seeds", "1000:1003", "--only", "1,4,18", "--markdown", page]
    result = livesim("validate", "tiny", *options, "--json")
    assert result.exit_code == 1
    data = json.loads(result.stdout)[0]
    assert [fact["number"] for fact in data["facts"]] == [1, 4, 18]
    assert data["facts"][0]["parts"][0]["low"] <= data["facts"][0]["parts"][0]["value"]
    assert "3 seeds where the gate asks for 30" in page.read_text()
    assert "KuaiLive" in page.read_text()
    shown = livesim("validate", "tiny", "--seeds", "1000:1002", "--only", "1")
    assert "feed bounce" in shown.stdout
    assert "FAILS" in shown.stdout
    assert not pictures.exists()


def test_figures_are_drawn_for_what_the_scenario_has(monkeypatch, tmp_path):
    from experiments.facts import figures

    monkeypatch.setattr(figures, "SIZES", ())
    monkeypatch.setattr(figures, "HOURS", (5, 12, 21))
    paths = figures.write_figures(World("tiny", [1000, 1001]), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == [f"tiny_{name}.png" for name, _, _ in figures.FIGURES]
    assert all(path.stat().st_size > 5000 for path in paths)
