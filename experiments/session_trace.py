"""Sessions decision by decision: what was on, who was there, what was earned. Figures are drawn from this."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livesim import rewards
from livesim.errors import ResultFolderError
from livesim.heads import choices
from livesim.ledger import INDEX

if TYPE_CHECKING:
    from livesim.envs.batch import RoomBatch

EVENTS = (
    "entered", "left", "present_s", "stall_s", "messages", "gifts", "gift_credits", "orders", "follows", "ad_s",
    "ad_impressions", "participants", "masked_actions",
)  # fmt: skip
"""The ledger columns that are kept."""
ITEM, AD, INTERACTION = range(3)
_NAMES = ("recommend", "ads", "interact")


@dataclass(frozen=True)
class SessionTrace:
    """N sessions of D decisions, as the ledger has them.

    seeds: (N,) int64.  decision_s: length of a decision, s.  viewers: (N, D) int64, present at its end.  on: (N, D, 3)
    int8, the item at its end, the ad format and the interaction kind last on the air in it, -1 for none; names of each
    in `items`, `formats`, `kinds`.  terms: reward term -> (N, D), weighted credits.  events: ledger column (EVENTS) ->
    (N, D).  A session that ended before the D-th decision has no viewers, nothing on and zeros from there on.
    """

    seeds: np.ndarray
    decision_s: float
    viewers: np.ndarray
    on: np.ndarray
    terms: Mapping[str, np.ndarray]
    events: Mapping[str, np.ndarray]
    items: tuple[str, ...]
    formats: tuple[str, ...]
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def decisions(self) -> int:
        """D, the decisions of a session."""
        return self.viewers.shape[1]

    @property
    def ends_min(self) -> np.ndarray:
        """Return when each decision ends, (D,) minutes into the session."""
        return np.arange(1, self.decisions + 1) * self.decision_s / 60.0

    @property
    def reward(self) -> np.ndarray:
        """Return the reward, (N, D) credits."""
        return np.sum(list(self.terms.values()), axis=0)

    def sessions(self, rows: slice | Sequence[int]) -> SessionTrace:
        """Return some of the sessions."""
        return SessionTrace(
            self.seeds[rows],
            self.decision_s,
            self.viewers[rows],
            self.on[rows],
            {name: values[rows] for name, values in self.terms.items()},
            {name: values[rows] for name, values in self.events.items()},
            self.items,
            self.formats,
            self.kinds,
        )

    def npz_bytes(self) -> bytes:
        """Return a compressed NumPy archive of plain arrays that `read_trace` reads back exactly.

        Equal sessions give equal bytes, which `np.savez` with its time stamps does not.
        """
        arrays = {"seeds": self.seeds, "decision_s": np.array(self.decision_s), "viewers": self.viewers, "on": self.on}
        arrays |= {f"term.{name}": values for name, values in self.terms.items()}
        arrays |= {f"event.{name}": values for name, values in self.events.items()}
        for name in ("items", "formats", "kinds"):
            arrays[name] = np.array(getattr(self, name), dtype=np.str_)
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
        return data.getvalue()


def read_trace(path: Path) -> SessionTrace:
    """Return what `npz_bytes` gave; a missing or damaged file raises ResultFolderError naming it."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return SessionTrace(
            arrays["seeds"],
            float(arrays["decision_s"]),
            arrays["viewers"],
            arrays["on"],
            _with_prefix(arrays, "term."),
            _with_prefix(arrays, "event."),
            *(tuple(arrays[name].tolist()) for name in ("items", "formats", "kinds")),
        )
    except Exception as error:  # zip, header, checksum, missing member: one answer for all
        raise ResultFolderError(f"{path}: cannot be read as recorded sessions ({error})") from None


class Recorder:
    """Keeps the first `most` sessions that a rollout finishes (`finished=recorder`)."""

    def __init__(self, seeds: Sequence[int], reward_mode: str, most: int | None = None) -> None:
        self.seeds = list(seeds)[:most]
        self.reward_mode = reward_mode
        self.parts: list[SessionTrace] = []

    def __call__(self, rooms: RoomBatch) -> None:
        """Copy the sessions of a batch that is over."""
        kept = sum(map(len, self.parts))
        seeds = self.seeds[kept : kept + rooms.num_rooms]
        if seeds:
            self.parts.append(_trace_of(rooms, seeds, self.reward_mode))

    def trace(self) -> SessionTrace:
        """Return all that was kept, in the order of the seeds."""
        first = self.parts[0]
        return SessionTrace(
            np.concatenate([part.seeds for part in self.parts]),
            first.decision_s,
            np.concatenate([part.viewers for part in self.parts]),
            np.concatenate([part.on for part in self.parts]),
            {name: np.concatenate([part.terms[name] for part in self.parts]) for name in first.terms},
            {name: np.concatenate([part.events[name] for part in self.parts]) for name in first.events},
            first.items,
            first.formats,
            first.kinds,
        )


def _trace_of(batch: RoomBatch, seeds: Sequence[int], reward_mode: str) -> SessionTrace:
    n, scenario, ledger = len(seeds), batch.scenario, batch.rooms.state.ledger
    weight = np.array([batch.weights[term] for term in rewards.TERMS])
    values = np.stack([
        rewards.term_values(ledger.history[row], rewards.prices(batch.rooms.scenarios[row]), reward_mode) * weight
        for row in range(n)
    ])  # fmt: skip
    names = choices(scenario)
    return SessionTrace(
        np.array(seeds, dtype=np.int64),
        float(scenario.session.decision_s),
        ledger.viewers[:n].copy(),
        ledger.on[:n].copy(),
        {term: values[:, :, i] + 0.0 for i, term in enumerate(rewards.TERMS)},
        {name: ledger.history[:n, :, INDEX[name]].copy() for name in EVENTS},
        *(names[head] for head in _NAMES),
    )


def _with_prefix(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
