"""The optional record of individual events, written by kernels while there is room for it."""

from __future__ import annotations

from livesim.compiled import kernel

ENTRY = [("time_s", "f8"), ("viewer_id", "i8"), ("kind", "i8"), ("value", "f8")]
NOBODY = -1  # viewer id of what happens to the room: an item comes on ("show"), a creative begins ("creative")
ROOM = [("journal_count", "i8")]  # beyond the length of the journal: how many did not fit


@kernel
def note(journal, room, time_s, viewer_id, kind, value):
    """Write one event into a room's journal (entries,); where it is full or switched off, only count it."""
    n = room.journal_count
    if n < journal.shape[0]:
        entry = journal[n]
        entry.time_s = time_s
        entry.viewer_id = viewer_id
        entry.kind = kind
        entry.value = value
    room.journal_count = n + 1
