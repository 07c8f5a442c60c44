"""How much better than the best rule anybody could be, and what one choice is worth, as commands."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli_world import AsJson, Name, Settings, overrides_of

Names = Annotated[
    list[str] | None, typer.Argument(help="scenario names or files; default entertainment, ecommerce, education")
]
Environments = Annotated[
    list[str] | None, typer.Option("--environment", metavar="ID", help="only these, as Room-v0; repeat; default all")
]
Seeds = Annotated[str, typer.Option(help="seeds that everybody is scored on, first:end")]
PickSeeds = Annotated[str, typer.Option(help="seeds on which the best rule is picked, first:end; others than --seeds")]
Viewers = Annotated[float, typer.Option(help="planned viewers of the rooms: planning costs in proportion", min=5)]
FairName = Annotated[
    str, typer.Option(metavar="PLANNER", help="with its numbers: planner.fair:futures=8:horizon=40; none: without it")
]
BoundName = Annotated[
    str, typer.Option(metavar="PLANNER", help="with its numbers: planner.clairvoyant:sweeps=2; none: without it")
]
Learned = Annotated[
    list[Path] | None, typer.Option(metavar="FOLDER", help="result folder whose models are scored too; repeat")
]
Jobs = Annotated[int, typer.Option(min=1, max=256, help="parts played at a time")]
Out = Annotated[Path, typer.Option(help="folder, gone on with by a rerun")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(headroom)
    app.command()(stakes)


def headroom(
    names: Names = None,
    environment: Environments = None,
    seeds: Seeds = "1000:1016",
    pick_seeds: PickSeeds = "500:532",
    viewers: Viewers = 100,
    fair: FairName = "planner.fair",
    clairvoyant: BoundName = "planner.clairvoyant",
    learned: Learned = None,
    jobs: Jobs = 1,
    out: Out = Path("results") / "headroom",
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Score random, nothing, the best rule, a fair planner and a clairvoyant bound on the same luck.

    Planners copy the rooms: the fair one plans with fresh luck and does not see the future, the clairvoyant knows it.
    """
    from experiments.headroom import pages
    from experiments.headroom.study import ENVIRONMENTS, SCENARIOS, Cell, Study, models_in
    from experiments.headroom.work import HeadroomFolder, work
    from experiments.interruption import interruptible
    from experiments.progress import simulator_display, wide_console
    from experiments.seeds import parse_seeds

    ids = [full_id(name) for name in environment or ENVIRONMENTS]
    cells = tuple(Cell(env_id, name) for env_id in ids for name in names or SCENARIOS)
    overrides = {"audience.planned_viewers": viewers, **overrides_of(settings)}
    models = tuple(model for folder in learned or () for model in models_in(folder, cells))
    planner, bound = (None if name == "none" else name for name in (fair, clairvoyant))
    study = Study(cells, overrides, parse_seeds(seeds), parse_seeds(pick_seeds), planner, bound, models)
    study.check()
    display = simulator_display()
    folder = HeadroomFolder.begin(out, study)
    display.say(f"Folder: {out}")
    try:
        with folder.locked(), interruptible(display) as interruption:
            work(folder, display, interruption, jobs)
    except KeyboardInterrupt:
        again = ["livesim", "headroom", *(names or ()), "--seeds", seeds, "--pick-seeds", pick_seeds]
        again += ["--viewers", f"{viewers:g}", "--fair", fair, "--clairvoyant", clairvoyant, "--jobs", str(jobs)]
        again += ["--out", str(out), *(part for name in environment or () for part in ("--environment", name))]
        again += [part for path in learned or () for part in ("--learned", str(path))]
        again += [part for setting in settings or () for part in ("--set", setting)]
        display.say(f"Interrupted; what was played is kept. Continue with:\n  {shlex.join(again)}")
        raise typer.Exit(130) from None
    found = pages.gaps(folder)
    pages.write(folder, found)
    if as_json:
        print(json.dumps(pages.as_data(found), indent=2))
        return
    console = wide_console()
    console.print(pages.terminal_table(found))
    console.print(pages.summary(out, found), highlight=False, soft_wrap=True)


def stakes(
    name: Name,
    environment: Annotated[str, typer.Option(metavar="ID", help="as AdPlacement-v0")] = "Room-v0",
    policy: Annotated[str | None, typer.Option(help="plays on after the choice; default the scenario's rule")] = None,
    seeds: Seeds = "1000:1016",
    looks: Annotated[int, typer.Option(help="moments of each session in which choices are tried")] = 6,
    futures: Annotated[int, typer.Option(help="fresh futures of each moment, 2 to 1024")] = 8,
    horizon: Annotated[int, typer.Option(help="decisions looked ahead; then a viewer has a worth", min=1)] = 100,
    viewers: Viewers = 100,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Try every allowed choice on copies of running rooms: what it brings, how that differs, what luck hides of it.

    Credits over the rule's own choice, under fresh futures that all choices of a moment share.
    """
    from agents.planner.naming import default_base
    from experiments.environment import EnvConfig
    from experiments.progress import simulator_display
    from experiments.seeds import parse_seeds
    from experiments.stakes import as_data, stakes_table, try_choices
    from experiments.stakes import stakes as stakes_of

    chosen = parse_seeds(seeds)
    overrides = {"audience.planned_viewers": viewers, **overrides_of(settings)}
    env = EnvConfig(id=full_id(environment), scenario=name, overrides=overrides)
    rule = policy or default_base(env.load_scenario(), env.heads)
    with simulator_display().stage(f"choices in {name}", total=looks * len(chosen)) as advance:
        found = stakes_of(try_choices(env, rule, chosen, looks, futures, horizon, advance))
    if as_json:
        print(json.dumps(as_data(found), indent=2))
        return
    print(f"{env.id} {name}, rule {rule}, {len(chosen)} sessions, {futures} futures, {horizon} decisions ahead\n")
    print(stakes_table(found).markdown())


def full_id(name: str) -> str:
    """Return the id of an environment named with or without "livesim/"; raises UnknownNameError."""
    from experiments.environment import HEADS
    from livesim.errors import unknown_name

    short = [env_id.rpartition("/")[2] for env_id in HEADS]
    if name.rpartition("/")[2] not in short:
        raise unknown_name("environment", name, short, "--environment")
    return f"livesim/{name.rpartition('/')[2]}"
