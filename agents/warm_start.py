"""Start from what a practitioner knows: clone a heuristic, and learn what its sessions are worth.

Demonstrations are played in the training rooms (training seeds). The clone minimises the cross-entropy of the
demonstrated actions, under the mask where the learner masks, plus the squared error of the value on the
discounted return of the demonstration. DQN has no policy to clone: its values fit the return and are pushed,
by a margin, to prefer the demonstrated action (Hester et al., "Deep Q-learning from demonstrations", AAAI
2018), and its replay buffer starts with the demonstrations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO, RecurrentPPO
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.base_class import BaseAlgorithm
from torch.nn import functional

from agents.algorithms import RoomDQN
from agents.hyperparameters import WarmStart
from agents.policy import make_policy
from agents.vec_env import RoomsVecEnv

MARGIN = 0.05  # advantage of a demonstrated action, in units of the scaled return


@dataclass
class Demonstrations:
    """T decisions of n rooms, raw: observations (T + 1, n, d) as inputs, actions (T, n, ...), rewards (T, n), done
    (T, n), masks (T, n, m); final: (decision, room) -> last input (d,) of a session that ended there.
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
    observations: list[np.ndarray] = [env.raw_input]
    actions: list[np.ndarray] = []
    rewards: list[np.ndarray] = []
    dones: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    final: dict[tuple[int, int], np.ndarray] = {}
    while finished.min() < rounds:
        masks.append(env.action_masks())
        action, state = policy.predict(env.raw_observation, state, start)
        action = _allowed(action, masks[-1], env.inputs.sizes)
        _, _, start, infos = env.step(action)
        for row in np.flatnonzero(start):
            final[len(actions), int(row)] = infos[row]["raw_terminal_input"]
        actions.append(action)
        rewards.append(env.raw_reward)
        dones.append(start)
        observations.append(env.raw_input)
        finished += start
    return Demonstrations(
        np.array(observations), final, np.array(actions), np.array(rewards), np.array(dones), np.array(masks)
    )


def _allowed(action: np.ndarray, mask: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return demonstrated actions, 0 where a head may not do what was demonstrated: a masked choice does nothing."""
    table = action.reshape(len(mask), len(sizes))
    at = np.cumsum([0, *sizes[:-1]]) + table
    return np.where(mask[np.arange(len(mask))[:, None], at], table, 0).reshape(action.shape)


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
    rows = Rows.of(env, demos, gamma, isinstance(model, RecurrentPPO))
    loss_of: Any = _value_loss if isinstance(model, RoomDQN) else _policy_loss
    optimiser = torch.optim.Adam(model.policy.parameters(), lr=plan.learning_rate)
    model.policy.set_training_mode(True)
    for _ in range(plan.epochs):
        for chosen in rows.shuffled(plan.batch_size):
            loss = loss_of(model, chosen)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.policy.parameters(), 0.5)
            optimiser.step()
    if isinstance(model, RoomDQN):
        model.q_net_target.load_state_dict(model.q_net.state_dict())
        _fill_replay(model, env, demos)
    return _agreement(model, rows)


@dataclass
class Rows:
    """Demonstrated decisions as a learner reads them, one after the other: session by session for a memory.

    observation (N, d), action (N, ...), value (N,), mask (N, m), is_first (N,) float; length: decisions that must stay
    together and in order, 1 without a memory.
    """

    observation: torch.Tensor
    action: torch.Tensor
    value: torch.Tensor
    mask: torch.Tensor
    is_first: torch.Tensor
    length: int

    @classmethod
    def of(cls, env: RoomsVecEnv, demos: Demonstrations, gamma: float, in_sequence: bool) -> Rows:
        """Return the demonstrations, normalised by what is known now."""
        steps, rooms = demos.rewards.shape
        scale = env.normaliser.reward_scale if env.normaliser else 1.0
        starts = np.concatenate([np.ones((1, rooms), dtype=bool), demos.done[:-1]])
        tables = [demos.observations[:-1], demos.actions, demos.returns(gamma) / scale, demos.masks, starts]
        if in_sequence:
            tables = [np.swapaxes(table, 0, 1) for table in tables]
        raw, action, value, mask, first = (table.reshape(steps * rooms, *table.shape[2:]) for table in tables)
        return cls(
            torch.as_tensor(env.normalised(raw)),
            torch.as_tensor(action),
            torch.as_tensor(value.astype(np.float32)),
            torch.as_tensor(mask),
            torch.as_tensor(first.astype(np.float32)),
            steps if in_sequence else 1,
        )

    def shuffled(self, batch_size: int) -> Iterator[Rows]:
        """Yield minibatches of about `batch_size` decisions in random order."""
        pieces = torch.randperm(len(self.value) // self.length)
        for chosen in pieces.split(max(1, batch_size // self.length)):
            yield self._at((chosen[:, None] * self.length + torch.arange(self.length)).flatten())

    def _at(self, index: torch.Tensor) -> Rows:
        value, first = self.value[index], self.is_first[index]
        return Rows(self.observation[index], self.action[index], value, self.mask[index], first, self.length)

    def memory(self, model: RecurrentPPO) -> tuple[torch.Tensor, torch.Tensor]:
        """Return empty LSTM states, one per piece."""
        policy: Any = model.policy
        zeros = torch.zeros(1, len(self.value) // self.length, policy.lstm_output_dim)
        return zeros, zeros


def _policy_loss(model: BaseAlgorithm, rows: Rows) -> torch.Tensor:
    policy: Any = model.policy
    if isinstance(model, RecurrentPPO):
        states = RNNStates(rows.memory(model), rows.memory(model))
        found = policy.evaluate_actions(rows.observation, rows.action, states, rows.is_first)
    else:
        masks = {"action_masks": rows.mask} if isinstance(model, MaskablePPO) else {}
        found = policy.evaluate_actions(rows.observation, rows.action, **masks)
    estimate, log_prob, _ = found
    return -log_prob.mean() + 0.5 * functional.mse_loss(estimate.flatten(), rows.value)


def _value_loss(model: RoomDQN, rows: Rows) -> torch.Tensor:
    values = model.q_net(rows.observation)
    action = rows.action[:, None]
    chosen = values.gather(1, action).flatten()
    margin = torch.full_like(values, MARGIN).scatter(1, action, 0.0)
    best = (values + margin).masked_fill(~rows.mask, -torch.inf).max(dim=1).values
    is_possible = rows.mask.gather(1, action).flatten()
    return functional.smooth_l1_loss(chosen, rows.value) + ((best - chosen) * is_possible).mean()


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
            before, after, reward = env.normalised(before), env.normalised(after), normaliser.reward(reward)
        infos: list[dict[str, Any]] = [{} for _ in range(env.num_envs)]
        buffer.add(before, after, demos.actions[t], reward, demos.done[t], infos)


def _agreement(model: BaseAlgorithm, rows: Rows) -> float:
    policy: Any = model.policy
    policy.set_training_mode(False)
    with torch.no_grad():
        if isinstance(model, RoomDQN):
            best = model.q_net(rows.observation).masked_fill(~rows.mask, -torch.inf).argmax(dim=1)
        elif isinstance(model, RecurrentPPO):
            distribution, _ = policy.get_distribution(rows.observation, rows.memory(model), rows.is_first)
            best = distribution.get_actions(deterministic=True)
        else:
            masks = {"action_masks": rows.mask} if isinstance(model, MaskablePPO) else {}
            best = policy.get_distribution(rows.observation, **masks).get_actions(deterministic=True)
    return float((best == rows.action).float().mean())


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
