"""Rooms for the tests of the player: the lone viewer of the product, and a crowd of them."""

from __future__ import annotations

import numpy as np

from livesim import schema
from livesim.network.config import NetworkConfig
from livesim.network.edges import open_edges
from livesim.network.lone import AT_ONCE, bank_of, lone_room, watch
from livesim.network.player import admit
from livesim.network.state import allocate
from livesim.network.traces import bank_for
from livesim.randomness import room_key

__all__ = ["AT_ONCE", "KEY", "bank_of", "crowded_room", "lone_room", "watch"]
KEY = np.uint64(0)


def crowded_room(config: NetworkConfig, viewers: int, seed: int = 1, planned: float | None = None):
    """Return (net, bank, p, ladder, alive, entered) of a room whose viewers enter in its first 30 s."""
    net = allocate(1, viewers, len(config.edge_shares), len(config.ladder_kbps))
    open_edges(net, 0, config, viewers if planned is None else planned)
    bank = bank_for(config)
    p = schema.records([config])[0]
    entered = np.random.default_rng(seed).uniform(0, 30, (1, viewers))
    key = room_key(seed)
    for i in range(viewers):
        admit(net, bank, p, 0, i, key, i, entered[0, i])
    alive = np.ones((1, viewers), bool)
    return net, bank, p, np.asarray(config.ladder_kbps, float), alive, entered
