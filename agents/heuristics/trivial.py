"""Policies that must lose: nothing, random, and doing one thing for ever (the no-free-lunch table)."""

from __future__ import annotations

import math

import numpy as np

from agents.heuristics.ads import BreakPolicy, CreditRule
from agents.heuristics.interact import KindPolicy
from agents.heuristics.recommend import DwellPolicy
from agents.policy import HEADS, Fields, HeuristicPolicy, choose_allowed, registered, uniform_allowed
from livesim.content.config import ITEMS

BUILTIN_KINDS = ("poll", "quiz", "lucky_draw", "battle", "flash_sale", "acknowledge", "virtual_host")


def _register_nothing_and_random(head: str) -> None:
    @registered(head, "nothing")
    class Nothing(HeuristicPolicy):
        """Always action 0: keep following the rundown, no ads, no interactions."""

        def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
            return np.zeros(len(memory), dtype=np.int64)

    @registered(head, "random")
    class Random(HeuristicPolicy):
        """Uniform among what the mask allows, action 0 included."""

        def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
            return uniform_allowed(self.mask(fields), memory, self.seed, HEADS.index(head))


for _head in HEADS:
    _register_nothing_and_random(_head)


def _register_hold(place: int) -> None:
    @registered("recommend", f"hold:{place}")
    class HoldItem(DwellPolicy):
        """Keep one item on for ever, by its place in the catalogue; the plain rundown where there is no such place."""

        def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
            return self.in_turn(fields, (place,), math.inf)


for _place in range(1, ITEMS + 1):
    _register_hold(_place)


@registered("recommend", "hold")
class Hold(DwellPolicy):
    """Keep on what is on for ever."""

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        return self.keep(fields)


class Spam(BreakPolicy):
    """Base: one format every two minutes."""

    INTERVAL_MIN = 2.0
    formats: tuple[str, ...] = ()

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        due = self.since_ad_min(fields) >= self.INTERVAL_MIN - 1e-3
        return self.play(fields, due, self.format_action(*self.formats))


@registered("ads", "spam_mid_roll")
class SpamMidRoll(Spam):
    """A 30 s mid-roll every two minutes."""

    formats = ("mid_roll_30",)


@registered("ads", "spam_overlay")
class SpamOverlay(Spam):
    """An overlay every two minutes."""

    formats = ("overlay",)


@registered("ads", "sell_out")
class SellOut(CreditRule):
    """The credit rule, then back-to-back 60 s breaks in the last ten minutes."""

    LAST_MIN = 10.0

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        usual = super().decide(fields, memory)
        long = self.format_action("mid_roll_60", "mid_roll_30")
        last = fields["remaining_min"] <= self.LAST_MIN
        return np.where(last, self.play(fields, last, long), usual)


def _register_spam_kind(kind: str) -> None:
    @registered("interact", f"spam:{kind}")
    class SpamKind(KindPolicy):
        """One kind of interaction as fast as its mask allows."""

        def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
            position = self.index(self.layout.kind_names, kind)
            action = 0 if position is None else position + 1
            return choose_allowed(self.mask(fields), np.full(len(memory), action))


for _kind in BUILTIN_KINDS:
    _register_spam_kind(_kind)
