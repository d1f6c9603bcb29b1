"""Commands that are killed at chosen changes of files: the next run gives what an undisturbed one does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("command", "every", "kills"), [("import", 1, 3), ("overwrite", 5, 5)])
def test_killed_at_a_change_of_a_file_a_command_goes_on_as_if_nothing_had_been(command, every, kills):
    """In a process of its own: children are forked before torch has threads."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.torture", command, "--every", str(every)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counted = ended.stdout.splitlines()[-1].split()
    assert counted[0] == command
    assert int(counted[1]) >= kills
