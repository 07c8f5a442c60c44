"""The figures of a result folder, for every page that shows them, from what the folder recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments import statistics
from experiments.compare import Comparison, Scored
from experiments.config import ExperimentConfig
from experiments.figures.curves import learning_curves
from experiments.figures.decomposition import reward_decomposition
from experiments.figures.placement import ad_placement
from experiments.figures.timeline import session_timeline
from experiments.learning_curve import LearningCurve
from experiments.result_folder import ResultFolder
from experiments.session_trace import SessionTrace, read_trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def result_figures(folder: ResultFolder, config: ExperimentConfig, comparison: Comparison) -> dict[str, Figure]:
    """Return name -> figure in the order to be shown: learning_curves, reward_terms, ad_placement, session/POLICY, ...

    Figures whose data a folder lacks (it trained nothing; no policy placed an ad; it is older than recorded sessions)
    are left out. Of a learner the sessions of its first training seed are shown; a session of every policy is that of
    the first evaluation seed.
    """
    figures = {}
    if config.algorithms:
        figures["learning_curves"] = learning_curves(
            {
                entry.shown: [
                    LearningCurve.read(folder.run_folder(entry.name, seed) / "curve.csv")
                    for seed in config.training_seeds
                ]
                for entry in config.algorithms
            },
            {name: LearningCurve.read(folder.curve_file(name)) for name in config.baselines},
        )
    ranked = sorted(comparison.policies, key=lambda policy: -float(policy.values().mean()))
    figures["reward_terms"] = reward_decomposition(
        {policy.label: _mean_terms(policy) for policy in ranked},
        {policy.label: statistics.estimate([policy.values()], statistics.mean_over_all) for policy in ranked},
    )
    traces = _recorded(folder, ranked)
    if any((trace.events["ad_s"] > 0).any() for trace in traces.values()):
        figures["ad_placement"] = ad_placement(traces)
    for policy in ranked:
        if policy.label in traces:
            trace = traces[policy.label]
            title = f"{policy.label}, evaluation seed {trace.seeds[0]}"
            figures[f"session/{policy.name}"] = session_timeline(trace, 0, title)
    return figures


def _recorded(folder: ResultFolder, policies: list[Scored]) -> dict[str, SessionTrace]:
    files = {policy.label: folder.sessions_file(policy.name, next(iter(policy.tables))) for policy in policies}
    return {label: read_trace(file) for label, file in files.items() if file.is_file()}


def _mean_terms(policy: Scored) -> dict[str, float]:
    columns = next(iter(policy.tables.values())).names("term.")
    return {column.removeprefix("term."): float(policy.values(column).mean()) for column in columns}
