"""One viewer alone on trace files: films to play, what came of them, and how far that is from a reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from livesim.errors import ConfigError, TraceError, unknown_name
from livesim.network.config import NetworkConfig
from livesim.network.lone import FILM_SEGMENTS, REQUEST_LATENCY_S, watch
from livesim.network.trace_folder import HEADER, read_trace, trace_files

ALIASES = {"rb": "rate", "bba": "buffer"}
RULES: tuple[str, ...] = get_args(NetworkConfig.model_fields["rule"].annotation)
FIELDS = {  # what we print -> its name in a reference file
    "startup_s": "startup_s",
    "stall_s": "rebuffer_s",
    "stall_events": "rebuffer_events",
    "mean_bitrate_kbps": "mean_bitrate_kbps",
    "switch_kbps": "switch_kbps_total",
}
_OPTIONS = {"buffer_cap_s": "--buffer-s", "ladder_kbps": "--ladder-kbps", "segment_s": "--segment-s"}
SAME_S, SAME_EVENTS = 0.05, 1
SAME_SHARE = {"throughput": 0.03}  # of the others: 1 %


@dataclass(frozen=True)
class Film:
    """What is played and how; the defaults are the film of the published comparison."""

    rule: str = "throughput"
    buffer_s: float = 8.0
    ladder_kbps: tuple[float, ...] = NetworkConfig.model_fields["ladder_kbps"].default
    segment_s: float = 2.0
    segments: int = FILM_SEGMENTS
    request_latency_s: float = REQUEST_LATENCY_S

    def config(self) -> NetworkConfig:
        """Return the network section that plays it; raises UnknownNameError or ConfigError."""
        rule = ALIASES.get(self.rule, self.rule)
        if rule not in RULES:
            raise unknown_name("rule", self.rule, (*RULES, *ALIASES), "--rule")
        try:
            return NetworkConfig.model_validate({
                "live": False, "rule": rule, "buffer_cap_s": self.buffer_s, "ladder_kbps": self.ladder_kbps,
                "segment_s": self.segment_s, "wanted_rung": 0,
            })  # fmt: skip
        except ValidationError as error:
            problem = error.errors()[0]
            where = "".join(f"{part}: " for part in problem["loc"][:1])
            text = f"{where}{problem['msg'].removeprefix('Value error, ')}"
            for name, option in _OPTIONS.items():
                text = text.replace(name, option)
            raise ConfigError(text) from None


@dataclass(frozen=True)
class Result:
    """One film on one trace; seconds, counts and kbit/s."""

    trace: str
    rule: str
    buffer_s: float
    startup_s: float
    stall_s: float
    stall_events: int
    mean_bitrate_kbps: float
    switch_kbps: float

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


def play(path: Path, film: Film) -> Result:
    """Play a film on one trace file; raises TraceError naming file and line."""
    seen = watch(film.config(), read_trace(path), film.request_latency_s, film.segments)
    values = {name: getattr(seen, name) for name in FIELDS}
    return Result(trace=path.stem, rule=film.rule, buffer_s=film.buffer_s, **values)


def traces_at(path: Path) -> list[Path]:
    """Return the trace itself, or those of a folder; raises TraceError where there is none."""
    if not path.exists():
        raise TraceError(f"TRACE: there is no file or folder {path}. Give a CSV with header {','.join(HEADER)}")
    return [path] if path.is_file() else trace_files(path, "TRACE")


@dataclass(frozen=True)
class Difference:
    """One number of one case beside its reference."""

    case: str
    field: str
    ours: float
    theirs: float
    rule: str

    @property
    def is_share(self) -> bool:
        """Whether the difference is told as a share: of bitrates and switches."""
        return self.field in ("mean_bitrate_kbps", "switch_kbps")

    @property
    def size(self) -> float:
        """The difference: a share, else seconds or events."""
        apart = abs(self.ours - self.theirs)
        return apart / max(self.theirs, 1.0) if self.is_share else apart

    @property
    def is_same(self) -> bool:
        """Whether it is within 1 % (the throughput rule: 3 %), or 0.05 s, or one event."""
        share = SAME_SHARE.get(self.rule, 0.01)
        apart = abs(self.ours - self.theirs)
        if self.field == "stall_events":
            return apart <= SAME_EVENTS
        return apart <= share * self.theirs or (self.field.endswith("_s") and apart <= SAME_S)


def differences(
    paths: Sequence[Path],
    film: Film,
    reference: Path,
    rules: Sequence[str] = (),
    progress: Callable[[float], None] = lambda units: None,
) -> list[Difference]:
    """Return ours beside theirs for every case of a reference file that has its trace among `paths`.

    rules: only these; by default all that the file and we both know. A reference file holds `fields` and, under
    `shared`, a mapping "TRACE|bufSECONDS" -> rule -> values in the order of the fields.
    """
    found = {path.stem: path for path in paths}
    result: list[Difference] = []
    for trace, buffer_s, rule, theirs in _cases(reference, rules):
        if trace not in found:
            continue
        ours = play(found[trace], replace(film, rule=rule, buffer_s=buffer_s)).as_data()
        case = f"{trace} at {buffer_s:g} s"
        result += [Difference(case, name, ours[name], theirs[FIELDS[name]], rule) for name in FIELDS]
        progress(1)
    if not result:
        raise ConfigError(f"--against {reference}: holds no case of these traces. Its cases are named TRACE|bufSECONDS")
    return result


def _cases(reference: Path, rules: Sequence[str]) -> Iterator[tuple[str, float, str, Mapping[str, float]]]:
    wanted = {ALIASES.get(rule, rule) for rule in rules or RULES}
    try:
        data = json.loads(reference.read_text(encoding="utf-8"))
        fields, cases = data["fields"], data["shared"]
        for case, results in cases.items():
            trace, _, buffer_s = case.partition("|buf")
            for rule, values in results.items():
                if ALIASES.get(rule, rule) in wanted:
                    yield trace, float(buffer_s), rule, dict(zip(fields, values, strict=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"--against {reference}: is no reference file: {error}") from None


@dataclass(frozen=True)
class Worst:
    """The largest difference of one field under one rule."""

    rule: str
    field: str
    cases: int
    same: int
    difference: Difference


def worst(found: Sequence[Difference]) -> list[Worst]:
    """Return one row per rule and field."""
    rows = []
    for rule in dict.fromkeys(one.rule for one in found):
        for field in FIELDS:
            those = [one for one in found if (one.rule, one.field) == (rule, field)]
            same = sum(one.is_same for one in those)
            rows.append(Worst(rule, field, len(those), same, max(those, key=lambda one: one.size)))
    return rows
