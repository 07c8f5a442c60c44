"""Models that Stable-Baselines3 saved itself: code, not data, so only on explicit trust. Needs `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents import hyperparameters
from agents.extra import missing_extra
from livesim.errors import CheckpointError

try:
    from sb3_contrib import MaskablePPO, RecurrentPPO
    from stable_baselines3 import A2C, DQN, PPO
except ImportError as error:
    raise missing_extra(error) from error


def load_foreign(path: str | Path, algorithm: str, trust_pickle: bool = False) -> Any:
    """Return a model that SB3 itself saved as .zip; it has SB3's `predict`.

    Such a file holds pickled Python objects, which can run anything when loaded, so it needs
    `trust_pickle=True`.
    """
    if not trust_pickle:
        raise CheckpointError(
            f"{path}: a Stable-Baselines3 .zip runs code when it is loaded. If you trust where it came from, "
            "allow it with --trust-pickle (trust_pickle=True)."
        )
    kinds: dict[str, Any] = {
        "ppo": PPO,
        "maskable_ppo": MaskablePPO,
        "recurrent_ppo": RecurrentPPO,
        "a2c": A2C,
        "dqn": DQN,
    }
    hyperparameters.validate(algorithm, {})
    return kinds[algorithm].load(path, device="cpu")
