"""One giver: who gives, how much, what the next gift is worth on average, and what gifts do to everybody else.

Each gift adds ln(1 + amount) to the heat H of the room, which decays. `gifts.crowd` chooses what heat does outside
battles:

* `crowding_out`: others give x (1 - crowd_out H), floored, and leave x (1 + heat_leave H): what a field experiment with
  exogenous tips found (Yao, Lu, Chen 2023).
* `contagion`: others give x (1 + contagion H), capped, and nobody leaves for it: what observational studies of gifting
  see. As in battles, where heat works like this under both.
"""

from __future__ import annotations

import math

import numpy as np

from livesim.audience.profile import W_GIFT, tell
from livesim.chat.desk import GIFT_THANKS
from livesim.chat.talk import wait_for_answer
from livesim.compiled import kernel
from livesim.content.state import NEVER
from livesim.gifts.config import LADDER
from livesim.journal import note
from livesim.ledger import GIFT_COUNTED, GIFT_CREDITS, GIFT_EXPECTED, GIFT_ITEMS, GIFTS, J_GIFT
from livesim.randomness import Channel, exponential, normals, uniforms

CH_GIVER, CH_GIFT, CH_AMOUNT = int(Channel.GIVER), int(Channel.GIFT), int(Channel.GIFT_AMOUNT)
EXACT_TERMS = 24
CONTAGION = 1.0  # place of the option in `gifts.crowd`
_LADDER = np.array(LADDER[::-1], dtype=np.float64)


@kernel
def admit_giver(v, p, key):
    """Draw whether a new viewer gives, how often, how much and from what wallet.

    Hazards are LN(., rate_log_sd) with mean 1, times `repeat_factor` for followers who gave before, normalised so
    that the mean hazard of a following giver is `rate_per_h` whatever the share of repeaters.
    """
    is_giver, has_given, _, _ = uniforms(key, v.viewer_id, CH_GIVER, 0)
    v.gift_count = 0
    v.streak_until_s = 0.0
    v.gave_s = NEVER
    v.gift_rate, v.gift_z, v.gift_mean, v.gift_left, v.wallet = 0.0, 0.0, 0.0, 0.0, 0.0
    if is_giver >= p.giver_share:
        return
    z, rate_e, wallet_e, _ = normals(key, v.viewer_id, CH_GIVER, 1)
    sd = p.rate_log_sd
    rate = math.exp(sd * rate_e - 0.5 * sd * sd) * p.rate_per_h / 3600.0
    if v.follows:
        rate /= 1.0 + p.repeat_share * (p.repeat_factor - 1.0)
        if has_given < p.repeat_share:
            rate *= p.repeat_factor
    v.gift_rate = rate
    v.gift_z = z
    v.wallet = math.floor(math.exp(p.wallet_log_mean + p.wallet_giver * z + p.wallet_log_sd * wallet_e))
    v.gift_mean = mean_gift(p, z, v.wallet)
    v.gift_left = exponential(key, v.viewer_id, CH_GIFT, 0)


@kernel
def gift_amount(p, z, wallet, key, viewer_id, count):
    """Return the credits of gift number `count` of a giver: ceil(exp(mean + sd_z z + sd_e e)), up to the wallet."""
    e = normals(key, viewer_id, CH_AMOUNT, count)[0]
    amount = math.ceil(math.exp(p.amount_log_mean + p.amount_giver_sd * z + p.amount_gift_sd * e))
    return max(0.0, min(amount, p.amount_max, wallet))


@kernel
def mean_gift(p, z, wallet):
    """Return E[min(ceil(X), cap)], X log-normal, cap = min(largest gift, wallet, counted part): the compensator's mark.

    E[min(ceil X, w)] = sum_{k=0}^{w-1} P(X > k). The first terms are summed exactly, the rest as the integral of
    P(X > x) over [n - 1/2, w - 1/2] (Euler-Maclaurin midpoint), which has a closed form for the log-normal.
    """
    cap = math.floor(min(min(p.amount_max, wallet), p.counted_max))
    if cap < 1.0:
        return 0.0
    mu, sd = p.amount_log_mean + p.amount_giver_sd * z, p.amount_gift_sd
    total = 1.0
    terms = int(min(cap, EXACT_TERMS))
    for k in range(1, terms):
        total += _tail((math.log(k) - mu) / sd)
    if cap > EXACT_TERMS:
        total += _limited_mean(mu, sd, cap - 0.5) - _limited_mean(mu, sd, EXACT_TERMS - 0.5)
    return total


@kernel
def _tail(x):
    return 0.5 * math.erfc(x * 0.7071067811865476)


@kernel
def _limited_mean(mu, sd, w):
    """Return E[min(X, w)] of a log-normal."""
    k = (math.log(w) - mu) / sd
    return math.exp(mu + 0.5 * sd * sd) * (1.0 - _tail(k - sd)) + w * _tail(k)


@kernel
def giving_factor(p, heat, in_battle, battle_strength):
    """Return what heat and a battle do to everybody's giving. battle_strength: remaining effect of the battle, 0-1."""
    if in_battle:
        return math.exp(p.battle * battle_strength) * min(1.0 + p.contagion * heat, p.contagion_max)
    if p.crowd == CONTAGION:
        return min(1.0 + p.contagion * heat, p.contagion_max)
    return max(1.0 - p.crowd_out * heat, p.crowd_out_floor)


@kernel
def heat_leave_factor(p, heat, in_battle):
    """Return what heat does to everybody's leave rate: 1 where gifts are contagious."""
    if in_battle or p.crowd == CONTAGION:
        return 1.0
    return 1.0 + p.heat_leave * heat


@kernel
def combo_items(amount):
    """Return how many ladder gifts show this amount: the greedy combo, largest first."""
    items, rest = 0.0, amount
    for k in range(_LADDER.shape[0]):
        n = math.floor(rest / _LADDER[k])
        items += n
        rest -= n * _LADDER[k]
    return items


@kernel
def give(v, slot, room, item, p, now, ledger, journal, waiting, named, seconds, until):
    """Let a giver give where their clock says so; returns what it showed of their taste.

    hazard = own rate x exp(highlight + named + mood) x (1 - exp(-stay / warm-up)) x heat and battle; for `streak_s`
    after a gift a constant is added under which another one follows with probability `streak_prob`. The hazard is
    followed piece by piece, so gifts fall at their exact times, and the compensator goes on from the smaller wallet.
    """
    log = p.highlight * now.highlight + p.mood * v.mood
    if named:
        log += p.acknowledged
    warm = 1.0 - math.exp(-(until - v.entered_s) / p.warm_up_s)
    usual = v.gift_rate * math.exp(log) * warm * now.giving
    shown, t = 0.0, until - seconds
    while t < until:
        in_streak = t < v.streak_until_s
        stop = min(until, v.streak_until_s) if in_streak else until
        rate = usual - math.log(1.0 - p.streak_prob) / p.streak_s if in_streak else usual
        hazard = rate * (stop - t)
        if hazard < v.gift_left or v.wallet < 1.0:
            ledger[GIFT_EXPECTED] += hazard * v.gift_mean
            v.gift_left -= hazard
            t = stop
            continue
        t = min(t + v.gift_left / rate, stop)
        ledger[GIFT_EXPECTED] += v.gift_left * v.gift_mean
        amount = gift_amount(p, v.gift_z, v.wallet, room.key, v.viewer_id, v.gift_count)
        v.gift_count += 1
        v.gave_s = t
        v.gift_left = exponential(room.key, v.viewer_id, CH_GIFT, v.gift_count)
        v.wallet -= amount
        v.gift_mean = mean_gift(p, v.gift_z, v.wallet)
        v.streak_until_s = t + p.streak_s
        room.heat += math.log1p(amount)
        room.excitation += p.cheer
        ledger[GIFTS] += 1.0
        ledger[GIFT_CREDITS] += amount
        ledger[GIFT_COUNTED] += min(amount, p.counted_max)
        ledger[GIFT_ITEMS] += combo_items(amount)
        note(journal, room, t, v.viewer_id, J_GIFT, amount)
        wait_for_answer(waiting, room, GIFT_THANKS, slot, v.viewer_id, t)
        shown += tell(v, room, item, W_GIFT)
    return shown
