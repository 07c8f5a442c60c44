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
PIECE = (0.6, 1.4)  # shortest and longest piece of the feed mix, over the mean
MOMENTS = 64  # most surprise highlights or rival offers of one session


class Luck(NamedTuple):
    """One row per room."""

    level: np.ndarray  # (R, T) float32: the modulator, a factor of all arrivals but those of a roster
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
        level=np.ones((rooms, ticks), np.float32),
        candidates=np.zeros((rooms, STRANGERS, ticks), np.int32),
        first_id=np.zeros((rooms, STRANGERS, ticks), np.int64),
        mix=np.zeros((rooms, ticks, segments), np.float32),
        base_mix=np.zeros((rooms, segments), np.float32),
        market=np.ones((rooms, ticks), np.float32),
        surprise_s=np.full((rooms, MOMENTS), np.inf),
        offer_s=np.full((rooms, MOMENTS), np.inf),
        rival=np.zeros((rooms, MOMENTS), np.int8),
    )


def draw(luck: Luck, row: int, scenario: Scenario, seed: int, tick: int = 0) -> None:
    """Draw the luck of one room from its seed: all of it, or what comes from `tick` on, given the luck before.

    The modulator and the market go on from where they are, a piece of the feed mix lasts as long as one does that has
    lasted so long, of a roster those come who have not come yet, and Poisson moments have no memory.
    """
    audience, tick_s = scenario.audience, scenario.session.tick_s
    ticks, duration = scenario.ticks, scenario.session.duration_s
    rng = room_streams(seed, STREAMS)
    means = arrival_means(audience, duration, tick_s)
    if scenario.session.clock:
        means *= level_of_day(scenario)
    bias = 0.5 * audience.modulator_sd**2
    before = np.log(luck.level[row, :tick]) + bias
    rate = -np.log(max(audience.modulator_corr_15min, 1e-9)) * tick_s / 900.0
    level = np.exp(_ar1(rng["arrivals"], ticks, audience.modulator_sd, rate, before) - bias)
    counts = _counts(rng["arrivals"], means * level, audience.count_size)
    if audience.follower_arrivals == "roster":
        come = int(luck.candidates[row, FOLLOWER, :tick].sum())
        counts[FOLLOWER] = _roster(rng["arrivals"], audience, ticks, tick_s, tick, come)
    counts[:, :tick] = luck.candidates[row, :, :tick]
    luck.level[row, tick:ticks] = level[tick:]
    luck.candidates[row, :, :ticks] = counts
    luck.first_id[row, :, :ticks] = np.cumsum(counts, axis=1) - counts
    shares = np.array([s.share for s in audience.segments], dtype=float)
    shares /= shares.sum()
    luck.base_mix[row] = np.cumsum(shares)
    kept = _rest_of_piece(rng["mix"], audience, luck.mix[row, :tick], tick_s) if tick else 0
    mix = np.cumsum(_moving_mix(rng["mix"], audience, shares, ticks, tick_s), axis=1)
    luck.mix[row, tick : tick + kept] = luck.mix[row, tick - 1]
    luck.mix[row, tick + kept : ticks] = mix[: max(ticks - tick - kept, 0)]
    seen = min(tick + 1, ticks) if tick else 0  # the bids of the coming tick are on show already
    before = np.log(luck.market[row, :seen])
    market = _ar1(rng["market"], ticks, scenario.ads.market_sd, tick_s / scenario.ads.market_time_s, before)
    luck.market[row, seen:ticks] = np.exp(market)[seen:]
    now_s = tick * tick_s
    _moments(rng["moments"], scenario.content.surprises_per_h, duration, now_s, luck.surprise_s[row])
    known = _moments(rng["rivals"], scenario.gifts.rival_offers_per_h, duration, now_s, luck.offer_s[row])
    luck.rival[row, known:] = rng["rivals"].integers(0, max(scenario.gifts.rivals, 1), MOMENTS)[known:]


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


def _roster(
    rng: np.random.Generator, audience: AudienceConfig, ticks: int, tick_s: float, tick: int, come: int
) -> np.ndarray:
    """Return how many invited people come in each tick, (T,): each attends or not, on time or late, by their own dice.

    Who would come after the end does not come.  come: how many have come before `tick`; the others are drawn until
    they do not come before it.
    """
    invited = round(audience.roster_per_viewer * audience.planned_viewers)
    at = np.empty(0)
    while len(at) < invited - come:
        attends, on_time, within, late = rng.random((4, invited))
        late_s = 60.0 - audience.roster_late_s * np.log1p(-late)
        delay_s = np.where(on_time < audience.roster_on_time, 60.0 * within, late_s)
        ticks_late = np.where(attends < audience.roster_attendance, np.floor(delay_s / tick_s), np.inf)
        at = np.append(at, ticks_late[ticks_late >= tick])
    at = at[: invited - come]
    return np.bincount(at[at < ticks].astype(np.int64), minlength=ticks)


def _ar1(rng: np.random.Generator, ticks: int, sd: float, rate: float, before: np.ndarray) -> np.ndarray:
    """Return a stationary AR(1) path with standard deviation sd and correlation exp(-rate) per tick.

    before: (n,) the path so far, from whose end it goes on; two paths with the same noise come together as exp(-rate).
    """
    keep = float(np.exp(-rate))
    noise = rng.standard_normal(ticks) * sd * np.sqrt(1.0 - keep**2)
    path = np.empty(ticks)
    value = rng.standard_normal() * sd
    for k in range(ticks):
        value = keep * value + noise[k]
        path[k] = value
    if n := len(before):
        path[n:] += (before[-1] - path[n - 1]) * keep ** np.arange(1, ticks - n + 1)
    return path


def _moving_mix(
    rng: np.random.Generator, audience: AudienceConfig, shares: np.ndarray, ticks: int, tick_s: float
) -> np.ndarray:
    """Return segment shares of feed entries per tick, (T, S): pieces of new Dirichlet shares over a fixed base."""
    most = int(np.ceil(ticks * tick_s / audience.segment_piece_s)) + 1
    lengths = audience.segment_piece_s * rng.uniform(*PIECE, most * 2)
    pieces = rng.dirichlet(np.maximum(shares * audience.segment_concentration, 1e-3), most * 2)
    which = np.searchsorted(np.cumsum(lengths), np.arange(ticks) * tick_s, side="right")
    moving = audience.segment_moving_share
    return moving * pieces[np.minimum(which, most * 2 - 1)] + (1.0 - moving) * shares


def _rest_of_piece(rng: np.random.Generator, audience: AudienceConfig, mix: np.ndarray, tick_s: float) -> int:
    """Return how many more ticks the piece lasts that is on at the end of a path of mixes, (n, S), n > 0."""
    is_other = (mix != mix[-1]).any(axis=1)
    age_s = (len(mix) - 1 - np.flatnonzero(is_other)[-1] if is_other.any() else len(mix)) * tick_s
    shortest, longest = (factor * audience.segment_piece_s for factor in PIECE)
    length_s = rng.uniform(min(max(shortest, age_s), longest), longest)
    return int(np.ceil(max(length_s - age_s, 0.0) / tick_s))


def _moments(
    rng: np.random.Generator, per_hour: float, duration_s: float, now_s: float, times_s: np.ndarray
) -> int:
    """Write Poisson times in the session into times_s, (MOMENTS,), padded with inf; always MOMENTS draws.

    In a session that runs (now_s > 0), times up to now_s stay; returns how many.
    """
    gaps = rng.exponential(1.0, MOMENTS) * 3600.0 / max(per_hour, 1e-9)
    fresh = np.round(np.cumsum(gaps))
    fresh = np.where(fresh < duration_s, fresh, np.inf)
    known = int((times_s <= now_s).sum()) if now_s > 0.0 else 0
    coming = fresh[fresh > now_s] if now_s > 0.0 else fresh
    times_s[known:] = np.inf
    coming = coming[: MOMENTS - known]
    times_s[known : known + len(coming)] = coming
    return known
