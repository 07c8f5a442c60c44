"""The fields of viewers and rooms that chat and the desk own."""

from __future__ import annotations

QUEUE = 64  # most gifts and questions that wait for an answer
BURST = 1024  # most messages of one tick
PEOPLE = 16  # most people on duty at the desk

VIEWER = [
    ("troll", "u1"),  # came to spoil the chat
    ("talkative", "f4"),  # Gamma(1/4) weight as a sender
    ("bucket_s", "f4"),  # when the bucket of messages is full again (theoretical arrival time of the GCRA)
    ("spoke_s", "f4"),  # time of the last message
]
WAITING = [  # for an answer of the host, a ring per room; kind as in config.JOBS; since_s NEVER: answered
    ("slot", "i4"),
    ("kind", "i4"),
    ("viewer_id", "i8"),
    ("since_s", "f8"),
]
JOB = [  # of the desk, waiting or in service
    ("viewer_id", "i8"),  # giver, asker, or sender of the flagged message
    ("arrive_s", "f8"),
    ("deadline_s", "f8"),  # who still waits then gives up
    ("done_s", "f8"),  # in service: its end; of an idle server: the end of its last service
    ("work", "f8"),  # service time over the mean of whoever serves
    ("serial", "i4"),  # number of the job in the session, from 1
    ("slot", "i4"),
    ("ring", "i4"),  # its number among those who wait for an answer of the host
    ("kind", "u1"),  # index in config.JOBS
    ("is_toxic", "u1"),
    ("by_bot", "u1"),
    ("busy", "u1"),  # of a server: has a job
]
ROOM = [
    ("excitation", "f8"),  # S of the Hawkes process
    ("chat_left", "f8"),  # threshold left on the room's clock
    ("messages", "i8"),  # so far
    ("waiting_next", "i8"),  # where the next gift or question goes
    ("strictness", "i8"),  # 0 lenient, 1 normal, 2 strict
    ("desk_servers", "i8"),  # people on duty at the desk
    ("desk_read", "i8"),  # gifts and questions up to this number have come to the desk
    ("desk_waiting", "i8"),  # jobs that wait: the first ones of State.jobs
    ("desk_serial", "i8"),  # jobs so far
    ("missed", "i8"),  # toxic messages so far that nobody took down
    ("missed_felt", "i8"),  # of them, those whose harm is done
]
