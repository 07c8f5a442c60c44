"""The fields of rooms that operations own."""

from __future__ import annotations

ROOM = [
    ("capacity_level", "i8"),  # step of rented capacity that is ordered, and paid
    ("rented", "f8"),  # factor on the edges' own capacity that has arrived
    ("capacity_ready_s", "f8"),  # when what is ordered arrives, or arrived
    ("capacity_locked_s", "f8"),  # no new order before
    ("staff_level", "i8"),  # people called to the desk, and paid
    ("staff_ready_s", "f8"),
    ("staff_locked_s", "f8"),
    ("operating_credits_per_s", "f8"),  # rent and wages now
]
