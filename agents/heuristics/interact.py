"""When to engage: the rules of a room's producer.

Every kind works on a stock that builds up (unanswered gifts, intent to buy, boredom, tired host), is used up,
and walks away if it waits too long; every use tires the audience of that kind and of being asked at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.parameters import parameter, subset
from agents.policy import Fields, HeuristicPolicy, best_allowed, registered

NEVER_MIN = 120.0  # minutes_since_use of a kind that was not used yet
MOST_LISTED = 16  # kinds of a scenario that a repertoire can name


class KindPolicy(HeuristicPolicy):
    """Base of rules that start interactions by kind."""

    def kind_scores(self, fields: Fields, by_kind: dict[str, np.ndarray]) -> np.ndarray:
        """Return (n, J) scores from name -> (n,); kinds that are not named are ruled out."""
        n = len(fields["elapsed_min"])
        scores = np.full((n, len(self.layout.kind_names)), -np.inf)
        for name, score in by_kind.items():
            position = self.index(self.layout.kind_names, name)
            if position is not None:
                scores[:, position] = score
        return scores

    def since_any_min(self, fields: Fields) -> np.ndarray:
        """Return (n,) minutes since the last interaction; the start of the session counts as one."""
        return np.minimum(fields["minutes_since_use"].min(axis=1), fields["elapsed_min"])

    def is_idle(self, fields: Fields) -> np.ndarray:
        """Return (n,) whether no interaction is open."""
        return fields["interaction_open"].max(axis=1) < 0.5


@dataclass(frozen=True)
class RotationParameters:
    """An interaction by the clock."""

    interval_min: float = parameter(10.0, 2.0, 40.0, "min", "time between interactions")


@registered("interact", "rotation")
class Rotation(KindPolicy):
    """Every so many minutes the next kind in the list that is allowed now."""

    Parameters = RotationParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        since = fields["minutes_since_use"]
        count = since.shape[1]
        last = np.where(since.min(axis=1) < NEVER_MIN - 1e-3, since.argmin(axis=1), count - 1)
        turns = (np.arange(count)[None, :] - last[:, None] - 1) % count
        action, _ = best_allowed(self.mask(fields), np.where(self.is_used(count), -turns.astype(np.float64), -np.inf))
        due = self.since_any_min(fields) >= self.params.interval_min - 1e-3
        return np.where(due & self.is_idle(fields), action, 0)

    def is_used(self, count: int) -> np.ndarray:
        """Return (count,) which kinds have a turn."""
        return np.ones(count, dtype=bool)


@dataclass(frozen=True)
class RepertoireParameters(RotationParameters):
    """What is worth the audience's time in a kind of room, as found on training luck."""

    places: tuple[int, ...] = subset(MOST_LISTED, "places in the list of kinds of those that are used, in turn")


@registered("interact", "repertoire")
class Repertoire(Rotation):
    """Some kinds in turn, by the clock, and the others never: knows the kind of room, not who is in it."""

    Parameters = RepertoireParameters

    def is_used(self, count: int) -> np.ndarray:
        return np.isin(np.arange(1, count + 1), self.params.places)


@registered("interact", "cooldown_greedy")
class CooldownGreedy(KindPolicy):
    """Always engage: as soon as anything is allowed, the kind unused for longest."""

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        count = fields["minutes_since_use"].shape[1]
        score = fields["minutes_since_use"] - 1e-3 * np.arange(count)
        action, _ = best_allowed(self.mask(fields), score)
        return np.where(self.is_idle(fields), action, 0)


@dataclass(frozen=True)
class LullTriggeredParameters:
    """How full each stock must be before it is worked on."""

    gap_min: float = parameter(4.0, 0.5, 15.0, "min", "shortest time between interactions, offers of battles excepted")
    unanswered: float = parameter(5.0, 1.0, 20.0, "count", "acknowledge when so many gifts and questions wait")
    intent_share: float = parameter(0.05, 0.005, 0.3, "of viewers", "flash sale when so many clicked but did not order")
    newcomer_share: float = parameter(0.3, 0.05, 0.9, "of viewers", "lucky draw when so many are new")
    leave_rate: float = parameter(0.3, 0.02, 1.5, "per viewer-minute", "lucky draw when so many leave")
    dwell_min: float = parameter(6.0, 2.0, 15.0, "min", "poll when one item has been on for so long")
    lull: float = parameter(-0.2, -1.5, 0.5, "ln ratio", "quiz when chat has fallen so far below its ten-minute level")
    tired_min: float = parameter(35.0, 10.0, 90.0, "min", "virtual host when the host performed so long without rest")


@registered("interact", "lull_triggered")
class LullTriggered(KindPolicy):
    """Work on the fullest stock, relative to its threshold, once the audience has had a pause.

    A battle is taken when a rival offers one and gifts are not falling, or when the offer has waited for
    three minutes and would soon be gone.
    """

    Parameters = LullTriggeredParameters
    columns = (("offer_waited_min", np.float32),)
    OFFER_PATIENCE_MIN = 3.0

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        offered = fields["battle_offer"] > 0.5
        memory["offer_waited_min"] = np.where(offered, memory["offer_waited_min"] + self.decision_min, 0.0)
        fullness = self.kind_scores(fields, self.fullness(fields, offered, memory["offer_waited_min"]))
        rested = self.since_any_min(fields) >= self.params.gap_min - 1e-3
        battle = self.index(self.layout.kind_names, "battle")
        ready = np.repeat(rested[:, None], fullness.shape[1], axis=1)
        if battle is not None:
            ready[:, battle] = True
        action, _ = best_allowed(self.mask(fields), np.where(ready & (fullness >= 1.0), fullness, -np.inf))
        return np.where(self.is_idle(fields), action, 0)

    def fullness(self, fields: Fields, offered: np.ndarray, waited: np.ndarray) -> dict[str, np.ndarray]:
        """Return kind -> (n,) stock relative to the threshold at which it is worked on."""
        p = self.params
        viewers = np.maximum(np.expm1(fields["viewers_log"]), 1.0)
        intent = np.expm1(fields["intent_log"]) / viewers
        take_battle = offered & ((fields["gift_trend"] >= 0.0) | (waited >= self.OFFER_PATIENCE_MIN))
        return {
            "battle": np.where(take_battle, 10.0, 0.0),
            "acknowledge": np.expm1(fields["unanswered_log"]) / p.unanswered,
            "flash_sale": intent / p.intent_share,
            "lucky_draw": np.maximum(fields["newcomer_share"] / p.newcomer_share, fields["leave_rate"] / p.leave_rate),
            "poll": fields["dwell_min"] / p.dwell_min,
            "quiz": np.where(fields["chat_trend"] <= p.lull, 1.0, 0.0),
            "virtual_host": fields["performing_min"] / p.tired_min,
        }


@dataclass(frozen=True)
class BeforeAdParameters:
    """How the next break is foreseen."""

    credit_min: float = parameter(5.5, 0.5, 12.0, "min", "a break is near when less pre-roll-free time is left")
    gap_min: float = parameter(5.0, 1.0, 20.0, "min", "shortest time between interactions")


@registered("interact", "before_ad")
class BeforeAd(KindPolicy):
    """Give a reason to stay through the next break: a lucky draw, else a quiz or poll, just before it."""

    Parameters = BeforeAdParameters
    PREFERENCE = ("lucky_draw", "quiz", "poll")

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        n = len(fields["elapsed_min"])
        ranks = {name: np.full(n, -float(rank)) for rank, name in enumerate(self.PREFERENCE)}
        action, _ = best_allowed(self.mask(fields), self.kind_scores(fields, ranks))
        break_near = fields["ad_credit_min"] <= self.params.credit_min
        rested = self.since_any_min(fields) >= self.params.gap_min - 1e-3
        return np.where(break_near & rested & self.is_idle(fields), action, 0)
