"""Event logs as commands: write one, fit a scenario to one, check that fits find what logs were made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli_world import AsJson, Name, Settings, overrides_of
from experiments.logs.schema import HELP

Log = Annotated[Path, typer.Argument(help="event log, .csv or .parquet")]
LogOut = Annotated[Path, typer.Option("--out", metavar="FILE", help="log to write, .csv or .parquet")]
ScenarioOut = Annotated[Path, typer.Option("--out", metavar="FILE", help="scenario to write; never an existing file")]
Seeds = Annotated[str, typer.Option(help="seeds of the sessions, first:end")]
Extends = Annotated[str, typer.Option(help="scenario that holds everything the log does not say")]
Policies = Annotated[str, typer.Option(help="who runs the simulated rooms: default, those of the scenario, or nothing")]
Rooms = Annotated[int, typer.Option(min=8, help="simulated rooms per step")]
SlopeRooms = Annotated[int, typer.Option(min=8, help="simulated rooms per sensitivity")]
Figures = Annotated[Path | None, typer.Option(metavar="FOLDER", help="write figures as PNG")]
LogSettings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="what is known of the room; it is not fitted")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command("export-log", epilog=HELP)(export_log)
    app.command("check-log", epilog=HELP)(check_log)
    app.command("fit", epilog=HELP)(fit)
    app.command("fit-check")(fit_check)


def export_log(
    name: Name, out: LogOut, seeds: Seeds = "0:16", policies: Policies = "default", settings: Settings = None
) -> None:
    """Write simulated sessions as an event log, from the first second to the last."""
    from experiments.logs.files import check_format, write_log
    from experiments.logs.record import record
    from experiments.progress import simulator_display
    from experiments.seeds import parse_seeds
    from livesim.errors import LogError
    from livesim.scenario import load_scenario

    check_format(out)
    if out.exists():
        raise LogError(f"{out}: exists; nothing was written. Choose another name, or remove it first")
    scenario, chosen = load_scenario(name, overrides_of(settings)), parse_seeds(seeds)
    display = simulator_display()
    with display.stage("simulating", total=len(chosen)) as advance:
        rows = record(scenario, chosen, policies, progress=advance)
    write_log(rows, out)
    display.say(f"{out}: {len(rows.room):,} rows of {len(chosen)} rooms")


def check_log(log: Log, extends: Extends = "entertainment", settings: LogSettings = None) -> None:
    """Read an event log and print what it says and what cannot be told from it; seconds, nothing is simulated."""
    from experiments.logs import fitting, report
    from experiments.progress import wide_console

    checked, console = fitting.check_log(log, extends, overrides_of(settings)), wide_console()
    console.print(report.estimate_table(checked))
    for line in report.check_summary(checked):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def fit(
    log: Log,
    out: ScenarioOut,
    extends: Extends = "entertainment",
    policies: Policies = "default",
    rooms: Rooms = 64,
    slope_rooms: SlopeRooms = 32,
    settings: LogSettings = None,
    figures: Figures = None,
    as_json: AsJson = False,
) -> None:
    """Fit a scenario to an event log by indirect inference, with 95 % intervals, and write it as YAML.

    The simulated rooms must be run as those of the log were: see --policies, and default_policies of the base.
    """
    from experiments.logs import report
    from experiments.logs.fitting import fit_log
    from experiments.logs.inference import Simulation
    from experiments.logs.record import check_policies
    from experiments.logs.scenario_file import check_out, write_scenario
    from experiments.progress import simulator_display, wide_console

    check_out(out)
    check_policies(policies)
    display, console = simulator_display(), wide_console()
    simulation = Simulation(rooms=rooms, slope_rooms=min(slope_rooms, rooms), policies=policies)
    fitted = fit_log(log, extends, overrides_of(settings), simulation, display)
    write_scenario(fitted, out)
    if as_json:
        print(json.dumps(report.as_data(fitted), indent=2))
    else:
        console.print(report.parameter_table(fitted))
        console.print(report.distance_table(fitted))
        for line in (report.NOTE, *report.summary(fitted)):
            console.print(line, highlight=False, soft_wrap=True, markup=False)
    if figures is not None:
        from experiments.logs.figures import write_figures

        for path in write_figures(fitted, figures):
            display.say(f"Figure: {path}")
    display.say(f"Scenario: {out}")


def fit_check(
    name: Name,
    repetitions: Annotated[int, typer.Option(min=2, help="logs that are made and fitted")] = 40,
    log_rooms: Annotated[int, typer.Option(min=5, help="rooms of each log")] = 24,
    rooms: Rooms = 48,
    slope_rooms: SlopeRooms = 64,
    settings: LogSettings = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="results; an existing file is gone on with")] = None,
) -> None:
    """Make logs of changed scenarios, fit them from the unchanged one, and count how often intervals hold the truth.

    Ends with status 1 where fewer than 90 % do. What --set gives is known, neither changed nor fitted; another base is
    a file of your own. Rooms of some 60 viewers for an hour keep it short:
    --set audience.planned_viewers=60 --set session.duration_s=3600.
    """
    from experiments.logs.recovery import Check, coverage_table, run_check
    from experiments.progress import simulator_display, wide_console

    check = Check(name, overrides_of(settings), log_rooms, rooms, slope_rooms)
    file = out or Path("results") / f"fit_check_{check.base.name}.jsonl"
    results = run_check(check, repetitions, file, simulator_display())
    table, passes, text = coverage_table(check, results)
    console = wide_console()
    console.print(table)
    console.print(text, highlight=False, soft_wrap=True)
    if not passes:
        raise typer.Exit(1)
