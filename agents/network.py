"""A learned policy for playing: normaliser, layers, masks. NumPy only: a saved model runs without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents import dice, model_files, normaliser
from agents.policy import Memory, Observation, State
from livesim.errors import CheckpointError, ConfigError

FORMAT = "livesim model 1"


@dataclass(frozen=True)
class NetworkSpec:
    """What a network must know to play, all JSON-plain; written beside its weights.

    fields: observation field -> place (start, stop) in the flat observation. sizes: choices of each head.
    masks: True if the network was trained with masks.  greedy: True if outputs are values (DQN), not logits.
    """

    algorithm: str
    heads: tuple[str, ...]
    sizes: tuple[int, ...]
    fields: dict[str, tuple[int, int]]
    activation: str
    masks: bool
    greedy: bool

    @property
    def size(self) -> int:
        """Return the length of a flat observation."""
        return max(stop for _, stop in self.fields.values())


class NetworkPolicy:
    """Plays from fixed weights. Deterministic takes the best choice per head, else it samples with its own
    dice.

    layers: (weight (out, in), bias (out,)) float32, hidden first.  shift, factor: (size,) normaliser.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        layers: Sequence[tuple[np.ndarray, np.ndarray]],
        shift: np.ndarray,
        factor: np.ndarray,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        self.spec, self.layers, self.shift, self.factor = spec, list(layers), shift, factor
        self.seed = seed
        self.name = name or spec.algorithm
        self.memory = Memory()

    def initial_state(self, seeds: Sequence[int] | np.ndarray) -> State:
        """Return the memory of n new episodes; sampling then depends on the episode and not on the batch."""
        return (self.memory.fresh(seeds),)

    def predict(
        self,
        observation: Observation,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return (n,) actions for one head, else (n, H); a single observation gives a single action."""
        flat, single = self._flat(observation)
        memory = self.memory.begin(len(flat), state[0] if state else None, episode_start)
        actions = np.empty((len(flat), len(self.spec.sizes)), dtype=np.int64)
        outputs = self.outputs(flat)
        start = 0
        for column, size in enumerate(self.spec.sizes):
            scores = np.where(self._mask(flat, column), outputs[:, start : start + size], -np.inf)
            actions[:, column] = scores.argmax(axis=1)
            if not deterministic and not self.spec.greedy:
                chance = np.exp(scores - scores.max(axis=1, keepdims=True))
                uniform = dice.uniforms(self.seed, memory["key"], memory["episode"], memory["step"], 100 + column)
                actions[:, column] = dice.pick(chance, uniform)
            start += size
        memory["step"] += 1
        actions = actions[:, 0] if len(self.spec.sizes) == 1 else actions
        return (actions[0] if single else actions), (memory,)

    def outputs(self, flat: np.ndarray) -> np.ndarray:
        """Return the outputs of the network, (n, sum of sizes) float32, for (n, size) raw observations."""
        hidden = normaliser.apply(flat, self.shift, self.factor)
        for weight, bias in self.layers[:-1]:
            hidden = _product(hidden, weight) + bias
            hidden = np.tanh(hidden) if self.spec.activation == "tanh" else np.maximum(hidden, 0.0)
        weight, bias = self.layers[-1]
        return _product(hidden, weight) + bias

    def _mask(self, flat: np.ndarray, column: int) -> np.ndarray:
        if not self.spec.masks:
            return np.ones((len(flat), self.spec.sizes[column]), dtype=bool)
        start, stop = self.spec.fields[f"mask_{self.spec.heads[column]}"]
        return flat[:, start:stop] > 0.5

    def _flat(self, observation: Observation) -> tuple[np.ndarray, bool]:
        if isinstance(observation, Mapping):
            values = [np.asarray(observation[name], dtype=np.float32) for name in self.spec.fields]
            single = values[0].ndim == 1
            n = 1 if single else len(values[0])
            flat = np.concatenate([value.reshape(n, -1) for value in values], axis=1)
        else:
            flat = np.asarray(observation, dtype=np.float32)
            single = flat.ndim == 1
            flat = flat[None] if single else flat
        if flat.shape[1] != self.spec.size:
            raise ConfigError(
                f"model {self.name}: an observation of {flat.shape[1]} numbers does not fit this model, "
                f"which was trained on {self.spec.size}. Was it trained on another scenario?"
            )
        return flat, single


def _product(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return rows @ weight.T, row by row: (n, k), (m, k) -> (n, m).

    One matrix product of all rows would let the batch and the number of BLAS threads into the last bits.
    """
    return (rows[:, None, :] @ weight.T)[:, 0]


def save_model(folder: Path, policy: NetworkPolicy, card: Mapping[str, Any]) -> None:
    """Write a policy as data: model.json (spec and card), weights.npz. Replaces the folder's model
    atomically.

    card: JSON-plain facts about the training (hyperparameters, environment, seed, steps, versions).
    """
    arrays = {"shift": policy.shift, "factor": policy.factor}
    for i, (weight, bias) in enumerate(policy.layers):
        arrays[f"weight_{i}"], arrays[f"bias_{i}"] = weight, bias
    spec = {**vars(policy.spec), "heads": list(policy.spec.heads), "sizes": list(policy.spec.sizes)}
    document = {"format": FORMAT, "name": policy.name, "spec": spec, "card": dict(card)}
    model_files.write_folder(folder, arrays={"weights": arrays}, documents={"model": document})


def load_model(folder: str | Path, seed: int = 0) -> NetworkPolicy:
    """Return the policy of a model folder. Reads JSON and plain arrays only; nothing in the files is
    executed.

    seed: of the dice that sample actions when `deterministic` is False. Raises CheckpointError.
    """
    arrays, documents = model_files.read_folder(Path(folder), arrays=("weights",), documents=("model",))
    document, weights = documents["model"], arrays["weights"]
    if document.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}: not a model of this version: format {document.get('format')!r}, wanted {FORMAT!r}."
        )
    raw = document["spec"]
    spec = NetworkSpec(
        **{
            **raw,
            "heads": tuple(raw["heads"]),
            "sizes": tuple(raw["sizes"]),
            "fields": {name: (int(a), int(b)) for name, (a, b) in raw["fields"].items()},
        }
    )
    count = sum(name.startswith("weight_") for name in weights)
    layers = [(weights[f"weight_{i}"], weights[f"bias_{i}"]) for i in range(count)]
    return NetworkPolicy(spec, layers, weights["shift"], weights["factor"], seed=seed, name=document["name"])
