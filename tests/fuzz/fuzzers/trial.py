"""A reader that dies or hangs when a file says so: for the tests of the harness."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.fuzz.harness import Fuzzer


def _read(path: Path) -> None:
    match path.read_text():
        case "abort":
            os.abort()
        case "hang":
            time.sleep(60)


TRIAL = Fuzzer("trial", (".txt",), lambda: [b"fine"], lambda random, seeds: (random.choice(seeds), "case.txt"), _read)
