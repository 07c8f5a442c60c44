"""Hyperparameters of the learners: validated, with defaults for sessions of a few hundred decisions.

gamma .998 keeps half of a reward for 350 decisions, so that the end of a two-hour session (240 decisions)
matters at its start. This module needs no torch, so that a configuration can be checked anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from livesim.errors import ConfigError, unknown_name, unknown_name_text
from livesim.schema import Config, number, switch


class WarmStart(Config):
    """Behaviour cloning of a named policy before reinforcement learning."""

    policy: str = switch("combined", "the policy to clone, for the heads that are learned")
    episodes: int = number(32, 1, 4096, "episodes", "demonstrations")
    epochs: int = number(15, 1, 1000, "epochs", "passes over the demonstrations")
    learning_rate: float = number(1e-3, 1e-6, 0.1, "1/step", "step size of cloning")
    batch_size: int = number(512, 8, 65536, "decisions", "minibatch of cloning")


class Bound(Config):
    """How far a policy may move from its start at first: from a clone, from advice."""

    kl_weight: float = number(1.0, 0.0, 1000.0, "1/nat", "penalty on the divergence from the start, at first")
    until: float = number(0.5, 0.0, 1.0, "share of the budget", "when the penalty, falling linearly, is gone")
    critic_rollouts: int = number(4, 0, 10_000, "rollouts", "first rollouts, which teach the value only")


class LookAhead(Config):
    """Improvement on copies of rooms, after the start and before reinforcement learning."""

    rounds: int = number(2, 1, 100, "rounds", "of sessions, each played with what is learned so far")
    sessions: int = number(64, 4, 4096, "sessions", "a round, a quarter of them held out; as many judge the rounds")
    looks: int = number(8, 1, 10_000, "decisions", "of a session in which choices are tried, half where it acts")
    changes: int = number(6, 1, 1000, "choices", "tried at most in such a decision, beside the policy's own")
    heads: tuple[str, ...] | None = switch(None, "whose choices are tried; null: all that are learned")
    horizon: int = number(40, 1, 2880, "decisions", "how far a copy is played; then a viewer has a worth")
    epochs: int = number(300, 1, 10_000, "epochs", "passes over what was tried; the best on held-out sessions stays")
    learning_rate: float = number(1e-3, 1e-6, 0.1, "1/step", "step size of Adam")


class Hyperparameters(Config):
    """What all learners share."""

    num_envs: int = number(16, 1, 4096, "rooms", "rooms played side by side")
    learning_rate: float = number(3e-4, 1e-7, 0.1, "1/step", "step size of Adam")
    learning_rate_end: float | None = switch(None, "step size at the end of the budget; null keeps it constant")
    gamma: float = number(0.998, 0.0, 1.0, "per decision", "discount")
    net: tuple[int, ...] = switch((128, 128), "widths of the hidden layers")
    activation: Literal["tanh", "relu"] = switch("tanh", "activation of the hidden layers")
    initial_bias: Literal["nothing"] | None = switch(None, '"nothing": start with action 0 likely (.9) in every head')
    warm_start: WarmStart | None = switch(None, "clone a policy first")
    twin: str | None = switch(None, "learn from the difference to the same room played by this policy")
    reward_mode: Literal["expected", "realised"] | None = switch(None, "reward it learns from; null: what is scored")
    history: int = number(1, 1, 64, "frames", "observations read at a time, the newest included")
    event_wait: int | None = switch(
        None, "decide only where an item, interaction or ad ended or after so many decisions; null: always"
    )
    threads: int = number(1, 1, 256, "threads", "torch threads; part of the result, because sums depend on it")


class OnPolicy(Hyperparameters):
    """What PPO and A2C share."""

    n_steps: int = number(120, 1, 100_000, "decisions", "rollout length of each room")
    gae_lambda: float = number(0.95, 0.0, 1.0, "per decision", "trade of bias against variance in the advantage")
    ent_coef: float = number(0.003, 0.0, 1.0, "share", "weight of the entropy bonus")
    vf_coef: float = number(0.5, 0.0, 10.0, "share", "weight of the value loss")
    max_grad_norm: float = number(0.5, 0.0, 100.0, "norm", "clip of the gradient")


class Clipped(OnPolicy):
    """What the kinds of PPO share: few large minibatches, few epochs."""

    batch_size: int = number(480, 2, 1_000_000, "decisions", "minibatch")
    n_epochs: int = number(5, 1, 100, "epochs", "passes over a rollout")
    clip_range: float = number(0.2, 0.01, 1.0, "ratio", "clip of the probability ratio")
    target_kl: float | None = switch(0.03, "stop an update beyond this divergence; null never stops")


class PPO(Clipped):
    """PPO and MaskablePPO."""

    extractor: Literal["flat", "sets"] = switch("flat", '"sets": items, formats and kinds share weights; pointer heads')
    advice: str | None = switch(None, "a policy whose choice is read, and played at first")
    advice_moments: Literal["any", "rule"] = switch(
        "any",
        "where it may act: at any decision, or only where the advised rule acts; then it learns what and not when",
    )
    advice_trust: float = number(0.95, 0.5, 0.999, "probability", "that a head plays the advice, at first")
    bound: Bound | None = switch(None, "limit how far the policy moves from its start at first")
    look_ahead: LookAhead | None = switch(None, "improve the start on copies of rooms, before the first rollout")


class RecurrentPPO(Clipped):
    """PPO with an LSTM in actor and critic, for what one observation does not show."""

    lstm_size: int = number(64, 4, 1024, "units", "width of each LSTM")
    net: tuple[int, ...] = switch((64,), "widths of the hidden layers after the LSTM")


class A2C(OnPolicy):
    """A2C: short rollouts, one step each."""

    n_steps: int = number(20, 1, 100_000, "decisions", "rollout length of each room")
    learning_rate: float = number(7e-4, 1e-7, 0.1, "1/step", "step size of Adam")


class DQN(Hyperparameters):
    """DQN with masked exploration and a replay buffer; one head only."""

    activation: Literal["tanh", "relu"] = switch("relu", "activation of the hidden layers")
    learning_rate: float = number(5e-4, 1e-7, 0.1, "1/step", "step size of Adam")
    buffer_size: int = number(100_000, 64, 10_000_000, "decisions", "replay buffer")
    learning_starts: int = number(4_000, 0, 10_000_000, "decisions", "explore only, before")
    batch_size: int = number(256, 1, 65536, "decisions", "minibatch")
    train_freq: int = number(4, 1, 10_000, "decisions of each room", "decisions between updates")
    gradient_steps: int = number(4, 1, 10_000, "steps", "gradient steps of one update")
    target_update_interval: int = number(4_000, 1, 10_000_000, "decisions", "age of the target network")
    exploration_fraction: float = number(0.4, 0.0, 1.0, "share of the budget", "while exploration falls")
    exploration_initial_eps: float = number(0.5, 0.0, 1.0, "probability", "exploration at the start")
    exploration_final_eps: float = number(0.03, 0.0, 1.0, "probability", "exploration in the end")
    n_step_returns: int = number(5, 1, 1000, "decisions", "rewards summed before bootstrapping")
    max_grad_norm: float = number(10.0, 0.0, 1000.0, "norm", "clip of the gradient")


ALGORITHMS: dict[str, type[Hyperparameters]] = {
    "ppo": PPO,
    "maskable_ppo": PPO,
    "recurrent_ppo": RecurrentPPO,
    "a2c": A2C,
    "dqn": DQN,
}
MASKED = ("maskable_ppo", "recurrent_ppo", "dqn")
"""Algorithms that never choose what cannot be done now."""
_SECTIONS: dict[str, type[Config]] = {"warm_start": WarmStart, "bound": Bound, "look_ahead": LookAhead}


def validate(algorithm: str, values: Mapping[str, Any], where: str = "") -> Any:
    """Return the frozen hyperparameters of an algorithm.

    Raises UnknownNameError for an unknown algorithm, ConfigError for an unknown key or a value out of bounds.
    """
    if algorithm not in ALGORITHMS:
        raise unknown_name("algorithm", algorithm, ALGORITHMS, where)
    model = ALGORITHMS[algorithm]
    where = where or algorithm
    _check_keys(model, values, where)
    for section, kind in _SECTIONS.items():
        if isinstance(values.get(section), Mapping):
            _check_keys(kind, values[section], f"{where}.{section}")
    try:
        chosen = model(**values)
    except ValidationError as error:
        raise ConfigError(_first_problem(error, where)) from None
    _check_together(algorithm, chosen, where)
    return chosen


def _check_together(algorithm: str, hyper: Hyperparameters, where: str) -> None:
    """Refuse values that are right alone and mean nothing together."""
    if hyper.event_wait is not None and (hyper.event_wait < 1 or algorithm not in MASKED):
        raise ConfigError(
            f"{where}.event_wait: needs a number of 1 or more and an algorithm with masks ({', '.join(MASKED)}), "
            f"which hold the action between events; got {hyper.event_wait} for {algorithm}."
        )
    if not isinstance(hyper, PPO):
        return
    if hyper.extractor == "sets" and len(hyper.net) != 2:
        raise ConfigError(f"{where}.net: the extractor 'sets' has two hidden layers, got {list(hyper.net)}.")
    if hyper.advice is not None and hyper.initial_bias is not None:
        raise ConfigError(f"{where}: initial_bias and advice both say where to start. Choose one.")
    if hyper.look_ahead is not None and hyper.event_wait is not None:
        raise ConfigError(f"{where}: look_ahead tries choices in any decision, event_wait forbids them. Choose one.")
    if hyper.advice_moments == "rule" and (hyper.advice is None or algorithm not in MASKED):
        raise ConfigError(
            f"{where}.advice_moments: 'rule' needs advice and maskable_ppo, whose masks leave only choice 0 elsewhere."
        )
    if hyper.bound is not None and hyper.warm_start is None and hyper.advice is None:
        raise ConfigError(f"{where}.bound: needs a start worth keeping: warm_start or advice.")


def _check_keys(model: type[Config], values: Mapping[str, Any], where: str) -> None:
    for key in values:
        if key not in model.model_fields:
            raise ConfigError(unknown_name_text("hyperparameter", str(key), model.model_fields, where))


def _first_problem(error: ValidationError, where: str) -> str:
    problem = error.errors()[0]
    path = ".".join(str(part) for part in (where, *problem["loc"]))
    return f"{path}: {problem['msg']}, got {problem['input']!r}."
