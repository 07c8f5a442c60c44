"""What a sensitivity study shows: two tables, a tornado figure, plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from agents.extra import missing_extra
from agents.files import whole_file, write_text
from experiments.report import markdown
from experiments.seeds import seeds_text
from experiments.sensitivity.conclusions import Conclusion, Effect, Ranked
from experiments.sensitivity.study import AS_IT_IS, Played, Study, StudyFolder
from experiments.sensitivity.variation import HIGH, LOW, Assumption, Variation
from experiments.sensitivity.verdicts import Finding, Judgement, Verdict, finding, sign
from experiments.statistics import Estimate

PAGE, TABLE, FIGURE = "sensitivity.md", "table.csv", "tornado.png"
DOTS_PER_INCH = 120
VALUE_WIDTH = 24
NAMED_MOST = 3
"""A conclusion names at most so many numbers in its cell; table.csv has them all."""


@dataclass(frozen=True)
class Results:
    """A finished study: what it found at every variation of the chosen assumptions."""

    study: Study
    assumptions: Sequence[Assumption]
    base: Finding
    findings: Sequence[Finding]

    @property
    def ranked(self) -> list[list[Finding]]:
        """The findings of each number, the number with the largest shift of the main outcome first."""
        by_key = [list(group) for _, group in groupby(self.findings, key=lambda one: one.variation.key)]
        return sorted(by_key, key=lambda group: -max(abs(one.shift.value) for one in group))

    def assumption(self, key: str) -> Assumption:
        """Return the assumption behind a finding."""
        return next(one for one in self.assumptions if one.key == key)


def results(study: Study, folder: StudyFolder, assumptions: Sequence[Assumption]) -> Results:
    """Return what a folder says about these assumptions; everything must have been played."""
    base = _played(folder, AS_IT_IS)
    conclusions = study.conclusions
    findings = [
        finding(variation, base, _played(folder, variation), conclusions)
        for one in assumptions
        for variation in one.variations
    ]
    return Results(study, assumptions, finding(AS_IT_IS, base, base, conclusions), findings)


def _played(folder: StudyFolder, variation: Variation) -> Played:
    played = folder.read(variation)
    assert played is not None, f"{variation.name} was not played"
    return played


def write(results: Results, top: int, folder: Path) -> str:
    """Write page, table and figure into the folder of the study; return the page."""
    text = page(results, top)
    write_text(folder / PAGE, text)
    write_text(folder / TABLE, table_csv(results))
    write_tornado(results, top, folder / FIGURE)
    return text


def page(results: Results, top: int) -> str:
    """Return the whole page as Markdown."""
    study, findings = results.study, results.findings
    still = sum(one.moves_nothing for one in findings)
    unvaried = [one for one in results.assumptions if not one.variations]
    varied = len(results.assumptions) - len(unvaried)
    parts = [
        f"# Sensitivity of {study.source}",
        f"{varied} assumed numbers and choices at {len(findings)} other values, one at a time, on seeds "
        f"{seeds_text(study.seeds)} (the same for every policy and value); rooms planned for "
        f"{study.scenario.audience.planned_viewers:g} viewers. {still} of {len(findings)} values change no episode.",
        f"Default policies minus nothing: {percent(results.base.outcome)} of the return of nothing.",
        "## Conclusions",
        conclusions_table(results),
        'Margin: credits of the first minus the second, paired on the same luck, or the effect minus "no effect"; 95 % '
        "intervals. A conclusion changes where its interval lies clear of zero on the other side; it is no longer "
        "clear where the interval comes to hold zero and the margin has clearly moved.",
        f"## The {min(top, len(results.ranked))} numbers that move the main outcome most",
        numbers_table(results, top),
        "Shift: change of default minus nothing, in points of the return of nothing, with 95 % interval.",
    ]
    if unvaried:
        rows = [[f"`{one.key}`", one.text, one.reason] for one in unvaried]
        parts += ["## Assumed, but not varied", markdown(["key", "value", "why"], rows)]
    return "\n\n".join(parts) + "\n"


def percent(estimate: Estimate) -> str:
    """Return "+12.3 % [11.0, 13.5]"."""
    known = "" if np.isnan(estimate.low) else f" [{estimate.low:+.1f}, {estimate.high:+.1f}]"
    return f"{estimate.value:+.1f} %{known}"


def statement(conclusion: Conclusion, base: Estimate) -> str:
    """Return a conclusion in words, the right way round."""
    doubt = "" if sign(base) else " (not measured)" if np.isnan(base.value) else " (not clear)"
    if isinstance(conclusion, Effect):
        return (conclusion.below if sign(base) < 0 else conclusion.above) + doubt
    first, second = (conclusion.worse, conclusion.better) if sign(base) < 0 else (conclusion.better, conclusion.worse)
    return f"{first} over {second}{doubt}"


def conclusions_table(results: Results) -> str:
    """Return a row per conclusion: by how much it holds, where it still does, what changes it and what settles it."""
    rows = []
    for index, judged in enumerate(results.base.judgements):
        column = [(finding, finding.judgements[index]) for finding in results.findings]
        is_pair = isinstance(judged.conclusion, Ranked)
        turned = _negative(judged.margin) if is_pair and sign(judged.margin) < 0 else judged.margin
        rows.append(
            [
                statement(judged.conclusion, judged.base),
                judged.conclusion.group,
                turned.text(1 if is_pair else 2),
                _held([one for _, one in column]) if sign(judged.base) else "-",
                _named(column, Verdict.CHANGES),
                _named(column, Verdict.FADES),
                _named(column, Verdict.APPEARS),
            ]
        )
    header = ["conclusion", "group", "margin", "holds", "changes with", "no longer clear with", "becomes clear with"]
    return markdown(header, rows)


def _held(column: Sequence[Judgement]) -> str:
    measured = [one for one in column if one.verdict != Verdict.ABSENT]
    return f"{sum(one.verdict == Verdict.HOLDS for one in measured)} of {len(measured)}"


def _negative(estimate: Estimate) -> Estimate:
    return Estimate(-estimate.value, -estimate.high, -estimate.low)


def _named(column: Sequence[tuple[Finding, Judgement]], verdict: Verdict) -> str:
    names = []
    for found, judged in column:
        if judged.verdict == verdict:
            against = verdict == Verdict.APPEARS and sign(judged.margin) < 0
            names.append(f"`{label(found)}`{' (the other way round)' if against else ''}")
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    return ", ".join(names[:NAMED_MOST]) + more or "-"


def label(finding: Finding) -> str:
    """Return a variation in words: "gifts.rate_per_h low", "ads.preroll = false"."""
    one = finding.variation
    return f"{one.key} {one.side}" if one.side in (LOW, HIGH) else f"{one.key} = {one.text}"


def numbers_table(results: Results, top: int) -> str:
    """Return a row per value of the numbers that move the main outcome most."""
    rows = []
    for group in results.ranked[:top]:
        for found in group:
            variation = found.variation
            rows.append(
                [
                    f"`{variation.key}`",
                    _short(results.assumption(variation.key).text),
                    _short(variation.text),
                    f"{found.outcome.value:+.1f} %",
                    found.shift.text(),
                    ", ".join(str(len(found.those(verdict))) for verdict in (Verdict.CHANGES, Verdict.FADES)),
                ]
            )
    return markdown(["number", "is", "at", "default minus nothing", "shift", "changes, no longer clear"], rows)


def _short(text: str) -> str:
    return text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 3]}..."


def table_csv(results: Results) -> str:
    """Return one row per variation and conclusion, with all numbers."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["key", "default", "side", "value", "outcome_percent", "shift_points", "shift_low", "shift_high", "conclusion",
         "group", "margin_default", "margin", "low", "high", "verdict"]
    )  # fmt: skip
    for found in results.findings:
        variation = found.variation
        for one in found.judgements:
            writer.writerow(
                [variation.key, results.assumption(variation.key).text, variation.side, variation.text,
                 found.outcome.value, found.shift.value, found.shift.low, found.shift.high, one.conclusion.name,
                 one.conclusion.group, one.base.value, one.margin.value, one.margin.low, one.margin.high, one.verdict]
            )  # fmt: skip
    return text.getvalue()


def as_data(results: Results) -> dict[str, Any]:
    """Return plain data for JSON; a number that could not be measured is null."""
    return {
        "settings": results.study.settings(),
        "outcome_percent": _ends(results.base.outcome),
        "conclusions": [
            {
                "name": statement(judged.conclusion, judged.base),
                "group": judged.conclusion.group,
                "margin": _ends(judged.margin),
                **{
                    verdict.name.lower(): [
                        label(finding) for finding in results.findings if finding.judgements[index].verdict == verdict
                    ]
                    for verdict in (Verdict.CHANGES, Verdict.FADES, Verdict.APPEARS)
                },
            }
            for index, judged in enumerate(results.base.judgements)
        ],
        "numbers": [
            {
                "key": finding.variation.key,
                "default": results.assumption(finding.variation.key).text,
                "side": finding.variation.side,
                "value": finding.variation.text,
                "outcome_percent": _ends(finding.outcome),
                "shift_points": _ends(finding.shift),
                "moves_nothing": finding.moves_nothing,
                "changes": [one.name for one in finding.those(Verdict.CHANGES)],
                "no_longer_clear": [one.name for one in finding.those(Verdict.FADES)],
            }
            for group in results.ranked
            for finding in group
        ],
        "not_varied": {one.key: one.reason for one in results.assumptions if not one.variations},
    }


def _ends(estimate: Estimate) -> dict[str, float | None]:
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if np.isnan(number) else number for name, number in numbers.items()}


def write_tornado(results: Results, top: int, path: Path) -> None:
    """Draw the shifts of the numbers that move the main outcome most; raises ConfigError without matplotlib.

    path: the PNG file, replaced whole.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise missing_extra(error) from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    groups = [group for group in results.ranked[:top] if any(one.shift.value != 0 for one in group)]
    start = results.base.outcome.value
    figure, axes = pyplot.subplots(figsize=(9.0, 1.6 + 0.32 * max(len(groups), 1)), layout="constrained")
    colours = {LOW: "tab:blue", HIGH: "tab:orange"}
    for place, group in enumerate(groups):
        for found in group:
            side, shift = found.variation.side, found.shift
            axes.barh(place, shift.value, left=start, height=0.7, color=colours.get(side, "tab:green"), alpha=0.85)
            beside = place + {LOW: -0.15, HIGH: 0.15}.get(side, 0.0)  # intervals of both ends stay apart
            axes.plot([start + shift.low, start + shift.high], [beside, beside], color="black", linewidth=0.8)
    axes.axvline(start, color="black", linewidth=0.8)
    axes.set_yticks(range(len(groups)), [_tick(results, group) for group in groups], fontsize=8)
    axes.invert_yaxis()
    figure.supxlabel("default policies minus nothing, % of the return of nothing (lines: 95 %)", fontsize=9)
    name = Path(results.study.source).stem
    axes.set_title(f"{name}: at the default {start:+.1f} %; * a conclusion changes", fontsize=10)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=colour) for colour in (*colours.values(), "tab:green")]
    axes.legend(handles, ["low end", "high end", "other choice"], fontsize=8, loc="lower right")
    with whole_file(path) as draft:
        figure.savefig(draft, dpi=DOTS_PER_INCH, format="png")
    pyplot.close(figure)


def _tick(results: Results, group: Sequence[Finding]) -> str:
    key = group[0].variation.key
    ends = " .. ".join(_short(finding.variation.text) for finding in group)
    star = " *" if any(finding.those(Verdict.CHANGES) for finding in group) else ""
    return f"{key}  ({ends}){star}"
