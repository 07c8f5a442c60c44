"""Sweeps as a command."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from livesim.errors import ConfigError


class EngineName(StrEnum):
    """Where cells are played."""

    LOCAL = "local"
    RAY = "ray"


File = Annotated[Path, typer.Argument(help="sweep file (YAML)")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="replace one setting of the base: total_steps=1000"),
]
Out = Annotated[Path | None, typer.Option(help="folder of the sweep; default results/NAME")]
Resume = Annotated[bool, typer.Option("--resume", help="continue in the folder; failed cells are played again")]
Chosen = Annotated[EngineName, typer.Option("--engine", help="processes of this machine, or tasks of a Ray cluster")]
Jobs = Annotated[
    int | None, typer.Option(min=1, max=1024, help="cells at a time; default 1, with a local Ray cluster one a core")
]
Address = Annotated[str, typer.Option(help="a Ray cluster, HOST:PORT or auto; without it one is started and stopped")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="check everything and only print the plan")]


def add_to(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(sweep)


def sweep(
    file: File,
    settings: Settings = None,
    out: Out = None,
    resume: Resume = False,
    engine: Chosen = EngineName.LOCAL,
    jobs: Jobs = None,
    address: Address = "",
    dry_run: DryRun = False,
) -> None:
    """Run an experiment over scenarios, algorithms, hyperparameters and overrides; one table, one result per cell.

    Ctrl-C is safe. A cell that fails stops no other, is listed in the end, and ends with status 1.
    """
    from experiments.progress import simulator_display
    from experiments.sweep.config import load_sweep
    from experiments.sweep.folder import SweepFolder
    from experiments.sweep.plan import cells_of, check_cells
    from experiments.sweep.run import run_sweep
    from experiments.sweep.table import table_markdown

    player = _engine(engine, jobs, address)
    display, config = simulator_display(), load_sweep(file, settings or [])
    cells = cells_of(config)
    check_cells(cells, display, str(file))
    if dry_run:
        _print_plan(cells)
        return
    path = out or Path("results") / config.name
    folder = SweepFolder.resume(path, config, cells) if resume else SweepFolder.create(path, config, cells)
    display.say(f"Folder of the sweep: {path}; {len(cells)} cells")
    if changed := folder.changed_versions():
        display.say(f"Warning: not what this sweep was begun with; numbers may differ. {'; '.join(changed)}")
    try:
        rows = run_sweep(folder, cells, player, display)
    except KeyboardInterrupt:
        again = ["livesim", "sweep", str(file), *(part for one in settings or [] for part in ("--set", one))]
        again += ["--out", str(path), "--resume", "--engine", engine.value]
        again += (["--jobs", str(jobs)] if jobs else []) + (["--address", address] if address else [])
        display.say(f"Interrupted; nothing is lost. Continue with:\n  {shlex.join(again)}")
        raise typer.Exit(130) from None
    print(table_markdown(rows))
    display.say(f"Table: {path / 'table.md'}, {path / 'table.csv'}; a result per cell: {path / 'cells'}")
    if any(row.error for row in rows):
        raise typer.Exit(1)


def _engine(name: EngineName, jobs: int | None, address: str) -> Any:
    from experiments.sweep.local import LocalEngine
    from experiments.sweep.ray import RayEngine, require_ray

    if name is EngineName.LOCAL:
        if address:
            raise ConfigError("--address is for --engine ray")
        return LocalEngine(jobs or 1)
    if address and jobs:
        raise ConfigError("--jobs is for clusters that the command starts; the one at --address has its own CPUs")
    require_ray()
    return RayEngine(address or None, jobs)


def _print_plan(cells: Any) -> None:
    from experiments.report import markdown
    from experiments.seeds import seeds_text

    header = ["cell", *cells[0].axes, "training seeds", "steps each"]
    rows = [
        [cell.name, *cell.axes.values(), seeds_text(cell.config.training_seeds), f"{cell.config.total_steps:,}"]
        for cell in cells
    ]
    print(markdown(header, rows))
    steps = sum(cell.config.total_steps * len(cell.config.training_seeds) for cell in cells)
    print(f"\n{len(cells)} cells, {steps:,} training decisions")
