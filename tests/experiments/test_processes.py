"""Workers end with whoever started them."""

import subprocess
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from experiments.processes import WorkerError
from experiments.train import _result

PARENT = """\
import multiprocessing, time

def work():
    from experiments.processes import begin_worker
    begin_worker()
    time.sleep(600)

worker = multiprocessing.get_context("fork").Process(target=work)
worker.start()
print(worker.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and looks into /proc")
def test_a_worker_ends_when_its_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True,
                          cwd=Path(__file__).parents[2]) as parent:  # fmt: skip
        worker = int(parent.stdout.readline())
        assert is_alive(worker)
        parent.kill()
    until = time.monotonic() + 60.0
    while is_alive(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(worker)


def test_a_killed_training_process_is_one_clear_sentence():
    future: Future[None] = Future()
    future.set_exception(BrokenProcessPool("abruptly"))
    with pytest.raises(WorkerError, match=r"train/ppo/seed0: a training process was killed, .* Continue with --resume"):
        _result(future, "train/ppo/seed0")


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
