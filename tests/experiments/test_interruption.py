"""Ctrl-C: the first press asks, the second insists, and afterwards everything is as before."""

import signal

import pytest

from experiments.interruption import interruptible
from experiments.progress import Silent


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_first_ctrl_c_waits_for_a_safe_point():
    with interruptible(Silent()) as interruption:
        interruption.check()
        press_ctrl_c()
        assert interruption.is_asked
        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_the_second_ctrl_c_stops_at_once():
    with interruptible(Silent()):
        press_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            press_ctrl_c()


def test_ctrl_c_is_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with interruptible(Silent()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
