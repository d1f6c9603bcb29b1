"""Files on disk: whole or not there."""

import errno
import json
import os

import numpy as np
import pytest

from landscape.results import Mark
from landscape.results.storage.files import atomic, write_json, write_text
from landscape.results.storage.serialization import from_plain, to_plain


@pytest.mark.parametrize("problem", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(problem, tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def write():
        with atomic(tmp_path / "a.txt") as file:
            file.write(b"new")
            assert len(list(tmp_path.iterdir())) == 2  # beside its place: renaming works within a file system only
            raise problem

    with pytest.raises(type(problem)):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_new_file_is_as_public_as_any_other(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "α → ß")
        assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640
    finally:
        left = os.umask(before)
    assert left == 0o027
    assert (tmp_path / "a.txt").read_bytes() == "α → ß".encode()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere of a.txt does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_what_json_lacks_becomes_null_or_a_word():
    values = {"a": np.array([1.0, np.nan]), "b": np.float32(np.inf), "c": (np.int64(3), np.bool_(True)), 4: ()}
    assert to_plain(values) == {"a": [1.0, None], "b": "inf", "c": [3, True], "4": []}


def test_json_files_hold_plain_values(tmp_path):
    write_json(tmp_path / "a.json", {"mark": Mark("α", np.nan, np.inf)})
    stored = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert stored == {"mark": {"name": "α", "alpha": None, "beta": "inf"}}
    found = from_plain(Mark, stored["mark"])
    assert np.isnan(found.alpha) and found.beta == np.inf


def test_what_is_no_object_makes_no_result():
    with pytest.raises(ValueError, match="a Mark is stored as an object, not as a list"):
        from_plain(Mark, [1])
