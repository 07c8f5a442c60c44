"""A sweep file: an experiment and the axes along which it is varied. Every combination of their values is one cell.

    name: rates
    base: ../ads.yaml                       # an experiment file, beside this one, or its keys written here
    scenarios: [entertainment, education]   # where not that of the base
    algorithms: [{name: ppo, algorithm: maskable_ppo}]   # one cell each; where not those of the base
    hyperparameters: {learning_rate: [1e-4, 3e-4], ent_coef: [0.0, 0.003]}
    overrides: {audience.planned_viewers: [100, 300]}
    training_seeds: [0, 1, 2]               # all in every cell; where not those of the base
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from experiments.config import (
    Algorithm,
    ExperimentConfig,
    SafeName,
    Strict,
    TrainingSeeds,
    apply_setting,
    config_from,
    read_section,
    with_whole_paths,
)
from experiments.seeds import seeds_text
from experiments.yaml_source import Source, read_source
from livesim.errors import ConfigError


def _values(value: object) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"an axis is a list of values, such as [{value}]")
    return tuple(value)


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("an axis needs at least one value")
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{value!r} is listed more than once")
    return values


Axis = Annotated[tuple[Any, ...], BeforeValidator(_values), AfterValidator(_distinct)]
Names = Annotated[tuple[str, ...], BeforeValidator(_values), AfterValidator(_distinct)]
Entries = Annotated[tuple[Algorithm, ...], BeforeValidator(_values)]


class SweepConfig(Strict):
    """A whole sweep; the YAML file holds exactly these keys."""

    name: SafeName
    description: str = ""
    base: dict[str, Any] = Field(description="the keys of an experiment, or the file that holds them")
    scenarios: Names | None = Field(None, description="names or paths of scenarios")
    algorithms: Entries | None = Field(None, description="learners, each alone in its cells")
    hyperparameters: dict[str, Axis] = Field(default_factory=dict, description="their values, for every learner")
    overrides: dict[str, Axis] = Field(default_factory=dict, description="dotted scenario keys and their values")
    training_seeds: TrainingSeeds | None = Field(None, description="of every cell")

    @model_validator(mode="after")
    def _learners_are_distinct(self) -> SweepConfig:
        names = [entry.name for entry in self.algorithms or ()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"'{name}' names more than one algorithm of the sweep")
        return self

    def experiment(self) -> ExperimentConfig:
        """Return the experiment that is varied, with the learners and training seeds of the sweep; raises ConfigError."""
        config = config_from(Source(f"sweep {self.name}", self.base))
        update = {"algorithms": self.algorithms, "training_seeds": self.training_seeds}
        return config.model_copy(update={key: value for key, value in update.items() if value is not None})

    def as_data(self) -> dict[str, Any]:
        """Return plain data that reads back as the same sweep."""
        data = self.model_dump(mode="json", exclude_none=True)
        if self.training_seeds is not None:
            data["training_seeds"] = seeds_text(self.training_seeds)
        return data


def load_sweep(path: str | Path, settings: Sequence[str] = ()) -> SweepConfig:
    """Return the sweep of a YAML file with `key=value` settings applied to its base, shape and types checked."""
    source = read_source(path)
    if "base" not in source.data:
        raise ConfigError(f"{source.path}: base is missing: the experiment to vary, as a file or as its keys")
    base = _base(source)
    name = {"name": source.data.get("name")}
    data = {**base.data, **name}
    for setting in settings:
        data = apply_setting(data, setting)
    if data["name"] != name["name"]:
        raise ConfigError("--set name=...: the name of a sweep stands in its file")
    sweep = read_section(SweepConfig, Source(source.path, {**source.data, "base": data}, source.lines))
    config = with_whole_paths(config_from(Source(base.path, data, base.lines)))
    scenarios = [_whole_scenario(config, scenario) for scenario in sweep.scenarios or ()]
    sweep = sweep.model_copy(update={"base": config.as_data(), "scenarios": tuple(scenarios) or None})
    if not sweep.experiment().algorithms:
        raise ConfigError(f"{source.path}: algorithms: neither the sweep nor its base has one; a sweep needs a learner")
    return sweep


def _base(source: Source) -> Source:
    base = source.data["base"]
    if isinstance(base, str):
        return read_source(Path(source.path).parent / base)
    if not isinstance(base, dict):
        raise ConfigError(f"{source.where(('base',))}: write the file of an experiment, or its keys")
    return Source(source.path, base, {place[1:]: line for place, line in source.lines.items() if place[0] == "base"})


def _whole_scenario(config: ExperimentConfig, scenario: str) -> str:
    return with_whole_paths(config.model_copy(update={"scenario": scenario})).scenario
