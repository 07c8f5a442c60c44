"""The gate: which facts apply to a scenario, what was measured, and whether the room passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.facts import ads, audience, daytime, gifts, promotion, talk, waiting  # noqa: F401 - they register
from experiments.facts.data import Fact, Part, load_facts
from experiments.facts.measures import MEASURES
from experiments.facts.pooling import interval
from experiments.facts.world import World
from experiments.statistics import Estimate
from livesim.errors import ConfigError
from livesim.scenario import Scenario

LEAST_SHARE = 0.85
LEAST_SEEDS = 30


def _has_kind(name: str) -> Callable[[Scenario], bool]:
    return lambda s: any(kind.name == name for kind in s.interactions.kinds)


def _has_format(name: str) -> Callable[[Scenario], bool]:
    return lambda s: any(form.name == name for form in s.ads.formats)


def _is_raided(s: Scenario) -> bool:
    return any(plugin.process == "raid" for plugin in s.processes) or any(i.kind == "raid" for i in s.incidents)


CONDITIONS: dict[str, tuple[Callable[[Scenario], bool], str]] = {
    "two_hours": (lambda s: s.session.duration_s >= 7200, "the session is shorter than two hours"),
    "three_hours": (lambda s: s.session.duration_s >= 10_800, "the session is shorter than three hours"),
    "feed": (lambda s: s.audience.feed_entries_per_viewer_hour > 0, "nobody comes from a feed"),
    "followers": (lambda s: s.audience.follower_entries_per_viewer > 0, "there are no followers"),
    "mature": (lambda s: s.stage == "mature", "not a mature channel: add +mature"),
    "raid": (_is_raided, "no raid comes"),
    "gifts": (lambda s: s.gifts.giver_share > 0, "nobody gives"),
    "gift_room": (lambda s: s.gifts.giver_share >= 0.2, "gifts are a sideline: under a fifth of the viewers may give"),
    "products": (lambda s: any(item.kind == "product" for item in s.content.items), "nothing is for sale"),
    "preroll": (lambda s: s.ads.preroll, "there are no pre-rolls"),
    "mid_roll": (_has_format("mid_roll_30"), "there are no mid-rolls of 30 s"),
    "overlay": (_has_format("overlay"), "there are no overlays"),
    "poll": (lambda s: _has_kind("poll")(s) or _has_kind("quiz")(s), "there are no polls or quizzes"),
    "moderation": (lambda s: any(one.name == "report" for one in s.desk.classes), "nobody moderates"),
    "lucky_draw": (_has_kind("lucky_draw"), "there are no lucky draws"),
    "battle": (_has_kind("battle"), "there are no battles"),
    "flash_sale": (_has_kind("flash_sale"), "there are no flash sales"),
}
"""What a fact may need of a scenario, and why it does not apply without."""


@dataclass(frozen=True)
class Reading:
    """One part of a fact in one scenario. estimate: None where it does not apply, for the reason `absent`."""

    part: Part
    estimate: Estimate | None
    absent: str = ""

    @property
    def is_in(self) -> bool:
        """Whether the pooled value lies in the band."""
        return self.estimate is not None and self.part.holds(self.estimate.value)


@dataclass(frozen=True)
class Verdict:
    """One fact in one scenario."""

    fact: Fact
    readings: tuple[Reading, ...] = ()
    absent: str = ""

    @property
    def applies(self) -> bool:
        """Whether any of its parts does."""
        return any(reading.estimate is not None for reading in self.readings)

    @property
    def is_in(self) -> bool:
        """Whether every part that applies is in its band."""
        return self.applies and all(reading.is_in for reading in self.readings if reading.estimate is not None)

    @property
    def text(self) -> str:
        """The verdict in a word."""
        return ("in" if self.is_in else "OUT") if self.applies else "not applicable"


@dataclass(frozen=True)
class Gate:
    """All facts of one scenario."""

    scenario: str
    seeds: Sequence[int]
    verdicts: tuple[Verdict, ...] = field(repr=False)

    @property
    def applicable(self) -> list[Verdict]:
        """The facts that apply."""
        return [verdict for verdict in self.verdicts if verdict.applies]

    @property
    def kept(self) -> list[Verdict]:
        """Those that lie in their band."""
        return [verdict for verdict in self.applicable if verdict.is_in]

    @property
    def broken(self) -> list[Verdict]:
        """Those that must lie in their band and do not."""
        return [verdict for verdict in self.applicable if verdict.fact.always and not verdict.is_in]

    @property
    def passes(self) -> bool:
        """Whether enough facts hold, all that must among them, on enough seeds."""
        enough = len(self.kept) >= LEAST_SHARE * len(self.applicable)
        return enough and not self.broken and len(self.seeds) >= LEAST_SEEDS

    @property
    def text(self) -> str:
        """The result in a sentence."""
        share = len(self.kept) / max(len(self.applicable), 1)
        parts = [f"{len(self.kept)} of {len(self.applicable)} applicable facts in band ({share:.0%})"]
        if share < LEAST_SHARE:
            parts.append(f"under the {LEAST_SHARE:.0%} that the gate asks for")
        if self.broken:
            parts.append("out although they must be in: " + ", ".join(str(v.fact.number) for v in self.broken))
        if len(self.seeds) < LEAST_SEEDS:
            parts.append(f"{len(self.seeds)} seeds where the gate asks for {LEAST_SEEDS}")
        return f"{self.scenario}: {'passes' if self.passes else 'FAILS'}; {'; '.join(parts)}"


def missing(needs: Sequence[str], scenario: Scenario) -> str:
    """Return why a scenario does not fulfil `needs`; empty where it does."""
    return next((reason for holds, reason in (CONDITIONS[name] for name in needs) if not holds(scenario)), "")


def chosen_facts(numbers: str = "") -> list[Fact]:
    """Return the facts with these numbers, separated by commas, or all; raises ConfigError for others."""
    facts = {str(fact.number): fact for fact in load_facts()}
    wanted = [number.strip() for number in numbers.split(",")] if numbers.strip() else list(facts)
    if unknown := [number for number in wanted if number not in facts]:
        raise ConfigError(f"--only {numbers}: there is no fact '{unknown[0]}'. Facts are numbered 1 to {len(facts)}.")
    return [facts[number] for number in wanted]


def judge(world: World, facts: Sequence[Fact]) -> Gate:
    """Return the verdict on each of these facts in one world."""
    return Gate(world.name, world.seeds, tuple(_verdict(world, fact) for fact in facts))


def _verdict(world: World, fact: Fact) -> Verdict:
    absent = f"waits: {fact.waits_for}" if fact.waits_for else missing(fact.needs, world.scenario)
    if absent:
        return Verdict(fact, absent=absent)
    readings = tuple(_reading(world, part) for part in fact.parts)
    if all(reading.estimate is None for reading in readings):
        return Verdict(fact, readings, absent=readings[0].absent)
    return Verdict(fact, readings)


def _reading(world: World, part: Part) -> Reading:
    absent = missing(part.needs, world.scenario)
    kind = world.scenario.kind
    if part.only_for and kind not in part.only_for:
        absent = f"this band is for {', '.join(part.only_for)}"
    elif kind in part.not_for:
        absent = f"this band is not for {kind}"
    if absent:
        return Reading(part, None, absent)
    return Reading(part, interval(MEASURES[part.measure](world), len(world.seeds)))


def as_data(gate: Gate) -> dict[str, Any]:
    """Return plain data for JSON; a value that could not be computed is null."""
    return {
        "scenario": gate.scenario,
        "seeds": list(gate.seeds),
        "passes": gate.passes,
        "applicable": len(gate.applicable),
        "in_band": len(gate.kept),
        "broken": [verdict.fact.number for verdict in gate.broken],
        "facts": [_fact_data(verdict) for verdict in gate.verdicts],
    }


def _fact_data(verdict: Verdict) -> dict[str, Any]:
    fact = verdict.fact
    return {
        **{key: getattr(fact, key) for key in ("number", "name", "statistic", "source", "tag", "always")},
        "verdict": verdict.text,
        "reason": verdict.absent,
        "parts": [_reading_data(reading) for reading in verdict.readings],
    }


def _reading_data(reading: Reading) -> dict[str, Any]:
    part, estimate = reading.part, reading.estimate
    numbers: Mapping[str, float | None] = dict.fromkeys(("value", "low", "high"))
    if estimate is not None:
        known = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
        numbers = {name: number if number == number else None for name, number in known.items()}
    return {
        "name": part.name,
        "unit": part.unit,
        "published": part.published,
        "band": list(part.band),
        **numbers,
        "in_band": reading.is_in if estimate is not None else None,
        "reason": reading.absent,
    }
