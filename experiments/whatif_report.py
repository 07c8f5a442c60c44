"""A what-if in numbers: what changed within some minutes of the moment, and to the end of the session."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from experiments.seeds import seeds_text
from experiments.session_trace import SessionTrace
from experiments.statistics import Estimate, paired_difference
from experiments.whatif import Answer, clock_text

WITHIN_MIN = (5.0, 15.0)
TO_THE_END = "to the end"
_EVENTS = {
    "gift credits": ("gift_credits", 1.0),
    "messages": ("messages", 1.0),
    "orders": ("orders", 1.0),
    "follows": ("follows", 1.0),
    "ad minutes": ("ad_s", 1.0 / 60.0),
    "entries": ("entered", 1.0),
    "leaves": ("left", 1.0),
}


def windows(answer: Answer) -> dict[str, slice]:
    """Return name -> decisions, all from the moment on; those that would outlast the session are left out."""
    first, trace = answer.question.first, answer.factual
    found = {}
    for minutes in WITHIN_MIN:
        end = first + round(minutes * 60.0 / trace.decision_s)
        if end < trace.decisions:
            found[f"{minutes:g} min"] = slice(first, end)
    return {**found, TO_THE_END: slice(first, trace.decisions)}


def measures(trace: SessionTrace, decisions: slice) -> dict[str, np.ndarray]:
    """Return name -> (N,): sums over the decisions, and the mean of concurrent viewers."""
    return {
        "return": trace.reward[:, decisions].sum(axis=1),
        **{f"  {term}": values[:, decisions].sum(axis=1) for term, values in trace.terms.items()},
        "viewers, mean": trace.viewers[:, decisions].mean(axis=1),
        **{name: unit * trace.events[column][:, decisions].sum(axis=1) for name, (column, unit) in _EVENTS.items()},
    }


def changed(answer: Answer) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return measure -> window -> (as it was, what if), each (N,); measures that are zero throughout are left out."""
    found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for window, decisions in windows(answer).items():
        was, would = measures(answer.factual, decisions), measures(answer.counterfactual, decisions)
        for name in was:
            found.setdefault(name, {})[window] = (was[name], would[name])
    return {
        name: pairs for name, pairs in found.items() if any(np.any(a != 0) or np.any(b != 0) for a, b in pairs.values())
    }


def title(answer: Answer) -> str:
    """Return the question in one line."""
    question = answer.question
    changes = " ".join(change.text for change in question.changes)
    until = ""
    if question.end < answer.factual.decisions and not all(change.is_once for change in question.changes):
        until = f" until {clock_text(question.end * answer.factual.decision_s)}"
    count = len(answer.factual)
    which = f"seed {answer.factual.seeds[0]}" if count == 1 else f"{count} seeds"
    return f"{question.name}, {which}: what if {changes} from {clock_text(answer.at_s)}{until}"


def table(answer: Answer) -> Table:
    """Return both branches to the end of the session, and the difference in each window."""
    shown = Table(title=title(answer), title_justify="left")
    shown.add_column("from the moment on")
    for name in ("as it was", "what if"):
        shown.add_column(f"{name}, {TO_THE_END}", justify="right")
    for window in windows(answer):
        shown.add_column(f"difference, {window}", justify="right")
    for name, pairs in changed(answer).items():
        name = "return, all terms" if name == "return" else name
        was, would = pairs[TO_THE_END]
        cells = [f"{was.mean():,.2f}", f"{would.mean():,.2f}"]
        shown.add_row(name, *cells, *(_signed(difference(*pair)) for pair in pairs.values()))
    return shown


def difference(was: np.ndarray, would: np.ndarray) -> Estimate:
    """Return the mean of would - was on the same luck; its interval is unknown (NaN) for very few sessions."""
    return paired_difference(would[None], was[None])


def notes(answer: Answer) -> list[str]:
    """Return what a reader must know beside the numbers."""
    count, found = len(answer.factual), []
    for text, sessions in answer.refused().items():
        if sessions:
            found.append(
                f"{text} was impossible at its moment in {sessions} of {count} sessions (masked: busy, cooling down, "
                "or nothing to start it with) and did nothing there."
            )
    if all(np.array_equal(a, b) for pairs in changed(answer).values() for a, b in pairs.values()):
        found.append("Nothing changed: the policy does the same by itself, or what was asked for was impossible.")
    if count == 1:
        found.append(
            "One session is an anecdote: on this luck, this is what would have happened. --seeds 1000:1032 asks the "
            "same of many and gives an interval."
        )
    else:
        was, would = changed(answer)["return"][TO_THE_END]
        better, equal = int(np.sum(would > was)), int(np.sum(would == was))
        found.append(
            f"Return better in {better}, equal in {equal} and worse in {count - better - equal} of {count} sessions "
            f"(seeds {seeds_text(answer.factual.seeds.tolist())}). Differences: mean of what if minus as it was on the "
            "same luck, in brackets the 95 % bootstrap interval over sessions."
        )
    return found


def as_data(answer: Answer) -> dict[str, Any]:
    """Return plain data for JSON: question, both branches per session, differences with intervals."""
    question = answer.question
    return {
        "policy": question.name,
        "scenario": question.env.load_scenario().name,
        "changes": [change.text for change in question.changes],
        "at_s": answer.at_s,
        "until_s": question.end * answer.factual.decision_s,
        "seeds": answer.factual.seeds.tolist(),
        "impossible": answer.refused(),
        "measures": {
            f"term.{name.strip()}" if name.startswith(" ") else name: {
                window: {**_both(was, would), **_estimate_data(difference(was, would))}
                for window, (was, would) in pairs.items()
            }
            for name, pairs in changed(answer).items()
        },
        "timeline": {
            "ends_min": answer.factual.ends_min.tolist(),
            "viewers": _both(answer.factual.viewers, answer.counterfactual.viewers),
            "reward": _both(answer.factual.reward, answer.counterfactual.reward),
        },
    }


def _both(was: np.ndarray, would: np.ndarray) -> dict[str, list[Any]]:
    return {"as_it_was": was.tolist(), "what_if": would.tolist()}


def _estimate_data(estimate: Estimate) -> dict[str, float | None]:
    ends = {"difference": estimate.value, "low": estimate.low, "high": estimate.high}
    return {key: None if np.isnan(value) else value for key, value in ends.items()}


def _signed(estimate: Estimate) -> str:
    if np.isnan(estimate.low):
        return f"{estimate.value:+,.2f}"
    return f"{estimate.value:+,.2f} [{estimate.low:+,.2f}, {estimate.high:+,.2f}]"
