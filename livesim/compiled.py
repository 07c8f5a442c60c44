"""The one way kernels are compiled, and the guard that keeps their cache honest.

Numba's on-disk cache looks only at the file of the function itself: editing a scalar function in one module would
leave a stale kernel that calls it from another. So the sources of all kernels are hashed on import, and caches
written for other sources are thrown away.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

from numba import njit

ROOT = Path(__file__).parent
STAMP = "kernels.sha256"


def source_hash() -> str:
    """Return the hash of every source that kernels are built from: all but the environments around the rooms."""
    digest = hashlib.sha256()
    for path in sorted(ROOT.rglob("*.py")):
        if path.parent.name == "envs":
            continue
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def drop_stale_caches() -> None:
    """Delete compiled kernels that were built from other sources than the present ones."""
    stamp, now = ROOT / "__pycache__" / STAMP, source_hash()
    if stamp.is_file() and stamp.read_text() == now:
        return
    with contextlib.suppress(OSError):  # a read-only installation cannot hold stale caches of edited sources
        for path in (*ROOT.rglob("*.nbi"), *ROOT.rglob("*.nbc")):
            path.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(now)


_jit: Any = njit  # its type stubs do not know every option
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}

kernel = _jit(**_OPTIONS, _nrt=False)
"""Decorate a kernel or a scalar function of one viewer's physics.

Without Numba's run-time reference counts: arrays are borrowed from the caller for the length of the call, and nothing
is allocated. Counting them cost more than the physics (measured: over half of a tick).
"""

allocating_kernel = _jit(**_OPTIONS)
"""Decorate a kernel that allocates arrays of its own."""

inlined = _jit(**_OPTIONS, inline="always")
"""Decorate a function that must be copied into its caller: Numba cannot return records from a call."""
