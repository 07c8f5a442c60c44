"""What a policy is: Stable-Baselines3's `predict`, batched over rows, with its memory passed through `state`.

A policy reads only observations. Memory is one record array of n rows that travels through `state`, so a
policy object holds nothing about the episodes it plays, and rows never see each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from agents import dice
from agents.parameters import NoParameters, chosen
from livesim import registry
from livesim.errors import ConfigError, unknown_name
from livesim.heads import HEADS

if TYPE_CHECKING:
    from livesim.envs.observations import ObservationLayout
    from livesim.scenario import Scenario

Observation = np.ndarray | Mapping[str, np.ndarray]
State = tuple[np.ndarray, ...]
Fields = dict[str, np.ndarray]


class Policy(Protocol):
    """Anything that maps observations to actions; SB3 models and our heuristics alike."""

    def predict(
        self,
        observation: Any,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State | None]:
        """Return actions, (n,) for one head or (n, H) for H heads, and the memory for the next call."""
        ...


class Memory:
    """The rows a policy remembers: dice counters, common to all policies, plus its own named columns."""

    COUNTERS: ClassVar = [("key", np.uint64), ("episode", np.uint64), ("step", np.int64)]

    def __init__(self, columns: Sequence[tuple[Any, ...]] = ()) -> None:
        self.dtype = np.dtype([*self.COUNTERS, *columns])

    def fresh(self, keys: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return zeroed rows, one per episode key (usually the seed of the episode)."""
        rows = np.zeros(len(keys), dtype=self.dtype)
        rows["key"] = np.asarray(keys, dtype=np.uint64)
        return rows

    def begin(self, n: int, rows: np.ndarray | None, episode_start: np.ndarray | None) -> np.ndarray:
        """Return a copy of `rows`, zeroed where an episode starts; new rows keyed 0..n-1 for None."""
        if rows is None:
            return self.fresh(np.arange(n))
        rows = rows.copy()
        if episode_start is not None:
            again = np.asarray(episode_start, dtype=bool) & (rows["step"] > 0)
            if again.any():
                restarted = self.fresh(rows["key"][again])
                restarted["episode"] = rows["episode"][again] + np.uint64(1)
                rows[again] = restarted
        return rows


class HeuristicPolicy:
    """Base of policies that play one head from named observation fields.

    A subclass sets `head`, `Parameters` and `columns` (its memory beyond the dice counters) and implements
    `decide`.
    """

    head: ClassVar[str]
    name: ClassVar[str]
    Parameters: ClassVar[type] = NoParameters
    columns: ClassVar[Sequence[tuple[Any, ...]]] = ()

    def __init__(
        self,
        layout: ObservationLayout,
        scenario: Scenario,
        seed: int = 0,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.layout = layout
        self.seed = seed
        self.params: Any = chosen(self.Parameters, self.name, scenario.name, params)
        self.memory = Memory(self.columns)
        self.decision_min = scenario.session.decision_s / 60.0

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        """Return (n,) actions. fields: name -> (n, *shape); memory: (n,) records, to be updated in place."""
        raise NotImplementedError

    def initial_state(self, seeds: Sequence[int] | np.ndarray) -> State:
        """Return the memory of n new episodes; with it, dice depend on the episode and not on the batch."""
        return (self.memory.fresh(seeds),)

    def predict(
        self,
        observation: Observation,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return (n,) int64 actions and the memory; a single unbatched observation gives a single action."""
        fields, single = split(self.layout, observation)
        n = len(next(iter(fields.values())))
        memory = self.memory.begin(n, state[0] if state else None, episode_start)
        actions = np.asarray(self.decide(fields, memory), dtype=np.int64)
        memory["step"] += 1
        return (actions[0] if single else actions), (memory,)

    def mask(self, fields: Fields) -> np.ndarray:
        """Return what this head may do now, (n, actions) bool."""
        return fields[f"mask_{self.head}"] > 0.5

    def index(self, names: Sequence[str], name: str) -> int | None:
        """Return the position of a named item, format or kind, or None where this scenario has none."""
        return list(names).index(name) if name in names else None


class RoomPolicy:
    """Several heads at once: one policy per head, actions side by side in the order of `heads`."""

    head = "room"

    def __init__(self, parts: Mapping[str, Any], heads: Sequence[str], name: str = "room") -> None:
        self.parts = [parts[head] for head in heads]
        self.heads = tuple(heads)
        self.name = name

    def initial_state(self, seeds: Sequence[int] | np.ndarray) -> State:
        """Return the memories of all parts."""
        return tuple(part.memory.fresh(seeds) for part in self.parts)

    def predict(
        self,
        observation: Observation,
        state: State | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Return (n, H) actions."""
        actions, memories = [], []
        for i, part in enumerate(self.parts):
            action, memory = part.predict(observation, (state[i],) if state else None, episode_start, deterministic)
            actions.append(action)
            memories.append(memory[0])
        return np.stack(actions, axis=-1), tuple(memories)


def split(layout: ObservationLayout, observation: Observation) -> tuple[Fields, bool]:
    """Return named fields, (n,) for scalars, and whether the observation was a single unbatched one."""
    if isinstance(observation, Mapping):
        first = layout.fields[0]
        value = np.asarray(observation[first.name])
        single = value.ndim == len(layout.dict_space[first.name].shape or ())
        if single:
            observation = {name: np.asarray(value)[None] for name, value in observation.items()}
    else:
        observation = np.asarray(observation)
        single = observation.ndim == 1
        if single:
            observation = observation[None]
    fields = layout.split(observation)
    shapes = {entry.name: entry.shape for entry in layout.fields}
    n = len(next(iter(fields.values())))
    return {name: np.asarray(value).reshape(n, *shapes[name]) for name, value in fields.items()}, single


def choose_allowed(mask: np.ndarray, action: np.ndarray) -> np.ndarray:
    """Return `action` (n,) where `mask` (n, actions) allows it, else 0: keep, or none."""
    return np.where(mask[np.arange(len(action)), action], action, 0)


def best_allowed(mask: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the allowed choice with the highest score as an action (n,), and its score; action 0 if none is
    allowed.

    mask: (n, c + 1), column 0 is keep/none.  score: (n, c); -inf rules a choice out.
    """
    value = np.where(mask[:, 1:], score, -np.inf)
    index = value.argmax(axis=1)
    top = value[np.arange(len(index)), index]
    return np.where(np.isfinite(top), index + 1, 0), top


def uniform_allowed(mask: np.ndarray, memory: np.ndarray, seed: int, channel: int) -> np.ndarray:
    """Return (n,) actions drawn uniformly among the allowed ones with the policy's counter-based dice."""
    uniform = dice.uniforms(seed, memory["key"], memory["episode"], memory["step"], channel)
    return dice.pick(mask.astype(np.float64), uniform)


def registered(head: str, name: str) -> Any:
    """Return a class decorator that names a heuristic and registers it as `head.name`."""

    def decorate(cls: type) -> type:
        cls.head, cls.name = head, f"{head}.{name}"  # type: ignore[attr-defined]
        return registry.register("policy", f"{head}.{name}", cls)

    return decorate


PLANNERS = ("planner.fair", "planner.clairvoyant")


def is_planner(name: str) -> bool:
    """Return whether a name asks for a planner: those see more than observations, and are no heuristics."""
    return name.startswith("planner.")


def policy_names(heads: Sequence[str] = HEADS) -> list[str]:
    """Return the registered names that can play these heads: `head.x` for each, and `room.x`."""
    return [name for name in registry.names("policy") if name.split(".")[0] in (*heads, "room")]


def make_policy(
    name: str | Mapping[str, str],
    layout: ObservationLayout,
    scenario: Scenario,
    heads: Sequence[str] = HEADS,
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
) -> Any:
    """Build a policy for these heads by name; UnknownNameError with the nearest match.

    name: `ads.credit_rule`; a bare `random` or `combined`; several joined by `+`, one per head; head -> name;
    or a planner, `planner.fair:futures=8`. Heads that are not named do nothing; of a room policy only the
    parts of these heads play. params: for a single name, instead of the tuned values.
    """
    heads = tuple(heads)
    if isinstance(name, str) and is_planner(name):
        from agents.planner import make_planner

        return make_planner(name, layout, scenario, heads, seed)
    parts = _named_parts(name, heads)
    if params is not None and (isinstance(name, Mapping) or "+" in name):
        raise ConfigError(f"policy '{name}': params fit a single named policy, not several.")
    if "room" in parts:
        whole = registry.resolve("policy", parts["room"])(layout, scenario, seed, params=params, heads=heads)
        return whole if len(heads) > 1 else whole.parts[0]
    built = {}
    for head in heads:
        factory = registry.resolve("policy", parts.get(head, f"{head}.nothing"))
        built[head] = (
            factory(layout, scenario, seed, params) if head in parts and params else factory(layout, scenario, seed)
        )
    if len(heads) == 1:
        return built[heads[0]]
    return RoomPolicy(built, heads, name="+".join(parts.values()))


def _named_parts(name: str | Mapping[str, str], heads: tuple[str, ...]) -> dict[str, str]:
    if isinstance(name, Mapping):
        names = [text if "." in text else f"{head}.{text}" for head, text in name.items()]
    else:
        names = [part.strip() for part in name.split("+")]
    parts: dict[str, str] = {}
    for text in names:
        full = _full_name(text, heads)
        head = full.split(".")[0]
        if head != "room" and head not in heads:
            raise ConfigError(f"policy '{full}' plays {head}, but the environment's heads are {', '.join(heads)}.")
        if head in parts or ("room" in (*parts, head) and parts):
            raise ConfigError(f"policy '{name}' names more than one policy for a head.")
        parts[head] = full
    return parts


def _full_name(text: str, heads: tuple[str, ...]) -> str:
    known = registry.names("policy")
    if text in known:
        return text
    for group in (*(heads if len(heads) == 1 else ()), "room"):
        if f"{group}.{text}" in known:
            return f"{group}.{text}"
    raise unknown_name("policy", text, [*policy_names(heads), *PLANNERS])
