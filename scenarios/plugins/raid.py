"""A worked plug-in: another channel sends its viewers here, as a SimPy process in ten lines.

Everything it remembers is in its fields and it begins by waiting for its due time, so rooms with raids can be copied.
"""

from dataclasses import dataclass

from livesim import RoomView, registering


@registering("process", "raid")
@dataclass
class Raid:
    """`viewers` raiders enter at `at_s` seconds; how many come is Poisson, from the room's own plug-in luck."""

    at_s: float = 1800.0
    viewers: float = 80.0
    is_over: bool = False

    def run(self, room: RoomView):
        """Wait for the raid and let it in."""
        if not self.is_over:
            yield room.until(self.at_s)
            room.add_viewers("raid", room.luck.poisson(self.viewers))
            self.is_over = True
