"""Short sessions, and exact comparison of what environments return."""

from __future__ import annotations

from typing import Any

import numpy as np

DECISIONS = 6
SHORT = {"session.duration_s": 30.0 * DECISIONS}


def assert_same(left: Any, right: Any, where: str = "") -> None:
    """Fail with the place of the first difference between nested dicts, tuples and arrays; exact,
    NaN-free.
    """
    if isinstance(left, dict):
        assert left.keys() == right.keys(), f"{where}: {sorted(left.keys() ^ right.keys())} only on one side"
        for key in left:
            assert_same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, (list, tuple)):
        assert len(left) == len(right), where
        for i, (one, other) in enumerate(zip(left, right, strict=True)):
            assert_same(one, other, f"{where}[{i}]")
    elif isinstance(left, np.ndarray) and left.dtype == object:
        assert_same(left.tolist(), right.tolist(), where)
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype, f"{where}: {left.dtype} and {right.dtype}"
        np.testing.assert_array_equal(left, right, err_msg=where)
    else:
        assert left == right, f"{where}: {left} and {right}"
