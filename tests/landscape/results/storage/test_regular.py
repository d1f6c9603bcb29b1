"""Only regular files are opened: a pipe would wait for ever, and a device may have no end."""

import os

import pytest

from landscape.results.storage.regular import check_regular


def test_a_file_and_a_link_to_it_are_regular(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to("a")
    check_regular(tmp_path / "a")
    check_regular(str(tmp_path / "link"))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("folder", os.mkdir, r"folder is a folder; give the file in it"),
        ("fifo", os.mkfifo, "fifo is a pipe or a device, not a regular file; save its content to a file"),
        ("zero", lambda path: os.symlink("/dev/zero", path), "zero is a pipe or a device"),
        ("\x1b[31m", os.mkfifo, r"\\x1b\[31m is a pipe or a device"),
    ],
)
def test_all_else_is_refused_before_it_is_opened(name, make, message, tmp_path):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=message):
        check_regular(tmp_path / name, "give the file in it")


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_regular(tmp_path / "a")
