"""A folder of traces: its index, which files serve whom, the split for training and evaluation, the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livesim import load_scenario
from livesim.errors import ScenarioError, TraceError
from livesim.network.config import AccessLine, NetworkConfig
from livesim.network.trace_folder import Choice, groups_of
from livesim.network.trace_report import check_folder, lag1
from livesim.network.traces import access_names, load_bank
from livesim.state import check_structure

MIX = NetworkConfig().access


def write(folder: Path, name: str, rates: list[float]) -> None:
    rows = [f"{second},{rate}" for second, rate in enumerate(rates)]
    (folder / name).write_text("\n".join(["time_s,bandwidth_kbps", *rows]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten wifi traces, five 4g and five 5g-mmwave."""
    for n in range(10):
        write(tmp_path, f"wifi_{n}.csv", [1000 + n, 2000])
    for n in range(5):
        write(tmp_path, f"4g_{n}.csv", [500 + n, 700])
        write(tmp_path, f"5g-mmwave_{n}.csv", [9000 + n, 8000])
    return tmp_path


def files(folder: Path, split: str, kinds: tuple[str, ...] = ()) -> dict[str, list[str]]:
    groups = groups_of(Choice(folder, kinds, split), MIX)
    return {line.name: [path.name for path in paths] for line, paths in groups}


def test_training_and_evaluation_share_no_file_and_leave_none_out(folder: Path) -> None:
    train, held_out, every = (files(folder, split) for split in ("train", "evaluation", "all"))
    assert train.keys() == held_out.keys() == every.keys() == {"wifi", "4g", "5g"}
    for access, names in every.items():
        assert not set(train[access]) & set(held_out[access])
        assert sorted(train[access] + held_out[access]) == names
        assert len(held_out[access]) == len(names) // 5


def test_the_split_depends_on_names_alone(folder: Path) -> None:
    before = files(folder, "evaluation")
    for path in folder.glob("wifi*.csv"):
        write(folder, path.name, [5.0, 6.0, 7.0])
    write(folder, "3g_1.csv", [100, 200])
    write(folder, "3g_2.csv", [100, 200])
    after = files(folder, "evaluation")
    assert {name: after[name] for name in before} == before


def test_the_split_is_the_same_on_every_machine(folder: Path) -> None:
    # the SHA-256 of their names begin with 1f, e8, e1, ab and 7f
    assert files(folder, "evaluation")["4g"] == ["4g_0.csv"]


def test_an_access_type_with_one_trace_cannot_be_split(folder: Path) -> None:
    write(folder, "3g_alone.csv", [100, 200])
    with pytest.raises(TraceError, match=r"access type '3g' has one trace, 3g_alone\.csv, which cannot be split\. Add"):
        load_bank(folder, NetworkConfig(traces=str(folder), trace_split="train"))
    assert "3g" not in files(folder, "train", ("wifi", "4g"))


def test_only_the_chosen_kinds_serve_viewers(folder: Path) -> None:
    config = NetworkConfig(traces=str(folder), trace_kinds=("4g", "5g-mmwave"))
    assert access_names(config) == ("4g", "5g")
    bank = load_bank(folder, config)
    assert bank.access_count.tolist() == [5, 5]
    assert bank.access_until.tolist() == pytest.approx([0.27 / 0.35, 1.0])


def test_an_unknown_kind_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(TraceError, match=r"unknown kind 'wify'\. Known: 4g, 5g-mmwave, wifi\. Did you mean 'wifi'\?"):
        load_bank(folder, NetworkConfig(traces=str(folder), trace_kinds=("wify",)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trace_split": "train"}, "trace_split: chooses among measured traces. Give their folder as traces"),
        ({"trace_kinds": ["4g"]}, "trace_kinds: chooses among measured traces. Give their folder as traces"),
        ({"trace_split": "half"}, "Input should be 'all', 'train' or 'evaluation'"),
    ],
)
def test_a_choice_among_no_traces_is_refused(values: dict, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load_scenario("tiny", {f"network.{name}": value for name, value in values.items()})


def test_rooms_of_one_batch_share_their_choice_of_traces(folder: Path) -> None:
    rooms = [
        load_scenario("tiny", {"network.traces": str(folder), "network.trace_split": split})
        for split in ("train", "evaluation")
    ]
    with pytest.raises(ScenarioError, match="cannot share a batch with 'tiny': traces differ"):
        check_structure(rooms)


@pytest.mark.parametrize(("key", "name"), [("rtt_log_sd", "spreads of lines"), ("synthetic_traces", "synthetic lines")])
def test_rooms_of_one_batch_share_their_lines(key: str, name: str) -> None:
    rooms = [load_scenario("tiny"), load_scenario("tiny", {f"network.{key}": 1})]
    with pytest.raises(ScenarioError, match=f"cannot share a batch with 'tiny': {name} differ"):
        check_structure(rooms)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("file,kind\nwifi_0.csv,wifi\ngone.csv,4g\n", r"index\.csv:3: there is no file gone\.csv in the folder"),
        ("file,kind\n../wifi_0.csv,wifi\n", r"index\.csv:2: there is no file \.\./wifi_0\.csv in the folder"),
        ("file,kind\nwifi_0.csv,\n", r"index\.csv:2: kind is empty\. Every row names a file and its kind"),
        ("file,kind\n,4g\n", r"index\.csv:2: file is empty"),
        ("file,kind\nwifi_0.csv,4g\nwifi_0.csv,wifi\n", r"index\.csv:3: wifi_0\.csv is named twice; .* in line 2"),
        ("name,kind\nwifi_0,4g\n", r"index\.csv:1: has no column 'file'\. An index needs the columns file and kind"),
        ("", r"index\.csv:1: has no column 'file'"),
    ],
)
def test_a_bad_index_is_refused_by_line(folder: Path, index: str, message: str) -> None:
    (folder / "index.csv").write_text(index)
    with pytest.raises(TraceError, match=message):
        load_bank(folder)
    (problem,) = check_folder(Choice(folder), MIX).problems
    assert problem.file == "index.csv"


def test_the_numbers_of_an_access_type_by_hand(tmp_path: Path) -> None:
    write(tmp_path, "wifi_a.csv", [0, 100, 0, 0, 400])
    write(tmp_path, "wifi_b.csv", [500, 500, 500, 500, 500])
    mix = (AccessLine(name="wifi", share=0.5), AccessLine(name="4g", share=0.5))
    (one,) = check_folder(Choice(tmp_path), mix).types
    assert (one.access, one.files, one.seconds) == ("wifi", 2, 10)
    assert one.mean_kbps == 300.0
    assert one.p10_kbps == pytest.approx(0.0)
    assert one.outage_share == pytest.approx(0.3)
    assert one.outages_per_h == pytest.approx(2 / 10 * 3600)  # seconds 0 and 2-3 of the first
    assert one.viewer_share == 1.0  # nobody is left on 4g


def test_lag_1_by_hand() -> None:
    # around the mean 2: -1, 1, -1, 1 gives -3 over 4; a rate that never changes is its own past
    assert lag1(np.array([1.0, 3.0, 1.0, 3.0])) == pytest.approx(-0.75)
    assert lag1(np.array([5.0, 5.0, 5.0])) == 1.0


def test_every_bad_file_is_reported_and_the_good_ones_are_summed_up(folder: Path) -> None:
    (folder / "wifi_3.csv").write_text("time_s,bandwidth_kbps\n0,1\n2,2\n")
    (folder / "4g_1.csv").write_text("")
    report = check_folder(Choice(folder), MIX)
    assert [problem.file for problem in report.problems] == ["4g_1.csv", "wifi_3.csv"]
    assert "time_s is 2, expected 1" in report.problems[1].text
    assert {one.access: one.files for one in report.types} == {"wifi": 9, "4g": 4, "5g": 5}
