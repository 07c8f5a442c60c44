"""Actor-critic policies of Stable-Baselines3 whose networks are ours: sets, a trusted rule, memory.

SB3 builds `mlp_extractor`, then `action_net` and `value_net` on top. Here the extractor gives the logits themselves
and `action_net` passes them on. Needs the extra `train`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from agents.set_net import Activation, SetActor, SetCritic

MASKED = -1e8
_LAST_GAIN = 0.01  # SB3's for logits: a new policy is close to uniform, or to the advice

Advice = tuple[int, float] | None
"""First column of the advice in an input, and the trust in it."""


class FlatActor(nn.Sequential):
    """Hidden layers and one output a choice: what SB3's own policy computes."""

    def __init__(self, width: int, net: Sequence[int], outputs: int, activation: Activation) -> None:
        super().__init__(*hidden_layers(width, net, activation), nn.Linear([width, *net][-1], outputs))

    def last_layers(self) -> list[nn.Linear]:
        """Return the layer whose outputs are logits."""
        return [self[-1]]  # type: ignore[list-item]


class RoomNet(nn.Module):
    """Stands for SB3's `mlp_extractor`. With advice, every head's logits get `trust` at the advised choice:

        logits = actor(input) + s_head * one-hot(advice)

    so that a new policy plays the rule with probability `trust` in every head, and learns where to leave it: residual
    learning (Silver et al. 2018, "Residual policy learning") for choices.
    """

    def __init__(
        self, actor: nn.Module, critic: nn.Module, critic_width: int, sizes: Sequence[int], advice: Advice
    ) -> None:
        super().__init__()
        self.actor, self.critic = actor, critic
        self.latent_dim_pi, self.latent_dim_vf = sum(sizes), critic_width
        self.advice: nn.Parameter | None = None
        if advice is not None:
            self.start, trust = advice
            odds = trust / (1.0 - trust)
            self.advice = nn.Parameter(torch.tensor([math.log(odds * max(size - 1, 1)) for size in sizes]))
            self.register_buffer("head", torch.repeat_interleave(torch.tensor(list(sizes))), persistent=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits and the latent of the value."""
        return self.forward_actor(x), self.forward_critic(x)

    def forward_actor(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (n, sum of sizes)."""
        logits = self.actor(x)
        return logits if self.advice is None else logits + x[:, self.start :] * self.advice[self.get_buffer("head")]

    def forward_critic(self, x: torch.Tensor) -> torch.Tensor:
        """Return the latent of the value."""
        return self.critic(x)


class _OwnNet:
    """Mixed into a policy of SB3: `make_net` builds the extractor, and logits are its output."""

    def __init__(self, *args: Any, make_net: Callable[[], RoomNet], **rest: Any) -> None:
        self.make_net = make_net
        super().__init__(*args, **rest)

    def _build_mlp_extractor(self) -> None:
        policy: Any = self
        policy.mlp_extractor = self.make_net()

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)  # type: ignore[misc]
        policy: Any = self
        policy.action_net = nn.Identity()
        for layer in policy.mlp_extractor.actor.last_layers():
            layer.apply(partial(policy.init_weights, gain=_LAST_GAIN))
        policy.optimizer = policy.optimizer_class(policy.parameters(), lr=lr_schedule(1), **policy.optimizer_kwargs)


class OwnNetPolicy(_OwnNet, ActorCriticPolicy):
    """For PPO and A2C."""


class MaskedOwnNetPolicy(_OwnNet, MaskableActorCriticPolicy):
    """For MaskablePPO."""


class MaskedLstmPolicy(RecurrentActorCriticPolicy):
    """For RecurrentPPO, which knows no masks: it reads them from its observation, where they are not scaled.

    mask_columns: places of the masks of all heads, side by side.
    """

    def __init__(self, *args: Any, mask_columns: np.ndarray, **rest: Any) -> None:
        self.mask_columns = mask_columns
        self._mask = torch.ones(0)
        super().__init__(*args, **rest)

    def extract_features(self, obs: Any, features_extractor: Any = None) -> Any:
        """Remember the masks of these observations: what follows reads them."""
        self._mask = self._masks(obs)
        return super().extract_features(obs, features_extractor)

    def get_distribution(self, obs: Any, lstm_states: Any, episode_starts: Any) -> Any:  # type: ignore[override]
        """Return the distribution over what is allowed, and the new states (SB3 goes past `extract_features` here)."""
        self._mask = self._masks(obs)
        return super().get_distribution(obs, lstm_states, episode_starts)

    def _masks(self, obs: torch.Tensor) -> torch.Tensor:
        return obs[:, self.mask_columns] > 0.5  # padding is all zero: everything is masked, and counts nowhere

    def _get_action_dist_from_latent(self, latent_pi: torch.Tensor) -> Distribution:
        logits = self.action_net(latent_pi).masked_fill(~self._mask, MASKED)
        return self.action_dist.proba_distribution(action_logits=logits)


def hidden_layers(width: int, net: Sequence[int], activation: Activation) -> list[nn.Module]:
    """Return linear layers of the given widths, each with its activation."""
    layers: list[nn.Module] = []
    for last, size in zip([width, *net], net, strict=False):
        layers += [nn.Linear(last, size), activation()]
    return layers


def flat_net(
    width: int, net: Sequence[int], sizes: Sequence[int], activation: Activation, advice: Advice
) -> RoomNet:
    """Return actor and critic over the whole input."""
    actor = FlatActor(width, net, sum(sizes), activation)
    return RoomNet(actor, nn.Sequential(*hidden_layers(width, net, activation)), [width, *net][-1], sizes, advice)


def set_net(plan: Any, known: Any, net: Sequence[int], activation: Activation, advice: Advice) -> RoomNet:
    """Return actor and critic over sets."""
    actor, critic = SetActor(plan, known, net, activation), SetCritic(plan, known, net, activation)
    return RoomNet(actor, critic, net[-1], plan.sizes, advice)
