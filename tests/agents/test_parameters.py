import numpy as np
import pytest

from agents import parameters, tuning
from agents.heuristics.ads import CreditRuleParameters
from agents.policy import make_policy
from livesim.errors import ConfigError


def test_every_default_lies_within_its_bounds():
    for name in tuning.tunable():
        kind = tuning.registry.resolve("policy", name).Parameters
        assert parameters.build(kind, vars(kind()), where=name) == kind()


def test_an_unknown_parameter_is_named_with_the_nearest_match(layout, scenario):
    with pytest.raises(
        ConfigError,
        match=r"ads.fixed_interval: unknown parameter 'intervall_min'.*Did you mean 'interval_min'",
    ):
        make_policy("ads.fixed_interval", layout, scenario, ("ads",), params={"intervall_min": 5.0})


def test_a_parameter_out_of_bounds_is_refused(layout, scenario):
    with pytest.raises(ConfigError, match=r"ads.fixed_interval: interval_min must lie in \[2, 40\], got 0.5"):
        make_policy("ads.fixed_interval", layout, scenario, ("ads",), params={"interval_min": 0.5})


def test_a_choice_that_is_not_offered_is_refused(layout, scenario):
    with pytest.raises(ConfigError, match=r"unknown ads 'credit_rul'.*Did you mean 'credit_rule'"):
        make_policy("room.combined", layout, scenario, params={"ads": "credit_rul"})


@pytest.mark.parametrize("places", [[], [2, 1], [1, 1], [0], [17], [1.5], 3])
def test_places_that_are_no_rising_whole_numbers_are_refused(layout, scenario, places):
    with pytest.raises(ConfigError, match="places must be rising whole numbers from 1 to 16, got"):
        make_policy("interact.repertoire", layout, scenario, ("interact",), params={"places": places})


@pytest.mark.parametrize("places", [[], [2, 1], [1, 2, 1], [1, 1, 1, 1, 1], [17], [1.5]])
def test_an_item_is_named_at_most_four_times(layout, scenario, places):
    with pytest.raises(ConfigError, match="whole numbers from 1 to 16, each at most 4 times, got"):
        make_policy("recommend.programme", layout, scenario, ("recommend",), params={"places": places})


def test_the_shipped_tuned_values_are_valid_for_their_policies():
    for scenario_name, policies in parameters.read_tuned(parameters.TUNED_PATH).items():
        for policy in policies:
            kind = tuning.registry.resolve("policy", policy).Parameters
            parameters.tuned(kind, policy, scenario_name)


def score_near_seven(factory, seeds):
    """Return returns that are best at pause_credit_min 7; `seeds` are luck shared by all candidates."""
    value = factory.keywords["params"]["pause_credit_min"]
    luck = np.array([np.random.default_rng(seed).normal(scale=50.0) for seed in seeds])
    return luck - (value - 7.0) ** 2


def test_tuning_finds_the_best_value_under_shared_luck_and_repeats():
    lines = []
    first = tuning.tune("ads.credit_rule", score_near_seven, range(16), candidates=24, seed=4, report=lines.append)
    again = tuning.tune("ads.credit_rule", score_near_seven, range(16), candidates=24, seed=4)
    assert first == again
    assert abs(first.params["pause_credit_min"] - 7.0) < 1.0
    assert first.gain == pytest.approx(4.0, abs=1.0)  # (5 - 7)^2 is what the default loses
    assert first.is_better
    assert any("round 3 of 3" in line for line in lines)


def test_tuning_finds_which_items_to_show():
    def score(factory, seeds):
        named = factory.keywords["params"]["places"]
        return np.full(len(seeds), len({*named} & {2, 3}) - 0.1 * len(named))

    found = tuning.tune("recommend.programme", score, range(8), candidates=6, members=8)
    assert found.params["places"] == (2, 3)


def test_tuning_finds_which_item_to_show_more_often():
    def score(factory, seeds):
        named = factory.keywords["params"]["places"]
        wrong = sum(abs(named.count(place) - wanted) for place, wanted in ((1, 0), (2, 1), (3, 3), (4, 0)))
        return np.full(len(seeds), -float(wrong))

    found = tuning.tune("recommend.programme", score, range(8), candidates=2, known={"places": (2, 3)}, members=4)
    assert found.params["places"] == (2, 3, 3, 3)
    drawn = tuning.tune("recommend.programme", score, range(8), candidates=40, members=4)
    assert drawn.params["places"] == (2, 3, 3, 3)


def test_tuning_climbs_where_a_random_search_has_not_been():
    """Four items and a dwell that two candidates cannot hit, from an earlier search with one wrong and one missing."""

    def score(factory, seeds):
        params = factory.keywords["params"]
        luck = np.array([np.random.default_rng(seed).normal(scale=50.0) for seed in seeds])
        missing = sum(abs(params["places"].count(place) - (place in (2, 4, 5, 6))) for place in range(1, 9))
        return luck - 10.0 * missing - abs(np.log(params["dwell_min"] / 5.0))

    known = {"places": (1, 2, 4, 5), "dwell_min": 12.0}
    lines = []
    found = tuning.tune("recommend.programme", score, range(8), 2, known=known, members=8, report=lines.append)
    assert found.params["places"] == (2, 4, 5, 6)
    assert abs(np.log(found.params["dwell_min"] / 5.0)) < np.log(1.25)  # no farther than the smaller step
    assert any("with places (2, 4, 5, 6)" in line for line in lines)


def test_the_climb_stays_within_bounds_and_takes_no_step_that_luck_may_have_made():
    """Every step from what is known gains 0.1 on average, with a standard error of 0.6; the defaults are far off."""
    tried = []

    def score(factory, seeds):
        value = factory.keywords["params"]["last_credit_min"]
        tried.append(value)
        if value == CreditRuleParameters().last_credit_min:
            return np.full(len(seeds), -100.0)
        return np.array([0.0 if value == 2.9 else 1.2 if seed % 2 else -1.0 for seed in seeds])

    known = {"last_credit_min": 2.9}
    result = tuning.tune("ads.credit_rule", score, range(4), 1, known=known, vary=("last_credit_min",))
    assert result.params["last_credit_min"] == 2.9
    assert max(tried) == 3.0
    assert len(set(tried)) == 5  # the defaults, what is known, two steps down, one up: both of those end at the bound


def test_a_subset_beyond_the_catalogue_is_not_thinned_to_nothing():
    def score(factory, seeds):
        named = factory.keywords["params"]["places"]
        return np.full(len(seeds), len({*named} & {9, 10}) - 0.1 * len(named))

    known = {"places": (9, 10)}
    found = tuning.tune("recommend.programme", score, range(8), candidates=2, known=known, members=8)
    assert found.params["places"] == (9, 10)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_no_candidate_is_asked_to_play_no_seeds(count):
    def score(factory, seeds):
        assert len(seeds) > 0
        return score_near_seven(factory, seeds)

    assert tuning.tune("ads.credit_rule", score, range(count), candidates=3, seed=4).seeds == count


def test_tuning_anew_never_loses_what_an_earlier_search_found():
    known = {"pause_credit_min": 7.0}
    result = tuning.tune("ads.credit_rule", score_near_seven, range(16), candidates=2, seed=4, known=known)
    assert result.params["pause_credit_min"] == 7.0
    assert result.is_better


def test_tuning_keeps_the_defaults_when_nothing_is_clearly_better():
    result = tuning.tune("ads.fixed_interval", lambda factory, seeds: np.zeros(len(seeds)), range(8), candidates=6)
    assert not result.is_better


def test_tuning_refuses_a_policy_without_numbers():
    with pytest.raises(ConfigError, match=r"policy 'ads.random' has no numbers to tune"):
        tuning.tune("ads.random", score_near_seven, range(4))


def test_tuned_values_are_written_and_read_back(tmp_path):
    path = tmp_path / "tuned.yaml"
    good = tuning.tune("ads.credit_rule", score_near_seven, range(16), candidates=24, seed=4)
    tuning.write_tuned([good], "tiny", path)
    assert parameters.read_tuned(path) == {"tiny": {"ads.credit_rule": good.params}}
    assert CreditRuleParameters(**good.params)
    flat = tuning.tune("ads.credit_rule", lambda factory, seeds: np.zeros(len(seeds)), range(8), candidates=3)
    tuning.write_tuned([flat], "tiny", path)
    assert parameters.read_tuned(path) == {"tiny": {}}


def test_few_choices_are_all_tried_and_what_plays_no_part_is_tried_once():
    """Of `combined` in a room of three heads: 6 x 3 x 5 rules, whatever plays the fourth; the best one is found."""
    tried = []

    def score(factory, seeds):
        choices = factory.keywords["params"]
        tried.append(tuple(choices.values()))
        is_best = (choices["recommend"], choices["interact"]) == ("most_clicked", "lull_triggered")
        return np.full(len(seeds), 1.0 if is_best and choices["ads"] == "fixed_interval" else 0.0)

    known = {"recommend": "nothing", "ads": "credit_rule", "interact": "rotation", "operate": "fixed"}
    heads = ("recommend", "ads", "interact")
    result = tuning.tune("room.combined", score, range(8), candidates=2, known=known, vary=heads)
    assert len(set(tried)) == 90
    assert result.params == {
        "recommend": "most_clicked", "ads": "fixed_interval", "interact": "lull_triggered", "operate": "threshold"
    }  # fmt: skip
