"""Reward: named terms in credits, and named presets of weights over them.

A term is a price times ledger columns, in two forms. `realised` pays what happened; `expected` pays the compensator,
the integral of the hazard times the mean of its mark, which has the same mean without the noise of the event itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from livesim import registry
from livesim.ledger import INDEX
from livesim.schema import Config, number

if TYPE_CHECKING:
    from livesim.scenario import Scenario

TERMS = (
    "watch", "gifts", "ads", "orders", "follows", "return", "chat", "prizes", "complaints", "operations", "learning",
)  # fmt: skip
MODES = ("expected", "realised")


class RewardsConfig(Config):
    """Prices: what one unit of each term is worth, in credits."""

    watch_per_viewer_min: float = number(0.02, 0, 10, "credits/viewer/min", "watch time, ads excluded")
    gift_share: float = number(0.4, 0, 1, "share", "of gift credits")
    ad_share: float = number(0.9, 0, 1, "share", "of auction revenue")
    order_share: float = number(0.6, 0, 1, "share", "of order margin")
    follow: float = number(2.0, 0, 1000, "credits", "one new follower")
    come_back: float = number(3.0, 0, 1000, "credits", "one certain return of a viewer who leaves")
    message: float = number(0.01, 0, 10, "credits", "one message")
    complaint: float = number(-0.2, -100, 0, "credits", "one complaint")
    learned: float = number(0, 0, 1000, "credits", "teaching one viewer everything; 0: nobody pays for lessons")


_COLUMNS: dict[str, tuple[str, str]] = {  # term -> (expected column, realised column)
    "watch": ("watch_s", "watch_s"),
    "gifts": ("gift_expected", "gift_counted"),
    "ads": ("ad_expected", "ad_revenue"),
    "orders": ("order_expected", "order_margin"),
    "follows": ("follows_expected", "follows"),
    "return": ("return_expected", "return_realised"),
    "chat": ("messages_expected", "messages"),
    "prizes": ("prizes", "prizes"),
    "complaints": ("complaints_expected", "complaints"),
    "operations": ("operations", "operations"),
    "learning": ("learned", "learned"),
}
_AT = {mode: np.array([INDEX[_COLUMNS[term][which]] for term in TERMS]) for which, mode in enumerate(MODES)}

_COSTS = {"prizes": 1.0, "operations": 1.0}  # what is spent counts in full under every preset
PRESETS: dict[str, dict[str, float]] = {
    "balanced": dict.fromkeys(TERMS, 1.0),
    "revenue": {"gifts": 1.0, "ads": 1.0, "orders": 1.0, "learning": 1.0, **_COSTS},
    "retention": {"watch": 3.0, "return": 1.0, "learning": 1.0, "complaints": 1.0, **_COSTS},
    "growth": {"watch": 1.0, "follows": 2.0, "return": 1.0, **_COSTS},
    # alpha interaction + beta social + gamma analytics, with alpha .5, beta .3, gamma .2
    "composite": {
        "gifts": 0.5, "orders": 0.5, "ads": 0.5, "chat": 0.3, "follows": 0.3, "return": 0.3, "watch": 0.2,
        "learning": 0.2, "complaints": 0.2, **_COSTS,
    },
}  # fmt: skip
for _name, _weights in PRESETS.items():
    registry.register("reward", _name, _weights)


def weights(preset: str, scenario: Scenario) -> dict[str, float]:
    """Return term -> weight of a preset, in the order of TERMS. Plug-ins register further presets as dicts."""
    table: Mapping[str, float] = registry.resolve("reward", preset, "reward")
    return {term: float(table.get(term, 0.0)) for term in TERMS}


def prices(scenario: Scenario) -> np.ndarray:
    """Return the price of one unit of each term's column, in the order of TERMS."""
    r = scenario.rewards
    return np.array([
        r.watch_per_viewer_min / 60.0, r.gift_share, r.ad_share, r.order_share, r.follow, r.come_back, r.message,
        -1.0, r.complaint, -1.0, r.learned,
    ])  # fmt: skip


def term_values(ledger_now: np.ndarray, price: np.ndarray, mode: str) -> np.ndarray:
    """Return every term of every room in credits, unweighted.

    ledger_now: (R, columns).  price: (R, terms).  mode: "expected" or "realised".  Returns (R, terms).
    """
    return ledger_now[:, _AT[mode]] * price
