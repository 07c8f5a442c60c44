"""Sensitivity: what is varied and over what, when a conclusion changes, and a folder that is gone on with."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from experiments.interruption import Interruption
from experiments.sensitivity import pages
from experiments.sensitivity.conclusions import PROBES, Effect, Ranked, conclusions_of, plays_of
from experiments.sensitivity.study import AS_IT_IS, Played, Study, StudyFolder, play_all
from experiments.sensitivity.variation import FACTOR, Assumption, Variation, assumptions, chosen, ends
from experiments.sensitivity.verdicts import Verdict, finding, judge, margin, mean_interval
from experiments.statistics import Estimate
from livesim.errors import ConfigError, ResultFolderError, UnknownNameError
from livesim.scenario import load_scenario
from livesim.schema import Config, notes, number


class Numbers(Config):
    """One number of every sort."""

    rate: float = number(2.0, 0, 100, "1/h", "any")
    capped: float = number(90.0, 0, 100, "s", "any")
    cost: float = number(-0.6, -5, 0, "mood", "signed")
    off: float = number(0.0, 0, 10, "s", "off")
    chance: float = number(0.2, 0, 1, "probability", "chance")
    always: float = number(1.0, 0, 1, "share", "always")
    factor: float = number(1.21, 0, 3, "ratio", "multiplier")
    far: float = number(0.25, 0, 3, "ratio", "multiplier")
    neutral: float = number(1.0, 0, 3, "ratio", "multiplier")
    stay: float = number(4.0, 0, 8, "log s", "logarithm")
    click: float = number(-3.0, -8, 0, "log10 1/s", "logarithm")
    appeal: float = number(-1.0, -8, 8, "logit", "intercept")
    slope: float = number(0.8, 0, 3, "log", "effect")
    stated: float = number(0.9, 0, 3, "mood", "stated", range=(0.5, 0.9))
    people: int = number(1, 0, 16, "people", "whole")
    names: int = number(6, 1, 50, "names", "whole")
    order: int = number(2, 0, 9, "rank", "order")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("rate", 2 / 1.5, 3.0),
        ("capped", 60.0, 100.0),
        ("cost", -0.9, -0.4),
        ("off", 0.0, 0.0),
        ("chance", 1 / 7, 3 / 11),  # odds 1/4 become 1/6 and 3/8
        ("always", 1.0, 1.0),
        ("factor", 1.21 ** (1 / 1.5), 1.331),  # 1.1^2 becomes 1.1^3
        ("far", 0.25 / 1.5, 0.375),  # .25^1.5 would be half of it: by a factor of 1.5 at most
        ("neutral", 1.0, 1.0),
        ("stay", 4.0 - math.log(1.5), 4.0 + math.log(1.5)),
        ("click", -3.0 - math.log10(1.5), -3.0 + math.log10(1.5)),
        ("appeal", -1.0 - math.log(1.5), -1.0 + math.log(1.5)),
        ("slope", 0.8 / 1.5, 1.2),
        ("stated", 0.5, 0.9),
        ("people", 0, 2),
        ("names", 4, 9),
        ("order", 2, 2),
    ],
)
def test_every_sort_of_number_has_its_range(name, low, high):
    note = notes(Numbers)[name]
    assert FACTOR == 1.5
    assert ends(note.default, note) == pytest.approx((low, high), rel=1e-3)


def test_a_stated_range_must_lie_within_the_bounds():
    with pytest.raises(AssertionError, match=r"range \(0.5, 4\) of 'stated' is not within 0 to 3"):
        number(0.9, 0, 3, "mood", "stated", range=(0.5, 4))


@pytest.fixture(scope="module")
def found():
    return {one.key: one for one in assumptions(load_scenario("entertainment"))}


def test_assumed_numbers_are_varied_and_no_others(found):
    assert "audience.mood_boredom" in found
    assert "gifts.crowd_out" in found, "only its sign is published"
    assert "network.stallion_rate_sd" in found, "its source says that the number is assumed"
    for key in ("audience.bounce_feed", "audience.mood_mean", "ads.complete_mid"):
        assert key not in found, "published, or the output of a calibration"
    for key in ("audience.planned_viewers", "session.duration_s", "network.synthetic_traces"):
        assert key not in found, "a size"


def test_the_entries_of_a_list_move_together_and_weights_one_by_one(found):
    open_s = found["interactions.kinds.*.open_s"]
    low, high = ([kind["open_s"] for kind in one.overrides["interactions.kinds"]] for one in open_s.variations)
    assert open_s.text == "60/90/180/300/60/45"
    assert low == [40, 60, 120, 200, 40, 30]
    assert high == [90, 135, 270, 450, 90, 67.5]
    low = found["audience.segments.1.share"].variations[0].overrides["audience.segments"]
    assert [entry["share"] for entry in low] == pytest.approx([0.24, 0.20 / 1.5, 0.16, 0.16, 0.14, 0.10], rel=1e-3)


def test_a_choice_takes_each_other_option_and_what_does_not_fit_is_said(found):
    assert [one.text for one in found["network.rule"].variations] == ["throughput", "buffer", "rate"]
    assert found["ads.preroll"].variations[0].overrides == {"ads.preroll": False}
    assert found["content.items.*.stock"].reason == "0"
    assert found["network.trace_split"].variations == ()
    assert "chooses among measured traces" in found["network.trace_split"].reason


def test_every_variation_is_a_valid_scenario(found):
    scenario = load_scenario("entertainment")
    for one in found.values():
        for variation in one.variations:
            assert load_scenario(scenario, variation.overrides) != scenario, variation.name


def test_patterns_choose_and_a_bad_one_names_the_nearest(found):
    everything = list(found.values())
    assert [one.key for one in chosen(everything, ["gifts.rate*", "ads.preroll"])] == [
        "gifts.rate_per_h", "gifts.rate_log_sd", "ads.preroll",
    ]  # fmt: skip
    assert len(chosen(everything, ["desk"])) == sum(one.key.startswith("desk.") for one in everything)
    assert "interactions.kinds.*.bother" in [one.key for one in chosen(everything, ["interactions.kinds.*.bother"])]
    with pytest.raises(ConfigError, match=r"--only gifts.rate_per_hour: fits none .* mean 'gifts.rate_per_h'\?"):
        chosen(everything, ["gifts.rate_per_hour"])


def test_a_scenario_is_asked_only_what_applies_to_it():
    shop, show = (conclusions_of(name, {}) for name in ("ecommerce", "entertainment"))
    effects = [{one.measure for one in found if isinstance(one, Effect)} for found in (shop, show)]
    assert "coupon_lift" in effects[0] - effects[1]
    assert "battle_lift" in effects[1] - effects[0]
    assert plays_of(show)[: len(PROBES)] == list(PROBES)
    with pytest.raises(UnknownNameError, match=r"unknown group of conclusions 'rankin'.* Did you mean 'ranking'\?"):
        conclusions_of("tiny", {}, ["rankin"])


PAIR = Ranked("ranking", "a", "b")
LUCK = np.array([0.0, 50.0, -30.0, 20.0, 90.0, -60.0, 10.0, 40.0])
WIGGLE = np.array([1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 0.0, 0.0])


def played(lead: float, noise: float = 1.0, effect: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Played:
    """Two policies on the same luck, of which one leads."""
    b = 1000.0 + LUCK
    a = b + lead + noise * WIGGLE
    names = {"a": a, "b": b, "default": a, "room.nothing": b}
    return Played(names, {"draw_lift": Estimate(*effect)})


@pytest.mark.parametrize(
    ("base", "varied", "verdict"),
    [
        (played(20), played(10), Verdict.HOLDS),
        (played(20), played(-20), Verdict.CHANGES),
        (played(-20), played(20), Verdict.CHANGES),
        (played(20), played(0), Verdict.FADES),
        (played(20), played(-20, noise=40), Verdict.FADES),  # behind on average, but within the noise
        (played(20), played(18, noise=40), Verdict.HOLDS),  # noisier, not moved
        (played(0), played(20), Verdict.APPEARS),
        (played(0), played(0.1), Verdict.OPEN),
    ],
)
def test_a_rank_changes_only_outside_the_noise(base, varied, verdict):
    assert judge(PAIR, base, varied).verdict == verdict


@pytest.mark.parametrize(
    ("base", "varied", "verdict"),
    [
        ((5, 2, 8), (6, 1, 9), Verdict.HOLDS),
        ((5, 2, 8), (-5, -8, -2), Verdict.CHANGES),
        ((5, 2, 8), (1, -1, 3), Verdict.FADES),
        ((5, 2, 8), (3, -1, 7), Verdict.HOLDS),
        ((5, 2, 8), (float("nan"),) * 3, Verdict.ABSENT),
    ],
)
def test_the_sign_of_an_effect_changes_only_outside_the_noise(base, varied, verdict):
    lift = Effect("draw_lift", 0.0, "lifts", "lowers")
    assert judge(lift, played(1, effect=base), played(1, effect=varied)).verdict == verdict


def test_an_effect_is_measured_from_the_value_without_one():
    lift = Effect("draw_lift", 1.0, "lifts", "lowers")
    assert margin(lift, played(0, effect=(1.5, 1.2, 1.9))) == Estimate(0.5, pytest.approx(0.2), pytest.approx(0.9))


def test_the_interval_of_a_mean_is_students():
    # mean 3, standard error sqrt(2.5 / 5) = .7071, t(4) = 2.7764
    found = mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 1.0367, 4.9633), abs=1e-4)


def test_the_main_outcome_is_per_cent_of_nothing_and_shifts_are_points():
    base, varied = played(20, noise=0), played(50, noise=0)
    found = finding(Variation("x", "high", "2", {}), base, varied, [PAIR])
    nothing = 1000.0 + LUCK.mean()
    assert found.outcome.value == pytest.approx(100 * 50 / nothing)
    assert found.shift.value == pytest.approx(100 * 30 / nothing)
    assert not found.moves_nothing
    assert finding(AS_IT_IS, base, base, [PAIR]).moves_nothing


def small_study(seeds=(1000, 1001, 1002), groups=("ranking",)) -> Study:
    return Study("tiny", {"audience.planned_viewers": 15, "session.duration_s": 300}, seeds, groups)


class Formula(Study):
    """A study whose episodes are a formula of seed, policy and variation: quick, and kept and told as others are."""

    def play(self, variation: Variation, base: Played | None = None) -> Played:
        """Return something else for every policy and variation."""
        size = sum(map(ord, variation.name)) % 7
        returns = {
            name: np.array([100.0 * index + size * index + seed % 5 * index for seed in self.seeds])
            for index, name in enumerate(self.plays, start=1)
        }
        return Played(returns, {})


def formula_study() -> Formula:
    return Formula("tiny", {}, (1000, 1001, 1002), ("ranking",))


def small_variations() -> list[Assumption]:
    return chosen(assumptions(small_study().scenario), ["audience.mood_boredom", "gifts.rate_per_h", "ads.preroll"])


def run(folder, jobs=1) -> pages.Results:
    asked, found = formula_study(), small_variations()
    there = StudyFolder.begin(folder, asked)
    play_all(asked, there, [AS_IT_IS], lambda _: None, Interruption())
    play_all(asked, there, [v for one in found for v in one.variations], lambda _: None, Interruption(), jobs)
    return pages.results(asked, there, found)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "study"
    return folder, pages.write(run(folder), 5, folder)


def test_a_study_writes_page_table_and_figure(whole):
    folder, page = whole
    assert (folder / pages.FIGURE).read_bytes().startswith(b"\x89PNG")
    assert (folder / pages.PAGE).read_text() == page
    rows = (folder / pages.TABLE).read_text().splitlines()
    assert len(rows) == 1 + 4 * len(formula_study().conclusions)
    assert "3 assumed numbers and choices at 4 other values" in page


def test_an_interrupted_study_goes_on_to_the_same_table_and_plays_nothing_twice(whole, tmp_path, monkeypatch):
    asked, folder = formula_study(), tmp_path / "study"
    variations = [variation for one in small_variations() for variation in one.variations]
    there, stop = StudyFolder.begin(folder, asked), Interruption()
    play_all(asked, there, [AS_IT_IS], lambda _: None, stop)
    with pytest.raises(KeyboardInterrupt):
        play_all(asked, there, variations, lambda _: setattr(stop, "is_asked", True), stop)
    first = {path: path.stat().st_mtime_ns for path in (folder / "variations").iterdir()}
    assert len(first) == 2
    text = pages.write(run(folder), 5, folder)
    assert text == whole[1]
    assert (folder / pages.TABLE).read_text() == (whole[0] / pages.TABLE).read_text()
    assert {path: path.stat().st_mtime_ns for path in first} == first


def test_an_open_question_that_a_number_settles_is_said_with_its_direction():
    asked = formula_study()
    assumption = Assumption("x", "1", (Variation("x", "low", "0", {}), Variation("x", "high", "2", {})))
    base, low, high = (finding(v, played(0), played(lead), [PAIR]) for v, lead in zip(
        (AS_IT_IS, *assumption.variations), (0, -20, 20), strict=True
    ))  # fmt: skip
    table = pages.conclusions_table(pages.Results(asked, [assumption], base, [low, high]))
    assert "a over b (not clear)" in table
    assert "`x low` (the other way round), `x high`" in table


def test_a_lead_that_turns_is_named_beside_its_conclusion():
    assumption = Assumption("x", "1", (Variation("x", "low", "0", {}),))
    base, low = (finding(AS_IT_IS, played(-20), played(lead), [PAIR]) for lead in (-20, 20))
    low = replace(low, variation=assumption.variations[0])
    row = pages.conclusions_table(pages.Results(formula_study(), [assumption], base, [low])).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["b over a", "ranking", "20.0 [19.0, 21.0]", "0 of 1", "`x low`", "-", "-"]


@pytest.mark.slow
def test_the_number_of_jobs_changes_no_result(whole, tmp_path):
    assert pages.write(run(tmp_path / "study", jobs=2), 5, tmp_path / "study") == whole[1]


def test_a_folder_of_another_study_is_refused(whole, tmp_path):
    with pytest.raises(ResultFolderError, match=r"another study \(seeds: '1000:1003' there, '1000:1002' here\)"):
        StudyFolder.begin(whole[0], Formula("tiny", {}, (1000, 1001), ("ranking",)))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ResultFolderError, match="holds something else; nothing was changed"):
        StudyFolder.begin(tmp_path, small_study())


def test_a_damaged_file_is_named(whole, tmp_path):
    there = StudyFolder.begin(tmp_path / "study", small_study())
    there.write(AS_IT_IS, played(1))
    there.file(AS_IT_IS).write_text("{}")
    with pytest.raises(ResultFolderError, match=r"as-it-is.*json: is damaged. Remove it, and it is played again"):
        there.read(AS_IT_IS)


def test_what_is_played_reads_back_exactly(tmp_path):
    there = StudyFolder.begin(tmp_path / "study", small_study())
    there.write(AS_IT_IS, played(1 / 3, effect=(0.1, float("nan"), float("nan"))))
    again = there.read(AS_IT_IS)
    assert again.equals(played(1 / 3, effect=(0.1, float("nan"), float("nan"))))


def test_the_default_play_is_the_same_in_the_environment_of_every_head():
    asked = small_study()
    scenario = asked.scenario
    default = asked._returns("default", scenario)
    for head in ("ads", "interact", "operate"):
        play = f"{head}.{scenario.default_policies.get(head, 'nothing')}"
        assert np.array_equal(asked._returns(play, scenario), default), head


def test_a_number_that_moves_no_probe_is_played_no_further(monkeypatch):
    asked = small_study()
    base = asked.play(AS_IT_IS)
    names = []
    returns = Study._returns
    monkeypatch.setattr(Study, "_returns", lambda self, name, o: (names.append(name), returns(self, name, o))[1])
    assert asked.play(Variation("ads.conversion", "high", "0.07", {"desk.bot_s": 2.0}), base) is base
    assert names == list(PROBES)


def test_the_command_lists_what_it_would_vary(livesim):
    data = json.loads(livesim("sensitivity", "tiny", "--only", "gifts.rate_per_h", "--list", "--json").stdout)
    values = {"low": "0.12", "high": "0.27"}
    assert data == [{"key": "gifts.rate_per_h", "default": "0.18", "reason": "", "values": values}]


def test_the_command_refuses_a_bad_pattern_before_it_plays(livesim, tmp_path):
    result = livesim("sensitivity", "tiny", "--only", "gift", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "--only gift: fits none of the" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_stop_says_how_to_go_on(livesim, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.sensitivity.study.play_all", stop)
    result = livesim("sensitivity", "tiny", "--only", "gifts.*", "--viewers", "15", "--out", tmp_path / "out")
    assert result.exit_code == 130
    assert (
        "livesim sensitivity tiny --conclusions ranking,lunch,effects --seeds 1000:1012 "
        f"--out {tmp_path / 'out'} --viewers 15 --jobs 1 --top 20 --only 'gifts.*'" in result.stderr
    )


def test_the_command_runs_from_end_to_end(livesim, tmp_path):
    arguments = [
        "sensitivity", "tiny", "--only", "ads.preroll", "--conclusions", "ranking", "--seeds", "1000:1002",
        "--viewers", "15", "--set", "session.duration_s=300", "--out", tmp_path / "out",
    ]  # fmt: skip
    result = livesim(*arguments, "--json")
    data = json.loads(result.stdout)
    assert [(one["default"], one["side"]) for one in data["numbers"]] == [("true", "false")]
    assert data["settings"]["seeds"] == "1000:1002"
    assert livesim(*arguments).stdout.startswith("# Sensitivity of tiny")
    refused = livesim(*arguments, "--seeds", "1000:1003")
    assert refused.exit_code == 2
    assert "belongs to another study" in refused.stderr
