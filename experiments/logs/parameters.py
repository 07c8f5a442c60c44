"""The numbers of a scenario that a log can say something about: on which scale, and what they move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from livesim.scenario import Scenario
from livesim.schema import Config

MOST_SPREAD = 1.2
"""Half an interval wider than this on its scale (a factor of 3.3 on a log) says too little to be written."""


@dataclass(frozen=True)
class Parameter:
    """One number. scale: on which estimates are compared and intervals are symmetric.

    block: the parameters that move each other's estimates; those of different blocks are moved together when
    sensitivities are measured.  step: how far it is moved then; 0: its estimate is proportional to it, nothing need
    be measured.
    """

    key: str
    scale: str  # "log", "logit", "same", "inverse" (1 / x) or "square"
    block: str
    step: float

    def to_scale(self, number: float) -> float:
        """Return a number of the scenario on the scale of its estimate."""
        x = float(number)
        if self.scale == "log":
            return float(np.log(max(x, 1e-9)))
        if self.scale == "logit":
            x = min(max(x, 1e-6), 1.0 - 1e-6)
            return float(np.log(x / (1.0 - x)))
        return {"same": x, "inverse": 1.0 / max(x, 1e-9), "square": x * x}[self.scale]

    def from_scale(self, value: float) -> float:
        """Return the number of the scenario for a value on the scale, within the bounds of the schema."""
        if self.scale == "log":
            x = float(np.exp(min(value, 50.0)))
        elif self.scale == "logit":
            x = float(expit(value))
        elif self.scale == "inverse":
            x = 1.0 / max(value, 1e-9)
        else:
            x = float(np.sqrt(max(value, 0.0))) if self.scale == "square" else float(value)
        low, high = self.bounds
        return min(max(x, low), high)

    def limits(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends of an interval on the scale as numbers of the scenario, the smaller first."""
        ends = self.from_scale(low), self.from_scale(high)
        return min(ends), max(ends)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The bounds of the schema."""
        section, _, name = self.key.partition(".")
        model = Scenario.model_fields[section].annotation
        assert isinstance(model, type)
        assert issubclass(model, Config)
        found = {type(each).__name__: each for each in model.model_fields[name].metadata}
        return float(found["Ge"].ge), float(found["Le"].le)

    def of(self, scenario: Scenario) -> float:
        """Return its number in a scenario."""
        section, _, name = self.key.partition(".")
        return float(getattr(getattr(scenario, section), name))


PARAMETERS = (
    Parameter("audience.feed_entries_per_viewer_hour", "log", "arrivals", 0),
    Parameter("audience.follower_entries_per_viewer", "log", "arrivals", 0),
    Parameter("audience.search_share", "log", "arrivals", 0),
    Parameter("audience.share_rate_per_h", "log", "arrivals", 0),
    Parameter("audience.boost_start", "log", "arrivals", 0.4),
    Parameter("audience.notification_share", "same", "arrivals", 0.1),
    Parameter("audience.count_size", "inverse", "arrivals", 0.2),
    Parameter("audience.modulator_sd", "square", "arrivals", 0.05),
    Parameter("audience.bounce_feed", "logit", "stays", 0.4),
    Parameter("audience.bounce_follower", "logit", "stays", 0.4),
    Parameter("audience.bounce_search", "logit", "stays", 1.0),
    Parameter("audience.bounce_clip", "logit", "stays", 1.0),
    Parameter("audience.bouncer_log_mean", "same", "stays", 0.25),
    Parameter("audience.bouncer_log_sd", "log", "stays", 0.25),
    Parameter("audience.engaged_log_mean", "same", "stays", 0.3),
    Parameter("audience.engaged_log_sd", "log", "stays", 0.2),
    Parameter("audience.follower_log_mean", "same", "stays", 0.3),
    Parameter("audience.follower_log_sd", "log", "stays", 0.25),
    Parameter("audience.follow_entry_prob", "log", "follows", 0.5),
    Parameter("audience.follow_minute_prob", "log", "follows", 0.5),
    Parameter("audience.follow_late_prob", "log", "follows", 0.5),
    Parameter("gifts.giver_share", "logit", "gifts", 0.5),
    Parameter("gifts.rate_per_h", "log", "gifts", 0.5),
    Parameter("gifts.amount_log_mean", "same", "amounts", 0.5),
    Parameter("gifts.amount_giver_sd", "log", "amounts", 0.3),
    Parameter("gifts.amount_gift_sd", "log", "amounts", 0.3),
    Parameter("chat.base_per_viewer_min", "log", "chat", 0.4),
    Parameter("chat.branching", "logit", "chat", 0.4),
    Parameter("ads.complete_base", "same", "ads", 0.5),
    Parameter("ads.complete_mid", "same", "ads", 0.5),
    Parameter("ads.complete_length", "same", "ads", 0.01),
    Parameter("ads.complete_follower", "same", "ads", 0.5),
    Parameter("ads.click_mid", "log", "ads", 0),
    Parameter("ads.click_overlay", "log", "ads", 0),
    Parameter("content.click_log10", "same", "shop", 0.2),
    Parameter("content.order_base", "same", "shop", 0.5),
)
FAMILIES = (
    ("audience.bouncer_log_mean", "audience.bouncer_log_sd"),
    ("audience.engaged_log_mean", "audience.engaged_log_sd"),
    ("audience.follower_log_mean", "audience.follower_log_sd"),
    ("gifts.giver_share", "gifts.rate_per_h"),
    ("gifts.amount_log_mean", "gifts.amount_giver_sd", "gifts.amount_gift_sd"),
    ("chat.base_per_viewer_min", "chat.branching"),
    ("ads.complete_base", "ads.complete_mid"),
)
"""Numbers that mean something only together: where one keeps the base, so do the others."""
BY_KEY = {parameter.key: parameter for parameter in PARAMETERS}


def family(key: str) -> tuple[str, ...]:
    """Return the parameters that are fitted, or left at the base, together with this one, itself among them."""
    return next((together for together in FAMILIES if key in together), (key,))
