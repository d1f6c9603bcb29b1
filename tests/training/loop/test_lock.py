"""Locks that tell who holds them."""

import os
import re
import signal
import subprocess
import sys

import pytest

from landscape.owner import host
from landscape.training.loop.lock import HeldError, holder, locked


@pytest.fixture
def lock(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def other(lock):
    """A process that holds the lock."""
    script = "import sys, time; from pathlib import Path; from landscape.training.loop.lock import locked\n"
    script += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", script, str(lock)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_the_holder_is_named_and_leaves_nothing(lock):
    assert holder(lock) is None
    with locked(lock):
        assert holder(lock).process == os.getpid()
        with (
            pytest.raises(HeldError, match=rf"^process {os.getpid()}, since 2\d\d\d-\d\d-\d\dT\d\d:\d\dZ$"),
            locked(lock),
        ):
            pass
        assert holder(lock).process == os.getpid()  # who was refused has changed nothing
    assert holder(lock) is None
    assert {path.name for path in lock.parent.iterdir()} <= {".lock"}


def test_a_killed_process_holds_nothing(lock, other):
    with pytest.raises(HeldError, match=f"process {other.pid}, since"), locked(lock):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert holder(lock) is None  # though its text is still there
    with locked(lock):
        assert holder(lock).process == os.getpid()


def test_of_another_machine_it_is_said_what_to_do_if_that_has_failed(lock, other):
    """A lock that a shared file system still keeps for a machine that is gone."""
    text = lock.with_name(".lock-owner")
    text.write_text(text.read_text().replace(host(), "0" * 8).replace(f"{other.pid} ", "12 "))
    with (
        pytest.raises(HeldError, match=rf"process 12, .* if that has failed, delete {re.escape(str(lock))}"),
        locked(lock),
    ):
        pass
    lock.unlink()  # what the user is told to do
    with locked(lock):
        assert holder(lock).process == os.getpid()


@pytest.mark.parametrize("text", ["", "1 2", "x 0 0 0", "1 2 3 \x1b[31m" + "a" * 999, "\udcff"])
def test_a_text_that_is_damaged_names_nobody_or_is_cut(lock, text):
    lock.with_name(".lock-owner").write_text(text, errors="surrogateescape")
    found = holder(lock)
    assert found is None or (len(str(found)) < 700 and "\x1b" not in str(found))
