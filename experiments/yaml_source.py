"""Read an experiment file as plain data, and say in which line a mistake stands.

Only YAML's safe types are built: nothing in a file is executed. A key written twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from livesim.errors import ConfigError

Location = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the numbers of YAML 1.2: 1e-4 is one, 10:59 is text (not 659, base 60)."""


_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_INT, _FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_NUMBER_STARTS = list("-+.0123456789")
_Loader.add_implicit_resolver(_INT, re.compile(r"^[-+]?(0|[1-9][\d_]*)$"), _NUMBER_STARTS)
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(r"^[-+]?(\d[\d_]*\.[\d_]*|\.\d[\d_]*|\d[\d_]*(?=[eE]))([eE][-+]?\d+)?$"),
    _NUMBER_STARTS,
)


@dataclass(frozen=True)
class Source:
    """The data of a file and the line (from 1) of every key and list entry in it."""

    path: str
    data: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)

    def line_of(self, location: Sequence[str | int]) -> str:
        """Return ":line" of the place, or of the nearest enclosing one that has a line, else ""."""
        spot = tuple(location)
        while spot and spot not in self.lines:
            spot = spot[:-1]
        return f":{self.lines[spot]}" if spot in self.lines else ""

    def where(self, location: Sequence[str | int]) -> str:
        """Return "file:line: dotted.key" of the place, or of the nearest enclosing place that has a line."""
        line = self.line_of(location)
        dotted = ".".join(str(part) for part in location)
        return f"{self.path}{line}" + (f": {dotted}" if dotted else "")


def read_source(path: str | Path) -> Source:
    """Return the mapping in a YAML file; raises ConfigError with file and line for anything else."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = sorted(str(other) for other in file.parent.glob("*.yaml")) if file.parent.is_dir() else []
        hint = f" In that folder: {', '.join(near)}." if near else ""
        raise ConfigError(f"{file}: no such experiment file.{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as text ({error})") from None
    return parse_source(text, str(file))


def parse_source(text: str, name: str) -> Source:
    """Return the mapping in YAML text; `name` stands for the file in messages."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{name}: is empty")
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{name}:{node.start_mark.line + 1}: expected `key: value` lines")
        lines: dict[Location, int] = {}
        _note_lines(node, (), lines, name)
        return Source(name, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from None
    finally:
        loader.dispose()


def read_value(text: str) -> Any:
    """Return the value after `--set key=`, read as YAML: 5 is a number, [1, 2] a list, off a switch."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        return text


def _note_lines(node: yaml.Node, at: Location, lines: dict[Location, int], name: str) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*at, _key(key, name))
            if place in lines:
                raise ConfigError(
                    f"{name}:{key.start_mark.line + 1}: {'.'.join(map(str, place))}: "
                    f"written twice; the first is in line {lines[place]}"
                )
            lines[place] = key.start_mark.line + 1
            _note_lines(value, place, lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*at, index)] = value.start_mark.line + 1
            _note_lines(value, (*at, index), lines, name)


def _key(node: yaml.Node, name: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"{name}:{node.start_mark.line + 1}: a key must be a word")
    return str(node.value)
