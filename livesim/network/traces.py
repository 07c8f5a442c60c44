"""Bandwidth over time: synthetic lines or a folder of measured traces, as one flat bank for the kernels."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from livesim.errors import TraceError
from livesim.network.config import AccessLine, NetworkConfig

HEADER = ["time_s", "bandwidth_kbps"]
MSS_KBIT = 1460 * 8 / 1000
OUTAGE_KBPS = 35.0  # mean rate inside 4G outages of the public traces
_SYNTHETIC_SEED = 20_240_501  # fixed: every room meets the same lines, viewers choose by their own dice


class TraceBank(NamedTuple):
    """T traces of one second per cell, grouped by A access types."""

    kbps: np.ndarray  # (sum of lengths,) float32, one after the other
    start: np.ndarray  # (T,) int64: first cell
    length: np.ndarray  # (T,) int64
    mean_kbps: np.ndarray  # (T,) float64
    access: np.ndarray  # (T,) int64: access type of each trace, rising
    access_first: np.ndarray  # (A,) int64: first trace of each type
    access_count: np.ndarray  # (A,) int64
    access_until: np.ndarray  # (A,) float64: cumulative share of viewers, last = 1
    access_log_sd: np.ndarray  # (A,) float64: spread of the gain between viewers
    access_rtt_s: np.ndarray  # (A,) float64: median round trip time
    rtt_log_sd: np.ndarray  # (1,) float64


def bank_for(config: NetworkConfig) -> TraceBank:
    """Return the bank a scenario asks for. Cached in this process, so that many rooms share one copy."""
    if config.traces is None:
        return _cached_synthetic(config.access, config.synthetic_traces, config.synthetic_length_s, config.rtt_log_sd)
    folder = Path(config.traces).expanduser()
    stamp = _stamp(folder)
    return _cached_folder(str(folder), stamp, config.access, config.measured_log_sd, config.rtt_log_sd)


def access_names(config: NetworkConfig) -> tuple[str, ...]:
    """Return the name of each access type index of `bank_for(config)`."""
    if config.traces is None:
        return tuple(line.name for line in config.access)
    return tuple(line.name for line, _ in _groups(Path(config.traces).expanduser(), config.access))


def synthetic_bank(config: NetworkConfig) -> TraceBank:
    """Return exp(AR(1)) lines of every access type, the same in every process and for every room seed."""
    return bank_for(config.model_copy(update={"traces": None}))


def load_bank(folder: str | Path, config: NetworkConfig | None = None) -> TraceBank:
    """Return the measured traces of a folder; raises TraceError naming file and line.

    The access kind of a file is its `kind` in the folder's index.csv, else its name before the first
    underscore. A kind serves the access type of the scenario's mix that has its name or lists it; types
    without a trace give their share to the others. Files of a kind that no type claims form a type "other",
    whose share is its share of the files.
    """
    return bank_for((config or NetworkConfig()).model_copy(update={"traces": str(folder)}))


@lru_cache(maxsize=16)
def _cached_synthetic(access: tuple[AccessLine, ...], count: int, length_s: int, rtt_log_sd: float) -> TraceBank:
    lines = []
    for line in access:
        # seeded by name, so that adding an access type leaves the lines of the others as they were
        seed = np.random.SeedSequence([_SYNTHETIC_SEED, *line.name.encode()])
        lines.append((line, line.viewer_log_sd, _synthetic_lines(line, count, length_s, seed)))
    return _bank(lines, rtt_log_sd)


def _synthetic_lines(line: AccessLine, count: int, length_s: int, seed: np.random.SeedSequence) -> list[np.ndarray]:
    """Return `count` lines in kbit/s: log rate = AR(1), mean as configured, capped by loss, outages cut out.

    Source of the cap: Mathis et al., "The macroscopic behavior of the TCP congestion avoidance algorithm",
    Computer Communication Review 27(3), 1997.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    noise = rng.standard_normal((count, length_s))
    toss = rng.random((count, length_s))
    log_rate = np.empty_like(noise)
    is_out = np.zeros((count, length_s), bool)
    log_rate[:, 0] = noise[:, 0]
    fresh = math.sqrt(1.0 - line.lag1**2)
    for second in range(1, length_s):
        log_rate[:, second] = line.lag1 * log_rate[:, second - 1] + fresh * noise[:, second]
        stays_out = is_out[:, second - 1] & (toss[:, second] < 1.0 - 1.0 / line.outage_s)
        starts = ~is_out[:, second - 1] & (toss[:, second] < line.outages_per_h / 3600)
        is_out[:, second] = stays_out | starts
    rate = line.mean_kbps * np.exp(line.log_sd * log_rate - 0.5 * line.log_sd**2)
    rate = np.minimum(rate, loss_cap_kbps(line.rtt_ms / 1000, line.loss))
    return list(np.where(is_out, np.minimum(rate, OUTAGE_KBPS), rate).astype(np.float32))


def loss_cap_kbps(rtt_s: float, loss: float) -> float:
    """Return the rate that random loss leaves to one TCP connection: MSS / rtt * sqrt(3 / (2 loss))."""
    return MSS_KBIT / rtt_s * math.sqrt(1.5 / loss)


@lru_cache(maxsize=16)
def _cached_folder(
    folder: str,
    stamp: tuple[tuple[str, int, int], ...],
    access: tuple[AccessLine, ...],
    log_sd: float,
    rtt_log_sd: float,
) -> TraceBank:
    del stamp  # part of the key only: a changed folder is read again
    groups = _groups(Path(folder), access)
    return _bank([(line, log_sd, [read_trace(path) for path in paths]) for line, paths in groups], rtt_log_sd)


def _bank(groups: Sequence[tuple[AccessLine, float, list[np.ndarray]]], rtt_log_sd: float) -> TraceBank:
    traces = [trace for _, _, members in groups for trace in members]
    length = np.array([len(trace) for trace in traces], np.int64)
    count = np.array([len(members) for _, _, members in groups], np.int64)
    share = np.array([line.share for line, _, _ in groups])
    until = np.cumsum(share / share.sum())
    until[-1] = 1.0
    return TraceBank(
        kbps=np.concatenate(traces).astype(np.float32),
        start=np.cumsum(length) - length,
        length=length,
        mean_kbps=np.array([trace.mean(dtype=np.float64) for trace in traces]),
        access=np.repeat(np.arange(len(groups)), count),
        access_first=np.cumsum(count) - count,
        access_count=count,
        access_until=until,
        access_log_sd=np.array([log_sd for _, log_sd, _ in groups], float),
        access_rtt_s=np.array([line.rtt_ms / 1000 for line, _, _ in groups]),
        rtt_log_sd=np.array([rtt_log_sd]),
    )


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return something that changes when a file of the folder does; TraceError where there is no folder."""
    files = _trace_files(folder)
    index = folder / "index.csv"
    if index.exists():
        files = [*files, index]
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def _trace_files(folder: Path) -> list[Path]:
    if not folder.exists():
        raise TraceError(f"network.traces: there is no folder {folder}. Give a folder of CSV files, or null")
    if not folder.is_dir():
        raise TraceError(f"network.traces: {folder} is a file. Give the folder it lies in, or null")
    files = sorted(path for path in folder.glob("*.csv") if path.name != "index.csv")
    if not files:
        header = ",".join(HEADER)
        raise TraceError(f"network.traces: no .csv file in {folder}. Expected files with header {header}")
    return files


def _groups(folder: Path, access: tuple[AccessLine, ...]) -> list[tuple[AccessLine, list[Path]]]:
    """Return the access types that have traces, with their files."""
    files = _trace_files(folder)
    kinds = _index_kinds(folder)
    members: dict[str, list[Path]] = {}
    for path in files:
        kind = kinds.get(path.name, path.stem.split("_")[0])
        owner = next((line.name for line in access if kind == line.name or kind in line.kinds), "other")
        members.setdefault(owner, []).append(path)
    groups = [(line, members[line.name]) for line in access if line.name in members]
    strangers = members.get("other", [])
    if strangers and "other" not in {line.name for line in access}:
        part = len(strangers) / len(files)
        known = sum(line.share for line, _ in groups)
        share = known * part / (1.0 - part) if groups else 1.0
        groups.append((AccessLine(name="other", share=min(max(share, 1e-6), 1.0)), strangers))
    return groups


def _index_kinds(folder: Path) -> dict[str, str]:
    """Return file name -> access kind of index.csv; empty where there is none or it has no such columns."""
    path = folder / "index.csv"
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    return {row["file"]: row["kind"] for row in rows if row.get("file") and row.get("kind")}


def read_trace(path: Path) -> np.ndarray:
    """Return (T,) float32 kbit/s of one CSV; raises TraceError naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{path}: cannot be read as text ({error})") from error
    if not any(line.strip() for line in lines):
        raise TraceError(f"{path}:1: the file is empty. Expected header {','.join(HEADER)}")
    if [name.strip() for name in lines[0].split(",")] != HEADER:
        raise TraceError(f"{path}:1: header is {json.dumps(lines[0])}. Expected {','.join(HEADER)}")
    rates: list[float] = []
    for at, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        rates.append(_read_row(path, at, line, len(rates)))
    if len(rates) < 2:
        raise TraceError(f"{path}: has {len(rates)} row(s). A trace needs at least 2 seconds")
    if not any(rates):
        raise TraceError(f"{path}: bandwidth is 0 in every row. A trace needs one second above 0")
    return np.array(rates, np.float32)


def _read_row(path: Path, at: int, line: str, second: int) -> float:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(HEADER):
        raise TraceError(f"{path}:{at}: has {len(cells)} column(s). Expected {','.join(HEADER)}")
    values = []
    for name, cell in zip(HEADER, cells, strict=True):
        try:
            values.append(float(cell))
        except ValueError as error:
            raise TraceError(f"{path}:{at}: {name} is {cell!r}. Expected a number") from error
    time_s, kbps = values
    if time_s != second:
        raise TraceError(f"{path}:{at}: time_s is {cells[0]}, expected {second}. Rows are whole seconds from 0, no gap")
    if not math.isfinite(kbps) or kbps < 0:
        raise TraceError(f"{path}:{at}: bandwidth_kbps is {cells[1]}. Expected a finite number, 0 or more")
    return kbps
