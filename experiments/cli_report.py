"""Commands about finished results: page, leaderboard, how many seeds a difference takes, whether intervals hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from livesim.errors import ConfigError

Runs = Annotated[list[Path], typer.Argument(help="result folders of finished runs")]
Run = Annotated[Path, typer.Argument(help="result folder of a finished run")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    for command in (report, leaderboard, power, coverage):
        app.command()(command)


def report(
    runs: Runs,
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="default report.html in the first run")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace files that exist")] = False,
) -> None:
    """Write one self-contained HTML page about finished runs, and the same as Markdown beside it."""
    from experiments.result_page.contents import read
    from experiments.result_page.page import write_pages

    if out is not None and out.suffix not in (".html", ".htm"):
        raise ConfigError(f"--out {out}: the page is HTML; name a file that ends with .html")
    if len(runs) > 1 and out is None:
        raise ConfigError("several runs make one page: say where it goes with --out FILE.html")
    pages = [read(run) for run in runs]
    for path, is_new in write_pages(pages, out or runs[0] / "report.html", force):
        print(f"{path}: {'written' if is_new else 'up to date'}")


def leaderboard(
    runs: Runs,
    write: Annotated[bool, typer.Option("--write", help="write experiments/leaderboard.md")] = False,
    allow_dirty: Annotated[bool, typer.Option(help="mark, not refuse, results of uncommitted changes")] = False,
) -> None:
    """Print the leaderboard of results that committed configurations made, with the commit each came from."""
    from agents.files import write_text
    from experiments import leaderboard as board

    text = board.page(board.entries(runs, allow_dirty))
    if not write:
        print(text, end="")
        return
    is_new = not board.PAGE.is_file() or board.PAGE.read_text(encoding="utf-8") != text
    if is_new:
        write_text(board.PAGE, text)
    print(f"{board.PAGE}: {'written' if is_new else 'up to date'}")


def power(
    run: Run,
    difference: Annotated[float | None, typer.Option(min=0, help="true difference to find, credits")] = None,
    interval_width: Annotated[float | None, typer.Option(min=0, help="wanted width of the interval, credits")] = None,
    against: Annotated[str, typer.Option(help="the policy to compare with; default the best rule")] = "",
    probability: Annotated[float, typer.Option("--power", min=0.5, max=0.999, help="chance to find it")] = 0.8,
    as_json: AsJson = False,
) -> None:
    """Print how many evaluation seeds a difference or an interval takes, and how many the same luck saves.

    From the spread of a run's own episodes; without options, what the seeds at hand can find.
    """
    from experiments import seeds_needed
    from experiments.evaluate import read_scores
    from experiments.result_folder import ResultFolder

    folder = ResultFolder.open(run)
    folder.require_finished()
    needs = seeds_needed.plan(read_scores(folder, folder.config()), against, difference, interval_width, probability)
    print(json.dumps(needs.as_data(), indent=2) if as_json else needs.markdown())


def coverage(
    seeds: Annotated[str, typer.Option(help="evaluation seeds of a comparison, separated by commas")] = "16,64,128",
    repetitions: Annotated[int, typer.Option(min=20, help="synthetic comparisons of each size")] = 200,
    resamples: Annotated[int, typer.Option(min=99, help="bootstrap resamples of each interval")] = 999,
    training_seeds: Annotated[int, typer.Option(min=2, help="training seeds of the learner")] = 5,
    as_json: AsJson = False,
) -> None:
    """Print how often 95 % intervals hold a known difference, on synthetic, skewed, heavy-tailed scores."""
    from experiments.progress import Display
    from experiments.report import Table
    from experiments.statistics import coverage as check

    try:
        sizes = [int(part) for part in seeds.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds {seeds}: write whole numbers separated by commas, such as 16,64") from None
    if min(sizes) < 4:
        raise ConfigError(f"--seeds {seeds}: an interval takes at least 4 evaluation seeds")
    found: list[check.Coverage] = []
    for size in sizes:
        with Display().stage(f"{size} seeds", total=repetitions) as advance:
            methods = [*check.OVER_SEEDS, *check.OVER_TRAINING]
            found += check.measure(methods, size, repetitions, resamples, training_seeds, progress=advance)
    if as_json:
        rows: list[dict[str, Any]] = [
            {"method": one.method, "seeds": one.seeds, "held": one.share, "width": one.width} for one in found
        ]
        print(json.dumps(rows, indent=2))
        return
    cells = [[one.method, str(one.seeds), f"{100 * one.share:.1f}", f"{one.width:,.1f}"] for one in found]
    print(Table(["interval", "evaluation seeds", "holds the truth, %", "mean width"], cells).markdown())
    chance = f"{100 * found[0].tolerance:.1f}"
    print(f"\n95 % intervals, {repetitions} repetitions: 4 standard errors of a share are {chance} points.")
