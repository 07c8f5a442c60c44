"""RoomVectorEnv: many rooms as one gymnasium VectorEnv, advanced together as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, ClassVar

import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from livesim.envs.batch import RoomBatch, episode_seed
from livesim.envs.render import RENDER_FPS, RENDER_MODES, Renderer
from livesim.errors import ConfigError, OrderError
from livesim.scenario import Scenario


class RoomVectorEnv(VectorEnv):
    """`num_envs` live rooms in one batch, with the arguments, spaces and rewards of RoomEnv.

    Row i with seed s is bit for bit RoomEnv with seed s. Autoreset is SAME_STEP: when a session ends, `step`
    returns the first observation of the next one, and the last observation and info of the finished one in
    `info["final_obs"]` and `info["final_info"]`. Info has the keys of RoomEnv as arrays, room axis first,
    each with its `_key` mask as gymnasium does it, also inside nested dicts.

    `reset(seed=s)` gives row i the seed s + i; a list gives each row its own. Later episodes of a row draw
    their seed from that row's generator, as RoomEnv does on `reset()` without a seed. `options={"reset_mask":
    (R,) bool}` restarts only some rows.

    Prefer this (`vectorization_mode="vector_entry_point"`) to sync or async vectorisation of RoomEnv: one
    batch shares the work of a step, and processes cost more than a step takes.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        scenario: str | Scenario = "entertainment",
        heads: Sequence[str] = ("recommend", "ads", "interact"),
        reward: str = "balanced",
        reward_mode: str = "expected",
        observation: str = "flat",
        others: Mapping[str, str] | None = None,
        render_mode: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        if num_envs < 1:
            raise ConfigError(f"num_envs: {num_envs} is not a number of environments. Allowed: 1 or more.")
        self.batch = RoomBatch(
            num_envs,
            scenario=scenario,
            heads=heads,
            reward=reward,
            reward_mode=reward_mode,
            observation=observation,
            others=others,
            overrides=overrides,
        )
        self.renderer = Renderer(render_mode)
        self.render_mode = render_mode
        self.num_envs = num_envs
        self.scenario, self.layout, self.rooms = self.batch.scenario, self.batch.layout, self.batch.rooms
        self.heads = self.batch.actions.heads
        self.single_observation_space = self.batch.space
        self.single_action_space = self.batch.actions.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators: list[np.random.Generator] | None = None

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Start a session in every room, or in those of `options["reset_mask"]`."""
        self._require_open("reset")
        rows = self._rows_to_reset(options)
        seeds = self._episode_seeds(seed, rows)
        everything = len(rows) == self.num_envs
        self.batch.reset(seeds, None if everything else rows)
        observation = self.batch.observe()
        _, info = self.batch.outcome()
        is_new = np.zeros(self.num_envs, dtype=bool)
        is_new[rows] = True
        return observation, _with_masks(info, is_new)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Play one decision in every room; sessions that end start anew within the same step."""
        self._require_started("step")
        self.batch.step(self.batch.actions.parse(actions, self.num_envs))
        observation = self.batch.observe()
        rewards, info = self.batch.outcome()
        is_ended = np.array(self.rooms.ended, dtype=bool)
        extra: dict[str, Any] = {}
        if is_ended.any():
            extra = self._final(observation, info, is_ended)
            rows = np.flatnonzero(is_ended)
            self.batch.reset(self._episode_seeds(None, rows), rows)
            observation = self.batch.observe()
            _, info = self.batch.outcome()
        everyone = np.ones(self.num_envs, dtype=bool)
        never = np.zeros(self.num_envs, dtype=bool)
        return observation, rewards, is_ended, never, extra | _with_masks(info, everyone)

    def action_masks(self) -> np.ndarray:
        """Return (num_envs, sum of head sizes) bool: the choices that would do something now."""
        self._require_started("action_masks")
        return self.batch.action_masks()

    def render(self) -> tuple[Any, ...] | None:
        """Return one frame or text per room, as `render_mode` says."""
        self._require_started("render")
        if self.render_mode is None:
            return None
        weights = self.batch.weights
        return tuple(self.renderer.draw(self.batch.status(row), weights) for row in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Release the figure of the dashboard."""
        self.renderer.close()

    def _rows_to_reset(self, options: dict[str, Any] | None) -> np.ndarray:
        mask = _only_option(options, "reset_mask")
        if mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape != (self.num_envs,) or not mask.any():
            raise ConfigError(
                f"options: reset_mask must be {self.num_envs} bools with at least one True; got {mask!r}."
            )
        if self._generators is None and not mask.all():
            raise OrderError("reset() of some rooms before the first reset() of all: call reset() without reset_mask.")
        return np.flatnonzero(mask)

    def _episode_seeds(self, seed: int | Sequence[int | None] | None, rows: np.ndarray) -> list[int]:
        """Return the room seed of each row to start, and begin that row's generator where a seed is given."""
        if seed is None or isinstance(seed, (int, np.integer)):
            per_row = [None if seed is None else index(seed) + i for i in range(self.num_envs)]
        else:
            per_row = [None if s is None else index(s) for s in seed]
        if len(per_row) != self.num_envs:
            raise ConfigError(f"seed: {len(per_row)} seeds for {self.num_envs} environments.")
        if self._generators is None:
            self._generators = [np_random(None)[0] for _ in range(self.num_envs)]
        seeds = []
        for row in rows:
            given = per_row[row]
            if given is None:
                seeds.append(episode_seed(self._generators[row]))
            else:
                self._generators[row] = np_random(given)[0]
                seeds.append(given)
        return seeds

    def _final(self, observation: Any, info: dict[str, Any], is_ended: np.ndarray) -> dict[str, Any]:
        """Return final_obs and final_info of the finished sessions in gymnasium's form."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(is_ended):
            if isinstance(observation, dict):
                final_obs[row] = {name: value[row].copy() for name, value in observation.items()}
            else:
                final_obs[row] = observation[row].copy()
        return {
            "final_obs": final_obs,
            "_final_obs": is_ended.copy(),
            "final_info": _with_masks(_blank_rows(info, ~is_ended), is_ended),
            "_final_info": is_ended.copy(),
        }

    def _require_open(self, call: str) -> None:
        if self.closed:
            raise OrderError(f"{call}() on a closed environment: make a new one.")

    def _require_started(self, call: str) -> None:
        self._require_open(call)
        if self._generators is None:
            raise OrderError(f"{call}() before reset(): call reset() first to start a session.")


def _only_option(options: dict[str, Any] | None, name: str) -> Any:
    unknown = set(options or {}) - {name}
    if unknown:
        raise ConfigError(f"options: unknown key '{sorted(unknown)[0]}'. Known: {name}.")
    return (options or {}).get(name)


def _with_masks(info: dict[str, Any], is_present: np.ndarray) -> dict[str, Any]:
    """Add gymnasium's `_key` masks beside every key, also in nested dicts."""
    masked: dict[str, Any] = {}
    for key, value in info.items():
        masked[key] = _with_masks(value, is_present) if isinstance(value, dict) else value
        masked[f"_{key}"] = is_present.copy()
    return masked


def _blank_rows(info: dict[str, Any], is_blank: np.ndarray) -> dict[str, Any]:
    """Return info with zeros in the rows that have nothing to report."""
    blanked: dict[str, Any] = {}
    for key, value in info.items():
        if isinstance(value, dict):
            blanked[key] = _blank_rows(value, is_blank)
        else:
            blanked[key] = value.copy()
            blanked[key][is_blank] = 0
    return blanked
