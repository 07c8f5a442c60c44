"""Arrivals: rates by source, the start of a session, the notification pulse, and how counts scatter."""

from __future__ import annotations

import numpy as np

from experiments.logs.estimators.auxiliary import FEWEST, Auxiliary, maximum_likelihood, too_few
from experiments.logs.sessions import Sessions
from livesim.audience.state import CLIP, FEED, FOLLOWER, SEARCH
from livesim.scenario import Scenario

SETTLED_REVIEWS = 4
"""The feed is settled after so many reviews by the platform."""
SLOW_BIN_S = 300.0


def arrivals(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return the logs of the rates, the pulse, and the squared coefficients of variation of counts."""
    found, visits, a = Auxiliary(), sessions.visits, scenario.audience
    hours = sessions.length_s / 3600.0
    is_from = {source: visits.source == source for source in (FEED, FOLLOWER, SEARCH, CLIP)}
    settled_s = np.minimum(SETTLED_REVIEWS * a.boost_interval_s, 0.5 * sessions.length_s)
    is_late = visits.entered_s >= settled_s[visits.room]
    late_feed = sessions.per_room(visits.room[is_from[FEED] & is_late])
    late_h = hours - settled_s / 3600.0
    n = {source: sessions.per_room(visits.room[chosen]) for source, chosen in is_from.items()}
    planned = a.planned_viewers
    found.add_ratio("audience.feed_entries_per_viewer_hour", late_feed, late_h * planned, "feed entries, settled")
    found.add_ratio("audience.follower_entries_per_viewer", n[FOLLOWER], hours * planned, "follower entries", 2.0)
    viewer_h = sessions.per_room(visits.room, visits.stay_s) / 3600.0
    found.add_ratio("audience.share_rate_per_h", n[CLIP], viewer_h, "clip entries")
    _over_feed(found, "audience.search_share", n[SEARCH], hours, late_feed, late_h, "search entries")
    early = sessions.per_room(visits.room[is_from[FEED] & (visits.entered_s < a.boost_interval_s)])
    early_h = np.minimum(a.boost_interval_s / 3600.0, hours)
    if np.median(sessions.length_s) > 2.0 * a.boost_interval_s:
        _over_feed(found, "audience.boost_start", early, early_h, late_feed, late_h, "feed entries before a review")
    else:
        found.missing["audience.boost_start"] = "the sessions are too short"
    _pulse(found, sessions, scenario)
    _scatter(found, sessions, scenario)
    return found


def _over_feed(
    found: Auxiliary, key: str, top: np.ndarray, top_h: np.ndarray, feed: np.ndarray, feed_h: np.ndarray, what: str
) -> None:
    """Add the log of a rate over the settled rate of the feed."""
    if too_few(found, [key], min(top.sum(), feed.sum()), what):
        return
    value = np.log(top.sum() / top_h.sum()) - np.log(feed.sum() / feed_h.sum())
    influence = top / top.sum() - top_h / top_h.sum() - feed / feed.sum() + feed_h / feed_h.sum()
    found.add(key, float(value), influence, f"{top.sum():,.0f} {what}")


def _pulse(found: Auxiliary, sessions: Sessions, scenario: Scenario) -> None:
    """Add the share of a pulse exp(-t / tau) / tau, of known time constant, on top of uniform follower entries.

    The time constant is no second parameter: a slow pulse and a large uniform part look alike.
    """
    key, visits, tau = "audience.notification_share", sessions.visits, scenario.audience.notification_decay_s
    chosen = visits.source == FOLLOWER
    if too_few(found, [key], chosen.sum(), "follower entries", 5 * FEWEST):
        return
    t, room = visits.entered_s[chosen], visits.room[chosen]
    length = sessions.length_s[room]
    pulse = np.exp(-t / tau) / (tau * -np.expm1(-length / tau))

    def likelihood(at: np.ndarray) -> tuple[float, np.ndarray]:
        density = at[0] * pulse + (1.0 - at[0]) / length
        scores = sessions.per_room(room, (pulse - 1.0 / length) / density)
        return -float(np.log(density).sum()), scores[:, None]

    # below 0 too, as far as every density stays positive: an estimate near 0 keeps its symmetric error
    most = -0.9 / max(float((pulse * length).max()) - 1.0, 1e-9)
    value, influence = maximum_likelihood(likelihood, [scenario.audience.notification_share], [(most, 0.95)])
    found.add(key, value[0], influence[:, 0], f"{chosen.sum():,} follower entries")


def _scatter(found: Auxiliary, sessions: Sessions, scenario: Scenario) -> None:
    """Add 1 / size of the counts per tick, and the variance of the slow modulator.

    Fast: sum n (n - 1) over sum n_k n_(k+1) of neighbouring ticks is 1 + 1 / size whatever moves slowly.  Slow: the
    variance of five-minute counts around room total x common profile, beyond Poisson, over the squared mean; residuals
    of a table are too small by its degrees of freedom, which differ between the log and the simulation.
    """
    visits, tick_s = sessions.visits, scenario.session.tick_s
    pairs, neighbours, squares = (np.zeros(len(sessions)) for _ in range(3))
    bins = int(np.ceil(sessions.length_s.max() / tick_s))
    drawn = np.isin(visits.source, (FEED, FOLLOWER, SEARCH))
    for source in (FEED, FOLLOWER, SEARCH):
        chosen = visits.source == source
        at = np.minimum((visits.entered_s[chosen] / tick_s).astype(int), bins - 1)
        n = np.bincount(visits.room[chosen] * bins + at, minlength=len(sessions) * bins).reshape(len(sessions), bins)
        pairs += (n * (n - 1.0)).sum(axis=1)
        neighbours += (n[:, 1:] * n[:, :-1]).sum(axis=1)
    if not too_few(found, ["audience.count_size"], neighbours.sum(), "pairs of entries in neighbouring ticks", 200):
        size = pairs.sum() / neighbours.sum() - 1.0
        found.add("audience.count_size", size, (pairs - (1.0 + size) * neighbours) / neighbours.sum(),
                  f"{drawn.sum():,} entries")  # fmt: skip
    slow = int(np.floor(np.median(sessions.length_s) / SLOW_BIN_S))
    if slow < 4 or too_few(found, ["audience.modulator_sd"], drawn.sum(), "entries", 20 * FEWEST):
        found.missing.setdefault("audience.modulator_sd", "the sessions are too short")
        return
    at = (visits.entered_s[drawn] / SLOW_BIN_S).astype(int)
    inside, room = at < slow, visits.room[drawn]
    n = np.bincount(room[inside] * slow + at[inside], minlength=len(sessions) * slow).reshape(len(sessions), slow)
    is_whole = (np.arange(1, slow + 1) * SLOW_BIN_S)[None, :] <= sessions.length_s[:, None] + 1e-6
    profile = n.sum(axis=0) / max(n.sum(), 1.0)
    reach = np.maximum((is_whole * profile).sum(axis=1, keepdims=True), 1e-9)
    mean = np.where(is_whole, (n * is_whole).sum(axis=1, keepdims=True) * profile / reach, 0.0)
    rooms = len(sessions)
    free = slow * rooms / max((slow - 1.0) * (rooms - 1.0), 1.0)
    extra, squares = (is_whole * (free * (n - mean) ** 2 - mean)).sum(axis=1), (mean**2).sum(axis=1)
    variance = extra.sum() / squares.sum()
    found.add("audience.modulator_sd", variance, (extra - variance * squares) / squares.sum(),
              f"{drawn.sum():,} entries")  # fmt: skip
