"""Which seeds mean what, so that no policy is ever scored on luck it was trained or tuned on.

A room's luck is one integer. Evaluation seeds are small numbers a person types (below 2**32); everything a
learner or a tuner may look at lies above. `RoomVectorEnv` draws the seed of every further episode from 2**32
.. 2**63 - 1 as well, so the sets are disjoint by construction and not merely in all likelihood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from livesim.errors import ConfigError

EVALUATION_END = 2**32
"""Evaluation seeds are 0 .. EVALUATION_END - 1."""
TRAINING_STRIDE = 2**20
"""Training seed k starts its rooms at EVALUATION_END + k * TRAINING_STRIDE, + 1 per room."""
TUNING_START = 2**48
"""Heuristics are tuned on TUNING_START, TUNING_START + 1, ..., used for nothing else."""
FITTING_START = 2**49
"""Candidate scenarios are held against a log on FITTING_START, FITTING_START + 1, ..., used for nothing else."""
SEARCH_START = 2**50
"""Trials of a hyperparameter search train on SEARCH_START, SEARCH_START + 1, ..., used for nothing else."""
SEARCH_SCORE_START = 2**51
"""And are scored on SEARCH_SCORE_START, SEARCH_SCORE_START + 1, ..., used for nothing else."""
MOST_TRAINING_SEED = 2**24

_RANGE = re.compile(r"\s*(\d+)\s*:\s*(\d+)\s*")


def training_environment_seed(training_seed: int) -> int:
    """Return the seed of the first training room of one training seed; room i adds i."""
    return EVALUATION_END + training_seed * TRAINING_STRIDE


def parse_seeds(value: object) -> tuple[int, ...]:
    """Return seeds from "first:end" (end not included), one integer or a list of integers.

    Raises ConfigError for other text, an empty range, repeats, and seeds outside 0 .. 2**32 - 1, which belong
    to training.
    """
    seeds = _read(value)
    if not seeds:
        raise ConfigError(f"seeds: {value!r} holds no seed. A range is first:end without the end, such as 1000:1064")
    if len(set(seeds)) < len(seeds):
        repeat = next(seed for seed in seeds if seeds.count(seed) > 1)
        raise ConfigError(f"seeds: {repeat} is listed more than once")
    for seed in seeds:
        if not 0 <= seed < EVALUATION_END:
            raise ConfigError(
                f"seeds: {seed} is outside 0 .. {EVALUATION_END - 1}; larger ones belong to training episodes"
            )
    return seeds


def seeds_text(seeds: Sequence[int]) -> str:
    """Return "first:end" where the seeds are a run of consecutive numbers, else the numbers with commas."""
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}:{seeds[-1] + 1}"
    return ",".join(str(seed) for seed in seeds)


def _read(value: object) -> tuple[int, ...]:
    if isinstance(value, bool):
        raise ConfigError(f"seeds: {value!r} is not a seed")
    if isinstance(value, int):
        return (value,)
    if isinstance(value, str):
        if match := _RANGE.fullmatch(value):
            first, end = int(match[1]), int(match[2])
            if end - first > 1_000_000:
                raise ConfigError(f"seeds: {value} holds {end - first} seeds; at most 1,000,000")
            return tuple(range(first, end))
        if re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", value):
            return tuple(int(part) for part in value.split(","))
    if isinstance(value, list | tuple) and all(type(seed) is int for seed in value):
        return tuple(value)
    raise ConfigError(f"seeds: cannot read {value!r}. Write a range such as 1000:1064 or a list of whole numbers")
