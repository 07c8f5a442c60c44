"""A scenario: one YAML file that says what a room is, put together from the sections of its domains."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import Field, ValidationError, model_validator

import scenarios as scenario_folder
from livesim.ads.config import AdsConfig
from livesim.audience.config import AudienceConfig
from livesim.chat.config import ChatConfig, DeskConfig
from livesim.clock import make_process
from livesim.content.config import ContentConfig
from livesim.daytime import Weekday
from livesim.errors import ScenarioError, UnknownNameError, nearest_text, unknown_name, unknown_name_text
from livesim.gifts.config import GiftsConfig
from livesim.heads import HEADS
from livesim.incidents.config import IncidentConfig, check_incidents
from livesim.interactions.config import InteractionsConfig
from livesim.network.config import NetworkConfig, PipelineConfig
from livesim.operations.config import OperationsConfig
from livesim.privacy.config import AnalyticsConfig
from livesim.rewards import RewardsConfig
from livesim.schema import Config, number, switch, value_at
from livesim.world import Draw, check_worlds

FOLDER = Path(scenario_folder.__file__).parent
PRESETS = FOLDER / "presets"
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml parses eight times as fast


Kind = Literal["entertainment", "ecommerce", "education", "health", "enterprise", "esports"]
KINDS: tuple[str, ...] = get_args(Kind)


class SessionConfig(Config):
    """The length of a session, its two clocks, and when it begins."""

    duration_s: float = number(7200, 60, 86_400, "s", "scheduled length of the session")
    tick_s: float = number(5, 0.5, 30, "s", "step of the crowd; events inside a step are exact")
    decision_s: float = number(30, 5, 600, "s", "time between two decisions of the agent")
    clock: bool = switch(
        False, "whether arrivals follow the hour and the weekday (audience.hour_curve, audience.weekday_factors)"
    )
    start_hour: float = number(20, 0, 24, "h", "local time of the start, with the clock on; 20.5 is half past eight")
    weekday: Weekday = switch("wednesday", "day of the start, with the clock on")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for name, big, small in (
            ("decision_s", self.decision_s, self.tick_s), ("duration_s", self.duration_s, self.decision_s),
        ):  # fmt: skip
            if abs(big / small - round(big / small)) > 1e-9:
                raise ValueError(f"{name} = {big:g} s must be a whole multiple of {small:g} s")
        return self


class Plugin(Config):
    """A process that a plug-in registered, with its parameters."""

    process: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Scenario(Config):
    """Everything that defines a room. Unknown keys are errors; defaults live here and nowhere else."""

    name: str = "room"
    description: str = ""
    kind: Kind = switch("entertainment", "what kind of room it is: which published facts it is held against")
    stage: Literal["newcomer", "growing", "mature"] = switch(
        "growing", "where the channel stands; the presets of these names set it"
    )
    plugins: tuple[str, ...] = Field((), description="Python modules to import; they register processes, rewards, ...")
    processes: tuple[Plugin, ...] = Field((), description="plug-in processes that run in every room")
    session: SessionConfig = SessionConfig()
    audience: AudienceConfig = AudienceConfig()
    network: NetworkConfig = NetworkConfig()
    content: ContentConfig
    gifts: GiftsConfig = GiftsConfig()
    chat: ChatConfig = ChatConfig()
    ads: AdsConfig = AdsConfig()
    interactions: InteractionsConfig = InteractionsConfig()
    operations: OperationsConfig = OperationsConfig()
    randomise: dict[str, Draw] = Field(
        default_factory=dict, description="dotted key of a number and what it may be: drawn anew for every session"
    )
    incidents: tuple[IncidentConfig, ...] = Field((), description="what goes wrong, or comes over the room")
    pipeline: PipelineConfig = PipelineConfig()
    desk: DeskConfig = DeskConfig()
    analytics: AnalyticsConfig = AnalyticsConfig()
    rewards: RewardsConfig = RewardsConfig()
    default_policies: dict[str, str] = switch(
        {"recommend": "estimated_match", "ads": "credit_rule", "interact": "rotation", "operate": "nothing"},
        "who plays a head that the agent does not",
    )
    sources: dict[str, str] = Field(
        default_factory=dict,
        description="where numbers of this file come from: dotted key -> publication, data, or why it is assumed",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for head in self.default_policies:
            if head not in HEADS:
                raise ValueError(unknown_name_text("head", head, HEADS, "default_policies"))
        check_incidents(self.incidents, len(self.network.edge_shares))
        for key, text in self.sources.items():
            _check_source(self, key, text)
        if self.desk.servers > self.operations.staff_most:
            raise ValueError(
                f"desk.servers: {self.desk.servers} people are more than operations.staff_most = "
                f"{self.operations.staff_most}"
            )
        return self

    @property
    def ticks(self) -> int:
        """Return the ticks of a session."""
        return round(self.session.duration_s / self.session.tick_s)

    @property
    def decisions(self) -> int:
        """Return the decisions of a session."""
        return round(self.session.duration_s / self.session.decision_s)


def _check_source(scenario: Scenario, key: str, text: str) -> None:
    try:
        value = value_at(scenario, key)
    except ValueError as error:
        raise ValueError(f"sources: {error}") from None
    if isinstance(value, Config):
        raise ValueError(f"sources: {key} is a section or an entry. Name one of its fields, as {key}.FIELD")
    if not text.strip():
        raise ValueError(f"sources: {key} names no source. Leave it out where the number is assumed")


def list_scenarios() -> list[str]:
    """Return the names of the shipped scenarios."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def list_presets() -> list[str]:
    """Return the names of the presets that can be laid over any scenario, as in "ecommerce+mature"."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def describe_preset(preset: str) -> str:
    """Return in a sentence what a preset makes of a room."""
    return str(_parsed(PRESETS / f"{preset}.yaml")["description"])


def load_scenario(source: str | Path | Scenario, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """Return a validated scenario.

    source: a shipped name or the path of a YAML file, either with "+preset" behind it, or a Scenario.
    overrides: dotted keys, {"audience.planned_viewers": 50}. A randomised number that is overridden is held fixed.
    Raises ScenarioError (where, what, what is allowed) or UnknownNameError with the nearest match.
    """
    if isinstance(source, Scenario):
        if not overrides:
            return source
        where, data = source.name, source.model_dump(mode="json")
    else:
        where = str(source)
        data = _read_source(where)
        data.setdefault("name", _stem(where))
    for key, value in (overrides or {}).items():
        _set(data, key, value, where)
    _forget_sources(data, list(overrides or ()))
    return _build(data, where)


def split_preset(source: str) -> tuple[str, str]:
    """Return what a scenario is called without its preset, and the preset; empty where it has none."""
    base, plus, preset = source.rpartition("+")
    if not plus or "/" in preset or Path(source).is_file():
        return source, ""
    return base, preset


def _stem(source: str) -> str:
    base, preset = split_preset(source)
    return Path(base).stem + (f"+{preset}" if preset else "")


def _read_source(source: str, child: Path | None = None, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the mapping of a name or path, its preset laid over it; files beside a child that extends it go first."""
    base, preset = split_preset(source)
    if preset and split_preset(base)[1] in list_presets():
        raise ScenarioError(f"{source}: one preset at a time")
    beside = (child.parent / f"{base}.yaml", child.parent / base) if child else ()
    data = _read(next((path for path in beside if path.is_file()), None) or _path_of(base), seen)
    return _with_preset(data, preset, source) if preset else data


def _path_of(text: str) -> Path:
    if text in list_scenarios():
        return FOLDER / f"{text}.yaml"
    path = Path(text)
    if path.suffix in (".yaml", ".yml") or "/" in text:
        if not path.is_file():
            raise ScenarioError(f"{text}: no such scenario file. Shipped scenarios: {', '.join(list_scenarios())}.")
        return path
    raise unknown_name("scenario", text, list_scenarios())


def _read(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the merged mapping of a file and everything it extends, nearest file last, a preset over all."""
    if path.resolve() in seen:
        raise ScenarioError(f"{path}: extends itself through {' -> '.join(p.name for p in seen)}")
    data = _parsed(path)
    parent, preset = data.pop("extends", None), data.pop("preset", None)
    if parent is not None:
        data = _laid_over(_read_source(str(parent), path, (*seen, path.resolve())), data)
    return data if preset is None else _with_preset(data, str(preset), str(path))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: a scenario is a mapping of sections, not a {type(data).__name__}")
    return data


def _with_preset(data: dict[str, Any], preset: str, where: str) -> dict[str, Any]:
    """Return a mapping with a preset laid over it, its `{scale: x}` as x times what the scenario has."""
    if preset not in list_presets():
        raise unknown_name("preset", preset, list_presets(), where)
    base = _build(data, where)
    if base.stage != "growing":
        raise ScenarioError(f"{where}: the preset '{preset}' cannot be laid over a room that is {base.stage} already")
    change = _scaled(_parsed(PRESETS / f"{preset}.yaml"), base)
    change["description"] = f"{base.description} {change['description']}".strip()
    return _laid_over(data, change)


def _scaled(change: Mapping[str, Any], base: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in change.items():
        if isinstance(value, dict):
            at = getattr(base, key)
            values[key] = at * value["scale"] if set(value) == {"scale"} else _scaled(value, at)
        else:
            values[key] = value
    return values


def _laid_over(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with another over it. A randomised number that the upper one only gives is held fixed."""
    draws = base.get("randomise")
    if isinstance(draws, dict):
        again = over.get("randomise") or {}
        kept = {key: draw for key, draw in draws.items() if key in again or not _gives(over, key)}
        base = {**base, "randomise": kept}
    _forget_sources(base, list(_leaves(over)))
    return _merge(base, over)


def _gives(data: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[part]
    return True


def _leaves(data: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of everything a mapping sets; a list counts as one thing."""
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _forget_sources(data: dict[str, Any], replaced: Sequence[str]) -> None:
    """Drop the sources of numbers that somebody has replaced: they are the replacer's to give."""
    if isinstance(sources := data.get("sources"), dict):
        within = tuple(f"{key}." for key in replaced)
        data["sources"] = {
            key: text for key, text in sources.items() if key not in replaced and not str(key).startswith(within)
        }


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _set(data: dict[str, Any], key: str, value: Any, where: str) -> None:
    model: Any = Scenario
    at: Any = data
    spelled: list[str] = []  # the key with entries of lists by name, as `randomise` may have it
    *sections, last = key.split(".")
    if sections and sections[0] == "randomise":
        _randomise(data, key.partition(".")[2], value)
        return
    for part in sections:
        if isinstance(at, list):
            at = _list_entry(at, part, key, where)
            spelled.append(at["name"] if isinstance(at, dict) and "name" in at else part)
            continue
        model = _section(model, part, key, where)
        at = at.setdefault(part, {})
        spelled.append(part)
    if isinstance(at, list):
        _list_entry(at, last, key, where)
        at[int(last)] = value
        return
    if model is not None:
        _section(model, last, key, where)
    at[last] = value
    if last != "randomise" and isinstance(draws := data.get("randomise"), dict):
        data["randomise"] = {k: v for k, v in draws.items() if k not in (key, ".".join([*spelled, last]))}


def _randomise(data: dict[str, Any], key: str, draw: Any) -> None:
    data["randomise"] = {**(data.get("randomise") or {}), key: draw}


def _section(model: Any, part: str, key: str, where: str) -> Any:
    fields = getattr(model, "model_fields", None)
    if fields is None:
        return None
    if part not in fields:
        raise ScenarioError(unknown_name_text("key", part, fields, f"{where}: {key}"))
    annotation = fields[part].annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, Config) else None


def _list_entry(at: list[Any], part: str, key: str, where: str) -> Any:
    if not part.isdigit() or int(part) >= len(at):
        raise ScenarioError(f"{where}: {key}: '{part}' is not an index of a list of {len(at)}")
    return at[int(part)]


def _build(data: dict[str, Any], where: str) -> Scenario:
    for module in data.get("plugins") or ():
        try:
            importlib.import_module(str(module))
        except ImportError as error:
            raise ScenarioError(f"{where}: plugins: cannot import '{module}': {error}") from None
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(_first_problem(error, where)) from None
    except UnknownNameError as error:
        raise UnknownNameError(f"{where}: {error}") from None
    _try_processes(scenario, where)
    check_worlds(scenario, where)
    return scenario


def _try_processes(scenario: Scenario, where: str) -> None:
    """Build every plug-in process once, so that a typo is found before any work starts."""
    for plugin in scenario.processes:
        try:
            make_process(plugin.process, plugin.parameters, f"{where}: processes")
        except (TypeError, ValueError) as error:
            raise ScenarioError(f"{where}: processes: {plugin.process}: {error}") from None


def _first_problem(error: ValidationError, where: str) -> str:
    """Return pydantic's first complaint as one sentence: where, what, what is allowed, the nearest match."""
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return unknown_name_text("key", str(problem["loc"][-1]), _fields_at(problem["loc"][:-1]), f"{where}: {path}")
    given = "" if problem["type"] in ("missing", "value_error") else f" (given: {problem['input']!r})"
    if problem["type"] == "literal_error":
        nearest = nearest_text(str(problem["input"]), re.findall("'([^']*)'", problem["ctx"]["expected"]))
        given += f".{nearest}" if nearest else ""
    more = len(error.errors()) - 1
    rest = f" [and {more} more]" if more else ""
    return f"{where}: {path}: {problem['msg'].removeprefix('Value error, ')}{given}{rest}"


def _fields_at(path: tuple[Any, ...]) -> list[str]:
    model: Any = Scenario
    for part in path:
        if part in getattr(model, "model_fields", {}):
            model = _config_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _config_in(annotation: Any) -> type[Config] | None:
    """Return the section that a field is, or holds: in a tuple, in a mapping, or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _config_in(inner)) is not None), None)
