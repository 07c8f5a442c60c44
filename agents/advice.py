"""The rule whose choice a network reads: written into a model with its numbers, so that tuning a rule anew
does not change what an older model was trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agents.policy import RoomPolicy
from livesim import registry

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout
    from livesim.scenario import Scenario

Card = dict[str, dict[str, Any]]


def advice_card(policy: Any, heads: Sequence[str]) -> Card:
    """Return head -> name and parameters of the rule that advises it, JSON-plain."""
    parts = policy.parts if isinstance(policy, RoomPolicy) else [policy]
    return {
        head: {"policy": part.name, "params": asdict(part.params)} for head, part in zip(heads, parts, strict=True)
    }


def adviser(card: Mapping[str, Mapping[str, Any]], layout: ObservationLayout, scenario: Scenario) -> Any:
    """Return the policy that a card describes, in a room."""
    parts = {}
    for head, entry in card.items():
        factory = registry.resolve("policy", entry["policy"])
        known = {"params": dict(entry["params"])} if entry["params"] else {}
        parts[head] = factory(layout, scenario, 0, **known)
    return RoomPolicy(parts, list(parts)) if len(parts) > 1 else next(iter(parts.values()))
