"""What-if as a command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from livesim.errors import ConfigError

if TYPE_CHECKING:
    from experiments.whatif import Answer, Question

Run = Annotated[Path | None, typer.Argument(help="result folder of an earlier run; or name a --scenario")]
Scenario = Annotated[str, typer.Option(help="scenario name or file, without a result folder")]
PolicyName = Annotated[str, typer.Option("--policy", help="whose session; default the first learner, or combined")]
TrainingSeed = Annotated[int | None, typer.Option(help="of a learner; default the first of the experiment")]
At = Annotated[str, typer.Option(metavar="HH:MM[:SS]", help="moment of the session at which the branches part")]
Until = Annotated[str, typer.Option(metavar="HH:MM[:SS]", help="moment at which the policy gets the head back")]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="HEAD=WHAT[@HH:MM]",
        help="a head is played by another policy (ads=none, ads=fixed_interval,interval_min=8, recommend=hold), "
        "or makes one choice once (interact=battle@00:45)",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, help="luck of the session; default the first evaluation seed")]
Seeds = Annotated[str, typer.Option(help="ask of many sessions, first:end, with intervals")]
Overrides = Annotated[
    list[str] | None, typer.Option("--override", metavar="KEY=VALUE", help="scenario key, with --scenario")
]
Out = Annotated[Path | None, typer.Option(help="folder of figure and numbers; default RUN/whatif or results/whatif")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]
DEFAULT_SEED = 1000


def add_to(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command()(whatif)


def whatif(
    run: Run = None,
    at: At = "",
    changes: Changes = None,
    policy: PolicyName = "",
    seed: Seed = None,
    seeds: Seeds = "",
    until: Until = "",
    scenario: Scenario = "",
    overrides: Overrides = None,
    training_seed: TrainingSeed = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Replay a session to a moment, play on otherwise on the same luck, and show what would have happened."""
    from experiments import whatif_report
    from experiments.progress import simulator_display, wide_console
    from experiments.result_folder import write_json
    from experiments.seeds import parse_seeds
    from experiments.whatif import ask

    if (run is None) == (not scenario):
        raise ConfigError("livesim whatif: name either a result folder or a --scenario")
    if not at:
        raise ConfigError("--at: say at which moment, for example --at 00:40")
    if seeds and seed is not None:
        raise ConfigError("--seed and --seeds: give one of them; --seeds asks the same of many sessions")
    display = simulator_display()
    if run is not None:
        if overrides:
            raise ConfigError("--override goes with --scenario; a result folder has its scenario")
        question, first_seed, folder = _of_run(run, policy, training_seed, changes or [], at, until)
    else:
        question, first_seed, folder = _of_scenario(scenario, overrides, policy, changes or [], at, until)
    chosen = parse_seeds(seeds) if seeds else parse_seeds(first_seed if seed is None else seed)
    with display.stage("both branches", total=2 * len(chosen)) as advance:
        answer = ask(question, chosen, progress=advance)
    if run is not None and (warning := _differs_from_record(run, question, training_seed, answer)):
        display.say(warning)
    data = whatif_report.as_data(answer)
    if as_json:
        print(json.dumps(data, indent=2))
    else:
        console = wide_console()
        console.print(whatif_report.table(answer))
        for note in whatif_report.notes(answer):
            console.print(note, highlight=False, soft_wrap=True)
    stem = (out or folder) / _slug(whatif_report.title(answer))
    write_json(stem.with_suffix(".json"), data)
    display.say(f"Figure: {_draw(answer, stem.with_suffix('.png'))}")


def _of_run(
    path: Path, name: str, training_seed: int | None, settings: list[str], at: str, until: str
) -> tuple[Question, int, Path]:
    from experiments.evaluate import is_deterministic, load_policy
    from experiments.result_folder import ResultFolder
    from experiments.whatif import Question, parse_changes

    folder = ResultFolder.open(path)
    config = folder.config()
    name, seed = _player(config, name, training_seed)
    env = config.evaluation_env
    changes = parse_changes(settings, env, at, until)
    policy = load_policy(folder, config, name, seed)
    shown = name if seed is None else f"{name} (training seed {seed})"
    question = Question(env, shown, policy, changes, is_deterministic(config, name))
    return question, config.evaluation_seeds[0], path / "whatif"


def _player(config: Any, name: str, training_seed: int | None) -> tuple[str, int | None]:
    """Return policy and training seed; raises ConfigError or UnknownNameError for those the run has not."""
    from experiments.evaluate import players

    name = name or (config.algorithms[0].name if config.algorithms else config.baselines[0])
    known = [seed for _, seed in players(config, [name])]
    if training_seed is None:
        return name, known[0]
    if training_seed not in known:
        trained = ", ".join(str(seed) for seed in known if seed is not None)
        raise ConfigError(f"--training-seed {training_seed}: {name} has {trained or 'none: it is a rule'}")
    return name, training_seed


def _of_scenario(
    scenario: str, overrides: list[str] | None, name: str, settings: list[str], at: str, until: str
) -> tuple[Question, int, Path]:
    from experiments.cli_world import overrides_of
    from experiments.environment import EnvConfig
    from experiments.whatif import Question, parse_changes

    env = EnvConfig(scenario=scenario, overrides=overrides_of(overrides))
    name = name or "combined"
    changes = parse_changes(settings, env, at, until)
    question = Question(env, name, env.policy(name), changes)
    return question, DEFAULT_SEED, Path("results") / "whatif" / env.load_scenario().name


def _differs_from_record(path: Path, question: Question, training_seed: int | None, answer: Answer) -> str:
    """Return a warning where the replay is not what the result folder recorded of these seeds; empty if it is."""
    import numpy as np

    from experiments.episode_table import read_table
    from experiments.result_folder import ResultFolder

    folder = ResultFolder.open(path)
    name, seed = _player(folder.config(), question.name.partition(" ")[0], training_seed)
    file = folder.episodes_file(name, seed)
    if not file.is_file():
        return ""
    table = read_table(file)
    recorded = dict(zip(table["seed"].tolist(), table["return"].tolist(), strict=True))
    for room, value in zip(answer.factual.seeds.tolist(), answer.factual.reward.sum(axis=1), strict=True):
        if room in recorded and not np.isclose(recorded[room], value, rtol=1e-9, atol=1e-9):
            return (
                f"Warning: seed {room} returned {recorded[room]:.6g} when the result was made and {value:.6g} in this "
                f"replay. The simulator has changed since ({'; '.join(folder.changed_versions()) or 'same versions'})."
            )
    return ""


def _draw(answer: Answer, path: Path) -> Path:
    from agents.files import write_bytes
    from experiments.figures import branches, style
    from experiments.whatif_report import title

    text = title(answer)
    many = len(answer.factual) > 1
    figure = branches.branch_differences(answer, text) if many else branches.branch_timelines(answer, 0, text)
    write_bytes(path, style.png(figure))
    return path


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
