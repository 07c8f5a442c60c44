"""A fit finds numbers through the biases of their estimates, writes them as a scenario, and says what it left."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.logs import inference, recovery
from experiments.logs.estimators.auxiliary import Auxiliary
from experiments.logs.files import write_log
from experiments.logs.fitting import FEWEST_ROOMS, FittedLog, Known, check_log, fit_log, known_of
from experiments.logs.inference import Fit, Simulation, _spread, infer
from experiments.logs.parameters import BY_KEY, FAMILIES, PARAMETERS
from experiments.logs.record import record
from experiments.logs.recovery import Check, changed, coverage_table, run_check
from experiments.logs.report import as_data, summary
from experiments.logs.scenario_file import write_scenario
from experiments.logs.sessions import sessions_of
from experiments.progress import Silent
from experiments.seeds import EVALUATION_END, FITTING_START, TUNING_START
from livesim.errors import ConfigError, LogError
from livesim.scenario import load_scenario

BASE = load_scenario("tiny")
SMALL = {"audience.planned_viewers": 60, "session.duration_s": 3600}


@pytest.fixture(scope="module")
def sessions():
    return sessions_of(record(BASE, range(6)))


class ToyRooms:
    """Rooms of which only the scenario and how many there are is known."""

    def __init__(self, scenario, count):
        self.scenario, self.count = scenario, count

    def __len__(self):
        return self.count


class ToySimulation(Simulation):
    def play(self, scenario, rooms):
        return ToyRooms(scenario, rooms)


KEYS = ("gifts.giver_share", "gifts.rate_per_h", "audience.notification_share", "audience.count_size")


def toy_estimate(rooms, base) -> Auxiliary:
    """Return biased estimates: shifted, of slope below 1, curved, and mixing two parameters of one block."""
    theta = np.array([BY_KEY[key].to_scale(BY_KEY[key].of(rooms.scenario)) for key in KEYS])
    beta = np.array([0.7 * theta[0] + 0.2 * theta[1], 0.5 * theta[1] + 0.05 * theta[1] ** 2, theta[2], theta[3] + 0.1])
    found = Auxiliary()
    noise = np.random.default_rng(3).normal(0.0, 0.02 / np.sqrt(len(rooms)), (len(KEYS), len(rooms)))
    for n, key in enumerate(KEYS):
        found.add(key, beta[n] + 0.3, noise[n] - noise[n].mean(), "100 toys")
    return found


def toy_fit(monkeypatch, **truth) -> Fit:
    monkeypatch.setattr(inference, "estimate", toy_estimate)
    numbers = {key.replace("__", "."): value for key, value in truth.items()}
    log = toy_estimate(ToyRooms(load_scenario(BASE, numbers), 30), BASE)
    return infer(log, BASE, ToySimulation(rooms=40, slope_rooms=40))


def test_indirect_inference_undoes_bias_slope_curvature_and_mixing(monkeypatch):
    fit = toy_fit(monkeypatch, gifts__giver_share=0.12, gifts__rate_per_h=4.0, audience__count_size=5.0)
    for key, truth in (("gifts.giver_share", 0.12), ("gifts.rate_per_h", 4.0), ("audience.count_size", 5.0)):
        low, high = fit.interval(key)
        assert low < truth < high
        assert fit.value(key) == pytest.approx(truth, rel=0.05)


def test_intervals_carry_both_errors_through_the_slope(monkeypatch):
    """One influence of each room: sd of beta 0.02 (1/sqrt 30 and 1/sqrt 40 of it), of theta that over the slope 1."""
    fit = toy_fit(monkeypatch)
    n = fit.keys.index("audience.notification_share")
    rooms = [toy_estimate(ToyRooms(BASE, count), BASE).influence[fit.keys[n]] for count in (30, 40)]
    factor = [np.sqrt(count / (count - 1)) * t / 1.96 for count, t in ((30, 2.045), (40, 2.023))]
    sd = np.sqrt(sum((f * np.linalg.norm(each)) ** 2 for f, each in zip(factor, rooms, strict=True)))
    assert (fit.high[n] - fit.low[n]) / 2.0 == pytest.approx(1.96 * sd, rel=0.1)


def test_intervals_of_a_variance_known_from_few_rooms_hold_the_truth():
    """The mean of 24 fourth powers of a normal: quantiles of the draws themselves hold it in 80 %, studentised 91 %.

    Tolerance: four standard errors of a share in 300 repetitions below 0.9.
    """
    generator = np.random.default_rng(5)
    inside = 0
    still = Auxiliary()
    still.add("x", 0.0, np.zeros(3), "simulated")
    for _ in range(300):
        powers = generator.chisquare(1.0, 24) ** 2
        log = Auxiliary()
        log.add("x", powers.mean(), (powers - powers.mean()) / 24.0, "rooms")
        spread = _spread(log, still, ["x"], np.eye(1))
        inside += powers.mean() + spread.low[0] <= 3.0 <= powers.mean() + spread.high[0]
    assert inside / 300 > 0.9 - 4.0 * np.sqrt(0.9 * 0.1 / 300)


def test_scatter_that_is_not_above_chance_keeps_the_base(monkeypatch):
    fit = toy_fit(monkeypatch, audience__count_size=1000.0)
    assert "audience.count_size" not in fit.keys
    assert "cannot be told from no scatter beyond chance" in fit.missing["audience.count_size"]
    assert fit.refused["audience.count_size"][2] == pytest.approx(1000.0)


def test_a_number_that_means_nothing_alone_goes_with_the_other(monkeypatch):
    monkeypatch.setattr(inference, "MOST_SPREAD", 1e-3)
    with pytest.raises(LogError, match=r"nothing can be estimated from this log: .*too wide to say anything"):
        toy_fit(monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr(inference, "SLOPES", (0.6, 3.0))
    fit = toy_fit(monkeypatch)
    assert fit.missing["gifts.rate_per_h"].startswith("it hardly shows in its estimate (slope 0.")
    assert fit.missing["gifts.giver_share"] == "goes with rate_per_h"
    assert "gifts.giver_share" not in fit.keys


def test_every_parameter_is_a_number_of_the_scenario_and_comes_back_from_its_scale():
    assert len(BY_KEY) == len(PARAMETERS)
    assert {key for keys in FAMILIES for key in keys} <= set(BY_KEY)
    bases = load_scenario("entertainment"), load_scenario("ecommerce")
    for p in PARAMETERS:
        for base in bases:
            number = p.of(base)
            assert p.bounds[0] <= number <= p.bounds[1]
            assert p.from_scale(p.to_scale(number)) == pytest.approx(number, rel=1e-6), p.key
        assert p.from_scale(1e9) <= p.bounds[1]
        assert p.from_scale(-1e9) >= p.bounds[0]
    assert BY_KEY["audience.count_size"].limits(0.1, 0.2) == (5.0, 10.0)


def test_sessions_of_a_fit_use_seeds_that_nothing_else_uses():
    seeds = Simulation(rooms=64, offset=100).seeds
    assert min(seeds) >= FITTING_START > TUNING_START + 2**32 > EVALUATION_END


def test_size_length_and_absent_sources_are_taken_from_the_log_unless_given(sessions):
    known = known_of(sessions, "tiny", {})
    assert known.overrides["session.duration_s"] == 720.0
    visits = sessions.visits
    late = np.clip(visits.left_s - np.maximum(visits.entered_s, 360.0), 0.0, None).sum() / 360.0 / len(sessions)
    assert known.overrides["audience.planned_viewers"] == max(round(late), 5)
    followers = sessions.visits.source == 1
    without = replace(sessions, visits=sessions.visits._replace(source=np.where(followers, 0, visits.source)))
    known = known_of(without, "tiny", {"audience.planned_viewers": 40})
    assert known.overrides["audience.planned_viewers"] == 40
    assert known.overrides["audience.follower_entries_per_viewer"] == 0.0
    assert known.why["audience.follower_entries_per_viewer"] == "no entry of source follower in the log"


def fitted_by_hand(sessions, overrides) -> FittedLog:
    keys = ("audience.bounce_feed", "gifts.rate_per_h", "audience.count_size")
    theta = np.array([BY_KEY[key].to_scale(x) for key, x in zip(keys, (0.45, 3.0, 6.0), strict=True)])
    fit = Fit(keys, theta, theta - 0.05, theta + 0.05, np.zeros(3), dict.fromkeys(keys, "99 events"),
              {"chat.branching": "7 messages; at least 200 are needed"}, {}, sessions, sessions, 2)  # fmt: skip
    known = Known(overrides, dict.fromkeys(overrides, "given"), [])
    seconds = {"read": 1.0, "estimate": 0.1, "simulate": 5.0}
    notes = {"duplicate rows dropped": 2}
    return FittedLog(Path("log: mine.csv"), "tiny", BASE, known, sessions, notes, fit, [], seconds)


def test_the_written_scenario_loads_and_says_of_every_number_where_it_comes_from(sessions, tmp_path):
    path = tmp_path / "mine.yaml"
    write_scenario(fitted_by_hand(sessions, {"network.kappa": 1.5}), path)
    scenario = load_scenario(path)
    assert scenario.audience.bounce_feed == pytest.approx(0.45)
    assert scenario.gifts.rate_per_h == pytest.approx(3.0)
    assert scenario.audience.count_size == pytest.approx(6.0)
    assert scenario.network.kappa == 1.5
    assert scenario.content == BASE.content
    text = path.read_text()
    assert "bounce_feed: 0.45  # fitted, 95 % interval [0.4377, 0.4624], n = 99 events" in text
    assert "kappa: 1.5  # given" in text
    with pytest.raises(LogError, match="exists; nothing was written"):
        write_scenario(fitted_by_hand(sessions, {}), path)
    with pytest.raises(LogError, match=r"a scenario is a \.yaml file"):
        write_scenario(fitted_by_hand(sessions, {}), tmp_path / "mine.txt")
    with pytest.raises(ConfigError, match=r"content\.items\.0\.quality: only keys of the form section\.name"):
        write_scenario(fitted_by_hand(sessions, {"content.items.0.quality": 0.5}), tmp_path / "other.yaml")
    assert not (tmp_path / "other.yaml").exists()


def test_a_scenario_beside_the_result_can_be_extended(sessions, tmp_path):
    (tmp_path / "bases").mkdir()
    own = tmp_path / "bases" / "own.yaml"
    own.write_text("extends: tiny\nnetwork: {kappa: 0.9}\n")
    fitted = replace(fitted_by_hand(sessions, {}), extends=str(own))
    write_scenario(fitted, tmp_path / "mine.yaml")
    assert load_scenario(tmp_path / "mine.yaml").network.kappa == 0.9


def test_the_report_says_what_was_put_right_and_what_was_left(sessions):
    fitted = fitted_by_hand(sessions, {"network.kappa": 1.5})
    lines = summary(fitted)
    assert "duplicate rows dropped: 2" in lines
    assert "network.kappa = 1.5: given" in lines
    assert "Base kept: chat.branching: 7 messages; at least 200 are needed" in lines
    data = json.loads(json.dumps(as_data(fitted)))
    assert data["parameters"]["gifts.rate_per_h"]["value"] == pytest.approx(3.0)
    assert data["not_estimated"]["chat.branching"].startswith("7 messages")


def test_too_few_rooms_and_rooms_nobody_enters_are_refused(tmp_path):
    path = tmp_path / "few.csv"
    write_log(record(BASE, range(2)), path)
    with pytest.raises(LogError, match=f"2 rooms; intervals are drawn over rooms, at least {FEWEST_ROOMS} are needed"):
        fit_log(path, "tiny", {}, Simulation(), Silent())
    empty = tmp_path / "empty.csv"
    empty.write_text("time,room,viewer,event\n" + "".join(f"0,{room},,start\n9,{room},,end\n" for room in range(6)))
    with pytest.raises(LogError, match="nobody enters"):
        fit_log(empty, "tiny", {}, Simulation(), Silent())


def test_commands_refuse_what_exists_and_misspelled_choices(livesim, tmp_path):
    (tmp_path / "old.csv").write_text("")
    (tmp_path / "old.yaml").write_text("")
    for arguments, message in (
        (("export-log", "tiny", "--out", tmp_path / "old.csv"), "exists; nothing was written"),
        (("export-log", "tiny", "--out", tmp_path / "new.tsv"), "a log is a .csv or .parquet file, not '.tsv'"),
        (("export-log", "tiny", "--out", tmp_path / "new.csv", "--policies", "defualt"), "Did you mean 'default'?"),
        (("fit", tmp_path / "old.csv", "--out", tmp_path / "old.yaml"), "exists; nothing was written"),
        (("fit", tmp_path / "new.csv", "--out", tmp_path / "new.yaml"), "no such log. In that folder:"),
    ):
        result = livesim(*arguments)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
    assert not (tmp_path / "new.csv").exists()


def test_checking_a_log_prints_the_plain_estimates_of_a_fit_and_simulates_nothing(livesim, tmp_path, monkeypatch):
    path = tmp_path / "log.csv"
    write_log(record(BASE, range(6)), path)
    monkeypatch.setattr(inference, "record", None)
    result = livesim("check-log", str(path), "--extends", "tiny")
    checked = check_log(path, "tiny", {})
    key = "audience.feed_entries_per_viewer_hour"
    assert result.exit_code == 0
    assert f"{BY_KEY[key].from_scale(checked.estimates.value[key]):.4g}" in result.output
    assert "6 rooms" in result.output
    assert "Not estimated: " in result.output


def test_the_truth_of_every_repetition_differs_from_the_base_in_every_number():
    base = load_scenario("entertainment")
    one, other = changed(base, 0), changed(base, 1)
    assert one == changed(base, 0)
    for p in PARAMETERS:
        assert abs(p.to_scale(one[p.key]) - p.to_scale(p.of(base))) > 1e-3, p.key
        assert one[p.key] != other[p.key]
    load_scenario(base, one)


def test_what_a_check_is_told_of_the_room_is_neither_changed_nor_fitted(monkeypatch):
    told = {}

    def fit(path, extends, overrides, *rest):
        told.update(overrides)
        raise InterruptedError

    monkeypatch.setattr(recovery, "fit_log", fit)
    made = []
    monkeypatch.setattr(recovery, "record", lambda scenario, seeds: made.append(scenario) or record(BASE, [0]))
    check = Check("tiny", {"gifts.giver_share": 0.12}, 5, 8, 8)
    with pytest.raises(InterruptedError):
        recovery._repeat(check, check.base, 0, Simulation(), inference.Slopes((), np.eye(0)))
    assert told == {"gifts.giver_share": 0.12, "audience.planned_viewers": BASE.audience.planned_viewers}
    assert made[0].gifts.giver_share == 0.12
    assert made[0].gifts.rate_per_h == changed(check.base, 0)["gifts.rate_per_h"]


def test_an_interrupted_check_goes_on_and_another_one_is_refused(monkeypatch, tmp_path):
    made = []

    def repeat(check, base, number, simulation, slopes):
        made.append((number, simulation.seeds[0]))
        value = 0.5 if number < 3 else 0.9
        found = {"audience.bounce_feed": [value, value - 0.1, value + 0.1]}
        return {"truth": {"audience.bounce_feed": 0.5}, "found": found}

    monkeypatch.setattr(recovery, "_repeat", repeat)
    monkeypatch.setattr(recovery, "_slopes", lambda base, simulation: {"keys": [], "matrix": [], "dropped": {}})
    check, file = Check("tiny", {}, 5, 8, 8), tmp_path / "check.jsonl"
    run_check(check, 2, file, Silent())
    results = run_check(check, 4, file, Silent())
    assert [number for number, _ in made] == [0, 1, 2, 3]
    assert len({seed for _, seed in made}) == 4, "simulations of every repetition have their own seeds"
    _, passes, text = coverage_table(check, results)
    assert not passes
    assert text.startswith("3 of 4 intervals hold the truth (75.0%); lowest: audience.bounce_feed 75%")
    with pytest.raises(LogError, match="holds the results of another fit-check"):
        run_check(replace(check, rooms=6), 4, file, Silent())


@pytest.mark.slow
def test_a_small_log_of_a_changed_room_gives_back_what_was_changed(livesim, tmp_path):
    truth = {"audience.bounce_feed": 0.45, "audience.engaged_log_mean": 5.3, "chat.base_per_viewer_min": 0.08,
             "audience.feed_entries_per_viewer_hour": 7.0}  # fmt: skip
    log, out = tmp_path / "log.parquet", tmp_path / "mine.yaml"
    room = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    changes = [part for key, value in truth.items() for part in ("--set", f"{key}={value}")]
    livesim("export-log", "tiny", "--seeds", "0:16", "--out", log, *room, *changes)
    arguments = ("--extends", "tiny", "--rooms", 24, "--slope-rooms", 24, "--figures", tmp_path / "figures", "--json")
    result = livesim("fit", log, "--out", out, *arguments, "--set", "audience.planned_viewers=60")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    base = load_scenario("tiny", SMALL)
    inside = []
    for key, found in data["parameters"].items():
        inside.append(found["low"] <= truth.get(key, BY_KEY[key].of(base)) <= found["high"])
    assert np.mean(inside) > 0.8, f"{np.sum(inside)} of {len(inside)}"
    for key, value in truth.items():
        found = data["parameters"][key]
        width = (found["high"] - found["low"]) / 3.92
        assert abs(found["value"] - value) < 4.0 * width, key
        assert not found["low"] <= BY_KEY[key].of(base) <= found["high"], f"{key}: the base would do"
    written = load_scenario(out)
    for key, found in data["parameters"].items():
        assert BY_KEY[key].of(written) == pytest.approx(found["value"], rel=1e-3)
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} >= {"log_stays.png", "log_arrivals.png"}
    assert livesim("scenarios", "validate", out).exit_code == 0
