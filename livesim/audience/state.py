"""What the crowd is made of: the fields of one viewer and of one room that the audience owns."""

from __future__ import annotations

from livesim.audience.config import TOPICS

FEED, FOLLOWER, SEARCH, CLIP, RAID = range(5)
STRANGERS = 3  # sources whose candidates are drawn before the session: feed, follower, search
BOUNCER, ENGAGED, LOYAL = range(3)  # laws of stays
ID_SPACE = 40  # viewer id = source << ID_SPACE | index within the source
DEPTH = len(TOPICS)

VIEWER = [
    ("viewer_id", "i8"),
    ("key", "u8"),  # of the room when they came: what they are, where it is not kept in a field
    ("entered_s", "f8"),
    ("budget_s", "f8"),  # patience left: seconds, or cumulative hazard where hazards are proportional
    ("patience", "f4"),  # what `budget_s` was on entry
    ("taste", "f4", (DEPTH,)),  # unit length
    ("evidence", "f4", (DEPTH,)),  # what the platform has noted of this viewer's taste
    ("match", "f4"),  # standardised, of what is on
    ("mood", "f4"),  # [-2, 2]
    ("irritation", "f4"),
    ("boredom", "f4"),  # [0, 1]
    ("named_until_s", "f4"),  # acknowledged until
    ("follow_left", "f4"),  # thresholds left on the viewer's clocks
    ("share_left", "f4"),
    ("complaint_left", "f4"),
    ("item_serial", "i4"),  # which showing `match` and `boredom` belong to
    ("minutes", "i2"),  # own minutes already lived
    ("share_count", "u2"),
    ("complaint_count", "u2"),
    ("votes", "u1"),  # votes cast this session
    ("source", "i1"),
    ("segment", "i1"),
    ("follows", "u1"),
    ("stay_law", "u1"),  # BOUNCER, ENGAGED or LOYAL
]
ROOM = [
    ("key", "u8"),  # Philox key
    ("noise_key", "u8"),  # of the noise of what is published: the first key of the session
    ("tick", "i8"),  # ticks done
    ("ticks", "i8"),  # ticks of the session
    ("present", "i8"),
    ("high", "i8"),  # slots ever used: loops run over [0, high)
    ("free_count", "i8"),
    ("clip_count", "i8"),  # clip viewers so far
    ("raid_count", "i8"),
    ("boost", "f8"),
    ("mean_mood", "f8"),  # of the present viewers at the end of the last tick
    ("usual", "f8"),  # running mean of what a viewer shows of their taste per second
    ("evidence_sum", "f8", (DEPTH,)),  # evidence of those present
    ("evidence_base", "f8", (DEPTH,)),  # what a viewer present since the start is expected to have shown
]
