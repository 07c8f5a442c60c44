"""The contract of record arrays: fields are views, copies do not share them, and kernels take them."""

import copy
import pickle

import numpy as np
import pytest

from livesim.table import Table


def table() -> Table:
    return np.zeros((2, 3), dtype=np.dtype([("count", np.int64), ("place", np.float64, (2,))], align=True)).view(Table)


def test_a_field_is_a_view():
    rooms = table()
    rooms.count[1, 2] = 5
    assert rooms.count is rooms.count
    assert rooms["count"][1, 2] == rooms[1].count[2] == rooms[1, 2].count == 5
    record = rooms[0, 0]
    record.count += 2
    assert rooms.count[0, 0] == 2


def test_a_field_can_be_filled():
    rooms = table()
    view = rooms.count
    rooms.count = 7
    assert (view == 7).all()
    assert rooms.count is view


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a)), lambda a: a[[0, 1]].copy()])
def test_a_copy_has_fields_of_its_own(copied):
    rooms = table()
    rooms.place[:] = 1.0
    other = copied(rooms)
    other.place[:] = 2.0
    assert isinstance(other, Table)
    assert (other["place"] == 2.0).all()
    assert (rooms["place"] == 1.0).all()


def test_an_unknown_field_is_refused():
    with pytest.raises(AttributeError, match="cuont"):
        table().cuont  # noqa: B018
