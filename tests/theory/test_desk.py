"""The desk against queueing theory, and against the same desk built from SimPy resources, job by job."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numba import njit
from queue_models import REFERENCE, assert_near_theory, case, closed_form, priority_desk

from livesim.chat.config import JOBS, DeskClass, DeskConfig
from livesim.chat.desk import ANSWERED, NOTHING, book_queue, book_service, class_table, join, next_event
from livesim.chat.state import JOB
from livesim.ledger import COLUMNS, DESK_BUSY_S, DESK_QUEUE_S, DESK_WAIT_S
from livesim.schema import records
from livesim.state import ROOM

REPLICATIONS = 8
FOREVER = 86_400.0
known = pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference results are not on this machine")


@njit
def drive(jobs, servers, room, p, classes, ledger, kind, arrive_s, work, wait_s, end_s, served):
    """Let jobs come to the desk one by one; fill what each waited, when it ended, and whether it was served.

    wait_s -1: turned away.
    """
    number = np.zeros(arrive_s.shape[0] + 1, np.int64)
    before = 0.0
    for n in range(arrive_s.shape[0] + 1):
        until = arrive_s[n] if n < arrive_s.shape[0] else 1e300
        book_service(servers, ledger, before, until)
        while True:
            event = next_event(jobs, servers, room, p, classes, ledger, before, until)
            if event == NOTHING:
                break
            job = jobs[jobs.shape[0] - 1]
            m = number[job.serial - 1]
            end_s[m] = job.done_s
            served[m] = event == ANSWERED
            wait_s[m] = job.done_s - job.arrive_s - (job.work * classes[job.kind].mean_s if served[m] else 0.0)
        book_queue(jobs, room, ledger, before, until)
        before = until
        if n < arrive_s.shape[0]:
            if join(jobs, room, classes, ledger, kind[n], 0, n, arrive_s[n], 0, 0):
                jobs[room.desk_waiting - 1].work = work[n]
                number[room.desk_serial - 1] = n
            else:
                wait_s[n] = -1.0


class Desk:
    """A desk outside of any room; services are given instead of drawn."""

    def __init__(self, classes: Sequence[DeskClass], servers: int, discipline: str = "priority", places: int = 4000):
        config = DeskConfig(classes=tuple(classes), servers=servers, discipline=discipline)
        self.p = records([config])[0]
        self.classes = class_table(config.classes)
        self.places, self.servers = places, servers

    def run(self, kind: np.ndarray, arrive_s: np.ndarray, service_s: np.ndarray):
        """Return (wait, end, served) of each job, (jobs,). kind: index in JOBS."""
        room = np.zeros(1, ROOM).view(np.recarray)
        room.desk_servers = self.servers
        n = len(arrive_s)
        wait_s, end_s, served = np.zeros(n), np.zeros(n), np.zeros(n, bool)
        jobs = np.zeros(self.places + 1, np.dtype(JOB, align=True)).view(np.recarray)
        servers = np.zeros(self.servers + 1, jobs.dtype).view(np.recarray)
        self.ledger = np.zeros(len(COLUMNS))
        drive(jobs, servers, room[0], self.p, self.classes, self.ledger, kind, arrive_s,
              service_s / self.classes.mean_s[kind], wait_s, end_s, served)  # fmt: skip
        return wait_s, end_s, served


def classes_of(patience_s: Sequence[float] = (FOREVER,) * 3, mean_s: float = 1.0) -> list[DeskClass]:
    return [
        DeskClass(name=name, priority=rank, patience_s=patience, mean_s=mean_s)
        for rank, (name, patience) in enumerate(zip(JOBS, patience_s, strict=True))
    ]


def poisson(seed: int, lam: Sequence[float], jobs: int) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Return a generator, the class and the time of each arrival of merged Poisson streams."""
    rng = np.random.default_rng(seed)
    arrive_s = np.cumsum(rng.exponential(1 / sum(lam), jobs))
    return rng, rng.choice(len(lam), jobs, p=np.array(lam) / sum(lam)), arrive_s


def class_waits(desk: Desk, kind: np.ndarray, arrive_s: np.ndarray, service_s: np.ndarray) -> list[float]:
    """Return the mean wait of each class, without the first tenth of the jobs."""
    wait_s, _, served = desk.run(kind, arrive_s, service_s)
    assert served.all()
    late = np.arange(len(kind)) >= len(kind) // 10
    return [wait_s[late & (kind == c)].mean() for c in range(3)]


@known
@pytest.mark.parametrize(("name", "servers", "jobs"), [("prio_np_exp", 1, 400_000), ("prio_np_mmc", 4, 400_000)])
def test_waits_by_priority_are_those_of_cobham(name: str, servers: int, jobs: int) -> None:
    lam = case(name)["params"]["lam"]
    desk = Desk(classes_of(), servers)
    waits = []
    for seed in range(REPLICATIONS):
        rng, kind, arrive_s = poisson(seed, lam, jobs)
        waits.append(class_waits(desk, kind, arrive_s, rng.exponential(1.0, jobs)))
    for c, theory in enumerate(closed_form(name, "Wq")):
        assert_near_theory(f"{name} class {c}", np.array(waits)[:, c], theory)


@known
def test_waits_by_priority_with_mixed_services_are_those_of_cobham() -> None:
    lam, rho = case("prio_np_mixed")["params"]["lam"], closed_form("prio_np_mixed", "rho")
    desk, jobs = Desk(classes_of(), 1), 400_000
    waits = []
    for seed in range(REPLICATIONS):
        rng, kind, arrive_s = poisson(seed, lam, jobs)
        service_s = rng.exponential(np.array([0.05, 0.1, 0.1])[kind])
        waits.append(class_waits(desk, kind, arrive_s, np.where(kind == 1, 0.1, service_s)))
    for c, theory in enumerate(closed_form("prio_np_mixed", "Wq")):
        assert_near_theory(f"prio_np_mixed class {c}", np.array(waits)[:, c], theory)
    total = closed_form("prio_np_mixed", "conservation_sum_rho_Wq")
    assert_near_theory("prio_np_mixed conservation", np.array(waits) @ np.array(rho), total)


@known
@pytest.mark.parametrize("discipline", ["fifo", "priority", "deadline"])
def test_no_discipline_changes_the_load_weighted_wait(discipline: str) -> None:
    """Kleinrock's conservation law: with equal services sum rho_c Wq_c = rho Wq of first come, first served."""
    lam = case("prio_np_exp")["params"]["lam"]
    desk, jobs = Desk(classes_of((50_000.0, 50_010.0, 50_020.0)), 1, discipline), 400_000
    sums = []
    for seed in range(REPLICATIONS):
        rng, kind, arrive_s = poisson(seed, lam, jobs)
        sums.append(np.dot(class_waits(desk, kind, arrive_s, rng.exponential(1.0, jobs)), lam))
    assert_near_theory(f"conservation, {discipline}", sums, closed_form("prio_np_exp", "conservation_sum_rho_Wq"))


@known
def test_a_full_desk_turns_away_as_many_as_theory_says() -> None:
    lam, places = case("mm1k")["params"]["lam"], case("mm1k")["params"]["K"] - 1
    desk, jobs = Desk(classes_of(), 1, "fifo", places), 400_000
    dropped, stays = [], []
    for seed in range(REPLICATIONS):
        rng, kind, arrive_s = poisson(seed, [lam], jobs)
        wait_s, end_s, _ = desk.run(kind, arrive_s, rng.exponential(0.1, jobs))
        away = wait_s[jobs // 10 :] == -1.0
        dropped.append(away.mean())
        stays.append((end_s - arrive_s)[jobs // 10 :][~away].mean())
    assert_near_theory("mm1k P_drop", dropped, closed_form("mm1k", "P_drop"))
    assert_near_theory("mm1k W", stays, closed_form("mm1k", "W"))


def test_as_many_give_up_as_theory_says() -> None:
    """M/M/1 with constant patience tau (Barrer 1957): P(late) = rho P0 e^{-(mu-lam) tau}.

    The wait that a job would have has density lam P0 e^{-(mu-lam) x} below tau, and falls as e^{-mu x} beyond: so
    1/P0 = 1 + lam (1 - e^{-(mu-lam) tau}) / (mu - lam) + rho e^{-(mu-lam) tau}.
    """
    lam, mu, tau, jobs = 0.8, 1.0, 3.0, 400_000
    fall = math.exp(-(mu - lam) * tau)
    empty = 1.0 / (1.0 + lam * (1.0 - fall) / (mu - lam) + lam / mu * fall)
    desk = Desk(classes_of((tau,) * 3), 1, "fifo")
    late = []
    for seed in range(REPLICATIONS):
        rng, kind, arrive_s = poisson(seed, [lam], jobs)
        late.append(1.0 - desk.run(kind, arrive_s, rng.exponential(1.0, jobs))[2][jobs // 10 :].mean())
    assert_near_theory("M/M/1+D P(late)", late, lam / mu * empty * fall)


@pytest.mark.parametrize("discipline", ["fifo", "priority", "deadline"])
@pytest.mark.parametrize("servers", [1, 3])
def test_the_desk_equals_one_of_simpy_resources_job_by_job(discipline: str, servers: int) -> None:
    patience = np.array([6.0, 9.0, 4.0])
    rng, kind, arrive_s = poisson(5, [0.5 * servers, 0.4 * servers, 0.3 * servers], 1500)
    service_s = rng.lognormal(-0.3, 0.7, len(kind))
    key = {"fifo": 0.0 * kind, "priority": kind, "deadline": arrive_s + patience[kind]}[discipline]
    begun, ended = priority_desk(arrive_s, service_s, key, patience[kind], servers)
    desk = Desk(classes_of(tuple(patience)), servers, discipline)
    wait_s, end_s, served = desk.run(kind, arrive_s, service_s)
    np.testing.assert_array_equal(served, np.isfinite(begun))
    assert 0.05 < 1.0 - served.mean() < 0.6, "some must give up and most must not"
    np.testing.assert_allclose(end_s, ended, atol=1e-9)
    np.testing.assert_allclose((arrive_s + wait_s)[served], begun[served], atol=1e-9)


def test_the_books_of_the_desk_are_littles_law() -> None:
    """The integral of the queue is the sum of waits, that of busy servers the sum of services."""
    rng, kind, arrive_s = poisson(9, [0.5, 0.4, 0.3], 3000)
    service_s = rng.exponential(1.0, len(kind))
    desk = Desk(classes_of((6.0, 9.0, 4.0)), 1)
    wait_s, _, served = desk.run(kind, arrive_s, service_s)
    ledger = desk.ledger
    assert ledger[DESK_QUEUE_S] == pytest.approx(wait_s.sum(), rel=1e-9)
    assert ledger[DESK_WAIT_S] == pytest.approx(wait_s.sum(), rel=1e-9)
    assert ledger[DESK_BUSY_S] == pytest.approx(service_s[served].sum(), rel=1e-9)
