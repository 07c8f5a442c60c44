"""A folder of measured traces: its files and index, which of them serve which viewers, and what is refused.

A trace is a CSV with the header time_s,bandwidth_kbps and one row per whole second from 0. An index.csv beside the
traces, where there is one, names `file` and `kind`; further columns are the owner's.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from livesim.errors import TraceError, unknown_name_text
from livesim.network.config import AccessLine

HEADER = ["time_s", "bandwidth_kbps"]
INDEX = "index.csv"
EVALUATION_SHARE = 0.2


class Choice(NamedTuple):
    """Which files of a folder serve a room."""

    folder: Path
    kinds: tuple[str, ...] = ()  # only these; empty: all
    split: str = "all"  # all, train or evaluation


class Problem(NamedTuple):
    """What is wrong with a file of a folder."""

    file: str
    text: str


def trace_files(folder: Path, key: str = "network.traces") -> list[Path]:
    """Return the trace files of a folder by name; TraceError, naming `key`, where there is none."""
    if not folder.exists():
        raise TraceError(f"{key}: there is no folder {folder}. Give a folder of CSV files, or null")
    if not folder.is_dir():
        raise TraceError(f"{key}: {folder} is a file. Give the folder it lies in, or null")
    files = sorted(path for path in folder.glob("*.csv") if path.name != INDEX)
    if not files:
        raise TraceError(f"{key}: no .csv file in {folder}. Expected files with header {','.join(HEADER)}")
    return files


def stamp_of(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return something that changes when a file of the folder does; TraceError where there is no folder."""
    files = trace_files(folder)
    index = folder / INDEX
    if index.exists():
        files = [*files, index]
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def groups_of(choice: Choice, access: tuple[AccessLine, ...]) -> list[tuple[AccessLine, list[Path]]]:
    """Return the access types of the mix that have traces, each with its chosen files; raises TraceError.

    The kind of a file is its `kind` in the index, else its name before the first underscore. A kind serves the
    access type of the mix that has its name or lists it; types without a trace give their share to the others. Files
    of a kind that no type claims form a type "other", whose share is its share of the files.
    """
    for problem in index_problems(choice.folder):
        raise TraceError(f"{choice.folder / problem.file}{problem.text}")
    kinds = kinds_of(choice.folder)
    for kind in choice.kinds:
        if kind not in kinds.values():
            known = sorted(set(kinds.values()))
            raise TraceError(unknown_name_text("kind", kind, known, f"network.trace_kinds: {choice.folder}"))
    chosen = {path: kind for path, kind in kinds.items() if not choice.kinds or kind in choice.kinds}
    return [(line, _part(line, files, choice.split)) for line, files in _by_access(chosen, access)]


def _by_access(kinds: dict[Path, str], access: tuple[AccessLine, ...]) -> list[tuple[AccessLine, list[Path]]]:
    members: dict[str, list[Path]] = {}
    for path, kind in kinds.items():
        members.setdefault(access_of(kind, access), []).append(path)
    groups = [(line, members[line.name]) for line in access if line.name in members]
    strangers = members.get("other", [])
    if strangers and "other" not in {line.name for line in access}:
        part = len(strangers) / len(kinds)
        known = sum(line.share for line, _ in groups)
        share = known * part / (1.0 - part) if groups else 1.0
        groups.append((AccessLine(name="other", share=min(max(share, 1e-6), 1.0)), strangers))
    return groups


def access_of(kind: str, access: tuple[AccessLine, ...]) -> str:
    """Return the access type that a kind of trace serves: "other" where none claims it."""
    return next((line.name for line in access if kind == line.name or kind in line.kinds), "other")


def _part(line: AccessLine, files: list[Path], split: str) -> list[Path]:
    """Return the files of one access type that belong to a split, by name.

    The files are put in the order of the SHA-256 of their names, and the first fifth, at least one, is for
    evaluation: the same on every machine and in every folder with the same names.
    """
    if split == "all":
        return files
    if len(files) < 2:
        raise TraceError(
            f"network.trace_split: access type '{line.name}' has one trace, {files[0].name}, which cannot be split. "
            "Add another, or leave its kind out of network.trace_kinds"
        )
    order = sorted(files, key=lambda path: hashlib.sha256(path.name.encode()).digest())
    held_out = max(1, round(EVALUATION_SHARE * len(files)))
    return sorted(order[:held_out] if split == "evaluation" else order[held_out:])


def kinds_of(folder: Path) -> dict[Path, str]:
    """Return trace file -> kind, by name; raises TraceError where there is no trace."""
    named = {file: kind for _, file, kind in _index_rows(folder)}
    return {path: named.get(path.name, path.stem.split("_")[0]) for path in trace_files(folder)}


def index_problems(folder: Path) -> Iterator[Problem]:
    """Yield what is wrong with the index of a folder: columns, names of files that do not exist, rows said twice."""
    index = folder / INDEX
    if not index.exists():
        return
    try:
        rows = _index_rows(folder)
    except TraceError as error:
        yield Problem(INDEX, str(error))
        return
    lines: dict[str, int] = {}
    for at, file, kind in rows:
        if not file or not kind:
            empty = "file" if not file else "kind"
            yield Problem(INDEX, f":{at}: {empty} is empty. Every row names a file and its kind")
        elif file in lines:
            yield Problem(INDEX, f":{at}: {file} is named twice; the first is in line {lines[file]}")
        elif Path(file).name != file or not (folder / file).is_file():
            yield Problem(INDEX, f":{at}: there is no file {file} in the folder")
        lines.setdefault(file, at)


def _index_rows(folder: Path) -> list[tuple[int, str, str]]:
    """Return (line, file, kind) of every row of the index; none where there is no index."""
    path = folder / INDEX
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in ("file", "kind") if name not in (reader.fieldnames or ())]
            if missing:
                raise TraceError(f":1: has no column '{missing[0]}'. An index needs the columns file and kind")
            return [(reader.line_num, (row["file"] or "").strip(), (row["kind"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f": cannot be read as text ({error})") from error


def read_trace(path: Path) -> np.ndarray:
    """Return (T,) float32 kbit/s of one CSV; raises TraceError naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{path}: cannot be read as text ({error})") from error
    if not any(line.strip() for line in lines):
        raise TraceError(f"{path}:1: the file is empty. Expected header {','.join(HEADER)}")
    if [name.strip() for name in lines[0].split(",")] != HEADER:
        raise TraceError(f"{path}:1: header is {json.dumps(lines[0])}. Expected {','.join(HEADER)}")
    rates: list[float] = []
    for at, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        rates.append(_read_row(path, at, line, len(rates)))
    if len(rates) < 2:
        raise TraceError(f"{path}: has {len(rates)} row(s). A trace needs at least 2 seconds")
    if not any(rates):
        raise TraceError(f"{path}: bandwidth is 0 in every row. A trace needs one second above 0")
    return np.array(rates, np.float32)


def _read_row(path: Path, at: int, line: str, second: int) -> float:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(HEADER):
        raise TraceError(f"{path}:{at}: has {len(cells)} column(s). Expected {','.join(HEADER)}")
    values = []
    for name, cell in zip(HEADER, cells, strict=True):
        try:
            values.append(float(cell))
        except ValueError as error:
            raise TraceError(f"{path}:{at}: {name} is {cell!r}. Expected a number") from error
    time_s, kbps = values
    if time_s != second:
        raise TraceError(f"{path}:{at}: time_s is {cells[0]}, expected {second}. Rows are whole seconds from 0, no gap")
    if not math.isfinite(kbps) or kbps < 0:
        raise TraceError(f"{path}:{at}: bandwidth_kbps is {cells[1]}. Expected a finite number, 0 or more")
    return kbps
