"""The register of measures: a name in `facts.yaml` and the function that computes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.facts.pooling import Pooled, ratio
from experiments.facts.sessions import Session
from experiments.facts.world import World

Measure = Callable[[World], Pooled]
MEASURES: dict[str, Measure] = {}


def measures(name: str) -> Callable[[Measure], Measure]:
    """Return a decorator that registers a measure under its name."""

    def register(function: Measure) -> Measure:
        assert name not in MEASURES, f"two measures are called {name}"
        MEASURES[name] = function
        return function

    return register


def totals(sessions: list[Session], column: str) -> np.ndarray:
    """Return the total of one ledger column per session, (S,)."""
    return np.array([session.total(column) for session in sessions])


def ledger_ratio(sessions: list[Session], top: str, bottom: str, scale: float = 1.0) -> Pooled:
    """Return the ratio of two ledger columns."""
    return ratio(totals(sessions, top), totals(sessions, bottom), scale)


def binned(session: Session, column: str, bin_s: float) -> np.ndarray:
    """Return sums of one ledger column over bins of `bin_s`, a multiple of the decision; an unfinished one is cut."""
    per_bin = round(bin_s / session.decision_s)
    values = session.column(column)
    whole = len(values) // per_bin * per_bin
    return values[:whole].reshape(-1, per_bin).sum(axis=1)


def fano(counts: np.ndarray) -> float:
    """Return variance over mean of counts; NaN where nothing was counted."""
    return float(counts.var() / counts.mean()) if counts.sum() > 0 else float("nan")


def kind_index(world: World, name: str) -> int:
    """Return the number of an interaction kind of the scenario."""
    return [kind.name for kind in world.scenario.interactions.kinds].index(name)


def matched(first: Session, second: Session) -> tuple[np.ndarray, np.ndarray]:
    """Return where the viewers who entered both sessions stand in the stays of each: two index arrays."""
    _, a, b = np.intersect1d(first.stays.viewer_id, second.stays.viewer_id, assume_unique=True, return_indices=True)
    return a, b


def during(session: Session, kind: int, use: int | None = None) -> np.ndarray:
    """Return the decisions, (D,) bool, in which interaction `kind` was open; use: only its n-th run, from 0."""
    is_open = session.on[:, 2] == kind
    if use is None:
        return is_open
    begins = is_open & ~np.concatenate([[False], is_open[:-1]])
    return is_open & (np.cumsum(begins) == use + 1)


def inside(session: Session, kind: int, use: int | None = None) -> np.ndarray:
    """Return the decisions, (D,) bool, all through which interaction `kind` was open: `during` without its edges."""
    is_open = during(session, kind, use)
    edged = np.concatenate([[False], is_open, [False]])
    return is_open & edged[:-2] & edged[2:]


def lift_while(
    treated: list[Session], control: list[Session], kind: int, column: str, use: int | None = None
) -> Pooled:
    """Return what a ledger column collects while an interaction is open over the same decisions without it."""
    top, bottom = [], []
    for ours, theirs in zip(treated, control, strict=True):
        window = inside(ours, kind, use)
        top.append(ours.column(column)[window].sum())
        bottom.append(theirs.column(column)[window].sum())
    return ratio(top, bottom)
