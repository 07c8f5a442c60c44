"""Luck: named streams for a room, counter-based dice for each viewer.

Exogenous things (arrival counts, highlights, rivals) are drawn from generators spawned from one SeedSequence per
room, in amounts that no action changes. A viewer's own dice are a pure function of (room key, viewer id, channel,
count so far): Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
doi:10.1145/2063384.2063405). Two policies on one seed therefore meet viewers who roll the same dice in the same
order, whatever slot they sit in and whenever they roll.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
from numba import float64, njit, types, uint64

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_TO_UNIT = 1.0 / 4294967296.0

# Signatures, for otherwise Numba compiles every draw again for each combination of constants it is called with.
_DRAW = (uint64, uint64, uint64, uint64)
_WORDS = types.UniTuple(uint64, 4)(*_DRAW)
_FOUR = types.UniTuple(float64, 4)(*_DRAW)
_ONE = float64(*_DRAW)


class Channel(IntEnum):
    """What a draw is for. A number, once used, keeps its meaning: changing one changes every simulated result."""

    TASTE = 1
    THINNING = 2
    ENTRY_TIME = 3
    PATIENCE = 4
    NETWORK = 5
    STARTUP = 6
    MOOD = 7
    CLICK = 8
    ORDER = 9
    FOLLOW = 10
    SHARE = 11
    GIFT = 12
    GIFT_AMOUNT = 13
    CHAT_CLOCK = 14
    CHAT_SENDER = 15
    AD_COMPLETION = 16
    PREROLL = 18
    PARTICIPATION = 19
    COMPLAINT = 20
    CHAT_WEIGHT = 22
    GIVER = 23
    SHARE_DELAY = 24
    MESSAGE_CLASS = 25
    DESK_SERVICE = 26
    MODERATION = 27
    PIPELINE = 28
    PRIVACY = 29


@njit(cache=True, nogil=True, inline="always")
def _multiply(m, a):
    product = m * a
    return product >> _32, product & _LOW


@njit(_WORDS, cache=True, nogil=True)
def philox(key, who, channel, count):
    """Return four independent 32-bit words as uint64.

    key: uint64 room key.  who: viewer id or other index.  channel: a Channel.  count: how many draws came before.
    """
    k0, k1 = np.uint64(key) & _LOW, np.uint64(key) >> _32
    w = np.uint64(who)
    c0, c1, c2, c3 = w & _LOW, w >> _32, np.uint64(channel), np.uint64(count)
    for _ in range(10):
        h0, l0 = _multiply(_M0, c0)
        h1, l1 = _multiply(_M1, c2)
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, inline="always")
def _unit(word):
    return (np.float64(np.int64(word)) + 0.5) * _TO_UNIT


@njit(_FOUR, cache=True, nogil=True)
def uniforms(key, who, channel, count):
    """Return four independent uniforms in the open interval (0, 1)."""
    a, b, c, d = philox(key, who, channel, count)
    return _unit(a), _unit(b), _unit(c), _unit(d)


@njit(_ONE, cache=True, nogil=True)
def uniform(key, who, channel, count):
    """Return one uniform in the open interval (0, 1)."""
    return _unit(philox(key, who, channel, count)[0])


@njit(_ONE, cache=True, nogil=True)
def exponential(key, who, channel, count):
    """Return one unit exponential: the next threshold of a viewer's clock."""
    return -math.log(_unit(philox(key, who, channel, count)[0]))


@njit(_FOUR, cache=True, nogil=True)
def normals(key, who, channel, count):
    """Return four independent standard normals (Box-Muller)."""
    a, b, c, d = uniforms(key, who, channel, count)
    r0, r1 = math.sqrt(-2.0 * math.log(a)), math.sqrt(-2.0 * math.log(c))
    x, y = 2.0 * math.pi * b, 2.0 * math.pi * d
    return r0 * math.cos(x), r0 * math.sin(x), r1 * math.cos(y), r1 * math.sin(y)


@njit(cache=True, nogil=True)
def poisson_from(u, mean):
    """Return the Poisson quantile of one uniform: the count changes monotonically with `mean` under fixed luck."""
    term = math.exp(-mean)
    total, n = term, 0
    while u > total and n < 10_000:
        n += 1
        term *= mean / n
        total += term
    return n


@njit(cache=True, nogil=True)
def gamma_quarter(u0, u1):
    """Return a Gamma(1/4, 1) variate from two uniforms, by inverting the dominating small-x law.

    Ahrens and Dieter's GS would need a rejection loop, so an unknown number of draws. Instead Gamma(1/4) =
    Gamma(5/4) * U^4 (Stuart's theorem) with Gamma(5/4) by the Wilson-Hilferty cube, whose error at shape 1.25
    is under 2 % of a standard deviation.
    """
    shape = 1.25
    z = math.sqrt(-2.0 * math.log(u0)) * math.cos(2.0 * math.pi * u1)
    c = 1.0 - 1.0 / (9.0 * shape) + z * math.sqrt(1.0 / (9.0 * shape))
    return shape * max(c, 0.02) ** 3


def room_key(seed: int) -> np.uint64:
    """Return the Philox key of a room. seed: any non-negative integer."""
    return np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]


def room_streams(seed: int, names: tuple[str, ...]) -> dict[str, np.random.Generator]:
    """Return one generator per name. A new name at the end leaves the streams of the others unchanged."""
    children = np.random.SeedSequence(seed).spawn(len(names))
    return {name: np.random.Generator(np.random.PCG64(child)) for name, child in zip(names, children, strict=True)}
