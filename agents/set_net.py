"""A policy network over sets, in torch: order does not matter, and a new item needs no new weights.

    e_k     = encoder(features of member k)                   one encoder a set, shared by its members
    c       = context([what belongs to no member, mean_k e_k, max_k e_k, ...])
    logit_0 = w . c                                           keep, or nothing
    logit_k = v . tanh(A e_k + B c)                           a pointer at member k

Sources: Zaheer et al. 2017, "Deep sets" (encode, then pool); Vinyals, Fortunato and Jaitly 2015, "Pointer networks"
(the score). A head whose choices are no set (operate) keeps one output a choice. Needs the extra `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from agents.set_plan import HEAD_SETS, SetPlan

WIDTH = 32  # of an embedding: members have some ten to thirty features
Activation = Callable[[], nn.Module]
Known = Mapping[str, np.ndarray]  # set -> (members, features): `set_plan.descriptions`


class SetTrunk(nn.Module):
    """Inputs (n, width) -> context (n, net[-1]) and set -> embeddings (n, members, WIDTH)."""

    def __init__(self, plan: SetPlan, known: Known, net: Sequence[int], activation: Activation) -> None:
        super().__init__()
        self.names = list(plan.members)
        encoders = {}
        for name, columns in plan.members.items():
            self.register_buffer(f"known_{name}", torch.as_tensor(known[name]))
            self.register_buffer(f"columns_{name}", torch.as_tensor(columns), persistent=False)
            features = columns.shape[1] + known[name].shape[1]
            encoders[f"of_{name}"] = two_layers(features, (WIDTH, WIDTH), activation)
        self.register_buffer("columns_context", torch.as_tensor(plan.context), persistent=False)
        self.encoders = nn.ModuleDict(encoders)
        self.context = two_layers(len(plan.context) + 2 * WIDTH * len(encoders), net, activation)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return context and embeddings."""
        embedded = {name: self._encode(name, x) for name in self.names}
        pooled = [part for table in embedded.values() for part in (table.mean(dim=1), table.amax(dim=1))]
        own = x[:, self.get_buffer("columns_context")]
        return self.context(torch.cat([own, *pooled], dim=1)), embedded

    def _encode(self, name: str, x: torch.Tensor) -> torch.Tensor:
        seen, known = x[:, self.get_buffer(f"columns_{name}")], self.get_buffer(f"known_{name}")
        return self.encoders[f"of_{name}"](torch.cat([seen, known.expand(len(x), -1, -1)], dim=2))


class Head(nn.Module):
    """The logits of one head: `choices` from the context, then one a member from the pointer."""

    def __init__(self, choices: int, width: int, is_pointer: bool) -> None:
        super().__init__()
        self.choices = nn.Linear(width, choices)
        if is_pointer:
            self.member = nn.Linear(WIDTH, WIDTH)
            self.asked = nn.Linear(width, WIDTH, bias=False)
            self.score = nn.Linear(WIDTH, 1, bias=False)

    def forward(self, context: torch.Tensor, members: torch.Tensor | None) -> torch.Tensor:
        """Return (n, choices + members)."""
        if members is None:
            return self.choices(context)
        pointed = self.score(torch.tanh(self.member(members) + self.asked(context)[:, None, :]))
        return torch.cat([self.choices(context), pointed[:, :, 0]], dim=1)


class SetActor(nn.Module):
    """Inputs (n, width) -> logits of all heads side by side."""

    def __init__(self, plan: SetPlan, known: Known, net: Sequence[int], activation: Activation) -> None:
        super().__init__()
        self.plan = plan
        self.trunk = SetTrunk(plan, known, net, activation)
        heads = {}
        for head, size in zip(plan.heads, plan.sizes, strict=True):
            is_pointer = HEAD_SETS.get(head) in plan.members
            heads[head] = Head(1 if is_pointer else size, net[-1], is_pointer)
        self.heads = nn.ModuleDict(heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, sum of sizes)."""
        context, embedded = self.trunk(x)
        return torch.cat([self.heads[h](context, embedded.get(HEAD_SETS.get(h, ""))) for h in self.plan.heads], dim=1)

    def last_layers(self) -> list[nn.Linear]:
        """Return the layers whose outputs are logits."""
        heads: list[Any] = list(self.heads.values())
        return [head.choices for head in heads] + [head.score for head in heads if hasattr(head, "score")]


class SetCritic(nn.Module):
    """Inputs (n, width) -> latent (n, net[-1]) of the value. It shares nothing with the actor, so each can rest."""

    def __init__(self, plan: SetPlan, known: Known, net: Sequence[int], activation: Activation) -> None:
        super().__init__()
        self.trunk = SetTrunk(plan, known, net, activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the context."""
        return self.trunk(x)[0]


def two_layers(width: int, net: Sequence[int], activation: Activation) -> nn.Sequential:
    """Return two hidden layers."""
    return nn.Sequential(nn.Linear(width, net[0]), activation(), nn.Linear(net[0], net[1]), activation())
