"""Bandwidth over time: synthetic lines or a folder of measured traces, as one flat bank for the kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from livesim.network.config import AccessLine, NetworkConfig
from livesim.network.trace_folder import Choice, groups_of, read_trace, stamp_of

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
    choice = choice_of(config)
    return _cached_folder(choice, stamp_of(choice.folder), config.access, config.measured_log_sd, config.rtt_log_sd)


def choice_of(config: NetworkConfig) -> Choice:
    """Return which files of which folder a scenario with measured traces asks for."""
    return Choice(Path(config.traces or "").expanduser(), config.trace_kinds, config.trace_split)


def access_names(config: NetworkConfig) -> tuple[str, ...]:
    """Return the name of each access type index of `bank_for(config)`."""
    if config.traces is None:
        return tuple(line.name for line in config.access)
    return tuple(line.name for line, _ in groups_of(choice_of(config), config.access))


def synthetic_bank(config: NetworkConfig) -> TraceBank:
    """Return exp(AR(1)) lines of every access type, the same in every process and for every room seed."""
    return bank_for(config.model_copy(update={"traces": None}))


def load_bank(folder: str | Path, config: NetworkConfig | None = None) -> TraceBank:
    """Return the measured traces of a folder, chosen as `trace_folder.groups_of` says; raises TraceError."""
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
    choice: Choice,
    stamp: tuple[tuple[str, int, int], ...],
    access: tuple[AccessLine, ...],
    log_sd: float,
    rtt_log_sd: float,
) -> TraceBank:
    del stamp  # part of the key only: a changed folder is read again
    groups = groups_of(choice, access)
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
