"""Every error livesim raises on bad input, and the one form their messages take."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LivesimError(Exception):
    """Base of all errors that a user of livesim can cause."""

    def __str__(self) -> str:  # KeyError would quote the message
        return str(self.args[0]) if self.args else ""


class ScenarioError(LivesimError, ValueError):
    """A scenario file or override that does not fit the schema."""


class ConfigError(LivesimError, ValueError):
    """An experiment file or command-line override that does not fit the schema."""


class TraceError(LivesimError, ValueError):
    """A bandwidth trace that cannot be used; the message names file and line."""


class LogError(LivesimError, ValueError):
    """An event log that cannot be read or does not hold what a fit needs; the message names file and row."""


class ActionError(LivesimError, ValueError):
    """An action outside the action space."""


class OrderError(LivesimError, RuntimeError):
    """A call at the wrong moment: a step before reset or after the end."""


class UnknownNameError(LivesimError, KeyError):
    """A name that nothing is registered under."""


class SnapshotError(LivesimError, RuntimeError):
    """A room that cannot be copied, because a process keeps state outside its fields."""


class CheckpointError(LivesimError, RuntimeError):
    """A half-written, corrupt or untrusted model or checkpoint."""


class ResultFolderError(LivesimError, RuntimeError):
    """A result folder that exists, is incomplete or belongs to another configuration."""


def unknown_name(kind: str, name: str, known: Iterable[str], where: str = "") -> UnknownNameError:
    """Return the error for a name nobody knows: what is allowed, and the nearest match."""
    return UnknownNameError(unknown_name_text(kind, name, known, where))


def unknown_name_text(kind: str, name: str, known: Iterable[str], where: str = "") -> str:
    """Return the sentence of `unknown_name`, for errors of other classes."""
    names = sorted(known)
    prefix = f"{where}: " if where else ""
    return f"{prefix}unknown {kind} '{name}'. Known: {', '.join(names) or 'none'}.{nearest_text(name, names)}"


def nearest_text(name: str, known: Iterable[str]) -> str:
    """Return the question whether the nearest of the known names was meant; empty where none is near."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""
