"""A log is written without loss, read with everything put right counted, and refused where it cannot be trusted."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from experiments.logs import files
from experiments.logs.files import read_log, write_log
from experiments.logs.record import record
from experiments.logs.schema import AD_START, EVENTS, GIFT, IMPRESSION, MESSAGE, NONE
from experiments.logs.sessions import sessions_of
from livesim import ledger as book
from livesim.errors import LogError
from livesim.room import Rooms
from livesim.scenario import load_scenario

HEAD = "time,room,viewer,event,value,source"
GOOD = ["0,a,,start,,", "1,a,u,enter,,feed", "2,a,u,gift,5,", "9,a,u,leave,,", "20,a,,end,,"]


@pytest.fixture(scope="module")
def rows():
    return record(load_scenario("tiny"), range(3), batch=2)


def written(tmp_path, lines, head=HEAD, name="log.csv"):
    path = tmp_path / name
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_exported_is_read_back_without_loss(rows, tmp_path, suffix):
    path = tmp_path / f"log{suffix}"
    write_log(rows, path)
    reading = read_log(path)
    again = reading.rows
    assert reading.notes == {}
    assert again.room_names == rows.room_names
    for name in ("room", "time_s", "event", "value", "source", "position"):
        np.testing.assert_array_equal(getattr(again, name), getattr(rows, name), name)
    named = [np.array([*each.item_names, ""])[each.item] for each in (rows, again)]
    np.testing.assert_array_equal(*named)
    pairs = {(room, old, new) for room, old, new in zip(rows.room, rows.viewer, again.viewer, strict=True)}
    assert len(pairs) == len({(room, old) for room, old, _ in pairs}) == len({(room, new) for room, _, new in pairs})


def test_an_exported_log_holds_the_whole_session_as_the_ledger_counts_it(rows):
    scenario = load_scenario("tiny")
    sessions = sessions_of(rows)
    assert sessions.anomalies == {}
    np.testing.assert_allclose(sessions.length_s, scenario.session.duration_s)
    rooms = Rooms(scenario, 3)
    rooms.reset(range(3))
    from experiments.facts.world import policy_of

    policy = policy_of(scenario, {})
    state, starts = policy.initial_state([0, 1, 2]), np.ones(3, dtype=bool)
    while not rooms.ended.all():
        actions, state = policy.predict(rooms.observe(), state, starts, True)
        starts = np.zeros(3, dtype=bool)
        rooms.apply(np.asarray(actions))
        rooms.advance()
    totals = rooms.state.ledger.history.sum(axis=1)
    for event, column in ((MESSAGE, "messages"), (GIFT, "gifts"), (AD_START, "ad_impressions")):
        counted = sessions.per_room(sessions.of_kind(event).room)
        np.testing.assert_array_equal(counted, totals[:, book.INDEX[column]], EVENTS[event])
    gifts = sessions.of_kind(GIFT)
    credits = sessions.per_room(gifts.room, gifts.value)
    np.testing.assert_array_equal(credits, totals[:, book.INDEX["gift_credits"]])
    present = sessions.per_room(sessions.visits.room, sessions.visits.stay_s)
    np.testing.assert_allclose(present, totals[:, book.INDEX["present_s"]], rtol=1e-6)


def test_an_order_tells_its_product_and_what_was_paid_for_it():
    shop = load_scenario("tiny", {"content.click_log10": -1.0, "content.order_base": 4.0})
    rows = record(shop, range(4), "nothing")
    orders = rows.event == EVENTS.index("order")
    assert orders.sum() >= 10
    price = {item.name: item.price_credits for item in shop.content.items}
    discount = 1.0 - shop.content.sale_discount
    for item, paid in zip(rows.item[orders], rows.value[orders], strict=True):
        full = price[rows.item_names[item]]
        assert paid == pytest.approx(full) or paid == pytest.approx(full * discount)


def test_every_viewer_present_while_a_product_is_on_has_an_impression_of_it():
    rows = record(load_scenario("tiny"), range(3), "nothing")
    sessions = sessions_of(rows)
    seen, visits = sessions.of_kind(IMPRESSION), sessions.visits
    assert {rows.item_names[item] for item in seen.item} == {"mug"}
    there = np.flatnonzero((visits.entered_s < 600.0) & (visits.left_s > 420.0))  # the mug is on from 420 to 600 s
    assert sorted(seen.visit) == there.tolist()
    np.testing.assert_allclose(seen.time_s, np.maximum(visits.entered_s[seen.visit], 420.0))


def test_ads_are_told_apart_by_where_they_stood(rows):
    starts = rows.event == AD_START
    assert set(np.unique(rows.position[starts])) == {0, 1}, "pre-rolls and mid-rolls under the default policies"
    assert set(rows.value[starts & (rows.position == 0)]) == {15.0}
    assert set(rows.value[starts & (rows.position == 1)]) == {30.0}


def test_a_viewer_without_a_leave_is_censored_at_the_end_of_the_session(tmp_path):
    lines = ["100,a,,start,,", "110,a,u,enter,,feed", "120,a,v,enter,,follower", "130,a,v,leave,,", "200,a,,end,,"]
    visits = sessions_of(read_log(written(tmp_path, lines)).rows).visits
    np.testing.assert_allclose(visits.entered_s, [10, 20])
    np.testing.assert_allclose(visits.stay_s, [90, 10])
    assert visits.has_left.tolist() == [False, True]
    without = sessions_of(read_log(written(tmp_path, lines[1:-1])).rows)
    np.testing.assert_allclose(without.length_s, [20])
    np.testing.assert_allclose(without.visits.stay_s, [20, 10])


def test_times_of_several_zones_become_utc_and_are_counted(tmp_path):
    lines = [
        "2026-03-01T20:00:00+01:00,a,u,enter,,feed", "2026-03-01T19:00:30Z,a,u,message,,",
        "2026-03-01T14:01:00.500-05:00,a,u,leave,,",
    ]  # fmt: skip
    reading = read_log(written(tmp_path, lines))
    np.testing.assert_allclose(np.diff(reading.rows.time_s), [30.0, 30.5])
    assert reading.notes == {"time zones converted to UTC": 3}


def test_duplicates_are_dropped_and_late_rows_sorted_and_both_are_counted(tmp_path):
    reading = read_log(written(tmp_path, [GOOD[2], GOOD[0], GOOD[1], GOOD[1], *GOOD[3:]]))
    assert reading.notes == {"duplicate rows dropped": 1, "out-of-order events sorted": 1}
    assert [EVENTS[event] for event in reading.rows.event] == ["start", "enter", "gift", "leave", "end"]


def test_events_outside_a_stay_are_dropped_and_counted(tmp_path):
    lines = [*GOOD[:4], "0.5,a,u,message,,", "12,a,u,gift,3,", "5,a,u,enter,,feed", "11,a,u,leave,,", "25,a,v,enter,,",
             GOOD[4]]  # fmt: skip
    sessions = sessions_of(read_log(written(tmp_path, lines)).rows)
    assert sessions.anomalies == {
        "events before the start or after the end of their room dropped": 1,
        "enter rows of viewers already present dropped": 1,
        "leave rows of viewers not present dropped": 1,
        "events outside a stay dropped": 2,
    }
    assert sessions.events.value.tolist() == [5.0]


def test_who_comes_again_has_two_stays(tmp_path):
    lines = ["0,a,u,enter,,feed", "5,a,u,leave,,", "8,a,u,enter,,search", "9,a,u,message,,", "20,a,u,leave,,"]
    sessions = sessions_of(read_log(written(tmp_path, lines)).rows)
    np.testing.assert_allclose(sessions.visits.stay_s, [5, 12])
    assert sessions.events.visit.tolist() == [1]


def test_entries_without_a_source_come_from_the_feed(tmp_path):
    path = written(tmp_path, ["0,a,u,enter", "5,a,u,leave"], head="time,room,viewer,event")
    sessions = sessions_of(read_log(path).rows)
    assert sessions.visits.source.tolist() == [0]
    assert sessions.anomalies == {"enter rows without a source taken as feed": 1}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "log.csv: holds no events"),
        ([GOOD[0], "1,a,u,entr,,feed"], "log.csv:3: event: unknown event 'entr'. Known: ad_complete, ad_start, click"),
        ([GOOD[0], "1,a,u,entr,,feed"], "Did you mean 'enter'?"),
        ([GOOD[0], "1,a,u,enter,,feeed"], "log.csv:3: source: unknown source 'feeed'. Known: clip, feed"),
        ([*GOOD, "3,a,u,gift,,"], "log.csv:7: gift without a value (1 such rows)"),
        ([*GOOD, "3,a,u,gift,NaN,"], "log.csv:7: gift without a value (1 such rows)"),
        ([*GOOD, "3,a,u,gift,0,"], "log.csv:7: gift without a value above 0 (1 such rows)"),
        ([*GOOD, "3,a,u,gift,lots,"], "log.csv: value: "),
        ([*GOOD, ",a,u,message,,"], "log.csv:7: time is empty in 1 rows"),
        ([*GOOD, "inf,a,u,message,,"], "log.csv:7: time is not a finite number of seconds"),
        ([*GOOD, "soon,a,u,message,,"], "cannot read '0'"),
        ([*GOOD, "3,,u,message,,"], "log.csv:7: message without a room (1 such rows)"),
        ([*GOOD, "3,a,,message,,"], "log.csv:7: message without a viewer (1 such rows)"),
        ([*GOOD, "3,a,u,,,"], "log.csv:7: event is empty in 1 rows"),
        (["2026-03-01T20:00:00,a,u,enter,,"], "log.csv:2: time: times without a zone ('2026-03-01T20:00:00')"),
        (["2026-03-01T20:00:00Z,a,u,enter,,", "2026-03-01T20:00:00,a,u,leave,,"],
         "log.csv:3: time: times without a zone mixed with times that have one"),
        (["2026-03-01T20:00:00Z,a,u,enter,,", "12,a,u,leave,,"], "log.csv:3: time: cannot read '12'"),
        (["1,a,u"], "log.csv: not a csv file: "),
    ],
)  # fmt: skip
def test_a_bad_log_is_refused_with_file_line_and_what_is_allowed(tmp_path, lines, message):
    with pytest.raises(LogError) as error:
        read_log(written(tmp_path, lines))
    assert message in str(error.value)


def test_a_missing_column_is_named_with_the_nearest_one_there(tmp_path):
    with pytest.raises(LogError) as error:
        read_log(written(tmp_path, ["0,a,u,enter"], head="time,room,viewers,event"))
    assert "missing column 'viewer'. Needed: time, room, viewer, event; optional: value" in str(error.value)
    assert "Is it 'viewers'?" in str(error.value)


def test_other_files_and_existing_ones_are_refused(rows, tmp_path):
    written(tmp_path, GOOD)
    with pytest.raises(LogError, match=r"no such log\. In that folder: .*log\.csv"):
        read_log(tmp_path / "lag.csv")
    with pytest.raises(LogError, match=r"not '\.cvs'\. Did you mean '\.csv'\?"):
        read_log(tmp_path / "log.cvs")
    with pytest.raises(LogError, match="exists; nothing was written"):
        write_log(rows, tmp_path / "log.csv")
    (tmp_path / "log.parquet").write_text("time,room")
    with pytest.raises(LogError, match=r"log\.parquet: not a parquet file"):
        read_log(tmp_path / "log.parquet")


def test_timestamps_of_parquet_files_need_a_zone(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"time": pandas.to_datetime([0, 5_500], unit="ms", utc=True), "room": "a", "viewer": 1,
         "event": ["enter", "leave"]}
    )  # fmt: skip
    frame.to_parquet(tmp_path / "good.parquet")
    np.testing.assert_allclose(read_log(tmp_path / "good.parquet").rows.time_s, [0.0, 5.5])
    frame.assign(time=frame.time.dt.tz_localize(None)).to_parquet(tmp_path / "bad.parquet")
    with pytest.raises(LogError, match="timestamps without a zone"):
        read_log(tmp_path / "bad.parquet")


def test_a_missing_library_is_named_with_how_to_install_it(rows, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LogError, match=r"need pyarrow, which is not installed: pip install 'livesim\[logs\]'"):
        write_log(rows, tmp_path / "new.csv")


def test_importing_livesim_loads_neither_pandas_nor_pyarrow():
    check = "import sys, livesim, experiments.cli; print([n for n in ('pandas', 'pyarrow') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_word_of_the_schema_is_used_twice():
    assert len(set(EVENTS)) == len(EVENTS)
    assert NONE not in range(len(EVENTS))
    assert files.INSTALL.endswith("livesim[logs]'")
