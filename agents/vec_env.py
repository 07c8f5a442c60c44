"""RoomsVecEnv: a batch of rooms as a Stable-Baselines3 VecEnv, normalised, and replayable from data.

No Python loop over rooms per step except for the info dicts that SB3 demands. Needs the extra `train`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from agents import normaliser as scaling
from agents.extra import missing_extra
from agents.inputs import Inputs
from agents.normaliser import Normaliser
from livesim.envs.vector_env import RoomVectorEnv
from livesim.errors import CheckpointError

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise missing_extra(error) from error


def plain_inputs(env: RoomVectorEnv) -> Inputs:
    """Return the inputs that are the observations."""
    fields = {name: (place.start, place.stop) for name, place in env.layout.slices.items()}
    return Inputs(fields, env.heads, env.batch.actions.sizes)


class TwinRooms:
    """The same rooms with the same luck under a fixed policy: a baseline that no action of the learner moves.

    Subtracting its reward leaves the learning signal unbiased and removes the luck that both share, such as a
    rich giver who comes to either room.
    """

    def __init__(self, env: RoomVectorEnv, policy: Any) -> None:
        self.env, self.policy = env, policy

    def reset(self, seeds: Sequence[int]) -> None:
        """Start the first episode of every room."""
        self._observation, _ = self.env.reset(seed=list(seeds))
        self._state: Any = None
        self._is_first = np.ones(self.env.num_envs, dtype=bool)

    def restart(self, rows: np.ndarray) -> None:
        """Start the next episode of some rooms; rows: (n,) bool."""
        self._observation, _ = self.env.reset(options={"reset_mask": rows})
        self._is_first = self._is_first | rows

    def step(self) -> np.ndarray:
        """Play one decision; returns the rewards (n,)."""
        action, self._state = self.policy.predict(self._observation, self._state, self._is_first)
        self._observation, reward, terminated, truncated, _ = self.env.step(action)
        self._is_first = terminated | truncated
        return reward


class RoomsVecEnv(VecEnv):
    """What SB3's algorithms step. Observations and rewards leave it normalised if a normaliser is given.

    With a twin, the reward is the difference to the twin room, in the scale of the room's own return.

    The infos of an ended episode hold `terminal_observation` (and `raw_terminal_input`, not normalised),
    `TimeLimit.truncated` and `episode` (r, l, and t = 0, because results must not depend on the wall clock).
    `last_info`, `raw_observation` and `raw_reward` are what the rooms gave in the last step, `raw_input` what `inputs`
    make of the observation, before it is normalised.
    """

    def __init__(
        self,
        env: RoomVectorEnv,
        seeds: Sequence[int],
        normaliser: Normaliser | None = None,
        twin: TwinRooms | None = None,
        inputs: Inputs | None = None,
    ) -> None:
        self.env = env
        self.inputs = inputs or plain_inputs(env)
        self.normaliser = normaliser
        self.twin = twin
        self.last_info: dict[str, Any] = {}
        self._first_seeds = [int(seed) for seed in seeds]
        self._actions: np.ndarray | None = None
        self._seen: tuple[np.ndarray, ...] = ()
        space = env.single_observation_space
        if not self.inputs.is_plain:
            space = spaces.Box(-np.inf, np.inf, (self.inputs.width,), np.float32)
        super().__init__(env.num_envs, space, env.single_action_space)
        self._forget()

    def reset(self) -> np.ndarray:
        """Start the first episode of every room from the seeds given at construction."""
        self.raw_observation, self.last_info = self.env.reset(seed=self._first_seeds)
        if self.twin:
            self.twin.reset(self._first_seeds)
        self._forget()
        if self.normaliser:
            self.normaliser.see(self.raw_observation)
        return self._look(np.ones(self.num_envs, dtype=bool))

    def step_async(self, actions: np.ndarray) -> None:
        """Remember the actions; `step_wait` plays them."""
        self._actions = np.asarray(actions)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Play one decision in every room."""
        assert self._actions is not None
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        done = terminated | truncated
        self._history.append(self._actions.copy())
        self._returns += reward
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if self.normaliser:
            self.normaliser.see(observation)
            self.normaliser.see_rewards(reward, done)
        if self.twin:
            reward = reward - self.twin.step()
        self.raw_observation, self.raw_reward, self.last_info = observation, reward, info
        if self.normaliser:
            reward = self.normaliser.reward(reward)
        if done.any():
            self._close_episodes(np.flatnonzero(done), truncated, info["final_obs"], infos)
        return self._look(done), reward, done, infos

    def _close_episodes(
        self, rows: np.ndarray, truncated: np.ndarray, final: np.ndarray, infos: list[dict[str, Any]]
    ) -> None:
        raw = self._final_inputs(rows, final)
        for row, raw_input, last in zip(rows, raw, self.normalised(raw), strict=True):
            infos[row] = {
                "terminal_observation": last,
                "raw_terminal_input": raw_input,
                "TimeLimit.truncated": bool(truncated[row]),
                "episode": {"r": float(self._returns[row]), "l": int(self._lengths[row]), "t": 0.0},
            }
        self._returns[rows] = 0.0
        self._lengths[rows] = 0
        self._finished[rows] += 1
        del self._history[: len(self._history) - int(self._lengths.max())]

    @property
    def episodes_ended(self) -> int:
        """Return the sessions that ended since `reset`."""
        return int(self._finished.sum())

    def normalised(self, inputs: np.ndarray) -> np.ndarray:
        """Return raw inputs (n, width) as the learner reads them."""
        if self.normaliser is None:
            return inputs
        return scaling.apply(inputs, *self.inputs.widened(*self.normaliser.scale()))

    def _final_inputs(self, rows: np.ndarray, final: np.ndarray) -> np.ndarray:
        """Return the raw inputs (len(rows), width) of sessions that ended in rows, before the next is looked at."""
        memory = tuple(array[rows] for array in self._seen)
        flat = np.stack([final[row] for row in rows])
        return self.inputs.see(flat, memory, np.zeros(len(rows), dtype=bool))[0]

    def _look(self, is_first: np.ndarray) -> np.ndarray:
        self.raw_input, self._seen = self.inputs.see(self.raw_observation, self._seen, is_first)
        return self.normalised(self.raw_input)

    def _forget(self) -> None:
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, dtype=np.int64)
        self._finished = np.zeros(self.num_envs, dtype=np.int64)
        self._history: list[np.ndarray] = []
        self._seen = self.inputs.fresh(np.arange(self.num_envs))

    def replay_state(self) -> dict[str, np.ndarray]:
        """Return what rebuilds the rooms exactly, as data: first seeds, episodes finished, actions since."""
        space = self.action_space
        history = np.array(self._history, dtype=np.int64).reshape(len(self._history), self.num_envs, *space.shape)  # type: ignore[misc]
        return {
            "first_seeds": np.array(self._first_seeds, dtype=np.uint64),
            "finished": self._finished.copy(),
            "lengths": self._lengths.copy(),
            "returns": self._returns.copy(),
            "history": history,
            "raw_observation": self.raw_observation.copy(),
            "raw_input": self.raw_input.copy(),
            **{f"seen_{i}": array for i, array in enumerate(self._seen)},
        }

    def replay(self, state: dict[str, np.ndarray]) -> None:
        """Rebuild the rooms of `replay_state` by playing the same actions from the same seeds.

        Raises CheckpointError if the last observation differs, as it does after a change of the simulator.
        """
        self._first_seeds = [int(seed) for seed in state["first_seeds"]]
        history, lengths, finished = state["history"], state["lengths"], state["finished"]
        observation, self.last_info = self.env.reset(seed=self._first_seeds)
        if self.twin:
            self.twin.reset(self._first_seeds)
        for i in range(int(finished.max())):
            # The last restart of a row waits until its own history begins: rows may be out of step.
            observation = self._restart(finished - 1 > i, observation)
        for i, actions in enumerate(history):
            observation = self._restart((lengths == len(history) - i) & (finished > 0), observation)
            observation, _, _, _, self.last_info = self.env.step(actions)
            if self.twin:
                self.twin.step()
        observation = self._restart((lengths == 0) & (finished > 0), observation)
        if not np.array_equal(observation, state["raw_observation"]):
            raise CheckpointError(
                "replaying the checkpoint's episode gave other observations: the simulator, the scenario or "
                "a policy of another head changed since. Start a new run, or go back to the version it was "
                "written with."
            )
        self.raw_observation = observation
        self._history = list(history)
        self._lengths, self._finished = lengths.copy(), finished.copy()
        self._returns = state["returns"].copy()
        self.raw_input = state["raw_input"]
        self._seen = tuple(state[f"seen_{i}"] for i in range(len(self._seen)))

    def _restart(self, rows: np.ndarray, observation: np.ndarray) -> np.ndarray:
        if not rows.any():
            return observation
        if self.twin:
            self.twin.restart(rows)
        return self.env.reset(options={"reset_mask": rows})[0]

    def action_masks(self) -> np.ndarray:
        """Return (num_envs, sum of sizes) bool."""
        return self.inputs.masks(self.raw_input)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Return one result per room; `action_masks` is what sb3-contrib asks for."""
        if method_name != "action_masks":
            raise AttributeError(f"RoomsVecEnv has no method '{method_name}' per room; known: action_masks")
        masks = self.action_masks()
        return [masks[i] for i in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the same attribute for every room: the rooms share one environment."""
        value = self.action_masks if attr_name == "action_masks" else getattr(self.env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: rooms of a batch share their attributes."""
        raise AttributeError(f"RoomsVecEnv cannot set '{attr_name}' for single rooms")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return True for SB3's Monitor, whose `episode` info this environment gives itself."""
        is_monitor = wrapper_class.__name__ == "Monitor"
        return [is_monitor for _ in self._get_indices(indices)]

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Return the seeds; they are fixed at construction, so SB3's own seeding changes nothing."""
        return list(self._first_seeds)

    def close(self) -> None:
        """Close the rooms."""
        self.env.close()
        if self.twin:
            self.twin.env.close()
