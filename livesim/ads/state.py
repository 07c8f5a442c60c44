"""The fields of viewers, campaigns and rooms that ads own."""

from __future__ import annotations

from livesim.audience.state import DEPTH

NO_AD = -1
CAMPAIGNS = 16  # most campaigns of a scenario

VIEWER = [
    ("ad_price", "f8"),  # reserved for the creative on screen
    ("preroll_until_s", "f8"),  # 0: none
    ("preroll_leave_s", "f8"),  # when the pre-roll drives the viewer away
    ("shown", "u2"),  # creatives finished
    ("seen", "u1", (CAMPAIGNS,)),  # impressions per campaign
    ("campaign", "i1"),  # whose creative the viewer is watching; -1 none
]
CAMPAIGN = [
    ("topics", "f4", (DEPTH,)),
    ("value", "f8"),  # of a click
    ("budget", "f8"),  # for the session
    ("left", "f8"),
    ("quality", "f8"),
    ("cap", "f8"),
    ("pacing", "f8"),
]
ROOM = [
    ("ad", "i8"),  # format playing; -1 none
    ("ad_shown", "i8"),  # format that played last within the present decision; -1 none
    ("overlay", "u1"),  # what plays is an overlay
    ("pause", "f8"),  # leave factor of a natural pause for what plays
    ("ad_end_s", "f8"),  # end of what plays or played last; NEVER before
    ("credit_until_s", "f8"),  # no pre-rolls before
    ("load30", "f8"),  # ad minutes in the last 30, overlays weighted
    ("relevance_mean", "f8"),
    ("relevance_sd", "f8"),
]
