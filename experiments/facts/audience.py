"""Facts about who comes, how long they stay, and how many are there."""

from __future__ import annotations

import numpy as np

from experiments.facts.measures import ledger_ratio, measures
from experiments.facts.pooling import (
    Pooled,
    divided,
    mean,
    quantile,
    ratio,
    repeated,
    robust_sd,
    weibull_shape,
)
from experiments.facts.sessions import Session
from experiments.facts.world import World
from livesim.audience.state import FEED, FOLLOWER, RAID
from livesim.ledger import J_FOLLOW

SNAPSHOT_MIN = 15.0  # the grid of the published series
FIRST_SNAPSHOT_MIN = 7.0
SETTLED_MIN = 45.0


def _entries(session: Session, source: int, horizon_s: float = 0.0) -> np.ndarray:
    """Return which entries of a source can be watched for `horizon_s` before the record ends."""
    stays = session.stays
    return (stays.source == source) & (stays.entered_s + horizon_s <= session.seen_s)


def share_gone(sessions: list[Session], source: int, within_s: float) -> Pooled:
    """Return the share of entries of a source that stay less than `within_s`."""
    chosen = [_entries(s, source, within_s) for s in sessions]
    gone = [(s.stays.stay_s[c] < within_s).sum() for s, c in zip(sessions, chosen, strict=True)]
    return ratio(gone, [c.sum() for c in chosen])


def _stays_of(sessions: list[Session], source: int) -> list[np.ndarray]:
    return [session.stays.stay_s[_entries(session, source)] for session in sessions]


@measures("bounce_feed")
def bounce_feed(world: World) -> Pooled:
    """Return the share of feed entries that stay under 5 s."""
    return share_gone(world["as it is"], FEED, 5.0)


@measures("bounce_follower")
def bounce_follower(world: World) -> Pooled:
    """Return the share of follower entries that stay under 5 s."""
    return share_gone(world["as it is"], FOLLOWER, 5.0)


@measures("stay_p90")
def stay_p90(world: World) -> Pooled:
    """Return the 90th percentile of feed stays in seconds."""
    return quantile(_stays_of(world["as it is"], FEED), 0.9)


@measures("stay_mean")
def stay_mean(world: World) -> Pooled:
    """Return the mean of feed stays in seconds."""
    return _mean_stay(world["as it is"], FEED)


@measures("stay_p99_over_p50")
def stay_p99_over_p50(world: World) -> Pooled:
    """Return the 99th percentile of feed stays over their median."""
    stays = _stays_of(world["as it is"], FEED)
    return divided(quantile(stays, 0.99), quantile(stays, 0.5))


@measures("follower_stay")
def follower_stay(world: World) -> Pooled:
    """Return the mean stay of followers in minutes."""
    return _mean_stay(world["as it is"], FOLLOWER, 1.0 / 60.0)


def _mean_stay(sessions: list[Session], source: int, scale: float = 1.0) -> Pooled:
    stays = _stays_of(sessions, source)
    return ratio([s.sum() for s in stays], [len(s) for s in stays], scale)


@measures("weibull_shape")
def all_weibull_shape(world: World) -> Pooled:
    """Return the Weibull shape of all stays."""
    return weibull_shape([(s.stays.stay_s, s.stays.has_left) for s in world["as it is"]])


@measures("hazard_ratio")
def hazard_ratio(world: World) -> Pooled:
    """Return the leave rate in the first 10 s over that between minutes 5 and 10."""
    return divided(_hazard(world["as it is"], 0.0, 10.0), _hazard(world["as it is"], 300.0, 600.0))


def _hazard(sessions: list[Session], begin_s: float, end_s: float) -> Pooled:
    left, lived = [], []
    for session in sessions:
        stay = session.stays.stay_s
        left.append((session.stays.has_left & (stay >= begin_s) & (stay < end_s)).sum())
        lived.append(np.clip(stay - begin_s, 0.0, end_s - begin_s).sum())
    return ratio(left, lived)


@measures("follower_share")
def follower_share(world: World) -> Pooled:
    """Return the share of viewer time that belongs to followers."""
    return ledger_ratio(world["as it is"], "follower_s", "present_s")


@measures("ramp_at_20_min")
def ramp_at_20_min(world: World) -> Pooled:
    """Return concurrent viewers at 20 min over those from 75 to 120 min."""
    ramp = relative_ramp(world["as it is"])
    at = _decision(world["as it is"][0], 20.0)
    return divided(mean(ramp[:, at]), _plateau(world["as it is"], ramp))


@measures("ramp_time")
def ramp_time(world: World) -> Pooled:
    """Return the age in minutes at which the mean ramp first reaches 90 % of its plateau."""
    sessions = world["as it is"]
    ramp = relative_ramp(sessions)
    decision_min = sessions[0].decision_s / 60.0

    def pooled(weights: np.ndarray) -> np.ndarray:
        curve = weights @ ramp / weights.sum(axis=1, keepdims=True)
        return (1.0 + (curve >= 0.9 * _plateau(sessions, ramp)(weights)[:, None]).argmax(axis=1)) * decision_min

    return pooled


def relative_ramp(sessions: list[Session]) -> np.ndarray:
    """Return concurrent viewers over the mean of their session, (S, D)."""
    viewers = np.array([session.viewers for session in sessions], dtype=float)
    return viewers / np.maximum(viewers.mean(axis=1, keepdims=True), 1e-9)


def _plateau(sessions: list[Session], ramp: np.ndarray) -> Pooled:
    begin, end = (_decision(sessions[0], minute) for minute in (75.0, 120.0))
    return mean(ramp[:, begin : end + 1].mean(axis=1))


def _decision(session: Session, minute: float) -> int:
    """Return the decision that ends at a minute of the session."""
    return max(round(minute * 60.0 / session.decision_s) - 1, 0)


def snapshots(session: Session) -> tuple[np.ndarray, np.ndarray]:
    """Return the minutes of the 15 min snapshots of a session, and the viewers at them."""
    minutes = np.arange(FIRST_SNAPSHOT_MIN, session.seen_s / 60.0 + 1e-9, SNAPSHOT_MIN)
    return minutes, session.viewers[[_decision(session, minute) for minute in minutes]].astype(float)


@measures("peak_over_mean")
def peak_over_mean(world: World) -> Pooled:
    """Return the median over sessions of the highest snapshot over the mean snapshot."""
    seen = [snapshots(session)[1] for session in world["as it is"]]
    return quantile([np.array([viewers.max() / max(viewers.mean(), 1e-9)]) for viewers in seen], 0.5)


def settled_log(session: Session) -> np.ndarray:
    """Return the logarithm of the viewers at the end of every decision from `SETTLED_MIN` on."""
    return np.log(np.maximum(session.viewers[_decision(session, SETTLED_MIN) :], 1.0))


def moves(session: Session) -> np.ndarray:
    """Return all 15 min changes of settled log viewers, one from every decision on."""
    log, lag = settled_log(session), round(SNAPSHOT_MIN * 60.0 / session.decision_s)
    return log[lag:] - log[:-lag]


@measures("volatility")
def volatility(world: World) -> Pooled:
    """Return the robust standard deviation of 15 min moves."""
    return repeated([moves(session) for session in world["as it is"]], robust_sd)


@measures("large_moves")
def large_moves(world: World) -> Pooled:
    """Return the share of 15 min moves up or down by more than 25 %."""
    found = [np.expm1(moves(session)) for session in world["as it is"]]
    return ratio([(np.abs(move) > 0.25).sum() for move in found], [len(move) for move in found])


@measures("persistence")
def persistence(world: World) -> Pooled:
    """Return the median over sessions of the autocorrelation at 15 min of settled log viewers.

    Measured on sessions as long as the median of the data, 4.5 h: the estimate of n points is low by about
    (1 + 3 r) / n (Kendall 1954), so that of a two-hour room could not be compared.
    """
    return quantile([np.array([autocorrelation(session)]) for session in world["four and a half hours"]], 0.5)


def autocorrelation(session: Session) -> float:
    """Return the correlation of settled log viewers with themselves 15 min later, around their mean."""
    log, lag = settled_log(session), round(SNAPSHOT_MIN * 60.0 / session.decision_s)
    log = log - log.mean()
    return float((log[lag:] * log[:-lag]).mean() / max(float((log * log).mean()), 1e-12))


@measures("raid_decay")
def raid_decay(world: World) -> Pooled:
    """Return the share of raiders who stay longer than 5 min."""
    gone = share_gone(world["as it is"], RAID, 300.0)
    return lambda weights: 1.0 - gone(weights)


@measures("follows_per_entry")
def follows_per_entry(world: World) -> Pooled:
    """Return new follows per hundred entries of viewers who did not follow yet."""
    return _follows(world, 0.0)


@measures("follows_of_stayers")
def follows_of_stayers(world: World) -> Pooled:
    """Return new follows per hundred non-followers who stay longer than a minute."""
    return _follows(world, 60.0)


def _follows(world: World, stay_s: float) -> Pooled:
    top, bottom = [], []
    for session in world["as it is"]:
        stays = session.stays
        chosen = stays.viewer_id[(stays.source != FOLLOWER) & (stays.stay_s > stay_s)]
        top.append(np.isin(session.of_kind(J_FOLLOW)["viewer_id"], chosen).sum())
        bottom.append(len(chosen))
    return ratio(top, bottom, 100.0)
