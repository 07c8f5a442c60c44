"""What a log says by itself: established estimators that know nothing of moods, stalls or the platform.

Each is biased against the number of the scenario that it stands for, because the room modulates that number. It need
not be unbiased: `experiments.logs.inference` compares it with the same estimate of simulated sessions.
"""

from __future__ import annotations

from collections.abc import Callable

from experiments.logs.estimators.ads import ads
from experiments.logs.estimators.arrivals import arrivals
from experiments.logs.estimators.auxiliary import Auxiliary, merged
from experiments.logs.estimators.following import following
from experiments.logs.estimators.giving import giving
from experiments.logs.estimators.shopping import shopping
from experiments.logs.estimators.stays import stays
from experiments.logs.estimators.talking import talking
from experiments.logs.sessions import Sessions
from livesim.scenario import Scenario

Estimator = Callable[[Sessions, Scenario], Auxiliary]
ESTIMATORS: tuple[Estimator, ...] = (arrivals, stays, giving, talking, ads, following, shopping)


def estimate(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return every auxiliary estimate that the sessions allow.

    scenario: what is taken as known: the size of the audience, time constants, the catalogue.
    """
    return merged([estimator(sessions, scenario) for estimator in ESTIMATORS])
