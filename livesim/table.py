"""Record arrays whose fields are found fast."""

from __future__ import annotations

from typing import Any

import numpy as np


class Table(np.recarray):
    """A record array that keeps the views of its fields: `table.field[row]` costs what an attribute of an object costs.

    `np.recarray` looks every attribute up in Python and views the field anew; processes and actions read and write
    fields one number at a time, and spent a quarter of a session of 100 viewers on that (measured). Kernels see a
    record array either way. `np.zeros(shape, dtype).view(Table)` makes one.
    """

    __getattribute__ = np.ndarray.__getattribute__
    __getitem__ = np.ndarray.__getitem__

    def __getattr__(self, name: str) -> Any:
        """Return a view of a field, and keep it for the next time."""
        fields = self.dtype.fields
        if fields is None or name not in fields:
            raise AttributeError(name)  # without a list of fields: Numba asks for an attribute of its own at every call
        kept = self.__dict__[name] = np.ndarray.__getitem__(self.view(np.ndarray), name)
        return kept

    def __setattr__(self, name: str, value: Any) -> None:
        """Fill a field, or set an attribute of the array."""
        fields = self.dtype.fields
        if fields is not None and name in fields:
            self[name] = value
        else:
            super().__setattr__(name, value)
