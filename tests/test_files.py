"""Files on disk: whole or not there."""

import errno

import numpy as np
import pytest

from landscape.files import atomic, write_text
from landscape.results.plain import to_plain


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def write():
        with atomic(tmp_path / "a.txt") as file:
            file.write(b"new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder .*nowhere of a.txt does not exist"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_what_json_lacks_becomes_null_or_a_word():
    values = {"a": np.array([1.0, np.nan]), "b": np.float32(np.inf), "c": (np.int64(3), np.bool_(True)), 4: ()}
    assert to_plain(values) == {"a": [1.0, None], "b": "inf", "c": [3, True], "4": []}
