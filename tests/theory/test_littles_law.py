"""Little's law, L = lambda W, for the downloads and the desk of the default room.

Counted every 6.75 s: segments appear every 2 s, and counts at multiples of 5 s would meet only two moments of that.
Viewers are in test_audience_theory.py.
"""

from __future__ import annotations

import math

import numpy as np

from livesim import Rooms, load_scenario
from livesim.ledger import INDEX
from livesim.network.origin import UNKNOWN

REPLICATIONS = 8
CUT_OFF = 0.01  # share of the time of downloads whose viewer leaves meanwhile: counted in flight, and nowhere else


def test_littles_law_holds_for_the_downloads_of_the_default_room() -> None:
    """Requests sent and not yet answered, against downloads per second times their mean time: 4 standard errors."""
    clock = {"session.tick_s": 2.25, "session.decision_s": 6.75, "session.duration_s": 6750}
    scenario = load_scenario("entertainment", clock)
    rooms = Rooms(scenario, REPLICATIONS)
    rooms.reset(list(range(REPLICATIONS)))
    nothing = np.zeros((REPLICATIONS, len(rooms.heads)), dtype=np.int64)
    in_flight = np.zeros(REPLICATIONS)
    while not rooms.ended.all():
        rooms.apply(nothing)
        rooms.advance()
        net = rooms.state.network
        requested_s = net.event_s - net.delay_s.astype(float)
        is_sent = (net.left_kbit != UNKNOWN) & (requested_s <= rooms.time_s[:, None])
        in_flight += ((rooms.state.alive > 0) & is_sent).sum(axis=1) / scenario.decisions
    total = rooms.state.ledger.history.sum(axis=1)
    count, time_s = total[:, INDEX["downloads"]], total[:, INDEX["download_s"]]
    expected = count / scenario.session.duration_s * (time_s / count)
    gap = in_flight - expected
    error = gap.std(ddof=1) / math.sqrt(REPLICATIONS)
    assert error < 0.01 * expected.mean(), "the counts must agree well enough for a test"
    assert abs(gap.mean()) <= 4 * error + CUT_OFF * expected.mean(), (gap.mean(), error, expected.mean())


def test_littles_law_holds_for_the_messages_that_wait_at_the_desk_of_the_default_room() -> None:
    """The time average of the queue against jobs per second times their mean wait, 8 sessions, 4 standard errors.

    Jobs that still wait when the session ends have no wait yet: they are the whole difference.
    """
    rooms = Rooms(load_scenario("entertainment"), REPLICATIONS)
    rooms.reset(list(range(REPLICATIONS)))
    nothing = np.zeros((REPLICATIONS, len(rooms.heads)), dtype=np.int64)
    while not rooms.ended.all():
        rooms.apply(nothing)
        rooms.advance()
    total = rooms.state.ledger.history.sum(axis=1)
    length_s = rooms.scenario.session.duration_s
    jobs = total[:, INDEX["desk_jobs"]]
    queue = total[:, INDEX["desk_queue_s"]] / length_s
    expected = jobs / length_s * (total[:, INDEX["desk_wait_s"]] / jobs)
    gap = queue - expected
    error = gap.std(ddof=1) / math.sqrt(REPLICATIONS)
    assert jobs.min() > 50
    assert abs(gap.mean()) <= 4 * error + 0.01 * expected.mean(), (gap.mean(), error, expected.mean())
