"""The network section of a scenario: last-mile lines, edges, the player and its patience at start-up."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from livesim.network.state import RUNGS, WORKERS
from livesim.schema import Config, number, switch

_TRACES = "public traces: Riiser 2013, van der Hooft 2016, Raca 2020, Narayanan 2020, Lv 2022"
_DASH = "dash.js and Sabre defaults (Spiteri et al. 2018, doi:10.1145/3204949.3204953)"
_BBA = "Huang et al. 2014, scaled to a short buffer"
_STALLION = "Gutterman et al. 2020, doi:10.1145/3339825.3397044; number assumed"
_PATIENCE = "Krishnan and Sitaraman 2012, doi:10.1145/2398776.2398799"


class AccessLine(Config):
    """One kind of last mile: how many viewers use it and how its rate moves."""

    name: str = Field(description="name of the access type")
    kinds: tuple[str, ...] = Field(
        default=(), description="kinds of measured traces that serve this access type, beside its own name"
    )
    share: float = number(1.0, 1e-6, 1.0, "weight", "share of viewers, relative to the other access types")
    mean_kbps: float = number(20_000, 50, 1e6, "kbit/s", "mean rate of a synthetic line before caps", _TRACES)
    log_sd: float = number(0.5, 0.0, 2.5, "ln", "spread of the rate from second to second (log)", _TRACES)
    lag1: float = number(0.87, 0.0, 0.999, "1", "lag-1 autocorrelation of the log rate at 1 s", _TRACES)
    viewer_log_sd: float = number(0.4, 0.0, 2.0, "ln", "spread of the mean between viewers (log)", _TRACES)
    outages_per_h: float = number(5.0, 0.0, 600.0, "1/h", "outages of a synthetic line", _TRACES)
    outage_s: float = number(3.3, 1.0, 120.0, "s", "mean length of an outage of a synthetic line", _TRACES)
    rtt_ms: float = number(50, 1, 2000, "ms", "median round trip time to the edge")
    loss: float = number(1e-4, 1e-7, 0.2, "1", "packet loss: caps a synthetic line at MSS/rtt sqrt(3/(2 loss))")


def _default_access() -> tuple[AccessLine, ...]:
    """Return a believable mobile-first audience.

    Shares, rtt and loss are assumed; rates and outages are near those of public traces of the kind. Public
    fixed lines are all slow ones, so the fixed line here is an assumed fast one.
    """
    return (
        AccessLine(name="wifi", kinds=("mixed-home", "mixed"), share=0.50, mean_kbps=25_000, log_sd=0.40,
                   lag1=0.91, viewer_log_sd=0.60, outages_per_h=4, outage_s=4, rtt_ms=30, loss=5e-5),
        AccessLine(name="fixed", kinds=("satellite", "leo"), share=0.12, mean_kbps=40_000, log_sd=0.25,
                   lag1=0.80, viewer_log_sd=0.50, outages_per_h=1, outage_s=4, rtt_ms=25, loss=2e-5),
        AccessLine(name="4g", share=0.27, mean_kbps=20_000, log_sd=0.70,
                   lag1=0.81, viewer_log_sd=0.40, outages_per_h=11, outage_s=3.3, rtt_ms=50, loss=1e-4),
        AccessLine(name="5g", kinds=("5g-mmwave", "5gmm"), share=0.08, mean_kbps=50_000, log_sd=0.90,
                   lag1=0.86, viewer_log_sd=0.50, outages_per_h=20, outage_s=2, rtt_ms=35, loss=5e-5),
        AccessLine(name="3g", share=0.03, mean_kbps=1_800, log_sd=0.70,
                   lag1=0.92, viewer_log_sd=0.40, outages_per_h=40, outage_s=5, rtt_ms=120, loss=3e-4),
    )  # fmt: skip


class NetworkConfig(Config):
    """Everything between the encoder and the screen."""

    traces: str | None = Field(
        default=None, description="folder of CSVs with header time_s,bandwidth_kbps; null: synthetic lines"
    )
    trace_kinds: tuple[str, ...] = Field(
        default=(), description="kinds of measured traces that are used; none named: all kinds of the folder"
    )
    trace_split: Literal["all", "train", "evaluation"] = switch(
        "all", "measured traces that are used: all, or those for training (4 of 5 of each access type), or the rest"
    )
    access: tuple[AccessLine, ...] = Field(
        default_factory=_default_access,
        description="mix of access types; with a folder of traces its shares and round trip times count",
    )
    synthetic_traces: int = number(32, 1, 1000, "1", "synthetic lines per access type; viewers start anywhere")
    synthetic_length_s: int = number(1800, 60, 14_400, "s", "length of a synthetic line before it repeats")
    measured_log_sd: float = number(0.25, 0.0, 2.0, "ln", "spread of viewers around a measured trace (log)")
    rtt_log_sd: float = number(0.30, 0.0, 2.0, "ln", "spread of the round trip time between viewers (log)")

    kappa: float = number(
        2.0, 0.05, 100.0, "1", "edge capacity over planned demand: 2 easy, 1 tight; where a fair share is below the "
        "lowest rung, allowed, even the lowest rendition stalls",
    )  # fmt: skip
    edge_shares: tuple[float, ...] = Field(
        default=(0.5, 0.3, 0.2),
        description="share of viewers and of capacity of each edge, one entry per region",
        json_schema_extra={"unit": "share", "source": "assumed"},
    )
    failover_s: float = number(
        1.5, 0.0, 60.0, "s", "from the end of an edge to the request at the next: detection and connection"
    )
    origin_s: float = number(
        0.15, 0.0, 10.0, "s", "the first request at an edge for a segment and rung waits this much more"
    )
    ladder_kbps: tuple[float, ...] = Field(
        default=(300.0, 750.0, 1200.0, 1850.0, 2850.0, 6000.0),
        description="bitrate of each rung, rising",
        json_schema_extra={"unit": "kbit/s", "source": "the usual ladder of ABR papers"},
    )
    wanted_rung: int = number(3, 0, 31, "index", "rung that edges are planned for (3 = 1850 kbit/s)")
    segment_s: float = number(2.0, 0.5, 10.0, "s", "media time of one segment", _DASH)
    buffer_cap_s: float = number(8.0, 1.0, 120.0, "s", "a request goes out only if it fits under this", _DASH)

    rule: Literal["throughput", "buffer", "rate", "stallion"] = switch(
        "stallion",
        "choice of the next rung: averages of throughput, buffer level, harmonic mean of 5 rates, or Stallion's "
        "mean less deviations for live streams",
    )
    safety: float = number(0.9, 0.1, 1.0, "1", "share of the estimate that the throughput rule uses", _DASH)
    ewma_fast_s: float = number(3.0, 0.1, 120.0, "s", "half-life of the fast throughput average", _DASH)
    ewma_slow_s: float = number(8.0, 0.1, 240.0, "s", "half-life of the slow throughput average", _DASH)
    low_buffer_safety: float = number(
        0.5, 0.05, 1.0, "1", "throughput rule: share of what can come before the buffer runs dry", _DASH
    )
    abandon_grace_s: float = number(
        0.5, 0.05, 60.0, "s", "throughput rule: a download is not abandoned sooner after its request", _DASH
    )
    abandon_segments: float = number(
        1.8, 1.0, 100.0, "segments", "throughput rule: abandons what would take longer than this", _DASH
    )
    stallion_rate_sd: float = number(1.0, 0.0, 5.0, "sd", "Stallion: deviations taken off the throughput", _STALLION)
    stallion_latency_sd: float = number(1.25, 0.0, 5.0, "sd", "Stallion: deviations added to the latency", _STALLION)
    reservoir_share: float = number(0.2, 0.0, 0.9, "1", "buffer rule: lowest rung below this of the cap", _BBA)
    cushion_share: float = number(0.6, 0.05, 1.0, "1", "buffer rule: top rung at this share of the cap", _BBA)
    first_rung: int = number(0, 0, 31, "index", "rung of the first segment", _DASH)

    live: bool = switch(True, "true: segments appear in real time; false: all media is there (on demand)")
    latency_target_s: float = number(8.0, 1.0, 60.0, "s", "live latency the player steers to")
    catch_up: float = number(0.1, 0.0, 0.5, "1", "largest change of playback rate to reach the target")
    skip_limit_s: float = number(12.0, 1.0, 600.0, "s", "further behind the target than this: jump to it")
    ingest_s: float = number(
        0.4, 0.0, 30.0, "s", "time from camera to transcoder, beside the wait of an uplink that was down"
    )
    packaging_s: float = number(0.4, 0.0, 30.0, "s", "time to package and announce a finished segment")
    request_jitter_s: float = number(1.0, 0.0, 10.0, "s", "a viewer learns of a segment up to this much later")

    connect_s: float = number(1.0, 0.0, 10.0, "s", "mean time from tap to first request: app, manifest, keys")
    connect_rtts: float = number(4.0, 0.0, 20.0, "1", "round trips before the first request: DNS, TCP, TLS")
    give_up_per_s: float = number(0.058, 0.0, 1.0, "1/s", "viewers lost per second of start-up", _PATIENCE)
    give_up_free_s: float = number(2.0, 0.0, 60.0, "s", "start-up delay that costs nobody", _PATIENCE)
    give_up_max: float = number(0.8, 0.0, 1.0, "1", "largest share who give up, however long start-up takes")

    @model_validator(mode="after")
    def _check_structure(self) -> NetworkConfig:
        ladder = self.ladder_kbps
        if not ladder or ladder[0] <= 0 or any(b <= a for a, b in pairwise(ladder)):
            raise ValueError(f"ladder_kbps: must rise from above 0, got {list(ladder)}")
        if len(ladder) > RUNGS:
            raise ValueError(f"ladder_kbps: at most {RUNGS} rungs, got {len(ladder)}")
        for name, rung in (("wanted_rung", self.wanted_rung), ("first_rung", self.first_rung)):
            if rung >= len(ladder):
                raise ValueError(f"{name}: rung {rung} is not on the ladder. Known: 0 to {len(ladder) - 1}")
        if not self.edge_shares or any(not share > 0 for share in self.edge_shares):
            raise ValueError(f"edge_shares: every edge needs a share above 0, got {list(self.edge_shares)}")
        if len(self.edge_shares) > 100:
            raise ValueError(f"edge_shares: at most 100 edges, got {len(self.edge_shares)}")
        if self.traces is None and (self.trace_kinds or self.trace_split != "all"):
            name = "trace_kinds" if self.trace_kinds else "trace_split"
            raise ValueError(f"{name}: chooses among measured traces. Give their folder as traces")
        if not 1 <= len(self.access) <= 100:
            raise ValueError(f"access: 1 to 100 access types, got {len(self.access)}")
        names = [line.name for line in self.access]
        if len(set(names)) < len(names):
            raise ValueError(f"access: every name once, got {names}")
        return self

    @model_validator(mode="after")
    def _check_player(self) -> NetworkConfig:
        if self.buffer_cap_s < 2 * self.segment_s:
            raise ValueError(
                f"buffer_cap_s: {self.buffer_cap_s:g} s holds less than two segments of {self.segment_s:g} s"
            )
        if self.cushion_share <= self.reservoir_share:
            raise ValueError(
                f"cushion_share: {self.cushion_share:g} is not above reservoir_share {self.reservoir_share:g}"
            )
        earliest = self.segment_s + self.ingest_s + self.packaging_s
        if self.live and self.latency_target_s < earliest:
            raise ValueError(
                f"latency_target_s: {self.latency_target_s:g} s is before the newest segment exists. "
                f"At least segment_s + ingest_s + packaging_s = {earliest:g} s"
            )
        return self


class PipelineConfig(Config):
    """How a segment gets from the camera to the origin: uplink, transcoding into renditions, packaging."""

    uplink_headroom: float = number(
        2.0, 1.0, 100.0, "ratio", "rate of the broadcaster's uplink over that of the stream"
    )
    workers: int = number(2, 1, WORKERS, "1", "transcoders that work side by side, one rendition each")
    transcode_cost: float = number(
        1.2,
        0.0,
        100.0,
        "workers",
        "work on the whole ladder per media second: load = this / workers; above 1 latency grows",
    )
    cost_exponent: float = number(0.6, 0.0, 2.0, "", "work on a rung grows as its bitrate to this power")
    transcode_cv: float = number(0.2, 0.0, 3.0, "ratio", "spread of the work on a segment over its mean; log-normal")
    enhance: bool = switch(False, "image enhancement before transcoding")
    enhance_cost: float = number(0.4, 0.0, 10.0, "share", "work that enhancement adds")
    enhance_quality: float = number(0.1, 0.0, 1.0, "quality", "picture quality that enhancement adds")
