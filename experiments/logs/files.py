"""Logs as CSV and Parquet files: written whole or not at all, read with every mistake named.

pandas and pyarrow are the optional extra `logs`; nothing else of livesim needs them.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from agents.files import whole_file
from experiments.logs.schema import (
    COLUMNS,
    EVENTS,
    NEEDED,
    NONE,
    OF_ROOM,
    OPTIONAL,
    POSITIONS,
    PRICED,
    SOURCES,
    Rows,
)
from livesim.errors import LogError, nearest_text, unknown_name_text

FORMATS = (".csv", ".parquet")
INSTALL = "pip install 'livesim[logs]'"
FIRST_LINE = 2
"""Line of the first row in a CSV; rows of a Parquet file are counted likewise."""


@dataclass(frozen=True)
class Reading:
    """A log that was read. notes: what was put right, and how often."""

    rows: Rows
    notes: dict[str, int] = field(default_factory=dict)


def check_format(path: Path) -> None:
    """Raise LogError where the name of a log does not end in a known format."""
    if path.suffix not in FORMATS:
        near = nearest_text(path.suffix, FORMATS)
        raise LogError(f"{path}: a log is a .csv or .parquet file, not '{path.suffix or path.name}'.{near}")


def write_log(rows: Rows, path: Path) -> None:
    """Write a log; raises LogError where the file exists."""
    check_format(path)
    if path.exists():
        raise LogError(f"{path}: exists; nothing was written. Choose another name, or remove it first")
    table = _table(rows)
    with whole_file(path) as draft:
        if path.suffix == ".csv":
            _need("pyarrow.csv").write_csv(table, draft, _need("pyarrow.csv").WriteOptions(quoting_style="needed"))
        else:
            _need("pyarrow.parquet").write_table(table, draft)


def read_log(path: Path) -> Reading:
    """Return the rows of a log; duplicates are dropped and counted, zones are converted to UTC.

    Raises LogError: no such file, no CSV or Parquet, a missing column, an unknown word, a time that is none, times
    with a zone mixed with times without, rows without room, viewer or a value they need, an empty log.
    """
    check_format(path)
    if not path.is_file():
        near = sorted(str(other) for other in path.parent.glob("*") if other.suffix in FORMATS)
        raise LogError(f"{path}: no such log.{' In that folder: ' + ', '.join(near) + '.' if near else ''}")
    columns = _columns(path)
    notes: dict[str, int] = {}
    if len(columns["event"]) == 0:
        raise LogError(f"{path}: holds no events")
    time_s = _times(columns["time"], str(path), notes)
    event = _words(columns["event"], "event", EVENTS, str(path), is_needed=True)
    viewer, _ = _names(columns["viewer"])
    room, room_names = _names(columns["room"])
    _require(room != NONE, np.ones(len(room), dtype=bool), event, str(path), "room")
    _require(viewer != NONE, ~np.isin(event, OF_ROOM), event, str(path), "viewer")
    value = _numbers(columns["value"], str(path))
    _require(np.isfinite(value), np.isin(event, PRICED), event, str(path), "value")
    _require((value > 0) | ~np.isin(event, PRICED), np.isin(event, PRICED), event, str(path), "value above 0")
    viewer[np.isin(event, OF_ROOM)] = NONE
    item, item_names = _names(columns["item"])
    rows = Rows(
        room, time_s, viewer, event, value, _words(columns["source"], "source", SOURCES, str(path)), item,
        _words(columns["position"], "position", POSITIONS, str(path)), room_names, item_names,
    )  # fmt: skip
    return Reading(_sorted(_without_duplicates(rows, notes), notes), notes)


def _need(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise LogError(f"event logs need {name.partition('.')[0]}, which is not installed: {INSTALL}") from None


def _table(rows: Rows) -> Any:
    arrow = _need("pyarrow")

    def words(codes: np.ndarray, known: tuple[str, ...]) -> Any:
        indices = arrow.array(codes, mask=codes == NONE, type=arrow.int32())
        return arrow.DictionaryArray.from_arrays(indices, arrow.array(known, type=arrow.string())).cast(arrow.string())

    return arrow.table(
        {
            "time": rows.time_s,
            "room": words(rows.room, rows.room_names),
            "viewer": arrow.array(rows.viewer, mask=rows.viewer == NONE),
            "event": words(rows.event, EVENTS),
            "value": arrow.array(rows.value, mask=np.isnan(rows.value)),
            "source": words(rows.source, SOURCES),
            "item": words(rows.item, rows.item_names),
            "position": words(rows.position, POSITIONS),
        }
    )


def _columns(path: Path) -> dict[str, Any]:
    """Return the columns of a file as pyarrow arrays of text; optional ones that are missing are all null."""
    arrow, csv = _need("pyarrow"), _need("pyarrow.csv")
    try:
        if path.suffix == ".csv":
            as_text = csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, arrow.string()), strings_can_be_null=True,
                null_values=["", "NaN", "nan", "NA", "null", "None"],
            )  # fmt: skip
            table = csv.read_csv(path, convert_options=as_text)
        else:
            table = _need("pyarrow.parquet").read_table(path)
    except (arrow.ArrowException, OSError) as error:
        if "Empty CSV" in str(error):
            raise LogError(f"{path}: holds no events") from None
        raise LogError(f"{path}: not a {path.suffix[1:]} file: {' '.join(str(error).split())}") from None
    for name in NEEDED:
        if name not in table.column_names:
            near = nearest_text(name, table.column_names).replace("Did you mean", "Is it")
            raise LogError(
                f"{path}: missing column '{name}'. Needed: {', '.join(NEEDED)}; optional: {', '.join(OPTIONAL)}.{near}"
            )
    nothing = arrow.nulls(table.num_rows, arrow.string())
    return {
        name: table.column(name).combine_chunks() if name in table.column_names else nothing for name in COLUMNS
    }


def _names(column: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return each entry as an index into the names that occur, NONE where there is none."""
    arrow = _need("pyarrow")
    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    coded = column.dictionary_encode()
    codes = coded.indices.fill_null(NONE).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, tuple(str(name) for name in coded.dictionary.to_pylist())


def _words(column: Any, kind: str, known: tuple[str, ...], where: str, is_needed: bool = False) -> np.ndarray:
    codes, names = _names(column)
    place = {name: n for n, name in enumerate(known)}
    for n, name in enumerate(names):
        if name not in place:
            line = FIRST_LINE + int(np.argmax(codes == n))
            raise LogError(unknown_name_text(kind, name, known, f"{where}:{line}: {kind}"))
    if is_needed and (codes == NONE).any():
        line = FIRST_LINE + int(np.argmax(codes == NONE))
        raise LogError(f"{where}:{line}: {kind} is empty in {int((codes == NONE).sum())} rows")
    table = np.array([*(place[name] for name in names), NONE], dtype=np.int8)
    return table[codes]


def _numbers(column: Any, where: str) -> np.ndarray:
    arrow = _need("pyarrow")
    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        numbers = column.cast(arrow.float64())
    except arrow.ArrowInvalid as error:
        raise LogError(f"{where}: value: {error}") from None
    return numbers.fill_null(np.nan).to_numpy(zero_copy_only=False).copy()


def _require(is_there: np.ndarray, needs: np.ndarray, event: np.ndarray, where: str, what: str) -> None:
    wrong = np.flatnonzero(needs & ~is_there)
    if len(wrong):
        which = EVENTS[event[wrong[0]]]
        raise LogError(f"{where}:{FIRST_LINE + wrong[0]}: {which} without a {what} ({len(wrong)} such rows)")


def _times(column: Any, where: str, notes: dict[str, int]) -> np.ndarray:
    """Return times in seconds: numbers as they are, ISO 8601 with zones since 1970 in UTC."""
    arrow = _need("pyarrow")
    compute = _need("pyarrow.compute")
    if arrow.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise LogError(f"{where}: time: timestamps without a zone. Give them one, or write seconds as numbers")
        seconds = column.cast(arrow.timestamp("us", "UTC")).cast(arrow.int64()).cast(arrow.float64(), safe=False)
        column = compute.divide(seconds, 1e6)
    missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
    if len(missing):
        raise LogError(f"{where}:{FIRST_LINE + missing[0]}: time is empty in {len(missing)} rows")
    try:
        times = column.cast(arrow.float64()).to_numpy(zero_copy_only=False).copy()
    except arrow.ArrowInvalid:
        times = _iso_times(column.cast(arrow.string()), where, notes)
    if not np.isfinite(times).all():
        line = FIRST_LINE + int(np.argmax(~np.isfinite(times)))
        raise LogError(f"{where}:{line}: time is not a finite number of seconds")
    return times


def _iso_times(column: Any, where: str, notes: dict[str, int]) -> np.ndarray:
    compute, pandas = _need("pyarrow.compute"), _need("pandas")
    parts = compute.extract_regex(column, r"\d{2}:\d{2}.*?(?P<zone>Z|[+-]\d{2}:?\d{2})?$")
    # a naive time has an empty zone, text that is no time at all has none
    zones, names = _names(compute.struct_field(parts, "zone"))
    naive = np.isin(zones, [n for n, name in enumerate(names) if name == ""])
    unreadable = zones == NONE
    if unreadable.any():
        line = int(np.argmax(unreadable))
        raise LogError(
            f"{where}:{FIRST_LINE + line}: time: cannot read '{column[line].as_py()}'. "
            "Write ISO 8601 with a zone, 2026-03-01T20:15:00.250+01:00, or seconds as numbers, in all rows alike"
        )
    if naive.any():
        line = int(np.argmax(naive))
        what = "times without a zone mixed with times that have one" if not naive.all() else "times without a zone"
        raise LogError(
            f"{where}:{FIRST_LINE + line}: time: {what} ('{column[line].as_py()}'). "
            "Write the zone in every row, as in 2026-03-01T20:15:00+01:00 or ...Z"
        )
    try:
        moments = pandas.to_datetime(column.to_pandas(), utc=True, format="ISO8601")
    except ValueError as error:
        raise LogError(f"{where}: time: {' '.join(str(error).split())}") from None
    if len({name.replace("+00:00", "Z") for name in names}) > 1:
        notes["time zones converted to UTC"] = len(names)
    return moments.astype("datetime64[us, UTC]").astype("int64").to_numpy() / 1e6


def _without_duplicates(rows: Rows, notes: dict[str, int]) -> Rows:
    pandas = _need("pandas")
    frame = pandas.DataFrame(dict(zip(Rows._fields[:8], rows[:8], strict=True)))
    again = frame.duplicated().to_numpy()
    if again.any():
        notes["duplicate rows dropped"] = int(again.sum())
        return rows.chosen(~again)
    return rows


def _sorted(rows: Rows, notes: dict[str, int]) -> Rows:
    """Return the rows in the order of time within each room, and count those that came too late."""
    by_room = np.argsort(rows.room, kind="stable")
    time_s, room = rows.time_s[by_room], rows.room[by_room]
    late = int(((time_s[1:] < time_s[:-1]) & (room[1:] == room[:-1])).sum())
    if late:
        notes["out-of-order events sorted"] = late
    return rows.in_order()
