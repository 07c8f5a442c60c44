"""RoomEnv: one live room as a gymnasium Env, the batched implementation with one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np

from livesim.envs.batch import RoomBatch, episode_seed
from livesim.envs.render import RENDER_FPS, RENDER_MODES, Renderer
from livesim.errors import ConfigError, OrderError
from livesim.scenario import Scenario


class RoomEnv(gymnasium.Env):
    """One live-streaming session: an agent decides what to show, when to sell ads and when to engage.

    Ids: `livesim/Room-v0` (the first three heads), `livesim/Recommend-v0`, `livesim/AdPlacement-v0`,
    `livesim/InteractionTiming-v0` and `livesim/Operations-v0` (one head; policies of the scenario play the others).
    One step is one decision, 30 simulated seconds by default.

    ## Observation
    Only what a platform could measure: audience, network, chat, money, what is on, what is
    possible now. A flat `Box` of float32 (default) or, with `observation="dict"`, a one-level `Dict` of 1-D
    boxes; bounded and finite, in natural units. Both come from one field table:
    `env.unwrapped.layout.table_markdown()` prints it.

    `hour_sin`, `hour_cos` and `is_weekend` are 0 unless the scenario turns its clock on (`session.clock`). The
    scenario may limit what is seen of viewers (`analytics.privacy`): "k_anonymous" hides every number that comes from
    fewer than `k` of them, alone or as part of a ratio, and shows the constant in the column `hidden` of the table;
    "laplace" adds noise of scale 1/`epsilon` to counts, the same for every policy, before ratios and logarithms.
    Fields with "-" in that column (time, rundown, market, network, levers, the desk's own work, masks) say
    nothing of viewers and are exact in every mode, and so are masks, rewards and info.

    ## Action heads
    `Discrete` for one head, else `MultiDiscrete` with one entry per head, in the order of `heads`:

    - `recommend` (K+1): 0 keep following the rundown, k+1 show item k now.
    - `ads` (F+1): 0 none, f+1 open the break or overlay of format f now; an auction fills it.
    - `interact` (J+1): 0 none, j+1 start interaction kind j now.
    - `operate` (1 + levels of all levers): 0 keep, else put one lever to one level: the highest rendition offered,
      rented edge capacity, people on the desk, strictness of moderation. Rents and wages are the reward term
      `operations`.

    `action_masks()` and `info["action_mask"]` say what would do something now, heads side by side. A masked
    choice is a no-op counted in `info["events"]["masked_actions"]`; a choice outside the space is an
    ActionError.

    ## Reward terms
    Credits, a sum of named terms times the weights of a preset: watch, gifts, ads, orders, follows, return, chat,
    prizes, complaints, operations, learning. `info["reward_terms"]` holds every weighted term and adds up to the
    reward. With `reward_mode="expected"` random credits are paid by their compensator (same mean, without the noise of
    the event itself), with "realised" as they happen; both totals are in info as `reward_expected` and
    `reward_realised`. Constraint costs are apart from reward, in `info["costs"]`.

    ## Start
    An empty room at time 0; viewers arrive as time passes. The seed of `reset` fixes all luck: two
    policies on one seed meet the same candidate viewers. Without a seed the next session continues the
    environment's own stream.

    ## End
    `terminated` at the scheduled end of the session, which the observation announces (`remaining_min`). Never
    truncated. A step after the end is an OrderError.

    ## Arguments
    - `scenario`: name of a shipped scenario or path of a YAML file, also with a preset ("ecommerce+mature"), or a
      Scenario.
    - `heads`: the heads the agent controls.
    - `reward`: preset of weights: balanced, revenue, retention, growth, composite, or a registered one.
    - `reward_mode`: "expected" or "realised".
    - `observation`: "flat" or "dict".
    - `others`: head -> name of the policy that plays a head left out of `heads`; default from the scenario.
    - `render_mode`: None, "ansi" (text of one screen) or "rgb_array" (dashboard frame, needs matplotlib).
    - `overrides`: dotted scenario key -> value, such as {"session.duration_s": 1800}.

    Info, on every reset and step: time_s, viewers, action_mask, reward_terms, reward_expected,
    reward_realised, costs, events (counts and sums since the last decision); where the scenario randomises, world: its
    drawn numbers by key (a switch as 0 or 1, a word as its place among the choices), which no observation holds.
    `copy.deepcopy` and `pickle` in mid-session give an environment that continues exactly.

    ## Versions
    - v0: first release.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": RENDER_FPS,
    }

    def __init__(
        self,
        scenario: str | Scenario = "entertainment",
        heads: Sequence[str] = ("recommend", "ads", "interact"),
        reward: str = "balanced",
        reward_mode: str = "expected",
        observation: str = "flat",
        others: Mapping[str, str] | None = None,
        render_mode: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self.batch = RoomBatch(
            1,
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
        self.scenario, self.layout, self.rooms = self.batch.scenario, self.batch.layout, self.batch.rooms
        self.heads = self.batch.actions.heads
        self.observation_space = self.batch.space
        self.action_space = self.batch.actions.space
        self._phase = "new"

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start a session with the luck of `seed`; without it, with the next of this environment's stream."""
        if self._phase == "closed":
            raise OrderError("reset() on a closed environment: make a new one.")
        if options:
            raise ConfigError(f"options: unknown key '{sorted(options)[0]}'. Known: none.")
        super().reset(seed=seed)
        room_seed = episode_seed(self.np_random) if seed is None else seed
        self.batch.reset([room_seed])
        self._phase = "running"
        observation = self.batch.observe()
        _, info = self.batch.outcome()
        return _only_row(observation), _only_entries(info)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one decision and return observation, reward, terminated, truncated (always False), info."""
        self._require_running("step")
        self.batch.step(self.batch.actions.parse(action))
        observation = self.batch.observe()
        reward, info = self.batch.outcome()
        terminated = bool(self.rooms.ended[0])
        if terminated:
            self._phase = "ended"
        return _only_row(observation), float(reward[0]), terminated, False, _only_entries(info)

    def action_masks(self) -> np.ndarray:
        """Return (sum of head sizes,) bool: the choices that would do something now."""
        self._require_started("action_masks")
        return self.batch.action_masks()[0]

    def render(self) -> Any:
        """Return the text ("ansi") or the (H, W, 3) uint8 frame ("rgb_array") of the room now."""
        self._require_started("render")
        if self.render_mode is None:
            gymnasium.logger.warn("render() without a render_mode: pass render_mode='ansi' or 'rgb_array' to make().")
            return None
        return self.renderer.draw(self.batch.status(0), self.batch.weights)

    def close(self) -> None:
        """Release the figure of the dashboard; safe to call twice."""
        self.renderer.close()
        self._phase = "closed"

    def _require_started(self, call: str) -> None:
        if self._phase == "new":
            raise OrderError(f"{call}() before reset(): call reset() first to start a session.")
        if self._phase == "closed":
            raise OrderError(f"{call}() on a closed environment: make a new one.")

    def _require_running(self, call: str) -> None:
        self._require_started(call)
        if self._phase == "ended":
            raise OrderError(
                f"{call}() after the end of the session at {float(self.rooms.time_s[0]):g} s: "
                "call reset() to start the next one."
            )


def _only_row(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: value[0] for name, value in observation.items()}
    return observation[0]


def _only_entries(info: dict[str, Any]) -> dict[str, Any]:
    """Return the info of the only room: plain numbers, and arrays without their room axis."""
    return {
        key: _only_entries(value) if isinstance(value, dict) else (value.item() if value.ndim == 1 else value[0])
        for key, value in info.items()
    }
