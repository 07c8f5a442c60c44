"""A learned policy for playing: inputs, normaliser, network, masks. NumPy only: a saved model runs without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents import dice, forward, model_files, normaliser
from agents.advice import Card, adviser
from agents.inputs import Inputs
from agents.policy import Memory, Observation, State
from agents.set_plan import descriptions, set_plan
from livesim.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout
    from livesim.scenario import Scenario

FORMAT = "livesim model 1"


@dataclass(frozen=True)
class NetworkSpec:
    """What a network must know to play, all JSON-plain; written beside its weights.

    fields: observation field -> place (start, stop) in the flat observation. sizes: choices of each head.
    masks: True if the network was trained with masks.  greedy: True if outputs are values (DQN), not logits.
    net: the forward pass, "mlp", "sets" or "lstm". history, event_wait, at_advice: see `agents.inputs`. advice: the
    rule it reads.
    """

    algorithm: str
    heads: tuple[str, ...]
    sizes: tuple[int, ...]
    fields: dict[str, tuple[int, int]]
    activation: str
    masks: bool
    greedy: bool
    net: str = "mlp"
    history: int = 1
    event_wait: int | None = None
    at_advice: bool = False
    advice: Card | None = None

    @property
    def size(self) -> int:
        """Return the length of a flat observation."""
        return max(stop for _, stop in self.fields.values())


class NetworkPolicy:
    """Plays from fixed weights. Deterministic takes the best choice per head, else it samples with its own
    dice.

    weights: name -> array, see `agents.forward`.  shift, factor: (size,) normaliser of an observation.  rule: the
    adviser of `spec.advice`, in the room that is played.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Mapping[str, np.ndarray],
        shift: np.ndarray,
        factor: np.ndarray,
        seed: int = 0,
        name: str | None = None,
        rule: Any = None,
    ) -> None:
        self.spec, self.weights, self.shift, self.factor = spec, dict(weights), shift, factor
        self.seed = seed
        self.name = name or spec.algorithm
        self.memory = Memory()
        self.inputs = Inputs(spec.fields, spec.heads, spec.sizes, spec.history, rule, spec.event_wait, spec.at_advice)
        self.net = _net(spec, self.weights)
        self._scale = self.inputs.widened(shift, factor)
        self._advice = np.repeat(self.weights["advice"], spec.sizes) if "advice" in self.weights else None

    def initial_state(self, seeds: Sequence[int] | np.ndarray) -> State:
        """Return the memory of n new episodes; sampling then depends on the episode and not on the batch."""
        return (self.memory.fresh(seeds), *self.net.fresh(len(seeds)), *self.inputs.fresh(seeds))

    def predict(
        self,
        observation: Observation,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return (n,) actions for one head, else (n, H); a single observation gives a single action."""
        flat, single = self._flat(observation)
        n = len(flat)
        memory = self.memory.begin(n, state[0] if state else None, episode_start)
        _, *rest = state or self.initial_state(np.arange(n))
        split = len(self.net.fresh(0))
        is_first = memory["step"] == 0
        seen, after = self.inputs.see(flat, tuple(rest[split:]), is_first)
        outputs, known = self._outputs(seen, tuple(rest[:split]), is_first)
        actions = np.empty((n, len(self.spec.sizes)), dtype=np.int64)
        start = 0
        for column, size in enumerate(self.spec.sizes):
            scores = np.where(self._mask(seen, column), outputs[:, start : start + size], -np.inf)
            actions[:, column] = scores.argmax(axis=1)
            if not deterministic and not self.spec.greedy:
                chance = np.exp(scores - scores.max(axis=1, keepdims=True))
                uniform = dice.uniforms(self.seed, memory["key"], memory["episode"], memory["step"], 100 + column)
                actions[:, column] = dice.pick(chance, uniform)
            start += size
        memory["step"] += 1
        actions = actions[:, 0] if len(self.spec.sizes) == 1 else actions
        return (actions[0] if single else actions), (memory, *known, *after)

    def outputs(self, flat: np.ndarray) -> np.ndarray:
        """Return the outputs of the network, (n, sum of sizes) float32, for (n, size) raw first observations."""
        _, *rest = self.initial_state(np.arange(len(flat)))
        split, is_first = len(self.net.fresh(0)), np.ones(len(flat), dtype=bool)
        seen, _ = self.inputs.see(flat, tuple(rest[split:]), is_first)
        return self._outputs(seen, tuple(rest[:split]), is_first)[0]

    def _outputs(self, seen: np.ndarray, known: State, is_first: np.ndarray) -> tuple[np.ndarray, State]:
        x = normaliser.apply(seen, *self._scale)
        outputs, known = self.net.outputs(x, known, is_first)
        if self._advice is not None:
            outputs = outputs + x[:, self.inputs.advice_start :] * self._advice
        return outputs, known

    def in_room(self, layout: ObservationLayout, scenario: Scenario) -> NetworkPolicy:
        """Return the same policy in another room, with other items, ad formats or interaction kinds.

        Only a network over sets can move. Raises ConfigError where anything else about the rooms differs.
        """
        if self.spec.net != "sets":
            raise ConfigError(f"model {self.name}: only a model with the extractor 'sets' plays in another room.")
        fields = {name: (place.start, place.stop) for name, place in layout.slices.items()}
        sizes = tuple(dict(zip(layout.choice_names, layout.head_sizes, strict=True))[head] for head in self.spec.heads)
        known = {f"trunk.known_{name}": table for name, table in descriptions(scenario).items()}
        if missing := {name for name in self.weights if name.startswith("trunk.known_")} ^ set(known):
            name = min(missing).removeprefix("trunk.known_")
            raise ConfigError(f"model {self.name}: one of the two rooms has {name} and the other has none.")
        spec = replace(self.spec, fields=fields, sizes=sizes)
        shift, factor = (self._moved(table, fields) for table in (self.shift, self.factor))
        rule = adviser(spec.advice, layout, scenario) if spec.advice else None
        return NetworkPolicy(spec, {**self.weights, **known}, shift, factor, self.seed, self.name, rule)

    def _moved(self, table: np.ndarray, fields: Mapping[str, tuple[int, int]]) -> np.ndarray:
        """Return numbers per column in the order of another room; members of a set share theirs."""
        parts = []
        for name, (start, stop) in fields.items():
            if name not in self.spec.fields:
                raise ConfigError(f"model {self.name}: the other room has a field '{name}' that it was not trained on.")
            own = table[slice(*self.spec.fields[name])]
            if len(own) != stop - start and (own != own[0]).any():
                raise ConfigError(
                    f"model {self.name}: field '{name}' has {len(own)} numbers, and {stop - start} in the other room."
                )
            parts.append(own if len(own) == stop - start else np.full(stop - start, own[0], own.dtype))
        return np.concatenate(parts)

    def _mask(self, seen: np.ndarray, column: int) -> np.ndarray:
        if not self.spec.masks:
            return np.ones((len(seen), self.spec.sizes[column]), dtype=bool)
        start, stop = self.spec.fields[f"mask_{self.spec.heads[column]}"]
        return seen[:, start:stop] > 0.5

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


def _net(spec: NetworkSpec, weights: Mapping[str, np.ndarray]) -> forward.Net:
    if spec.net == "sets":
        plan = set_plan(spec.fields, spec.heads, spec.sizes, spec.history, spec.advice is not None)
        return forward.SetNet(weights, spec.activation, plan)
    return (forward.Lstm if spec.net == "lstm" else forward.Mlp)(weights, spec.activation)


def save_model(folder: Path, policy: NetworkPolicy, card: Mapping[str, Any]) -> None:
    """Write a policy as data: model.json (spec and card), weights.npz. Replaces the folder's model
    atomically.

    card: JSON-plain facts about the training (hyperparameters, environment, seed, steps, versions).
    """
    arrays = {"shift": policy.shift, "factor": policy.factor, **policy.weights}
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
    shift, factor = weights.pop("shift"), weights.pop("factor")
    rule = _adviser_at_home(spec.advice, document["card"]["environment"]) if spec.advice else None
    return NetworkPolicy(spec, weights, shift, factor, seed=seed, name=document["name"], rule=rule)


def _adviser_at_home(card: Card, environment: Mapping[str, Any]) -> Any:
    """Return the adviser in the room that the model was trained in."""
    from livesim.envs.observations import ObservationLayout
    from livesim.scenario import load_scenario

    scenario = load_scenario(environment["scenario"], environment.get("overrides"))
    return adviser(card, ObservationLayout(scenario), scenario)
