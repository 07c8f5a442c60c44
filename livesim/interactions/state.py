"""The fields of viewers, kinds and rooms that interactions and the host own."""

from __future__ import annotations

VIEWER = [
    ("decided", "i4"),  # the use this viewer has decided on
    ("takes_part", "u1"),  # in the use `decided`
    ("had_intent", "u1"),  # had an open intent when they decided
]
KIND = [
    ("fatigue", "f8"),
    ("cooldown_until_s", "f8"),
    ("uses", "f8"),
    ("last_use_s", "f8"),  # close of the last use; NEVER before
]
ROOM = [
    ("kind", "i8"),  # open now; -1 none
    ("kind_shown", "i8"),  # kind that was open last within the present decision; -1 none
    ("use", "i8"),  # uses so far over all kinds
    ("close_s", "f8"),  # when it closes
    ("strength", "f8"),  # effect left by fatigue, attention and highlight at the opening
    ("bother", "f8"),  # mood the others lose at the opening
    ("burst_until_s", "f8"),
    ("burst", "f8"),
    ("host_kind", "i8"),  # what the host is busy with, from the announcement on; -1 free
    ("energy", "f8"),
    ("rested_s", "f8"),  # when the host last rested
    ("prize_left", "f8"),
    ("prize_full", "f8"),
    ("took_part", "i8"),  # in the last use, of those who were there at its close
    ("asked", "i8"),  # those
    ("quiz_right", "f8"),  # share of right answers in the last quiz, summed over those who took part
    ("quiz_took", "i8"),  # those
    ("quiz_use", "i8"),  # which use that was
    ("offers_taken", "i8"),  # battle offers up to and including this index are gone
]
