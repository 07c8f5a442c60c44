"""Files and folders are whole or absent, and what killed writers leave is never met."""

import os

import pytest

from agents.files import PARTIAL, remove_folder, remove_leftovers, whole_file, whole_folder, write_text


class PowerCutError(Exception):
    pass


def test_a_file_whose_writer_fails_stays_as_it_was(tmp_path):
    write_text(tmp_path / "a.txt", "old")


    def write_half() -> None:
        with whole_file(tmp_path / "a.txt") as draft:
            draft.write_text("half")
            raise PowerCutError

    with pytest.raises(PowerCutError):
        write_half()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_two_writers_of_one_file_never_mix(tmp_path):
    file = tmp_path / "a.txt"
    with whole_file(file) as first, whole_file(file) as second:
        first.write_text("first")
        second.write_text("2nd")
        assert not file.exists()
    assert file.read_text() == "first"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_appears_with_all_that_is_in_it(tmp_path):
    with whole_folder(tmp_path / "new") as draft:
        (draft / "a.txt").write_text("a")
        assert not (tmp_path / "new").exists()
    assert os.listdir(tmp_path / "new") == ["a.txt"]
    assert os.listdir(tmp_path) == ["new"]


def test_a_folder_gives_way_only_where_that_is_asked_for(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old.txt").write_text("old")
    with pytest.raises(OSError, match="there"), whole_folder(tmp_path / "there") as draft:
        (draft / "new.txt").write_text("new")
    assert os.listdir(tmp_path / "there") == ["old.txt"]
    with whole_folder(tmp_path / "there", replaces=True) as draft:
        (draft / "new.txt").write_text("new")
    assert os.listdir(tmp_path / "there") == ["new.txt"]
    assert os.listdir(tmp_path) == ["there"]


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f".a.txt.0badc0de{PARTIAL}").write_text("half")
    (tmp_path / f".model.0badc0de{PARTIAL}").mkdir()
    (tmp_path / f".model.0badc0de{PARTIAL}" / "weights.npz").write_bytes(b"half")
    (tmp_path / f"kept{PARTIAL}").write_text("a user's")
    (tmp_path / ".lock").write_text("")
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".lock", "deep", f"kept{PARTIAL}"]
    assert os.listdir(tmp_path / "deep") == []


def test_a_removed_folder_is_gone_and_a_missing_one_is_no_error(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.txt").write_text("a")
    remove_folder(tmp_path / "old")
    remove_folder(tmp_path / "old")
    assert os.listdir(tmp_path) == []
