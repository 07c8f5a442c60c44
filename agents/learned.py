"""Learner: trains a policy to any step, can stop at any rollout boundary, and resumes to the same result.

Needs the extra `train`. Playing a saved model does not: see `agents.network`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents import hyperparameters, model_files
from agents.advice import advice_card
from agents.extra import missing_extra
from agents.inputs import Inputs
from agents.network import NetworkPolicy, NetworkSpec, load_model, save_model
from agents.normaliser import Normaliser, fixed_columns
from agents.policy import make_policy
from agents.set_plan import shared_columns
from livesim.envs.vector_env import RoomVectorEnv
from livesim.errors import CheckpointError

try:
    from stable_baselines3.common.callbacks import CallbackList
    from stable_baselines3.common.logger import Logger

    from agents import algorithms, checkpoint, look_ahead, warm_start
    from agents.leash import Leash
    from agents.vec_env import RoomsVecEnv, TwinRooms
except ImportError as error:
    raise missing_extra(error) from error

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout

__all__ = ["Learner", "load_model"]

FORMAT = "livesim checkpoint 1"
_ARRAYS = ("weights", "optimiser", "last", "luck", "rooms")
FIRST_TRAINING_SEED = 2**32  # evaluation seeds are what people type: smaller


class Learner:
    """One training run: rooms, normaliser, SB3 model and luck, everything that its result depends on.

    env_config: JSON-plain keyword arguments of RoomVectorEnv (scenario, heads, reward, ...). budget: planned
    environment steps, from which schedules are computed. env_seed: row i starts with seed env_seed + i.
    """

    def __init__(
        self,
        algorithm: str,
        hyper: Mapping[str, Any],
        env_config: Mapping[str, Any],
        seed: int,
        budget: int,
        env_seed: int | None = None,
    ) -> None:
        self.algorithm, self.seed, self.budget = algorithm, int(seed), int(budget)
        self.hyper = hyperparameters.validate(algorithm, hyper)
        self.env_config = dict(env_config)
        self.env_config["observation"] = "flat"  # what it reads; a model plays dict observations as well
        self.env_config["reward_mode"] = self.hyper.reward_mode or self.env_config.get("reward_mode", "expected")
        self.env_seed = FIRST_TRAINING_SEED + self.seed * 2**20 if env_seed is None else int(env_seed)
        self.env = RoomVectorEnv(num_envs=self.hyper.num_envs, **self.env_config)
        self.normaliser = self._make_normaliser()
        seeds = [self.env_seed + row for row in range(self.hyper.num_envs)]
        self.rooms = RoomsVecEnv(self.env, seeds, self.normaliser, self._make_twin(), self._make_inputs())
        self._luck = checkpoint.Luck()
        if (search := getattr(self.hyper, "look_ahead", None)) is not None:
            look_ahead.tried_heads(search, self.rooms.inputs)  # refuses heads that are not learned here
        with self._luck.rolling(self.hyper.threads):
            self.model = algorithms.build(algorithm, self.hyper, self.rooms, self.seed)
        self.set_logger(Logger(folder=None, output_formats=[]))
        self.statistics: dict[str, float] = {}
        self.warm_start_agreement: float | None = None
        self._leash: Leash | None = None
        self._episodes_reported = 0
        self._is_started = False
        self._is_mid_rollout = False

    def _make_normaliser(self) -> Normaliser:
        layout, hyper = self.env.layout, self.hyper
        shared = shared_columns(_places(layout)) if getattr(hyper, "extractor", "flat") == "sets" else ()
        return Normaliser(layout.size, fixed_columns(layout), hyper.gamma, hyper.num_envs, shared)

    def _make_inputs(self) -> Inputs:
        env, hyper = self.env, self.hyper
        name = getattr(hyper, "advice", None)
        rule = make_policy(name, env.layout, env.scenario, env.heads) if name else None
        self._advice = advice_card(rule, env.heads) if name else None
        sizes = env.batch.actions.sizes
        at_advice = getattr(hyper, "advice_moments", "any") == "rule"
        return Inputs(_places(env.layout), env.heads, sizes, hyper.history, rule, hyper.event_wait, at_advice)

    def _make_twin(self) -> TwinRooms | None:
        if self.hyper.twin is None:
            return None
        twin = RoomVectorEnv(num_envs=self.hyper.num_envs, **self.env_config)
        return TwinRooms(twin, make_policy(self.hyper.twin, twin.layout, twin.scenario, twin.heads))

    @property
    def steps(self) -> int:
        """Return the environment steps trained on so far."""
        return self.model.num_timesteps

    def set_logger(self, logger: Logger) -> None:
        """Send SB3's training numbers to a logger; it is dumped after every rollout that ends an episode."""
        self.model.set_logger(logger)

    def learn_until(self, step: int, callback: Callable[[Learner], bool | None] | None = None) -> bool:
        """Train to the first rollout boundary at or after `step`; returns False if the callback stopped it.

        callback: called after every rollout and its update; returning False stops there, in a state that can
        be saved. It may evaluate: the learner keeps its own luck.
        """
        if self._is_mid_rollout:
            raise CheckpointError("this learner was interrupted inside a rollout: load its last checkpoint to go on.")
        if step <= self.steps:
            return True
        with self._luck.rolling(self.hyper.threads):
            self._start()
        while self.steps < step:
            begun, before = time.perf_counter(), self.steps
            self._is_mid_rollout = True
            with self._luck.rolling(self.hyper.threads):
                self._rollout_and_train()
            self._is_mid_rollout = False
            self._report((self.steps - before) / max(time.perf_counter() - begun, 1e-9))
            if callback is not None and callback(self) is False:
                return False
        return True

    def _start(self) -> None:
        """Do what comes before the first rollout: demonstrations, the first observation."""
        if not self._is_started:
            self._prepare()
        is_first = self.model._last_obs is None
        _, self._callback = self.model._setup_learn(self.budget - self.steps, CallbackList([]), is_first)
        self.model._total_timesteps = self.budget
        self._is_started = True

    def _prepare(self) -> None:
        plan, is_off_policy = self.hyper.warm_start, self.algorithm == "dqn"
        if plan is not None:
            policy = make_policy(plan.policy, self.env.layout, self.env.scenario, self.env.heads, seed=self.seed)
            demonstrations = warm_start.demonstrate(self.rooms, policy, plan.episodes)
            self.normaliser.is_frozen = is_off_policy
            self.warm_start_agreement = warm_start.clone(self.model, self.rooms, demonstrations, plan, self.hyper.gamma)
        elif is_off_policy:
            warm_start.calibrate(self.rooms, self.seed)
        if (search := getattr(self.hyper, "look_ahead", None)) is not None:
            first = self.env_seed + look_ahead.FIRST_SESSION
            self.statistics |= look_ahead.improve(self.model, self.rooms, self.policy, search, self.seed, first)
        self._leash = self._make_leash()

    def _make_leash(self) -> Leash | None:
        plan = getattr(self.hyper, "bound", None)
        return None if plan is None else Leash(plan, self.model, self.budget)

    def _rollout_and_train(self) -> None:
        model: Any = self.model
        if self.algorithm == "dqn":
            model.collect_rollouts(
                self.rooms,
                train_freq=model.train_freq,
                callback=self._callback,
                learning_starts=model.learning_starts,
                replay_buffer=model.replay_buffer,
            )
            if self.steps > model.learning_starts:
                model.train(gradient_steps=model.gradient_steps, batch_size=model.batch_size)
            return
        model.collect_rollouts(self.rooms, self._callback, model.rollout_buffer, model.n_steps)
        model._update_current_progress_remaining(self.steps, self.budget)
        if self._leash is None:
            model.train()
        else:
            self._leash.train(model)

    def _report(self, steps_per_second: float) -> None:
        logger, episodes = self.model.logger, list(self.model.ep_info_buffer or ())
        if episodes:
            logger.record("rollout/ep_rew_mean", float(np.mean([episode["r"] for episode in episodes])))
            logger.record("rollout/ep_len_mean", float(np.mean([episode["l"] for episode in episodes])))
        logger.record("time/fps", steps_per_second)
        self.statistics.update({name: float(value) for name, value in logger.name_to_value.items()})
        if self.rooms.episodes_ended > self._episodes_reported:
            self._episodes_reported = self.rooms.episodes_ended
            logger.dump(self.steps)

    def policy(self) -> NetworkPolicy:
        """Return the present policy, copied: it plays on without this learner and without torch."""
        inputs = self.rooms.inputs
        spec = NetworkSpec(
            algorithm=self.algorithm,
            heads=inputs.heads,
            sizes=inputs.sizes,
            fields=inputs.fields,
            activation=self.hyper.activation,
            masks=self.algorithm in hyperparameters.MASKED,
            greedy=self.algorithm == "dqn",
            net=algorithms.net_kind(self.model),
            history=inputs.history,
            event_wait=inputs.event_wait,
            at_advice=inputs.at_advice,
            advice=self._advice,
        )
        weights = algorithms.weights(self.model)
        return NetworkPolicy(spec, weights, *self.normaliser.scale(), seed=self.seed, rule=inputs.adviser)

    def save_model(self, folder: str | Path) -> None:
        """Write the policy as data, with its normaliser, for `load_model`."""
        save_model(Path(folder), self.policy(), self._card())

    def _card(self) -> dict[str, Any]:
        return {
            "algorithm": self.algorithm,
            "hyperparameters": self.hyper.model_dump(mode="json"),
            "environment": self.env_config,
            "seed": self.seed,
            "env_seed": self.env_seed,
            "budget": self.budget,
            "steps": self.steps,
            "versions": {
                name: version(name) for name in ("torch", "stable-baselines3", "sb3-contrib", "numpy", "gymnasium")
            },
        }

    def save_checkpoint(self, folder: str | Path) -> Path:
        """Write all that is needed to go on as if never stopped; keeps the last two checkpoints."""
        if self._is_mid_rollout:
            raise CheckpointError(
                "interrupted inside a rollout: nothing whole to save; the last checkpoint stays valid."
            )
        if not self._is_started:
            raise CheckpointError("nothing to save yet: train first.")
        arrays = {
            **checkpoint.model_arrays(self.model),
            "luck": self._luck.arrays(),
            "rooms": {**self.rooms.replay_state(), **self.normaliser.state()},
        }
        if self._leash is not None:
            arrays["leash"] = self._leash.arrays()
        document = {"format": FORMAT, **self._card(), "model": checkpoint.model_document(self.model)}
        return model_files.write_step(Path(folder), self.steps, arrays, {"learner": document})

    @classmethod
    def load_checkpoint(cls, folder: str | Path) -> Learner:
        """Return the learner of the newest whole checkpoint; warns if it must fall back to the older one.

        Reads JSON and plain arrays only; nothing in the files is executed. Raises CheckpointError.
        """
        found = model_files.steps(Path(folder))
        if not found:
            raise CheckpointError(f"{folder}: no checkpoint here.")
        problems = []
        for path in reversed(found):
            try:
                model_files.verify(path)
            except CheckpointError as problem:
                problems.append(str(problem))
                continue
            if problems:
                warnings.warn(f"falling back to the older checkpoint {path.name}: {' '.join(problems)}", stacklevel=2)
            return cls._from_step(path)
        raise CheckpointError(f"{folder}: no checkpoint can be used. {' '.join(problems)}")

    @classmethod
    def _from_step(cls, path: Path) -> Learner:
        _, documents = model_files.read_folder(path, (), ("learner",))
        document = documents["learner"]
        if document.get("format") != FORMAT:
            raise CheckpointError(f"{path}: format {document.get('format')!r} is not {FORMAT!r}.")
        names = [*_ARRAYS, *(["replay"] if document["algorithm"] == "dqn" else [])]
        names += ["leash"] if document["hyperparameters"].get("bound") else []
        arrays, _ = model_files.read_folder(path, names, ())
        learner = cls(
            document["algorithm"],
            document["hyperparameters"],
            document["environment"],
            document["seed"],
            document["budget"],
            document["env_seed"],
        )
        learner.rooms.replay(arrays["rooms"])
        learner.normaliser.restore(arrays["rooms"])
        checkpoint.restore_model(learner.model, arrays, document["model"])
        learner._luck.restore(arrays["luck"])
        learner._leash = learner._make_leash()
        if learner._leash is not None:
            learner._leash.restore(arrays["leash"])
        learner._is_started = True
        return learner

    def close(self) -> None:
        """Close the rooms."""
        self.rooms.close()


def _places(layout: ObservationLayout) -> dict[str, tuple[int, int]]:
    return {name: (place.start, place.stop) for name, place in layout.slices.items()}
