"""A bound on how far PPO moves from its start at first. Needs the extra `train`.

A clone is as good as its rule, and its value is not yet: the first updates, along advantages that mean little, would
undo it. So the first rollouts teach the value alone, and then the loss of PPO gains a penalty that falls to zero:

    loss = clipped surrogate + vf_coef * value error - ent_coef * entropy + weight(t) * KL(start || policy)

Source: Schmitt et al. 2018, "Kickstarting deep reinforcement learning", arXiv:1803.03835 (divergence from a teacher
with a weight that falls).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from torch.nn import functional

from agents.hyperparameters import Bound


class Leash:
    """Updates a PPO or MaskablePPO model near the policy it was made with, then leaves it to the library.

    budget: planned decisions of training, which the plan's share refers to.
    """

    def __init__(self, plan: Bound, model: Any, budget: int) -> None:
        self.plan, self.budget = plan, budget
        self.start = deepcopy(model.policy)
        self.start.set_training_mode(False)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights of the start, for a checkpoint."""
        return {name: value.numpy() for name, value in self.start.state_dict().items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set the weights of the start from `arrays()`."""
        self.start.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})

    def weight(self, steps: int) -> float:
        """Return the weight of the penalty after so many decisions."""
        end = self.plan.until * self.budget
        return self.plan.kl_weight * max(0.0, 1.0 - steps / end) if end > 0 else 0.0

    def train(self, model: Any) -> None:
        """Do what `model.train()` does with the collected rollout, within the bound."""
        rollouts = model.num_timesteps // (model.n_steps * model.n_envs)
        weight = self.weight(model.num_timesteps)
        if rollouts <= self.plan.critic_rollouts:
            self._teach_value(model)
        elif weight > 0:
            self._update(model, weight)
        else:
            model.train()
        model.logger.record("train/kl_to_start", self._moved(model))

    def _teach_value(self, model: Any) -> None:
        """Fit the value to the returns of the rollout; actor and critic share no weight, so the policy rests."""
        model.policy.set_training_mode(True)
        model._update_learning_rate(model.policy.optimizer)
        losses = []
        for _ in range(model.n_epochs):
            for batch in model.rollout_buffer.get(model.batch_size):
                value = model.policy.predict_values(batch.observations).flatten()
                losses.append(_step(model, functional.mse_loss(value, batch.returns)))
            model._n_updates += 1
        model.logger.record("train/value_loss", float(np.mean(losses)))

    def _update(self, model: Any, weight: float) -> None:
        """Take PPO's steps on its loss plus the penalty (the library's loop has no place for one)."""
        model.policy.set_training_mode(True)
        model._update_learning_rate(model.policy.optimizer)
        clip = model.clip_range(model._current_progress_remaining)
        losses: list[float] = []
        for _ in range(model.n_epochs):
            for batch in model.rollout_buffer.get(model.batch_size):
                now = self._distribution(model.policy, model, batch)
                value = model.policy.predict_values(batch.observations)
                log_prob = now.log_prob(_actions(batch, model))
                log_ratio = log_prob - batch.old_log_prob
                advantage = (batch.advantages - batch.advantages.mean()) / (batch.advantages.std() + 1e-8)
                ratio = log_ratio.exp()
                surrogate = torch.min(advantage * ratio, advantage * ratio.clamp(1 - clip, 1 + clip)).mean()
                if model.target_kl is not None and (ratio - 1 - log_ratio).mean().item() > 1.5 * model.target_kl:
                    break
                with torch.no_grad():
                    before = self._distribution(self.start, model, batch)
                loss = (
                    model.vf_coef * functional.mse_loss(value.flatten(), batch.returns)
                    - surrogate
                    - model.ent_coef * now.entropy().mean()
                    + weight * divergence(before, now).mean()
                )
                losses.append(_step(model, loss))
            else:
                model._n_updates += 1
                continue
            break
        model.logger.record("train/loss", float(np.mean(losses)))
        model.logger.record("train/kl_weight", weight)

    def _moved(self, model: Any) -> float:
        """Return the mean divergence from the start over the rollout."""
        model.policy.set_training_mode(False)
        with torch.no_grad():
            parts = [
                divergence(self._distribution(self.start, model, batch), self._distribution(model.policy, model, batch))
                for batch in _in_order(model)
            ]
        return float(torch.cat(parts).mean())

    @staticmethod
    def _distribution(policy: Any, model: Any, batch: Any) -> Any:
        masks = {"action_masks": batch.action_masks} if isinstance(model, MaskablePPO) else {}
        return policy.get_distribution(batch.observations, **masks)


def divergence(before: Any, now: Any) -> torch.Tensor:
    """Return KL(before || now) in nats, (n,), summed over heads."""
    pairs = zip(heads_of(before), heads_of(now), strict=True)
    return torch.stack([(p.probs * (p.logits - q.logits)).sum(dim=-1) for p, q in pairs]).sum(dim=0)


def heads_of(distribution: Any) -> list[Any]:
    """Return the categorical distribution of every head."""
    parts = getattr(distribution, "distributions", None) or distribution.distribution
    return list(parts) if isinstance(parts, list | tuple) else [parts]


def _actions(batch: Any, model: Any) -> torch.Tensor:
    return batch.actions.long().flatten() if model.action_space.shape == () else batch.actions


def _in_order(model: Any) -> Iterator[Any]:
    """Yield the rollout in pieces without rolling dice for their order."""
    buffer, size = model.rollout_buffer, model.batch_size
    for first in range(0, buffer.buffer_size * buffer.n_envs, size):
        yield buffer._get_samples(np.arange(first, min(first + size, buffer.buffer_size * buffer.n_envs)))


def _step(model: Any, loss: torch.Tensor) -> float:
    model.policy.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.policy.parameters(), model.max_grad_norm)
    model.policy.optimizer.step()
    return loss.item()
