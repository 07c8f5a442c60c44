"""Running statistics that bring observations and rewards to unit scale. They are part of a saved model.

Only NumPy: a saved policy normalises in the same way without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout

CLIP_OBSERVATION = 5.0
CLIP_REWARD = 1.0  # no single decision counts for more than one spread of the return of a session
_EPSILON = 1e-8
_ONE_HOTS = ("item", "ad_playing", "interaction_open", "item_is_product", "battle_offer")


class RunningMoments:
    """Mean and variance of a stream of rows, merged batch by batch (Chan, Golub and LeVeque 1979)."""

    def __init__(self, size: int) -> None:
        self.mean = np.zeros(size)
        self.var = np.ones(size)
        self.count = 0.0

    def update(self, rows: np.ndarray) -> None:
        """Take in (n, size) rows."""
        n = len(rows)
        mean, var = rows.mean(axis=0, dtype=np.float64), rows.var(axis=0, dtype=np.float64)
        total = self.count + n
        delta = mean - self.mean
        spread = self.var * self.count + var * n + delta**2 * self.count * n / total
        self.mean = self.mean + delta * n / total
        self.var = spread / total
        self.count = total


class Normaliser:
    """Scales observations by running mean and spread, rewards by the spread of the discounted return so far.

    Masks and one-hots stay as they are. Rewards are divided but not centred, so that the sign of a reward and
    the best policy are kept. `is_frozen` stops learning the statistics, for off-policy learners whose
    replayed observations must not change meaning. shared: columns that are scaled alike, such as one field of all
    items, so that a network with shared weights reads each of them in the same way.
    """

    def __init__(
        self, size: int, fixed: Sequence[int], gamma: float, num_envs: int, shared: Sequence[slice] = ()
    ) -> None:
        self.observations = RunningMoments(size)
        self.returns = RunningMoments(1)
        self.gamma = gamma
        self.running = np.zeros(num_envs)
        self.is_frozen = False
        self._is_scaled = np.ones(size, dtype=bool)
        self._is_scaled[list(fixed)] = False
        self._shared = list(shared)

    def see(self, observation: np.ndarray) -> None:
        """Learn from (n, size) raw observations."""
        if not self.is_frozen:
            self.observations.update(observation)

    def see_rewards(self, reward: np.ndarray, ended: np.ndarray) -> None:
        """Learn from (n,) raw rewards of one step; `ended` (n,) bool marks the last step of an episode."""
        self.running = self.running * self.gamma + reward
        if not self.is_frozen:
            self.returns.update(self.running[:, None])
        self.running[ended] = 0.0

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Return shift and factor, (size,) float32 each: normalised = clip((raw - shift) * factor)."""
        mean, var = self._moments()
        shift = np.where(self._is_scaled, mean, 0.0)
        factor = np.where(self._is_scaled, 1.0 / np.sqrt(var + _EPSILON), 1.0)
        # A field that never moved carries no information; scaling its first move would be an outlier, not a
        # signal.
        factor = np.where(self._is_scaled & (var < 1e-10), 1.0, factor)
        return shift.astype(np.float32), factor.astype(np.float32)

    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of every column, pooled over columns that are scaled alike."""
        mean, var = self.observations.mean.copy(), self.observations.var.copy()
        for place in self._shared:
            means = mean[place]
            mean[place], var[place] = means.mean(), (var[place] + (means - means.mean()) ** 2).mean()
        return mean, var

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """Return normalised observations, float32."""
        return apply(observation, *self.scale())

    @property
    def reward_scale(self) -> float:
        """Return what raw rewards are divided by."""
        return float(np.sqrt(self.returns.var[0] + _EPSILON)) if self.returns.count else 1.0

    def reward(self, reward: np.ndarray) -> np.ndarray:
        """Return scaled rewards, float32."""
        return np.clip(reward / self.reward_scale, -CLIP_REWARD, CLIP_REWARD).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """Return every number as named arrays, for a checkpoint."""
        return {
            "observation_mean": self.observations.mean,
            "observation_var": self.observations.var,
            "observation_count": np.array(self.observations.count),
            "return_mean": self.returns.mean,
            "return_var": self.returns.var,
            "return_count": np.array(self.returns.count),
            "running": self.running,
            "is_frozen": np.array(self.is_frozen),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Set every number from `state()`."""
        self.observations.mean, self.observations.var = state["observation_mean"], state["observation_var"]
        self.observations.count = float(state["observation_count"])
        self.returns.mean, self.returns.var = state["return_mean"], state["return_var"]
        self.returns.count = float(state["return_count"])
        self.running = state["running"].copy()
        self.is_frozen = bool(state["is_frozen"])


def apply(observation: np.ndarray, shift: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return clip((observation - shift) * factor), float32."""
    return np.clip((observation - shift) * factor, -CLIP_OBSERVATION, CLIP_OBSERVATION).astype(np.float32)


def fixed_columns(layout: ObservationLayout) -> list[int]:
    """Return the columns of a flat observation that are left alone: masks and one-hots."""
    columns: list[int] = []
    for name, place in layout.slices.items():
        if name.startswith("mask_") or name in _ONE_HOTS:
            columns.extend(range(place.start, place.stop))
    return columns
