"""Importing the simulator stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "stable_baselines3", "matplotlib", "tensorboard")


@pytest.mark.parametrize(
    "lines",
    [
        "import livesim",
        "import livesim, gymnasium; gymnasium.make('livesim/Recommend-v0', scenario='tiny').reset(seed=1)",
        "import gymnasium; gymnasium.make('livesim:livesim/Room-v0', scenario='tiny').reset(seed=1)",
    ],
)
def test_neither_torch_nor_sb3_nor_matplotlib_is_loaded(lines):
    check = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{lines}; {check}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
