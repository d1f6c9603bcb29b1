"""Some of the walks of ``python -m tests.fuzz.hostile``, the same in every run.

Each twentieth of those that are refused, which compute nothing, and those that were wrong before.
"""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice

import pytest

from tests.fuzz.hostile import COMMANDS, SECONDS, inputs, walk
from tests.fuzz.worker import Tally, Worker

STEP = 20
FOUND = ("attributes: no items", "attributes: items far away", "data: an empty argument", "raw: only a header")
LONGER = 3  # on a machine that does much else
SHOWN = 5  # then the test ends


@pytest.mark.slow
def test_no_command_trips_over_an_input(tmp_path):
    files, refused = [], [pair for pair in walk() if not inputs()[pair[0]].accepted]
    for number, pair in enumerate(dict.fromkeys([*refused[::STEP], *(pair for pair in refused if pair[0] in FOUND)])):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(pair))
    tally = Tally()
    with Worker(seconds=LONGER * SECONDS) as worker, closing(worker.replay("hostile", files, tally)) as findings:
        assert [(json.loads(one.content), one.outcome) for one in islice(findings, SHOWN)] == []
    assert tally.cases == len(files) > 80


def test_each_command_and_each_input_is_walked():
    """Commands by their first words; study and data list read no file that others write."""
    walked = {command.split()[0] for commands in COMMANDS.values() for command in commands}
    assert walked == {"train", "evaluate", "surface", "curvature", "compare", "import", "info", "data"}
    assert {name for name, _ in walk()} == {*inputs()}
    assert len(inputs()) >= 400
