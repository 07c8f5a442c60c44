"""The commands about traces and the lone viewer, from the command line to what they print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import reactions
from experiments.lone_player import Film, differences, traces_at, worst

SHARED = Path(__file__).parents[2].parent / "shared"
REFERENCE = SHARED / "reference" / "single_viewer.json"
TRACES = SHARED / "data" / "bandwidth"
KEYS = ("startup_s", "stall_s", "stall_events", "mean_bitrate_kbps", "switch_kbps")
needs_reference = pytest.mark.skipif(
    not (REFERENCE.exists() and TRACES.exists()),
    reason="the shared reference results are not on this machine",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, kbps in (("wifi_slow", 250), ("wifi_fast", 20_000)):
        rows = [f"{second},{kbps}" for second in range(10)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["time_s,bandwidth_kbps", *rows]))
    return tmp_path


def test_a_starved_viewer_as_theory_says(livesim, folder):
    """600 kbit over 250 kbit/s and 80 ms: 2.48 s for each of 300 segments of 2 s."""
    result = livesim("player", folder / "wifi_slow.csv", "--rule", "bba", "--ladder-kbps", "300", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["trace"], data["rule"], data["buffer_s"]) == ("wifi_slow", "bba", 8.0)
    assert [data[key] for key in KEYS] == pytest.approx([2.48, 299 * 0.48, 299, 300.0, 0.0], abs=1e-2)


def test_a_folder_gives_one_row_for_each_trace(livesim, folder):
    result = livesim("player", folder, "--rule", "rate", "--segments", 30, "--json")
    assert [row["trace"] for row in json.loads(result.stdout)] == ["wifi_fast", "wifi_slow"]
    table = livesim("player", folder, "--rule", "rate", "--segments", 30).stdout
    assert "wifi_fast" in table
    assert "mean kbit/s" in table


def test_options_describe_the_film(livesim, folder):
    arguments = ("--segments", 3, "--segment-s", 4, "--request-latency-s", 1, "--ladder-kbps", "500,800", "--json")
    result = livesim("player", folder / "wifi_slow.csv", "--rule", "rb", *arguments)
    # 2000 kbit over 250 kbit/s and 1 s: 9 s for each segment of 4 s
    assert [json.loads(result.stdout)[key] for key in KEYS] == pytest.approx([9, 10, 2, 500, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("wifi_slow.csv", "--rule", "bola"), "--rule: unknown rule 'bola'. Known: bba, buffer, rate, rb, "),
        (("wifi_slow.csv", "--buffer-s", 3), "--buffer-s: 3 s holds less than two segments of 2 s"),
        (("wifi_slow.csv", "--ladder-kbps", "a"), "--ladder-kbps a: write numbers separated by commas"),
        (("wifi_slow.csv", "--ladder-kbps", "3,2"), "--ladder-kbps: must rise from above 0, got [3.0, 2.0]"),
        (("wifi_slow.csv", "--segment-s", 99), "--segment-s: Input should be less than or equal to 10"),
        (("gone.csv",), "TRACE: there is no file or folder "),
    ],
)
def test_a_wrong_film_is_refused_in_one_line(livesim, folder, arguments, message):
    result = livesim("player", folder / arguments[0], *arguments[1:])
    assert result.exit_code == 2
    assert message in result.stderr


@needs_reference
def test_the_rate_and_buffer_rules_match_the_reference_on_every_trace():
    """84 cases, startup, stalls, events, bitrate and switches: within 1 %, or 0.05 s, or one event."""
    for row in worst(differences(traces_at(TRACES), Film(), REFERENCE, ["rate", "buffer"])):
        assert row.cases == 84
        assert row.same == 84, row


@needs_reference
def test_the_largest_differences_are_printed(livesim):
    arguments = (TRACES / "fixed_fcc_7.csv", "--rule", "rb", "--against", REFERENCE)
    table = livesim("player", *arguments).stdout
    assert "2 of 2" in table
    assert "fixed_fcc_7 at 8 s" in table or "fixed_fcc_7 at 25 s" in table
    rows = json.loads(livesim("player", *arguments, "--json").stdout)
    assert {row["field"] for row in rows} == set(KEYS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is no reference file: 'fields'"),
        ("[", "is no reference file"),
        ('{"fields": [], "shared": {}}', "holds no case of these traces. Its cases are named TRACE|bufSECONDS"),
    ],
)
def test_a_wrong_reference_is_refused(livesim, folder, text, message):
    (folder / "reference.json").write_text(text)
    result = livesim("player", folder / "wifi_slow.csv", "--against", folder / "reference.json")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_good_folder_of_traces_ends_with_status_0(livesim, folder):
    result = livesim("traces", "check", folder, "--json")
    assert result.exit_code == 0, result.output
    (one,) = json.loads(result.stdout)["types"]
    assert (one["access"], one["files"], one["seconds"], one["mean_kbps"]) == ("wifi", 2, 20, 10_125.0)
    assert "no bad file" in livesim("traces", "check", folder).stdout


def test_every_bad_trace_is_listed_and_ends_with_status_1(livesim, folder):
    (folder / "4g_gap.csv").write_text("time_s,bandwidth_kbps\n0,5\n2,6\n")
    (folder / "4g_text.csv").write_text("time_s,bandwidth_kbps\n0,5\n1,fast\n")
    result = livesim("traces", "check", folder)
    assert result.exit_code == 1
    assert "4g_gap.csv:3: time_s is 2, expected 1. Rows are whole seconds from 0, no gap" in result.stdout
    assert "4g_text.csv:3: bandwidth_kbps is 'fast'. Expected a number" in result.stdout
    assert "2 bad file(s)" in result.stdout
    assert len(json.loads(livesim("traces", "check", folder, "--json").stdout)["problems"]) == 2


def test_a_folder_that_is_none_ends_with_status_2(livesim, tmp_path):
    result = livesim("traces", "check", tmp_path / "gone")
    assert result.exit_code == 2
    assert "there is no folder" in result.stderr


def test_the_command_prints_every_reaction_and_says_what_is_out_of_band(livesim, monkeypatch):
    # twelve minutes of a small room are too short to say anything: what is checked is the form
    short = ("tiny", "--seeds", "1:4", "--set", "session.duration_s=600")
    result = livesim("reactions", *short)
    assert result.exit_code in (0, 1)
    assert "| start-up: % gone per s beyond 2 s |" in result.stdout
    monkeypatch.setattr(reactions, "WAITS_S", (0.1, 0.2))  # nobody gives up in no time
    result = livesim("reactions", *short, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["in_band"] is False
    assert ": OUT" in livesim("reactions", *short).stdout
