"""livesim: a Gymnasium environment of a live-streaming room.

Importing it registers the environments `livesim/Room-v0`, `livesim/Recommend-v0`, `livesim/AdPlacement-v0` and
`livesim/InteractionTiming-v0`. What is named here is supported; everything else may change.
"""

from livesim.compiled import drop_stale_caches

drop_stale_caches()

from livesim.envs.registration import register_envs  # noqa: E402
from livesim.errors import LivesimError  # noqa: E402
from livesim.registry import register, registering  # noqa: E402
from livesim.room import Rooms  # noqa: E402
from livesim.scenario import Scenario, list_scenarios, load_scenario  # noqa: E402
from livesim.view import RoomView  # noqa: E402

__version__ = "0.1.0"
__all__ = [
    "LivesimError", "RoomView", "Rooms", "Scenario", "list_scenarios", "load_scenario", "register", "registering",
]  # fmt: skip

register_envs()
