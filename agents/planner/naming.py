"""Planners by name, as experiments and the command line ask for them: `planner.fair:futures=8:base=ads.credit_rule`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import yaml

from agents.planner.clairvoyant import Clairvoyant
from agents.planner.fair import Fair
from agents.policy import HEADS, make_policy
from livesim.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout
    from livesim.scenario import Scenario

KINDS: dict[str, Any] = {kind.name: kind for kind in (Fair, Clairvoyant)}


def make_planner(
    name: str, layout: ObservationLayout, scenario: Scenario, heads: Sequence[str] = HEADS, seed: int = 0
) -> Any:
    """Return a planner for these heads. Raises UnknownNameError, or ConfigError for a parameter that does not fit.

    name: the planner, then `:parameter=value` for each number that is not the default, and `:base=POLICY`; without it
    the base is `combined`, or for a single head the rule that the scenario defaults to.
    """
    kind, *settings = re.split(r":(?=[a-z_]+=)", name)
    if kind not in KINDS:
        raise unknown_name("policy", kind, KINDS)
    params: dict[str, Any] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key in params:
            raise ConfigError(f"policy '{name}': {key} is given twice")
        params[key] = value if key == "base" else _number(kind, key, value)
    base = str(params.pop("base", default_base(scenario, heads)))
    if base.startswith("planner."):
        raise ConfigError(f"policy '{name}': the base of a planner cannot be a planner")
    return KINDS[kind](make_policy(base, layout, scenario, heads, seed), seed, params)


def _number(kind: str, key: str, text: str) -> Any:
    """Return a parameter as it is written; a whole one must be written so."""
    value = yaml.safe_load(text)
    declared = {entry.name: entry.type for entry in fields(KINDS[kind].Parameters)}
    if declared.get(key) == "int" and type(value) is not int:
        raise ConfigError(f"{kind}: {key} must be a whole number, got {text!r}")
    return value


def default_base(scenario: Scenario, heads: Sequence[str]) -> str:
    """Return the rule that a planner improves on where no other is named."""
    if len(heads) > 1:
        return "room.combined"
    return f"{heads[0]}.{scenario.default_policies.get(heads[0], 'nothing').removeprefix(heads[0] + '.')}"
