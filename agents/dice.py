"""Counter-based dice for policies: a pure function of (policy seed, episode key, episode, step, channel).

A policy that rolls these dice acts the same in whatever batch its episode is played, which a shared generator
would not give. The mixer is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014, doi:10.1145/2660193.2660195); its quality is ample for picking actions.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(words: np.ndarray, salt: np.ndarray | np.uint64) -> np.ndarray:
    """Return SplitMix64 of `words` advanced by `salt`. Both uint64; shapes broadcast."""
    with np.errstate(over="ignore"):
        z = words + (salt + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * _M1
        z = (z ^ (z >> np.uint64(27))) * _M2
        return z ^ (z >> np.uint64(31))


def uniforms(seed: int, key: np.ndarray, episode: np.ndarray, step: np.ndarray, channel: int) -> np.ndarray:
    """Return (n,) float64 uniforms in [0, 1). key, episode, step: (n,) integers."""
    words = np.full(key.shape, np.uint64(seed % 2**64), dtype=np.uint64)
    for salt in (key, episode, step):
        words = mix(words, salt.astype(np.uint64))
    words = mix(words, np.uint64(channel))
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def pick(weights: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return (n,) indices drawn with probability proportional to `weights` (n, c) >= 0, by inverting the sum.

    A zero weight is never picked. Rows must have a positive sum.
    """
    cumulative = np.cumsum(weights, axis=1, dtype=np.float64)
    threshold = uniform * cumulative[:, -1]
    return (cumulative <= threshold[:, None]).sum(axis=1)
