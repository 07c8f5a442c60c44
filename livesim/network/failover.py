"""What becomes of the viewers of an edge that goes down or comes back."""

from __future__ import annotations

from livesim.compiled import kernel
from livesim.network.origin import DUE, UNKNOWN, ask
from livesim.network.state import DOWNLOAD_S, DOWNLOADS, ORIGIN_MISSES


@kernel
def reroute(q, players, origin, high, alive, up, before, route, now_s, tally):
    """Move viewers whose serving edge changed between the last tick and this one.

    Where the old edge went down, a download under way is lost: `failover_s` later (detection and connection)
    the player asks the new edge for it, from the first bit. Viewers go home to an edge that is back without
    loss. A request not yet sent goes to the new edge.

    up: (E,) bool.  before, route: (E,) edge that served the viewers of each home edge, and the one that does
    now; `before` is overwritten. Adds to `tally`.
    """
    moved = False
    for h in range(route.shape[0]):
        moved = moved or before[h] != route[h]
    if not moved:
        return
    for i in range(high):
        h = players.edge[i]
        if alive[i] == 0 or before[h] == route[h] or players.left_kbit[i] == UNKNOWN:
            continue
        request = players.event_s[i] - float(players.delay_s[i])
        is_lost = (before[h] < 0 or not up[before[h]]) and request < now_s
        if is_lost:
            tally[DOWNLOADS] += 1.0
            tally[DOWNLOAD_S] += now_s - request
            request = now_s + q.failover_s
            players.delay_s[i] = players.rtt_s[i]
            players.event_s[i] = request + float(players.rtt_s[i])
        if request >= now_s or players.left_kbit[i] == DUE:
            players.left_kbit[i] = DUE
            if not q.live:
                continue
            tally[ORIGIN_MISSES] += ask(origin, route[h], players.segment[i], players.next_rung[i], request)
    for h in range(route.shape[0]):
        before[h] = route[h]
