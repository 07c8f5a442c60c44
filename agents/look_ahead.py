"""Improve a policy on copies of rooms before reinforcement learning: what would another choice have brought?

At sampled moments of training sessions a room is copied once per choice; every copy takes one choice and then
follows the policy, all under the same fresh luck, so that what differs is the choice. The gains over what the policy
does teach its network:

    maximise  mean over decisions of  sum over heads and choices  pi_head(choice | input) gain(head, choice)

which is policy iteration with rollouts. Half of the moments are those in which the policy acts, weighed by how few
they are: sampled as they come, they are too few to say what an act is worth, and a network that learns mostly from
decisions to wait ends with waiting always. The network reads observations only: what a copy knows of its viewers
(tastes, wallets) and of its future averages out over moments, and what is learned needs neither. Choices that gain one
by one can lose together, so whole sessions decide how far a round goes: all that was learned, or of the departures
from the advised rule only the surest half, quarter or eighth; and which round is kept, or the start.

Sources: Bertsekas, Tsitsiklis and Wu 1997, doi:10.1023/A:1009635226865 (rollouts on a base policy); Ross and Bagnell
2014, arXiv:1406.5979 (cost-sensitive learning from the values of all choices); Kakade and Langford 2002, "Approximately
optimal approximate reinforcement learning" (a whole greedy step may lose what a part of it wins). Needs the extra
`train`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO

from agents.hyperparameters import LookAhead
from agents.leash import heads_of
from agents.planner.candidates import candidates, firsts
from agents.planner.copies import Copies
from livesim.errors import ConfigError, unknown_name_text

if TYPE_CHECKING:
    from agents.inputs import Inputs
    from agents.policy import Policy, State
    from agents.vec_env import RoomsVecEnv
    from livesim.envs.batch import RoomBatch

FIRST_SESSION = 2**19
"""Sessions looked at have seeds from here on: above those of the training rooms, below the next training seed's."""
HELD_OUT = 4
"""Every so manieth session is not learned from: it says when to stop."""
BATCH = 256
SHARES = (0.5, 0.25, 0.125)
"""Of the departures from the advised rule, the surest first: how many a round may keep, beside all."""


@dataclass
class Looks:
    """N moments. m choices, heads side by side.

    inputs: (N, width), not normalised.  masks: (N, m) bool.  gain: (N, m) credits over the policy's own choice, 0 where
    not tried.  weight: (N, m) how many choices and decisions it stands for, 0 where not tried.  session: (N,) seeds.
    """

    inputs: np.ndarray
    masks: np.ndarray
    gain: np.ndarray
    weight: np.ndarray
    session: np.ndarray


def improve(
    model: Any, rooms: RoomsVecEnv, policy: Callable[[], Policy], plan: LookAhead, seed: int, first: int
) -> dict[str, float]:
    """Improve the policy network of a PPO or MaskablePPO model; returns numbers for its log.

    rooms: the training rooms; they stay as they are, their normaliser sees what is seen.  policy: returns the network
    as it is now.  first: seed of the first session.
    """
    batch = rooms.env.batch.twin(plan.sessions)
    copies, generator = Copies(batch), np.random.default_rng([seed, 0x10CA])
    seeds = np.arange((plan.rounds + 1) * plan.sessions).reshape(-1, plan.sessions) + first
    before = returns(copies, policy(), seeds[-1])
    looks: list[Looks] = []
    judged = float(plan.sessions * batch.scenario.decisions)
    numbers = {"look_ahead/decisions": judged, "look_ahead/kept_round": 0.0, "look_ahead/kept_share": 0.0}
    numbers["look_ahead/session_gain"] = 0.0
    weights = deepcopy(model.policy.state_dict())
    for turn in range(plan.rounds):
        found, decisions = collect(copies, rooms, policy(), plan, seeds[turn], generator)
        looks.append(found)
        numbers["look_ahead/decisions"] += decisions
        numbers |= fit(model, rooms, looks, plan)
        steps = []
        for share, step in partial_steps(model, rooms, found):
            model.policy.load_state_dict(step)
            gain = float((returns(copies, policy(), seeds[-1]) - before).mean())
            steps.append((gain, share, step))
            numbers[f"look_ahead/session_gain_{turn + 1}_{share:g}"] = gain
            numbers["look_ahead/decisions"] += judged
        gain, share, step = max(steps, key=lambda one: one[0])
        if gain > numbers["look_ahead/session_gain"]:
            weights = step
            numbers |= {"look_ahead/kept_round": turn + 1.0, "look_ahead/kept_share": share}
            numbers["look_ahead/session_gain"] = gain
        model.policy.load_state_dict(weights)
    return numbers


def partial_steps(model: Any, rooms: RoomsVecEnv, looks: Looks) -> list[tuple[float, dict[str, torch.Tensor]]]:
    """Return (share, weights) of networks that keep a share of their departures from the advised rule: the surest.

    How sure: by how much the logit of another choice exceeds that of the advice. Trust in the advice grows, head by
    head, by what that share of the departures looked at exceed. A network without advice keeps all of them.
    """
    whole = deepcopy(model.policy.state_dict())
    if getattr(model.policy.mlp_extractor, "advice", None) is None:
        return [(1.0, whole)]
    leads = _leads(model, torch.as_tensor(rooms.normalised(looks.inputs)), torch.as_tensor(looks.masks))
    found = [(1.0, whole)]
    for share in SHARES:
        step = deepcopy(whole)
        step["mlp_extractor.advice"] += torch.stack([torch.quantile(lead, 1.0 - share) for lead in leads])
        found.append((share, step))
    return found


def _leads(model: Any, inputs: torch.Tensor, masks: torch.Tensor) -> list[torch.Tensor]:
    """Return head by head by how much another choice leads the advised one where it does; a single 0 where nowhere."""
    with torch.no_grad():
        heads = _heads(model, inputs, masks)
    advice = inputs[:, model.policy.mlp_extractor.start :].split([head.logits.shape[1] for head in heads], dim=1)
    leads = []
    for head, advised in zip(heads, advice, strict=True):
        lead = head.logits.amax(dim=1) - (head.logits * advised).sum(dim=1)
        leads.append(lead[lead > 0] if (lead > 0).any() else torch.zeros(1))
    return leads


class Sessions:
    """Plays whole sessions with a policy: iterating yields, before each decision, (t, observations, memory, actions).

    memory: the policy's, after it has chosen the actions (S, H).  earned: (S,) credits so far.
    """

    def __init__(self, batch: RoomBatch, policy: Any, seeds: np.ndarray) -> None:
        self.batch, self.policy, self.seeds = batch, policy, seeds
        self.earned = np.zeros(len(seeds))

    def __iter__(self) -> Iterator[tuple[int, np.ndarray, State, np.ndarray]]:
        """Play from the beginning."""
        self.batch.reset(self.seeds.tolist())
        self.earned[:] = 0.0
        memory = self.policy.initial_state(self.seeds)
        for t in range(self.batch.scenario.decisions):
            flat = self.batch.observe()
            chosen, memory = self.policy.predict(flat, memory, np.full(len(self.seeds), t == 0))
            actions = np.asarray(chosen, dtype=np.int64).reshape(len(self.seeds), -1)
            yield t, flat, memory, actions
            self.batch.step(actions)
            self.earned += self.batch.rewards()


def returns(copies: Copies, policy: Any, seeds: np.ndarray) -> np.ndarray:
    """Return what a policy earns in whole sessions, (S,) credits."""
    sessions = Sessions(copies.batch, policy, seeds)
    for _ in sessions:
        pass
    return sessions.earned


def collect(
    copies: Copies, rooms: RoomsVecEnv, policy: Any, plan: LookAhead, seeds: np.ndarray, generator: np.random.Generator
) -> tuple[Looks, int]:
    """Play sessions with a policy and try other choices at sampled moments; returns them and the decisions played.

    The sessions are played twice: first to see where the policy acts, because those decisions are few and weigh most.
    """
    sessions, inputs = Sessions(copies.batch, policy, seeds), rooms.inputs
    is_tried, decisions = tried_heads(plan, inputs), copies.batch.scenario.decisions
    columns, starts = np.repeat(is_tried, inputs.sizes), np.cumsum([0, *inputs.sizes[:-1]])
    acts = np.stack([(actions[:, is_tried] > 0).any(axis=1) for _, _, _, actions in sessions])
    stands_for = moments(acts, plan.looks, generator)
    seen, played = inputs.fresh(seeds), 2 * acts.size
    parts: list[Looks] = []
    for t, flat, memory, actions in sessions:
        if rooms.normaliser:
            rooms.normaliser.see(flat)
        raw, seen = inputs.see(flat, seen, np.full(len(seeds), t == 0))
        if not (looked := stands_for[t] > 0.0).any():
            continue
        masks = inputs.masks(raw)
        row, tried, share = _changes(actions, masks & columns & looked[:, None], inputs.sizes, plan.changes, generator)
        if len(row):
            horizon = min(plan.horizon, decisions - t)
            value, count = _gains(copies, policy, memory, actions, row, tried, horizon, generator)
            gain, weight = np.zeros(masks.shape), np.zeros(masks.shape)
            head = (tried != actions[row]).argmax(axis=1)
            column = starts[head] + tried[np.arange(len(row)), head]
            gain[row, column], weight[row, column] = value, share * stands_for[t, row]
            at = np.unique(row)
            parts.append(Looks(raw[at], masks[at], gain[at], weight[at], seeds[at]))
            played += count
    if not parts:
        raise ConfigError("look_ahead: in none of the decisions looked at was another choice allowed; look more often")
    return stacked(parts), played


def moments(acts: np.ndarray, looks: int, generator: np.random.Generator) -> np.ndarray:
    """Return how many decisions each look stands for, in units of their mean, (T, S); 0: not looked at.

    acts: (T, S) bool, where a session's policy does something.  Half of a session's looks, or all its acts where they
    are fewer, are at such decisions, the others elsewhere; the last decision is left out.
    """
    decisions, sessions = acts.shape
    found, left = np.zeros(acts.shape), np.full(sessions, min(looks, decisions - 1))
    is_open = np.arange(decisions)[:, None] < decisions - 1
    for stratum, most in ((acts & is_open, -(-looks // 2)), (~acts & is_open, looks)):
        order = np.where(stratum, generator.random(acts.shape), np.inf).argsort(axis=0).argsort(axis=0)
        size = stratum.sum(axis=0)
        count = np.minimum(np.minimum(size, most), left)
        found += np.where(stratum & (order < count), size / np.maximum(count, 1), 0.0)
        left = left - count
    return found * (min(looks, decisions - 1) / max(decisions - 1, 1))


def tried_heads(plan: LookAhead, inputs: Inputs) -> np.ndarray:
    """Return whose choices are tried, (H,) bool; raises ConfigError for a head that is not learned here."""
    wanted = inputs.heads if plan.heads is None else plan.heads
    if strange := [head for head in wanted if head not in inputs.heads]:
        raise ConfigError(unknown_name_text("head", strange[0], inputs.heads, "look_ahead.heads"))
    return np.isin(inputs.heads, wanted)


def _changes(
    actions: np.ndarray, masks: np.ndarray, sizes: Sequence[int], most: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (row, action, share) of at most `most` changes of one head per row, drawn among those allowed.

    Rows rise.  share: allowed changes of the row per change drawn, so that weighted sums stand for all of them.
    """
    row, tried = candidates(actions, masks, sizes)
    is_change = ~firsts(row)
    order = np.lexsort((generator.random(len(row)), row))
    order = order[is_change[order]]
    ranked = row[order]
    rank = np.arange(len(ranked)) - np.searchsorted(ranked, ranked)
    kept = order[rank < most]
    allowed = np.bincount(ranked, minlength=len(actions))
    drawn = np.bincount(row[kept], minlength=len(actions))
    return row[kept], tried[kept], allowed[row[kept]] / drawn[row[kept]]


def _gains(
    copies: Copies, policy: Any, memory: State, actions: np.ndarray, row: np.ndarray, tried: np.ndarray, horizon: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Return what the changes bring over the policy's own choice, (len(row),), and the decisions played on copies."""
    rooms, place = np.unique(row, return_inverse=True)
    futures = copies.futures(rooms, generator.integers(2**32, 2**63, (len(rooms), 1)))
    room, first = np.concatenate([np.arange(len(rooms)), place]), np.concatenate([actions[rooms], tried])
    order = np.argsort(room, kind="stable")  # the policy's own choice before the changes of its room
    remembered, gain = tuple(part[rooms] for part in memory), np.empty(len(room))
    gain[order] = copies.gains(futures, room[order], first[order], policy, remembered, horizon)[:, 0]
    return gain[len(rooms) :], len(room) * horizon


def stacked(parts: list[Looks]) -> Looks:
    """Return several sets of moments as one."""
    names = ("inputs", "masks", "gain", "weight", "session")
    return Looks(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def fit(model: Any, rooms: RoomsVecEnv, looks: list[Looks], plan: LookAhead) -> dict[str, float]:
    """Teach the policy network the gains; it ends with the weights that did best on the sessions held out."""
    table = stacked(looks)
    scale = max(float(np.sqrt(np.mean(table.gain[table.weight > 0] ** 2))), 1e-9)
    inputs = torch.as_tensor(rooms.normalised(table.inputs))
    masks = torch.as_tensor(table.masks)
    worth = torch.as_tensor((table.gain * table.weight / scale).astype(np.float32))
    is_held_out = torch.as_tensor(table.session % HELD_OUT == 0)
    learned, held_out = torch.nonzero(~is_held_out)[:, 0], torch.nonzero(is_held_out)[:, 0]
    optimiser = torch.optim.Adam(model.policy.parameters(), lr=plan.learning_rate)
    model.policy.set_training_mode(True)

    def expected(rows: torch.Tensor, is_greedy: bool = False) -> torch.Tensor:
        chances = _chances(model, inputs[rows], masks[rows], is_greedy)
        return (chances * worth[rows]).sum(dim=1).mean()

    def score() -> float:
        with torch.no_grad():
            return float(expected(held_out) + expected(held_out, True))

    best, weights, best_epoch = score(), deepcopy(model.policy.state_dict()), 0
    for epoch in range(1, plan.epochs + 1):
        for rows in learned[torch.randperm(len(learned))].split(BATCH):
            optimiser.zero_grad()
            (-expected(rows)).backward()
            torch.nn.utils.clip_grad_norm_(model.policy.parameters(), 0.5)
            optimiser.step()
        if (now := score()) > best:
            best, weights, best_epoch = now, deepcopy(model.policy.state_dict()), epoch
    model.policy.load_state_dict(weights)
    with torch.no_grad():
        gain = {
            "look_ahead/gain": float(expected(held_out, True)) * scale,
            "look_ahead/gain_learned": float(expected(learned, True)) * scale,
        }
    return {"look_ahead/moments": float(len(table.inputs)), "look_ahead/best_epoch": float(best_epoch), **gain}


def _chances(model: Any, inputs: torch.Tensor, masks: torch.Tensor, is_greedy: bool) -> torch.Tensor:
    """Return the probability of every choice, (n, m); 1 for the likeliest of each head where greedy."""
    parts = [head.probs for head in _heads(model, inputs, masks)]
    if is_greedy:
        parts = [torch.nn.functional.one_hot(p.argmax(dim=1), p.shape[1]).float() for p in parts]
    return torch.cat(parts, dim=1)


def _heads(model: Any, inputs: torch.Tensor, masks: torch.Tensor) -> list[Any]:
    """Return the distribution over the choices of each head."""
    kept = {"action_masks": masks} if isinstance(model, MaskablePPO) else {}
    return heads_of(model.policy.get_distribution(inputs, **kept))
