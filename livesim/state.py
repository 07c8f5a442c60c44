"""All arrays of a batch of rooms: allocate, reset a row, copy rows, grow the viewer slots.

The room axis comes first in every array, so a room is row r of everything, and copying a room is copying its rows.
A viewer, an item, a campaign, a use of a kind and a room are records: kernels take one record and read like the
equations. (Structure-of-arrays in NamedTuples was measured first: one compiled tick took 400 s to compile and paid a
reference count per field and viewer; records compile in seconds and pass as one pointer.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from livesim import ledger as ledgers
from livesim import luck as lucks
from livesim.ads import state as ads
from livesim.ads.config import FormatConfig
from livesim.audience import state as audience
from livesim.audience.state import DEPTH
from livesim.audience.taste import population_moments, unit_rows
from livesim.chat import state as chat
from livesim.chat.config import STRICTNESS
from livesim.chat.desk import class_table
from livesim.content import state as content
from livesim.content.state import NEVER
from livesim.errors import ScenarioError
from livesim.gifts import state as gifts
from livesim.interactions import state as interactions
from livesim.journal import ROOM as JOURNAL_ROOM
from livesim.network import state as network
from livesim.network.edges import open_edges
from livesim.network.pipeline import open_pipeline
from livesim.operations import state as operations
from livesim.operations.levers import open_operations
from livesim.randomness import Channel, exponential, room_key
from livesim.scenario import Scenario
from livesim.schema import records
from livesim.table import Table

DOMAINS = (audience, content, gifts, chat, ads, interactions)
# widest fields first: no gaps between them, 16 bytes less per viewer
VIEWER = np.dtype(
    sorted((field for domain in DOMAINS for field in domain.VIEWER), key=lambda field: -np.dtype(field[1]).alignment),
    align=True,
)
ROOM = np.dtype([field for domain in DOMAINS for field in domain.ROOM] + operations.ROOM + JOURNAL_ROOM, align=True)


class State(NamedTuple):
    """Every array that changes."""

    rooms: Table  # (R,)
    alive: np.ndarray  # (R, V) uint8, 1 while a viewer holds the slot
    viewers: Table  # (R, V)
    free: np.ndarray  # (R, V) int32 stack of free slots
    items: Table  # (R, K)
    kinds: Table  # (R, J) uses of each interaction kind
    campaigns: Table  # (R, M)
    waiting: Table  # (R, QUEUE) gifts and questions not yet answered
    jobs: Table  # (R, QUEUE + 1) of the desk: those that wait, and a scratch record
    servers: Table  # (R, PEOPLE + 1) jobs in service; the last place is the bot's
    pending: np.ndarray  # (R, 3, T + 1) int32: clip viewers, raiders and trolls who come in a tick
    centres: np.ndarray  # (R, S, D) float32 tastes of the segments
    order: np.ndarray  # (R, S, M) int8 campaigns by rank; -1 not eligible
    rank_price: np.ndarray  # (R, S, M) float64, what each rank pays
    luck: lucks.Luck
    ledger: ledgers.Ledger
    network: network.NetworkState


SECTIONS = (
    "session", "audience", "network", "pipeline", "content", "gifts", "chat", "desk", "ads", "interactions",
    "operations", "analytics",
)  # fmt: skip


class Params(NamedTuple):
    """Every number of the scenarios, as records that kernels read: one row per room."""

    session: Table  # (R,)
    audience: Table  # (R,)
    network: Table  # (R,)
    content: Table  # (R,)
    gifts: Table  # (R,)
    chat: Table  # (R,)
    ads: Table  # (R,)
    interactions: Table  # (R,)
    operations: Table  # (R,)
    analytics: Table  # (R,)
    kinds: Table  # (R, J)
    formats: Table  # (R, F)
    pipeline: Table  # (R,)
    desk: Table  # (R,)
    desk_classes: Table  # (R, C) by kind of job; mean_s 0: the scenario does not have it
    ladder: np.ndarray  # (L,) float64, kbit/s


def params_of(scenarios: Sequence[Scenario]) -> Params:
    """Return the numbers of one scenario per room."""
    tables = {name: table for section in SECTIONS for name, table in _tables(section, scenarios).items()}
    return Params(**tables, ladder=np.array(scenarios[0].network.ladder_kbps, dtype=np.float64))


def renew_params(params: Params, row: int, before: Scenario, after: Scenario) -> None:
    """Put the numbers of one room from those of one scenario to those of another; what they share costs nothing."""
    for section in SECTIONS:
        if getattr(before, section) is not getattr(after, section):
            for name, table in _tables(section, [after]).items():
                getattr(params, name)[row] = table[0]


def _tables(section: str, scenarios: Sequence[Scenario]) -> dict[str, Table]:
    """Return the fields of `Params` that come from one section, one row per scenario."""
    tables = {section: records([getattr(s, section) for s in scenarios])}
    if section == "interactions":
        tables["kinds"] = np.stack([records(s.interactions.kinds) for s in scenarios]).view(Table)
    elif section == "ads":
        tables["formats"] = np.stack([records(s.ads.formats, FormatConfig) for s in scenarios]).view(Table)
    elif section == "desk":
        tables["desk_classes"] = np.stack([class_table(s.desk.classes) for s in scenarios]).view(Table)
    return tables


def structure(scenario: Scenario) -> dict[str, Any]:
    """Return what rooms of one batch must share: the sizes of the axes, the ladder and the lines."""
    net = scenario.network
    return {
        "items": len(scenario.content.items), "ad formats": len(scenario.ads.formats),
        "interaction kinds": len(scenario.interactions.kinds), "campaigns": len(scenario.ads.campaigns),
        "steps of capacity": len(scenario.operations.capacity_steps), "staff": scenario.operations.staff_most,
        "segments": len(scenario.audience.segments), "edges": len(net.edge_shares),
        "ladder": net.ladder_kbps, "access lines": net.access,
        "traces": (net.traces, net.trace_kinds, net.trace_split),
        "synthetic lines": (net.synthetic_traces, net.synthetic_length_s),
        "spreads of lines": (net.measured_log_sd, net.rtt_log_sd),
        "tick": scenario.session.tick_s, "decision": scenario.session.decision_s,
    }  # fmt: skip


def check_structure(scenarios: Sequence[Scenario]) -> None:
    """Raise ScenarioError where the scenarios of one batch do not fit together."""
    first = structure(scenarios[0])
    for scenario in scenarios[1:]:
        if scenario is scenarios[0]:
            continue
        for name, value in structure(scenario).items():
            if value != first[name]:
                raise ScenarioError(f"{scenario.name}: cannot share a batch with '{scenarios[0].name}': {name} differ")


def _table(shape: tuple[int, ...], fields: Any) -> Table:
    dtype = fields if isinstance(fields, np.dtype) else np.dtype(fields, align=True)
    return np.zeros(shape, dtype=dtype).view(Table)


def allocate(scenarios: Sequence[Scenario], slots: int, journal: int = 0) -> State:
    """Return empty arrays for one room per scenario."""
    R, s = len(scenarios), scenarios[0]
    ticks = max(each.ticks for each in scenarios)
    segments, campaigns = len(s.audience.segments), len(s.ads.campaigns)
    return State(
        rooms=_table((R,), ROOM),
        alive=np.zeros((R, slots), np.uint8),
        viewers=_table((R, slots), VIEWER),
        free=np.zeros((R, slots), np.int32),
        items=_table((R, len(s.content.items)), content.ITEM),
        kinds=_table((R, len(s.interactions.kinds)), interactions.KIND),
        campaigns=_table((R, campaigns), ads.CAMPAIGN),
        waiting=_table((R, chat.QUEUE), chat.WAITING),
        jobs=_table((R, chat.QUEUE + 1), chat.JOB),
        servers=_table((R, chat.PEOPLE + 1), chat.JOB),
        pending=np.zeros((R, 3, ticks + 1), np.int32),
        centres=np.zeros((R, segments, DEPTH), np.float32),
        order=np.full((R, segments, campaigns), -1, np.int8),
        rank_price=np.zeros((R, segments, campaigns)),
        luck=lucks.allocate(R, ticks, segments),
        ledger=ledgers.allocate(R, max(each.decisions for each in scenarios), journal),
        network=network.allocate(R, slots, len(s.network.edge_shares), len(s.network.ladder_kbps)),
    )


def arrays(state: Any, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield (dotted name, array) of a state, in a fixed order."""
    for name, value in zip(state._fields, state, strict=True):
        if isinstance(value, np.ndarray):
            yield path + name, value
        else:
            yield from arrays(value, f"{path}{name}.")


def fill_rows(target: np.ndarray, rows: Any, source: np.ndarray) -> None:
    """Copy rows of an array into one that may be longer along its second axis; the rest becomes empty."""
    if target.shape[1:] == source.shape[1:]:
        target[rows] = source
    else:
        target[rows] = np.zeros((), target.dtype)
        target[rows, : source.shape[1]] = source


def grown(state: State, scenarios: Sequence[Scenario], slots: int) -> State:
    """Return the same rooms with more viewer slots."""
    bigger = allocate(scenarios, slots, state.ledger.journal.shape[1])
    for (_, old), (_, new) in zip(arrays(state), arrays(bigger), strict=True):
        fill_rows(new, slice(None), old)
    return bigger


def reset_row(state: State, row: int, scenario: Scenario, seed: int) -> None:
    """Put room `row` at the start of a session of `scenario` with the luck of `seed`."""
    for name, array in arrays(state):
        if not name.startswith(("luck.", "network.")):
            array[row] = np.zeros((), array.dtype)
    state.ledger.on[row] = -1
    state.waiting.since_s[row] = NEVER
    lucks.draw(state.luck, row, scenario, seed)
    edges, rungs = len(scenario.network.edge_shares), len(scenario.network.ladder_kbps)
    blank = network.allocate(1, state.alive.shape[1], edges, rungs)
    for (_, empty), (_, array) in zip(arrays(blank), arrays(state.network), strict=True):
        array[row] = empty[0]
    open_edges(state.network, row, scenario.network, scenario.audience.planned_viewers)
    open_pipeline(state.network, row, scenario.network, scenario.pipeline)
    _open_room(state.rooms, row, scenario, seed)
    _stock_catalogue(state, row, scenario)
    _brief_campaigns(state, row, scenario)
    state.kinds.cooldown_until_s[row] = NEVER
    state.kinds.last_use_s[row] = NEVER


def _open_room(rooms: Table, row: int, scenario: Scenario, seed: int) -> None:
    inter, hours = scenario.interactions, scenario.session.duration_s / 7200.0
    prize = inter.prize_budget_per_viewer * scenario.audience.planned_viewers * hours
    key = room_key(seed)
    values: dict[str, Any] = {
        "key": key, "noise_key": key, "ticks": scenario.ticks,
        "boost": scenario.audience.boost_start, "mean_mood": scenario.audience.mood_mean,
        "item_serial": 1, "item_end_s": scenario.content.items[0].length_s, "carried_before_s": NEVER, "rival": -1,
        "chat_left": exponential(key, 0, int(Channel.CHAT_CLOCK), 0), "ad": ads.NO_AD,
        "ad_shown": ads.NO_AD, "kind_shown": -1, "pause": 1.0,
        "ad_end_s": NEVER, "kind": -1, "host_kind": -1, "burst_until_s": NEVER, "burst": 1.0,
        "energy": inter.energy_start, "prize_left": prize, "prize_full": prize, "offers_taken": -1,
        "strictness": STRICTNESS.index(scenario.desk.strictness), "desk_servers": scenario.desk.servers,
    }  # fmt: skip
    for name, value in values.items():
        rooms[name][row] = value
    open_operations(rooms, row, scenario)


def item_vectors(scenario: Scenario) -> np.ndarray:
    """Return what is on screen for each item, (K, D) unit: its topics with a touch of the host's signature."""
    w = scenario.audience.signature_weight
    topics = unit_rows(np.array([item.topics for item in scenario.content.items]))
    return unit_rows((1.0 - w) * topics + w * unit_rows(np.array([scenario.content.signature])))


def _population(scenario: Scenario, vectors: np.ndarray) -> tuple[np.ndarray, float, float]:
    segments = scenario.audience.segments
    centres = unit_rows(np.array([s.centre for s in segments]))
    shares = np.array([s.share for s in segments], dtype=float)
    return centres, *population_moments(centres, shares, scenario.audience.taste_spread, vectors)


def _stock_catalogue(state: State, row: int, scenario: Scenario) -> None:
    vectors = item_vectors(scenario)
    _, state.rooms.match_mean[row], state.rooms.match_sd[row] = _population(scenario, vectors)
    table = state.items
    for k, item in enumerate(scenario.content.items):
        stock = np.ceil(item.stock * scenario.audience.planned_viewers)
        values: dict[str, Any] = {
            "topics": vectors[k], "knots": item.highlights, "length_s": item.length_s, "price": item.price_credits,
            "appeal": scenario.content.quality_match * (item.quality - 0.5), "margin": item.margin,
            "reference": item.reference_price_credits or item.price_credits, "is_product": item.kind == "product",
            "is_lesson": item.kind == "lesson",
            "stock": stock, "stock_full": stock, "last_shown_s": NEVER,
        }  # fmt: skip
        for name, value in values.items():
            table[name][row, k] = value


def _brief_campaigns(state: State, row: int, scenario: Scenario) -> None:
    vectors = unit_rows(np.array([c.topics for c in scenario.ads.campaigns]))
    rooms = state.rooms
    state.centres[row], rooms.relevance_mean[row], rooms.relevance_sd[row] = _population(scenario, vectors)
    hours = scenario.session.duration_s / 7200.0
    for m, campaign in enumerate(scenario.ads.campaigns):
        budget = campaign.budget_per_viewer * scenario.audience.planned_viewers * hours
        values: dict[str, Any] = {
            "topics": vectors[m], "value": campaign.click_value_credits, "budget": budget, "left": budget,
            "quality": campaign.quality, "cap": campaign.frequency_cap, "pacing": 1.0,
        }  # fmt: skip
        for name, value in values.items():
            state.campaigns[name][row, m] = value
