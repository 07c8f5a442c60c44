"""The live network event by event: one SimPy process per viewer, written from the definitions, sharing no kernel.

`play` runs the viewers of a room and returns what each of them saw, tick by tick. Two edges are known:

* `StepEdge` shares the edge as the kernels do: once per whole second, among all who may receive in that second. The
  fast path must match it viewer by viewer.
* `EventEdge` shares it anew whenever a download begins or ends, and each second when the lines change: what an ideal
  fluid network does. The distance to it is the price of the step.

To extend it: a rule of the player is an object with `choose` (see `RateRule`), given every download with its times and
sizes. What can happen to a download while it runs (a serving edge that goes down, an abandoned download) belongs in
`Viewer.download`, whose wait already ends at every change of share: wait for one more event there. What delays its
first bit (an origin miss, a failover) is one more wait in `Viewer.live` before `download`. A pipeline that publishes
late replaces `Viewer.published_s`, which may yield an event of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import simpy

from livesim.network.config import NetworkConfig

Waits = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Arrival:
    """What a viewer brings: the draws of their admission. Seconds, kbit/s."""

    entered_s: float
    request_s: float  # of the first segment
    gave_up_s: float  # patience for the first frame
    rtt_s: float
    phase_s: float
    edge: int
    line_kbps: np.ndarray  # (T,) one value a second, repeating; second 0 of the room is its first


class Download(NamedTuple):
    """A finished download; seconds and kbit."""

    size_kbit: float
    latency_s: float
    transfer_s: float
    is_first: bool


class Rule(Protocol):
    """Chooses the rung of the next segment."""

    def choose(self, last: Download, level_s: float) -> int:
        """Return a rung.  level_s: buffer at the moment of the request."""
        ...


class RateRule:
    """Highest bitrate not above the harmonic mean of the last five rates, latency included.

    The first segment does not count; the second is chosen by the rate of the first without its latency.
    """

    def __init__(self, config: NetworkConfig) -> None:
        self.ladder = config.ladder_kbps
        self.rates: list[float] = []

    def choose(self, last: Download, level_s: float) -> int:
        if last.is_first:
            estimate = last.size_kbit / last.transfer_s
        else:
            self.rates = [*self.rates[-4:], last.size_kbit / (last.latency_s + last.transfer_s)]
            estimate = len(self.rates) / sum(1.0 / rate for rate in self.rates)
        return max((rung for rung, kbps in enumerate(self.ladder) if kbps <= estimate), default=0)


class BufferRule:
    """Lowest rung below the reservoir, highest from the cushion on, evenly spread between."""

    def __init__(self, config: NetworkConfig) -> None:
        self.top = len(config.ladder_kbps) - 1
        self.low_s = config.reservoir_share * config.buffer_cap_s
        self.high_s = config.cushion_share * config.buffer_cap_s

    def choose(self, last: Download, level_s: float) -> int:
        if level_s < self.low_s:
            return 0
        if level_s >= self.high_s:
            return self.top
        return math.floor(self.top * (level_s - self.low_s) / (self.high_s - self.low_s))


RULES: dict[str, Callable[[NetworkConfig], Rule]] = {"rate": RateRule, "buffer": BufferRule}


def max_min(lines: Sequence[float], capacity: float) -> list[float]:
    """Return the fair shares of an edge: the slowest lines are served in full while an equal split allows it."""
    shares, rest = [0.0] * len(lines), capacity
    for served, at in enumerate(sorted(range(len(lines)), key=lambda each: lines[each])):
        shares[at] = min(lines[at], rest / (len(lines) - served))
        rest -= shares[at]
    return shares


class Edge:
    """One edge: who takes part, with which share; `changed` happens whenever shares may be others."""

    def __init__(self, env: simpy.Environment, capacity_kbps: float) -> None:
        self.env = env
        self.capacity_kbps = capacity_kbps
        self.changed = env.event()
        self.viewers: list[Viewer] = []
        self.receiving: list[Viewer] = []
        self.sent_kbit = 0.0

    def share_out(self, among: Sequence[Viewer]) -> None:
        for viewer in self.viewers:
            viewer.settle()
        lines = [viewer.line_kbps(self.env.now) for viewer in among]
        for viewer, share in zip(among, max_min(lines, self.capacity_kbps), strict=True):
            viewer.share_kbps = share
        happened, self.changed = self.changed, self.env.event()
        happened.succeed()


class StepEdge(Edge):
    """Shares are set once a second, among those whose first bit can come before its end."""

    def run(self) -> Waits:
        while True:
            end_s = self.env.now + 1.0
            for viewer in self.viewers:  # the state of a room keeps the rest of a download in single precision
                viewer.settle()
                viewer.left_kbit = float(np.float32(viewer.left_kbit))
            self.share_out([viewer for viewer in self.viewers if viewer.first_bit_s < end_s])
            yield self.env.timeout(1.0)

    def begin(self, viewer: Viewer) -> None:
        """Nothing: the shares of this second are set."""

    end = begin


class EventEdge(Edge):
    """Shares are set whenever a download begins or ends, and each second."""

    def run(self) -> Waits:
        while True:
            self.share_out(self.receiving)
            yield self.env.timeout(1.0)

    def begin(self, viewer: Viewer) -> None:
        self.receiving.append(viewer)
        self.share_out(self.receiving)

    def end(self, viewer: Viewer) -> None:
        self.receiving.remove(viewer)
        self.share_out(self.receiving)


class Tick(NamedTuple):
    """What one viewer saw of one tick, in the words of NetworkState."""

    startup_s: float
    stall_s: float
    played_s: float
    latency_s: float
    rung: int
    segment: int
    skips: int


@dataclass
class Viewer:
    """A player: buffer in seconds of media, consumed at `speed` since `since_s`."""

    env: simpy.Environment
    config: NetworkConfig
    arrival: Arrival
    edge: Any
    rule: Rule
    segment: int = 0
    rung: int = 0
    first_bit_s: float = 0.0
    share_kbps: float = 0.0
    buffer_s: float = 0.0
    speed: float = 1.0
    since_s: float = 0.0
    startup_s: float = math.inf
    stall_s: float = 0.0
    skips: int = 0
    got_kbit: float = 0.0
    left_kbit: float = 0.0  # of the download that runs
    settled_s: float = 0.0
    ticks: list[Tick] = field(default_factory=list)

    def __post_init__(self) -> None:
        behind_s = self.arrival.entered_s - self.config.latency_target_s
        self.segment = math.ceil(behind_s / self.config.segment_s)
        self.next_rung = self.rung = self.config.first_rung
        request_s = max(self.arrival.request_s, self.published_s(self.segment))
        self.first_bit_s = request_s + self.arrival.rtt_s

    def line_kbps(self, now_s: float) -> float:
        line = self.arrival.line_kbps
        return float(line[math.floor(now_s) % len(line)])

    def published_s(self, segment: int) -> float:
        """Return when this viewer learns of a segment: its last picture is taken, ingested, packaged, announced."""
        c = self.config
        return (segment + 1) * c.segment_s + c.ingest_s + c.packaging_s + self.arrival.phase_s

    def live(self) -> Waits:
        """Download one segment after the other."""
        while True:
            yield self.env.timeout(self.first_bit_s - self.env.now)
            begun_s, size = self.env.now, self.config.ladder_kbps[self.next_rung] * self.config.segment_s
            yield from self.download(size)
            is_first = self.startup_s == math.inf
            if is_first and self.env.now > self.arrival.gave_up_s:
                self.first_bit_s = math.inf
                return
            self.receive(Download(size, self.arrival.rtt_s, self.env.now - begun_s, is_first))

    def download(self, size_kbit: float) -> Waits:
        """Receive that many kbit at whatever share the edge gives."""
        self.edge.begin(self)
        self.left_kbit, self.settled_s = size_kbit, self.env.now
        while self.left_kbit > 0.0:
            share = self.share_kbps
            done = self.env.timeout(self.left_kbit / share) if share > 0.0 else self.env.event()
            yield done | self.edge.changed
            if done.processed:
                self.book(self.left_kbit)
        self.edge.end(self)

    def settle(self) -> None:
        """Book what has come at the present share."""
        self.book(min(self.left_kbit, self.share_kbps * (self.env.now - self.settled_s)))

    def book(self, kbit: float) -> None:
        self.left_kbit -= kbit
        self.settled_s = self.env.now
        self.got_kbit += kbit
        self.edge.sent_kbit += kbit

    def receive(self, last: Download) -> None:
        """Put a segment into the buffer; choose speed, time and rung of the next request."""
        c, now = self.config, self.env.now
        if last.is_first:
            self.startup_s, self.since_s = now - self.arrival.entered_s, now
        self.consume()
        self.buffer_s += c.segment_s
        self.rung = self.next_rung
        self.segment += 1
        late_s = now - (self.segment * c.segment_s - self.buffer_s) - c.latency_target_s
        self.speed = 1.0
        if late_s > c.skip_limit_s:
            self.segment = max(self.segment, math.ceil((now - c.latency_target_s) / c.segment_s))
            self.buffer_s, late_s = 0.0, 0.0
            self.skips += 1
        if late_s < 0.0 or self.buffer_s > c.latency_target_s / 2:
            self.speed = catch_up(late_s, c.catch_up)
        too_full_s = max(self.buffer_s + c.segment_s - c.buffer_cap_s, 0.0)
        request_s = max(now + too_full_s / self.speed, self.published_s(self.segment))
        level_s = max(self.buffer_s - (request_s - now) * self.speed, 0.0)
        self.next_rung = self.rule.choose(last, level_s)
        self.first_bit_s = request_s + self.arrival.rtt_s

    def consume(self) -> None:
        """Play from the buffer up to now; what it cannot cover is stall."""
        passed_s, self.since_s = self.env.now - self.since_s, self.env.now
        covered_s = self.buffer_s / self.speed
        self.stall_s += max(passed_s - covered_s, 0.0)
        self.buffer_s = max(self.buffer_s - passed_s * self.speed, 0.0)

    def close_tick(self, tick_s: float) -> None:
        """Note what this viewer saw of the tick that ends now."""
        now = self.env.now
        self.settle()
        if self.startup_s == math.inf:
            waited = Tick(now - self.arrival.entered_s, 0.0, 0.0, 0.0, self.rung, self.segment, 0)
            self.ticks.append(waited)
            return
        self.consume()
        begun_s = max(now - tick_s, self.arrival.entered_s + self.startup_s)
        latency_s = now - self.segment * self.config.segment_s + self.buffer_s
        played_s = max(now - begun_s - self.stall_s, 0.0)
        self.ticks.append(Tick(self.startup_s, self.stall_s, played_s, latency_s, self.rung, self.segment, self.skips))
        self.stall_s, self.skips = 0.0, 0


_GRID = np.linspace(-8.0, 8.0, 257)
_LOGISTIC = 1.0 / (1.0 + np.exp(-_GRID))


def catch_up(late_s: float, most: float) -> float:
    """Return the playback rate 1 - c + 2 c logistic(5 late), read from a table in steps of 1/16 as the player does."""
    return 1.0 - most + 2.0 * most * float(np.interp(5.0 * late_s, _GRID, _LOGISTIC))


class Played(NamedTuple):
    """What happened: ticks by viewer, and kbit by tick and edge."""

    ticks: list[list[Tick]]
    got_kbit: list[float]
    sent_kbit: np.ndarray  # (ticks, E)

    def column(self, name: str) -> np.ndarray:
        """Return one output of all viewers, (ticks, V)."""
        return np.array([[getattr(tick, name) for tick in viewer] for viewer in self.ticks]).T


def play(
    config: NetworkConfig,
    arrivals: Sequence[Arrival],
    capacity_kbps: Sequence[float],
    edge_class: type[Edge],
    ticks: int,
    tick_s: float = 5.0,
) -> Played:
    """Play a room from 0 s: each viewer from their arrival, each edge with its capacity."""
    env = simpy.Environment()
    edges = [edge_class(env, capacity) for capacity in capacity_kbps]
    viewers = [Viewer(env, config, arrival, edges[arrival.edge], RULES[config.rule](config)) for arrival in arrivals]
    for edge in edges:
        edge.viewers = [viewer for viewer in viewers if viewer.edge is edge]
        env.process(edge.run())  # type: ignore[attr-defined]
    for viewer in viewers:
        env.process(viewer.live())
    sent = np.zeros((ticks, len(edges)))
    for tick in range(ticks):
        env.run(until=(tick + 1) * tick_s)
        for viewer in viewers:
            viewer.close_tick(tick_s)
        sent[tick] = [edge.sent_kbit for edge in edges]
    return Played([viewer.ticks for viewer in viewers], [viewer.got_kbit for viewer in viewers], sent)
