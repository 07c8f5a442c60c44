"""Ads: who watches a creative to its end, and who clicks."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from experiments.logs.estimators.auxiliary import Auxiliary, maximum_likelihood, too_few
from experiments.logs.schema import AD_COMPLETE, AD_START, CLICK, POSITIONS
from experiments.logs.sessions import Sessions
from livesim.scenario import Scenario

PRE, MID, OVERLAY = range(len(POSITIONS))
BASE, OVER_PRE, LENGTH, LOYAL = (
    "ads.complete_base", "ads.complete_mid", "ads.complete_length", "ads.complete_follower",
)  # fmt: skip
SHORT_S = 15.0


def ads(sessions: Sessions, scenario: Scenario) -> Auxiliary:
    """Return the logits of completion, and log click-through by position."""
    found = Auxiliary()
    _completion(found, sessions, scenario)
    done, clicks = sessions.of_kind(AD_COMPLETE), sessions.of_kind(CLICK)
    for key, positions, what in (
        ("ads.click_mid", (PRE, MID), "clicks on rolls"), ("ads.click_overlay", (OVERLAY,), "clicks on overlays"),
    ):  # fmt: skip
        top = sessions.per_room(clicks.room[np.isin(clicks.position, positions)])
        found.add_ratio(key, top, sessions.per_room(done.room[np.isin(done.position, positions)]), what)
    return found


def watched(sessions: Sessions) -> tuple[np.ndarray, ...]:
    """Return room, position, length in s, whether the viewer follows, and whether it was completed, of creatives.

    Rolls whose viewer stayed, and whose session lasted, as long as they run; overlays run out by themselves. A start
    is completed where the next ad event of its stay is a completion.
    """
    start, done = sessions.of_kind(AD_START), sessions.of_kind(AD_COMPLETE)
    time_s = np.concatenate([done.time_s, start.time_s])
    visit = np.concatenate([done.visit, start.visit])
    is_start = np.concatenate([np.zeros(len(done.room), bool), np.ones(len(start.room), bool)])
    order = np.lexsort((is_start, time_s, visit))
    completed = np.zeros(len(order), dtype=bool)
    completed[order[:-1]] = (visit[order[1:]] == visit[order[:-1]]) & ~is_start[order[1:]]
    completed = completed[len(done.room) :]
    stayed = sessions.visits.left_s[start.visit] >= start.time_s + start.value
    chosen = stayed & np.isin(start.position, (PRE, MID))
    follows = sessions.follows_from_s[start.visit] <= start.time_s
    columns = (start.room, start.position, start.value, follows, completed)
    return tuple(column[chosen] for column in columns)


def _completion(found: Auxiliary, sessions: Sessions, scenario: Scenario) -> None:
    """Fit a logistic regression on position, following and, where it varies within a position, length."""
    room, position, length, follows, completed = watched(sessions)
    mid = position == MID
    keys, columns = [BASE], [np.ones(len(room))]
    lost = (~completed[~mid]).sum()
    if too_few(found, [BASE], min(lost, completed[~mid].sum()), "pre-rolls completed, or not"):
        found.missing.update(dict.fromkeys((OVER_PRE, LOYAL, LENGTH), "no pre-rolls to compare with"))
        return
    fewer = min(completed[mid].sum(), (~completed[mid]).sum())
    if not too_few(found, [OVER_PRE], fewer, "mid-rolls completed, or not"):
        keys.append(OVER_PRE)
        columns.append(mid.astype(float))
        if not too_few(found, [LOYAL], (~completed & follows).sum(), "rolls not completed by followers"):
            keys.append(LOYAL)
            columns.append(follows.astype(float))
    else:
        found.missing[LOYAL] = "no mid-rolls: followers see no others"
    kinds = {form.creative_s for form in scenario.ads.formats if not form.overlay}
    offset = scenario.ads.complete_length * (length - SHORT_S)
    if OVER_PRE in keys and len(np.unique(length[mid])) > 1 and len(kinds) > 1:
        keys.append(LENGTH)
        columns.append(length - SHORT_S)
        offset = np.zeros(len(room))
    else:
        found.missing[LENGTH] = (
            "every mid-roll has the same length" if len(np.unique(length[mid])) < 2 else
            "the formats of the base have one length: give it those of the log"
        )  # fmt: skip
    x = np.stack(columns, axis=1)

    def likelihood(at: np.ndarray) -> tuple[float, np.ndarray]:
        logit = x @ at + offset
        rest = completed - expit(logit)
        scores = np.stack([sessions.per_room(room, rest * column) for column in columns], axis=1)
        return float((np.logaddexp(0.0, logit) - completed * logit).sum()), scores

    value, influence = maximum_likelihood(likelihood, [0.0] * len(keys), [(-20.0, 20.0)] * len(keys))
    for n, key in enumerate(keys):
        found.add(key, value[n], influence[:, n], f"{len(room):,} rolls")
