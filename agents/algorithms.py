"""Stable-Baselines3 models for rooms: built from hyperparameters, with the starts that help here.

PPO, A2C, MaskablePPO and RecurrentPPO are the libraries' own. DQN differs in exploration and targets (RoomDQN).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import LinearSchedule
from torch.nn import functional

from agents import dice, hyperparameters, policy_nets
from agents.set_net import SetActor
from agents.set_plan import descriptions, set_plan
from agents.vec_env import RoomsVecEnv
from livesim.errors import ConfigError

NOTHING_PROBABILITY = 0.9
_ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}


class RoomDQN(DQN):
    """DQN with one exploration die per room, masked and mostly "nothing"; double, masked targets.

    SB3's own DQN rolls one die for all rooms at once, and explores masked actions, which are no-ops here.
    mask_place: columns of the observation that hold the mask of the head (normalisation leaves masks alone).
    """

    mask_place: slice
    nothing_share: float | None = None

    def _sample_action(
        self, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(self._last_obs, np.ndarray)
        mask = self._last_obs[:, self.mask_place] > 0.5
        epsilon = 1.0 if self.num_timesteps < learning_starts else self.exploration_rate
        with torch.no_grad():
            values = self.q_net(torch.as_tensor(self._last_obs)).numpy()
        actions = np.where(mask, values, -np.inf).argmax(axis=1)
        is_exploring = np.random.rand(n_envs) < epsilon
        actions = np.where(is_exploring, dice.pick(self._preference(mask), np.random.rand(n_envs)), actions)
        return actions, actions

    def _preference(self, mask: np.ndarray) -> np.ndarray:
        weights = mask.astype(np.float64)
        if self.nothing_share is not None:
            others = np.maximum(weights[:, 1:].sum(axis=1, keepdims=True), 1.0)
            weights[:, 1:] *= (1.0 - self.nothing_share) / others
            weights[:, 0] = self.nothing_share
        return weights

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Take gradient steps towards double-Q targets over allowed actions (van Hasselt et al. 2016)."""
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        losses = []
        for _ in range(gradient_steps):
            batch = self.replay_buffer.sample(batch_size)  # type: ignore[union-attr]
            discounts = batch.discounts if batch.discounts is not None else self.gamma
            with torch.no_grad():
                allowed = batch.next_observations[:, self.mask_place] > 0.5
                preferred = (
                    self.q_net(batch.next_observations).masked_fill(~allowed, -torch.inf).argmax(1, keepdim=True)
                )
                future = self.q_net_target(batch.next_observations).gather(1, preferred)
                target = batch.rewards + (1 - batch.dones) * discounts * future
            value = self.q_net(batch.observations).gather(1, batch.actions.long())
            loss = functional.smooth_l1_loss(value, target)
            losses.append(loss.item())
            self.policy.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            self.policy.optimizer.step()
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates)
        self.logger.record("train/loss", np.mean(losses))


_ON_POLICY = {"ppo": PPO, "maskable_ppo": MaskablePPO, "recurrent_ppo": RecurrentPPO, "a2c": A2C}
_CLIPPED = ("batch_size", "n_epochs", "clip_range", "target_kl")


def build(algorithm: str, hyper: hyperparameters.Hyperparameters, env: RoomsVecEnv, seed: int) -> BaseAlgorithm:
    """Return an untrained SB3 model. Raises ConfigError for DQN on several heads."""
    rate = hyper.learning_rate
    end = rate if hyper.learning_rate_end is None else hyper.learning_rate_end
    policy, policy_kwargs = _policy(algorithm, hyper, env)
    common: dict[str, Any] = {
        "policy": policy,
        "env": env,
        "learning_rate": LinearSchedule(rate, end, 1.0),
        "gamma": hyper.gamma,
        "seed": seed % 2**32,
        "device": "cpu",
        "policy_kwargs": policy_kwargs,
    }
    if isinstance(hyper, hyperparameters.DQN):
        return _build_dqn(hyper, env, common)
    shared = ("n_steps", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm")
    own = _CLIPPED if isinstance(hyper, hyperparameters.Clipped) else ()
    model = _ON_POLICY[algorithm](**common, **{name: getattr(hyper, name) for name in (*shared, *own)})
    if hyper.initial_bias == "nothing":
        _bias_logits(model, env.inputs.sizes)
    return model


def _policy(
    algorithm: str, hyper: hyperparameters.Hyperparameters, env: RoomsVecEnv
) -> tuple[str | type[Any], dict[str, Any]]:
    """Return SB3's policy class and its arguments: SB3's own network wherever that is what was asked for."""
    activation, inputs = _ACTIVATIONS[hyper.activation], env.inputs
    plain = {"net_arch": list(hyper.net), "activation_fn": activation}
    if isinstance(hyper, hyperparameters.RecurrentPPO):
        places = [env.env.layout.slices[f"mask_{head}"] for head in env.env.heads]
        columns = np.concatenate([np.arange(place.start, place.stop) for place in places])
        return policy_nets.MaskedLstmPolicy, {**plain, "lstm_hidden_size": hyper.lstm_size, "mask_columns": columns}
    if not isinstance(hyper, hyperparameters.PPO) or (hyper.extractor == "flat" and hyper.advice is None):
        return "MlpPolicy", plain
    advice = None if hyper.advice is None else (inputs.advice_start, hyper.advice_trust)
    own = policy_nets.MaskedOwnNetPolicy if algorithm == "maskable_ppo" else policy_nets.OwnNetPolicy
    if hyper.extractor == "flat":

        def make_net() -> policy_nets.RoomNet:
            return policy_nets.flat_net(inputs.width, hyper.net, inputs.sizes, activation, advice)
    else:
        plan = set_plan(inputs.fields, env.env.heads, inputs.sizes, hyper.history, advice is not None)
        known = descriptions(env.env.scenario)

        def make_net() -> policy_nets.RoomNet:
            return policy_nets.set_net(plan, known, hyper.net, activation, advice)

    return own, {**plain, "make_net": make_net}


def _build_dqn(hyper: hyperparameters.DQN, env: RoomsVecEnv, common: dict[str, Any]) -> RoomDQN:
    if not isinstance(env.action_space, spaces.Discrete):
        heads = ", ".join(env.env.heads)
        raise ConfigError(
            f"dqn plays one head, but this environment has {heads}. Use ppo, maskable_ppo or a2c, "
            "or an environment with one head such as livesim/AdPlacement-v0."
        )
    if hyper.buffer_size < hyper.num_envs * (hyper.n_step_returns + 1):
        raise ConfigError(f"dqn.buffer_size: {hyper.buffer_size} is too small for {hyper.num_envs} rooms.")
    names = (
        "buffer_size",
        "learning_starts",
        "batch_size",
        "train_freq",
        "gradient_steps",
        "target_update_interval",
        "exploration_fraction",
        "exploration_initial_eps",
        "exploration_final_eps",
        "max_grad_norm",
    )
    model = RoomDQN(**common, n_steps=hyper.n_step_returns, **{name: getattr(hyper, name) for name in names})
    model.mask_place = env.env.layout.slices[f"mask_{env.env.heads[0]}"]
    if hyper.initial_bias == "nothing":
        model.nothing_share = NOTHING_PROBABILITY
        _bias_values(model)
    return model


def _bias_logits(model: BaseAlgorithm, sizes: Sequence[int]) -> None:
    """Set the output bias so that every head starts with action 0 at about `NOTHING_PROBABILITY`."""
    odds = NOTHING_PROBABILITY / (1.0 - NOTHING_PROBABILITY)
    policy: Any = model.policy
    with torch.no_grad():
        for bias, place, size in _first_biases(policy, sizes):
            bias[place] = math.log(odds * max(int(size) - 1, 1))


def _first_biases(policy: Any, sizes: Sequence[int]) -> Iterator[tuple[torch.Tensor, int, int]]:
    """Yield for every head the zeroed bias that holds its choice 0, the place there, and the size of the head."""
    actor = getattr(policy.mlp_extractor, "actor", None)
    if isinstance(actor, SetActor):
        for head, size in zip(actor.plan.heads, sizes, strict=True):
            first: Any = actor.heads[head]
            yield first.choices.bias.zero_(), 0, size
        return
    bias = (policy.action_net if actor is None else actor[-1]).bias.zero_()
    for place, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        yield bias, int(place), size


def _bias_values(model: RoomDQN) -> None:
    """Start with almost equal values and a small advantage for action 0, in units of the scaled return."""
    nets: list[Any] = [model.q_net, model.q_net_target]
    with torch.no_grad():
        for net in nets:
            last = net.q_net[-1]
            last.weight.mul_(0.01)
            last.bias.zero_()
            last.bias[0] = 0.1


def net_kind(model: BaseAlgorithm) -> str:
    """Return which forward pass plays the model: "mlp", "sets" or "lstm"."""
    if isinstance(model, RecurrentPPO):
        return "lstm"
    extractor = getattr(model.policy, "mlp_extractor", None)
    return "sets" if isinstance(getattr(extractor, "actor", None), SetActor) else "mlp"


def weights(model: BaseAlgorithm) -> dict[str, np.ndarray]:
    """Return copies of all that playing needs, by the names of `agents.forward`."""
    policy: Any = model.policy
    if isinstance(model, DQN):
        return _layers(policy.q_net.q_net)
    extractor = policy.mlp_extractor
    if not isinstance(extractor, policy_nets.RoomNet):
        found = _layers([*extractor.policy_net, policy.action_net])
        if isinstance(model, RecurrentPPO):
            found |= {f"lstm.{name[:-3]}": _copy(value) for name, value in policy.lstm_actor.named_parameters()}
        return found
    actor: Any = extractor.actor
    if isinstance(actor, SetActor):
        found = {name: _copy(value) for name, value in actor.state_dict().items()}
    else:
        found = _layers(actor)
    return found if extractor.advice is None else {**found, "advice": _copy(extractor.advice)}


def _layers(modules: Iterable[Any]) -> dict[str, np.ndarray]:
    found = {}
    for i, module in enumerate(module for module in modules if isinstance(module, torch.nn.Linear)):
        found[f"weight_{i}"], found[f"bias_{i}"] = _copy(module.weight), _copy(module.bias)
    return found


def _copy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().copy()
