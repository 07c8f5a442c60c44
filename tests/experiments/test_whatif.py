"""What-if: both branches are one session up to the moment, and only what was asked for differs after it."""

import json
from dataclasses import fields

import numpy as np
import pytest

from experiments.environment import EnvConfig
from experiments.whatif import Question, ask, parse_changes
from experiments.whatif_report import changed, difference, notes, windows
from livesim.errors import ConfigError, UnknownNameError

TINY = EnvConfig(scenario="tiny")
SEEDS = (1003, 7, 12)


def question(*settings, at="00:05", until="", env=TINY, policy="combined"):
    return Question(env, policy, env.policy(policy), parse_changes(settings, env, at, until))


def arrays(trace):
    plain = {entry.name: getattr(trace, entry.name) for entry in fields(trace)}
    named = {f"{kind}.{key}": value for kind in ("terms", "events") for key, value in plain[kind].items()}
    return {"viewers": plain["viewers"], "on": plain["on"], **named}


def assert_same(first, second, decisions=slice(None)):
    for name, values in arrays(first).items():
        np.testing.assert_array_equal(values[:, decisions], arrays(second)[name][:, decisions], err_msg=name)


def test_a_branch_in_which_nothing_is_done_otherwise_equals_the_original_bit_for_bit():
    answer = ask(question("ads=nothing", "interact=none", policy="nothing"), SEEDS)
    assert_same(answer.factual, answer.counterfactual)
    assert "Nothing changed" in notes(answer)[0]


def test_a_head_handed_to_the_policy_that_plays_it_anyway_changes_nothing_of_a_one_head_session():
    env = EnvConfig(id="livesim/AdPlacement-v0", scenario="tiny")
    rule = env.load_scenario().default_policies["recommend"]
    answer = ask(question(f"recommend={rule}", at="00:00", env=env, policy="credit_rule"), SEEDS)
    assert_same(answer.factual, answer.counterfactual)


def test_a_head_of_a_one_head_session_is_played_on_by_its_rule_until_it_is_taken_over():
    env = EnvConfig(id="livesim/AdPlacement-v0", scenario="tiny")
    answer = ask(question("interact=none", at="00:04", env=env, policy="credit_rule"), SEEDS)
    assert_same(answer.factual, answer.counterfactual, slice(0, 8))
    assert np.any(answer.factual.on[:, 8:, 2] >= 0)
    assert not np.array_equal(answer.factual.reward, answer.counterfactual.reward)


def test_a_changed_head_changes_nothing_before_the_moment():
    answer = ask(question("ads=spam_mid_roll", "recommend=hold"), SEEDS)
    assert answer.question.first == 10
    assert_same(answer.factual, answer.counterfactual, slice(0, 10))
    assert not np.array_equal(answer.factual.reward[:, 10:], answer.counterfactual.reward[:, 10:])
    item = answer.counterfactual.on[:, 10:, 0]
    assert np.all(item == item[:, :1])


def test_the_batch_size_changes_no_number():
    together, alone = (ask(question("ads=random"), SEEDS, batch) for batch in (64, 1))
    assert_same(together.counterfactual, alone.counterfactual)


def test_until_returns_the_head_to_the_policy():
    answer = ask(question("ads=spam_mid_roll", until="00:08", policy="nothing"), SEEDS)
    ads = answer.counterfactual.events["ad_s"]
    assert np.all(ads[:, :10] == 0)
    assert np.any(ads[:, 10:16] > 0)
    assert np.all(ads[:, 17:] == 0)  # a break that began in the last decision ends in it


def test_a_single_choice_is_made_once_at_its_own_moment():
    answer = ask(question("ads=mid_roll_30@00:07", policy="nothing"), SEEDS)
    ads = answer.counterfactual.events["ad_s"]
    assert np.flatnonzero(ads.any(axis=0)).tolist() == [14]
    assert answer.refused() == {"ads=mid_roll_30@00:07": 0}


def test_a_choice_that_is_impossible_at_its_moment_is_said_to_have_done_nothing():
    answer = ask(question("ads=overlay@00:07:00", "ads=overlay@00:07:30", policy="nothing"), [7])
    assert answer.refused() == {"ads=overlay@00:07:00": 0, "ads=overlay@00:07:30": 1}
    assert "ads=overlay@00:07:30 was impossible at its moment in 1 of 1 sessions" in notes(answer)[0]


def test_terms_add_up_to_the_return_in_every_window():
    answer = ask(question("ads=none"), SEEDS)
    found = changed(answer)
    assert list(windows(answer)) == ["5 min", "to the end"]  # 15 min would outlast the session
    for window in windows(answer):
        total = sum(pairs[window][1] for name, pairs in found.items() if name.startswith("  "))
        np.testing.assert_allclose(total, found["return"][window][1], rtol=1e-9)


def test_a_single_session_gets_no_interval_and_many_do():
    one, many = (ask(question("ads=none"), seeds) for seeds in ([7], (*SEEDS, 5)))
    assert np.isnan(difference(*changed(one)["return"]["to the end"]).low)
    estimate = difference(*changed(many)["return"]["to the end"])
    assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize(
    ("settings", "at", "until", "message"),
    [
        (["ads=none"], "00:12", "", "--at: 00:12 lies after the last decision of a session of 0:12:00. Allowed: 0:00"),
        (["ads=none"], "40", "", "--at: '40' is not a moment. Write HH:MM or HH:MM:SS"),
        (["ads=none"], "00:05", "00:05", "--until 00:05: lies before --at 00:05 or on it"),
        (["ads=none"], "00:05", "00:12:30", "--until: 00:12:30 lies outside the session, which lasts 0:12:00"),
        (["adds=none"], "00:05", "", "unknown head 'adds'. Known: ads, interact, operate, recommend. Did you mean"),
        (["ads=credit_rul"], "00:05", "", "Did you mean 'credit_rule'?"),
        (["interact=batle"], "00:05", "", "Did you mean 'battle'?"),
        (["ads"], "00:05", "", "write HEAD=WHAT"),
        ([], "00:05", "", "--set: say what is done otherwise"),
        (["ads=none", "ads=random"], "00:05", "", "--set ads=random: ads=none already plays head 'ads'"),
        (["ads=overlay@00:13"], "00:05", "", "--set ads=overlay@00:13: 00:13 lies after the last decision"),
        (["ads=overlay@00:09"], "00:05", "00:08", "lies on or after --until"),
        (["ads=fixed_interval,interval=3"], "00:05", "", "unknown parameter 'interval'"),
        (["ads=fixed_interval,interval_min=99"], "00:05", "", "interval_min must lie in [2, 40]"),
        (["audience.planned_viewers=9"], "00:05", "", "is a number of the scenario, which nobody changes"),
    ],
)
def test_a_wrong_question_is_refused_with_what_is_allowed(settings, at, until, message):
    with pytest.raises((ConfigError, UnknownNameError)) as error:
        parse_changes(settings, TINY, at, until)
    assert message in str(error.value)


def test_the_replay_of_a_result_is_the_recorded_episode(livesim, finished, tmp_path):
    asked = ("--at", "00:05", "--set", "ads=none", "--policy", "ppo", "--seeds", "1000:1003", "--json")
    result = livesim("whatif", finished, *asked, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.stderr
    data = json.loads(result.stdout)
    assert data["policy"] == "ppo (training seed 0)"
    recorded = (finished / "episodes" / "ppo-seed0.csv").read_text().splitlines()
    column = recorded[0].split(",").index("return")
    returns = [float(row.split(",")[column]) for row in recorded[1:4]]
    assert np.sum(data["timeline"]["reward"]["as_it_was"], axis=1) == pytest.approx(returns, rel=1e-9)
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.glob("*.json"))) == 1


def test_a_changed_record_is_warned_of(livesim, finished, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    file = copy / "episodes" / "nothing.csv"
    rows = file.read_text().splitlines()
    cells = rows[1].split(",")
    cells[rows[0].split(",").index("return")] = "123.5"
    file.write_text("\n".join([rows[0], ",".join(cells), *rows[2:]]) + "\n")
    result = livesim("whatif", copy, "--at", "00:05", "--set", "ads=overlay", "--policy", "nothing", "--seed", 1000)
    assert "Warning: seed 1000 returned 123.5 when the result was made" in result.stderr
    assert "One session is an anecdote" in result.stdout.replace("\n", " ")
    assert len(list((copy / "whatif").glob("*.png"))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either a result folder or a --scenario"),
        (["--scenario", "tiny"], "--at: say at which moment"),
        (["--scenario", "tinny", "--at", "00:05", "--set", "ads=none"], "Did you mean 'tiny'?"),
        (["--scenario", "tiny", "--policy", "combinde", "--at", "00:05", "--set", "ads=none"], "Did you mean"),
        (["--scenario", "tiny", "--seed", "1", "--seeds", "1:3", "--at", "00:05"], "--seed and --seeds"),
    ],
)
def test_a_wrong_command_ends_with_status_2_and_one_line(livesim, arguments, message):
    result = livesim("whatif", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "pppo"], "Did you mean 'ppo'?"),
        (["--policy", "ppo", "--training-seed", "5"], "--training-seed 5: ppo has 0, 1"),
        (["--policy", "nothing", "--training-seed", "0"], "nothing has none: it is a rule"),
        (["--override", "audience.planned_viewers=9"], "--override goes with --scenario"),
    ],
)
def test_a_result_answers_only_for_what_it_holds(livesim, finished, arguments, message):
    result = livesim("whatif", finished, "--at", "00:05", "--set", "ads=none", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_result_without_its_model_says_so(livesim, finished, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    shutil.rmtree(copy / "runs" / "ppo" / "seed1")
    asked = ("--at", "00:05", "--set", "ads=none", "--policy", "ppo", "--training-seed", 1)
    result = livesim("whatif", copy, *asked)
    assert result.exit_code == 2
    assert "no trained model" in result.stderr
