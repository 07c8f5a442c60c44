"""The fields of viewers and rooms that giving owns."""

from __future__ import annotations

RIVALS = 16

VIEWER = [
    ("wallet", "f8"),  # credits left
    ("gift_rate", "f4"),  # own hazard in 1/s; 0: never gives
    ("gift_z", "f4"),  # size class of the giver
    ("gift_mean", "f4"),  # expected next gift given size class and wallet
    ("gift_left", "f4"),  # threshold left on the clock
    ("streak_until_s", "f4"),  # carried away by the last gift until then
    ("gift_count", "u2"),
    ("gave_s", "f4"),  # time of the last gift
]
ROOM = [
    ("heat", "f8"),
    ("rival", "i8"),  # in the battle that is on; -1 none
    ("met", "f8", (RIVALS,)),  # battles fought with each rival
]
