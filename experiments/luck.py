"""What the same luck is worth: how many times fewer seeds a paired comparison needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.environment import EnvConfig
from experiments.rollout import Progress, rollout
from experiments.statistics import Estimate, variance_ratio


@dataclass(frozen=True)
class LuckReport:
    """Return differences of two policies (credits), with the same and with independent luck."""

    first: str
    second: str
    same_luck: np.ndarray  # (N,)
    independent: np.ndarray  # (N,)

    @property
    def ratio(self) -> Estimate:
        """Variance with independent luck over variance with the same luck."""
        return variance_ratio(self.same_luck, self.independent)


def measure_luck(
    env: EnvConfig, first: str, second: str, seeds: Sequence[int], progress: Progress | None = None
) -> LuckReport:
    """Play the first policy on `seeds`, the second on `seeds` and on as many seeds after them."""
    others = range(max(seeds) + 1, max(seeds) + 1 + len(seeds))
    ours = rollout(env.policy(first), env, seeds, progress=progress)["return"]
    same = rollout(env.policy(second), env, seeds, progress=progress)["return"]
    independent = rollout(env.policy(second), env, others, progress=progress)["return"]
    return LuckReport(first, second, ours - same, ours - independent)
