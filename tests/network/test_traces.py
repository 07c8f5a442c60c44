"""Trace folders: what is read, what is refused and in which words; the statistics of synthetic lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livesim.errors import TraceError
from livesim.network.config import AccessLine, NetworkConfig
from livesim.network.traces import access_names, bank_for, load_bank, loss_cap_kbps, synthetic_bank

GOOD = "time_s,bandwidth_kbps\n0,1000\n1,3000\n2,2000\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_folder_becomes_a_flat_bank(tmp_path: Path) -> None:
    write(tmp_path, "4g_a.csv", GOOD)
    write(tmp_path, "wifi_b.csv", "time_s,bandwidth_kbps\n0,50\n1,70\n")
    config = NetworkConfig(traces=str(tmp_path))
    bank = bank_for(config)
    assert access_names(config) == ("wifi", "4g")  # the order of the mix
    assert bank.kbps.tolist() == [50, 70, 1000, 3000, 2000]
    assert bank.start.tolist() == [0, 2]
    assert bank.length.tolist() == [2, 3]
    assert bank.access.tolist() == [0, 1]
    assert bank.mean_kbps.tolist() == [60.0, 2000.0]


def test_access_types_without_a_trace_give_their_share_to_the_others(tmp_path: Path) -> None:
    write(tmp_path, "4g_a.csv", GOOD)
    write(tmp_path, "wifi_b.csv", GOOD)
    mix = tuple(AccessLine(name=name, share=share) for name, share in (("wifi", 0.6), ("4g", 0.2), ("3g", 0.2)))
    bank = load_bank(tmp_path, NetworkConfig(access=mix))
    assert bank.access_until.tolist() == pytest.approx([0.75, 1.0])


def test_a_kind_nobody_claims_is_other_with_its_share_of_the_files(tmp_path: Path) -> None:
    for name in ("wifi_1.csv", "wifi_2.csv", "wifi_3.csv", "mine_1.csv"):
        write(tmp_path, name, GOOD)
    bank = load_bank(tmp_path)
    assert bank.access_count.tolist() == [3, 1]
    assert bank.access_until.tolist() == pytest.approx([0.75, 1.0])


def test_the_index_tells_the_kind_of_a_file(tmp_path: Path) -> None:
    write(tmp_path, "tram.csv", GOOD)
    write(tmp_path, "index.csv", "name,file,kind\ntram,tram.csv,3g\n")
    assert access_names(NetworkConfig(traces=str(tmp_path))) == ("3g",)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, "wifi_a.csv", GOOD)
    first = load_bank(tmp_path)
    assert load_bank(tmp_path) is first
    write(tmp_path, "wifi_a.csv", GOOD + "3,4000\n")
    assert load_bank(tmp_path).length.tolist() == [4]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"network\.traces: there is no folder .*nowhere\. Give a folder"):
        load_bank(tmp_path / "nowhere")


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"wifi_a\.csv is a file\. Give the folder"):
        load_bank(write(tmp_path, "wifi_a.csv", GOOD))


def test_a_folder_without_traces_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "index.csv", "name,file,kind\n")
    with pytest.raises(TraceError, match=r"no \.csv file in .* header time_s,bandwidth_kbps"):
        load_bank(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"wifi_a\.csv:1: the file is empty\. Expected header time_s,bandwidth_kbps"),
        ("time,kbps\n0,1\n1,2\n", r'wifi_a\.csv:1: header is "time,kbps"\. Expected time_s,bandwidth_kbps'),
        ("time_s,bandwidth_kbps\n0,1\n", r"wifi_a\.csv: has 1 row\(s\)\. A trace needs at least 2 seconds"),
        ("time_s,bandwidth_kbps\n", r"wifi_a\.csv: has 0 row\(s\)"),
        (
            "time_s,bandwidth_kbps\n0,5\n1,fast\n",
            r"wifi_a\.csv:3: bandwidth_kbps is 'fast'\. Expected a number",
        ),
        ("time_s,bandwidth_kbps\nx,5\n1,6\n", r"wifi_a\.csv:2: time_s is 'x'\. Expected a number"),
        ("time_s,bandwidth_kbps\n0,5\n1,-6\n", r"wifi_a\.csv:3: bandwidth_kbps is -6\. Expected a finite"),
        ("time_s,bandwidth_kbps\n0,5\n1,nan\n", r"wifi_a\.csv:3: bandwidth_kbps is nan\. Expected a finite"),
        ("time_s,bandwidth_kbps\n0,inf\n1,5\n", r"wifi_a\.csv:2: bandwidth_kbps is inf\. Expected a finite"),
        ("time_s,bandwidth_kbps\n1,5\n0,6\n", r"wifi_a\.csv:2: time_s is 1, expected 0\. Rows are whole sec"),
        ("time_s,bandwidth_kbps\n0,5\n2,6\n", r"wifi_a\.csv:3: time_s is 2, expected 1\..* no gap"),
        ("time_s,bandwidth_kbps\n0,5\n1\n", r"wifi_a\.csv:3: has 1 column\(s\)\. Expected time_s,bandwidth"),
        ("time_s,bandwidth_kbps\n0,0\n1,0\n", r"wifi_a\.csv: bandwidth is 0 in every row"),
    ],
)
def test_a_bad_trace_is_refused_by_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "4g_good.csv", GOOD)
    write(tmp_path, "wifi_a.csv", text)
    with pytest.raises(TraceError, match=message):
        load_bank(tmp_path)


def test_a_trace_of_bytes_that_are_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wifi_a.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TraceError, match=r"wifi_a\.csv: cannot be read as text"):
        load_bank(tmp_path)


def test_synthetic_lines_have_the_configured_mean_spread_and_correlation() -> None:
    line = AccessLine(name="x", mean_kbps=5000, log_sd=0.5, lag1=0.8, outages_per_h=0, rtt_ms=10, loss=1e-7)
    bank = synthetic_bank(NetworkConfig(access=(line,), synthetic_traces=50, synthetic_length_s=3600))
    log_rate = np.log(bank.kbps.reshape(50, 3600).astype(float))
    assert bank.kbps.mean(dtype=float) == pytest.approx(5000, rel=0.03)
    assert log_rate.std() == pytest.approx(0.5, rel=0.03)
    centred = log_rate - log_rate.mean()
    assert (centred[:, 1:] * centred[:, :-1]).mean() / centred.var() == pytest.approx(0.8, abs=0.02)


def test_outages_take_their_share_of_a_synthetic_line() -> None:
    line = AccessLine(name="x", mean_kbps=5000, log_sd=0.0, outages_per_h=30, outage_s=4)
    bank = synthetic_bank(NetworkConfig(access=(line,), synthetic_traces=100, synthetic_length_s=3600))
    share = (bank.kbps < 300).mean()
    assert share == pytest.approx(30 * 4 / 3600, rel=0.1)  # a little less: outages do not overlap


def test_loss_caps_a_synthetic_line() -> None:
    # 1460 bytes / 50 ms = 233.6 kbit/s, times sqrt(3 / (2 * 0.015)) = 10
    assert loss_cap_kbps(0.05, 0.015) == pytest.approx(2336.0)
    line = AccessLine(name="x", mean_kbps=50_000, rtt_ms=50, loss=0.015)
    assert synthetic_bank(NetworkConfig(access=(line,))).kbps.max() == pytest.approx(2336.0)


def test_all_rooms_of_a_process_share_one_bank() -> None:
    assert bank_for(NetworkConfig()) is bank_for(NetworkConfig(kappa=1.0))


def test_another_access_type_leaves_the_lines_of_the_others_unchanged() -> None:
    one, two = AccessLine(name="one"), AccessLine(name="two")
    alone = synthetic_bank(NetworkConfig(access=(two,)))
    both = synthetic_bank(NetworkConfig(access=(one, two)))
    assert np.array_equal(alone.kbps, both.kbps[len(alone.kbps) :])
