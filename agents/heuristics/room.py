"""All heads at once: one named heuristic per head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.parameters import NoParameters, choice, chosen
from agents.policy import HEADS, RoomPolicy, registered
from livesim import registry

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout
    from livesim.scenario import Scenario


class NamedRoomPolicy(RoomPolicy):
    """Base: names its parts from its parameters."""

    Parameters: type = NoParameters

    def __init__(
        self,
        layout: ObservationLayout,
        scenario: Scenario,
        seed: int = 0,
        params: Mapping[str, Any] | None = None,
        heads: Sequence[str] = HEADS,
    ) -> None:
        self.params: Any = chosen(self.Parameters, self.name, scenario.name, params)
        parts = {}
        for head in heads:
            factory = registry.resolve("policy", f"{head}.{self.part(head)}")
            parts[head] = factory(layout, scenario, seed)
        super().__init__(parts, heads, name=self.name)

    def part(self, head: str) -> str:
        """Return the name of the policy that plays one head."""
        raise NotImplementedError


@registered("room", "nothing")
class NothingAtAll(NamedRoomPolicy):
    """The plain rundown: no ads, no interactions."""

    def part(self, head: str) -> str:
        return "nothing"


@registered("room", "random")
class RandomEverywhere(NamedRoomPolicy):
    """Every head uniform among what its mask allows."""

    def part(self, head: str) -> str:
        return "random"


@dataclass(frozen=True)
class CombinedParameters:
    """Which heuristic plays each head; each brings its own tuned numbers."""

    recommend: str = choice(
        "estimated_match",
        ("fixed_schedule", "round_robin", "most_clicked", "estimated_match", "programme", "nothing"),
        "what to show",
    )
    ads: str = choice("credit_rule", ("fixed_interval", "credit_rule", "engagement_gated"), "when to break")
    interact: str = choice(
        "rotation", ("rotation", "repertoire", "cooldown_greedy", "lull_triggered", "before_ad"), "when to engage"
    )
    operate: str = choice("threshold", ("nothing", "fixed", "threshold", "utilisation_target"), "how to run it")


@registered("room", "combined")
class Combined(NamedRoomPolicy):
    """A practitioner's room: one heuristic per head."""

    Parameters = CombinedParameters

    def part(self, head: str) -> str:
        return getattr(self.params, head)
