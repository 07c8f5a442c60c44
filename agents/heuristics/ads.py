"""When to sell attention: the rules of a channel's ad operations.

Breaks fall best at natural pauses, around a change of item, and pre-rolls stay away while mid-roll
credit lasts: three minutes of mid-roll an hour, the rule of the large platforms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.parameters import parameter
from agents.policy import Fields, HeuristicPolicy, choose_allowed, registered

PAUSE_MIN = 0.5  # viewers accept a break within half a minute of a change of item


class BreakPolicy(HeuristicPolicy):
    """Base of rules that place breaks: formats by name, natural pauses."""

    def format_action(self, *names: str) -> int:
        """Return the action of the first of these formats that the scenario has, 0 if it has none."""
        for name in names:
            position = self.index(self.layout.format_names, name)
            if position is not None:
                return position + 1
        return 0

    def is_pause(self, fields: Fields) -> np.ndarray:
        """Return (n,) whether the item just changed or is about to: a break interrupts nothing."""
        return np.minimum(fields["dwell_min"], fields["item_remaining_min"]) <= PAUSE_MIN + 1e-3

    def since_ad_min(self, fields: Fields) -> np.ndarray:
        """Return (n,) minutes without an ad; the start of the session counts as one."""
        return np.minimum(fields["minutes_since_ad"], fields["elapsed_min"])

    def play(self, fields: Fields, when: np.ndarray, action: int | np.ndarray) -> np.ndarray:
        """Return `action` where `when` holds and the mask allows it."""
        return np.where(when, choose_allowed(self.mask(fields), np.broadcast_to(action, when.shape)), 0)


@dataclass(frozen=True)
class FixedIntervalParameters:
    """A break by the clock."""

    interval_min: float = parameter(10.0, 2.0, 40.0, "min", "time between breaks")


@registered("ads", "fixed_interval")
class FixedInterval(BreakPolicy):
    """A 30 s mid-roll every so many minutes, whatever is going on."""

    Parameters = FixedIntervalParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        due = self.since_ad_min(fields) >= self.params.interval_min - 1e-3
        return self.play(fields, due, self.format_action("mid_roll_30", "mid_roll_60"))


@dataclass(frozen=True)
class CreditRuleParameters:
    """When pre-roll-free time is bought anew."""

    first_min: float = parameter(6.0, 0.0, 20.0, "min", "no break before: the audience is still arriving")
    pause_credit_min: float = parameter(5.0, 0.0, 15.0, "min", "at a natural pause, buy when less credit is left")
    last_credit_min: float = parameter(0.5, 0.0, 3.0, "min", "buy at any moment when less credit is left")


@registered("ads", "credit_rule")
class CreditRule(BreakPolicy):
    """Keep pre-rolls away with 30 s mid-rolls: at a natural pause when credit runs low, anyway before it runs
    out.

    Credit that would outlast the session is not bought.
    """

    Parameters = CreditRuleParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        return self.play(fields, self.is_due(fields), self.format_action("mid_roll_30", "mid_roll_60"))

    def is_due(self, fields: Fields) -> np.ndarray:
        """Return (n,) whether credit should be bought now."""
        p = self.params
        credit = fields["ad_credit_min"]
        due = (credit <= p.last_credit_min) | (self.is_pause(fields) & (credit <= p.pause_credit_min))
        return due & (fields["elapsed_min"] >= p.first_min) & (credit < fields["remaining_min"])


@dataclass(frozen=True)
class EngagementGatedParameters:
    """What makes a moment cheap to interrupt, and worth it."""

    calm: float = parameter(0.1, -1.0, 1.0, "ln ratio", "chat and gifts count as calm below this trend")
    load_cap_min: float = parameter(2.0, 0.5, 8.0, "min per 30 min", "no break beyond this ad load")
    price_floor: float = parameter(0.9, 0.3, 2.0, "of usual", "no break below this market price")
    long_price: float = parameter(1.5, 0.8, 4.0, "of usual", "above this price a 60 s break")
    gap_min: float = parameter(5.0, 1.0, 20.0, "min", "shortest time between breaks")
    overdue_min: float = parameter(15.0, 5.0, 60.0, "min", "after this the pause and calm conditions are waived")


@registered("ads", "engagement_gated")
class EngagementGated(BreakPolicy):
    """Break at a natural pause while chat and gifts are calm and the market pays, under a cap on ad load."""

    Parameters = EngagementGatedParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        p = self.params
        since, price = self.since_ad_min(fields), fields["market_price"]
        is_calm = (fields["chat_trend"] <= p.calm) & (fields["gift_trend"] <= p.calm)
        cheap_moment = (is_calm & self.is_pause(fields)) | (since >= p.overdue_min)
        is_long = price >= p.long_price
        minutes = np.where(is_long, 1.0, 0.5)
        has_room = fields["ad_load30_min"] + minutes <= p.load_cap_min + 1e-3
        go = cheap_moment & has_room & (price >= p.price_floor) & (since >= p.gap_min)
        short = self.format_action("mid_roll_30", "mid_roll_60")
        long = self.format_action("mid_roll_60", "mid_roll_30")
        return self.play(fields, go, np.where(is_long, long, short))
