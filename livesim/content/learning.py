"""What a viewer understands of what is taught: attention makes it grow, a quiz makes it stay."""

from __future__ import annotations

import math

from livesim.audience.patience import sigma
from livesim.compiled import kernel
from livesim.ledger import LEARNED


@kernel
def learn(v, p, ledger, watched_s):
    """Let a viewer follow a lesson for `watched_s` seconds of playing picture.

    dk/dt = learn_per_h x engagement x (1 - k): the less is left to learn the slower it goes, and who is bored or
    badly served learns slowly (assumed).
    """
    gain = (1.0 - v.known) * (1.0 - math.exp(-p.learn_per_h / 3600.0 * sigma(v.mood) * watched_s))
    v.known += gain
    ledger[LEARNED] += gain


@kernel
def rehearse(v, teaches, ledger):
    """Let a viewer answer questions about what they learned since they were last asked.

    k <- k + teaches (k - asked) (1 - k), and asked <- k: rehearsing works on a stock that lessons fill and each quiz
    uses up, so asking the same again teaches nothing (assumed).
    """
    gain = teaches * (v.known - v.asked) * (1.0 - v.known)
    v.known += gain
    v.asked = v.known
    ledger[LEARNED] += gain
