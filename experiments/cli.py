"""The `livesim` command: experiments here, the simulated world in the other `cli_*` modules.

Heavy libraries are imported inside the commands that need them, so that help and errors are quick.
"""

from __future__ import annotations

import json
import shlex
import sys
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from experiments import (
    cli_facts,
    cli_headroom,
    cli_logs,
    cli_network,
    cli_report,
    cli_sensitivity,
    cli_sweep,
    cli_tune,
    cli_whatif,
    cli_world,
)
from livesim.errors import LivesimError

DEMO_FOLDER = Path("results") / "demo"


class LivesimGroup(TyperGroup):
    """A command group that shows the errors of livesim as one red line and ends with status 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except LivesimError as error:
            console = Console(stderr=True, soft_wrap=True, highlight=False)
            for line in str(error).splitlines():
                console.print(f"[red]{escape(line)}[/red]")
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=LivesimGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Simulate live-streaming rooms, train agents on them and compare them on the same luck.",
)

File = Annotated[Path, typer.Argument(help="experiment file (YAML)")]
Run = Annotated[Path, typer.Argument(help="result folder of an earlier run")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="replace one setting: total_steps=1000, network.traces=DIR"),
]
Out = Annotated[Path | None, typer.Option(help="result folder; default results/NAME")]
Resume = Annotated[bool, typer.Option("--resume", help="continue an interrupted run in its folder")]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="learners trained at a time")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]


@app.command()
def run(file: File, settings: Settings = None, out: Out = None, resume: Resume = False, jobs: Jobs = 1) -> None:
    """Train, evaluate and compare: everything an experiment file asks for, in one result folder."""
    _experiment("run", file, settings or [], out, resume, ("train", "evaluate", "compare"), jobs)


@app.command()
def train(file: File, settings: Settings = None, out: Out = None, resume: Resume = False, jobs: Jobs = 1) -> None:
    """Train only; `livesim evaluate` or `livesim run --resume` go on from there."""
    _experiment("train", file, settings or [], out, resume, ("train",), jobs)


@app.command()
def evaluate(run: Run) -> None:
    """Play the trained models and baselines of a result on its evaluation seeds and compare them."""
    from experiments.result_folder import ResultFolder

    config = ResultFolder.open(run).config()
    _do(run, config, ("evaluate", "compare"), ["livesim", "evaluate", str(run)], resume=True)


@app.command()
def compare(
    run: Run,
    seeds: Annotated[str, typer.Option(help="evaluation seeds, first:end; default those of the experiment")] = "",
    policies: Annotated[list[str] | None, typer.Option(help="only these; repeat, or separate by commas")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the policies of a result again, on any other seeds; nothing in the folder changes."""
    from experiments import report
    from experiments.compare import compare as compare_scores
    from experiments.evaluate import read_scores
    from experiments.progress import simulator_display
    from experiments.result_folder import ResultFolder
    from experiments.run import rescore
    from experiments.seeds import parse_seeds

    folder = ResultFolder.open(run)
    config = folder.config()
    only = [name.strip() for text in policies or [] for name in text.split(",")] or None
    if seeds or only:
        chosen = parse_seeds(seeds) if seeds else config.evaluation_seeds
        comparison = rescore(folder, config, simulator_display(), chosen, only)
    else:
        comparison = compare_scores(read_scores(folder, config))
    print(json.dumps(comparison.as_data(), indent=2) if as_json else report.comparison_markdown(comparison))


@app.command()
def demo(out: Out = None, resume: Resume = False) -> None:
    """Train an agent for a few minutes and compare it with the rules; every demo gets a folder of its own."""
    file = Path(__file__).parent / "configs" / "demo.yaml"
    folder = out or (DEMO_FOLDER if resume else next_free(DEMO_FOLDER))
    _experiment("run", file, [], folder, resume, ("train", "evaluate", "compare"))


def next_free(folder: Path) -> Path:
    """Return the folder itself, or the first of folder-2, folder-3, ... that does not exist."""
    candidates = (folder.with_name(f"{folder.name}-{n}") for n in count(2))
    return next(path for path in chain([folder], candidates) if not path.exists())


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


def _experiment(
    command: str,
    file: Path,
    settings: list[str],
    out: Path | None,
    resume: bool,
    stages: tuple[str, ...],
    jobs: int = 1,
) -> None:
    from experiments.config import load_config
    from experiments.config_names import check_names

    config = load_config(file, settings)
    check_names(config, str(file))
    path = out or Path("results") / config.name
    arguments = [part for setting in settings for part in ("--set", setting)]
    again = ["livesim", command, str(file), *arguments, "--out", str(path), "--resume"]
    if jobs > 1:
        again += ["--jobs", str(jobs)]
    _do(path, config, stages, again, resume, jobs)


def _do(path: Path, config: Any, stages: tuple[str, ...], again: list[str], resume: bool, jobs: int = 1) -> None:
    from experiments import report
    from experiments.progress import simulator_display
    from experiments.result_folder import ResultFolder
    from experiments.run import run_stages

    display = simulator_display()
    folder = ResultFolder.resume(path, config) if resume else ResultFolder.create(path, config)
    display.say(f"Result folder: {path}")
    if changed := folder.changed_versions():
        display.say(f"Warning: not what this result was begun with; numbers may differ. {'; '.join(changed)}")
        folder.note_versions(changed)
    try:
        comparison = run_stages(folder, config, display, stages, jobs)
    except KeyboardInterrupt:
        display.say(f"Interrupted; nothing is lost. Continue with:\n  {shlex.join(again)}")
        raise typer.Exit(130) from None
    if comparison is not None:
        print(report.comparison_markdown(comparison))
        display.say(f"Report: {path / 'report.md'}")
    if config.algorithms:
        board = shlex.join(["tensorboard", "--logdir", str(path / "tensorboard"), "--host", "127.0.0.1"])
        display.say(f"Curves and charts: {board}")


cli_world.add_to(app)
cli_network.add_to(app)
cli_facts.add_to(app)
cli_headroom.add_to(app)
cli_logs.add_to(app)
cli_sensitivity.add_to(app)
cli_report.add_to(app)
cli_whatif.add_to(app)
cli_tune.add_to(app)
cli_sweep.add_to(app)

if __name__ == "__main__":
    main()
