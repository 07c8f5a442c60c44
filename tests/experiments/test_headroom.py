"""The headroom study: everybody on the same luck, the best rule picked elsewhere, nothing played twice."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from experiments.episode_table import EpisodeTable
from experiments.headroom import work as working
from experiments.headroom.gap import gap_of, made_of
from experiments.headroom.study import CLAIRVOYANT, FAIR, RULE, Cell, Part, Study, chunks

CELL = Cell("livesim/AdPlacement-v0", "tiny")
ASK = ("headroom", "tiny", "--environment", "AdPlacement-v0", "--seeds", "1000:1003", "--pick-seeds", "500:502",
       "--viewers", "30", "--fair", "planner.fair:futures=2:every=6:horizon=6", "--clairvoyant",
       "planner.clairvoyant:every=6")  # fmt: skip


@pytest.fixture(scope="module")
def played(livesim, tmp_path_factory):
    folder = tmp_path_factory.mktemp("headroom") / "study"
    result = livesim(*ASK, "--out", folder)
    assert result.exit_code == 0, result.output
    return folder, result


def _data(folder):
    return json.loads((folder / "headroom.json").read_text())[0]


def test_the_table_has_every_policy_and_the_bound_is_not_below_the_rule(played):
    folder, result = played
    data = _data(folder)
    rows = {row["policy"]: row for row in data["rows"]}
    assert list(rows) == ["random", "nothing", "best rule", "fair planner", "clairvoyant"]
    assert rows["clairvoyant"]["minus_best_rule"]["value"] >= -1e-9
    assert rows["best rule"]["minus_best_rule"] is None
    assert data["best_rule"] in result.stdout
    page = (folder / "headroom.md").read_text()
    assert "clairvoyant minus " in page
    assert "Actions a session: ads." in page


def test_terms_add_up_to_the_gap(played):
    for row in _data(played[0])["rows"]:
        if row["minus_best_rule"]:
            parts = sum(term["value"] for term in row["terms"].values())
            assert parts == pytest.approx(row["minus_best_rule"]["value"], abs=1e-9)


def test_a_rerun_plays_only_what_is_missing(played, livesim, monkeypatch):
    folder, _ = played
    before, seeds = (folder / "headroom.json").read_text(), []
    lost = folder / "episodes" / "AdPlacement-v0-tiny" / "fair-planner" / "seed1001.csv"
    lost.unlink()
    play = working.Study.play

    def noted(study, part):
        seeds.append((part.role, part.seeds))
        return play(study, part)

    monkeypatch.setattr(working.Study, "play", noted)
    assert livesim(*ASK, "--out", folder).exit_code == 0
    assert seeds == [(FAIR, (1001,))]
    assert (folder / "headroom.json").read_text() == before


def test_a_study_goes_on_to_more_seeds_and_not_to_fewer(played, livesim, tmp_path, monkeypatch):
    folder, seeds = shutil.copytree(played[0], tmp_path / "study"), []
    play = working.Study.play

    def noted(study, part):
        seeds.append(part.seeds)
        return play(study, part)

    monkeypatch.setattr(working.Study, "play", noted)
    more = [part.replace("1000:1003", "1000:1004") for part in ASK]
    assert livesim(*more, "--out", folder).exit_code == 0
    assert set(seeds) == {(1003,)}
    assert _data(folder)["seeds"] == 4
    fewer = livesim(*ASK, "--out", folder)
    assert fewer.exit_code == 2
    assert "belongs to another study (seeds: '1000:1004' there, '1000:1003' here)" in fewer.stderr


def test_another_study_in_the_folder_is_refused(played, livesim):
    result = livesim(*ASK[:-1], "planner.clairvoyant:every=5", "--out", played[0])
    assert result.exit_code == 2
    assert "belongs to another study (clairvoyant: 'planner.clairvoyant:every=6' there" in result.stderr


def test_planners_may_be_left_out_and_added_later(played, livesim, tmp_path):
    folder = tmp_path / "study"
    result = livesim(*ASK, "--fair", "none", "--clairvoyant", "none", "--out", folder)
    assert result.exit_code == 0, result.output
    assert [row["policy"] for row in _data(folder)["rows"]] == ["random", "nothing", "best rule"]
    assert "AdPlacement-v0 tiny: not both planners have played" in result.stdout
    assert "planner" not in (folder / "headroom.md").read_text().partition("## ")[0]
    assert livesim(*ASK, "--out", folder).exit_code == 0
    assert _data(folder) == _data(played[0])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("--environment", "AdPlacemnt-v0"), "Did you mean 'AdPlacement-v0'"),
        (("--pick-seeds", "1002:1004"), "--seeds and --pick-seeds share seed 1002"),
        (("--fair", "planner.fair:futurs=3"), "Did you mean 'futures'"),
        (("--fair", "planner.clairvoyant"), "write planner.fair with its numbers"),
        (("--set", "audience.planned_viewer=3"), "Did you mean 'planned_viewers'"),
    ],
)
def test_wrong_input_is_one_clear_line(livesim, tmp_path, change, text):
    result = livesim(*ASK, *change, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert text in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_learner_of_another_room_is_refused(livesim, finished, tmp_path):
    result = livesim(*ASK, "--learned", finished, "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert "was trained in Room-v0 tiny" in result.stderr
    assert "Asked for: AdPlacement-v0 tiny" in result.stderr


def test_a_learner_has_a_row_over_all_its_training_seeds(livesim, finished, tmp_path):
    ask = ["headroom", "tiny", "--environment", "Room-v0", "--seeds", "1000:1002", "--pick-seeds", "500:501",
           "--viewers", "30", "--fair", "planner.fair:futures=2:every=24:horizon=4", "--clairvoyant",
           "planner.clairvoyant:every=24", "--learned", finished, "--out", tmp_path / "study"]  # fmt: skip
    result = livesim(*ask)
    assert result.exit_code == 0, result.output
    rows = _data(tmp_path / "study")["rows"]
    assert [row["policy"] for row in rows][-1] == "learned ppo (result)"
    assert len(list((tmp_path / "study" / "episodes").glob("*/learned*"))) == 2


def test_planners_play_a_few_seeds_at_a_time_and_rules_all():
    seeds = tuple(range(9))
    assert [piece.seeds for piece in chunks(Part(CELL, FAIR, "planner.fair", seeds), seeds[2:])] == [
        (2, 3, 4, 5), (6, 7, 8)
    ]  # fmt: skip
    assert [piece.seeds for piece in chunks(Part(CELL, RULE, "ads.credit_rule", seeds), seeds)] == [seeds]


def test_the_joint_rule_is_picked_among_combined_and_the_best_of_each_head():
    study = Study((Cell("livesim/Room-v0", "tiny"),), {}, (1,), (2,))
    best = study.candidates(study.cells[0], lambda cell: f"{cell.heads[0]}.nothing")
    assert best == ["room.combined", "recommend.nothing+ads.nothing+interact.nothing"]


def test_a_gap_says_what_it_is_made_of():
    def table(gifts, ads, polls):
        columns = {"return": gifts + ads, "term.gifts": gifts, "term.ads": ads, "term.chat": np.zeros(4),
                   "action.interact.poll": polls, "viewers_mean": gifts}  # fmt: skip
        return EpisodeTable({"seed": np.arange(4), **columns})

    rule = table(np.array([1.0, 2, 3, 4]), np.array([5.0, 5, 5, 5]), np.zeros(4))
    better = table(np.array([3.0, 4, 5, 6]), np.array([4.5, 4.5, 4.5, 4.5]), np.full(4, 2.0))
    gap = gap_of(CELL, "interact.rotation", {RULE: [rule], FAIR: [better], CLAIRVOYANT: [better]})
    row = gap.row(CLAIRVOYANT)
    assert row.over_rule.value == pytest.approx(1.5)
    assert made_of(row) == (
        "credits: gifts 2.0 [2.0, 2.0], ads -0.5 [-0.5, -0.5]. Viewers +2.0. Actions a session: interact.poll +2.0."
    )
    assert gap.verdict == "clairvoyant clearly above the best rule, fair planner clearly above it"
