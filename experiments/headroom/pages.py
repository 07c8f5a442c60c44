"""A headroom study as a terminal table, a Markdown page and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from agents.files import write_text
from experiments.episode_table import EpisodeTable
from experiments.headroom.gap import Gap, Row, gap_of, made_of
from experiments.headroom.study import PLANNED, RULE, Study, roles
from experiments.headroom.work import HeadroomFolder
from experiments.report import markdown
from experiments.result_folder import write_json
from experiments.seeds import seeds_text

PAGE, DATA = "headroom.md", "headroom.json"
HEADER = ("environment and room", "policy", "return", "minus the best rule")


def gaps(folder: HeadroomFolder) -> list[Gap]:
    """Return what the episodes of every cell say."""
    found = []
    for cell in folder.study.cells:
        rule = folder.pick(cell)
        played: dict[str, list[EpisodeTable]] = {}
        for part in roles(folder.study, cell, rule):
            played.setdefault(part.role, []).append(folder.read(part))
        found.append(gap_of(cell, rule, played))
    return found


def terminal_table(found: Sequence[Gap]) -> Table:
    """Return the table for a terminal."""
    table = Table(*HEADER, title="headroom: credits a session, mean and 95 % interval, the same luck for all")
    for gap in found:
        for cells in _rows(gap):
            table.add_row(*cells)
        table.add_section()
    return table


def page(folder: HeadroomFolder, found: Sequence[Gap]) -> str:
    """Return the Markdown page: the table, and for each cell what the gap is made of."""
    study = folder.study
    settings = ", ".join(f"{key} = {value}" for key, value in study.overrides.items())
    parts = [
        "# Headroom",
        f"{len(study.seeds)} seeds ({seeds_text(study.seeds)}){f', {settings}' if settings else ''}; mean return of a "
        "session in credits with its 95 % interval, and the difference to the best rule on the same luck. The best "
        f"rule was picked on other seeds ({seeds_text(study.pick_seeds)}).{_planners(study)}",
        markdown(HEADER, [cells for gap in found for cells in _rows(gap)]),
    ]
    for gap in found:
        parts.append(f"## {gap.cell.name}\n\n{gap.verdict}.")
        parts += [f"{row.role} minus {gap.rule}, {made_of(row)}" for row in gap.rows if _is_explained(row)]
    return "\n\n".join(parts) + "\n"


def as_data(found: Sequence[Gap]) -> list[dict[str, Any]]:
    """Return plain data for JSON."""
    return [
        {
            "environment": gap.cell.environment,
            "scenario": gap.cell.scenario,
            "best_rule": gap.rule,
            "seeds": gap.seeds,
            "verdict": gap.verdict,
            "rows": [
                {
                    "policy": row.role,
                    "return": row.mean.as_data(),
                    "minus_best_rule": None if row.over_rule is None else row.over_rule.as_data(),
                    "terms": {name: part.as_data() for name, part in row.terms.items()},
                    "actions": dict(row.actions),
                    "viewers": row.viewers,
                }
                for row in gap.rows
            ],
        }
        for gap in found
    ]


def write(folder: HeadroomFolder, found: Sequence[Gap]) -> None:
    """Write page and data into the folder."""
    write_text(folder.path / PAGE, page(folder, found))
    write_json(folder.path / DATA, as_data(found))


def summary(folder: Path, found: Sequence[Gap]) -> str:
    """Return what is said below the table on a terminal."""
    lines = [f"{gap.cell.name}: {gap.verdict}" for gap in found]
    return "\n".join([*lines, f"What each gap is made of: {folder / PAGE}"])


def _planners(study: Study) -> str:
    words = ""
    if study.fair:
        words += f" `{study.fair}` plans with fresh luck and does not see the future."
    if study.clairvoyant:
        words += (
            f" `{study.clairvoyant}` knows all luck: a bound that no policy should be asked to reach, found by a "
            "search, so itself a lower estimate of the best possible."
        )
    return words


def _rows(gap: Gap) -> list[list[str]]:
    rows = []
    for n, row in enumerate(gap.rows):
        name = f"{row.role}: {gap.rule}" if row.role == RULE else row.role
        difference = "-" if row.over_rule is None else row.over_rule.text()
        rows.append([gap.cell.name if n == 0 else "", name, row.mean.text(), difference])
    return rows


def _is_explained(row: Row) -> bool:
    return row.role in PLANNED or row.role.startswith("learned")
