"""How long a viewer would stay, and how fast their patience burns."""

from __future__ import annotations

import math

from livesim.audience.state import CLIP, FEED, FOLLOWER, SEARCH
from livesim.compiled import kernel
from livesim.randomness import Channel, normals, uniforms

CH_PATIENCE = int(Channel.PATIENCE)


@kernel
def sigma(x):
    """Return the logistic function."""
    return 1.0 / (1.0 + math.exp(-x))


@kernel
def bounce_share(p, source):
    """Return the share of bouncers of a source at average match and no highlight."""
    if source == FEED:
        return p.bounce_feed
    if source == FOLLOWER:
        return p.bounce_follower
    if source == SEARCH:
        return p.bounce_search
    if source == CLIP:
        return p.bounce_clip
    return p.bounce_raid


@kernel
def patience_budget(p, key, viewer_id, source, match, highlight):
    """Draw a patience budget in seconds: with r = 1 the stay follows exactly the fitted law.

    A bouncer's budget is LN(bouncer), an engaged viewer's LN(engaged) or LN(follower), capped. The bounce
    probability shifts on the logit with standardised match and a highlight at entry.
    """
    u, _, _, _ = uniforms(key, viewer_id, CH_PATIENCE, 0)
    z = normals(key, viewer_id, CH_PATIENCE, 1)[0]
    base = bounce_share(p, source)
    logit = math.log(max(base, 1e-9) / max(1.0 - base, 1e-9))
    if u < sigma(logit - p.bounce_match * match - p.bounce_highlight * highlight):
        return math.exp(p.bouncer_log_mean + p.bouncer_log_sd * z)
    if source == FOLLOWER:
        return min(math.exp(p.follower_log_mean + p.follower_log_sd * z), p.stay_cap_s)
    return min(math.exp(p.engaged_log_mean + p.engaged_log_sd * z), p.stay_cap_s)


@kernel
def burn_rate(p, mood, stalled_share, follows, factor):
    """Return how many seconds of patience one second costs.

    r = exp(-leave_mood (m - mean)) (1 + leave_stall x stalled share, half for followers) x `factor`, the product of
    what ads, interactions and heat do.
    """
    stall = p.leave_stall * stalled_share
    if follows:
        stall *= p.follower_stall_patience
    return math.exp(-p.leave_mood * (mood - p.mood_mean)) * (1.0 + stall) * factor


@kernel
def return_probability(p, follows, mood, irritation, stay_s):
    """Return the chance that a viewer who leaves now comes to a later session.

    sigma(base + follow + .8 mood - irritation), times 1 - exp(-stay / 60 s): who only glanced in has nothing to
    come back to (assumed).
    """
    wish = sigma(p.return_base + (1.0 if follows else 0.0) + p.return_mood * mood - irritation)
    return wish * (1.0 - math.exp(-stay_s / p.return_stay_s))
