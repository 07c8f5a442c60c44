"""Play a scenario as it is and at every variation, and keep what was played in a folder that a rerun goes on with.

    settings.json         what was asked for, the scenario and the simulator; another study is refused
    variations/NAME.json  one variation: returns per policy and seed, and the measured effects
    table.csv             one row per variation and conclusion
    sensitivity.md, tornado.png

Every file is whole or absent. What was played is never played again; the pages are made anew from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.facts.gate import MEASURES
from experiments.facts.pooling import interval
from experiments.facts.world import World
from experiments.interruption import Interruption
from experiments.processes import played
from experiments.progress import Advance
from experiments.result_folder import REMADE, ResultFolder, file_name, read_json, write_json
from experiments.rollout import rollout
from experiments.sanity import env_for
from experiments.seeds import seeds_text
from experiments.sensitivity.conclusions import DEFAULT, PROBES, Conclusion, Effect, conclusions_of, plays_of
from experiments.sensitivity.variation import FACTOR, Variation
from experiments.statistics import Estimate
from livesim.compiled import source_hash
from livesim.errors import ResultFolderError
from livesim.scenario import Scenario, load_scenario

AS_IT_IS = Variation("as it is", "default", "default", {})


@dataclass(frozen=True)
class Played:
    """What one variation gave. returns: play -> (N,) credits, one per seed.  effects: measure -> estimate."""

    returns: Mapping[str, np.ndarray]
    effects: Mapping[str, Estimate]

    def equals(self, other: Played) -> bool:
        """Return whether every episode ended with the same credits, and every effect is the same."""
        pairs = [(values, other.returns[name]) for name, values in self.returns.items()]
        return all(np.array_equal(ours, theirs) for ours, theirs in pairs) and all(
            repr(effect) == repr(other.effects[name]) for name, effect in self.effects.items()
        )


@dataclass(frozen=True)
class Study:
    """What is played: a scenario with overrides, seeds, and the groups of conclusions that are asked for."""

    source: str
    overrides: Mapping[str, Any]
    seeds: tuple[int, ...]
    groups: tuple[str, ...]

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario as it is."""
        return load_scenario(self.source, self.overrides)

    @cached_property
    def conclusions(self) -> list[Conclusion]:
        """What is concluded from it."""
        return conclusions_of(self.source, self.overrides, self.groups)

    @cached_property
    def plays(self) -> list[str]:
        """The policies that play every variation."""
        return plays_of(self.conclusions)

    @property
    def effects(self) -> list[Effect]:
        """The effects among the conclusions."""
        return [one for one in self.conclusions if isinstance(one, Effect)]

    def settings(self) -> dict[str, Any]:
        """Return what must agree for a folder to be gone on with."""
        numbers = json.dumps(self.scenario.model_dump(mode="json"), sort_keys=True)
        return {
            "scenario": self.source,
            "overrides": dict(self.overrides),
            "seeds": seeds_text(self.seeds),
            "conclusions": list(self.groups),
            "factor": FACTOR,
            "numbers of the scenario": hashlib.sha256(numbers.encode()).hexdigest()[:16],
            "simulator": source_hash()[:16],
        }

    def play(self, variation: Variation, base: Played | None = None) -> Played:
        """Return what one variation gives: every policy on every seed, and the effects.

        base: what the scenario gives as it is. Where the probes give exactly the same, the number moves nothing, and
        the rest is taken from there.
        """
        overrides = {**self.overrides, **variation.overrides}
        scenario = load_scenario(self.source, overrides)
        returns = {name: self._returns(name, scenario) for name in PROBES}
        if base is not None and all(np.array_equal(values, base.returns[name]) for name, values in returns.items()):
            return base
        returns |= {name: self._returns(name, scenario) for name in self.plays if name not in PROBES}
        world = World(self.source, self.seeds, overrides)
        effects = {one.measure: interval(MEASURES[one.measure](world), len(self.seeds)) for one in self.effects}
        return Played(returns, effects)

    def _returns(self, play: str, scenario: Scenario) -> np.ndarray:
        head, policy = self._policy(play)
        env = env_for(head, scenario, {})
        return rollout(env.policy(policy), env, self.seeds)["return"]

    def _policy(self, play: str) -> tuple[str, str]:
        """Return the head whose environment a play needs, and the full name of the policy in it."""
        if play == DEFAULT:
            policy = self.scenario.default_policies.get("recommend", "nothing")
            return "recommend", policy if policy.startswith("recommend.") else f"recommend.{policy}"
        return play.partition(".")[0], play


class StudyFolder:
    """What was played so far."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def begin(cls, path: Path, study: Study) -> StudyFolder:
        """Start a folder or go on with it; raises ResultFolderError where something else lies there."""
        file, asked = path / "settings.json", study.settings()
        if not file.is_file():
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise ResultFolderError(
                    f"{path}: holds something else; nothing was changed. Choose another with --out DIR."
                )
            write_json(file, asked)
        there = read_json(file, remedy=REMADE)
        for name, value in asked.items():
            if there.get(name) != value:
                raise ResultFolderError(
                    f"{path}: belongs to another study ({name}: {there.get(name)!r} there, {value!r} here); nothing "
                    "was changed. Choose another with --out DIR."
                )
        return cls(path)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from writing here; raises ResultFolderError where one already does."""
        return ResultFolder(self.path).locked()

    def file(self, variation: Variation) -> Path:
        """The file of one variation."""
        digest = hashlib.sha256(variation.name.encode()).hexdigest()[:8]  # names are cut, and lose their slashes
        return self.path / "variations" / f"{file_name(variation.name)[:100]}-{digest}.json"

    def read(self, variation: Variation) -> Played | None:
        """Return what was played, None where nothing was; raises ResultFolderError for a damaged file."""
        file = self.file(variation)
        if not file.is_file():
            return None
        data = read_json(file, remedy=REMADE)
        try:
            returns = {name: np.array(values, dtype=np.float64) for name, values in data["returns"].items()}
            effects = {name: Estimate(*map(_number, ends)) for name, ends in data["effects"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ResultFolderError(f"{file}: is damaged. Remove it, and it is played again.") from None
        return Played(returns, effects)

    def write(self, variation: Variation, played: Played) -> None:
        """Keep what was played."""
        write_json(
            self.file(variation),
            {
                "key": variation.key,
                "side": variation.side,
                "value": variation.text,
                "returns": {name: values.tolist() for name, values in played.returns.items()},
                "effects": {
                    name: [None if np.isnan(end) else end for end in (one.value, one.low, one.high)]
                    for name, one in played.effects.items()
                },
            },
        )


def play_all(
    study: Study,
    folder: StudyFolder,
    variations: Sequence[Variation],
    advance: Advance,
    interruption: Interruption,
    jobs: int = 1,
) -> None:
    """Play the variations that the folder does not hold yet, `jobs` at a time; their number changes no result.

    The scenario as it is must have been played.
    """
    base = folder.read(AS_IT_IS)
    waiting = [variation for variation in variations if not folder.file(variation).is_file()]
    for variation, result in played(partial(study.play, base=base), waiting, interruption, jobs):
        folder.write(variation, result)
        advance(1)
    interruption.check()


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
