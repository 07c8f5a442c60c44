"""What the operator of a room may change while it runs, how fast that works and what it costs."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

from pydantic import model_validator

from livesim.schema import Config, number, switch


class OperationsConfig(Config):
    """The levers of the `operate` head and their prices. All prices are assumed: vary them."""

    capacity_steps: tuple[float, ...] = switch(
        (1.0, 1.25, 1.5, 2.0), "edge capacity that can be rented, as factors on what the scenario has; rises from 1"
    )
    capacity_credits_per_mbps_h: float = number(
        0.15,
        0,
        100,
        "credits/(Mbit/s h)",
        "price of rented edge capacity, from the order to the release; .45 GB an hour at .7 cents, two cents a credit",
    )
    provision_s: float = number(60, 0, 3600, "s", "from the order of more capacity to its arrival")
    staff_most: int = number(3, 0, 16, "people", "most people who can be on the desk")
    wage_credits_per_h: float = number(12, 0, 1000, "credits/h", "wage of one person on the desk, the first included")
    call_in_s: float = number(60, 0, 3600, "s", "from the call to the arrival of another person on the desk")
    hold_s: float = number(300, 0, 7200, "s", "shortest time between two orders of capacity, or two calls of staff")

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        steps = self.capacity_steps
        if not steps or steps[0] != 1.0 or any(b <= a for a, b in pairwise(steps)):
            raise ValueError(f"capacity_steps: must begin with 1 and rise, got {list(steps)}")
        if len(steps) > 16:
            raise ValueError(f"capacity_steps: at most 16 steps, got {len(steps)}")
        return self
