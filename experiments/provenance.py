"""Where a result came from: the commit it was made at, and the committed configuration that makes it again."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from experiments.config import ExperimentConfig, load_config
from experiments.result_folder import ResultFolder
from livesim.errors import LivesimError

CONFIGS = Path(__file__).parent / "configs"
ROOT = Path(__file__).parents[1]
DIRTY = "-dirty"


@dataclass(frozen=True)
class Provenance:
    """commit: 40 hex digits, or None where the result was not made in a checkout.

    is_dirty: the commit alone does not make the result: uncommitted changes lay on top of it, the run was continued
    with other software, or the configuration is not committed.

    file: the shipped configuration of the same name; settings: what was set on top of it; difference: in what the
    result's configuration differs from both together, empty where it does not.
    """

    commit: str | None
    is_dirty: bool
    file: Path | None
    settings: tuple[str, ...] = ()
    difference: str = ""

    @property
    def short(self) -> str:
        """The commit in twelve digits, with a mark where changes lay on top of it."""
        return "unknown" if self.commit is None else f"{self.commit[:12]}{' + changes' if self.is_dirty else ''}"

    @property
    def is_shipped(self) -> bool:
        """Whether a shipped configuration makes this result."""
        return self.file is not None and not self.difference

    @property
    def source(self) -> str:
        """The shipped configuration with what was set on top, as `livesim run` takes it."""
        assert self.file is not None
        shown = self.file.relative_to(ROOT).as_posix()
        return " ".join([shown, *(f"--set {setting}" for setting in self.settings)])


def provenance(folder: ResultFolder, config: ExperimentConfig) -> Provenance:
    """Return where a result came from; only its scenario may be set on top of a shipped configuration."""
    versions = folder.versions()
    recorded = str(versions.get("git_commit") or "")
    commit = recorded.removesuffix(DIRTY) or None
    file = next((path for path in sorted(CONFIGS.glob("*.yaml")) if _name(path) == config.name), None)
    is_dirty = recorded.endswith(DIRTY) or bool(versions.get("continued_with"))
    if file is None:
        return Provenance(commit, is_dirty, None)
    is_dirty |= not is_committed(file)
    settings = () if load_config(file).scenario == config.scenario else (f"scenario={config.scenario}",)
    try:
        shipped = load_config(file, settings)
        difference = folder.difference_from(shipped) or ""
    except LivesimError as error:
        difference = str(error)
    return Provenance(commit, is_dirty, file, settings, difference)


def is_committed(file: Path) -> bool:
    """Return whether git knows a file and has it as it is."""
    git = ["git", "-C", str(file.parent)]
    for command in (["ls-files", "--error-unmatch", file.name], ["diff", "--quiet", "HEAD", "--", file.name]):
        try:
            if subprocess.run([*git, *command], capture_output=True, timeout=10, check=False).returncode:
                return False
        except (OSError, subprocess.SubprocessError):
            return False
    return True


def _name(file: Path) -> str | None:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    return data.get("name") if isinstance(data, dict) else None
