"""Commands about the network: trace folders, and one viewer alone on a trace."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli_world import AsJson, Settings, overrides_of
from livesim.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

Kinds = Annotated[list[str] | None, typer.Option("--kind", help="only traces of this kind; repeat for more")]

traces = typer.Typer(no_args_is_help=True, help="Look at folders of bandwidth traces.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.add_typer(traces, name="traces")
    app.command("player")(player)
    app.command("reactions")(reactions)


@traces.command("check")
def traces_check(
    folder: Annotated[Path, typer.Argument(help="folder of CSVs with header time_s,bandwidth_kbps")],
    kinds: Kinds = None,
    split: Annotated[str, typer.Option(help="all, train or evaluation")] = "all",
    scenario: Annotated[
        str, typer.Option(help="scenario whose mix of access types the traces serve")
    ] = "entertainment",
    as_json: AsJson = False,
) -> None:
    """Print what the traces of a folder are like, by access type, and everything that is wrong with its files.

    Ends with status 1 where a file is bad.
    """
    from livesim.network.trace_folder import Choice
    from livesim.network.trace_report import check_folder
    from livesim.scenario import load_scenario

    overrides = {"network.traces": str(folder), "network.trace_kinds": kinds or [], "network.trace_split": split}
    network = load_scenario(scenario, overrides).network
    choice = Choice(folder.expanduser(), network.trace_kinds, network.trace_split)
    report = check_folder(choice, network.access)
    if as_json:
        types, problems = ([entry._asdict() for entry in rows] for rows in (report.types, report.problems))
        print(json.dumps({"types": types, "problems": problems}, indent=2))
    else:
        if report.types:
            _print_types(report.types, str(folder))
        for problem in report.problems:
            print(f"{problem.file}{problem.text}")
        print(f"{len({problem.file for problem in report.problems})} bad file(s)" if report.problems else "no bad file")
    if report.problems:
        raise typer.Exit(1)


def player(
    trace: Annotated[Path, typer.Argument(help="a trace file, or a folder of them")],
    rule: Annotated[str, typer.Option(help="throughput, rate (rb), buffer (bba), or another rule of the network")] = "",
    buffer_s: Annotated[float, typer.Option(help="a request goes out only if it fits under this")] = 8.0,
    ladder_kbps: Annotated[str, typer.Option(help="bitrates, rising, separated by commas; default six")] = "",
    segment_s: Annotated[float, typer.Option(help="media time of one segment")] = 2.0,
    segments: Annotated[int, typer.Option(help="length of the film", min=1, max=100_000)] = 300,
    latency_s: Annotated[float, typer.Option("--request-latency-s", help="wait of each request", min=0.0)] = 0.08,
    against: Annotated[Path | None, typer.Option(help="reference results (JSON) to compare with")] = None,
    as_json: AsJson = False,
) -> None:
    """Play one viewer alone on a trace: start-up, stalls, bitrate and switches of a film that is all there.

    The trace repeats; the rule is throughput where none is named. With --against every case of a reference file whose
    trace is given is played, under the named rule or all of its rules, and the largest differences are printed.
    """
    from experiments import lone_player as lone
    from experiments.progress import Display

    ladder = _numbers(ladder_kbps, "--ladder-kbps") or lone.Film().ladder_kbps
    film = lone.Film(rule or "throughput", buffer_s, ladder, segment_s, segments, latency_s)
    film.config()  # a wrong film is said before any work
    paths = lone.traces_at(trace)
    if against is not None:
        with Display().stage("reference cases", total=0) as advance:
            found = lone.differences(paths, film, against, [rule] if rule else [], advance)
        _print_worst(lone.worst(found), as_json)
        return
    with Display().stage("traces", total=len(paths)) as advance:
        results = []
        for path in paths:
            results.append(lone.play(path, film))
            advance(1)
    if as_json:
        data = [result.as_data() for result in results]
        print(json.dumps(data if trace.is_dir() else data[0], indent=2))
        return
    columns = ("start-up s", "stall s", "stalls", "mean kbit/s", "switches kbit/s")
    table = _table(f"{film.rule}, buffer {film.buffer_s:g} s", "trace", *columns)
    for one in results:
        table.add_row(
            one.trace, f"{one.startup_s:.2f}", f"{one.stall_s:.2f}", str(one.stall_events),
            f"{one.mean_bitrate_kbps:,.0f}", f"{one.switch_kbps:,.0f}",
        )  # fmt: skip
    _print(table)


def reactions(
    name: Annotated[str, typer.Argument(help="scenario name or file")] = "entertainment",
    seeds: Annotated[str, typer.Option(help="evaluation seeds, first:end")] = "1000:1016",
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Print how viewers react to start-up delay, stalls and crowded edges, beside what studies published.

    Ends with status 1 where a reaction lies outside its band.
    """
    from experiments import reactions as world
    from experiments.progress import simulator_display
    from experiments.seeds import parse_seeds

    with simulator_display().stage(f"reactions in {name}", total=3) as advance:
        found = world.measure(name, parse_seeds(seeds), overrides_of(settings), advance)
    print(json.dumps(world.as_data(found), indent=2) if as_json else world.table(found))
    if not all(one.is_in_band for one in found):
        raise typer.Exit(1)


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise ConfigError(f"{option} {text}: write numbers separated by commas, for example 300,750,1200") from None


def _print_types(types: list[Any], title: str) -> None:
    table = _table(
        title, "access type", "kinds", "files", "seconds", "mean kbit/s", "p10 kbit/s", "lag 1", "outages per h",
        "share out", "viewers",
    )  # fmt: skip
    for one in types:
        table.add_row(
            one.access, ", ".join(one.kinds), str(one.files), f"{one.seconds:,}", f"{one.mean_kbps:,.0f}",
            f"{one.p10_kbps:,.0f}", f"{one.lag1:.2f}", f"{one.outages_per_h:.1f}", f"{100 * one.outage_share:.2f} %",
            f"{100 * one.viewer_share:.0f} %" if one.viewer_share > 0.0 else "",
        )  # fmt: skip
    _print(table)


def _print_worst(rows: list[Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps([{**asdict(row), "difference": asdict(row.difference)} for row in rows], indent=2))
        return
    table = _table("largest differences", "rule", "of", "same", "ours", "theirs", "difference", "where")
    for row in rows:
        one, is_share = row.difference, row.difference.is_share
        size = f"{100 * one.size:.2f} %" if is_share else f"{one.size:.3f}"
        same = f"{row.same} of {row.cases}"
        table.add_row(row.rule, row.field, same, f"{one.ours:,.3f}", f"{one.theirs:,.3f}", size, one.case)
    _print(table)


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title)
    for at, column in enumerate(columns):
        is_text = at == 0 or column in ("kinds", "of", "where")
        table.add_column(column, justify="left" if is_text else "right")
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    Console(width=140).print(table)
