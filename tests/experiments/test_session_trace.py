"""Recorded sessions: they hold what the episode table sums up, and read back exactly."""

import numpy as np
import pytest

from experiments.environment import EnvConfig
from experiments.rollout import rollout
from experiments.session_trace import EVENTS, Recorder, read_trace
from livesim.errors import ResultFolderError

SEEDS = (1003, 7, 12, 40, 5)


@pytest.fixture(scope="module")
def recorded():
    env = EnvConfig(scenario="tiny")
    recorder = Recorder(SEEDS, "expected")
    table = rollout(env.policy("combined"), env, SEEDS, batch=2, finished=recorder)
    return table, recorder.trace()


def test_a_trace_adds_up_to_the_episode_table(recorded):
    table, trace = recorded
    assert trace.seeds.tolist() == list(SEEDS)
    np.testing.assert_allclose(trace.reward.sum(axis=1), table["return"], rtol=1e-9)
    for term, values in trace.terms.items():
        np.testing.assert_allclose(values.sum(axis=1), table[f"term.{term}"], rtol=1e-9, err_msg=term)
    for name in set(EVENTS) & {column.removeprefix("event.") for column in table.names("event.")}:
        np.testing.assert_allclose(trace.events[name].sum(axis=1), table[f"event.{name}"], rtol=1e-9, err_msg=name)
    assert trace.viewers.mean(axis=1) == pytest.approx(table["viewers_mean"])


def test_an_item_is_on_at_every_decision_the_last_included(recorded):
    _, trace = recorded
    assert trace.decisions == 24
    assert np.all(trace.on[:, :, 0] >= 0)
    assert trace.items[trace.on[0, 0, 0]] == "chat_corner"


def test_an_ad_is_on_where_ad_seconds_were_booked(recorded):
    _, trace = recorded
    assert np.any(trace.events["ad_s"] > 0)
    assert np.all(trace.on[:, :, 1][trace.events["ad_s"] > 0] >= 0)


def test_only_as_many_sessions_are_kept_as_asked_for():
    env = EnvConfig(scenario="tiny")
    recorder = Recorder(SEEDS, "expected", most=3)
    rollout(env.policy("nothing"), env, SEEDS, batch=2, finished=recorder)
    assert recorder.trace().seeds.tolist() == [1003, 7, 12]


def test_a_trace_reads_back_exactly(recorded, tmp_path):
    _, trace = recorded
    (tmp_path / "sessions.npz").write_bytes(trace.npz_bytes())
    again = read_trace(tmp_path / "sessions.npz")
    assert again.npz_bytes() == trace.npz_bytes()
    assert again.items == trace.items


@pytest.mark.parametrize("cut", [0, 40, -20])
def test_a_damaged_trace_is_named(recorded, tmp_path, cut):
    file = tmp_path / "sessions.npz"
    file.write_bytes(recorded[1].npz_bytes()[:cut])
    with pytest.raises(ResultFolderError, match=r"sessions\.npz: cannot be read as recorded sessions"):
        read_trace(file)
