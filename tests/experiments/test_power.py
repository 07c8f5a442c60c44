"""How many seeds a difference takes, against tables of the t test and counted rejections."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from experiments.compare import Scored
from experiments.episode_table import EpisodeTable
from experiments.seeds_needed import plan
from experiments.statistics import Estimate
from experiments.statistics.power import Spread, pair_spread
from livesim.errors import ConfigError, UnknownNameError


def known(deviation: float, groups: int = 1) -> Spread:
    return Spread(Estimate(deviation, deviation, deviation), groups)


def test_a_medium_effect_takes_34_pairs_or_64_in_each_group():
    """Cohen 1988, tables 2.4.1 and 2.3.5: d = .5, power .80, two-sided .05."""
    assert known(10.0).seeds_for_difference(5.0).value == 34
    # two groups: each policy spreads by 10, the difference of two single sessions by 10 sqrt 2
    assert known(10.0 * np.sqrt(2), groups=2).seeds_for_difference(5.0).value == 64


def test_the_smallest_difference_found_is_the_inverse_of_the_count():
    found = known(10.0).difference_found(34)
    assert found < 5.0 < known(10.0).difference_found(33)


def test_the_power_promised_is_the_power_counted():
    count = int(known(10.0).seeds_for_difference(6.0).value)
    sessions = np.random.default_rng(0).normal(6.0, 10.0, (4000, count))
    share = float(np.mean(ttest_1samp(sessions, 0.0, axis=1).pvalue < 0.05))
    error = np.sqrt(0.8 * 0.2 / 4000)
    assert 0.8 - 4 * error <= share <= 0.86, f"{share:.3f} of tests with {count} pairs found it"  # count is rounded up


def test_an_interval_of_a_wanted_width_takes_the_fewest_seeds_that_give_it():
    spread = known(10.0)
    count = int(spread.seeds_for_half_width(2.0).value)
    assert spread.half_width(count) <= 2.0 < spread.half_width(count - 1)


def test_what_cannot_be_found_with_any_number_of_seeds_has_no_count():
    assert np.isnan(known(1e9).seeds_for_difference(1e-3).value)


def test_shared_luck_saves_the_ratio_of_the_variances():
    generator = np.random.default_rng(1)
    luck, own = generator.normal(0, 30, 400), generator.normal(0, 10, (2, 400))
    found = pair_spread((luck + own[0])[None], (luck + own[1])[None])
    # independent: 2 * (900 + 100); same luck: 2 * 100
    assert found.saving.low < found.saving.value < found.saving.high
    assert found.saving.value == pytest.approx(10.0, rel=0.4)  # 4 standard errors of two variances of 400
    ratio = found.independent.seeds_for_difference(2.0).value / found.same_luck.seeds_for_difference(2.0).value
    assert ratio == pytest.approx(found.saving.value, rel=0.02)


def policy(name: str, *returns: float, is_baseline: bool = True) -> Scored:
    seeds = np.arange(1000, 1000 + len(returns))
    return Scored(name, name, {None: EpisodeTable({"seed": seeds, "return": np.array(returns)})}, is_baseline)


LUCK = (10.0, 40.0, 25.0, 5.0, 33.0, 18.0, 22.0, 47.0)
RULE = policy("rule", *LUCK)
RANDOM = policy("random", *(value - place % 3 for place, value in enumerate(LUCK)))


def test_a_plan_compares_with_the_best_rule_and_answers_both_questions():
    needs = plan([RANDOM, RULE], "", difference=0.5, interval_width=1.0, probability=0.9)
    data = json.loads(json.dumps(needs.as_data()))
    assert data["against"] == "rule"
    assert [row["policy"] for row in data["policies"]] == ["random"]
    seeds = data["policies"][0]["seeds"]
    assert seeds.keys() == {"to find 0.5", "for width 1"}
    assert all(luck["independent"]["value"] > 50 * luck["same_luck"]["value"] for luck in seeds.values())
    assert "chance of 90 %" in needs.markdown()


def test_more_power_takes_more_seeds():
    rows = [plan([RANDOM, RULE], "", 0.5, None, power).as_data()["policies"][0] for power in (0.6, 0.8, 0.95)]
    counts = [row["seeds"]["to find 0.5"]["same_luck"]["value"] for row in rows]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize(
    ("policies", "against", "difference", "sentence"),
    [
        ([RANDOM, RULE], "", 0.0, "--difference 0: must be larger than 0, in credits a session"),
        ([policy("ppo", *LUCK, is_baseline=False)], "", 1.0, "no rule to compare with; name a policy with --against"),
        ([RULE], "", 1.0, "holds rule alone: there is no difference to find"),
        ([policy("a", 1.0, 2.0), policy("b", 2.0, 1.0)], "", 1.0, "has 2 evaluation seeds; a spread takes at least 8"),
    ],
)
def test_a_question_without_an_answer_is_refused(policies, against, difference, sentence):
    with pytest.raises(ConfigError) as error:
        plan(policies, against, difference, None, 0.8)
    assert sentence in str(error.value)


def test_an_unknown_policy_is_named_with_the_nearest():
    sentence = r"--against: unknown policy 'rul'\. Known: random, rule\. Did you mean 'rule'"
    with pytest.raises(UnknownNameError, match=sentence):
        plan([RANDOM, RULE], "rul", None, None, 0.8)


@pytest.mark.slow
def test_same_luck_saves_seeds_between_rules_of_the_default_room(livesim, tmp_path):
    """The rules of one head, 16 sessions: they share the room and differ in when they sell attention."""
    file = Path(__file__).parents[2] / "experiments" / "configs" / "ads.yaml"
    settings = ("algorithms=[]", "evaluation_seeds=1000:1016", "baselines=[credit_rule,engagement_gated]")
    options = [part for setting in settings for part in ("--set", setting)]
    assert livesim("run", file, *options, "--out", tmp_path / "out").exit_code == 0
    result = livesim("power", tmp_path / "out", "--interval-width", 50, "--json")
    (row,) = json.loads(result.stdout)["policies"]
    assert row["saving"]["value"] > 5, row
