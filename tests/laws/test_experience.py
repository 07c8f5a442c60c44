"""The experience of viewers adds up: over rooms, decisions and those who leave."""

from __future__ import annotations

import numpy as np
import pytest

from livesim import Rooms
from livesim import ledger as book
from tests.conftest import play


@pytest.fixture(scope="module")
def history(small_room) -> np.ndarray:
    rooms = Rooms(small_room, 2)
    rooms.reset([5, 6])
    play(rooms)
    return rooms.state.ledger.history


def test_experience_is_weighed_with_the_seconds_since_the_first_frame(history):
    # a leaver is judged to the end of the last tick, of 5 s; others from the first frame to the end of the decision
    total = history.sum(axis=1)
    watched = total[:, book.WATCH_S] + total[:, book.WATCH_AD_S] + total[:, book.STALL_S]
    assert np.all(total[:, book.QOE_S] >= watched - 1.0)
    assert np.all(total[:, book.QOE_S] <= watched + 5.0 * total[:, book.LEFT])


def test_experience_lies_between_the_ends_of_the_ladder(history, small_room):
    highest = small_room.network.ladder_kbps[-1] / 1000.0
    used = history[history[:, :, book.SEEN_VIEWERS] > 0]
    mean = used[:, book.QOE_SUM] / used[:, book.QOE_S]
    assert np.all(mean < highest)
    assert np.median(mean) > small_room.network.ladder_kbps[0] / 1000.0
    assert np.all(
        used[:, book.QOE_LIVE_SUM] < used[:, book.QOE_SUM] + used[:, book.SWITCH_MBPS] + used[:, book.STALL_S] * 12
    )
    assert np.all(np.abs(used[:, book.QOE_P10]) <= highest)


def test_nobody_stalls_unseen(history):
    assert np.all(history[:, :, book.STALLED_VIEWERS] <= history[:, :, book.SEEN_VIEWERS])
    assert history[:, :, book.STALLED_VIEWERS].sum() > 0


def test_a_viewer_fetches_about_one_segment_per_segment_length(history, small_room):
    total = history.sum(axis=(0, 1))
    watched = total[book.WATCH_S] + total[book.WATCH_AD_S]
    arrived = total[book.DOWNLOADS] - total[book.ABANDONED]
    # besides, each viewer who started fetched what was in the buffer when they left or the session ended
    extra = total[book.STARTED] * small_room.network.buffer_cap_s / small_room.network.segment_s
    expected = watched / small_room.network.segment_s
    assert expected - total[book.SKIPS] * 5 <= arrived <= expected * 1.02 + extra
    assert total[book.DOWNLOAD_S] / total[book.DOWNLOADS] > 0.03  # at least a round trip
