"""The action heads: their order, what choice 0 of each is called, and the names of the other choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesim.operations.levers import settings

if TYPE_CHECKING:
    from livesim.scenario import Scenario

HEADS = ("recommend", "ads", "interact", "operate")
NOTHING = {"recommend": "keep", "ads": "none", "interact": "none", "operate": "keep"}


def choices(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """Return head -> names of the choices 1, 2, ... in the order of HEADS."""
    return {
        "recommend": tuple(item.name for item in scenario.content.items),
        "ads": tuple(form.name for form in scenario.ads.formats),
        "interact": tuple(kind.name for kind in scenario.interactions.kinds),
        "operate": tuple(setting.name for setting in settings(scenario)),
    }
