"""The facts gate as a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli_world import AsJson, Settings, overrides_of

Names = Annotated[
    list[str] | None, typer.Argument(help="scenario names or files; default entertainment, ecommerce, education")
]
Seeds = Annotated[str, typer.Option(help="evaluation seeds, first:end; the gate asks for 30")]
Markdown = Annotated[Path | None, typer.Option(metavar="FILE", help="write the page with definitions and sources")]
Figures = Annotated[Path | None, typer.Option(metavar="FOLDER", help="write figures as PNG")]
Only = Annotated[str, typer.Option(metavar="NUMBERS", help="only these facts, as 1,2,16; also the gate is theirs")]
DEFAULT_NAMES = ("entertainment", "ecommerce", "education")


def add_to(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(validate)


def validate(
    names: Names = None,
    seeds: Seeds = "1000:1032",
    markdown: Markdown = None,
    figures: Figures = None,
    only: Only = "",
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Hold simulated rooms against published facts: value, band, in or out.

    Passes where 85 % of the applicable facts lie in their band, those that must among them; else status 1.
    """
    from agents.files import write_text
    from experiments.facts import gate as facts
    from experiments.facts.table import markdown_page, terminal_table
    from experiments.facts.world import World
    from experiments.progress import simulator_display, wide_console
    from experiments.seeds import parse_seeds

    chosen, overrides, rows = parse_seeds(seeds), overrides_of(settings), facts.chosen_facts(only)
    display, console = simulator_display(), wide_console()
    worlds = [World(name, chosen, overrides, display) for name in names or DEFAULT_NAMES]
    gates = []
    for world in worlds:
        gates.append(facts.judge(world, rows))
        if not as_json:
            console.print(terminal_table(gates[-1]))
            console.print(gates[-1].text, highlight=False, soft_wrap=True)
        if figures is not None:
            from experiments.facts.figures import write_figures

            for path in write_figures(world, figures):
                display.say(f"Figure: {path}")
        world.forget()
    if as_json:
        print(json.dumps([facts.as_data(gate) for gate in gates], indent=2))
    if markdown is not None:
        write_text(markdown, markdown_page(gates))
    if not all(gate.passes for gate in gates):
        raise typer.Exit(1)
