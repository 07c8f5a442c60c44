"""The form of an auxiliary estimate: a value on the scale of its parameter, and what each room contributes to it.

The contribution of a room is its influence: weighting room r by w_r moves the estimate by (w_r - 1) x influence_r, to
first order. For a maximum likelihood estimate it is one Newton step from the whole sample, -H^-1 x score_r, so that
a bootstrap over rooms costs a matrix product (the one-step bootstrap: Davidson and MacKinnon 1999, "Bootstrap testing
in nonlinear models"; for sums of scores Kline and Santos 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import approx_fprime, minimize

FEWEST = 10
"""Events below which nothing is estimated from them."""


@dataclass
class Auxiliary:
    """Estimates by parameter key: values, influences (S,), how many events they rest on, and what is missing why."""

    value: dict[str, float] = field(default_factory=dict)
    influence: dict[str, np.ndarray] = field(default_factory=dict)
    count: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: float, influence: np.ndarray, count: str) -> None:
        """Add one estimate; one that is not a finite number is missing."""
        if not (np.isfinite(value) and np.isfinite(influence).all()):
            self.missing[key] = f"no finite estimate from {count}"
            return
        self.value[key], self.influence[key], self.count[key] = float(value), influence, count

    def add_ratio(
        self, key: str, top: np.ndarray, bottom: np.ndarray, what: str, scale: float = 1.0, unit: float = 1.0
    ) -> None:
        """Add log(scale x sum of top / sum of bottom) / unit.  top, bottom: (S,) counts and exposure per room."""
        if too_few(self, [key], top.sum(), what) or bottom.sum() <= 0:
            self.missing.setdefault(key, f"nobody was exposed to {what}")
            return
        value = np.log(scale * top.sum() / bottom.sum())
        self.add(key, value / unit, (top / top.sum() - bottom / bottom.sum()) / unit, f"{top.sum():,.0f} {what}")


def merged(parts: Iterable[Auxiliary]) -> Auxiliary:
    """Return all estimates together."""
    whole = Auxiliary()
    for part in parts:
        for name in ("value", "influence", "count", "missing"):
            getattr(whole, name).update(getattr(part, name))
    return whole


def too_few(found: Auxiliary, keys: Sequence[str], number: float, what: str, fewest: int = FEWEST) -> bool:
    """Return whether there are too few events for some parameters, and note it."""
    if number >= fewest:
        return False
    found.missing.update(dict.fromkeys(keys, f"{number:,.0f} {what}; at least {fewest} are needed"))
    return True


Likelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Parameters (p,) -> negative log-likelihood, and the score of every room (S, p)."""


def maximum_likelihood(
    likelihood: Likelihood, start: Sequence[float], bounds: Sequence[tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the estimate (p,) and the influence of every room (S, p); the Hessian is by differences of scores."""

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, scores = likelihood(at)
        return value, -scores.sum(axis=0)

    options = {"maxiter": 500, "ftol": 1e-11, "gtol": 1e-6}
    best = minimize(loss, np.asarray(start, dtype=float), jac=True, method="L-BFGS-B", bounds=list(bounds),
                    options=options)  # fmt: skip
    hessian = np.atleast_2d(approx_fprime(best.x, lambda at: loss(at)[1], 1e-5))
    scores = likelihood(best.x)[1]
    try:
        influence = np.linalg.solve(0.5 * (hessian + hessian.T), scores.T).T
    except np.linalg.LinAlgError:
        influence = np.full(scores.shape, np.nan)
    return best.x, influence
