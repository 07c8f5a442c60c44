"""What a viewer likes, and how well what is on fits."""

from __future__ import annotations

import math

import numpy as np

from livesim.compiled import kernel
from livesim.randomness import Channel, normals

CH_TASTE = int(Channel.TASTE)


@kernel
def draw_taste(v, centre, spread, key):
    """Write theta = normalise(centre + spread x noise). centre: (D,)."""
    depth = centre.shape[0]
    for block in range((depth + 3) // 4):
        noise = normals(key, v.viewer_id, CH_TASTE, block)
        for d in range(4):
            at = block * 4 + d
            if at < depth:
                v.taste[at] = centre[at] + spread * noise[d]
    _normalise(v.taste)


@kernel
def match_with(v, room, item, wear_match):
    """Return the standardised match of a viewer with an item: taste, plus the appeal of its quality, less its wear."""
    dot = 0.0
    for d in range(item.topics.shape[0]):
        dot += v.taste[d] * item.topics[d]
    return (dot - room.match_mean) / room.match_sd + item.appeal - wear_match * item.wear


@kernel
def drift(v, item, pull):
    """Move a taste towards what is watched: theta <- normalise(theta + pull (c - theta))."""
    for d in range(item.topics.shape[0]):
        v.taste[d] += pull * (item.topics[d] - v.taste[d])
    _normalise(v.taste)


@kernel
def _normalise(vector):
    total = 0.0
    for d in range(vector.shape[0]):
        total += vector[d] * vector[d]
    scale = 1.0 / math.sqrt(max(total, 1e-12))
    for d in range(vector.shape[0]):
        vector[d] *= scale


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Return rows scaled to unit length. rows: (N, D)."""
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def population_moments(
    centres: np.ndarray, shares: np.ndarray, spread: float, vectors: np.ndarray
) -> tuple[float, float]:
    """Return mean and sd of theta . c over the scenario's population and the given vectors.

    centres: (S, D) unit.  shares: (S,).  vectors: (N, D) unit.  A fixed sample of 4,096 viewers stands for the
    population: part of the scenario's definition, not of any room's luck.
    """
    rng = np.random.default_rng(20_260_101)
    which = rng.choice(len(shares), 4096, p=shares / shares.sum())
    tastes = unit_rows(centres[which] + spread * rng.standard_normal((4096, centres.shape[1])))
    products = tastes @ vectors.T
    return float(products.mean()), float(max(products.std(), 1e-6))
