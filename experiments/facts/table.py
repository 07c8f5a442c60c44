"""The gate as a table: on the terminal and in Markdown."""

from __future__ import annotations

import math

from rich.table import Table

from experiments.facts.gate import Gate, Reading, Verdict
from experiments.report import markdown
from experiments.seeds import seeds_text
from experiments.statistics import Estimate

HEADER = ("no.", "fact", "number", "published", "band", "simulated", "tag", "verdict")
_EMPTY = ("", "")


def terminal_table(gate: Gate) -> Table:
    """Return the table of the facts that apply, for a terminal; the others are named under it."""
    absent = ", ".join(str(verdict.fact.number) for verdict in gate.verdicts if not verdict.applies)
    table = Table(
        title=f"{gate.scenario}, {len(gate.seeds)} seeds",
        caption=f"not applicable: {absent or 'none'}",
        title_justify="left",
    )
    for name in HEADER:
        table.add_column(name, justify="right" if name in ("no.", "simulated") else "left")
    for verdict in gate.applicable:
        for number, row in enumerate(_rows(verdict)):
            style = "" if row[-1] != "OUT" else "bold red" if verdict.fact.always else "yellow"
            table.add_row(*row, style=style, end_section=number + 1 == len(_rows(verdict)))
    return table


def markdown_page(gates: list[Gate]) -> str:
    """Return a Markdown page: one section a scenario, with definitions, sources and what does not apply."""
    parts = ["# Simulated rooms against published facts", HOW_TO_READ]
    for gate in gates:
        rows = [list(row) for verdict in gate.applicable for row in _rows(verdict)]
        parts += [f"## {gate.scenario}", gate.text + f" (seeds {seeds_text(gate.seeds)}).", markdown(HEADER, rows)]
        if absent := [verdict for verdict in gate.verdicts if not verdict.applies]:
            table = [[str(v.fact.number), v.fact.name, v.absent] for v in absent]
            parts += ["Not applicable:", markdown(("no.", "fact", "why"), table)]
    facts = [verdict.fact for verdict in gates[0].verdicts] if gates else []
    table = [[str(fact.number), fact.name, fact.statistic, fact.source or "-"] for fact in facts]
    parts += ["## Definitions", markdown(("no.", "fact", "statistic", "source"), table)]
    return "\n\n".join(parts) + "\n"


HOW_TO_READ = (
    "Simulated: pooled over all seeds, default policies, in brackets the 95 % bootstrap interval over seeds. "
    "The verdict asks only whether the pooled value lies in the band; ! marks facts that must. Tags: S stated in a "
    "published source, D computed from public data, A assumed band, R from memory of the literature."
)


def _rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """Return one row per part; the first names the fact."""
    mark = "!" if verdict.fact.always else ""
    rows: list[tuple[str, ...]] = []
    for reading in verdict.readings:
        head = (f"{verdict.fact.number}{mark}", verdict.fact.name) if not rows else _EMPTY
        part = reading.part
        name = f"{part.name} ({part.unit})" if part.unit else part.name
        rows.append((*head, name, part.published or "-", part.band_text, *_measured(reading, verdict.fact.tag)))
    return rows


def _measured(reading: Reading, tag: str) -> tuple[str, str, str]:
    if reading.estimate is None:
        return "-", tag, reading.absent
    return estimate_text(reading.estimate), tag, "in" if reading.is_in else "OUT"


def estimate_text(estimate: Estimate) -> str:
    """Return value and interval with three significant digits of the value."""
    if math.isnan(estimate.value):
        return "nothing to measure"
    size = abs(estimate.value)
    digits = 0 if size >= 100 else max(0, 2 - math.floor(math.log10(size))) if size > 0 else 2
    return estimate.text(digits)
