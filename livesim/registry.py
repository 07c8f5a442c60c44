"""Names of the things a scenario or an experiment can ask for: policies, processes, rewards, formats, kinds.

Registering is all that a plug-in does. Modules that register the built-in policies are imported by name on the
first look-up, so that the simulator itself depends on no agent.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from livesim.errors import unknown_name

KINDS = ("policy", "process", "reward", "ad_format", "interaction")
BUILTIN_MODULES: dict[str, tuple[str, ...]] = {"policy": ("agents.heuristics",)}

_things: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
T = TypeVar("T")


def register(kind: str, name: str, thing: T) -> T:
    """Register `thing` under `name`; the same name again replaces it, so a module may be reloaded."""
    if kind not in _things:
        raise unknown_name("kind of plug-in", kind, KINDS)
    _things[kind][name] = thing
    return thing


def registering(kind: str, name: str) -> Callable[[T], T]:
    """Return a decorator that registers what it decorates: `@registering("process", "raid")`."""
    return lambda thing: register(kind, name, thing)


def resolve(kind: str, name: str, where: str = "") -> Any:
    """Return what is registered under `name`; raises UnknownNameError with the nearest match."""
    _load_builtins(kind)
    if name not in _things[kind]:
        raise unknown_name(kind.replace("_", " "), name, _things[kind], where)
    return _things[kind][name]


def names(kind: str) -> list[str]:
    """Return the registered names of one kind, sorted."""
    _load_builtins(kind)
    return sorted(_things[kind])


def resolve_entries(kind: str, entries: Any, where: str) -> Any:
    """Return a list of entries with every registered name replaced by what it stands for.

    A mapping that names a registered entry, such as {name: quiz, appeal: -0.8}, is that entry with these changes; under
    another name it is an entry of its own.
    """
    if not isinstance(entries, list | tuple):
        return entries
    return tuple(_resolve_entry(kind, entry, where) for entry in entries)


def _resolve_entry(kind: str, entry: Any, where: str) -> Any:
    if isinstance(entry, str):
        return resolve(kind, entry, where)
    if isinstance(entry, Mapping) and entry.get("name") in names(kind):
        return {**resolve(kind, str(entry["name"])).model_dump(), **entry}
    return entry


def _load_builtins(kind: str) -> None:
    for module in BUILTIN_MODULES.get(kind, ()):
        importlib.import_module(module)
