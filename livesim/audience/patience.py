"""How long a viewer would stay, and how fast their patience burns: two models with the same stays at burn rate 1.

`audience.patience` chooses. B is the stay drawn on entry, from the fitted law of bouncers, engaged strangers or
followers; r(t) is the burn rate, the product of mood, stalls, ads, interactions and heat.

* `accelerated` (accelerated failure time): patience is B seconds and one second costs r. A viewer leaves when the
  integral of r dt reaches B. A constant rate scales every stay by 1/r.
* `proportional` (proportional hazards, Cox 1972): patience is E = H(B), H the cumulative hazard of the viewer's own
  law, and r multiplies the hazard of that law at the viewer's age. A viewer leaves when the integral of r dH(age)
  reaches E, or at the cap of the law. A constant rate makes H(stay) = H(B) / r.

At r = 1 both leave at B, so the fitted stays and the calibration hold in both. At r > 1 proportional hazards shorten a
stay more than acceleration does where the mean hazard H(a)/a falls with age from B/r to B: so for strangers who are
engaged and would stay over about a minute (a Weibull stay with shape k < 1 is scaled by r^(-1/k), against 1/r). They
shorten it less where it rises: short stays, and those of followers under about forty minutes. The reverse at r < 1.
"""

from __future__ import annotations

import math

from livesim.audience.hazard import age_at, hazard_at, normal_hazard
from livesim.audience.state import BOUNCER, CLIP, ENGAGED, FEED, FOLLOWER, LOYAL, SEARCH
from livesim.compiled import kernel
from livesim.randomness import Channel, normals, uniforms

CH_PATIENCE = int(Channel.PATIENCE)
PROPORTIONAL = 1.0  # place of the option in `audience.patience`


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
def stay_law(p, key, viewer_id, source, match, highlight):
    """Draw which law a stay follows: BOUNCER, else ENGAGED or, for followers, LOYAL.

    The bounce probability shifts on the logit with standardised match and a highlight at entry.
    """
    u, _, _, _ = uniforms(key, viewer_id, CH_PATIENCE, 0)
    base = bounce_share(p, source)
    logit = math.log(max(base, 1e-9) / max(1.0 - base, 1e-9))
    if u < sigma(logit - p.bounce_match * match - p.bounce_highlight * highlight):
        return BOUNCER
    return LOYAL if source == FOLLOWER else ENGAGED


@kernel
def stay_log_mean(p, law):
    """Return the log-mean of a law of stays."""
    if law == BOUNCER:
        return p.bouncer_log_mean
    return p.follower_log_mean if law == LOYAL else p.engaged_log_mean


@kernel
def stay_log_sd(p, law):
    """Return the log-sd of a law of stays."""
    if law == BOUNCER:
        return p.bouncer_log_sd
    return p.follower_log_sd if law == LOYAL else p.engaged_log_sd


@kernel
def patience_budget(p, key, viewer_id, law):
    """Draw the patience of a viewer: seconds, or cumulative hazard where hazards are proportional.

    With r = 1 the stay follows exactly the fitted law in both: log-normal, capped but for bouncers.
    """
    z = normals(key, viewer_id, CH_PATIENCE, 1)[0]
    if p.patience == PROPORTIONAL:
        return normal_hazard(z)
    stay_s = math.exp(stay_log_mean(p, law) + stay_log_sd(p, law) * z)
    return stay_s if law == BOUNCER else min(stay_s, p.stay_cap_s)


@kernel
def spend_patience(v, p, burn, begin, end):
    """Let patience burn at one rate from `begin` to `end`; return when it is used up, after `end` where it lasts.

    The moment is exact: at a constant rate acceleration is linear in time, and proportional hazards are solved for
    the age with H(age) = H(age at begin) + patience / rate.
    """
    if p.patience == PROPORTIONAL:
        return _spend_hazard(v, p, burn, begin, end)
    used_up_s = begin + v.budget_s / burn
    v.budget_s -= burn * (end - begin)
    return used_up_s


@kernel
def _spend_hazard(v, p, burn, begin, end):
    law = v.stay_law
    log_mean, log_sd = stay_log_mean(p, law), stay_log_sd(p, law)
    at_begin = hazard_at(begin - v.entered_s, log_mean, log_sd)
    spent = burn * (hazard_at(end - v.entered_s, log_mean, log_sd) - at_begin)
    used_up_s = math.inf
    if v.budget_s <= spent:
        age_s = age_at(at_begin + v.budget_s / burn, log_mean, log_sd)
        used_up_s = min(max(v.entered_s + age_s, begin), end)
    v.budget_s -= spent
    if law != BOUNCER:
        used_up_s = min(used_up_s, v.entered_s + p.stay_cap_s)
    return used_up_s


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
