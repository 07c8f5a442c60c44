"""The sections of a page about one experiment: text and cells, the same for HTML and Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments import report
from experiments.compare import Scored, scale
from experiments.config import ExperimentConfig
from experiments.report import Table, best_first, iqm_over_all
from experiments.result_page.contents import Contents
from experiments.seeds import seeds_text
from experiments.standings import verdicts
from experiments.statistics.profiles import normalised_runs, performance_profile

HEALTH = (
    ("viewers_mean", "viewers, mean", 1.0, 1),
    ("viewers_peak", "viewers, peak", 1.0, 1),
    ("event.entered", "entered", 1.0, 1),
    ("event.gave_up", "gave up at start-up", 1.0, 1),
    ("stall_share", "stalled, %", 100.0, 2),
    ("ad_minutes_per_hour", "ad min/h", 1.0, 1),
    ("event.follows", "follows", 1.0, 1),
    ("event.complaints", "complaints", 1.0, 1),
    ("masked_actions", "masked actions", 1.0, 1),
)
"""column of the episode table, name, factor, digits."""
PROFILE_MARKS = (0.0, 25.0, 50.0, 75.0, 100.0, 125.0, 150.0)


@dataclass(frozen=True)
class Section:
    """A part of the page. figure: a name in `figures.FIGURES`; code: shown as it is; is_folded: closed at first."""

    title: str
    text: str = ""
    table: Table | None = None
    figure: str = ""
    code: str = ""
    is_folded: bool = False


def asked(config: ExperimentConfig) -> list[tuple[str, str]]:
    """Return what an experiment asks for, as names and values."""
    env = config.env
    learners = ", ".join(f"{entry.shown} ({entry.algorithm})" for entry in config.algorithms) or "none"
    rows = [
        ("environment", f"{env.id}, heads {', '.join(env.heads)}"),
        ("scenario", config.scenario),
        ("reward", f"{env.reward} ({env.reward_mode})"),
        ("learners", learners),
        ("rules", ", ".join(config.baselines) or "none"),
    ]
    if config.algorithms:
        training = f"{config.total_steps:,} decisions, training seeds {seeds_text(config.training_seeds)}"
        if any("look_ahead" in entry.hyperparameters for entry in config.algorithms):
            training += ", beside those that look_ahead plays on copies of rooms"
        rows.append(("training", f"{training}; rooms of seeds 2^32 and above"))
    rows.append(("evaluation", f"{len(config.evaluation_seeds)} sessions, seeds {seeds_text(config.evaluation_seeds)}"))
    rows += [(f"set: {key}", str(value)) for key, value in config.overrides.items()]
    return rows + [(f"set for final scores: {key}", str(value)) for key, value in config.evaluation_overrides.items()]


def sections(contents: Contents) -> list[Section]:
    """Return the page of one experiment from top to bottom; parts without data are left out."""
    comparison = contents.comparison
    result = Section(
        "Who wins", " ".join(verdicts(comparison)), report.comparison_cells(comparison), figure="differences"
    )
    two_way, seeds = report.two_way_cells(comparison), report.training_seed_cells(comparison)
    found = [
        result,
        Section("How to read it", report.explanation(comparison)),
        Section("If trained again", report.TWO_WAY_TEXT, two_way) if two_way.rows else None,
        Section("Training seeds", report.TRAINING_SEED_TEXT, seeds) if seeds.rows else None,
        profile_section(contents),
        curve_section(contents),
        Section(
            "Where the return comes from",
            "Mean of each reward term, weighted, in credits a session; the terms add up to the mean return.",
            term_cells(comparison.policies),
            figure="terms",
        ),
        Section("Health of the room", "Means over sessions.", health_cells(comparison.policies)),
        *action_sections(comparison.policies),
        Section("Make it again", reproduce_text(contents), code=reproduce_commands(contents)),
        Section("Configuration", code=contents.config_text, is_folded=True),
        Section("Versions", table=version_cells(contents.versions), is_folded=True),
    ]
    return [section for section in found if section is not None]


def profile_section(contents: Contents) -> Section:
    """Return the share of runs above each mark."""
    policies, ends = contents.comparison.policies, scale(contents.comparison.policies)
    text = "The share of runs (one training seed on one evaluation seed) above each mark; further up is better."
    if ends is None:
        return Section("Performance profile", f"{text} Band: 95 %, pointwise.", figure="profile")
    header = ["policy", *(f"> {mark:g}" for mark in PROFILE_MARKS)]
    rows = []
    for policy in best_first(policies):
        runs = normalised_runs(policy.values(), *ends)
        found = performance_profile(runs, np.array(PROFILE_MARKS))
        cells = zip(found.share, found.low, found.high, strict=True)
        rows.append([policy.label, *(f"{s:.2f} [{low:.2f}, {high:.2f}]" for s, low, high in cells)])
    return Section(
        "Performance profile",
        f"{text} Marks are scores: 0 is the interquartile mean of random, 100 that of the best rule, both taken as "
        "fixed. Band and brackets: 95 % over evaluation seeds, pointwise: each mark for itself.",
        Table(header, rows),
        figure="profile",
    )


def curve_section(contents: Contents) -> Section | None:
    """Return the learning curves on the curve seeds; None where nothing was learned."""
    if not contents.curves:
        return None
    steps = sorted({int(step) for tables in contents.curves.values() for table in tables for step in table["step"]})
    rows = []
    for name, tables in contents.curves.items():
        cells = []
        for step in steps:
            at = [table["return"][table["step"] == step] for table in tables]
            known = [values for values in at if len(values)]
            cells.append(f"{iqm_over_all(np.stack(known)):,.1f}" if len(known) == len(tables) else "-")
        rows.append([contents.label(name), *cells])
    for name, table in contents.rule_curves.items():
        rows.append([contents.label(name), *[f"{iqm_over_all(table['return'][None]):,.1f}"] * len(steps)])
    count = len(contents.config.curve_seeds)
    return Section(
        "Learning curve",
        f"Interquartile mean of the return on {count} curve seeds ({seeds_text(contents.config.curve_seeds)}), which "
        "are not the evaluation seeds: bold over all training seeds, thin each of them; dashed: rules, same seeds.",
        Table(["policy", *(f"{step:,}" for step in steps)], rows),
        figure="curve",
    )


def term_cells(policies: Sequence[Scored]) -> Table:
    """Return the mean of every reward term that is not zero for everybody."""
    names = [name for name in _columns(policies, "term.") if any(np.any(policy.values(name)) for policy in policies)]
    rows = [
        [policy.label, *(f"{np.mean(policy.values(name)):,.1f}" for name in names), f"{np.mean(policy.values()):,.1f}"]
        for policy in best_first(policies)
    ]
    return Table(["policy", *(name.removeprefix("term.") for name in names), "mean return"], rows)


def health_cells(policies: Sequence[Scored]) -> Table:
    """Return how the room fared under each policy, with the constraint costs."""
    known = _columns(policies, "")
    shown = [entry for entry in HEALTH if entry[0] in known]
    costs = [name for name in known if name.startswith("cost.")]
    rows = []
    for policy in best_first(policies):
        cells = [f"{factor * np.mean(policy.values(name)):,.{digits}f}" for name, _, factor, digits in shown]
        rows.append([policy.label, *cells, *(f"{np.mean(policy.values(name)):.4f}" for name in costs)])
    header = [*(title for _, title, _, _ in shown), *(f"cost: {name.removeprefix('cost.')}" for name in costs)]
    return Table(["policy", *header], rows)


def action_sections(policies: Sequence[Scored]) -> list[Section]:
    """Return a section per head: how often each choice was asked for in a session."""
    columns = _columns(policies, "action.")
    heads = list(dict.fromkeys(column.split(".")[1] for column in columns))
    found = []
    for head in heads:
        own = [column for column in columns if column.split(".")[1] == head]
        rows = [
            [policy.label, *(f"{np.mean(policy.values(column)):,.1f}" for column in own)]
            for policy in best_first(policies)
        ]
        table = Table(["policy", *(column.split(".", 2)[2] for column in own)], rows)
        found.append(Section(f"What it asked for: {head}", "Times a session, masked or not.", table))
    return found


def version_cells(versions: dict[str, Any]) -> Table:
    """Return what the numbers were made with."""
    packages = versions.get("packages") or {}
    rows = [[name, str(value)] for name, value in versions.items() if name != "packages"]
    return Table(["what", "version"], [*rows, *([name, str(value)] for name, value in packages.items())])


def reproduce_text(contents: Contents) -> str:
    """Return from where the result can be made again."""
    origin = contents.origin
    if origin.commit is None:
        return "The result was not made in a checkout, so its commit is unknown; the versions below say what made it."
    if origin.is_dirty:
        return "The result was made with uncommitted changes on top of this commit, which alone does not make it again."
    return "In a checkout of livesim with its constraints installed:"


def reproduce_commands(contents: Contents) -> str:
    """Return the commands that make the result and this page again."""
    origin, name = contents.origin, contents.config.name
    lines = [f"git checkout {origin.commit}"] if origin.commit else []
    lines.append("pip install -c constraints.txt -e '.[train]'")
    if origin.is_shipped:
        lines.append(f"livesim run {origin.source} --out results/{name}")
    else:
        own = shlex.quote(f"{name}.yaml")
        lines += [f"# {own}: the configuration below", f"livesim run {own} --out results/{name}"]
    lines += [f"livesim report results/{name}", f"tensorboard --logdir results/{name}/tensorboard --host 127.0.0.1"]
    return "\n".join(lines)


def _columns(policies: Sequence[Scored], prefix: str) -> list[str]:
    return next(iter(policies[0].tables.values())).names(prefix)
