"""Rooms: a batch of live rooms that can be reset, acted upon, advanced and copied.

Order inside a tick: SimPy events that are due, then (in `crowd.py`) arrivals, network, ads, content response, gifts,
chat and mood, departures, desk, ledger. SimPy decides when; kernels compute what. A room runs up to its own next event
inside one kernel call, so quiet minutes cost no Python.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from livesim import analytics, crowd, masks, rewards
from livesim.ads.breaks import AdBreak
from livesim.ads.market import open_market
from livesim.audience.boost import PlatformReview
from livesim.clock import Process, RoomClock, make_process
from livesim.content.rundown import Rundown, show
from livesim.errors import ActionError, OrderError
from livesim.fresh_luck import renew_crowd
from livesim.heads import HEADS, choices
from livesim.incidents.plan import plan, replan
from livesim.incidents.process import Incidents
from livesim.interactions.lifecycle import Interaction
from livesim.ledger import EVENTS, INDEX, MASKED_ACTIONS
from livesim.luck import STREAMS, draw
from livesim.network.traces import bank_for
from livesim.operations.levers import operate, settings
from livesim.randomness import room_key, room_streams
from livesim.scenario import Scenario
from livesim.state import (
    Params,
    State,
    allocate,
    arrays,
    check_structure,
    fill_rows,
    grown,
    params_of,
    renew_params,
    reset_row,
)
from livesim.view import RoomView
from livesim.world import Value, as_number, draw_world, in_world

if TYPE_CHECKING:
    from livesim.status import RoomStatus


@dataclass(frozen=True)
class Snapshot:
    """A copy of whole rooms at one moment: arrays by name, and the world and processes of each room in order."""

    arrays: dict[str, np.ndarray]
    worlds: tuple[dict[str, Value], ...]
    processes: tuple[tuple[Process, ...], ...]
    times_s: tuple[float, ...]
    plugin_streams: tuple[np.random.Generator, ...]
    started: np.ndarray
    last_actions: np.ndarray


class Rooms:
    """A batch of R rooms. Row r behaves bit for bit like a batch of that one room.

    scenarios: one for all rooms, or one per room (their structure must fit).  num_rooms: R where one scenario is given.
    `given` keeps them; `scenarios` has what is played, which differs where a scenario randomises, by `worlds`.
    journal: keep this many individual events per room, for tests and export.
    """

    heads = HEADS

    def __init__(self, scenarios: Scenario | Sequence[Scenario], num_rooms: int = 1, journal: int = 0) -> None:
        listed = [scenarios] * num_rooms if isinstance(scenarios, Scenario) else list(scenarios)
        check_structure(listed)
        self.scenario = listed[0]
        self.given = tuple(listed)  # what randomised numbers are drawn into
        self.scenarios = listed  # of the session of each room, as drawn
        self.worlds: list[dict[str, Value]] = [{} for _ in listed]  # what was drawn
        self.num_rooms = len(listed)
        s = self.scenario
        self.head_sizes = tuple(len(names) + 1 for names in choices(s).values())
        self.params: Params = params_of(listed)
        self._tick_s = np.array([each.session.tick_s for each in listed], dtype=np.float64)
        self._prices = np.stack([rewards.prices(each) for each in listed])
        self._bank = bank_for(s.network)
        slots = max(32, math.ceil(1.6 * max(each.audience.planned_viewers for each in listed)))
        self.state: State = allocate(listed, slots, journal)
        self._ticks_per_decision = round(s.session.decision_s / s.session.tick_s)
        self._started = np.zeros(self.num_rooms, dtype=bool)
        self.clocks = [RoomClock() for _ in listed]
        self._views = [RoomView(self, row) for row in range(self.num_rooms)]
        self.plugin_streams = [np.random.default_rng(0) for _ in listed]
        self._masked = np.zeros(self.num_rooms)
        self._masks: tuple[np.ndarray, ...] | None = None
        self._layout = analytics.Layout(s)
        self.last_actions = np.zeros((self.num_rooms, len(HEADS)), dtype=np.int64)
        self.timings = {"simpy": 0.0, "kernels": 0.0}

    # Life of a session

    def reset(self, seeds: Sequence[int], rows: np.ndarray | None = None) -> None:
        """Start sessions with the luck of `seeds`, in all rooms or in `rows`; one seed per room."""
        chosen = np.arange(self.num_rooms) if rows is None else np.asarray(rows)
        if len(seeds) != len(chosen):
            raise OrderError(f"reset needs one seed per room: {len(chosen)} rooms, {len(seeds)} seeds")
        for row, seed in zip(chosen.tolist(), seeds, strict=True):
            streams = room_streams(int(seed), STREAMS)
            self._enter_world(row, draw_world(self.given[row], streams["world"]))
            scenario = self.scenarios[row]
            reset_row(self.state, row, scenario, int(seed))
            self.plugin_streams[row] = streams["plugins"]
            first: list[Process] = [
                Rundown(due_s=float(self.state.rooms.item_end_s[row])),
                PlatformReview(due_s=scenario.audience.boost_interval_s),
            ]
            if scenario.incidents:
                first.append(Incidents(plan(scenario, streams["incidents"])))
            first += [make_process(plugin.process, plugin.parameters) for plugin in scenario.processes]
            self._start_clock(row, 0.0, first)
            self._started[row] = True
            self.last_actions[row] = 0
            open_market(self.state, self.params, row)
        self._masks = None

    def _enter_world(self, row: int, values: dict[str, Value]) -> None:
        """Let a room be played with these values of its randomised numbers."""
        if values == self.worlds[row]:
            return
        before, scenario = self.scenarios[row], in_world(self.given[row], values)
        renew_params(self.params, row, before, scenario)
        self._prices[row] = rewards.prices(scenario)
        self.scenarios[row], self.worlds[row] = scenario, values

    def apply(self, actions: np.ndarray) -> None:
        """Take one joint action per room, (R, 4) int, one per head of HEADS; 0 is keep / none.

        A masked choice does nothing and is counted. Raises ActionError outside the action space, OrderError before
        reset or after the end.
        """
        actions = self._checked(actions)
        allowed = self._current_masks()
        self._masked[:] = 0.0
        for row, head in zip(*np.nonzero(actions), strict=True):
            choice = int(actions[row, head])
            if not allowed[head][row, choice]:
                self._masked[row] += 1.0
                continue
            (self._recommend, self._advertise, self._interact, self._operate)[head](int(row), choice - 1)
        self.last_actions = actions.copy()
        self._masks = None

    def advance(self) -> None:
        """Advance every room by one decision; a room whose session is over stays as it is."""
        if not self._started.all():
            raise OrderError("advance() before reset(): call reset(seeds) first")
        state = self.state
        state.ledger.now[:] = 0.0
        state.ledger.now[:, MASKED_ACTIONS] = self._masked
        rooms = state.rooms.view(np.ndarray)
        running = rooms["tick"] < rooms["ticks"]
        target = np.minimum(rooms["tick"] + self._ticks_per_decision, rooms["ticks"])
        active = np.flatnonzero(running).tolist()
        while True:
            due = self._run_due(active, target)
            if not due.any():
                break
            self._run_crowd(due)
        analytics.close_decision(self.state, self.params, running)
        self._masks = None

    def _run_due(self, active: list[int], target: np.ndarray) -> np.ndarray:
        """Run the events that are due in each active room; return how many ticks it may run before its next one.

        A room that has reached its target runs what is due then too, so that an ad which ends with the decision is
        settled in it.
        """
        begun = time.perf_counter()
        tick_s = self.scenario.session.tick_s
        ticks = np.zeros(self.num_rooms, dtype=np.int64)
        now, until = self.state.rooms.view(np.ndarray)["tick"].tolist(), target.tolist()
        for row in active:
            left = until[row] - now[row]
            time_s = now[row] * tick_s
            following = self.clocks[row].run_due(time_s)
            quiet = math.ceil((following - time_s) / tick_s) if following < math.inf else left
            ticks[row] = min(left, max(quiet, 1))
        self.timings["simpy"] += time.perf_counter() - begun
        return ticks

    def _run_crowd(self, ticks: np.ndarray) -> None:
        begun = time.perf_counter()
        while (full := crowd.advance(self.state, self.params, self._bank, ticks)) >= 0:
            slots = self.state.alive.shape[1]
            arriving = int(crowd.most_entries(self.state, full, int(self.state.rooms.tick[full])))
            self.state = grown(self.state, self.scenarios, max(slots + slots // 2, slots + 2 * arriving))
        self.timings["kernels"] += time.perf_counter() - begun

    # Actions

    def _checked(self, actions: np.ndarray) -> np.ndarray:
        if not self._started.all():
            raise OrderError("apply() before reset(): call reset(seeds) first")
        given = np.asarray(actions)
        if given.shape != (self.num_rooms, len(HEADS)) or given.dtype.kind not in "iu":
            raise ActionError(
                f"actions must be integers of shape ({self.num_rooms}, {len(HEADS)}), one per head "
                f"({', '.join(HEADS)}); given: {given.dtype} of shape {given.shape}"
            )
        for head, size in enumerate(self.head_sizes):
            wrong = np.nonzero((given[:, head] < 0) | (given[:, head] >= size))[0]
            if wrong.size:
                raise ActionError(
                    f"room {wrong[0]}: action {given[wrong[0], head]} of head '{HEADS[head]}' is outside 0..{size - 1}"
                )
        return given.astype(np.int64)

    def _recommend(self, row: int, item: int) -> None:
        if item == self.state.rooms.on_item[row]:
            self.state.rooms.hold[row] = 1
        else:
            show(self._views[row], item)

    def _advertise(self, row: int, which: int) -> None:
        self.clocks[row].start(AdBreak(which, self._views[row].now), self._views[row])

    def _interact(self, row: int, kind: int) -> None:
        now = self._views[row].now
        self.state.rooms.host_kind[row] = kind
        announce = self.scenarios[row].interactions.kinds[kind].announce_s
        self.clocks[row].start(Interaction(kind, now + announce), self._views[row])

    def _operate(self, row: int, which: int) -> None:
        operate(self._views[row], settings(self.scenarios[row])[which])

    def masks(self) -> tuple[np.ndarray, ...]:
        """Return what each head may choose now: one (R, size) bool array per head, freshly allocated."""
        return tuple(mask.copy() for mask in self._current_masks())

    def _current_masks(self) -> tuple[np.ndarray, ...]:
        if self._masks is None:
            self._masks = masks.empty_masks(self.num_rooms, self.head_sizes)
            masks.fill_masks(self.state, self.params, *self._masks)
        return self._masks

    # What can be seen

    @property
    def time_s(self) -> np.ndarray:
        """Return the time of each room's session, (R,) seconds."""
        return self.state.rooms.view(np.ndarray)["tick"] * self._tick_s

    @property
    def ended(self) -> np.ndarray:
        """Return whether each room's session is over, (R,) bool."""
        rooms = self.state.rooms.view(np.ndarray)
        return rooms["tick"] >= rooms["ticks"]

    @property
    def viewers(self) -> np.ndarray:
        """Return the concurrent viewers of each room, (R,) int."""
        return self.state.rooms.view(np.ndarray)["present"].copy()

    def events(self) -> dict[str, np.ndarray]:
        """Return counts and sums since the last decision, name -> (R,) float64."""
        now = self.state.ledger.now
        return {name: now[:, INDEX[name]].copy() for name in EVENTS}

    def world_values(self) -> dict[str, np.ndarray]:
        """Return the randomised numbers of each room's session, key -> (R,) float64, as `world.as_number` says them.

        NaN before the first reset, and in a room whose scenario does not randomise the number.
        """
        draws = {key: draw for each in self.given for key, draw in each.randomise.items()}
        return {
            key: np.array([as_number(draw, world[key]) if key in world else math.nan for world in self.worlds])
            for key, draw in draws.items()
        }

    def reward_values(self, mode: str = "expected") -> np.ndarray:
        """Return the reward terms since the last decision in credits, unweighted: (R, terms), as in rewards.TERMS."""
        return rewards.term_values(self.state.ledger.now, self._prices, mode)

    def reward_terms(self, mode: str = "expected") -> dict[str, np.ndarray]:
        """Return every reward term since the last decision in credits, unweighted, term -> (R,)."""
        values = self.reward_values(mode)
        return {term: values[:, n] for n, term in enumerate(rewards.TERMS)}

    def costs(self) -> dict[str, np.ndarray]:
        """Return the constraint costs since the last decision, name -> (R,): none of them is in the reward."""
        return analytics.costs(self.state, self.params)

    def observe(self) -> np.ndarray:
        """Return all observation fields flat, (R, n) float32, in the order of analytics.fields."""
        return self._layout.observe(self.state, self.params, self._current_masks())

    def analytics(self) -> dict[str, np.ndarray]:
        """Return all observation fields, name -> (R, *shape) float32."""
        return self._layout.split(self.observe())

    def status(self, row: int) -> RoomStatus:
        """Return what a spectator sees of one room, for rendering."""
        from livesim.showing import status_of

        return status_of(self, row)

    def journal(self, row: int) -> dict[str, np.ndarray]:
        """Return the individual events kept of one room: time_s, viewer_id, kind (ledger.JOURNAL_KINDS), value."""
        journal = self.state.ledger.journal[row]
        kept = journal[: int(self.state.rooms.journal_count[row])]
        return {name: kept[name].copy() for name in kept.dtype.names}

    # Copying

    def snapshot(self, rows: np.ndarray | None = None) -> Snapshot:
        """Return a picklable copy of all rooms, or of `rows`."""
        chosen = np.arange(self.num_rooms) if rows is None else np.asarray(rows)
        return Snapshot(
            arrays={name: array[chosen].copy() for name, array in arrays(self.state)},
            worlds=tuple(self.worlds[row] for row in chosen.tolist()),
            processes=tuple(tuple(self.clocks[row].processes()) for row in chosen.tolist()),
            times_s=tuple(float(self.clocks[row].env.now) for row in chosen.tolist()),
            plugin_streams=tuple(copy.deepcopy(self.plugin_streams[row]) for row in chosen.tolist()),
            started=self._started[chosen].copy(),
            last_actions=self.last_actions[chosen].copy(),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Put all rooms back to where they were when `snapshot` was taken."""
        if len(snapshot.times_s) != self.num_rooms:
            raise OrderError(f"snapshot of {len(snapshot.times_s)} rooms cannot be restored into {self.num_rooms}")
        self.load(snapshot, np.arange(self.num_rooms))

    def tile(self, row: int, n: int) -> Rooms:
        """Return a new batch of n copies of one room, as it is now."""
        copies = Rooms([self.given[row]] * n, journal=self.state.ledger.journal.shape[1])
        copies.load(self.snapshot(np.array([row])), np.zeros(n, dtype=np.int64))
        return copies

    def load(self, snapshot: Snapshot, source: np.ndarray) -> None:
        """Let room i go on from where room source[i] was when `snapshot` was taken. source: (R,) int."""
        slots = snapshot.arrays["alive"].shape[1]
        if slots > self.state.alive.shape[1]:
            self.state = grown(self.state, self.scenarios, slots)
        for name, array in arrays(self.state):
            fill_rows(array, slice(None), snapshot.arrays[name][source])
        for row, origin in enumerate(source.tolist()):
            self._enter_world(row, snapshot.worlds[origin])
            self.plugin_streams[row] = copy.deepcopy(snapshot.plugin_streams[origin])
            processes = [copy.deepcopy(process) for process in snapshot.processes[origin]]
            self._start_clock(row, snapshot.times_s[origin], processes)
            self._started[row] = snapshot.started[origin]
            self.last_actions[row] = snapshot.last_actions[origin]
        self._masks = None

    def renew_luck(self, seeds: Sequence[int], rows: np.ndarray | None = None) -> None:
        """Give running rooms the future of other seeds, all or `rows`; all that has happened, and who is there, stays.

        The new future is drawn given what has happened: `fresh_luck` says how, and what stays. The same state and
        seed give the same future. seeds: other than the room's own, which would repeat some of its dice.
        """
        chosen = np.arange(self.num_rooms) if rows is None else np.asarray(rows)
        if len(seeds) != len(chosen):
            raise OrderError(f"renew_luck needs one seed per room: {len(chosen)} rooms, {len(seeds)} seeds")
        if not self._started[chosen].all():
            raise OrderError("renew_luck() before reset(): call reset(seeds) first")
        for row, seed in zip(chosen.tolist(), seeds, strict=True):
            streams = room_streams(int(seed), STREAMS)
            self.plugin_streams[row] = streams["plugins"]
            if self.scenarios[row].incidents:
                self._replan(row, streams["incidents"])
            draw(self.state.luck, row, self.scenarios[row], int(seed), int(self.state.rooms.tick[row]))
            renew_crowd(self.state, self.params, self._bank, row, room_key(int(seed)))
        self._masks = None

    def _replan(self, row: int, rng: np.random.Generator) -> None:
        now_s, processes = self._views[row].now, self.clocks[row].processes()
        for process in processes:
            if isinstance(process, Incidents):
                process.incidents = replan(self.scenarios[row], process.incidents, rng, max(now_s, process.done_s))
        self._start_clock(row, float(self.clocks[row].env.now), processes)

    def _start_clock(self, row: int, now_s: float, processes: Sequence[Process]) -> None:
        self.clocks[row] = RoomClock(now_s)
        for process in processes:
            self.clocks[row].start(process, self._views[row])

    def __getstate__(self) -> dict[str, Any]:
        return {"scenarios": self.given, "snapshot": self.snapshot(), "journal": self.state.ledger.journal.shape[1]}

    def __setstate__(self, kept: Mapping[str, Any]) -> None:
        self.__init__(kept["scenarios"], journal=kept["journal"])  # type: ignore[misc]
        self.restore(kept["snapshot"])

    def __deepcopy__(self, memo: dict[int, Any]) -> Rooms:
        twin = Rooms(self.given, journal=self.state.ledger.journal.shape[1])
        twin.restore(self.snapshot())
        return twin
