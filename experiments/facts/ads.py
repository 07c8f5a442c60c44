"""Facts about ads: who watches them to the end, clicks, or leaves."""

from __future__ import annotations

import numpy as np

from experiments.facts.measures import matched, measures, totals
from experiments.facts.pooling import Pooled, divided, minus, ratio
from experiments.facts.sessions import Session
from experiments.facts.waiting import lost_by
from experiments.facts.world import World
from livesim.audience.state import FEED


def _in_overlay(world: World, session: Session) -> np.ndarray:
    overlays = [n for n, form in enumerate(world.scenario.ads.formats) if form.overlay]
    return np.isin(session.on[:, 1], overlays)


def completions(world: World, session: Session) -> dict[str, float]:
    """Return impressions and completions of pre-rolls and mid-rolls; decisions with an overlay are left out."""
    kept = ~_in_overlay(world, session)
    column = {name: float(session.column(name)[kept].sum()) for name in (
        "ad_impressions", "ad_completed", "preroll_impressions", "preroll_completed",
    )}  # fmt: skip
    column["mid_impressions"] = column["ad_impressions"] - column["preroll_impressions"]
    column["mid_completed"] = column["ad_completed"] - column["preroll_completed"]
    return column


def _completion(world: World, slot: str) -> Pooled:
    counts = [completions(world, session) for session in world["as it is"]]
    return ratio([c[f"{slot}_completed"] for c in counts], [c[f"{slot}_impressions"] for c in counts])


@measures("completion_pre")
def completion_pre(world: World) -> Pooled:
    """Return the share of pre-rolls watched to the end."""
    return _completion(world, "preroll")


@measures("completion_mid")
def completion_mid(world: World) -> Pooled:
    """Return the share of mid-rolls watched to the end."""
    return _completion(world, "mid")


@measures("completion_ratio")
def completion_ratio(world: World) -> Pooled:
    """Return mid-roll completion over pre-roll completion."""
    return divided(completion_mid(world), completion_pre(world))


@measures("loading_over_ads")
def loading_over_ads(world: World) -> Pooled:
    """Return strangers lost in 10 s of waiting over those lost in 10 s of a pre-roll, above those lost anyway."""
    quick = lost_by(world["quick start"], 10.0)
    waiting = minus(lost_by(world["endless start"], 10.0), quick)
    return divided(waiting, minus(lost_by(world["pre-rolls, no bouncers"], 10.0), quick))


@measures("ctr_in_stream")
def ctr_in_stream(world: World) -> Pooled:
    """Return the click-through of pre-rolls and mid-rolls in percent."""
    return _click_through(world, "as it is", overlays=False)


@measures("ctr_overlay")
def ctr_overlay(world: World) -> Pooled:
    """Return the click-through of overlays in percent, one every ten minutes."""
    return _click_through(world, "overlays", overlays=True)


def _click_through(world: World, treatment: str, overlays: bool) -> Pooled:
    clicks, shown = [], []
    for session in world[treatment]:
        kept = _in_overlay(world, session) == overlays
        clicks.append(session.column("ad_clicks")[kept].sum())
        shown.append(session.column("ad_impressions")[kept].sum())
    return ratio(clicks, shown, 100.0)


@measures("ad_load_cost")
def ad_load_cost(world: World) -> Pooled:
    """Return the percentage of stay that the same viewers lose per 3 min of mid-roll an hour."""
    lost, calm = [], []
    for ours, theirs in zip(world["mid-rolls only"], world["no ads"], strict=True):
        a, b = matched(ours, theirs)
        calm.append(theirs.stays.stay_s[b].sum())
        lost.append(calm[-1] - ours.stays.stay_s[a].sum())
    hours = np.array([session.seen_s / 3600.0 for session in world["mid-rolls only"]])
    load = ratio(totals(world["mid-rolls only"], "ad_s") / 60.0, hours)
    return lambda weights: 100.0 * ratio(lost, calm)(weights) * 3.0 / load(weights)


@measures("preroll_bounce")
def preroll_bounce(world: World) -> Pooled:
    """Return the share of strangers gone when the pre-roll ends, of those who would be there without it."""
    length_s = world.scenario.ads.preroll_s
    gone, would_stay = [], []
    for ours, theirs in zip(world["pre-rolls for ever"], world["no ads"], strict=True):
        a, b = matched(ours, theirs)
        stays = (theirs.stays.source[b] == FEED) & (theirs.stays.stay_s[b] > length_s)
        gone.append((ours.stays.has_left[a] & (ours.stays.stay_s[a] <= length_s) & stays).sum())
        would_stay.append(stays.sum())
    return ratio(gone, would_stay)
