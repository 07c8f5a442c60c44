"""Comparisons and their tables, from episodes whose numbers are chosen by hand."""

import csv
import io

import numpy as np
import pytest

from experiments import report
from experiments.compare import Scored, best_heuristic, compare, pairs
from experiments.episode_table import EpisodeTable

SEEDS = (1000, 1001, 1002, 1003)


def table(*returns: float) -> EpisodeTable:
    other = {name: np.zeros(4) for name in ("viewers_mean", "stall_share", "ad_minutes_per_hour", "masked_actions")}
    return EpisodeTable({"seed": np.array(SEEDS), "return": np.array(returns), "term.gifts": np.ones(4), **other})


RANDOM = Scored("random", "random", {None: table(0, 10, 20, 30)}, is_baseline=True)
RULE = Scored("ads.credit_rule", "credit rule", {None: table(10, 20, 30, 40)}, is_baseline=True)
LEARNER = Scored("ppo", "PPO", {0: table(14, 24, 34, 44), 1: table(16, 26, 36, 46)}, is_baseline=False)


@pytest.fixture(scope="module")
def comparison():
    return compare([RANDOM, RULE, LEARNER])


def test_a_learner_is_scored_over_all_its_training_seeds_and_one_by_one(comparison):
    assert comparison.find("ppo", "return_mean").value == 30.0
    assert comparison.find("ppo", "return_mean", training_seed=0).value == 29.0
    assert comparison.find("ppo", "return_mean", training_seed=1).value == 31.0


def test_differences_are_paired_with_every_baseline(comparison):
    difference = comparison.find("ppo", "paired_difference", "ads.credit_rule")
    assert (difference.value, difference.low, difference.high) == (5.0, 5.0, 5.0)
    assert comparison.find("ppo", "paired_difference", "random", 1).value == 16.0
    assert comparison.find("ppo", "probability_of_improvement", "ads.credit_rule").value == 1.0


def test_the_scale_runs_from_random_to_the_best_heuristic(comparison):
    assert comparison.find("random", "normalised_score").value == 0.0
    assert comparison.find("ads.credit_rule", "normalised_score").value == 100.0
    assert comparison.find("ppo", "normalised_score").value == pytest.approx(150.0)


def test_random_is_no_heuristic_however_well_it_scores():
    lucky = Scored("random", "random", {None: table(90, 90, 90, 90)}, is_baseline=True)
    assert best_heuristic([lucky, RULE, LEARNER]) is RULE


def test_policies_played_on_different_seeds_are_not_compared():
    other = EpisodeTable({**table(1, 2, 3, 4).columns, "seed": np.array([1, 2, 3, 4])})
    with pytest.raises(AssertionError, match="other was played on other seeds"):
        compare([RANDOM, Scored("other", "other", {None: other}, is_baseline=True)])


def test_the_csv_has_one_line_per_number(comparison):
    rows = list(csv.DictReader(io.StringIO(comparison.as_csv())))
    found = [
        row
        for row in rows
        if (row["policy"], row["measure"], row["baseline"]) == ("ppo", "paired_difference", "random")
    ]
    assert [(row["training_seed"], float(row["value"])) for row in found] == [
        ("all", 15.0),
        ("0", 14.0),
        ("1", 16.0),
    ]


def test_the_markdown_lists_policies_best_first_with_intervals(comparison):
    text = report.comparison_markdown(comparison)
    lines = text.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["PPO", "credit rule", "random"]
    assert [cell.strip() for cell in lines[0].split("|")[3:5]] == ["minus credit rule", "minus random"]
    assert "5.0 [5.0, 5.0]" in lines[2]
    assert "4 evaluation seeds (1000:1004)" in text
    assert "100 the best heuristic here (credit rule)" in text


def test_json_has_no_numbers_that_json_cannot_write():
    import json

    alone = Scored("random", "random", {None: table(1, 2, 3, 4).rows_for([1002])}, is_baseline=True)
    data = compare([alone]).as_data()
    assert "NaN" not in json.dumps(data)
    assert data["numbers"][0]["low"] is None


def test_a_star_marks_what_survives_the_correction_for_all_pairs(comparison):
    assert comparison.survives("ppo", "random")
    assert "15.0 [15.0, 15.0]*" in report.comparison_table(comparison)
    measures = {row["measure"] for row in csv.DictReader(io.StringIO(comparison.as_csv())) if row["policy"] == "ppo"}
    assert {"paired_difference_simultaneous", "paired_difference_two_way", "adjusted_p"} <= measures


def test_a_pair_is_counted_once_whichever_way_round():
    assert [(ours.name, theirs.name) for ours, theirs in pairs([RANDOM, RULE, LEARNER])] == [
        ("random", "ads.credit_rule"),
        ("ppo", "random"),
        ("ppo", "ads.credit_rule"),
    ]


def test_the_same_pair_read_backwards_is_the_same_verdict(comparison):
    one = comparison.find("random", "paired_difference_simultaneous", "ads.credit_rule")
    other = comparison.find("ads.credit_rule", "paired_difference_simultaneous", "random")
    assert (one.low, one.high) == (-other.high, -other.low)
