"""What a spectator may see of one room: the plain data that text and dashboard rendering need.

`Rooms.status(row)` fills a RoomStatus; nothing in it feeds a policy. Hidden state (host energy, patience,
taste) stays out on purpose: a rendered room shows what a platform could show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from livesim.network.diagnostics import LinkLoad


@dataclass(frozen=True)
class History:
    """The episode so far, one entry per decision, oldest first; n = 0 right after reset.

    Every array is (n,). `reward_terms` is term -> cumulated realised credits, unweighted. `item`, `ad`,
    `interaction` are the indices of what was on during that decision, -1 for nothing; an item shown for part
    of a decision counts if it was on when the decision ended.
    """

    time_s: np.ndarray  # at the end of the decision
    viewers: np.ndarray  # concurrent, at the end of the decision
    stall_share: np.ndarray  # stalled share of presence, start-up included, in the decision, 0..1
    bitrate_mbps: np.ndarray  # mean over the viewers
    chat_per_min: np.ndarray  # messages per minute in the decision
    reward_terms: dict[str, np.ndarray]
    item: np.ndarray  # int, index into RoomStatus.item_names
    ad: np.ndarray  # int, index into RoomStatus.format_names
    interaction: np.ndarray  # int, index into RoomStatus.kind_names

    def __len__(self) -> int:
        return len(self.time_s)


@dataclass(frozen=True)
class RoomStatus:
    """One room at one moment, for people. Times in seconds, money in credits, bitrate in Mbit/s."""

    scenario: str
    time_s: float
    duration_s: float
    viewers: int
    stall_share: float  # of the last decision
    bitrate_mbps: float
    live_latency_s: float
    chat_per_min: float
    item: str | None  # name of what is shown
    item_dwell_s: float  # shown for so long
    item_left_s: float  # until its scheduled end
    ad: str | None  # name of the break or overlay on screen
    ad_left_s: float
    interaction: str | None  # name of the open interaction
    interaction_left_s: float
    last_actions: dict[str, int]  # head -> the choice applied last, 0 = keep / none
    history: History
    item_names: tuple[str, ...]
    format_names: tuple[str, ...]
    kind_names: tuple[str, ...]
    choice_names: dict[str, tuple[str, ...]]  # head -> names of the choices 1, 2, ...
    operations: str  # how the levers stand, in words
    troubles: tuple[str, ...]  # what is wrong with the network now, in words
    recent: tuple[str, ...] = field(default=())  # newest last, like "0:42:10 gift of 500 credits"
    edges: tuple[LinkLoad, ...] = field(default=())  # in the last tick
