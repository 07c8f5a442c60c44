"""A fitted scenario as YAML: only what was fitted, measured or given, each with where it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from agents.files import whole_file
from experiments.logs.fitting import FittedLog
from livesim.errors import ConfigError, LogError
from livesim.scenario import list_scenarios, load_scenario


def check_out(path: Path) -> None:
    """Raise LogError where a scenario cannot be written."""
    if path.suffix not in (".yaml", ".yml"):
        raise LogError(f"{path}: a scenario is a .yaml file")
    if path.exists():
        raise LogError(f"{path}: exists; nothing was written. Choose another name, or remove it first")


def write_scenario(fitted: FittedLog, path: Path) -> None:
    """Write the fitted scenario, whole or not at all, and load it once; raises LogError where the file exists."""
    check_out(path)
    with whole_file(path) as draft:
        draft.write_text(scenario_text(fitted, path), encoding="utf-8")
        load_scenario(draft.resolve())


def scenario_text(fitted: FittedLog, path: Path) -> str:
    """Return the YAML of the fitted scenario that is to lie at `path`."""
    lines: dict[str, dict[str, str]] = {}
    for key, value in fitted.known.overrides.items():
        _put(lines, key, f"{_plain(value)}  # {fitted.known.why[key]}")
    for key in fitted.fit.keys:
        low, high = fitted.fit.interval(key)
        comment = f"fitted, 95 % interval [{low:.4g}, {high:.4g}], n = {fitted.fit.counts[key]}"
        _put(lines, key, f"{rounded(fitted.fit.value(key)):g}  # {comment}")
    log, events = fitted.log, len(fitted.log.events.room) + len(fitted.log.visits.room)
    text = [
        f"# `livesim fit {fitted.path.name} --extends {fitted.extends}`: {len(log)} rooms, {events:,} events.",
        "# Simulated sessions with these numbers give the estimates that the log gives; not listed is as in the base.",
        f"extends: {_plain(_base(fitted.extends, path))}",
        f"description: {_plain(f'A room fitted to {len(log)} sessions of {fitted.path.name}.')}",
    ]
    for section, entries in lines.items():
        text += [f"{section}:", *(f"  {name}: {rest}" for name, rest in entries.items())]
    return "\n".join(text) + "\n"


def rounded(value: float) -> float:
    """Return a number with the four digits that a fit can claim at most."""
    return float(f"{value:.4g}")


def _put(lines: dict[str, dict[str, str]], key: str, text: str) -> None:
    section, _, name = key.partition(".")
    if not name or "." in name:
        raise ConfigError(f"--set {key}: only keys of the form section.name; put others into a file and extend that")
    lines.setdefault(section, {})[name] = text


def _plain(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()


def _base(extends: str, path: Path) -> str:
    return extends if extends in list_scenarios() else os.path.relpath(extends, path.parent)
