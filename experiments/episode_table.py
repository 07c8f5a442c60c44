"""One row per episode, one named column per measurement: what every comparison is computed from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from livesim.errors import ResultFolderError

WHOLE_COLUMNS = ("step", "seed", "length", "masked_actions", "viewers_peak")


@dataclass(frozen=True)
class EpisodeTable:
    """Columns of equal length N, float64 apart from `seed` (int64), which identifies a row.

    seed; return, in the reward mode of the environment; return_expected and return_realised, weighted
    credits; term.<reward term>, weighted, in the same mode, adding up to return; viewers_mean and
    viewers_peak, concurrent, at the ends of decisions; stall_share, stalled share of the viewer-seconds since
    the first frame; ad_minutes_per_hour, minutes per hour of session in which an ad ran; masked_actions,
    asked for in vain; event.<ledger total>, sum of the episode; cost.<constraint>, mean over decisions;
    action.<head>.<choice>, how often it was asked for, masked or not; length, decisions; world.<key>, what a randomised
    number was in the session, a word as its place among the choices.
    """

    columns: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        lengths = {len(values) for values in self.columns.values()}
        assert len(lengths) <= 1, f"columns of different length: {lengths}"

    def __len__(self) -> int:
        return len(self.columns["seed"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def names(self, prefix: str = "") -> list[str]:
        """Return the column names that begin with `prefix`, in order."""
        return [name for name in self.columns if name.startswith(prefix)]

    def means(self) -> dict[str, float]:
        """Return the mean of every column but the seed."""
        return {name: float(np.mean(values)) for name, values in self.columns.items() if name != "seed"}

    def rows_for(self, seeds: Sequence[int]) -> EpisodeTable:
        """Return the rows of the given seeds in that order; raises KeyError for a seed without a row."""
        place = {int(seed): row for row, seed in enumerate(self["seed"])}
        rows = [place[seed] for seed in seeds]
        return EpisodeTable({name: values[rows] for name, values in self.columns.items()})

    def csv_text(self) -> str:
        """Return comma-separated text whose numbers read back exactly."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in range(len(self)):
            writer.writerow([_exact(name, values[row]) for name, values in self.columns.items()])
        return text.getvalue()


def stack(tables: Sequence[EpisodeTable]) -> EpisodeTable:
    """Return the rows of all tables, which have the same columns, one below the other."""
    return EpisodeTable({name: np.concatenate([table[name] for table in tables]) for name in tables[0].columns})


def read_table(path: Path) -> EpisodeTable:
    """Return the table that `csv_text` wrote; a damaged one raises ResultFolderError naming file and line."""
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise ResultFolderError(f"{path}: cannot be read ({error})") from None
    if not lines or "seed" not in lines[0]:
        raise ResultFolderError(f"{path}: is not a table of episodes: no column 'seed'")
    names, rows = lines[0], lines[1:]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ResultFolderError(f"{path}:{number}: holds {len(row)} values for {len(names)} columns")
    columns: dict[str, np.ndarray] = {}
    for index, name in enumerate(names):
        try:
            kind = np.int64 if name == "seed" else np.float64
            columns[name] = np.array([kind(row[index]) for row in rows], dtype=kind)
        except ValueError as error:
            raise ResultFolderError(f"{path}: column {name}: {error}") from None
    return EpisodeTable(columns)


def _exact(name: str, value: np.generic) -> str:
    if name in WHOLE_COLUMNS or name.startswith("action."):
        return str(int(value))
    return repr(float(value))
