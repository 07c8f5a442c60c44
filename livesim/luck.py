"""What happens to a room whatever anybody does: arrival candidates, feed mix, market, surprises, rivals.

All of it is drawn when a room is reset, from the room's own streams, so the amount drawn never depends on an action
and a copy of a room is a copy of these arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from livesim.audience.config import AudienceConfig
from livesim.audience.state import FEED, FOLLOWER, SEARCH, STRANGERS
from livesim.daytime import WEEKDAYS, arrival_level, day_and_hour
from livesim.randomness import room_streams

if TYPE_CHECKING:
    from livesim.scenario import Scenario

STREAMS = ("arrivals", "mix", "market", "moments", "rivals", "plugins", "incidents", "world")
MOMENTS = 64  # most surprise highlights or rival offers of one session


class Luck(NamedTuple):
    """One row per room."""

    candidates: np.ndarray  # (R, 3, T) int32: feed, follower, search candidates per tick
    first_id: np.ndarray  # (R, 3, T) int64: index of the first candidate of the tick within its source
    mix: np.ndarray  # (R, T, S) float32: cumulative segment shares of the feed
    base_mix: np.ndarray  # (R, S) float32: cumulative segment shares of everybody else
    market: np.ndarray  # (R, T) float32: common factor of all ad bids
    surprise_s: np.ndarray  # (R, MOMENTS) float64: starts of surprise highlights, padded with inf
    offer_s: np.ndarray  # (R, MOMENTS) float64: battle offers, padded with inf
    rival: np.ndarray  # (R, MOMENTS) int8: which rival offers


def allocate(rooms: int, ticks: int, segments: int) -> Luck:
    """Return empty luck for R rooms."""
    return Luck(
        candidates=np.zeros((rooms, STRANGERS, ticks), np.int32),
        first_id=np.zeros((rooms, STRANGERS, ticks), np.int64),
        mix=np.zeros((rooms, ticks, segments), np.float32),
        base_mix=np.zeros((rooms, segments), np.float32),
        market=np.ones((rooms, ticks), np.float32),
        surprise_s=np.full((rooms, MOMENTS), np.inf),
        offer_s=np.full((rooms, MOMENTS), np.inf),
        rival=np.zeros((rooms, MOMENTS), np.int8),
    )


def draw(luck: Luck, row: int, scenario: Scenario, seed: int) -> None:
    """Draw the luck of one room from its seed."""
    audience, tick_s = scenario.audience, scenario.session.tick_s
    ticks = scenario.ticks
    rng = room_streams(seed, STREAMS)
    means = arrival_means(audience, scenario.session.duration_s, tick_s)
    if scenario.session.clock:
        means *= level_of_day(scenario)
    counts = _counts(rng["arrivals"], means * _modulator(rng["arrivals"], audience, ticks, tick_s), audience.count_size)
    if audience.follower_arrivals == "roster":
        counts[FOLLOWER] = _roster(rng["arrivals"], audience, ticks, tick_s)
    luck.candidates[row, :, :ticks] = counts
    luck.first_id[row, :, :ticks] = np.cumsum(counts, axis=1) - counts
    shares = np.array([s.share for s in audience.segments], dtype=float)
    shares /= shares.sum()
    luck.base_mix[row] = np.cumsum(shares)
    luck.mix[row, :ticks] = np.cumsum(_moving_mix(rng["mix"], audience, shares, ticks, tick_s), axis=1)
    luck.market[row, :ticks] = np.exp(
        _ar1(rng["market"], ticks, scenario.ads.market_sd, tick_s / scenario.ads.market_time_s)
    )
    duration = scenario.session.duration_s
    luck.surprise_s[row] = _moments(rng["moments"], scenario.content.surprises_per_h, duration)
    luck.offer_s[row] = _moments(rng["rivals"], scenario.gifts.rival_offers_per_h, duration)
    luck.rival[row] = rng["rivals"].integers(0, max(scenario.gifts.rivals, 1), MOMENTS)


def arrival_means(audience: AudienceConfig, duration_s: float, tick_s: float) -> np.ndarray:
    """Return the mean candidates of each tick, (3, T): feed at the highest boost, followers, search.

    Followers: `notification_share` of them on a pulse with density exp(-t/decay)/decay, the rest uniform.
    """
    ticks = round(duration_s / tick_s)
    edges = np.arange(ticks + 1) * tick_s
    feed = audience.feed_entries_per_viewer_hour * audience.planned_viewers / 3600.0 * tick_s
    entries = audience.follower_entries_per_viewer * audience.planned_viewers * duration_s / 7200.0
    pulse = -np.diff(np.exp(-edges / audience.notification_decay_s))
    uniform = np.full(ticks, tick_s / duration_s)
    means = np.empty((STRANGERS, ticks))
    means[FEED] = feed * audience.boost_max
    means[FOLLOWER] = entries * (
        audience.notification_share * pulse / pulse.sum() + (1.0 - audience.notification_share) * uniform
    )
    means[SEARCH] = feed * audience.search_share
    return means


def level_of_day(scenario: Scenario) -> np.ndarray:
    """Return the level of arrivals in the middle of each tick, (T,): 1 is what the scenario plans."""
    audience, session = scenario.audience, scenario.session
    now_s = (np.arange(scenario.ticks) + 0.5) * session.tick_s
    day, hour = day_and_hour(WEEKDAYS.index(session.weekday), session.start_hour, now_s)
    return arrival_level(audience.hour_curve, audience.weekday_factors, day, hour)


def _counts(rng: np.random.Generator, means: np.ndarray, size: float) -> np.ndarray:
    return rng.poisson(rng.gamma(size, means / size))


def _roster(rng: np.random.Generator, audience: AudienceConfig, ticks: int, tick_s: float) -> np.ndarray:
    """Return how many invited people come in each tick, (T,): each attends or not, on time or late, by their own dice.

    Who would come after the end does not come.
    """
    invited = round(audience.roster_per_viewer * audience.planned_viewers)
    attends, on_time, within, late = rng.random((4, invited))
    late_s = 60.0 - audience.roster_late_s * np.log1p(-late)
    delay_s = np.where(on_time < audience.roster_on_time, 60.0 * within, late_s)[attends < audience.roster_attendance]
    return np.bincount((delay_s / tick_s).astype(np.int64), minlength=ticks)[:ticks]


def _modulator(rng: np.random.Generator, audience: AudienceConfig, ticks: int, tick_s: float) -> np.ndarray:
    rate = -np.log(max(audience.modulator_corr_15min, 1e-9)) * tick_s / 900.0
    sd = audience.modulator_sd
    return np.exp(_ar1(rng, ticks, sd, rate) - 0.5 * sd**2)


def _ar1(rng: np.random.Generator, ticks: int, sd: float, rate: float) -> np.ndarray:
    """Return a stationary AR(1) path with standard deviation sd and correlation exp(-rate) per tick."""
    keep = float(np.exp(-rate))
    noise = rng.standard_normal(ticks) * sd * np.sqrt(1.0 - keep**2)
    path = np.empty(ticks)
    value = rng.standard_normal() * sd
    for k in range(ticks):
        value = keep * value + noise[k]
        path[k] = value
    return path


def _moving_mix(
    rng: np.random.Generator, audience: AudienceConfig, shares: np.ndarray, ticks: int, tick_s: float
) -> np.ndarray:
    """Return segment shares of feed entries per tick, (T, S): pieces of new Dirichlet shares over a fixed base."""
    most = int(np.ceil(ticks * tick_s / audience.segment_piece_s)) + 1
    lengths = audience.segment_piece_s * rng.uniform(0.6, 1.4, most * 2)
    pieces = rng.dirichlet(np.maximum(shares * audience.segment_concentration, 1e-3), most * 2)
    which = np.searchsorted(np.cumsum(lengths), np.arange(ticks) * tick_s, side="right")
    moving = audience.segment_moving_share
    return moving * pieces[np.minimum(which, most * 2 - 1)] + (1.0 - moving) * shares


def _moments(rng: np.random.Generator, per_hour: float, duration_s: float) -> np.ndarray:
    """Return Poisson times in the session, (MOMENTS,), padded with inf; always MOMENTS draws."""
    gaps = rng.exponential(1.0, MOMENTS) * 3600.0 / max(per_hour, 1e-9)
    times = np.round(np.cumsum(gaps))
    return np.where(times < duration_s, times, np.inf)
