"""Forward passes of trained networks in NumPy: from normalised inputs (n, width) to the outputs of every head.

Each has `fresh(n)`, what it remembers at the start of n episodes, and `outputs(x, memory, is_first)`. Weights are a
mapping name -> float32 array, as a model file holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from agents.set_plan import HEAD_SETS, SetPlan

Weights = Mapping[str, np.ndarray]
State = tuple[np.ndarray, ...]


class Net(Protocol):
    """What plays: see the module."""

    def fresh(self, n: int) -> State:
        """Return the memory of n new episodes."""
        ...

    def outputs(self, x: np.ndarray, memory: State, is_first: np.ndarray) -> tuple[np.ndarray, State]:
        """Return (n, sum of sizes) logits or values, and the memory for the next call."""
        ...


class Mlp:
    """Layers one after the other: weight_0 (out, in), bias_0 (out,), weight_1, ..."""

    def __init__(self, weights: Weights, activation: str) -> None:
        count = sum(name.startswith("weight_") for name in weights)
        self.layers = [(weights[f"weight_{i}"], weights[f"bias_{i}"]) for i in range(count)]
        self.activation = activation

    def fresh(self, n: int) -> State:
        """Return nothing: no memory."""
        return ()

    def outputs(self, x: np.ndarray, memory: State, is_first: np.ndarray) -> tuple[np.ndarray, State]:
        """Return the outputs of the last layer."""
        for weight, bias in self.layers[:-1]:
            x = activate(product(x, weight) + bias, self.activation)
        weight, bias = self.layers[-1]
        return product(x, weight) + bias, ()


class Lstm:
    """An LSTM cell before an Mlp (Hochreiter and Schmidhuber 1997; gates in torch's order: in, forget, cell, out)."""

    def __init__(self, weights: Weights, activation: str) -> None:
        self.weights, self.head = weights, Mlp(weights, activation)
        self.width = weights["lstm.weight_hh"].shape[1]

    def fresh(self, n: int) -> State:
        """Return zero hidden and cell states, (n, width) each."""
        return np.zeros((n, self.width), np.float32), np.zeros((n, self.width), np.float32)

    def outputs(self, x: np.ndarray, memory: State, is_first: np.ndarray) -> tuple[np.ndarray, State]:
        """Return the outputs, and the states after this observation."""
        w = self.weights
        hidden, cell = (np.where(is_first[:, None], np.float32(0.0), state) for state in memory)
        gates = product(x, w["lstm.weight_ih"]) + w["lstm.bias_ih"]
        gates = gates + product(hidden, w["lstm.weight_hh"]) + w["lstm.bias_hh"]
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(new)
        hidden = _sigmoid(leave) * np.tanh(cell)
        return self.head.outputs(hidden, (), is_first)[0], (hidden, cell)


class SetNet:
    """Shared encoders, a context, and a pointer over the members of a set: see `agents.set_net`, which trains it."""

    def __init__(self, weights: Weights, activation: str, plan: SetPlan) -> None:
        self.weights, self.activation, self.plan = weights, activation, plan

    def fresh(self, n: int) -> State:
        """Return nothing: no memory."""
        return ()

    def outputs(self, x: np.ndarray, memory: State, is_first: np.ndarray) -> tuple[np.ndarray, State]:
        """Return logits, (n, sum of sizes)."""
        embedded = {name: self._encode(name, x) for name in self.plan.members}
        pooled = [part for table in embedded.values() for part in (table.mean(axis=1), table.max(axis=1))]
        context = self._layers("trunk.context", np.concatenate([x[:, self.plan.context], *pooled], axis=1))
        return np.concatenate([self._head(head, context, embedded) for head in self.plan.heads], axis=1), ()

    def _encode(self, name: str, x: np.ndarray) -> np.ndarray:
        seen = x[:, self.plan.members[name]]
        known = self.weights[f"trunk.known_{name}"]
        known = np.broadcast_to(known, (len(x), *known.shape))
        return self._layers(f"trunk.encoders.of_{name}", np.concatenate([seen, known], axis=2))

    def _head(self, head: str, context: np.ndarray, embedded: Mapping[str, np.ndarray]) -> np.ndarray:
        first = self._linear(f"heads.{head}.choices", context)
        if HEAD_SETS.get(head) not in embedded:
            return first
        members = self._linear(f"heads.{head}.member", embedded[HEAD_SETS[head]])
        asked = self._linear(f"heads.{head}.asked", context)[:, None, :]
        return np.concatenate([first, self._linear(f"heads.{head}.score", np.tanh(members + asked))[:, :, 0]], axis=1)

    def _layers(self, name: str, x: np.ndarray) -> np.ndarray:
        for i in (0, 2):
            x = activate(self._linear(f"{name}.{i}", x), self.activation)
        return x

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        found = product(x, self.weights[f"{name}.weight"])
        return found + self.weights[f"{name}.bias"] if f"{name}.bias" in self.weights else found


def product(rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return rows @ weight.T, row by row: (..., k), (m, k) -> (..., m).

    One matrix product of all rows would let the batch and the number of BLAS threads into the last bits.
    """
    return (rows[..., None, :] @ weight.T)[..., 0, :]


def activate(x: np.ndarray, activation: str) -> np.ndarray:
    """Return tanh(x) or max(x, 0)."""
    return np.tanh(x) if activation == "tanh" else np.maximum(x, np.float32(0.0))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))
