"""Ad formats, campaigns, and how viewers and advertisers answer to ads."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from livesim.audience.config import TOPICS
from livesim.registry import register, resolve_entries
from livesim.schema import Config, number, switch

IMC2013 = "Krishnan and Sitaraman, IMC 2013"


class FormatConfig(Config):
    """One ad format that the host can place. Plug-ins register further ones under the kind "ad_format"."""

    name: str
    creatives: int = number(1, 1, 6, "creatives", "how many creatives play one after the other")
    creative_s: float = number(30, 5, 180, "s", "length of one creative")
    overlay: bool = switch(False, "an overlay leaves the show running")


MID_ROLL_30 = register("ad_format", "mid_roll_30", FormatConfig(name="mid_roll_30"))
MID_ROLL_60 = register("ad_format", "mid_roll_60", FormatConfig(name="mid_roll_60", creatives=2))
OVERLAY = register("ad_format", "overlay", FormatConfig(name="overlay", creative_s=20, overlay=True))


class CampaignConfig(Config):
    """One advertiser's campaign."""

    name: str
    topics: tuple[float, ...] = switch((), "what it is about, one weight per topic; made unit length")
    click_value_credits: float = number(45, 0, 1e5, "credits", "what a click is worth to the advertiser")
    budget_per_viewer: float = number(
        0.9, 0, 1e5, "credits/viewer/2 h", "budget of a two-hour session per planned viewer"
    )
    quality: float = number(1.0, 0.1, 3, "", "creative quality; ranks and clicks")
    frequency_cap: int = number(6, 1, 255, "impressions", "most impressions of this campaign per viewer")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.topics) != len(TOPICS) or not any(self.topics):
            raise ValueError(f"campaign '{self.name}': topics needs {len(TOPICS)} numbers, not all 0")
        return self


DEFAULT_CAMPAIGNS = (
    CampaignConfig(name="comedy_app", topics=(1, 0, 0.3, 0, 0, 0, 0, 0), click_value_credits=36),
    CampaignConfig(name="music_fest", topics=(0, 1, 0, 0.6, 0, 0, 0, 0), click_value_credits=45),
    CampaignConfig(
        name="mobile_game", topics=(0.2, 0, 0, 0, 1, 0, 0, 0), click_value_credits=52, budget_per_viewer=1.2
    ),
    CampaignConfig(
        name="cosmetics", topics=(0, 0, 0, 0.3, 0, 1, 0.2, 0), click_value_credits=50, budget_per_viewer=1.2
    ),
    CampaignConfig(name="snacks", topics=(0.2, 0, 0.2, 0, 0, 0.2, 1, 0), click_value_credits=30, quality=1.2),
    CampaignConfig(name="courses", topics=(0, 0, 0.4, 0, 0.1, 0, 0, 1), click_value_credits=46),
)


class AdsConfig(Config):
    """The ad market of one room and what ads do to its viewers."""

    formats: tuple[FormatConfig, ...] = switch(
        (MID_ROLL_30, MID_ROLL_60, OVERLAY),
        "placeable formats, in action order: registered names or full entries; none: a room without ads",
    )
    campaigns: tuple[CampaignConfig, ...] = switch(DEFAULT_CAMPAIGNS, "campaigns that bid")
    auction: Literal["second_price", "first_price"] = switch("second_price", "what the winner pays")
    reserve_credits: float = number(0.03, 0, 1000, "credits", "lowest price of one mid-roll impression")
    preroll: bool = switch(True, "strangers see a pre-roll unless the break credit is running")
    preroll_s: float = number(15, 5, 60, "s", "length of the pre-roll")
    preroll_viewable_s: float = number(5, 0, 30, "s", "a pre-roll counts as started after this long")
    preroll_bounce: float = number(
        0.12, 0, 1, "probability", "strangers driven away by a pre-roll", "forum claim 10-35 %"
    )
    preroll_value: float = number(0.6, 0, 2, "ratio", "price of a pre-roll over a mid-roll")
    credit_s_per_s: float = number(20, 0, 200, "s/s", "pre-roll-free time bought per second of mid-roll", "Twitch rule")
    min_gap_s: float = number(60, 0, 3600, "s", "shortest time between two ads")
    complete_base: float = number(1.15, -4, 6, "logit", "completion of a 15 s pre-roll", IMC2013)
    complete_mid: float = number(0.9, -2, 4, "logit", "mid-roll over pre-roll", IMC2013)
    complete_length: float = number(-0.02, -0.2, 0, "logit/s", "per second over 15", IMC2013)
    complete_follower: float = number(0.5, -2, 4, "logit", "followers", IMC2013)
    complete_relevance: float = number(0.4, 0, 3, "logit/sd", "relevance")
    complete_load: float = number(-0.35, -3, 0, "logit/ad min in 30", "ad load")
    click_mid: float = number(
        0.003, 0, 0.5, "probability", "click-through of a mid-roll at relevance 0", "benchmarks .3-.6 %"
    )
    click_overlay: float = number(0.0012, 0, 0.5, "probability", "click-through of an overlay", "benchmark .1 %")
    click_relevance: float = number(1.0, 0, 3, "log/sd", "effect of relevance")
    click_seen: float = number(-0.25, -3, 0, "log", "per earlier impression of the same campaign")
    conversion: float = number(0.05, 0, 1, "probability", "a click converts, credited to the last click")
    market_sd: float = number(0.45, 0, 2, "log", "spread of the common factor of bids")
    market_time_s: float = number(1200, 30, 86_400, "s", "its correlation time")
    market_load: float = number(-0.10, -2, 0, "log/ad min in 30", "bids fall with load")
    pacing_gain: float = number(1.0, 0, 10, "", "how strongly campaigns steer towards their schedule")
    overlay_value: float = number(0.25, 0, 2, "ratio", "price of an overlay over a mid-roll")
    overlay_load: float = number(0.35, 0, 1, "ratio", "load and irritation of an overlay second over a mid-roll second")
    leave_base: float = number(1.6, 1, 10, "ratio", "leave rate during a mid-roll")
    leave_load: float = number(0.25, 0, 3, "1/ad min in 30", "its growth with load")
    leave_highlight: float = number(1.2, 0, 10, "", "its growth with a full highlight")
    leave_pause: float = number(0.7, 0.1, 1, "ratio", "at a natural pause: within this long of a change of item")
    pause_s: float = number(30, 0, 300, "s", "how long after a change of item the pause is natural")
    leave_overlay: float = number(1.05, 1, 5, "ratio", "leave rate during an overlay")
    irritation_per_s: float = number(0.006, 0, 0.5, "mood/s", "irritation from one second of mid-roll")
    irritation_half_life_s: float = number(600, 10, 86_400, "s", "its half-life")
    load_limit_min_per_h: float = number(8, 0, 60, "min/h", "ad minutes per hour over this are a constraint cost")

    @field_validator("formats", mode="before")
    @classmethod
    def _named_formats(cls, value: Any) -> Any:
        return resolve_entries("ad_format", value, "ads.formats")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.campaigns:
            raise ValueError("ads.campaigns needs at least one entry (budget 0 switches a campaign off)")
        if len(self.campaigns) > 16:
            raise ValueError("ads.campaigns: at most 16")
        return self
