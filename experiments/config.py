"""One experiment as a frozen, validated value: what is trained, on what, against whom, and scored how.

Everything is checked before any work starts, names and hyperparameters included. Training episodes and
evaluation episodes never share a seed; `seeds.py` says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from experiments.environment import HEADS, EnvConfig
from experiments.seeds import MOST_TRAINING_SEED, parse_seeds, seeds_text
from experiments.yaml_source import Location, Source, read_source, read_value
from livesim.errors import ConfigError, unknown_name_text

SAFE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
SafeName = Annotated[str, Field(pattern=SAFE_NAME)]


def _seed_list(value: object) -> tuple[int, ...]:
    try:
        return parse_seeds(value)
    except ConfigError as error:
        raise ValueError(str(error).removeprefix("seeds: ")) from None


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _training_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if max(seeds) >= MOST_TRAINING_SEED:
        raise ValueError(f"{max(seeds)} is too large for a training seed; the largest is {MOST_TRAINING_SEED - 1}")
    return seeds


Seeds = Annotated[tuple[int, ...], BeforeValidator(_seed_list)]
TrainingSeeds = Annotated[Seeds, AfterValidator(_training_seeds)]


class Strict(BaseModel):
    """A frozen section; unknown keys and values of another type are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Algorithm(Strict):
    """One learner of an experiment."""

    name: SafeName = Field(description="its folder and run name")
    algorithm: str = Field(description="a registered algorithm, such as maskable_ppo")
    label: str = Field("", description="how tables call it; the name where empty")
    hyperparameters: dict[str, Any] = Field(default_factory=dict, description="arguments of the algorithm")
    warm_start: dict[str, Any] | None = Field(None, description="a policy to clone first: policy, episodes, ...")
    initial_bias: Literal["nothing"] | None = Field(None, description="'nothing': start from doing nothing")
    deterministic: bool = Field(True, description="score its likeliest actions; false: actions as it samples them")

    @property
    def shown(self) -> str:
        """The name in tables."""
        return self.label or self.name

    def resolved(self) -> dict[str, Any]:
        """Return every hyperparameter, defaults included; raises the LivesimError of a wrong one."""
        from agents import hyperparameters

        return hyperparameters.validate(self.algorithm, self.settings()).model_dump(mode="json")

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters with how the learner starts, as a learner is built from them."""
        start = {"warm_start": self.warm_start, "initial_bias": self.initial_bias}
        return {**self.hyperparameters, **{key: value for key, value in start.items() if value is not None}}


Section = TypeVar("Section", bound=Strict)


class ExperimentConfig(Strict):
    """A whole experiment; the YAML file holds exactly these keys."""

    name: SafeName
    description: str = ""
    environment: str = Field("livesim/Room-v0", description="environment id")
    heads: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        (), description="heads that the policies play, where not those of the environment id"
    )
    scenario: str = Field("entertainment", description="name or path of a scenario")
    overrides: dict[str, Any] = Field(default_factory=dict, description="dotted scenario keys and their values")
    evaluation_overrides: dict[str, Any] = Field(
        default_factory=dict, description="further scenario keys of the final scores, such as network.trace_split"
    )
    reward: str = Field("balanced", description="reward preset")
    reward_mode: Literal["expected", "realised"] = "expected"
    observation: Literal["flat", "dict"] = "flat"
    others: dict[str, str] = Field(default_factory=dict, description="policies of the heads not under test")
    algorithms: Annotated[tuple[Algorithm, ...], BeforeValidator(_as_tuple)] = ()
    total_steps: int = Field(200_000, ge=1, le=10**10, description="decisions of training, all rooms together")
    training_seeds: TrainingSeeds = (0,)
    baselines: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = ("random", "nothing", "combined")
    evaluation_seeds: Seeds = Field(default=parse_seeds("1000:1064"), description="luck of the final scores")
    curve_seeds: Seeds = Field(default=parse_seeds("500:508"), description="luck of the learning curve")
    evaluation_every: int = Field(50_000, ge=1, description="training decisions between points of the curve")
    checkpoint_every: int = Field(50_000, ge=1, description="training decisions between checkpoints")
    batch: int = Field(64, ge=1, le=4096, description="rooms evaluated at a time; changes no result")

    @model_validator(mode="after")
    def _names_are_distinct(self) -> ExperimentConfig:
        names = [algorithm.name for algorithm in self.algorithms] + list(self.baselines)
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' names more than one policy of the experiment")
        if not names:
            raise ValueError("an experiment needs at least one algorithm or baseline")
        shared = set(self.evaluation_seeds) & set(self.curve_seeds)
        if shared:
            raise ValueError(
                f"curve_seeds and evaluation_seeds share seed {min(shared)}; scores need luck of their own"
            )
        return self

    @property
    def env(self) -> EnvConfig:
        """The environment that every policy of the experiment plays."""
        if self.environment not in HEADS:
            raise ConfigError(unknown_name_text("environment", self.environment, HEADS, "environment"))
        return EnvConfig(
            id=self.environment,
            scenario=self.scenario,
            overrides=self.overrides,
            reward=self.reward,
            reward_mode=self.reward_mode,
            observation=self.observation,
            others=self.others,
            chosen_heads=self.heads,
        )

    @property
    def evaluation_env(self) -> EnvConfig:
        """The environment of the final scores: the same, with the overrides that only evaluation has, after the others."""
        own = self.evaluation_overrides
        return replace(self.env, overrides={key: v for key, v in self.overrides.items() if key not in own} | own)

    def as_data(self) -> dict[str, Any]:
        """Return plain data that reads back as the same configuration; runs of seeds stay short."""
        data = json.loads(self.model_dump_json())
        for key in ("training_seeds", "evaluation_seeds", "curve_seeds"):
            data[key] = seeds_text(data[key])
        return data

    def digest(self) -> str:
        """Return a hash of all that the results depend on: this configuration and the resolved scenario."""
        data = {key: value for key, value in self.as_data().items() if key not in ("batch", "description")}
        data["scenario"] = self.env.load_scenario().model_dump(mode="json")
        data["evaluation_scenario"] = self.evaluation_env.load_scenario().model_dump(mode="json")
        data["resolved"] = [entry.resolved() for entry in self.algorithms]
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def load_config(path: str | Path, settings: Sequence[str] = ()) -> ExperimentConfig:
    """Return the experiment of a YAML file with `key=value` settings applied, shape and types checked.

    A setting names a key of the experiment (`total_steps=1000`, `algorithms.0.hyperparameters.gamma=.99`) or,
    where its first part is a section of the scenario, a scenario override (`network.traces=FOLDER`).
    """
    source = read_source(path)
    data = source.data
    for setting in settings:
        data = apply_setting(data, setting)
    return with_whole_paths(config_from(Source(source.path, data, source.lines)))


def with_whole_paths(config: ExperimentConfig) -> ExperimentConfig:
    """Return the experiment with paths that mean the same in every working folder."""
    from livesim.scenario import split_preset

    base, preset = split_preset(config.scenario)
    if Path(base).suffix in (".yaml", ".yml"):
        base = str(Path(base).resolve())
    scenario = f"{base}+{preset}" if preset else base
    update: dict[str, Any] = {"scenario": scenario}
    for name in ("overrides", "evaluation_overrides"):
        update[name] = dict(getattr(config, name))
        if isinstance(traces := update[name].get("network.traces"), str):
            update[name]["network.traces"] = str(Path(traces).resolve())
    return config.model_copy(update=update)


def config_from(source: Source) -> ExperimentConfig:
    """Return the experiment in a source; raises ConfigError naming file, line and key."""
    return read_section(ExperimentConfig, source)


def read_section(kind: type[Section], source: Source) -> Section:
    """Return the value in a source, of a kind that may hold `algorithms`; raises ConfigError as `config_from` does."""
    try:
        return kind.model_validate(source.data)
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(kind, source, problem) for problem in error.errors())) from None


def apply_setting(data: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """Return data with one `key=value` applied; raises ConfigError for a key that does not exist."""
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {setting}: write key=value, for example --set total_steps=100000")
    parts = key.split(".")
    value = read_value(text)
    if parts[0] not in ExperimentConfig.model_fields:
        if parts[0] == "randomise" or (parts[0] in _scenario_sections() and len(parts) > 1):
            return {**data, "overrides": {**(data.get("overrides") or {}), key: value}}
        known = [*ExperimentConfig.model_fields, "randomise", *(f"{section}.…" for section in _scenario_sections())]
        raise ConfigError(unknown_name_text("key", parts[0], known, f"--set {setting}"))
    if parts[0] in ("overrides", "evaluation_overrides") and len(parts) > 1:
        parts = [parts[0], ".".join(parts[1:])]
    return _assign(dict(data), parts, value, f"--set {setting}")


def _assign(node: Any, parts: Sequence[str], value: Any, where: str) -> Any:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(node, list):
        if not first.isdigit() or int(first) >= len(node):
            raise ConfigError(f"{where}: '{first}' is not an entry of a list of {len(node)}; entries count from 0")
        copy = list(node)
        copy[int(first)] = _assign(node[int(first)], rest, value, where)
        return copy
    if node is None or isinstance(node, dict):
        mapping = dict(node or {})
        return {**mapping, first: _assign(mapping.get(first), rest, value, where)}
    raise ConfigError(f"{where}: '{first}' lies inside {node!r}, which has no keys")


def _scenario_sections() -> list[str]:
    from livesim.scenario import Scenario

    return [
        name
        for name, section in Scenario.model_fields.items()
        if isinstance(section.annotation, type) and issubclass(section.annotation, BaseModel)
    ]


def _sentence(kind_of_file: type[BaseModel], source: Source, problem: Any) -> str:
    location: Location = problem["loc"]
    where = source.where(location)
    kind, given = problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        known = _known_keys(kind_of_file, location[:-1])
        section = ".".join(str(part) for part in location[:-1])
        place = f"{source.path}{source.line_of(location)}" + (f": {section}" if section else "")
        return unknown_name_text("key", str(location[-1]), known, place)
    if kind == "missing":
        return f"{where}: is missing"
    if kind == "string_pattern_mismatch":
        return f"{where}: {given!r} is not a safe name. Use letters, digits, _ and -, at most 64"
    message = problem["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{where}: {message}"
    return f"{where}: {message[0].lower()}{message[1:]}, got {given!r}"


def _known_keys(kind_of_file: type[BaseModel], location: Location) -> list[str]:
    section = Algorithm if location and location[0] == "algorithms" else kind_of_file
    return list(section.model_fields)
