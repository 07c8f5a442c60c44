"""Which environment an experiment plays: one frozen value from which every batch of rooms is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from livesim.envs.registration import ENV_IDS
from livesim.errors import unknown_name

if TYPE_CHECKING:
    from agents.policy import Policy
    from livesim.envs.vector_env import RoomVectorEnv
    from livesim.scenario import Scenario

POLICY_SEED = 0
"""Seed of the dice of random policies; the seed of each episode enters beside it."""
HEADS: dict[str, tuple[str, ...]] = {env_id: tuple(kwargs["heads"]) for env_id, kwargs in ENV_IDS.items()}
"""The heads an agent plays in each environment."""


@dataclass(frozen=True)
class EnvConfig:
    """Everything that `RoomVectorEnv` is told, except the number of rooms and the seeds."""

    id: str = "livesim/Room-v0"
    scenario: str | Scenario = "entertainment"
    overrides: Mapping[str, Any] = field(default_factory=dict)
    reward: str = "balanced"
    reward_mode: str = "expected"
    observation: str = "flat"
    others: Mapping[str, str] = field(default_factory=dict)
    chosen_heads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.id not in HEADS:
            raise unknown_name("environment", self.id, HEADS)
        if self.chosen_heads:
            from livesim.envs.actions import check_heads

            check_heads(self.chosen_heads)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that the policy under test plays: those chosen, else those of the environment id."""
        return self.chosen_heads or HEADS[self.id]

    def load_scenario(self) -> Scenario:
        """Return the scenario with the overrides applied."""
        from livesim.scenario import load_scenario

        return load_scenario(self.scenario, overrides=self.overrides)

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `RoomVectorEnv` as plain data."""
        return {
            "scenario": self.scenario,
            "heads": list(self.heads),
            "reward": self.reward,
            "reward_mode": self.reward_mode,
            "observation": self.observation,
            "others": dict(self.others),
            "overrides": dict(self.overrides),
        }

    def make(self, num_envs: int) -> RoomVectorEnv:
        """Return a fresh batch of rooms; nothing is simulated before its reset."""
        from livesim.envs.vector_env import RoomVectorEnv

        return RoomVectorEnv(num_envs=num_envs, **self.arguments())

    def policy(self, name: str) -> Policy:
        """Return a registered policy for the heads of this environment; raises UnknownNameError."""
        from agents.policy import make_policy
        from livesim.envs.observations import ObservationLayout

        scenario = self.load_scenario()
        return make_policy(name, ObservationLayout(scenario), scenario, heads=self.heads, seed=POLICY_SEED)
