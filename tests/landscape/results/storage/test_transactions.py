"""Sets of files change together: whatever goes wrong, a reader meets the old set or the new one."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.results.storage.outputs import refuse_existing, refuse_inputs
from landscape.results.storage.transactions import finish_interrupted, write_together

NAMES = ("set_ids.json", "set_item2attributes.json", "set.txt")  # the last is the main file
OLD = {name: f"old {name}".encode() for name in NAMES}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def start(folder: Path) -> None:
    for name, content in OLD.items():
        (folder / name).write_bytes(content)


def new_set(folder: Path, *, attributes: bool) -> dict[str, bytes]:
    return {name: f"new {name}".encode() for name in NAMES if attributes or "2" not in name}


def write(folder: Path, *, attributes: bool = True, **options) -> None:
    new = new_set(folder, attributes=attributes)
    files = {folder / name: (lambda file, name=name: file.write(new[name])) if name in new else None for name in NAMES}
    write_together(files, **options)


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_a_set_is_written_and_replaced(tmp_path, attributes, before):
    if before:
        start(tmp_path)
    write(tmp_path, attributes=attributes)
    assert contents(tmp_path) == new_set(tmp_path, attributes=attributes)  # and nothing beside
    assert (tmp_path / "set.txt").stat().st_mode & 0o777 == 0o666 & ~_umask()


@pytest.mark.parametrize("stem", ["é" * 124, "x" * 251, os.fsdecode(b"\xff")])
def test_names_may_be_as_long_as_the_system_allows(tmp_path, stem):
    files = {tmp_path / f"{stem}.{ending}": lambda file: file.write(b"new") for ending in ("one", "txt")}
    for _ in range(2):
        write_together(files)
        assert contents(tmp_path) == {path.name: b"new" for path in files}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("name", NAMES)
def test_unasked_nothing_is_replaced(tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=name):
        write(tmp_path, replace=False)
    assert contents(tmp_path) == {name: b"mine"}


@pytest.mark.parametrize("at", range(3))
def test_a_full_disk_changes_nothing(tmp_path, at):
    start(tmp_path)

    def fill(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files = {tmp_path / name: fill if i == at else lambda file: file.write(b"new") for i, name in enumerate(NAMES)}
    with pytest.raises(OSError, match="No space left") as raised:
        write_together(files)
    assert raised.value.filename == str(tmp_path / NAMES[at])
    assert contents(tmp_path) == OLD


PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from tests.landscape.results.storage.test_transactions import start, write

def interrupted(folder, step, how, attributes):
    calls = 0
    def counted(function):
        def call(*values, **named):
            nonlocal calls
            calls += 1
            if calls == step and how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if calls == step:
                raise OSError("failed on purpose")
            return function(*values, **named)
        return call
    for name in ("replace", "fsync", "unlink", "chmod"):
        setattr(os, name, counted(getattr(os, name)))
    try:
        write(folder, attributes=attributes)
    except OSError:
        return 1
    return 0

folder, how, attributes = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
for step in range(1, 100):
    (at := folder / str(step)).mkdir()
    start(at)
    if not (child := os.fork()):
        os._exit(interrupted(at, step, how, attributes))
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if not ended:
        break
    print(step, ended)
"""


def visible(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in contents(folder).items() if not name.startswith(".")}


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("how", ["kill", "fail"])
def test_interrupted_at_any_step(tmp_path, how, attributes):
    """At every call that changes something on disk: killed there, or that call fails."""
    new = new_set(tmp_path, attributes=attributes)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), how, str(attributes)]
    ended = subprocess.run(
        command, cwd=Path(__file__).resolve().parents[4], capture_output=True, text=True, check=True
    ).stdout.split("\n")[:-1]
    assert len(ended) > 10
    assert {line.split()[1] for line in ended} == {str(-signal.SIGKILL if how == "kill" else 1)}
    outcomes = []
    for line in ended:
        folder = tmp_path / line.split()[0]
        seen = visible(folder)
        # A reader opens the main file first: it finds a whole set or none.
        assert "set.txt" not in seen or seen in (OLD, new)
        if how == "fail":
            assert seen in (OLD, new)
        outcomes.append("none" if "set.txt" not in seen else "new" if seen == new else "old")
        finished = finish_interrupted(folder / "set.txt")
        assert visible(folder) == (new if finished else seen)
        assert visible(folder) in (OLD, new)
        write(folder)
        assert contents(folder) == new_set(folder, attributes=True)  # nothing of the interrupted writing is left
    assert {*outcomes} == ({"old", "none", "new"} if how == "kill" else {"old", "new"})


@pytest.mark.parametrize(
    "journal",
    [b"", b"[]", b"{}", b'{"../x": "y", "set.txt": "z"}', b'{"set.txt": null}', b'{"a": "b"}', b'{"set.txt": 3}'],
)
def test_a_damaged_journal_is_refused(tmp_path, journal):
    start(tmp_path)
    (tmp_path / ".set.txt.journal").write_bytes(journal)
    with pytest.raises(ValueError, match=r"\.set\.txt\.journal is damaged"):
        finish_interrupted(tmp_path / "set.txt")
    assert visible(tmp_path) == OLD


def test_an_output_is_no_input_under_any_name(tmp_path):
    source = tmp_path / "source"
    source.write_text(json.dumps({}))
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "hard").hardlink_to(source)
    for name in ("source", "link", "hard", "../" + tmp_path.name + "/source"):
        with pytest.raises(ValueError, match="would replace the input"):
            refuse_inputs([tmp_path / "other", tmp_path / name], [source])
    refuse_inputs([tmp_path / "other"], [source])


def test_a_link_that_leads_nowhere_exists(tmp_path):
    (tmp_path / "set.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(FileExistsError, match="set.txt exists; ask"):
        refuse_existing([tmp_path / "set.txt"], "ask")
    refuse_existing([tmp_path / "other"], "ask")
