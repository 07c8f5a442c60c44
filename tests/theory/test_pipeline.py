"""The publishing pipeline against the same one built from SimPy resources, and against what load must do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from queue_models import assert_near_theory, publishing

from livesim.network.config import NetworkConfig, PipelineConfig
from livesim.network.pipeline import (
    backlog_s,
    complexity,
    mean_transcode_s,
    open_pipeline,
    publish,
    transcode_load,
)
from livesim.network.state import WINDOW, NetworkState, allocate
from livesim.randomness import room_key
from livesim.schema import records

KEY = room_key(7)
NETWORK = NetworkConfig()
TICK_S = 5.0


class Pipeline:
    """A pipeline outside of any room, run tick by tick."""

    def __init__(self, seed: int = 7, **values: Any) -> None:
        self.config = PipelineConfig(**values)
        self.net: NetworkState = allocate(1, 1, 1, len(NETWORK.ladder_kbps))
        open_pipeline(self.net, 0, NETWORK, self.config)
        self.pipeline, self.p = records([self.config])[0], records([NETWORK])[0]
        self.key = room_key(seed)
        self.announced: list[float] = []
        self.now_s = 0.0

    def run(self, until_s: float) -> np.ndarray:
        """Run whole ticks to until_s; return when each segment so far was announced."""
        net = self.net
        while self.now_s < until_s:
            self.now_s += TICK_S
            publish(net, self.pipeline, self.p, 0, self.key, self.now_s)
            for k in range(len(self.announced), int(net.published_upto[0])):
                self.announced.append(float(net.published_s[0, k % WINDOW]))
        return np.array(self.announced)

    def delays(self) -> np.ndarray:
        """Return how long after its media end each segment was announced."""
        return np.array(self.announced) - NETWORK.segment_s * (1 + np.arange(len(self.announced)))

    @property
    def load(self) -> float:
        return float(transcode_load(self.net, self.pipeline, self.p, 0))


def twin(one: Pipeline, segments: int, rungs: int = 6, speed=lambda now: 1.0, outages_s=()) -> np.ndarray:
    """Return the announcements of the SimPy model on the same draws."""
    blank = Pipeline(**one.config.model_dump())

    def service_s(segment: int, rung: int, now: float) -> float:
        mean_s = mean_transcode_s(blank.net, blank.pipeline, blank.p, 0, rung)
        left_camera_s = now - NETWORK.ingest_s - 1e-6  # what leaves at the end of a tick belongs to it
        return float(mean_s * complexity(blank.pipeline, one.key, segment)) / speed(left_camera_s)

    c = one.config
    return publishing(segments, NETWORK.segment_s, c.uplink_headroom, NETWORK.ingest_s, NETWORK.packaging_s, c.workers,
                      service_s, rungs, outages_s)  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("load", [0.6, 0.95, 1.1])
def test_the_pipeline_equals_one_of_simpy_resources_job_by_job(workers: int, load: float) -> None:
    one = Pipeline(workers=workers, transcode_cost=load * workers, transcode_cv=0.4)
    assert one.load == pytest.approx(load)
    announced = one.run(400.0)
    assert len(announced) > 150
    np.testing.assert_allclose(announced, twin(one, 200)[: len(announced)], atol=1e-9)


def test_uplink_losses_and_slow_transcoders_equal_the_simpy_model_too() -> None:
    outages = [(50.0, 65.0), (70.0, 75.0), (200.0, 240.0)]
    slow = [(120.0, 150.0), (215.0, 260.0)]
    one = Pipeline(transcode_cv=0.3)

    def inside(spans, now: float) -> bool:
        return any(a <= now < b for a, b in spans)

    while one.now_s < 400.0:
        one.net.uplink_up[0] = not inside(outages, one.now_s)
        one.net.transcode_speed[0] = 0.5 if inside(slow, one.now_s) else 1.0
        one.run(one.now_s + TICK_S)
    announced = np.array(one.announced)
    expected = twin(one, 200, speed=lambda now: 0.5 if inside(slow, now) else 1.0, outages_s=outages)
    np.testing.assert_allclose(announced, expected[: len(announced)], atol=1e-9)
    assert len(announced) > 190, "what was shot during the losses must have followed"


def test_by_hand_one_worker_without_noise() -> None:
    # one worker, load .6: a segment of 2 s is 1.2 s of work; shot at 2 s, ingest .4, packaging .4: announced at 4.0
    one = Pipeline(workers=1, transcode_cost=0.6, transcode_cv=0.0)
    np.testing.assert_allclose(one.run(20.0), 2.0 * np.arange(1, 10) + 0.4 + 1.2 + 0.4)


def test_what_was_shot_while_the_uplink_was_down_follows_at_the_speed_of_the_uplink() -> None:
    # down from 10 to 20 s; from then media leaves at twice the speed of shooting: what ends at e at 20 + (e - 10)/2
    one = Pipeline(transcode_cost=0.0, uplink_headroom=2.0)
    one.run(10.0)
    one.net.uplink_up[0] = False
    one.run(20.0)
    assert backlog_s(one.net, one.p, 0) == pytest.approx(10.0)
    one.net.uplink_up[0] = True
    announced = one.run(40.0)
    ends = 2.0 * np.arange(1, len(announced) + 1)
    expected = np.where(ends <= 10, ends, np.maximum(ends, 20.0 + (ends - 10.0) / 2.0)) + 0.8
    np.testing.assert_allclose(announced, expected)


@pytest.mark.parametrize("load", [1.1, 1.25])
def test_above_a_load_of_one_latency_grows_with_slope_load_minus_one(load: float) -> None:
    """Seconds of delay per second of media; each replication is one room of its own luck."""
    slopes = []
    for seed in range(8):
        one = Pipeline(seed, transcode_cost=2.0 * load)
        one.run(900.0)
        delay = one.delays()
        slopes.append((delay[-1] - delay[9]) / (NETWORK.segment_s * (len(delay) - 10)))
    assert_near_theory(f"slope at load {load}", slopes, load - 1.0)


def test_below_a_load_of_one_latency_stays() -> None:
    one = Pipeline()
    one.run(3600.0)
    delay = one.delays()
    assert one.load == pytest.approx(0.6)
    assert abs(delay[:800].mean() - delay[-800:].mean()) < 4 * delay.std() / math.sqrt(400)


def test_a_lower_cap_lightens_the_load_and_enhancement_adds_two_fifths() -> None:
    plain, capped, enhanced = Pipeline(), Pipeline(), Pipeline(enhance=True)
    capped.net.cap_rung[0] = 4
    share = 6000**0.6 / sum(rate**0.6 for rate in NETWORK.ladder_kbps)
    assert capped.load == pytest.approx(plain.load * (1 - share))
    assert enhanced.load == pytest.approx(plain.load * 1.4)
    for one in (plain, capped, enhanced):
        one.run(600.0)
    assert capped.delays().mean() < plain.delays().mean() < enhanced.delays().mean()


def test_segments_are_announced_in_order_and_never_before_they_are_shot() -> None:
    one = Pipeline(workers=6, transcode_cost=4.0, transcode_cv=1.5)
    announced = one.run(1200.0)
    assert (np.diff(announced) >= 0).all()
    assert (one.delays() >= NETWORK.ingest_s + NETWORK.packaging_s).all()


def test_everything_that_is_announced_inside_a_tick_is_known_at_its_start() -> None:
    """Times that become known after the tick they lie in would be told too late to the players."""
    one = Pipeline(transcode_cost=1.9, transcode_cv=0.8)
    while one.now_s < 600.0:
        known, begin = len(one.announced), one.now_s
        one.net.cap_rung[0] = 5 if int(begin) % 40 < 20 else 1
        one.run(begin + TICK_S)
        assert all(time >= begin for time in one.announced[known:])


def test_a_queue_longer_than_the_ring_makes_the_upload_wait() -> None:
    one = Pipeline(transcode_cost=8.0)
    announced = one.run(1800.0)
    waiting = int(one.net.uploaded_upto[0] - one.net.published_upto[0])
    assert WINDOW - 2 <= waiting <= WINDOW, "a tick of this pipeline makes at most two places"
    assert (np.diff(announced) >= 0).all()
