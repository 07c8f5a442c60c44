"""The sensitivity of conclusions to assumed numbers as a command."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli_world import AsJson, Settings, overrides_of

Name = Annotated[str, typer.Argument(metavar="[SCENARIO]", help="scenario name or file")]
Only = Annotated[
    list[str] | None, typer.Option(metavar="PATTERN", help="only numbers whose key fits, as 'gifts.*' or ads; repeat")
]
Groups = Annotated[str, typer.Option(metavar="GROUPS", help="any of ranking,lunch,effects")]
Seeds = Annotated[str, typer.Option(help="evaluation seeds, first:end")]
Viewers = Annotated[float, typer.Option(help="planned viewers of the rooms: smaller ones are cheaper", min=5)]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="variations played at a time")]
Top = Annotated[int, typer.Option(min=1, help="numbers in the table and the figure")]
Out = Annotated[Path | None, typer.Option(help="folder, gone on with by a rerun; default results/sensitivity-SCENARIO")]
Listed = Annotated[bool, typer.Option("--list", help="only print what would be varied, and over what")]


def add_to(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(sensitivity)


def sensitivity(
    name: Name = "entertainment",
    only: Only = None,
    conclusions: Groups = "ranking,lunch,effects",
    seeds: Seeds = "1000:1012",
    viewers: Viewers = 80,
    jobs: Jobs = 1,
    top: Top = 20,
    out: Out = None,
    settings: Settings = None,
    listed: Listed = False,
    as_json: AsJson = False,
) -> None:
    """Vary each assumed number over its range, one at a time, and say which conclusions change.

    Conclusions: who beats whom in each head, the no-free-lunch rows, the signs of published effects, on the same luck.
    """
    from experiments.interruption import interruptible
    from experiments.progress import simulator_display
    from experiments.seeds import parse_seeds
    from experiments.sensitivity import pages
    from experiments.sensitivity.study import AS_IT_IS, Study, StudyFolder, play_all
    from experiments.sensitivity.variation import assumptions, chosen

    groups = tuple(group.strip() for group in conclusions.split(","))
    overrides: dict[str, Any] = {"audience.planned_viewers": viewers, **overrides_of(settings)}
    study = Study(name, overrides, parse_seeds(seeds), groups)
    found = chosen(assumptions(study.scenario), only or ())
    if listed:
        _print_list(found, as_json)
        return
    variations = [variation for one in found for variation in one.variations]
    display, path = simulator_display(), out or Path("results") / f"sensitivity-{Path(name).stem}"
    plays, count = len(study.plays), len(study.seeds)
    folder = StudyFolder.begin(path, study)
    display.say(f"Folder: {path}; {len(variations)} variations of {plays} policies, {count} seeds each")
    begun = time.monotonic()
    try:
        with folder.locked(), interruptible(display) as interruption:
            play_all(study, folder, [AS_IT_IS], lambda _: None, interruption)
            done = sum(folder.file(one).is_file() for one in variations)
            if (spent := time.monotonic() - begun) > 1.0:
                minutes = spent * (len(variations) - done) / jobs / 60.0
                display.say(f"The scenario as it is took {spent:.0f} s; the variations take about {minutes:.0f} min")
            with display.stage(f"sensitivity of {name}", len(variations), done) as advance:
                play_all(study, folder, variations, advance, interruption, jobs)
    except KeyboardInterrupt:
        again = ["livesim", "sensitivity", name, "--conclusions", conclusions, "--seeds", seeds, "--out", str(path)]
        again += ["--viewers", f"{viewers:g}", "--jobs", str(jobs), "--top", str(top)]
        again += [part for pattern in only or () for part in ("--only", pattern)]
        again += [part for setting in settings or () for part in ("--set", setting)]
        display.say(f"Interrupted; what was played is kept. Continue with:\n  {shlex.join(again)}")
        raise typer.Exit(130) from None
    results = pages.results(study, folder, found)
    page = pages.write(results, top, path)
    print(json.dumps(pages.as_data(results), indent=2) if as_json else page)
    display.say(f"Page, table, figure: {path / pages.PAGE}, {path / pages.TABLE}, {path / pages.FIGURE}")


def _print_list(found: Any, as_json: bool) -> None:
    from experiments.report import markdown

    if as_json:
        data = [
            {"key": one.key, "default": one.text, "reason": one.reason,
             "values": {variation.side: variation.text for variation in one.variations}}
            for one in found
        ]  # fmt: skip
        print(json.dumps(data, indent=2))
        return
    rows = [
        [f"`{one.key}`", one.text, " .. ".join(variation.text for variation in one.variations) or "-", one.reason]
        for one in found
    ]
    print(markdown(["assumed number", "is", "varied to", "not varied, because"], rows))
