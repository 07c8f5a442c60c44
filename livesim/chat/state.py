"""The fields of viewers and rooms that chat owns."""

from __future__ import annotations

QUEUE = 64  # most gifts and questions that wait for an answer
BURST = 1024  # most messages of one tick

VIEWER = [("talkative", "f4")]  # Gamma(1/4) weight as a sender
WAITING = [("slot", "i4"), ("viewer_id", "i8"), ("since_s", "f8")]  # a ring per room; since_s NEVER: answered
ROOM = [
    ("excitation", "f8"),  # S of the Hawkes process
    ("chat_left", "f8"),  # threshold left on the room's clock
    ("messages", "i8"),  # so far
    ("waiting_next", "i8"),  # where the next gift or question goes
]
