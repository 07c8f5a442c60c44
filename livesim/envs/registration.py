"""Gymnasium ids of the environments. `import livesim` registers them."""

from __future__ import annotations

from typing import Any

import gymnasium

ENV_IDS: dict[str, dict[str, Any]] = {
    "livesim/Room-v0": {"heads": ["recommend", "ads", "interact"]},
    "livesim/Recommend-v0": {"heads": ["recommend"]},
    "livesim/AdPlacement-v0": {"heads": ["ads"]},
    "livesim/InteractionTiming-v0": {"heads": ["interact"]},
    "livesim/Operations-v0": {"heads": ["operate"]},
}


def register_envs() -> None:
    """Register every id with its vector entry point; strings only, so that nothing heavy is imported yet."""
    for env_id, kwargs in ENV_IDS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                id=env_id,
                entry_point="livesim.envs.env:RoomEnv",
                vector_entry_point="livesim.envs.vector_env:RoomVectorEnv",
                kwargs=kwargs,
            )
