"""Commands about learners: the search for hyperparameters, the table of an ablation."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command()(tune)
    app.command()(ablation)


def ablation(
    run: Annotated[Path, typer.Argument(help="result folder of an evaluated experiment")],
    plain: Annotated[str, typer.Option(help="the learner the others are held against; default the first")] = "",
) -> None:
    """Print what every learner of a result gains over the plain one, as Markdown with intervals."""
    from experiments.ablation import ablation_markdown
    from experiments.evaluate import read_scores
    from experiments.result_folder import ResultFolder

    folder = ResultFolder.open(run)
    print(ablation_markdown(read_scores(folder, folder.config()), plain), end="")


def tune(
    file: Annotated[Path, typer.Argument(help="experiment file (YAML)")],
    trials: Annotated[int, typer.Option(min=1, help="trials, finished or pruned, in all")] = 40,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="trials trained at a time")] = 1,
    algorithm: Annotated[str, typer.Option(help="which algorithm of the file; default the first")] = "",
    only: Annotated[str, typer.Option(metavar="NAMES", help="search these only: learning_rate,ent_coef")] = "",
    episodes: Annotated[int, typer.Option(min=2, help="tuning seeds that score a trial")] = 32,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="replace one setting: total_steps=1000")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="result folder; default results/NAME-tune")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="continue a search in its folder")] = False,
) -> None:
    """Search hyperparameters of a learner on tuning seeds (Optuna: TPE, trials below the median end early)."""
    from experiments.config import load_config
    from experiments.config_names import check_names
    from experiments.interruption import interruptible
    from experiments.progress import simulator_display
    from experiments.result_folder import ResultFolder
    from experiments.search import chosen_entry, dimensions
    from experiments.study import Search

    config = load_config(file, settings or [])
    check_names(config, str(file))
    path = out or Path("results") / f"{config.name}-tune"
    display = simulator_display()
    names = [name.strip() for name in only.split(",") if name.strip()]
    dimensions(chosen_entry(config, algorithm), names)  # a wrong name leaves no folder behind
    folder = ResultFolder.resume(path, config) if resume else ResultFolder.create(path, config)
    display.say(f"Result folder: {path}")
    with folder.locked(), interruptible(display) as interruption:
        search = Search(folder, config, algorithm, names, episodes)
        try:
            search.run(trials, jobs, display, interruption)
        except KeyboardInterrupt:
            again = _again(file, trials, jobs, algorithm, only, episodes, settings or [], path)
            display.say(f"Interrupted; finished trials are kept. Continue with:\n  {shlex.join(again)}")
            raise typer.Exit(130) from None
        folder.set_state("complete")
    best, count = search.study.best_trial, len(search.study.trials)
    print(f"best of {count} trials: {best.value:,.1f} on {episodes} tuning seeds (trial {best.number})")
    print((path / "best.yaml").read_text(encoding="utf-8"), end="")
    display.say(f"Train it on the seeds that count: livesim run {path / 'experiment.yaml'}")


def _again(
    file: Path, trials: int, jobs: int, algorithm: str, only: str, episodes: int, settings: list[str], path: Path
) -> list[str]:
    parts = ["livesim", "tune", str(file), "--trials", str(trials), "--jobs", str(jobs), "--episodes", str(episodes)]
    parts += [*(["--algorithm", algorithm] if algorithm else []), *(["--only", only] if only else [])]
    parts += [part for setting in settings for part in ("--set", setting)]
    return [*parts, "--out", str(path), "--resume"]
