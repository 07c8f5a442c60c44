"""Who comes, how long they stay, what they like, and how their mood moves."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from livesim.schema import Config, number, switch

TOPICS = ("comedy", "music", "chat", "dance", "games", "beauty", "food", "learning")
KUAILIVE = "KuaiLive stay quantiles as published with GiftLive (4.87 s, 1,026 s, 9,231 s)"
TWITCH_FR = "computed from 1,508 French Twitch streams, 2019 (public snapshot data)"
HOURS_TWITCH_KUAISHOU = (
    "geometric mean of two local-time profiles, French Twitch viewers 2019 and KuaiLive gifts 2025 (arXiv 2508.05633), "
    "scaled to mean 1 from 20 to 22 h"
)
WEEKEND_TWITCH_FR = (
    "French Twitch viewers, 2019: Saturday and Sunday over the mean of the working days, which six weeks of holidays "
    "cannot tell apart"
)


class Segment(Config):
    """One taste group: its share of the population and the centre of its members' tastes (made unit length)."""

    name: str
    share: float = number(1.0, 0.0, 1e6, "relative", "weight in the population")
    centre: tuple[float, ...] = switch((), "one weight per topic")

    @model_validator(mode="after")
    def _centre_fits(self) -> Self:
        if len(self.centre) != len(TOPICS) or not any(self.centre):
            raise ValueError(
                f"segment '{self.name}': centre needs {len(TOPICS)} numbers, not all 0 ({', '.join(TOPICS)})"
            )
        return self


DEFAULT_SEGMENTS = (
    Segment(name="laughers", share=0.24, centre=(1.0, 0.2, 0.5, 0.1, 0.1, 0.0, 0.1, 0.0)),
    Segment(name="listeners", share=0.20, centre=(0.1, 1.0, 0.2, 0.4, 0.0, 0.0, 0.0, 0.0)),
    Segment(name="dancers", share=0.16, centre=(0.1, 0.5, 0.1, 1.0, 0.0, 0.3, 0.0, 0.0)),
    Segment(name="players", share=0.16, centre=(0.3, 0.0, 0.2, 0.0, 1.0, 0.0, 0.1, 0.2)),
    Segment(name="shoppers", share=0.14, centre=(0.0, 0.1, 0.2, 0.1, 0.0, 1.0, 0.6, 0.0)),
    Segment(name="learners", share=0.10, centre=(0.1, 0.0, 0.5, 0.0, 0.2, 0.0, 0.2, 1.0)),
)


class AudienceConfig(Config):
    """Arrivals, traits, patience, mood and following of the viewers of one room."""

    planned_viewers: float = number(
        300, 5, 200_000, "viewers", "size of the audience: all arrival rates and edge capacities scale with it"
    )
    segments: tuple[Segment, ...] = switch(DEFAULT_SEGMENTS, "taste groups")

    # Arrivals
    feed_entries_per_viewer_hour: float = number(
        5.0, 0, 100, "entries/viewer/h", "feed entries per planned viewer and hour at boost 1"
    )
    follower_entries_per_viewer: float = number(
        3.4,
        0,
        50,
        "entries/viewer/2 h",
        "follower entries of a two-hour session per planned viewer: followers times their turnout",
    )
    follower_arrivals: Literal["turnout", "roster"] = switch(
        "turnout", "followers come at a rate, as many as do; or they are a fixed list of invited people"
    )
    roster_per_viewer: float = number(1.6, 0, 50, "people/viewer", "invited people per planned viewer; roster only")
    roster_attendance: float = number(0.7, 0, 1, "probability", "an invited person attends")
    roster_on_time: float = number(0.6, 0, 1, "share", "of them are there within the first minute")
    roster_late_s: float = number(420, 10, 7200, "s", "mean delay of the others, exponential")
    search_share: float = number(0.05, 0, 1, "share of feed", "search entries over feed entries")
    notification_share: float = number(0.12, 0, 0.3, "share", "followers who come on the notification pulse", TWITCH_FR)
    notification_decay_s: float = number(900, 10, 7200, "s", "time constant of the pulse", TWITCH_FR)
    count_size: float = number(10, 0.5, 1000, "", "size of the negative binomial counts per tick")
    modulator_sd: float = number(0.10, 0, 1, "log", "stationary sd of the arrival modulator", TWITCH_FR)
    modulator_corr_15min: float = number(0.65, 0, 0.99, "", "its autocorrelation at 15 min", TWITCH_FR)
    hour_curve: tuple[float, ...] = switch(
        (
            0.66, 0.42, 0.26, 0.18, 0.13, 0.13, 0.14, 0.15, 0.17, 0.20, 0.25, 0.32,
            0.39, 0.41, 0.40, 0.40, 0.42, 0.48, 0.58, 0.76, 0.96, 1.05, 1.05, 0.89,
        ),
        "level of arrivals in the middle of each local hour from 0 to 23 h, 1 as planned; with session.clock on",
        HOURS_TWITCH_KUAISHOU,
    )
    weekday_factors: tuple[float, ...] = switch(
        (1.0, 1.0, 1.0, 1.0, 1.0, 1.13, 1.33), "factor of each weekday, Monday first; with session.clock on",
        WEEKEND_TWITCH_FR,
    )
    boost_interval_s: float = number(300, 30, 3600, "s", "time between two re-allocations of feed exposure")
    boost_exponent: float = number(0.5, 0, 1, "", "weight of the newest score in the boost")
    boost_gain: float = number(
        2.0, 0, 8, "", "how sharply exposure follows the score: settled boost = (score/ref)^gain"
    )
    boost_start: float = number(0.5, 0.05, 3, "ratio", "boost of a room that has just opened: exposure is tested first")
    boost_min: float = number(0.3, 0.05, 1, "ratio", "lowest boost")
    boost_max: float = number(3.0, 1, 10, "ratio", "highest boost; feed candidates are drawn at this rate and thinned")
    boost_reference: float = number(
        0.542, 0.01, 10, "score", "score at which boost stays 1: output of `livesim calibrate`", "calibration run"
    )
    segment_piece_s: float = number(1500, 60, 86_400, "s", "mean length of a piece of constant feed mix")
    segment_moving_share: float = number(0.7, 0, 1, "share", "feed entries that follow the moving mix")
    segment_concentration: float = number(4.0, 0.1, 1000, "", "Dirichlet concentration of the moving mix")
    share_rate_per_h: float = number(0.4, 0, 10, "1/h", "hazard of sharing a clip at engagement 0")
    share_entries: float = number(0.3, 0, 10, "entries", "mean entries that one share brings")
    share_delay_log_mean: float = number(4.0, 0, 8, "log s", "delay of these entries")
    share_delay_log_sd: float = number(1.0, 0.01, 3, "log s", "its spread")

    # Patience
    patience: Literal["accelerated", "proportional"] = switch(
        "accelerated",
        "what mood, ads and stalls act on: the time a stay takes (accelerated failure time) or its hazard at each age "
        "(proportional hazards); the same stays where nothing acts",
    )
    bounce_feed: float = number(0.60, 0, 1, "probability", "bouncers among feed entries", KUAILIVE)
    bounce_follower: float = number(0.20, 0, 1, "probability", "bouncers among follower entries")
    bounce_search: float = number(0.40, 0, 1, "probability", "bouncers among search entries")
    bounce_clip: float = number(0.35, 0, 1, "probability", "bouncers among clip entries")
    bounce_raid: float = number(0.45, 0, 1, "probability", "bouncers among raiders")
    bounce_match: float = number(0.6, 0, 3, "logit/sd", "standardised match lowers bouncing")
    bounce_highlight: float = number(0.5, 0, 3, "logit", "a highlight at entry lowers bouncing")
    bouncer_log_mean: float = number(0.73, -2, 4, "log s", "bouncers' stay", KUAILIVE)
    bouncer_log_sd: float = number(0.90, 0.05, 3, "log s", "its spread", KUAILIVE)
    engaged_log_mean: float = number(5.78, 2, 10, "log s", "engaged strangers' stay", KUAILIVE)
    engaged_log_sd: float = number(1.71, 0.05, 3, "log s", "its spread", KUAILIVE)
    follower_log_mean: float = number(7.17, 2, 10, "log s", "engaged followers' stay", "LiveRec: 31.4 min mean")
    follower_log_sd: float = number(0.90, 0.05, 3, "log s", "its spread", "LiveRec")
    stay_cap_s: float = number(14_400, 60, 86_400, "s", "longest patience")
    leave_mood: float = number(0.45, 0, 2, "1/mood", "patience burns at exp(-this (mood - mean))")
    mood_mean: float = number(
        0.3, -2, 2, "mood", "long-run mean mood: output of `livesim calibrate`", "calibration run"
    )
    leave_stall: float = number(
        6.5,
        0,
        50,
        "",
        "extra burn per stalled share",
        "1 % stall costs 5 % of watch time (Krishnan and Sitaraman 2012)",
    )
    follower_stall_patience: float = number(0.5, 0, 1, "ratio", "followers' stall burn over others'", "Ma et al. 2017")

    # Taste and mood
    taste_spread: float = number(0.35, 0, 2, "", "noise added to the segment centre per topic")
    taste_drift: float = number(0.02, 0, 0.5, "1/engaged min", "pull of taste towards what is watched")
    signature_weight: float = number(0.25, 0, 1, "", "weight of the host's signature in what is on")
    mood_time_s: float = number(180, 10, 3600, "s", "relaxation time of mood")
    mood_match: float = number(0.8, 0, 3, "mood/sd", "effect of standardised match")
    mood_energy: float = number(0.6, 0, 3, "mood", "effect of host energy")
    mood_stall: float = number(1.2, 0, 5, "mood", "effect of the stalled share")
    mood_quality: float = number(0.3, 0, 3, "mood", "effect of missing picture quality")
    mood_boredom: float = number(0.9, 0, 3, "mood", "effect of full boredom", range=(0.5, 0.9))
    mood_product: float = number(0.3, 0, 3, "mood", "cost of a product on screen")
    mood_acknowledged: float = number(0.4, 0, 3, "mood", "effect of having been named")
    mood_crowd: float = number(0.15, 0, 1, "share", "pull to the room mean per relaxation time")
    mood_noise_sd: float = number(0.15, 0, 2, "mood", "sd of the viewer's own mood noise per minute")
    boredom_time_s: float = number(420, 30, 7200, "s", "boredom grows as 1 - exp(-dwell / this)")
    boredom_memory: float = number(0.8, 0, 1, "share", "boredom kept when an item returns, once the first of it has faded")
    boredom_recovery_s: float = number(2400, 60, 86_400, "s", "recovery time of remembered boredom")

    # Following, complaining, coming back
    follow_entry_prob: float = number(
        0.015, 0, 0.5, "probability", "follows right after entry", "Twitch 2018 followers/views"
    )
    follow_minute_prob: float = number(
        0.02, 0, 0.5, "probability", "follows in the second minute", "Twitch 2018 followers/views"
    )
    follow_late_prob: float = number(
        0.04, 0, 0.5, "probability", "follows spread over the first half hour after that at match 0"
    )
    follow_match: float = number(0.5, 0, 2, "1/sd", "match raises late following")
    complaint_rate_per_h: float = number(0.6, 0, 60, "1/h", "complaints per viewer and unit of irritation above .3")
    return_base: float = number(-2.0, -8, 4, "logit", "coming back: base")
    return_mood: float = number(0.8, 0, 4, "logit/mood", "coming back: mood")
    return_stay_s: float = number(60, 1, 3600, "s", "a stay counts towards coming back as 1 - exp(-stay / this)")

    @model_validator(mode="after")
    def _check_levels(self) -> Self:
        for name, count, what in (("hour_curve", 24, "hour"), ("weekday_factors", 7, "weekday")):
            levels = getattr(self, name)
            if len(levels) != count:
                raise ValueError(f"{name}: one number per {what}, {count} in all, got {len(levels)}")
            if wrong := [level for level in levels if not 0.0 <= level <= 100.0]:
                raise ValueError(f"{name}: every number from 0 to 100, got {wrong[0]:g}")
        return self
