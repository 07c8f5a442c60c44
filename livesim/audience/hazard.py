"""The hazard of a log-normal stay: cumulative hazard at an age, and the age at a cumulative hazard.

Everything works on H = -ln(survival), never on the survival itself, so that nothing underflows however long a stay:
H(a) = -ln Q(z), z = (ln a - mean) / sd, with Q the upper tail of the standard normal. H of an own stay law is a unit
exponential, the threshold of the viewer's clock.
"""

from __future__ import annotations

import math

from livesim.compiled import kernel

LOG_2 = math.log(2.0)
_FAR = 25.0  # from here on Q by its asymptotic series: erfc comes near the smallest double
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


@kernel
def normal_hazard(z):
    """Return H = -ln Q(z) of the standard normal, for any z.

    Below 0 as -ln(1 - Q(-z)), which keeps its relative precision where H is tiny; beyond 25 by the asymptotic series of
    Q (Abramowitz and Stegun 1964, 26.2.12), whose first term left out is below 1e-11 of Q.
    """
    if z < 0.0:
        return -math.log1p(-0.5 * math.erfc(-z * 0.7071067811865476))
    if z < _FAR:
        return -math.log(0.5 * math.erfc(z * 0.7071067811865476))
    w = 1.0 / (z * z)
    series = 1.0 - w * (1.0 - 3.0 * w * (1.0 - 5.0 * w * (1.0 - 7.0 * w)))
    return 0.5 * z * z + math.log(z) + _LOG_SQRT_2PI - math.log(series)


@kernel
def normal_at(hazard):
    """Return z with normal_hazard(z) = hazard > 0.

    The upper tail has the rational approximation of Hastings (Abramowitz and Stegun 1964, 26.2.23, error below
    4.5e-4), refined by two Newton steps on ln Q; the lower half is its mirror image. Absolute error below 1e-12 for
    hazards from 1e-12 to 1e5 (tested against scipy).
    """
    if hazard >= LOG_2:
        return _upper_tail(hazard)
    return -_upper_tail(-math.log(-math.expm1(-hazard)))


@kernel
def _upper_tail(hazard):
    """Return z >= 0 with Q(z) = exp(-hazard), hazard >= ln 2."""
    t = math.sqrt(2.0 * hazard)
    top = 2.515517 + t * (0.802853 + t * 0.010328)
    bottom = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    z = t - top / bottom
    for _ in range(2):
        at = normal_hazard(z)
        slope = math.exp(at - 0.5 * z * z - _LOG_SQRT_2PI)  # density over survival
        z -= (at - hazard) / slope
    return z


@kernel
def hazard_at(age_s, log_mean, log_sd):
    """Return the cumulative hazard of a log-normal stay at an age in seconds; 0 at the entry."""
    if age_s <= 0.0:
        return 0.0
    return normal_hazard((math.log(age_s) - log_mean) / log_sd)


@kernel
def age_at(hazard, log_mean, log_sd):
    """Return the age in seconds at which a log-normal stay has run up a cumulative hazard; 0 for none."""
    if hazard <= 0.0:
        return 0.0
    return math.exp(log_mean + log_sd * normal_at(hazard))
