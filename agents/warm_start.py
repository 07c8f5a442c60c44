"""Start from what a practitioner knows: clone a heuristic, and learn what its sessions are worth.

Demonstrations are played in the training rooms (training seeds). The clone minimises the cross-entropy of the
demonstrated actions, under the mask where the learner masks, plus the squared error of the value on the
discounted return of the demonstration. DQN has no policy to clone: its values fit the return and are pushed,
by a margin, to prefer the demonstrated action (Hester et al., "Deep Q-learning from demonstrations", AAAI
2018), and its replay buffer starts with the demonstrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.base_class import BaseAlgorithm
from torch.nn import functional

from agents.algorithms import RoomDQN
from agents.hyperparameters import WarmStart
from agents.policy import make_policy
from agents.vec_env import RoomsVecEnv

MARGIN = 0.05  # advantage of a demonstrated action, in units of the scaled return


@dataclass
class Demonstrations:
    """T decisions of n rooms, raw: observations (T + 1, n, d), actions (T, n, ...), rewards (T, n), done (T,
    n), masks (T, n, m); final: (decision, room) -> last observation (d,) of a session that ended there.
    """

    observations: np.ndarray
    final: dict[tuple[int, int], np.ndarray]
    actions: np.ndarray
    rewards: np.ndarray
    done: np.ndarray
    masks: np.ndarray

    def returns(self, gamma: float) -> np.ndarray:
        """Return (T, n) discounted raw return from each decision to the end of its session."""
        total = np.zeros(self.rewards.shape)
        running = np.zeros(self.rewards.shape[1])
        for t in range(len(self.rewards) - 1, -1, -1):
            running = self.rewards[t] + gamma * np.where(self.done[t], 0.0, running)
            total[t] = running
        return total


def demonstrate(env: RoomsVecEnv, policy: Any, episodes: int) -> Demonstrations:
    """Play at least `episodes` whole sessions with a policy; the normaliser learns from them."""
    rounds = -(-episodes // env.num_envs)
    env.reset()
    state, start = None, np.ones(env.num_envs, dtype=bool)
    finished = np.zeros(env.num_envs, dtype=np.int64)
    observations: list[np.ndarray] = [env.raw_observation]
    actions: list[np.ndarray] = []
    rewards: list[np.ndarray] = []
    dones: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    final: dict[tuple[int, int], np.ndarray] = {}
    while finished.min() < rounds:
        masks.append(env.action_masks())
        action, state = policy.predict(env.raw_observation, state, start)
        _, _, start, _ = env.step(action)
        for row in np.flatnonzero(start):
            final[len(actions), int(row)] = env.last_info["final_obs"][row]
        actions.append(action)
        rewards.append(env.raw_reward)
        dones.append(start)
        observations.append(env.raw_observation)
        finished += start
    return Demonstrations(
        np.array(observations), final, np.array(actions), np.array(rewards), np.array(dones), np.array(masks)
    )


def calibrate(env: RoomsVecEnv, seed: int) -> None:
    """Fix the normaliser from one session per room, half played by rules and half at random.

    Observations in a replay buffer must not change meaning, so an off-policy learner cannot use running
    statistics.
    """
    rooms = env.env
    parts = [make_policy(name, rooms.layout, rooms.scenario, rooms.heads, seed=seed) for name in ("combined", "random")]
    demonstrate(env, _Mixture(parts, np.arange(env.num_envs) % 2 == 1), env.num_envs)
    assert env.normaliser is not None
    env.normaliser.is_frozen = True


def clone(model: BaseAlgorithm, env: RoomsVecEnv, demos: Demonstrations, plan: WarmStart, gamma: float) -> float:
    """Fit the model to demonstrations; returns the share of decisions in which it now chooses the same."""
    normaliser = env.normaliser
    count = demos.actions.shape[0] * demos.actions.shape[1]
    raw = demos.observations[:-1].reshape(count, -1)
    observation = torch.as_tensor(normaliser.observation(raw) if normaliser else raw)
    action = torch.as_tensor(demos.actions.reshape(count, *demos.actions.shape[2:]))
    scale = normaliser.reward_scale if normaliser else 1.0
    value = torch.as_tensor((demos.returns(gamma) / scale).reshape(count).astype(np.float32))
    mask = torch.as_tensor(demos.masks.reshape(count, -1))
    loss_of: Any = _value_loss if isinstance(model, RoomDQN) else _policy_loss
    optimiser = torch.optim.Adam(model.policy.parameters(), lr=plan.learning_rate)
    model.policy.set_training_mode(True)
    for _ in range(plan.epochs):
        for chosen in torch.randperm(count).split(plan.batch_size):
            loss = loss_of(model, observation[chosen], action[chosen], value[chosen], mask[chosen])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.policy.parameters(), 0.5)
            optimiser.step()
    if isinstance(model, RoomDQN):
        model.q_net_target.load_state_dict(model.q_net.state_dict())
        _fill_replay(model, env, demos)
    return _agreement(model, observation, action, mask)


def _policy_loss(
    model: BaseAlgorithm,
    observation: torch.Tensor,
    action: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    masks = {"action_masks": mask} if isinstance(model, MaskablePPO) else {}
    estimate, log_prob, _ = model.policy.evaluate_actions(observation, action, **masks)  # type: ignore[operator]
    return -log_prob.mean() + 0.5 * functional.mse_loss(estimate.flatten(), value)


def _value_loss(
    model: RoomDQN, observation: torch.Tensor, action: torch.Tensor, value: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    values = model.q_net(observation)
    chosen = values.gather(1, action[:, None]).flatten()
    margin = torch.full_like(values, MARGIN).scatter(1, action[:, None], 0.0)
    best = (values + margin).masked_fill(~mask, -torch.inf).max(dim=1).values
    is_possible = mask.gather(1, action[:, None]).flatten()
    return functional.smooth_l1_loss(chosen, value) + ((best - chosen) * is_possible).mean()


def _fill_replay(model: RoomDQN, env: RoomsVecEnv, demos: Demonstrations) -> None:
    normaliser = env.normaliser
    buffer = model.replay_buffer
    assert buffer is not None
    for t in range(max(0, len(demos.actions) - buffer.buffer_size), len(demos.actions)):
        after = demos.observations[t + 1].copy()
        for row in np.flatnonzero(demos.done[t]):
            after[row] = demos.final[t, int(row)]
        before, reward = demos.observations[t], demos.rewards[t]
        if normaliser:
            before, after, reward = (
                normaliser.observation(before),
                normaliser.observation(after),
                normaliser.reward(reward),
            )
        infos: list[dict[str, Any]] = [{} for _ in range(env.num_envs)]
        buffer.add(before, after, demos.actions[t], reward, demos.done[t], infos)


def _agreement(model: BaseAlgorithm, observation: torch.Tensor, action: torch.Tensor, mask: torch.Tensor) -> float:
    model.policy.set_training_mode(False)
    with torch.no_grad():
        if isinstance(model, RoomDQN):
            best = model.q_net(observation).masked_fill(~mask, -torch.inf).argmax(dim=1)
        else:
            masks = {"action_masks": mask} if isinstance(model, MaskablePPO) else {}
            best = model.policy.get_distribution(observation, **masks).get_actions(deterministic=True)  # type: ignore[operator]
    return float((best == action).float().mean())


class _Mixture:
    """Plays some rows by one policy and the rest by another."""

    def __init__(self, parts: list[Any], is_second: np.ndarray) -> None:
        self.parts, self.is_second = parts, is_second

    def predict(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
        states = state or (None, None)
        (first, a), (second, b) = (
            part.predict(observation, memory, episode_start) for part, memory in zip(self.parts, states, strict=True)
        )
        chooses = self.is_second if first.ndim == 1 else self.is_second[:, None]
        return np.where(chooses, second, first), (a, b)
