"""The live network event by event: one SimPy process per viewer, written from the definitions, sharing no kernel.

`play` runs the viewers of a room and returns what each of them saw, tick by tick. Two edges are known:

* `StepEdge` shares the edge as the kernels do: once per whole second, among all who may receive in that second. The
  fast path must match it viewer by viewer.
* `EventEdge` shares it anew whenever a download begins or ends, and each second when the lines change: what an ideal
  fluid network does. The distance to it is the price of the step.

A segment is announced a constant delay after it was shot, and the first request of an edge for one of its renditions
waits for the fetch. Edges go down and come back between ticks; downloads that come too late are given up. To extend
the model: a rule of the player is an object with `choose` (see `RateRule`), given every download with its times and
sizes. A pipeline that publishes late replaces `Viewer.published_s` and `Viewer.newest`.
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
    """Chooses the rung of the next segment; one that looks at a running download may give it up."""

    looks: bool

    def choose(self, last: Download, level_s: float) -> int:
        """Return a rung.  level_s: buffer at the moment of the request."""
        ...


class RateRule:
    """Highest bitrate not above the harmonic mean of the last five rates, latency included.

    The first segment does not count; the second is chosen by the rate of the first without its latency.
    """

    looks = False

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

    looks = False

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


class ThroughputRule:
    """Sabre's throughput rule: two averages of throughput and of latency, a cautious buffer rule, abandonment.

    Averages have half-lives of `ewma_fast_s` and `ewma_slow_s` of transfer time, those of latency the same counted in
    segments; each is divided by the weight it has gathered. Throughput is the lower, latency the higher of the two.
    """

    looks = True

    def __init__(self, config: NetworkConfig) -> None:
        self.config = config
        self.half_lives_s = (config.ewma_fast_s, config.ewma_slow_s)
        self.sums = np.zeros((2, 2))  # throughput, latency by half-life
        self.weights = np.zeros((2, 2))
        self.kbps = self.latency_s = 0.0
        self.downloads = 0

    def choose(self, last: Download, level_s: float) -> int:
        c = self.config
        for at, half_life_s in enumerate(self.half_lives_s):
            samples = ((last.size_kbit / last.transfer_s, last.transfer_s), (last.latency_s, c.segment_s))
            for kind, (value, weight_s) in enumerate(samples):
                keep = 0.5 ** (weight_s / half_life_s)
                self.sums[kind, at] = keep * self.sums[kind, at] + (1.0 - keep) * value
                self.weights[kind, at] = keep * self.weights[kind, at] + (1.0 - keep)
        averages = self.sums / self.weights
        self.kbps, self.latency_s = averages[0].min(), averages[1].max()
        self.downloads += 1
        caution = max(0.9**self.downloads, c.low_buffer_safety)
        seconds = min(c.safety * (c.segment_s - self.latency_s), caution * (level_s - self.latency_s))
        return self.below(self.kbps * seconds / c.segment_s)

    def lower(self, rung: int, size_kbit: float, left_kbit: float, latency_s: float, took_s: float) -> int | None:
        """Return the rung to ask for instead, where a download will come too late at its mean rate so far."""
        c = self.config
        mean_kbps = (size_kbit - left_kbit) / took_s
        if latency_s + took_s < c.abandon_grace_s:
            return None
        if latency_s + took_s + left_kbit / mean_kbps <= c.abandon_segments * c.segment_s:
            return None
        lower = self.below(c.safety * mean_kbps * (1.0 - self.latency_s / c.segment_s))
        return lower if lower < rung and c.ladder_kbps[lower] * c.segment_s < left_kbit else None

    def below(self, kbps: float) -> int:
        return max((rung for rung, rate in enumerate(self.config.ladder_kbps) if rate <= kbps), default=0)


LOOK_S, LOOK_KBIT = 0.05, 12.0  # a running download is looked at when both have gone by since the last look

RULES: dict[str, Callable[[NetworkConfig], Rule]] = {
    "rate": RateRule,
    "buffer": BufferRule,
    "throughput": ThroughputRule,
}


def max_min(lines: Sequence[float], capacity: float) -> list[float]:
    """Return the fair shares of an edge: the slowest lines are served in full while an equal split allows it."""
    shares, rest = [0.0] * len(lines), capacity
    for served, at in enumerate(sorted(range(len(lines)), key=lambda each: lines[each])):
        shares[at] = min(lines[at], rest / (len(lines) - served))
        rest -= shares[at]
    return shares


class Edge:
    """One edge: who takes part, with which share; `changed` happens whenever shares may be others."""

    def __init__(self, env: simpy.Environment, capacity_kbps: float, origin_s: float) -> None:
        self.env = env
        self.origin_s = origin_s
        self.asked_s: dict[tuple[int, int], float] = {}  # (segment, rung) -> first request
        self.capacity_kbps = capacity_kbps
        self.changed = env.event()
        self.viewers: list[Viewer] = []
        self.receiving: list[Viewer] = []
        self.sent_kbit = 0.0

    def take(self, viewer: Viewer, old: Edge) -> None:
        """Serve a viewer whom another edge served; a download that runs goes on here."""
        viewer.settle()
        old.viewers.remove(viewer)
        self.viewers.append(viewer)
        viewer.edge = self
        if viewer in old.receiving:
            old.end(viewer)
            self.begin(viewer)

    def begin(self, viewer: Viewer) -> None:
        """Note that a download begins; on the bare edge nothing follows."""

    def end(self, viewer: Viewer) -> None:
        """Note that a download is over."""

    def share_out(self, among: Sequence[Viewer]) -> None:
        for viewer in self.viewers:
            viewer.settle()
        lines = [viewer.line_kbps(self.env.now) for viewer in among]
        for viewer, share in zip(among, max_min(lines, self.capacity_kbps), strict=True):
            viewer.share_kbps = share
        happened, self.changed = self.changed, self.env.event()
        happened.succeed()

    def ready_s(self, segment: int, rung: int) -> float:
        """Ask for a rendition now; return when this edge has it. Segments from before the session are there."""
        if segment < 0:
            return self.env.now
        asked_s = self.asked_s.setdefault((segment, rung), self.env.now)
        return max(asked_s + self.origin_s, self.env.now)


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
    rule: Any  # a Rule; one that looks has `lower` too
    segment: int = 0
    rung: int = 0
    request_s: float = 0.0
    first_bit_s: float = 0.0  # at the soonest, while the edge may not have the segment
    share_kbps: float = 0.0
    buffer_s: float = 0.0
    speed: float = 1.0
    since_s: float = 0.0
    startup_s: float = math.inf
    stall_s: float = 0.0
    skips: int = 0
    got_kbit: float = 0.0
    given_up: int = 0  # downloads
    left_kbit: float = 0.0  # of the download that runs
    settled_s: float = 0.0
    ticks: list[Tick] = field(default_factory=list)

    def __post_init__(self) -> None:
        behind_s = self.arrival.entered_s - self.config.latency_target_s
        self.segment = math.ceil(behind_s / self.config.segment_s)
        self.next_rung = self.rung = self.config.first_rung
        request_s = max(self.arrival.request_s, self.published_s(self.segment))
        self.request_s, self.first_bit_s = request_s, request_s + self.arrival.rtt_s

    def line_kbps(self, now_s: float) -> float:
        line = self.arrival.line_kbps
        return float(line[math.floor(now_s) % len(line)])

    def published_s(self, segment: int) -> float:
        """Return when this viewer learns of a segment: its last picture is taken, ingested, packaged, announced."""
        c = self.config
        return (segment + 1) * c.segment_s + c.ingest_s + c.packaging_s + self.arrival.phase_s

    def live(self) -> Waits:
        """Download one segment after the other; what is lost with an edge is asked for again."""
        while self.first_bit_s < math.inf:
            try:
                yield from self.fetch()
            except simpy.Interrupt:
                self.left_kbit = 0.0
                self.request_s = self.env.now + self.config.failover_s
                self.first_bit_s = self.request_s + self.arrival.rtt_s

    def fetch(self) -> Waits:
        """Ask for segments and receive them."""
        while True:
            yield self.env.timeout(self.request_s - self.env.now)
            ready_s = self.edge.ready_s(self.segment, self.next_rung)
            yield self.env.timeout(self.first_bit_s - self.env.now)
            self.first_bit_s = ready_s + self.arrival.rtt_s
            yield self.env.timeout(self.first_bit_s - self.env.now)
            begun_s, size = self.env.now, self.config.ladder_kbps[self.next_rung] * self.config.segment_s
            lower = yield from self.download(size, begun_s - self.request_s)
            if lower is not None:
                self.next_rung, self.request_s = lower, self.env.now
                self.first_bit_s = self.request_s + self.arrival.rtt_s
                continue
            is_first = self.startup_s == math.inf
            if is_first and self.env.now > self.arrival.gave_up_s:
                self.first_bit_s = math.inf
                return
            self.receive(Download(size, begun_s - self.request_s, self.env.now - begun_s, is_first))

    def download(self, size_kbit: float, latency_s: float) -> Generator[simpy.Event, Any, int | None]:
        """Receive that many kbit at whatever share the edge gives; return the rung to ask for where it is given up."""
        self.edge.begin(self)
        self.left_kbit, self.settled_s = size_kbit, self.env.now
        begun_s, looked_s, looked_kbit = self.env.now, self.env.now - min(latency_s, LOOK_S), size_kbit
        may_give_up = self.rule.looks and self.next_rung > 0 and self.startup_s < math.inf
        while self.left_kbit > 0.0:
            share = self.share_kbps
            done = self.env.timeout(self.left_kbit / share) if share > 0.0 else self.env.event()
            look = self.env.event()
            if may_give_up and share > 0.0:
                missing_s = (LOOK_KBIT - looked_kbit + self.left_kbit) / share
                look = self.env.timeout(max(missing_s, looked_s + LOOK_S - self.env.now, 0.0))
            yield done | look | self.edge.changed
            if done.processed:
                self.book(self.left_kbit)
            elif look.processed:
                self.settle()
                looked_s, looked_kbit = self.env.now, self.left_kbit
                lower = self.rule.lower(self.next_rung, size_kbit, self.left_kbit, latency_s, looked_s - begun_s)
                if lower is not None:
                    self.left_kbit = 0.0
                    self.edge.end(self)
                    self.given_up += 1
                    return lower
        self.edge.end(self)
        return None

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
        ahead = min(math.ceil((now - c.latency_target_s) / c.segment_s), self.newest())
        if late_s > c.skip_limit_s and ahead > self.segment:
            self.segment, self.buffer_s, late_s = ahead, 0.0, 0.0
            self.skips += 1
        if late_s < 0.0 or self.buffer_s > c.latency_target_s / 2:
            self.speed = catch_up(late_s, c.catch_up)
        too_full_s = max(self.buffer_s + c.segment_s - c.buffer_cap_s, 0.0)
        request_s = max(now + too_full_s / self.speed, self.published_s(self.segment))
        level_s = max(self.buffer_s - (request_s - now) * self.speed, 0.0)
        self.next_rung = self.rule.choose(last, level_s)
        self.request_s, self.first_bit_s = request_s, request_s + self.arrival.rtt_s

    def newest(self) -> int:
        """Return the newest segment that the origin has announced."""
        c = self.config
        return math.floor((self.env.now - c.ingest_s - c.packaging_s) / c.segment_s) - 1

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


def _route(viewers: list[Viewer], players: list[simpy.Process], edges: list[Any], up: list[bool]) -> None:
    for viewer, player in zip(viewers, players, strict=True):
        home, old = viewer.arrival.edge, viewer.edge
        new = next(edges[e % len(edges)] for e in range(home, home + len(edges)) if up[e % len(edges)])
        if new is old:
            continue
        is_lost = not up[edges.index(old)] and viewer.request_s < viewer.env.now and viewer.first_bit_s < math.inf
        if is_lost and viewer in old.receiving:
            viewer.settle()
            old.end(viewer)
        new.take(viewer, old)
        if is_lost:
            player.interrupt()


def play(
    config: NetworkConfig,
    arrivals: Sequence[Arrival],
    capacity_kbps: Sequence[float],
    edge_class: type[Edge],
    ticks: int,
    tick_s: float = 5.0,
    is_up: Callable[[int, int], bool] = lambda edge, tick: True,
) -> Played:
    """Play a room from 0 s: each viewer from their arrival, each edge with its capacity.

    is_up: whether an edge is up in a tick. One that is not serves nobody: its viewers go to the next that is up (one
    always is), where a download that was asked for before is asked for again, and come home when it is up.
    """
    env = simpy.Environment()
    edges = [edge_class(env, capacity, config.origin_s) for capacity in capacity_kbps]
    viewers = [Viewer(env, config, arrival, edges[arrival.edge], RULES[config.rule](config)) for arrival in arrivals]
    for edge in edges:
        edge.viewers = [viewer for viewer in viewers if viewer.edge is edge]
        env.process(edge.run())  # type: ignore[attr-defined]
    players = [env.process(viewer.live()) for viewer in viewers]
    sent = np.zeros((ticks, len(edges)))
    for tick in range(ticks):
        _route(viewers, players, edges, [is_up(e, tick) for e in range(len(edges))])
        env.run(until=(tick + 1) * tick_s)
        for viewer in viewers:
            viewer.close_tick(tick_s)
        sent[tick] = [edge.sent_kbit for edge in edges]
    return Played([viewer.ticks for viewer in viewers], [viewer.got_kbit for viewer in viewers], sent)
