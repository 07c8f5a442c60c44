"""What a folder of traces is like: numbers of each access type, and everything that is wrong with its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from livesim.errors import TraceError
from livesim.network.config import AccessLine
from livesim.network.trace_folder import Choice, Problem, access_of, groups_of, index_problems, kinds_of, read_trace

OUTAGE_BELOW_KBPS = 50.0  # a second under this carries no video: a sixth of the lowest usual rung


class Summary(NamedTuple):
    """The traces of one access type; rates in kbit/s over all its seconds."""

    access: str
    kinds: tuple[str, ...]
    files: int
    seconds: int
    mean_kbps: float
    p10_kbps: float
    lag1: float  # autocorrelation of the rate at 1 s, mean over the files
    outages_per_h: float  # runs of seconds below 50 kbit/s
    outage_share: float  # of the seconds
    viewer_share: float  # of the room, 0..1


class Report(NamedTuple):
    """A checked folder."""

    types: list[Summary]
    problems: list[Problem]


def check_folder(choice: Choice, access: tuple[AccessLine, ...]) -> Report:
    """Read every file of a folder; raises TraceError where there is none to read.

    A file that is bad is a problem, all of them are listed, and the numbers are those of the others. Where nothing is
    bad, the choice must leave every access type a trace, as in a room.
    """
    kinds, problems = _kinds(choice)
    traces: dict[str, list[np.ndarray]] = {}
    named: dict[str, set[str]] = {}
    for path, kind in kinds.items():
        try:
            trace = read_trace(path)
        except TraceError as error:
            problems.append(Problem(path.name, str(error).removeprefix(str(path))))
            continue
        if not choice.kinds or kind in choice.kinds:
            owner = access_of(kind, access)
            traces.setdefault(owner, []).append(trace)
            named.setdefault(owner, set()).add(kind)
    if problems:
        return Report([_summary(name, named[name], members, 0.0) for name, members in traces.items()], problems)
    groups = groups_of(choice, access)
    whole = sum(line.share for line, _ in groups)
    types = [
        _summary(line.name, named[line.name], [read_trace(path) for path in files], line.share / whole)
        for line, files in groups
    ]
    return Report(types, [])


def _kinds(choice: Choice) -> tuple[dict, list[Problem]]:
    problems = list(index_problems(choice.folder))
    try:
        return kinds_of(choice.folder), problems
    except TraceError:
        if not problems:  # no folder, or no trace in it
            raise
        return {}, problems


def _summary(access: str, kinds: set[str], traces: Sequence[np.ndarray], share: float) -> Summary:
    every = np.concatenate(traces).astype(float)
    is_out = [trace < OUTAGE_BELOW_KBPS for trace in traces]
    outages = sum(int(out[0]) + int(np.count_nonzero(out[1:] & ~out[:-1])) for out in is_out)
    return Summary(
        access=access,
        kinds=tuple(sorted(kinds)),
        files=len(traces),
        seconds=len(every),
        mean_kbps=float(every.mean()),
        p10_kbps=float(np.quantile(every, 0.1)),
        lag1=float(np.mean([lag1(trace) for trace in traces])),
        outages_per_h=3600.0 * outages / len(every),
        outage_share=float(np.concatenate(is_out).mean()),
        viewer_share=share,
    )


def lag1(rate: np.ndarray) -> float:
    """Return the autocorrelation of a rate with itself a second later; 1 for a rate that never changes."""
    centred = rate.astype(float) - rate.mean(dtype=float)
    variance = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / variance if variance > 0.0 else 1.0
