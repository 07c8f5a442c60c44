"""Imports go one way: scenario -> room -> environments <- agents <- experiments; inside, domains <- crowd <- room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {  # package -> packages of this project that it may import at run time
    "livesim": {"livesim", "scenarios"},
    "agents": {"agents", "livesim"},
    "experiments": {"experiments", "agents", "livesim"},
    "scenarios": {"scenarios", "livesim"},
}
DOMAINS = ("audience", "network", "content", "ads", "gifts", "chat", "interactions", "privacy")
ABOVE_DOMAINS = {
    "livesim.room",
    "livesim.analytics",
    "livesim.envs",
    "livesim.showing",
    "livesim.crowd",
    "livesim.state",
}


def _imports(path: Path) -> set[str]:
    """Return the modules a file imports at run time: not those under `if TYPE_CHECKING`."""
    found: set[str] = set()
    for node in ast.walk(_without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def _without_type_checking(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test))]
    return tree


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_from_their_left(package):
    ours = set(ALLOWED)
    for path in _files(package):
        wrong = {m for m in _imports(path) if m.split(".")[0] in ours - ALLOWED[package]}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_knows_nothing_of_what_is_built_from_it(domain):
    for path in _files(f"livesim/{domain}"):
        wrong = {m for m in _imports(path) if any(m == a or m.startswith(a + ".") for a in ABOVE_DOMAINS)}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_the_simulation_never_draws_from_a_global_generator():
    """Learners of Stable-Baselines3 do, seeded and kept in checkpoints; rooms, rollouts and statistics never."""
    for package in ("livesim", "scenarios", "experiments"):
        for path in _files(package):
            names = _imports(path)
            assert "random" not in names, f"{path.relative_to(ROOT)} imports Python's random"
            text = path.read_text()
            for call in ("np.random.seed(", "np.random.rand(", "np.random.normal(", "np.random.choice("):
                assert call not in text, f"{path.relative_to(ROOT)} uses {call}"
