"""Link formulas that engineers quote, with their algebra right: utilisation, delay, growth of a queue.

They describe a link that carries packets one after the other. The simulator does not run on them (edges share fairly
and players react); they tell what a load means. Arrays and numbers broadcast against each other.

Source: Bertsekas and Gallager, Data Networks (1992), sections 3.3 (M/M/1) and 3.5 (M/G/1, of which M/D/1).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from livesim.errors import unknown_name

PACKET_BYTES = 1500.0
_KBIT_PER_BYTE = 8.0 / 1000.0
_WAIT = {"M/M/1": 1.0, "M/D/1": 0.5}  # share of U / (1 - U) transmission times that a packet waits

Law = Literal["M/M/1", "M/D/1"]


class LinkLoad(NamedTuple):
    """A link at one moment."""

    utilisation: float  # 0 idle, 1 full
    delay_s: float  # of a packet: sending and queueing; inf where the link is full


def utilisation(packets_per_s: ArrayLike, packet_bytes: ArrayLike, bandwidth_kbps: ArrayLike) -> np.ndarray:
    """Return offered load over bandwidth, U = packets/s x size / bandwidth; above 1 it is not served.

    bandwidth_kbps: > 0.  Returns a float array, >= 0.
    """
    offered_kbps = np.multiply(packets_per_s, packet_bytes) * _KBIT_PER_BYTE
    return np.asarray(offered_kbps / np.asarray(bandwidth_kbps, float))


def transmission_s(packet_bytes: ArrayLike, bandwidth_kbps: ArrayLike) -> np.ndarray:
    """Return the seconds that a packet occupies the link: size / bandwidth."""
    return np.asarray(np.multiply(packet_bytes, _KBIT_PER_BYTE) / np.asarray(bandwidth_kbps, float))


def queueing_s(load: ArrayLike, sending_s: ArrayLike, law: Law = "M/M/1") -> np.ndarray:
    """Return the mean wait of a packet before it is sent: U / (1 - U) sending times, for equal packets half of it.

    load: utilisation, >= 0; from 1 on there is no mean and the wait is inf.
    law: M/M/1 (packets of random size) or M/D/1 (of one size).  Raises UnknownNameError.
    """
    if law not in _WAIT:
        raise unknown_name("queue", law, _WAIT, "diagnostics")
    u = np.asarray(load, float)
    below = np.minimum(u, 1.0 - 1e-12)
    return np.where(u < 1.0, _WAIT[law] * below / (1.0 - below) * np.asarray(sending_s, float), np.inf)


def delay_s(
    packets_per_s: ArrayLike,
    packet_bytes: ArrayLike,
    bandwidth_kbps: ArrayLike,
    propagation_s: ArrayLike = 0.0,
    law: Law = "M/M/1",
) -> np.ndarray:
    """Return the mean one-way delay of a packet: size / bandwidth + propagation + queueing; inf from U = 1 on."""
    sending_s = transmission_s(packet_bytes, bandwidth_kbps)
    load = utilisation(packets_per_s, packet_bytes, bandwidth_kbps)
    return np.asarray(sending_s + np.asarray(propagation_s, float) + queueing_s(load, sending_s, law))


def delay_growth(load: ArrayLike) -> np.ndarray:
    """Return how many seconds the delay grows by each second: U - 1 above 1, else 0.

    A link that is offered U seconds of work each second and does one leaves U - 1 for later.
    """
    return np.maximum(np.asarray(load, float) - 1.0, 0.0)


def edge_loads(capacity_kbps: np.ndarray, share_used: np.ndarray) -> tuple[LinkLoad, ...]:
    """Return the load of each edge.  capacity_kbps, share_used: (E,), the second 0..1; an edge that is down is idle."""
    loads: list[LinkLoad] = []
    for capacity, used in zip(capacity_kbps.tolist(), share_used.tolist(), strict=True):
        packets_per_s = used * capacity / (PACKET_BYTES * _KBIT_PER_BYTE)
        delay = delay_s(packets_per_s, PACKET_BYTES, capacity) if capacity > 0.0 else np.inf
        loads.append(LinkLoad(used, float(delay)))
    return tuple(loads)
