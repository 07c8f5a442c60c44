"""What can go wrong in a room, or come over it: declared in the scenario, at a time or at random."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from livesim.schema import Config, number

NEEDS_EDGE = ("edge_outage", "capacity_drop")
NEEDS_SIZE = ("capacity_drop", "transcode_slowdown")
BRINGS_VIEWERS = ("flash_crowd", "raid", "troll_raid")


class IncidentConfig(Config):
    """One line of `incidents`. It happens once, near `at_s`, or again and again, `per_hour` times on average.

    Incidents may overlap: an edge or the uplink is down until the last outage of it is over, and what is left of a
    capacity or of the speed of the transcoders is the product of what each incident leaves. What is due after the end
    of the session never happens, so that a session can be shortened.
    """

    kind: Literal[
        "edge_outage", "capacity_drop", "uplink_loss", "transcode_slowdown", "flash_crowd", "raid", "troll_raid"
    ] = Field(description="what happens", json_schema_extra={"unit": "choice", "source": "assumed"})
    at_s: float | None = Field(
        None, ge=0, le=86_400, description="time of a scheduled incident; null: random",
        json_schema_extra={"unit": "s", "source": "assumed"},
    )  # fmt: skip
    spread_s: float = number(0, 0, 7200, "s", "a scheduled incident begins up to this much later, uniformly")
    per_hour: float = number(0, 0, 60, "1/h", "rate of a random incident (Poisson, from the end of the one before)")
    length_s: float = number(
        300, 1, 86_400, "s", "how long it lasts, a random one on average (exponential); for viewers who come: how "
        "fast they come, as the mean of exponential delays",
    )  # fmt: skip
    edge: int | None = Field(
        None, ge=0, le=99, description="which edge; null: an outage hits a random one, a capacity drop all",
        json_schema_extra={"unit": "index", "source": "assumed"},
    )  # fmt: skip
    size: float = number(0.5, 0.01, 1, "share", "what is left of capacity, or of the speed of the transcoders")
    viewers: float = number(1, 0, 100, "1/planned viewer", "viewers who come, on average, per planned viewer")
    viewers_log_sd: float = number(0, 0, 2, "log", "spread of how many come from one such incident to the next")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.at_s is None) == (self.per_hour == 0):
            raise ValueError(f"{self.kind}: give either at_s (once) or per_hour above 0 (at random), not both or none")
        fields = type(self).model_fields
        given = {name for name, field in fields.items() if getattr(self, name) != field.default}
        for name, kinds in (("edge", NEEDS_EDGE), ("size", NEEDS_SIZE), ("viewers", BRINGS_VIEWERS),
                            ("viewers_log_sd", BRINGS_VIEWERS)):  # fmt: skip
            if name in given and self.kind not in kinds:
                raise ValueError(f"{self.kind}: {name} has no meaning here. It belongs to {', '.join(kinds)}")
        if "spread_s" in given and self.at_s is None:
            raise ValueError(f"{self.kind}: spread_s has no meaning without at_s")
        return self


def check_incidents(incidents: tuple[IncidentConfig, ...], edges: int) -> None:
    """Raise ValueError for an edge that does not exist."""
    for n, incident in enumerate(incidents):
        if incident.edge is not None and incident.edge >= edges:
            raise ValueError(f"incidents.{n}: there is no edge {incident.edge}. Known: 0 to {edges - 1}")
