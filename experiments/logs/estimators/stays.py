"""Stays: a mixture of bouncers and engaged viewers, both log-normal, right-censored at the end of a session."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from experiments.logs.estimators.auxiliary import Auxiliary, maximum_likelihood, too_few
from experiments.logs.sessions import Sessions
from livesim.audience.state import CLIP, FEED, FOLLOWER, SEARCH
from livesim.scenario import Scenario

SHARES = {
    FEED: "audience.bounce_feed", FOLLOWER: "audience.bounce_follower", SEARCH: "audience.bounce_search",
    CLIP: "audience.bounce_clip",
}  # fmt: skip
BOUNCER = ("audience.bouncer_log_mean", "audience.bouncer_log_sd")
ENGAGED = ("audience.engaged_log_mean", "audience.engaged_log_sd")
LOYAL = ("audience.follower_log_mean", "audience.follower_log_sd")
GRID = np.linspace(np.log(0.02), np.log(1e5), 309)
"""Log stays at which the likelihood is taken: twenty to a factor of e, finer than any spread in bounds can show."""
LOG_ROOT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))
FEWEST = 30
FEWEST_LEFT = 0.02
"""Least share of stays seen to end; below it nothing is known of how they end."""


def stays(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return bounce shares (logit) by source, and log-mean and log-sd of bouncers, engaged strangers and followers."""
    found, visits, a = Auxiliary(), sessions.visits, scenario.audience
    sources = [source for source in SHARES if not too_few(
        found, [SHARES[source]], (visits.source == source).sum(), "entries", FEWEST)]  # fmt: skip
    strangers = [source for source in sources if source != FOLLOWER]
    keys = [SHARES[source] for source in sources]
    for group, pair in ((sources, BOUNCER), (strangers, ENGAGED), ([FOLLOWER] if FOLLOWER in sources else [], LOYAL)):
        if group:
            keys += pair
        else:
            found.missing.update(dict.fromkeys(pair, "no such entries"))
    kept = np.isin(visits.source, sources)
    if not kept.any() or visits.has_left[kept].mean() < FEWEST_LEFT:
        why = "hardly any stay is seen to end (leave rows)"
        found.missing.update(dict.fromkeys(keys, why))
        return found
    likelihood = _Mixture(sessions, sources, keys)
    base = {key: getattr(a, key.partition(".")[2]) for key in keys}
    start = [_to_scale(key, base[key]) for key in keys]
    bounds = [(-6.0, 6.0) if key in SHARES.values() else (np.log(0.1), np.log(4.0)) if key.endswith("_sd")
              else (-3.0, 11.0) for key in keys]  # fmt: skip
    values, influence = maximum_likelihood(likelihood, start, bounds)
    counts = {SHARES[source]: f"{(visits.source == source).sum():,} entries" for source in sources}
    for n, key in enumerate(keys):
        found.add(key, values[n], influence[:, n], counts.get(key, f"{kept.sum():,} stays"))
    return found


def _to_scale(key: str, value: float) -> float:
    if key in SHARES.values():
        value = min(max(value, 1e-3), 1.0 - 1e-3)
        return float(np.log(value / (1.0 - value)))
    return float(np.log(value)) if key.endswith("_sd") else float(value)


class _Mixture:
    """The likelihood on the grid of log stays: cells are (source, ended or cut, grid point)."""

    def __init__(self, sessions: Sessions, sources: list[int], keys: list[str]) -> None:
        self.sources, self.keys = sources, keys
        visits = sessions.visits
        kept = np.isin(visits.source, sources)
        log = np.log(np.clip(visits.stay_s[kept], 0.02, 1e5))
        point = np.clip(np.rint((log - GRID[0]) / (GRID[1] - GRID[0])).astype(int), 0, len(GRID) - 1)
        which = np.searchsorted(np.sort(sources), visits.source[kept])
        self.sources = sorted(sources)
        cell = (which * 2 + ~visits.has_left[kept]) * len(GRID) + point
        size = len(sources) * 2 * len(GRID)
        table = np.bincount(visits.room[kept] * size + cell, minlength=len(sessions) * size)
        self.counts = table.reshape(len(sessions), size).astype(float)  # (S, cells)
        self.used = self.counts.sum(axis=0) > 0
        self.counts = self.counts[:, self.used]
        self.total = self.counts.sum(axis=0)

    def __call__(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the negative log-likelihood, and the score of every room (S, p)."""
        log, score = self._cells(at)
        return -float(self.total @ log), self.counts @ score

    def _cells(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log-likelihood (cells,) and score (cells, p) of one stay in each cell."""
        value = dict(zip(self.keys, at, strict=True))
        place = {key: n for n, key in enumerate(self.keys)}
        logs, scores = [], []
        for source in self.sources:
            engaged = LOYAL if source == FOLLOWER else ENGAGED
            share = 1.0 / (1.0 + np.exp(-value[SHARES[source]]))
            for is_cut in (False, True):
                first = _component(GRID, value[BOUNCER[0]], np.exp(value[BOUNCER[1]]), is_cut)
                second = _component(GRID, value[engaged[0]], np.exp(value[engaged[1]]), is_cut)
                a, b = np.log(share) + first[0], np.log1p(-share) + second[0]
                whole = np.logaddexp(a, b)
                is_first = np.exp(a - whole)  # responsibility
                score = np.zeros((len(GRID), len(at)))
                score[:, place[SHARES[source]]] = is_first - share
                for part, pair, weight in ((first, BOUNCER, is_first), (second, engaged, 1.0 - is_first)):
                    score[:, place[pair[0]]] += weight * part[1]
                    score[:, place[pair[1]]] += weight * part[2]
                logs.append(whole)
                scores.append(score)
        return np.concatenate(logs)[self.used], np.concatenate(scores)[self.used]


def _component(x: np.ndarray, mean: float, sd: float, is_cut: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log density (or survival) of a normal, and its derivatives by mean and log sd."""
    z = (x - mean) / sd
    log_density = -0.5 * z * z - LOG_ROOT_TWO_PI
    if not is_cut:
        return log_density - np.log(sd), z / sd, z * z - 1.0
    log = log_ndtr(-z)
    hazard = np.exp(log_density - log)
    return log, hazard / sd, z * hazard
