"""Everything a training run must remember at a rollout boundary, as plain arrays and JSON, and back again.

What SB3's own `save` forgets is the point: generators, the rooms (replayed, see `vec_env`), the last
observation, counters, the replay buffer.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer

Arrays = dict[str, np.ndarray]
_COUNTERS = (
    "num_timesteps",
    "_n_updates",
    "_episode_num",
    "_n_calls",
    "exploration_rate",
    "_current_progress_remaining",
)
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class Luck:
    """The global generators that SB3 draws from (torch, NumPy), kept apart from those of the caller."""

    def __init__(self) -> None:
        self.torch_state = torch.get_rng_state()
        self.numpy_state: Any = np.random.get_state()

    @contextmanager
    def rolling(self, threads: int) -> Iterator[None]:
        """Make this luck the global one; put the caller's back at the end, whatever happens."""
        outside, outside_threads = Luck(), torch.get_num_threads()
        self._install()
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            self.__init__()  # type: ignore[misc]
            outside._install()
            torch.set_num_threads(outside_threads)

    def _install(self) -> None:
        torch.set_rng_state(self.torch_state)
        np.random.set_state(self.numpy_state)

    def arrays(self) -> Arrays:
        """Return the states of both generators."""
        _, keys, position, has_gauss, gauss = self.numpy_state
        return {
            "torch": self.torch_state.numpy().copy(),
            "numpy_keys": keys,
            "numpy_rest": np.array([position, has_gauss, gauss], dtype=np.float64),
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Set the states from `arrays()`."""
        position, has_gauss, gauss = arrays["numpy_rest"]
        self.torch_state = torch.from_numpy(arrays["torch"].copy())
        self.numpy_state = ("MT19937", arrays["numpy_keys"], int(position), int(has_gauss), float(gauss))


def model_arrays(model: BaseAlgorithm) -> dict[str, Arrays]:
    """Return weights, optimiser moments, last observation and replay buffer of a model."""
    optimiser: Arrays = {}
    for index, slot in model.policy.optimizer.state_dict()["state"].items():  # type: ignore[union-attr]
        for name, value in slot.items():
            optimiser[f"{index}.{name}"] = torch.as_tensor(value).numpy()
    assert isinstance(model._last_obs, np.ndarray)
    assert model._last_episode_starts is not None
    tables: dict[str, Arrays] = {
        "weights": {name: value.numpy() for name, value in model.policy.state_dict().items()},
        "optimiser": optimiser,
        "last": {"observation": model._last_obs, "episode_starts": model._last_episode_starts},
    }
    if isinstance(model, RecurrentPPO):
        states = model._last_lstm_states
        assert states is not None
        tables["last"] |= {f"lstm_{i}": part.numpy() for i, part in enumerate((*states.pi, *states.vf))}
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        tables["replay"] = _replay_arrays(buffer)
    return tables


def model_document(model: BaseAlgorithm) -> dict[str, Any]:
    """Return counters and recent episode statistics of a model, JSON-plain."""
    return {
        "counters": {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)},
        "episodes": [{name: float(value) for name, value in info.items()} for info in model.ep_info_buffer or ()],
        "action_space": json.loads(json.dumps(model.action_space.np_random.bit_generator.state, default=int)),
    }


def restore_model(model: BaseAlgorithm, tables: Mapping[str, Arrays], document: Mapping[str, Any]) -> None:
    """Bring a freshly built model to the state of `model_arrays` and `model_document`."""
    model.policy.load_state_dict({name: torch.from_numpy(value) for name, value in tables["weights"].items()})
    optimiser = model.policy.optimizer.state_dict()  # type: ignore[union-attr]
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tables["optimiser"].items():
        index, name = key.split(".", 1)
        slots.setdefault(int(index), {})[name] = torch.from_numpy(value)
    model.policy.optimizer.load_state_dict({**optimiser, "state": slots})  # type: ignore[union-attr]
    model._last_obs = tables["last"]["observation"]
    model._last_episode_starts = tables["last"]["episode_starts"]
    if isinstance(model, RecurrentPPO):
        parts = [torch.from_numpy(tables["last"][f"lstm_{i}"]) for i in range(4)]
        states: Any = RNNStates((parts[0], parts[1]), (parts[2], parts[3]))
        model._last_lstm_states = states
    for name, value in document["counters"].items():
        setattr(model, name, value)
    model.ep_info_buffer = deque(document["episodes"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    model.action_space.np_random.bit_generator.state = document["action_space"]
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        _restore_replay(buffer, tables["replay"])


def _replay_arrays(buffer: ReplayBuffer) -> Arrays:
    filled = buffer.buffer_size if buffer.full else buffer.pos
    tables = {name: getattr(buffer, name)[:filled] for name in _REPLAY}
    return {**tables, "position": np.array([buffer.pos, buffer.full], dtype=np.int64)}


def _restore_replay(buffer: ReplayBuffer, table: Arrays) -> None:
    for name in _REPLAY:
        getattr(buffer, name)[: len(table[name])] = table[name]
    buffer.pos, buffer.full = int(table["position"][0]), bool(table["position"][1])
