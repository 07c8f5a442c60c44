"""What the desk does to the room, worked out by hand: answers, silences, removals, harm, trolls, token buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from livesim import Rooms, load_scenario
from livesim import ledger as book
from livesim.chat.config import STRICTNESS, ChatConfig, DeskClass, DeskConfig
from livesim.chat.desk import GIFT_THANKS, QUESTION, REPORT, class_table, join
from livesim.chat.moderation import flag_probability, run_desk
from livesim.chat.state import JOB, PEOPLE, QUEUE, WAITING
from livesim.chat.talk import may_send, wait_for_answer
from livesim.content.state import NEVER
from livesim.errors import ScenarioError, UnknownNameError
from livesim.network.config import NetworkConfig, PipelineConfig
from livesim.randomness import room_key
from livesim.schema import records
from livesim.state import ROOM, VIEWER
from tests.conftest import busy_actions, play

PRESENT = 30


def table(count: int, fields: Any) -> np.recarray:
    dtype = fields if isinstance(fields, np.dtype) else np.dtype(fields, align=True)
    return np.zeros(count, dtype).view(np.recarray)


class Desk:
    """A desk with 30 viewers around it, ids 100, 101, ... in slots 0, 1, ...; every service takes 8 s of a person."""

    def __init__(self, **values: Any) -> None:
        defaults = {"classes": [DeskClass(name=name, cv=0.0, priority=n) for n, name in
                                enumerate(("gift_thanks", "question", "report"))]}  # fmt: skip
        config = DeskConfig(**{**defaults, **values})
        self.p, self.classes = records([config])[0], class_table(config.classes)
        self.alive, self.viewers = np.ones(PRESENT, np.uint8), table(PRESENT, VIEWER)
        self.viewers.viewer_id = 100 + np.arange(PRESENT)
        self.viewers.budget_s = 1000.0
        self.rooms, self.waiting = table(1, ROOM), table(QUEUE, WAITING)
        self.waiting.since_s = NEVER
        self.room = self.rooms[0]
        self.room.key, self.room.present, self.room.high = room_key(3), PRESENT, PRESENT
        self.room.desk_servers = config.servers
        self.jobs, self.servers = table(QUEUE + 1, JOB), table(PEOPLE + 1, JOB)
        self.ledger = np.zeros(len(book.COLUMNS))
        self.now_s = 0.0

    def ask(self, slot: int, at_s: float, kind: int = QUESTION, toxic: int = 0) -> None:
        if kind == REPORT:
            join(self.jobs, self.room, self.classes, self.ledger, kind, slot, 100 + slot, at_s, 0, toxic)
        else:
            wait_for_answer(self.waiting, self.room, kind, slot, 100 + slot, at_s)

    def run(self, until_s: float) -> None:
        while self.now_s < until_s:
            run_desk(self.alive, self.viewers, self.room, self.waiting, self.jobs, self.servers, self.p, self.classes,
                     self.ledger, self.now_s, self.now_s + 5.0)  # fmt: skip
            self.now_s += 5.0

    def count(self, column: str) -> float:
        return float(self.ledger[book.INDEX[column]])


@pytest.mark.parametrize("kind", [GIFT_THANKS, QUESTION])
def test_who_is_answered_in_time_is_happier_and_counts_as_named_for_a_minute(kind):
    desk = Desk()
    desk.ask(4, 2.0, kind)
    desk.run(5.0)
    assert desk.viewers[4].mood == 0.0, "the answer takes 8 s"
    desk.run(10.0)
    assert desk.viewers[4].mood == pytest.approx(0.4)
    assert desk.viewers[4].named_until_s == 70.0
    assert (np.delete(desk.viewers.mood, 4) == 0.0).all()
    assert (desk.count("desk_jobs"), desk.count("desk_answered"), desk.count("desk_busy_s")) == (1, 1, 8)


def test_a_bot_answers_faster_and_counts_half():
    desk = Desk(servers=0, bot=True)
    desk.ask(4, 2.0)
    desk.run(5.0)
    assert desk.viewers[4].mood == pytest.approx(0.2)
    assert desk.viewers[4].named_until_s == 2.0 + 1.5 + 30.0


def test_a_free_person_serves_before_the_bot():
    desk = Desk(servers=1, bot=True)
    desk.ask(1, 2.0)
    desk.ask(2, 2.0)
    desk.run(15.0)
    assert desk.viewers.mood[[1, 2]].tolist() == pytest.approx([0.4, 0.2])


def test_an_answered_question_waits_no_longer_but_a_thanked_giver_may_still_be_named():
    desk = Desk(servers=2)
    desk.ask(1, 1.0, QUESTION)
    desk.ask(2, 1.0, GIFT_THANKS)
    desk.run(10.0)
    assert desk.waiting.since_s[:2].tolist() == [NEVER, 1.0]


def test_a_question_that_the_host_has_answered_leaves_the_desk():
    desk = Desk()
    desk.ask(1, 1.0)
    desk.ask(2, 2.0)
    desk.run(5.0)
    assert desk.room.desk_waiting == 1
    desk.waiting.since_s[1] = NEVER  # the host named viewer 2
    desk.run(10.0)
    assert desk.room.desk_waiting == 0
    assert desk.viewers.mood[[1, 2]].tolist() == pytest.approx([0.4, 0.0])
    assert desk.count("desk_answered") == 2


def test_an_asker_whose_patience_ends_is_disappointed():
    desk = Desk()
    for slot in range(20):
        desk.ask(slot, 0.0)
    desk.run(150.0)
    # one every 8 s while patience, 90 s, lasts: those taken at 0, 8, ..., 88
    assert desk.viewers.mood[:20].tolist() == pytest.approx([0.4] * 12 + [-0.3] * 8)
    assert (desk.count("desk_answered"), desk.count("desk_late")) == (12, 8)
    assert desk.count("desk_wait_s") == desk.count("desk_queue_s") == 8 * sum(range(12)) + 8 * 90


def test_a_giver_who_was_not_thanked_in_time_holds_no_grudge():
    desk = Desk()
    for slot in range(20):
        desk.ask(slot, 0.0, GIFT_THANKS)
    desk.run(150.0)
    assert desk.count("desk_late") == 8
    assert desk.viewers.mood[12:20].tolist() == [0.0] * 8


def test_who_has_left_meanwhile_gets_nothing():
    desk = Desk()
    desk.ask(4, 2.0)
    desk.viewers.viewer_id[4] = 999  # somebody else sits there now
    desk.run(20.0)
    assert (desk.viewers.mood == 0.0).all()
    assert desk.count("desk_answered") == 1


def test_who_is_sent_home_ends_the_job_in_hand_and_takes_no_other():
    desk = Desk(servers=2)
    for slot in range(4):
        desk.ask(slot, 0.0)
    desk.run(5.0)
    desk.room.desk_servers = 1
    desk.run(25.0)
    assert desk.viewers.mood[:4].tolist() == pytest.approx([0.4, 0.4, 0.4, 0.4])
    assert desk.count("desk_busy_s") == 16.0 + 8.0 + 8.0 - 0.0
    assert desk.viewers.named_until_s[:4].tolist() == [68.0, 68.0, 76.0, 84.0]


@pytest.mark.parametrize(
    ("discipline", "order"), [("fifo", [1, 2, 3]), ("priority", [1, 3, 2]), ("deadline", [1, 3, 2])]
)
def test_the_discipline_says_who_is_next(discipline, order):
    classes = [DeskClass(name="gift_thanks", cv=0, priority=0, patience_s=60),
               DeskClass(name="question", cv=0, priority=1, patience_s=90)]  # fmt: skip
    desk = Desk(discipline=discipline, classes=classes)
    desk.ask(1, 0.0, QUESTION)
    desk.ask(2, 1.0, QUESTION)
    desk.ask(3, 2.0, GIFT_THANKS)
    desk.run(30.0)
    assert np.argsort(desk.viewers.named_until_s[:4], kind="stable").tolist() == [0, *order]


def test_a_full_desk_turns_jobs_away_at_once_and_counts_them_late():
    desk = Desk()
    for n in range(QUEUE):
        desk.ask(n % PRESENT, 4.0, REPORT)
    for slot in range(3):
        desk.ask(slot, 5.0, QUESTION)
    desk.run(5.0)
    assert (desk.count("desk_jobs"), desk.count("desk_late")) == (QUEUE + 3, 3)
    assert desk.viewers.mood[:4].tolist() == pytest.approx([-0.3, -0.3, -0.3, 0.0])


def test_more_gifts_in_a_tick_than_the_ring_holds_are_counted_as_turned_away():
    desk = Desk()
    for n in range(QUEUE + 10):
        desk.ask(n % PRESENT, 4.0, GIFT_THANKS)
    desk.run(5.0)
    assert (desk.count("desk_jobs"), desk.count("desk_late")) == (QUEUE + 10, 10)


def test_a_toxic_message_that_is_taken_down_in_time_hurts_nobody():
    desk = Desk(person_right=1.0)
    desk.ask(4, 0.0, REPORT, toxic=1)
    desk.run(10.0)
    assert (desk.count("removed"), desk.count("moderation_misses"), desk.count("false_removals")) == (1, 0, 0)
    assert (desk.viewers.mood == 0.0).all()


def test_a_toxic_message_that_is_given_up_on_hurts_twenty_viewers():
    desk = Desk(person_right=1.0)
    for slot in range(12):
        desk.ask(slot, 0.0, GIFT_THANKS)
    desk.ask(20, 0.0, REPORT, toxic=1)
    desk.run(95.0)
    assert desk.count("moderation_misses") == 1
    before = 11 * 0.4  # thanked by 95 s
    assert float(desk.viewers.mood.sum()) == pytest.approx(before - 20 * 0.1, abs=1e-5)


def test_a_message_taken_down_wrongly_angers_its_sender():
    desk = Desk(person_right=0.0)
    desk.ask(4, 0.0, REPORT)
    desk.run(10.0)
    assert (desk.count("removed"), desk.count("false_removals"), desk.count("moderation_misses")) == (1, 1, 0)
    assert desk.viewers[4].mood == pytest.approx(-0.5)
    desk.ask(5, 10.0, REPORT, toxic=1)
    desk.run(20.0)
    assert desk.count("moderation_misses") == 1, "judged wrongly, a toxic message stands"


@pytest.mark.parametrize(("bot", "budget_s"), [(False, 0.0), (True, 1000.0)])
def test_a_person_throws_a_troll_out_and_the_bot_does_not(bot, budget_s):
    desk = Desk(servers=0 if bot else 1, bot=bot, person_right=1.0, bot_right=1.0)
    desk.viewers.troll[4] = 1
    desk.ask(4, 0.0, REPORT, toxic=1)
    desk.run(10.0)
    assert desk.count("removed") == 1
    assert desk.viewers[4].budget_s == budget_s


def test_a_stricter_sensor_flags_more_of_everything():
    p = records([DeskConfig()])[0]
    toxic = [flag_probability(p, level, True) for level in range(len(STRICTNESS))]
    other = [flag_probability(p, level, False) for level in range(len(STRICTNESS))]
    assert (toxic, other) == ([0.6, 0.8, 0.95], [0.003, 0.015, 0.06])


def sent(times: np.ndarray) -> np.ndarray:
    """Return which messages of one sender pass a bucket of 20 messages that fills in 30 s."""
    viewer, p = table(1, VIEWER)[0], records([ChatConfig()])[0]
    return np.array([may_send(viewer, p, t) for t in times])


def test_a_bucket_holds_twenty_messages_and_gives_two_in_three_seconds():
    assert sent(np.full(50, 10.0)).sum() == 20
    assert sent(np.arange(0.0, 60.001, 0.1)).sum() == 60  # 20 at once and 60 s x 2/3, as in the shared reference
    assert sent(7000.0 + np.arange(0.0, 600.0, 0.1))[3000:].sum() == 200  # 300 s at the steady rate
    assert sent(np.arange(0.0, 600.0, 1.5)).all()


def test_a_bucket_equals_one_that_is_filled_and_emptied_step_by_step():
    times = np.cumsum(np.random.default_rng(4).exponential(0.9, 3000))
    level, last, expected, clear = 20.0, 0.0, [], []
    for t in times:
        level = min(20.0, level + (t - last) * 20.0 / 30.0)
        last = t
        clear.append(abs(level - 1.0) > 0.02)  # times are kept as float32, with a hundredth of a second to spare
        expected.append(level >= 1.0)
        level -= level >= 1.0
    got = sent(times)
    assert 0.1 < 1.0 - got.mean() < 0.5
    upto = int(np.argmin(clear)) if not all(clear) else len(times)
    assert upto > 100
    np.testing.assert_array_equal(got[:upto], expected[:upto])


@pytest.fixture(scope="module")
def trolled() -> tuple[Rooms, Rooms]:
    """The same luck without trolls and with 25 of them after five minutes."""
    changes = {"audience.planned_viewers": 100, "session.duration_s": 1800, "incidents": []}
    scenario = load_scenario("entertainment", changes)
    pair = []
    for trolls in (0, 25):
        rooms = Rooms(scenario, 8, journal=40_000)
        rooms.reset(list(range(8)))
        play(rooms, lambda rooms, _: np.zeros((8, len(rooms.heads)), dtype=np.int64), decisions=10)
        for view in rooms._views:
            view.add_viewers("troll", trolls)
        play(rooms, lambda rooms, _: np.zeros((8, len(rooms.heads)), dtype=np.int64))
        pair.append(rooms)
    return pair[0], pair[1]


def total(rooms: Rooms, column: str) -> float:
    return float(rooms.state.ledger.history[:, :, book.INDEX[column]].sum())


def test_trolls_are_raiders_who_fill_the_chat_with_toxic_messages(trolled):
    calm, raided = trolled
    assert total(raided, "entered_raid") == 8 * 25
    assert total(raided, "toxic") > 2 * total(calm, "toxic")
    assert total(raided, "flagged") > total(calm, "flagged")
    assert total(raided, "moderation_misses") > total(calm, "moderation_misses")
    assert total(raided, "removed") > total(calm, "removed")


def test_trolls_are_thrown_out_and_the_others_come_and_go_by_the_books(trolled):
    raided = trolled[1]
    left = total(raided, "entered") - total(raided, "left")
    assert left == raided.viewers.sum()
    assert (raided.state.viewers.troll.astype(bool) & (raided.state.alive == 1)).sum() < 8 * 10


def test_every_job_of_the_desk_is_answered_late_or_still_there(trolled):
    for rooms in trolled:
        there = rooms.state.rooms.desk_waiting.sum() + rooms.state.servers.busy.sum()
        assert total(rooms, "desk_jobs") > 100
        assert total(rooms, "desk_jobs") == total(rooms, "desk_answered") + total(rooms, "desk_late") + there


def test_littles_law_holds_at_the_desk_of_a_room(trolled):
    """The integral of the queue = the waits of those who left it + the waits so far of those who still stand there."""
    for rooms in trolled:
        so_far = 0.0
        for row in range(rooms.num_rooms):
            waiting = rooms.state.jobs[row, : int(rooms.state.rooms.desk_waiting[row])]
            so_far += float((rooms.time_s[row] - waiting.arrive_s).sum())
        assert total(rooms, "desk_queue_s") == pytest.approx(total(rooms, "desk_wait_s") + so_far, rel=1e-6)


def test_messages_of_the_ledger_are_those_that_were_sent(trolled):
    for rooms in trolled:
        noted = sum((rooms.journal(row)["kind"] == book.J_MESSAGE).sum() for row in range(rooms.num_rooms))
        assert total(rooms, "messages") == noted


def test_a_flood_is_throttled_and_its_reward_with_it():
    scenario = load_scenario("tiny", {"chat.base_per_viewer_min": 5, "chat.bucket_messages": 2, "chat.bucket_s": 60})
    rooms = Rooms(scenario, 2, journal=40_000)
    rooms.reset([1, 2])
    play(rooms, busy_actions)
    assert total(rooms, "throttled") > 100
    noted = sum((rooms.journal(row)["kind"] == book.J_MESSAGE).sum() for row in range(2))
    assert total(rooms, "messages") == noted
    assert total(rooms, "messages_expected") < 1.5 * total(rooms, "messages")


def test_a_room_without_a_desk_has_no_jobs_and_misses_every_toxic_message():
    rooms = Rooms(load_scenario("entertainment", {"audience.planned_viewers": 80, "desk.classes": []}), 2)
    rooms.reset([1, 2])
    play(rooms, busy_actions)
    assert total(rooms, "desk_jobs") == 0
    assert total(rooms, "moderation_misses") == total(rooms, "toxic") > 0


def test_image_enhancement_shows_in_the_quality_of_the_picture():
    quality = []
    for enhance in (False, True):
        tight = {"network.kappa": 0.1, "pipeline.enhance": enhance, "pipeline.transcode_cost": 0.0}
        rooms = Rooms(load_scenario("tiny", tight), 2)
        rooms.reset([1, 2])
        play(rooms, busy_actions, decisions=1)
        watched = total(rooms, "watch_s") + total(rooms, "watch_ad_s")
        quality.append(total(rooms, "quality_s") / watched)
    assert quality[0] < 0.85, quality
    assert quality[1] == pytest.approx(quality[0] + 0.1, abs=0.02)


def test_a_process_can_only_add_viewers_of_a_known_source(tiny):
    rooms = Rooms(tiny)
    rooms.reset([1])
    with pytest.raises(UnknownNameError, match=r"unknown source that a process can add 'trol'.*Did you mean 'troll'"):
        rooms._views[0].add_viewers("trol", 3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"desk.servers": 0}, "tiny: desk: servers: 0 people and no bot: nobody would answer. At least 1"),
        ({"desk.servers": 17}, "tiny: desk.servers: .*less than or equal to 16"),
        ({"desk.classes": [{"name": "question"}, {"name": "question"}]}, "desk: classes: every class at most once"),
        ({"desk.classes": [{"name": "praise"}]}, "desk.classes.0.name: .*'question' or 'report'.*'praise'"),
        ({"desk.discipline": "lifo"}, "desk.discipline: .*'fifo', 'priority' or 'deadline'.*'lifo'"),
        ({"desk.classes": [{"name": "question", "patience_s": 0}]}, "patience_s: .*greater than or equal to 0.1"),
        ({"desk.server": 1}, "unknown key 'server'.* Did you mean 'servers'?"),
        ({"pipeline.workers": 0}, "pipeline.workers: .*greater than or equal to 1"),
        ({"pipeline.uplink_headroom": 0.5}, "pipeline.uplink_headroom: .*greater than or equal to 1"),
    ],
)  # fmt: skip
def test_a_bad_desk_or_pipeline_is_refused(overrides, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario("tiny", overrides)


def test_a_ladder_longer_than_the_pipeline_can_hold_is_refused():
    with pytest.raises(ValidationError, match="ladder_kbps: at most 32 rungs, got 40"):
        NetworkConfig(ladder_kbps=tuple(range(100, 140)))


@pytest.mark.parametrize("section", [ChatConfig, DeskConfig, DeskClass, PipelineConfig])
def test_every_number_has_a_unit_a_meaning_and_a_source(section):
    for name, field in section.model_fields.items():
        assert field.description, name
        assert set(field.json_schema_extra or {}) == {"unit", "source"}, name
