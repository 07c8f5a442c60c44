"""Commands about the simulated world: scenarios, policies, sanity, worth of same luck, speed, tuned rules."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import Annotated, Any

import typer

from livesim.errors import ConfigError

Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override a scenario key")]
Seeds = Annotated[str, typer.Option(help="evaluation seeds, first:end")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]
Names = Annotated[list[str], typer.Argument(help="scenario names or files")]
Name = Annotated[str, typer.Argument(help="scenario name or file")]

scenarios = typer.Typer(no_args_is_help=True, help="List, show and validate scenarios.")
policies = typer.Typer(no_args_is_help=True, help="List policies.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.add_typer(scenarios, name="scenarios")
    app.add_typer(policies, name="policies")
    for name, command in (
        ("tune-heuristics", tune_heuristics),
        ("calibrate", calibrate),
        ("sanity", sanity),
        ("luck", luck),
        ("bench", bench),
    ):
        app.command(name)(command)


@scenarios.command("list")
def scenarios_list() -> None:
    """Print the shipped scenarios and presets, and what they are."""
    from livesim.scenario import describe_preset, list_presets, list_scenarios, load_scenario

    for name in list_scenarios():
        print(f"{name:16s} {load_scenario(name).description.strip().splitlines()[0]}")
    for name in list_presets():
        print(f"+{name:15s} {describe_preset(name)}")


@scenarios.command("show")
def scenarios_show(
    name: Name,
    settings: Settings = None,
    fields: Annotated[bool, typer.Option("--fields", help="as a table: unit, bounds, source and meaning")] = False,
) -> None:
    """Print every number of a scenario, defaults included, as YAML that can be edited and loaded."""
    import yaml

    from livesim.scenario import load_scenario
    from livesim.schema import describe

    scenario = load_scenario(name, overrides=overrides_of(settings))
    if fields:
        print("| key | value | unit | bounds | source | meaning |")
        print(f"|{' --- |' * 6}")
        for key, value, unit, bounds, source, meaning in describe(scenario):
            print(f"| {' | '.join([key, value, unit, bounds, scenario.sources.get(key, source), meaning])} |")
        return
    print(yaml.safe_dump(scenario.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")


@scenarios.command("validate")
def scenarios_validate(names: Names, settings: Settings = None) -> None:
    """Check scenarios, their traces included; the first mistake is printed and ends with status 2."""
    from experiments.environment import EnvConfig

    for name in names:
        env = EnvConfig(scenario=name, overrides=overrides_of(settings))
        env.make(1).close()
        print(f"{name}: valid, {env.load_scenario().decisions} decisions a session")


@policies.command("rank")
def policies_rank(names: Names, seeds: Seeds = "1000:1064", settings: Settings = None, as_json: AsJson = False) -> None:
    """Rank the rules of every head in each room on the same luck: return minus doing nothing, credits."""
    from experiments import ranking
    from experiments.progress import simulator_display
    from experiments.sanity import env_for
    from experiments.seeds import parse_seeds

    chosen, overrides = parse_seeds(seeds), overrides_of(settings)
    data: dict[str, Any] = {}
    for name in names:
        total = len(chosen) * ranking.count(env_for("room", name, overrides))
        with simulator_display().stage(f"rules in {name}", total=total) as advance:
            places = ranking.rank(name, chosen, overrides, advance)
        data[name] = ranking.ranking_data(places)
        if not as_json:
            print(f"## {name}, {len(chosen)} seeds\n\n{ranking.ranking_table(places)}\n")
    if as_json:
        print(json.dumps(data, indent=2))


@scenarios.command("reference")
def scenarios_reference(
    write: Annotated[bool, typer.Option("--write", help="bring scenarios/README.md and sources.md up to date")] = False,
) -> None:
    """Print the field reference and the sources of every number, as they stand in the pages of scenarios/."""
    from agents.files import write_text
    from experiments.field_reference import field_reference, pages, source_tables

    if not write:
        print(f"{field_reference()}\n\n{source_tables()}")
        return
    for page, text in pages().items():
        is_new = page.read_text(encoding="utf-8") != text
        if is_new:
            write_text(page, text)
        print(f"{page}: {'written' if is_new else 'up to date'}")


@policies.command("list")
def policies_list(
    head: Annotated[str, typer.Option(help="only those for this head: recommend, ads, interact, operate or room")] = "",
) -> None:
    """Print the registered policies, by head, and the planners."""
    from agents.policy import PLANNERS
    from livesim import registry
    from livesim.errors import unknown_name

    known = registry.names("policy")
    heads = sorted({name.partition(".")[0] for name in known})
    if head and head not in heads:
        raise unknown_name("head", head, heads, "--head")
    names = [name for name in (*known, *(() if head else PLANNERS)) if not head or name.startswith(f"{head}.")]
    for stem, alike in groupby(names, key=lambda name: re.sub(r":\d+$", ":", name)):
        numbers = sorted(int(name.removeprefix(stem)) for name in alike if name != stem)
        print(f"{stem}{numbers[0]} to {stem}{numbers[-1]}" if numbers else stem)


def tune_heuristics(
    names: Names,
    only: Annotated[list[str] | None, typer.Option("--policy", help="only these policies; default all")] = None,
    episodes: Annotated[int, typer.Option(help="training seeds per candidate", min=2)] = 64,
    candidates: Annotated[int, typer.Option(help="candidates per policy; few choices are all tried", min=1)] = 24,
    rounds: Annotated[int, typer.Option(help="rounds of halving", min=1)] = 3,
) -> None:
    """Tune the numbers of the heuristics on training seeds, random search then a climb; writes agents/tuned.yaml."""
    from experiments.tuning import tune_scenario

    for name in names:
        tune_scenario(name, only, episodes, candidates, rounds)


def calibrate(
    names: Names,
    episodes: Annotated[int, typer.Option(min=2, help="seeds per round")] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="rounds of feeding the numbers back")] = 4,
) -> None:
    """Measure the mean mood and the reference score that a scenario reproduces under its default policies."""
    from experiments.calibration import calibrate as measure

    for name in names:
        print(name)
        measure(name, episodes, rounds)


def sanity(
    names: Names,
    seeds: Seeds = "1000:1064",
    head: Annotated[list[str] | None, typer.Option(help="only rows of this head, as recommend; repeat")] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Print the no-free-lunch table: trivial policies against practitioners' rules, on the same luck.

    Ends with status 1 where a trivial policy wins.
    """
    from experiments import sanity as world
    from experiments.progress import simulator_display
    from experiments.seeds import parse_seeds

    chosen, overrides = parse_seeds(seeds), overrides_of(settings)
    data: dict[str, Any] = {}
    is_kept = True
    for name in names:
        needed = world.policies_of(world.rows_for(world.env_for("room", name, overrides), head))
        with simulator_display().stage(f"sanity of {name}", total=len(chosen) * len(needed)) as advance:
            verdicts = world.check(name, chosen, overrides, advance, head)
        data[name] = world.sanity_data(verdicts)
        is_kept &= all(verdict.is_kept for verdict in verdicts)
        if not as_json:
            print(f"## {name}, {len(chosen)} seeds\n\n{world.sanity_table(verdicts)}\n")
    if as_json:
        print(json.dumps(data, indent=2))
    if not is_kept:
        raise typer.Exit(1)


def luck(
    name: Name,
    seeds: Seeds = "1000:1064",
    first: Annotated[str, typer.Option(help="one policy")] = "combined",
    second: Annotated[str, typer.Option(help="the other")] = "nothing",
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Print how many times the variance of a return difference shrinks on the same luck."""
    import numpy as np

    from experiments.environment import EnvConfig
    from experiments.luck import measure_luck
    from experiments.progress import simulator_display
    from experiments.seeds import parse_seeds

    chosen = parse_seeds(seeds)
    env = EnvConfig(scenario=name, overrides=overrides_of(settings))
    with simulator_display().stage(f"luck in {name}", total=3 * len(chosen)) as advance:
        report = measure_luck(env, first, second, chosen, progress=advance)
    same, independent = (float(np.var(v, ddof=1)) for v in (report.same_luck, report.independent))
    if as_json:
        ratio = {"ratio": report.ratio.value, "low": report.ratio.low, "high": report.ratio.high}
        print(json.dumps({"variance_same_luck": same, "variance_independent": independent, **ratio}, indent=2))
        return
    print(f"{name}: return of {first} minus return of {second}, {len(chosen)} seeds")
    print(f"variance on the same luck      {same:14,.0f}")
    print(f"variance on independent luck   {independent:14,.0f}")
    print(f"ratio                          {report.ratio.text():>14s}")


def bench(
    viewers: Annotated[str, typer.Option(help="concurrent viewers, separated by commas")] = "100,1000,10000,100000",
    scenario: Annotated[str, typer.Option(help="scenario name or file")] = "entertainment",
    decisions: Annotated[int, typer.Option(help="decisions timed at each size", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Measure viewer-decisions per CPU-second, the share of time in SimPy, kernels and Python, and memory."""
    from experiments import benchmark
    from experiments.progress import simulator_display

    try:
        sizes = [int(part) for part in viewers.split(",")]
    except ValueError:
        raise ConfigError(f"--viewers {viewers}: write whole numbers separated by commas") from None
    display = simulator_display()
    results = []
    for rooms, size in benchmark.plan(sizes):
        with display.stage(f"{rooms} x {size:,} viewers", total=1):
            results.append(benchmark.measure(scenario, rooms, size, decisions))
    if as_json:
        print(json.dumps([benchmark.as_data(result) for result in results], indent=2))
    else:
        benchmark.print_table(results)


def overrides_of(settings: list[str] | None) -> dict[str, Any]:
    """Return the scenario overrides of `--set key=value` options; raises ConfigError."""
    from experiments.yaml_source import read_value

    overrides: dict[str, Any] = {}
    for setting in settings or []:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting}: write key=value, for example --set audience.planned_viewers=100")
        overrides[key.strip()] = read_value(text)
    return overrides
