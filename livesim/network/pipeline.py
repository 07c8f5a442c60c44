"""When the origin announces each segment: a constant delay after the segment has been shot."""

from __future__ import annotations

from livesim.compiled import kernel
from livesim.network.state import WINDOW


@kernel
def publish(net, pipeline, p, r, key, until_s):
    """Write the time of announcement of every segment of room r that has been shot by until_s.

    Segment k ends at (k + 1) * segment_s; nothing is announced before its end, so that inside a tick that ends
    at until_s every announcement that can happen is known.  p: the room's NetworkConfig record.
    """
    segment_s = p["segment_s"]
    after_s = p["ingest_s"] + p["packaging_s"]
    k = net.published_upto[r]
    while (k + 1) * segment_s <= until_s:
        net.published_s[r, k % WINDOW] = (k + 1) * segment_s + after_s
        k += 1
    net.published_upto[r] = k
