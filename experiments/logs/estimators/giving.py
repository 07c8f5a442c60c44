"""Gifts: a hurdle (who gives, how often), and amounts: a log-normal rounded up, spread between and within givers."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri

from experiments.logs.estimators.auxiliary import Auxiliary, maximum_likelihood, too_few
from experiments.logs.schema import GIFT
from experiments.logs.sessions import Sessions
from livesim.scenario import Scenario

HURDLE = ("gifts.giver_share", "gifts.rate_per_h")
AMOUNT = ("gifts.amount_log_mean", "gifts.amount_giver_sd", "gifts.amount_gift_sd")
LOG_ROOT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))
FARTHEST = 37.0  # standard deviations; beyond them a normal density is 0 in double precision
NODES = 41  # of the Gauss-Hermite rule over givers
FEWEST_GIVERS, FEWEST_SECOND = 30, 20


def giving(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return giver share (logit), gifts per giver-hour (log), and log-mean and log-sds of amounts."""
    found, gifts = Auxiliary(), sessions.of_kind(GIFT)
    if too_few(found, [*HURDLE, *AMOUNT], len(np.unique(gifts.visit)), "givers", FEWEST_GIVERS):
        return found
    _hurdle(found, sessions, scenario)
    _amounts(found, sessions)
    return found


def warmed_h(stay_s: np.ndarray, warm_up_s: float) -> np.ndarray:
    """Return the hours of a stay that count for giving: the integral of 1 - exp(-t / warm-up)."""
    return (stay_s + warm_up_s * np.expm1(-stay_s / warm_up_s)) / 3600.0


def _hurdle(found: Auxiliary, sessions: Sessions, scenario: Scenario) -> None:
    """Fit a cure model: a share of viewers gives at a constant rate, the others never.

    A giver is followed up to the second gift: later ones belong to a few who give without end, and would drown what
    the others say.
    """
    visits, gifts, tau = sessions.visits, sessions.of_kind(GIFT), scenario.gifts.warm_up_s
    order = np.lexsort((gifts.time_s, gifts.visit))
    visit, time_s = gifts.visit[order], gifts.time_s[order]
    rank = np.arange(len(visit)) - np.searchsorted(visit, visit, "left")
    number = np.minimum(np.bincount(visit, minlength=len(visits.room)), 2)
    until = visits.left_s.copy()
    until[visit[rank == 1]] = time_s[rank == 1]
    exposure = warmed_h(np.maximum(until - visits.entered_s, 0.0), tau)
    gave, second = number > 0, int((number == 2).sum())
    if too_few(found, list(HURDLE), second, "viewers who give twice", FEWEST_SECOND):
        return

    def likelihood(at: np.ndarray) -> tuple[float, np.ndarray]:
        share, rate = 1.0 / (1.0 + np.exp(-at[0])), np.exp(at[1])
        silent = share * np.exp(-rate * exposure) + 1.0 - share
        giver = np.where(gave, 1.0, 1.0 - (1.0 - share) / silent)  # the chance of one, given what was given
        log = np.where(gave, np.log(share) + number * at[1] - rate * exposure, np.log(silent))
        parts = (giver - share, giver * (number - rate * exposure))
        return -float(log.sum()), np.stack([sessions.per_room(visits.room, part) for part in parts], axis=1)

    start = [np.log(max(scenario.gifts.giver_share, 1e-3)), np.log(max(scenario.gifts.rate_per_h, 1e-2))]
    value, influence = maximum_likelihood(likelihood, start, [(-9.0, 6.0), (-6.0, 7.0)])
    found.add(HURDLE[0], value[0], influence[:, 0], f"{gave.sum():,} givers")
    found.add(HURDLE[1], value[1], influence[:, 1], f"{second:,} second gifts")


def _amounts(found: Auxiliary, sessions: Sessions) -> None:
    """Fit x = ceil(exp(m + s z + t e)), z per giver and e per gift standard normal, by interval censoring.

    P(x | z) = Phi((ln x - m - s z) / t) - Phi((ln(x - 1) - m - s z) / t), integrated over z by Gauss and Hermite.
    """
    gifts = sessions.of_kind(GIFT)
    giver, index = np.unique(gifts.visit, return_inverse=True)
    room = sessions.visits.room[giver]
    amount = np.maximum(np.ceil(gifts.value), 1.0)
    high = np.log(amount)
    low = np.log(np.maximum(amount - 1.0, 1e-300))
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    log_weight = np.log(weight / weight.sum())
    order = np.argsort(index, kind="stable")
    first = np.searchsorted(index[order], np.arange(len(giver)))

    def likelihood(at: np.ndarray) -> tuple[float, np.ndarray]:
        mean, between, within = at[0], np.exp(at[1]), np.exp(at[2])
        centre = mean + between * node[None, :]
        a = np.clip((high[:, None] - centre) / within, -FARTHEST, FARTHEST)
        b = np.clip((low[:, None] - centre) / within, -FARTHEST, FARTHEST)
        log_p = _log_interval(a, b)
        pdf_a = np.exp(-0.5 * a * a - LOG_ROOT_TWO_PI - log_p)
        pdf_b = np.exp(-0.5 * b * b - LOG_ROOT_TWO_PI - log_p)
        shift = -(pdf_a - pdf_b) / within
        spread = -(a * pdf_a - b * pdf_b)
        together = [np.add.reduceat(each[order], first, axis=0) for each in (log_p, shift, spread)]
        joint = together[0] + log_weight[None, :]
        whole = logsumexp(joint, axis=1)
        posterior = np.exp(joint - whole[:, None])
        by_mean = (posterior * together[1]).sum(axis=1)
        by_between = (posterior * together[1] * between * node[None, :]).sum(axis=1)
        scores = (by_mean, by_between, (posterior * together[2]).sum(axis=1))
        return -float(whole.sum()), np.stack([sessions.per_room(room, score) for score in scores], axis=1)

    above = float(np.clip((amount > 1.0).mean(), 0.02, 0.98))
    start = [ndtri(above) * 2.5, np.log(1.5), np.log(1.5)]
    bounds = [(-6.0, 9.0), (np.log(0.02), np.log(6.0)), (np.log(0.05), np.log(6.0))]
    value, influence = maximum_likelihood(likelihood, start, bounds)
    for n, key in enumerate(AMOUNT):
        found.add(key, value[n], influence[:, n], f"{len(amount):,} gifts of {len(giver):,} givers")


def _log_interval(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return log(Phi(a) - Phi(b)) for a > b, from the tail in which both are small."""
    flip = b > 0.0
    top, bottom = np.where(flip, -b, a), np.where(flip, -a, b)
    log_top = log_ndtr(top)
    return log_top + np.log(-np.expm1(np.minimum(log_ndtr(bottom) - log_top, -1e-12)))
