"""Temporary files of dead processes are removed, and no others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.results.storage.files import atomic, write_text
from landscape.results.storage.temporary import create_temporary

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = """
import sys, time
from landscape.results.storage.files import atomic
with atomic(sys.argv[1]) as file:
    file.write(b"half")
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    """A process in the midst of writing ``new.txt``."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "new.txt")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*.part"))


def test_the_next_writer_removes_the_files_of_the_dead_and_keeps_those_of_the_living(writer, tmp_path):
    (mine,) = parts(tmp_path)
    assert f"-{writer.pid}." in mine
    write_text(tmp_path / "other.txt", "x")
    assert parts(tmp_path) == [mine]  # it lives
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    write_text(tmp_path / "other.txt", "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.txt"]


def test_what_another_host_writes_or_a_journal_names_is_kept(writer, tmp_path):
    (mine,) = parts(tmp_path)
    writer.kill()
    writer.wait()
    host, rest = mine.split(f"-{writer.pid}.")
    other = f"{host[:-8]}{'0' * 8}-{writer.pid}.{rest}"
    for name in (other, ".download.abcdefgh.part", f"x{mine}"):
        (tmp_path / name).touch()
    (tmp_path / ".new.txt.journal").write_text(json.dumps({"new.txt": mine}))
    write_text(tmp_path / "a.txt", "x")
    assert {*parts(tmp_path)} >= {mine, other, ".download.abcdefgh.part"}
    (tmp_path / ".new.txt.journal").unlink()
    write_text(tmp_path / "a.txt", "x")
    assert parts(tmp_path) == sorted([other, ".download.abcdefgh.part"])
    assert (tmp_path / f"x{mine}").exists()


def test_own_files_that_are_open_are_kept(tmp_path):
    handle, path = create_temporary(tmp_path / ("x" * 255))
    os.close(handle)
    with atomic(tmp_path / "a.txt") as file:
        file.write(b"x")
        assert path.exists()
        assert len(parts(tmp_path)) == 2
    assert path.exists()
