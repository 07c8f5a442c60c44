"""A paired difference with the luck of training counted beside the luck of a session.

The interval of `differences` speaks of the models at hand. Whoever trains again draws other training seeds, so

    d[s, n] = mean + training[s] + session[n] + rest[s, n]

with both effects random and crossed: every model meets the same sessions. From the mean squares of the table
the variance of its mean is (MS_session + max(MS_training - MS_rest, 0)) / (S N), and the interval is a t interval
with Satterthwaite's degrees of freedom. A crossed bootstrap, which resamples rows and columns, is the obvious
alternative and was rejected: of five rows it resamples too little spread and has no t quantile to make up for it
(`livesim coverage` prints both).

Source: Searle, Casella and McCulloch 1992, "Variance Components", sec. 4.3 (crossed random model); Satterthwaite 1946,
Biometrics Bulletin 2; Owen 2007, Annals of Applied Statistics 1 (what the crossed bootstrap does).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from experiments.statistics.estimates import CONFIDENCE, Estimate


def two_way_difference(ours: np.ndarray, theirs: np.ndarray) -> Estimate:
    """Return the mean of ours (S, N) minus a rule's (1, N), with its interval over training and evaluation seeds.

    One training seed says nothing of other trainings: the interval is NaN.
    """
    table = np.atleast_2d(ours) - np.atleast_2d(theirs)
    rows, columns = table.shape
    mean = float(table.mean())
    if rows < 2 or columns < 2:
        return Estimate(mean, float("nan"), float("nan"))
    of_row, of_column = table.mean(axis=1), table.mean(axis=0)
    rest = table - of_row[:, None] - of_column[None, :] + mean
    # (mean square, its degrees of freedom, sign in the variance)
    training = columns * float(of_row.var(ddof=1))
    session = rows * float(of_column.var(ddof=1))
    noise = float(np.sum(rest**2)) / ((rows - 1) * (columns - 1))
    parts = [(session, columns - 1)]
    if training > noise:
        parts += [(training, rows - 1), (-noise, (rows - 1) * (columns - 1))]
    variance = sum(square for square, _ in parts)
    if variance <= 0.0:
        return Estimate(mean, mean, mean)
    freedom = variance**2 / sum(square**2 / degrees for square, degrees in parts)
    half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * np.sqrt(variance / table.size)
    return Estimate(mean, mean - half, mean + half)
