"""Time of day: which weekday and hour a moment of a session is, and how many come then.

A room lives in the local time of its audience. `session.start_hour` and `session.weekday` say when it opens; a
session that runs past midnight goes on into the next day.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from livesim.compiled import kernel

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)
SATURDAY = WEEKDAYS.index("saturday")


def day_and_hour(weekday, start_hour, now_s):
    """Return the weekday, 0 Monday to 6 Sunday, and the hour, [0, 24), at a time of the session; numbers or arrays.

    weekday, start_hour: of the start; hour 24 is the midnight that ends the day.  now_s: seconds since the start.
    """
    hours = start_hour + now_s / 3600.0
    return (weekday + hours // 24.0) % 7.0, hours % 24.0


day_and_hour_now = kernel(day_and_hour)
"""The same for kernels."""


def arrival_level(
    hour_curve: tuple[float, ...], weekday_factors: tuple[float, ...], day: np.ndarray, hour: np.ndarray
) -> np.ndarray:
    """Return the level of arrivals at days and hours, (n,): 1 is what the scenario plans.

    hour_curve: 24 levels, each in the middle of its hour.  weekday_factors: 7, Monday first.  Between two hours runs a
    monotone cubic (Fritsch and Carlson 1980): smooth around the clock, and never above or below the hours it joins. The
    factor of the day changes at midnight.
    """
    from scipy.interpolate import PchipInterpolator  # its import takes longer than that of livesim

    middles = np.arange(-24, 48) + 0.5
    curve = PchipInterpolator(middles, np.tile(hour_curve, 3))
    return curve(hour) * np.asarray(weekday_factors)[day.astype(np.int64)]
