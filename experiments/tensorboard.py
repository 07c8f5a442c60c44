"""What goes into TensorBoard's files: tags, points, HParams, chart layout. `board.py` says which runs there are.

The x axis is always training decisions. CSV files are the record; everything here can be thrown away.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.episode_table import EpisodeTable
from experiments.statistics import Estimate

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

TAGS = {
    "return": "score/return",
    "return_expected": "score/return_expected",
    "return_realised": "score/return_realised",
    "viewers_mean": "audience/viewers_mean",
    "viewers_peak": "audience/viewers_peak",
    "event.entered": "audience/entered",
    "event.follows": "audience/follows",
    "stall_share": "health/stall_share",
    "ad_minutes_per_hour": "health/ad_minutes_per_hour",
    "masked_actions": "health/masked_actions",
}
EACH_SEED = "each_seed/"
"""Before the tags of a single training seed, where the policy's own run holds their mean."""


def run_path(root: Path, policy: str, training_seed: int | None = None) -> Path:
    """Return the folder of a policy's run, or of one of its training seeds."""
    return root / policy if training_seed is None else root / policy / f"seed{training_seed}"


def open_writer(folder: Path, purge_step: int | None = None) -> SummaryWriter:
    """Return a writer of event files; what an interrupted run left behind from purge_step on is hidden."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(log_dir=str(folder), purge_step=purge_step)


def tag_of(column: str) -> str | None:
    """Return the tag a column of the episode table is shown under; None for columns that stay in the CSV."""
    if column.startswith("term."):
        return f"terms/{column.removeprefix('term.')}"
    if column.startswith("cost."):
        return f"costs/{column.removeprefix('cost.')}"
    return TAGS.get(column)


def write_point(
    writer: SummaryWriter, step: int, episodes: EpisodeTable, only: Sequence[str] | None = None, prefix: str = ""
) -> None:
    """Write the means of one point of a learning curve. only: these columns, where they have a tag at all."""
    for column, value in episodes.means().items():
        tag = tag_of(column)
        if tag is not None and (only is None or column in only):
            writer.add_scalar(prefix + tag, value, step)
    writer.flush()


def interval_tags(measure: str) -> tuple[str, str, str]:
    """Return the tags of a value and the ends of its interval."""
    return f"interval/{measure}", f"interval/{measure}_low", f"interval/{measure}_high"


def write_interval(writer: SummaryWriter, step: int, measure: str, estimate: Estimate) -> None:
    """Write one number with its interval; where a single seed gives none, the ends are the value."""
    ends = [estimate.value if np.isnan(end) else end for end in (estimate.low, estimate.high)]
    for tag, value in zip(interval_tags(measure), (estimate.value, *ends), strict=True):
        writer.add_scalar(tag, value, step)


def write_hparams(
    writer: SummaryWriter, name: str, step: int, hparams: Mapping[str, Any], scores: Mapping[str, float]
) -> None:
    """Write one row of the HParams table, called `name`; scores that do not exist (NaN) leave their cell empty."""
    from tensorboard.plugins.hparams import summary_v2

    for score, value in scores.items():
        if not np.isnan(value):
            writer.add_scalar(f"final/{score}", value, step)
    assert writer.file_writer is not None
    writer.file_writer.add_summary(summary_v2.hparams_pb(dict(hparams), trial_id=name))
    writer.flush()


def write_hparams_columns(writer: SummaryWriter, rows: Sequence[Mapping[str, Any]], scores: Sequence[str]) -> None:
    """Write which columns the HParams table has. rows: the hparams of every run, with the same keys."""
    from tensorboard.plugins.hparams import summary_v2

    hparams = [summary_v2.HParam(key, summary_v2.Discrete(sorted({row[key] for row in rows}))) for key in rows[0]]
    metrics = [summary_v2.Metric(f"final/{score}", display_name=score) for score in scores]
    assert writer.file_writer is not None
    writer.file_writer.add_summary(summary_v2.hparams_config_pb(hparams, metrics))


def layout(columns: Sequence[str], intervals: Mapping[str, str]) -> dict[str, dict[str, list[Any]]]:
    """Return the custom-scalars layout: a chart per interval, then one per column, each overlaying all policies.

    intervals: title -> measure.
    """
    charts: dict[str, dict[str, list[Any]]] = {
        "while learning": {title: ["Margin", list(interval_tags(measure))] for title, measure in intervals.items()}
    }
    for column in columns:
        tag = tag_of(column)
        if tag is not None:
            category, _, title = tag.partition("/")
            charts.setdefault(_CATEGORIES[category], {})[title] = ["Multiline", [f"^{tag}$"]]
    return charts


_CATEGORIES = {
    "score": "return, credits a session",
    "terms": "reward terms, credits a session",
    "audience": "audience",
    "health": "health",
    "costs": "constraint costs",
}


def same_keys(runs: Sequence[Mapping[str, Any]], always: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the HParams of every run over the union of keys; what a run does not have reads "-".

    A key that all runs that have it agree on tells nothing and is left out, unless it is one of `always`.
    """
    keys = list(dict.fromkeys(key for run in runs for key in run))
    filled = [{key: _plain(run.get(key, "-")) for key in keys} for run in runs]
    for key in keys:
        if not all(isinstance(run[key], (int, float)) and not isinstance(run[key], bool) for run in filled):
            for run in filled:
                run[key] = str(run[key])
    told = [key for key in keys if key in always or len({str(run[key]) for run in runs if key in run}) > 1]
    return [{key: run[key] for key in told} for run in filled]


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
