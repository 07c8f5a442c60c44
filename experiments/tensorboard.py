"""TensorBoard as a view of a result folder: one run per policy and training seed, the same tags in every run.

    tensorboard/                      text card, custom-scalars layout, HParams columns
    tensorboard/SCENARIO/POLICY/seedK scores while learning, final scores, losses of a learner
    tensorboard/SCENARIO/POLICY/all   interquartile mean and interval over all training seeds of a policy

The x axis is always training decisions. CSV files are the record; everything here can be thrown away.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
FINAL_TAGS = ("final/return_iqm", "final/return_mean", "final/normalised_score")
AGGREGATE_TAGS = ("agg/return_iqm", "agg/return_lo", "agg/return_hi")


def run_path(root: Path, scenario: str, policy: str, run: str) -> Path:
    """Return the folder of one run; run is seedK or all."""
    return root / scenario / policy / run


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


def write_point(writer: SummaryWriter, step: int, episodes: EpisodeTable) -> None:
    """Write the means of one point of a learning curve."""
    for column, value in episodes.means().items():
        tag = tag_of(column)
        if tag is not None:
            writer.add_scalar(tag, value, step)
    writer.flush()


def write_aggregate(writer: SummaryWriter, step: int, estimate: Estimate) -> None:
    """Write interquartile mean and interval over the training seeds of one policy."""
    for tag, value in zip(AGGREGATE_TAGS, (estimate.value, estimate.low, estimate.high), strict=True):
        writer.add_scalar(tag, value, step)


def write_final(writer: SummaryWriter, step: int, scores: Sequence[float], hparams: Mapping[str, Any]) -> None:
    """Write the final scores (in the order of FINAL_TAGS) and the HParams of one run."""
    from tensorboard.plugins.hparams import summary_v2

    for tag, value in zip(FINAL_TAGS, scores, strict=True):
        writer.add_scalar(tag, value, step)
    assert writer.file_writer is not None
    writer.file_writer.add_summary(summary_v2.hparams_pb(dict(hparams)))
    writer.flush()


def write_root(root: Path, card: str, columns: Iterable[str], runs: Sequence[Mapping[str, Any]]) -> None:
    """Write what all runs share: the comparison as a text card, the chart layout, the HParams columns."""
    from tensorboard.plugins.hparams import summary_v2

    for old in root.glob("events.out.tfevents.*"):
        old.unlink()
    writer = open_writer(root)
    try:
        writer.add_text("comparison", card)
        writer.add_custom_scalars(layout(columns))
        hparams = [summary_v2.HParam(name, _domain([run[name] for run in runs])) for name in runs[0]]
        metrics = [summary_v2.Metric(tag, display_name=tag.removeprefix("final/")) for tag in FINAL_TAGS]
        assert writer.file_writer is not None
        writer.file_writer.add_summary(summary_v2.hparams_config_pb(hparams, metrics))
    finally:
        writer.close()


def layout(columns: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """Return the custom-scalars layout: per tag one chart that overlays all runs, and the aggregate."""
    charts: dict[str, dict[str, list[Any]]] = {"aggregate": {"return, 95 %": ["Margin", list(AGGREGATE_TAGS)]}}
    for column in columns:
        tag = tag_of(column)
        if tag is not None:
            category, _, title = tag.partition("/")
            charts.setdefault(category, {})[title] = ["Multiline", [f"^{tag}$"]]
    return charts


def same_keys(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the HParams of every run over the union of keys; what a run does not have reads "-"."""
    keys = list(dict.fromkeys(key for run in runs for key in run))
    filled = [{key: _plain(run.get(key, "-")) for key in keys} for run in runs]
    for key in keys:
        if not all(isinstance(run[key], (int, float)) and not isinstance(run[key], bool) for run in filled):
            for run in filled:
                run[key] = str(run[key])
    return filled


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _domain(values: Sequence[Any]) -> Any:
    from tensorboard.plugins.hparams import summary_v2

    return summary_v2.Discrete(sorted(set(values)))
