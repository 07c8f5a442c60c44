"""What is played: every environment in every kind of room, by rules, planners and, where given, learners."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.environment import HEADS, EnvConfig
from experiments.episode_table import EpisodeTable
from experiments.ranking import rules_of
from experiments.rollout import rollout
from experiments.seeds import seeds_text
from livesim.compiled import source_hash
from livesim.errors import ConfigError

if TYPE_CHECKING:
    from agents.policy import Policy

ENVIRONMENTS = tuple(HEADS)
SCENARIOS = ("entertainment", "ecommerce", "education")
AT_A_TIME = 4
"""Seeds that a planner plays together: enough to share the work of a step, few enough to lose little."""
RANDOM, NOTHING, RULE, FAIR, CLAIRVOYANT = "random", "nothing", "best rule", "fair planner", "clairvoyant"
PLANNED = {FAIR: "planner.fair", CLAIRVOYANT: "planner.clairvoyant"}
"""Roles that plan, and the kind of planner each is."""


@dataclass(frozen=True)
class Cell:
    """One environment in one kind of room."""

    environment: str
    scenario: str

    @property
    def name(self) -> str:
        """Its name in tables and folders, such as "Room-v0 entertainment"."""
        return f"{self.environment.rpartition('/')[2]} {self.scenario}"

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads under test."""
        return HEADS[self.environment]


@dataclass(frozen=True)
class Model:
    """A trained model that is scored beside the planners. name: of the algorithm in its experiment."""

    cell: Cell
    folder: str
    name: str
    training_seed: int

    @property
    def role(self) -> str:
        """Its row, one of several where it was trained with several seeds."""
        return f"learned {self.name} ({Path(self.folder).name})"

    def policy(self) -> Policy:
        """Return the model."""
        from experiments.learners import load_model
        from experiments.result_folder import ResultFolder

        return load_model(ResultFolder(Path(self.folder)).run_folder(self.name, self.training_seed) / "model")


@dataclass(frozen=True)
class Study:
    """What is asked for. fair, clairvoyant: the planners by name, without their base; None: left out."""

    cells: tuple[Cell, ...]
    overrides: Mapping[str, Any]
    seeds: tuple[int, ...]
    pick_seeds: tuple[int, ...]
    fair: str | None = "planner.fair"
    clairvoyant: str | None = "planner.clairvoyant"
    models: tuple[Model, ...] = ()

    def __post_init__(self) -> None:
        if shared := set(self.seeds) & set(self.pick_seeds):
            raise ConfigError(
                f"--seeds and --pick-seeds share seed {min(shared)}: the best rule is picked on luck of its own"
            )

    def env(self, cell: Cell) -> EnvConfig:
        """Return the environment of one cell; the scenario's default policies play the other heads."""
        return EnvConfig(id=cell.environment, scenario=cell.scenario, overrides=self.overrides)

    def check(self) -> None:
        """Raise the LivesimError of the first name or number that does not fit, before anything is played."""
        for cell in self.cells:
            for role, name in self.planners.items():
                if name.partition(":")[0] != PLANNED[role] or ":base=" in name:
                    raise ConfigError(
                        f"planner '{name}': write {PLANNED[role]} with its numbers, or none; its base is the best rule"
                    )
                self.env(cell).policy(name)

    @property
    def planners(self) -> dict[str, str]:
        """Role -> name of the planners that are not left out."""
        named = {FAIR: self.fair, CLAIRVOYANT: self.clairvoyant}
        return {role: name for role, name in named.items() if name is not None}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What must agree for a folder to be gone on with; cells, learners and planners (None) may be added."""
        return {
            "overrides": dict(self.overrides),
            "seeds": seeds_text(self.seeds),
            "pick_seeds": seeds_text(self.pick_seeds),
            "fair": self.fair,
            "clairvoyant": self.clairvoyant,
            "simulator": source_hash()[:16],
        }

    def numbers(self, cell: Cell) -> str:
        """Return a hash of every number of a cell's scenario."""
        data = self.env(cell).load_scenario().model_dump(mode="json")
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]

    def candidates(self, cell: Cell, picked: Callable[[Cell], str]) -> list[str]:
        """Return the rules among which the best is picked; picked(cell): the best one of another cell.

        Of a single head: its rules, and doing nothing. Of several: `combined`, and the best of each head together.
        """
        if len(cell.heads) == 1:
            return [f"{cell.heads[0]}.{name}" for name in ("nothing", *rules_of(cell.heads[0]))]
        single = {heads[0]: environment for environment, heads in HEADS.items() if len(heads) == 1}
        best = [picked(Cell(single[head], cell.scenario)) for head in cell.heads]
        return ["room.combined", "+".join(best)]

    def play(self, part: Part) -> EpisodeTable:
        """Return the episodes of one part."""
        env = self.env(part.cell)
        policy = part.policy if part.model is None else part.model.policy()
        if isinstance(policy, str):
            policy = env.policy(policy)
        return rollout(policy, env, part.seeds)


@dataclass(frozen=True)
class Part:
    """A piece of work: one policy of one cell on some seeds. file: its name in the folder."""

    cell: Cell
    role: str
    policy: str
    seeds: tuple[int, ...]
    model: Model | None = None

    @property
    def file(self) -> str:
        """What its episodes are kept under."""
        return self.role if self.model is None else f"{self.role} seed{self.model.training_seed}"


def roles(study: Study, cell: Cell, rule: str) -> list[Part]:
    """Return everything that is played in one cell, once the best rule is known; planners improve on that rule."""
    head = "room" if len(cell.heads) > 1 else cell.heads[0]
    named = {RANDOM: f"{head}.random", NOTHING: f"{head}.nothing", RULE: rule}
    named |= {role: f"{planner}:base={rule}" for role, planner in study.planners.items()}
    parts = [Part(cell, role, policy, study.seeds) for role, policy in named.items()]
    return parts + [Part(cell, model.role, "", study.seeds, model) for model in study.models if model.cell == cell]


def chunks(part: Part, missing: Sequence[int]) -> list[Part]:
    """Return a part cut into pieces that are kept one by one: planners a few seeds at a time."""
    size = AT_A_TIME if part.role in PLANNED else max(len(missing), 1)
    return [
        Part(part.cell, part.role, part.policy, tuple(missing[first : first + size]), part.model)
        for first in range(0, len(missing), size)
    ]


def models_in(folder: Path, cells: Sequence[Cell]) -> list[Model]:
    """Return the trained models of a result folder; raises ConfigError where they fit none of the cells."""
    from experiments.result_folder import ResultFolder

    config = ResultFolder.open(folder).config()
    cell = Cell(config.environment, config.scenario)
    if cell not in cells or config.heads or config.reward != "balanced" or config.observation != "flat":
        known = ", ".join(one.name for one in cells)
        raise ConfigError(
            f"--learned {folder}: was trained in {cell.name} (reward {config.reward}, heads "
            f"{', '.join(config.env.heads)}), which is not asked for. Asked for: {known}, reward balanced"
        )
    return [
        Model(cell, str(folder.resolve()), entry.name, seed)
        for entry in config.algorithms
        for seed in config.training_seeds
    ]
