"""Temporary folders: those of killed processes are removed, all others stay."""

import os
import signal
import subprocess
import sys

import pytest

from landscape.owner import host, is_dead, owned_folder


@pytest.fixture
def killed(tmp_path):
    """The number of a process that was killed, with its folder left behind."""
    script = f"import os, signal\nfrom landscape.owner import owned_folder\nkept = owned_folder({str(tmp_path)!r})\n"
    script += "open(kept.name + '/file', 'w').close()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    process = subprocess.Popen([sys.executable, "-c", script])
    assert process.wait(60) == -signal.SIGKILL
    return process.pid


def test_folders_of_killed_processes_are_removed_and_no_others(tmp_path, killed):
    (left,) = tmp_path.iterdir()
    assert (left / "file").exists()
    others = ["landscape-x", f"landscape-{host()}-{os.getppid()}-abcdefgh", f"landscape-{'0' * 8}-{killed}-abcdefgh"]
    for name in others:
        (tmp_path / name).mkdir()
    with owned_folder(tmp_path) as here:
        assert {*tmp_path.iterdir()} == {tmp_path / name for name in (*others, here)}
    assert {*tmp_path.iterdir()} == {tmp_path / name for name in others}


def test_only_processes_of_this_machine_are_known_to_be_dead(killed):
    assert is_dead(host(), killed)
    assert not is_dead(host(), os.getpid())
    assert not is_dead("0" * 8, killed)
