"""What to show next: the rules of a programme editor.

All see only analytics. The boredom estimate mirrors what an editor knows from experience: attention to an
item wears off over some minutes on screen and comes back over tens of minutes off screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.parameters import parameter, subset
from agents.policy import Fields, HeuristicPolicy, best_allowed, choose_allowed, registered
from livesim.content.config import ITEMS

NEVER_MIN = 120.0  # item_minutes_since_shown of an item that was not shown yet


class DwellPolicy(HeuristicPolicy):
    """Base of rules that keep an item on for a while: keep, hold past its natural end, or change."""

    def current(self, fields: Fields) -> np.ndarray:
        """Return (n,) the item on screen, -1 before the first."""
        item = fields["item"]
        return np.where(item.max(axis=1) > 0.5, item.argmax(axis=1), -1)

    def is_ending(self, fields: Fields) -> np.ndarray:
        """Return (n,) whether the item ends before the next decision; then the rundown would choose."""
        return fields["item_remaining_min"] <= self.decision_min + 1e-3

    def is_due(self, fields: Fields, dwell_min: float) -> np.ndarray:
        """Return (n,) whether the item has had its time: its dwell is over, or it ends by itself."""
        return (fields["dwell_min"] >= dwell_min - 1e-3) | self.is_ending(fields)

    def keep(self, fields: Fields) -> np.ndarray:
        """Return (n,) actions that keep the current item on: hold it if it is about to end, else nothing."""
        hold = choose_allowed(self.mask(fields), self.current(fields) + 1)
        return np.where(self.is_ending(fields), hold, 0)

    def in_turn(self, fields: Fields, places: Sequence[int], dwell_min: float) -> np.ndarray:
        """Return (n,) actions that show the items at some places of the catalogue, from 1 on, each when it has rested.

        The one that was off screen the longest is next, in the order of the catalogue among those not shown yet: items
        come in turn, and go on so after whatever else was shown. A place that is named n times comes n times as often:
        the time since it was last brought on counts n times. One place alone is brought on and kept on. Nothing where
        the catalogue is shorter than all of them.
        """
        count = fields["item"].shape[1]
        named = np.array([place - 1 for place in places if place <= count], dtype=np.int64)
        listed, times = np.unique(named, return_counts=True)
        current = self.current(fields)
        if not len(listed):
            return np.zeros(len(current), dtype=np.int64)
        until_next = (listed - current[:, None] - 1) % count  # places from the current item on
        rested = (fields["item_minutes_since_shown"][:, listed] + dwell_min) * times - 1e-6 * until_next
        following = listed[rested.argmax(axis=1)]
        change = choose_allowed(self.mask(fields), following + 1)
        due = self.is_due(fields, dwell_min) | ~np.isin(current, listed)
        return np.where(due & (following != current), change, self.keep(fields))

    def switch(self, fields: Fields, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the best allowed item other than the current one as (n,) actions, and its score."""
        others = score.astype(np.float64).copy()
        current = self.current(fields)
        rows = np.flatnonzero(current >= 0)
        others[rows, current[rows]] = -np.inf
        return best_allowed(self.mask(fields), others)


@dataclass(frozen=True)
class FixedDwell:
    """A programme by the clock."""

    dwell_min: float = parameter(8.0, 2.0, 20.0, "min", "length of one slot of the programme")


@registered("recommend", "fixed_schedule")
class FixedSchedule(DwellPolicy):
    """Slot s of the session shows item s mod K, in catalogue order; slots have equal length."""

    Parameters = FixedDwell

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        count = fields["item"].shape[1]
        # A change takes effect with the next decision interval, so the slot is looked up at its middle.
        slot = np.floor((fields["elapsed_min"] + self.decision_min / 2) / self.params.dwell_min).astype(int)
        wanted = slot % count
        keep = self.keep(fields)
        change = choose_allowed(self.mask(fields), wanted + 1)
        return np.where(wanted == self.current(fields), keep, change)


@dataclass(frozen=True)
class ProgrammeParameters:
    """What is worth showing in a kind of room, as found on training luck."""

    places: tuple[int, ...] = subset(
        ITEMS, "places in the catalogue of the items that are shown, in turn; one named twice comes twice as often", 4
    )
    dwell_min: float = parameter(8.0, 2.0, 30.0, "min", "time on screen of one item")


@registered("recommend", "programme")
class Programme(DwellPolicy):
    """Show some items of the catalogue in turn and leave out the others: knows the kind of room, not who is in it."""

    Parameters = ProgrammeParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        return self.in_turn(fields, self.params.places, self.params.dwell_min)


@registered("recommend", "round_robin")
class RoundRobin(DwellPolicy):
    """After a fixed dwell, show the item that was off screen the longest."""

    Parameters = FixedDwell

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        change, _ = self.switch(fields, fields["item_minutes_since_shown"])
        return np.where(self.is_due(fields, self.params.dwell_min) & (change > 0), change, 0)


@dataclass(frozen=True)
class MostClickedParameters:
    """When to move on, and how long an item rests."""

    dwell_min: float = parameter(6.0, 2.0, 20.0, "min", "time on screen of one item")
    rest_min: float = parameter(15.0, 0.0, 60.0, "min", "time before an item may come back")


@registered("recommend", "most_clicked")
class MostClicked(DwellPolicy):
    """After a fixed dwell, show the most clicked item that has rested; items never shown come first.

    Without clicks (a room without products) this is a round robin, because ties go to the longest unseen.
    """

    Parameters = MostClickedParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        since, clicks = fields["item_minutes_since_shown"], fields["item_ctr"]
        unseen = since >= NEVER_MIN - 1e-3
        score = np.where(unseen, clicks.max(axis=1, keepdims=True) + 1.0, clicks) + 1e-6 * since
        rested = since >= self.params.rest_min
        # If nothing has rested, the longest unseen item is the least bad.
        score = np.where(rested.any(axis=1, keepdims=True), np.where(rested, score, -np.inf), since)
        change, _ = self.switch(fields, score)
        return np.where(self.is_due(fields, self.params.dwell_min) & (change > 0), change, 0)


@dataclass(frozen=True)
class EstimatedMatchParameters:
    """Weights of match against boredom, and the inertia of a change."""

    boredom_weight: float = parameter(1.2, 0.0, 4.0, "match per boredom", "match an item loses when all are bored")
    wear_min: float = parameter(7.0, 3.0, 60.0, "min", "time on screen that wears an item to a third")
    margin: float = parameter(0.3, 0.0, 1.5, "match", "advantage that is worth a change of item")
    min_dwell_min: float = parameter(3.0, 1.0, 10.0, "min", "shortest time on screen")
    click_weight: float = parameter(0.3, 0.0, 4.0, "match", "worth of an item clicked twice as often as the average")
    product_weight: float = parameter(0.0, -1.0, 4.0, "match", "worth of showing a product, for the sale it may make")


@registered("recommend", "estimated_match")
class EstimatedMatch(DwellPolicy):
    """Show the item with the best estimated match, less boredom, more clicks; change only for a clear
    advantage.

    The match estimate is noisy while the platform knows few viewers, so it counts in proportion to elapsed /
    (elapsed + WARMUP_MIN); until then boredom, which is known from the clock, does most of the choosing.
    """

    Parameters = EstimatedMatchParameters
    WARMUP_MIN = 6.0
    RECOVERY_MIN = 40.0  # a rule of thumb: attention is back within the hour

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        score = self.scores(fields)
        current = self.current(fields)
        rows = np.arange(len(current))
        ending = self.is_ending(fields)
        change, top = self.switch(fields, score)
        now = np.where(current >= 0, score[rows, current], -np.inf)
        # At the natural end of an item a change happens anyway and costs nothing extra.
        better = top > now + np.where(ending, 0.0, self.params.margin)
        due = (fields["dwell_min"] >= self.params.min_dwell_min - 1e-3) | ending
        return np.where(due & better & (change > 0), change, self.keep(fields))

    def scores(self, fields: Fields) -> np.ndarray:
        """Return (n, K) worth of showing each item now, in units of match."""
        p = self.params
        known = fields["elapsed_min"] / (fields["elapsed_min"] + self.WARMUP_MIN)
        clicks, product = fields["item_ctr"], fields["item_is_product"]
        usual = np.maximum(clicks.mean(axis=1, keepdims=True), 1e-6)
        popular = np.clip(np.log2((clicks + usual) / (2 * usual)), -1.0, 1.0)
        return (
            known[:, None] * (fields["item_match"] + p.click_weight * popular * product)
            - p.boredom_weight * self.boredom(fields)
            + p.product_weight * product * (fields["item_stock"] > 0)
        )

    def boredom(self, fields: Fields) -> np.ndarray:
        """Return (n, K) estimated boredom in [0, 1): worn by minutes on screen, recovering off screen."""
        worn = 1.0 - np.exp(-fields["item_minutes_shown"] / self.params.wear_min)
        off_screen = np.where(fields["item"] > 0.5, 0.0, fields["item_minutes_since_shown"])
        return worn * np.exp(-off_screen / self.RECOVERY_MIN)
