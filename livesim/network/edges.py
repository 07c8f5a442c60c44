"""Edges: how much they can carry, which one serves a viewer, and how it is shared fairly."""

from __future__ import annotations

import math

import numpy as np

from livesim.compiled import kernel
from livesim.network.config import NetworkConfig
from livesim.network.state import NetworkState

# Levels aim this much below the capacity, and stop this near: so that rounding in sums over 100,000 lines
# never makes an edge send more than it can.
_MARGIN = 1e-9
_TOLERANCE = 1e-10


def capacities(config: NetworkConfig, planned_viewers: float) -> np.ndarray:
    """Return (E,) kbit/s: kappa * planned viewers * wanted rendition, split by the edges' shares."""
    shares = np.asarray(config.edge_shares) / sum(config.edge_shares)
    return config.kappa * planned_viewers * config.ladder_kbps[config.wanted_rung] * shares


@kernel
def routes(up, route):
    """Write the edge that serves each edge's viewers: itself, or the next one up; -1 where all are down.

    up: (E,) bool.  route: (E,) integers, written.
    """
    edges = up.shape[0]
    for e in range(edges):
        route[e] = -1
        for step in range(edges):
            candidate = (e + step) % edges
            if up[candidate]:
                route[e] = candidate
                break


@kernel
def water_level(lines_kbps, n, capacity_kbps, guess_kbps):
    """Return the max-min fair share h: sum of min(c_i, h) over the first n lines equals the capacity.

    lines_kbps: (>= n,) float.  guess_kbps: the level of a moment ago, or inf.  Returns inf where the lines
    alone are the limit. No sort: Newton's method on the concave, piecewise linear sum meets h exactly after
    a few passes, from the left once it has taken one step.

    Source: max-min fairness by water filling, Bertsekas and Gallager, Data Networks (1992), section 6.5.2.
    """
    capacity = capacity_kbps * (1.0 - _MARGIN)
    total = 0.0
    for j in range(n):
        total += lines_kbps[j]
    if total <= capacity:
        return math.inf
    if capacity <= 0.0:
        return 0.0
    lowest = capacity / n
    h = guess_kbps if lowest < guess_kbps < math.inf else lowest
    for _ in range(200):
        filled, above = 0.0, 0
        for j in range(n):
            c = lines_kbps[j]
            if c > h:
                above += 1
                filled += h
            else:
                filled += c
        gap = capacity - filled
        if abs(gap) <= _TOLERANCE * capacity:
            break
        if above == 0:  # the guess was above every line, though their sum is above the capacity
            h = lowest
        else:
            h = max(h + gap / above, lowest)
    return h


@kernel
def effective_kbps(net, r, e):
    """Return what edge e of room r can carry now: its own and rented capacity, what incidents leave, 0 while down."""
    return net.capacity_kbps[r, e] * net.capacity_factor[r, e] if net.up[r, e] else 0.0


def open_edges(net: NetworkState, r: int, config: NetworkConfig, planned_viewers: float) -> None:
    """Set the edges of room r for a new episode: capacity, home shares, all up, nothing asked."""
    net.capacity_kbps[r] = capacities(config, planned_viewers)
    net.capacity_factor[r] = 1.0
    net.edge_until[r] = np.cumsum(config.edge_shares) / sum(config.edge_shares)
    net.edge_until[r, -1] = 1.0
    net.up[r] = True
    net.route[r] = np.arange(len(config.edge_shares))
    net.level_kbps[r] = np.inf
    net.sent_kbit[r] = 0.0
    net.utilisation[r] = 0.0
    net.asked_s[r] = np.inf
