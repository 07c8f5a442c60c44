"""How viewers react to the network, as published studies measured it: start-up, stalls, a crowded edge.

Each reaction is an experiment on rooms where nobody acts: the same seeds are played with and without the trouble, so
that the same viewers meet it or do not, and a seed is one replication.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.facts.world import NO_BOUNCERS, lines_with_outages
from experiments.statistics import Estimate, estimate, mean_over_all
from livesim import Rooms, load_scenario, rewards
from livesim.audience.state import FOLLOWER, ID_SPACE
from livesim.ledger import INDEX
from livesim.world import require_one_world

WIDE = 20.0  # kappa of edges that limit nobody
WAITS_S = (4.0, 5.0, 6.0, 7.0)  # mean waits; each viewer's lies within half and one and a half of it
OUTAGES = 2.0  # times the outages of the scenario
MONEY = ("gifts", "ads", "orders")

Overrides = Mapping[str, Any]


@dataclass(frozen=True)
class Reaction:
    """One measured reaction, and the band that published numbers leave for it."""

    what: str
    estimate: Estimate
    low: float
    high: float
    source: str

    @property
    def is_in_band(self) -> bool:
        """Whether the measured value lies in the band."""
        return self.low <= self.estimate.value <= self.high


def measure(
    name: str, seeds: Sequence[int], overrides: Overrides | None = None, progress: Callable[[float], None] | None = None
) -> list[Reaction]:
    """Return all reactions of a scenario; progress is called with 1 after each of the three experiments."""
    given = overrides or {}
    require_one_world(load_scenario(name, given), "reactions describe")
    found: list[Reaction] = []
    for experiment in (start_up, stalls, crowding):
        found += experiment(name, seeds, given)
        if progress is not None:
            progress(1)
    return found


def start_up(name: str, seeds: Sequence[int], overrides: Overrides) -> list[Reaction]:
    """Return what a second of start-up delay costs: percent of the entrants, beyond the free 2 s.

    Among viewers who would stay (nobody bounces): who leaves within seconds anyway has left before the wait is long.
    """
    gone = []
    for wait_s in WAITS_S:
        rooms = _played(
            name, seeds, {**overrides, **NO_BOUNCERS, "network.connect_s": wait_s, "network.connect_rtts": 0.0,
                          "network.kappa": WIDE}
        )  # fmt: skip
        total = _totals(rooms)
        gone.append(100.0 * total[:, INDEX["gave_up"]] / total[:, INDEX["entered"]])
    slopes = np.polyfit(WAITS_S, np.array(gone), 1)[0]
    source = "Krishnan and Sitaraman 2012: 5.8"
    return [Reaction("start-up: % gone per s beyond 2 s", _mean(slopes), 4.0, 8.0, source)]


def stalls(name: str, seeds: Sequence[int], overrides: Overrides) -> list[Reaction]:
    """Return what one per cent of stalled time costs: per cent of what the same viewers watch with no outage."""
    without = _by_viewer(name, seeds, {**overrides, **_outages(name, overrides, 0.0)})
    with_stalls = _by_viewer(name, seeds, {**overrides, **_outages(name, overrides, OUTAGES)})
    source = "Krishnan and Sitaraman 2012: 5"
    groups = {"": (3.0, 8.0, source), ", followers": (1.5, 8.0, "Ma et al. 2017: half"), ", others": (3.0, 8.0, source)}
    found = []
    for group, (low, high, said) in groups.items():
        costs = [_stall_cost(a, b, group) for a, b in zip(without, with_stalls, strict=True)]
        found.append(Reaction(f"1 % stalled: % watched less{group}", _mean(np.array(costs)), low, high, said))
    return found


def crowding(name: str, seeds: Sequence[int], overrides: Overrides) -> list[Reaction]:
    """Return how many per cent less is watched and earned with edges for 0.7 of the planned demand than for 2."""
    watched, earned = [], []
    for kappa in (2.0, 0.7):
        rooms = _played(name, seeds, {**overrides, "network.kappa": kappa})
        total = _totals(rooms)
        watched.append(total[:, INDEX["watch_s"]] + total[:, INDEX["watch_ad_s"]])
        prices = rewards.prices(rooms.scenario)[None, :]
        terms = rewards.term_values(total, prices, "expected")
        earned.append(terms[:, [rewards.TERMS.index(term) for term in MONEY]].sum(axis=1))
    return [
        Reaction(f"kappa 0.7, not 2: % {what} less", _relative_loss(wide, tight), 0.0, 100.0, "expected sign")
        for what, (wide, tight) in (("watched", watched), ("earned", earned))
    ]


def table(found: Sequence[Reaction]) -> str:
    """Return the reactions as a Markdown table."""
    lines = ["| reaction | measured [95 %] | band | source |", "|---|---|---|---|"]
    for one in found:
        band = f"{one.low:g} to {one.high:g}" + ("" if one.is_in_band else ": OUT")
        lines.append(f"| {one.what} | {one.estimate.text(2)} | {band} | {one.source} |")
    return "\n".join(lines)


def as_data(found: Sequence[Reaction]) -> list[dict[str, Any]]:
    """Return plain data for JSON."""
    return [
        {"reaction": one.what, "value": one.estimate.value, "interval": [one.estimate.low, one.estimate.high],
         "band": [one.low, one.high], "in_band": one.is_in_band}
        for one in found
    ]  # fmt: skip


def _rooms(name: str, seeds: Sequence[int], overrides: Overrides) -> Rooms:
    rooms = Rooms(load_scenario(name, overrides), len(seeds))
    rooms.reset(list(seeds))
    return rooms


def _step(rooms: Rooms) -> None:
    rooms.apply(np.zeros((rooms.num_rooms, len(rooms.heads)), np.int64))
    rooms.advance()


def _played(name: str, seeds: Sequence[int], overrides: Overrides) -> Rooms:
    rooms = _rooms(name, seeds, overrides)
    while not rooms.ended.all():
        _step(rooms)
    return rooms


def _totals(rooms: Rooms) -> np.ndarray:
    return rooms.state.ledger.history.sum(axis=1)


def _outages(name: str, overrides: Overrides, times: float) -> dict[str, Any]:
    """Return the overrides that multiply the outages of every synthetic line, edges limiting nobody."""
    lines = lines_with_outages(load_scenario(name, overrides), times)
    return {"network.access": lines, "network.kappa": WIDE}


def _by_viewer(name: str, seeds: Sequence[int], overrides: Overrides) -> list[tuple[np.ndarray, ...]]:
    """Return (viewer ids, seconds played, seconds stalled) of each room; only ticks that a viewer outstays count."""
    tick_s = load_scenario(name, overrides).session.tick_s
    rooms = _rooms(name, seeds, {**overrides, "session.decision_s": tick_s})
    seen: list[tuple[np.ndarray, ...]] = []
    while not rooms.ended.all():
        _step(rooms)
        net = rooms.state.network
        row, slot = np.nonzero(rooms.state.alive)
        ids = rooms.state.viewers.view(np.ndarray)["viewer_id"][row, slot].astype(np.int64)
        seen.append((row, ids, net.played_s[row, slot], net.stall_s[row, slot]))
    row, ids, played, stalled = (np.concatenate(column) for column in zip(*seen, strict=True))
    rows = []
    for r in range(rooms.num_rooms):
        mine = row == r
        viewers, at = np.unique(ids[mine], return_inverse=True)
        sums = (np.bincount(at, column[mine].astype(float)) for column in (played, stalled))
        rows.append((viewers, *sums))
    return rows


def _stall_cost(without: tuple[np.ndarray, ...], with_stalls: tuple[np.ndarray, ...], group: str) -> float:
    """Return the share of watch time lost over the stalled share gained, of the viewers who are in both."""
    both, a, b = np.intersect1d(without[0], with_stalls[0], return_indices=True)
    follows = (both >> ID_SPACE) == FOLLOWER
    chosen = {"": slice(None), ", followers": follows, ", others": ~follows}[group]
    (played, stalled), (played_less, stalled_more) = (
        (rows[1][at][chosen].sum(), rows[2][at][chosen].sum()) for rows, at in ((without, a), (with_stalls, b))
    )
    gained = stalled_more / (played_less + stalled_more) - stalled / (played + stalled)
    return float((1.0 - played_less / played) / gained)


def _mean(values: np.ndarray) -> Estimate:
    return estimate([values[None, :]], mean_over_all)


def _relative_loss(before: np.ndarray, after: np.ndarray) -> Estimate:
    """Return by how many per cent the mean fell, on the same luck.  before, after: (N,)."""
    return estimate([before[None, :], after[None, :]], lambda a, b: 100.0 * (1.0 - mean_over_all(b) / mean_over_all(a)))
