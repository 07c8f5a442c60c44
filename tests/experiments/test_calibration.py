"""Calibration measures what a scenario reproduces under its default policies."""

from __future__ import annotations

from experiments.calibration import calibrate


def test_calibration_is_repeatable_and_reports_every_round():
    lines: list[str] = []
    first = calibrate("tiny", episodes=4, rounds=2, report=lines.append)
    again = calibrate("tiny", episodes=4, rounds=2, report=lambda _: None)
    assert first == again
    assert set(first) == {"audience.mood_mean", "audience.boost_reference"}
    assert -2 < first["audience.mood_mean"] < 2
    assert 0 < first["audience.boost_reference"] < 1.5
    assert len(lines) == 2
    assert lines[0].startswith("round 1: audience.mood_mean")
