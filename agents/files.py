"""Files and folders that are whole or absent, whatever happens while they are written.

What is written lies beside its place under a name of its own, is flushed to disk and moved there. A writer that is
killed leaves at most a hidden `.NAME.XXXXXXXX.partial`; nothing reads it, and `remove_leftovers` takes it away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the name to write a file under; it takes the place of `path` where the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _beside(path)
    try:
        yield draft
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
        flush_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, replaces: bool = False) -> Iterator[Path]:
    """Yield a folder to fill; it takes the place of `path` where the block ends without an error.

    replaces: whether what lies there gives way; else anything but an empty folder raises OSError. Files in the folder
    are flushed by whoever writes them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _beside(path)
    draft.mkdir()
    try:
        yield draft
        flush_folder(draft)
        with contextlib.suppress(OSError):
            path.rmdir()  # an empty one; Windows renames over nothing
        # A folder cannot be renamed over a full one. Who is killed between the removal and the renaming leaves none;
        # whoever replaces a folder must be able to make it anew.
        if replaces and path.exists():
            remove_folder(path)
        os.rename(draft, path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    with whole_file(path) as draft:
        draft.write_bytes(data)


def remove_folder(path: Path) -> None:
    """Remove a folder, if it exists, in such a way that nobody meets half of it."""
    aside = _beside(path)
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, aside)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left below a folder; nobody else may be writing there."""
    for path in sorted(folder.rglob(f".*{PARTIAL}")):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Let the names in a folder reach the disk; Windows cannot, and does not need to."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}{PARTIAL}")
