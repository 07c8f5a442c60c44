"""Model and checkpoint folders: JSON and plain arrays, written atomically, checked by checksum. Data, never
code.

A folder holds `<name>.npz` files (no pickled objects), `<name>.json` files and `manifest.json` with the
SHA-256 of each. A reader finds the old folder or the new one, never half of one (`agents.files`).
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.files import remove_folder, whole_folder
from livesim.errors import CheckpointError

MANIFEST = "manifest.json"
KEPT = 2
_PREFIX = "step_"
Arrays = dict[str, np.ndarray]


def write_folder(folder: Path, arrays: Mapping[str, Mapping[str, np.ndarray]], documents: Mapping[str, Any]) -> None:
    """Write arrays[name] to name.npz and documents[name] to name.json; replaces `folder` as a whole."""
    with whole_folder(Path(folder), replaces=True) as draft:
        for name, table in arrays.items():
            _refuse_objects(table)
            with open(draft / f"{name}.npz", "wb") as file:
                np.savez(file, allow_pickle=False, **table)  # type: ignore[arg-type]
                _flush(file)
        for name, document in documents.items():
            _write_json(draft / f"{name}.json", document)
        names = sorted(path.name for path in draft.iterdir())
        _write_json(draft / MANIFEST, {"sha256": {name: _digest(draft / name) for name in names}})


def read_folder(
    folder: Path, arrays: Sequence[str], documents: Sequence[str]
) -> tuple[dict[str, Arrays], dict[str, Any]]:
    """Return the named arrays and documents of a folder whose checksums hold; CheckpointError otherwise."""
    folder = Path(folder)
    verify(folder)
    try:
        tables = {name: _read_npz(folder / f"{name}.npz") for name in arrays}
        texts = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in documents}
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}: {Path(error.filename).name} is missing.") from None
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise CheckpointError(f"{folder}: not plain data, so it is not loaded: {error}") from None
    return tables, texts


def verify(folder: Path) -> None:
    """Raise CheckpointError unless every file of the folder is listed and has its checksum."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder.")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        digests = dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CheckpointError(
            f"{folder}: {MANIFEST} is missing or unreadable; the folder was not written completely."
        ) from None
    for name, digest in digests.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise CheckpointError(f"{folder}: {name} is missing.")
        if _digest(path) != digest:
            raise CheckpointError(f"{folder}: {name} is corrupt: its checksum differs from {MANIFEST}.")


def write_step(
    folder: Path, step: int, arrays: Mapping[str, Mapping[str, np.ndarray]], documents: Mapping[str, Any]
) -> Path:
    """Write a checkpoint as folder/step_<n> and delete all but the last two."""
    target = Path(folder) / f"{_PREFIX}{step:012d}"
    write_folder(target, arrays, documents)
    for old in steps(folder)[:-KEPT]:
        remove_folder(old)
    return target


def steps(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, oldest first."""
    return sorted(path for path in Path(folder).glob(f"{_PREFIX}*") if path.is_dir())


def has_checkpoint(folder: str | Path) -> bool:
    """Return whether there is a checkpoint to resume from, whole or not."""
    return bool(steps(Path(folder)))


def _write_json(path: Path, document: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, sort_keys=False, allow_nan=False)
        file.write("\n")
        _flush(file)


def _read_npz(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError(f"{path.name} is not an npz archive")
        return {name: archive[name] for name in archive.files}


def _refuse_objects(table: Mapping[str, np.ndarray]) -> None:
    for name, array in table.items():
        if np.asarray(array).dtype.hasobject:
            raise CheckpointError(f"array '{name}' holds Python objects; a model file holds numbers only.")


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
