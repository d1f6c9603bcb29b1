"""A run's folder: its history, its settings, and the state that training continues from."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
import zlib
from pathlib import Path
from random import Random

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load
from landscape.training.loop.stage_trainer import DivergedError
from landscape.training.loop.trainer import train
from landscape.training.targets.related_results import history_of
from tests.fuzz.fuzzers import checkpoints
from tests.fuzz.fuzzers.objects import change_saved
from tests.fuzz.fuzzers.results import DRAWN
from tests.fuzz.harness import Fuzzer, WrongError, naming, shown
from tests.fuzz.mutations import change_bytes, change_json, change_table
from tests.support import drawable

SETTINGS = TrainingConfig(method="samrec", epochs=2, width=8, layers=1, max_length=6)


def _prepare(folder: Path) -> None:
    """Put a run beside the case that was stopped after its first epoch."""
    checkpoints.prepare(folder)
    train(load(folder / checkpoints.DATA), TrainingConfig(**{**SETTINGS.__dict__, "epochs": 1}), folder / "stopped")
    config = folder / "stopped" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "epochs": 2}, indent=2))


@functools.cache
def _seeds(name: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        _prepare(Path(folder))
        return [(Path(folder) / "stopped" / name).read_bytes()]


def _change_history(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    if random.random() < 0.7:
        content = change_table(random, content.decode(errors="replace")).encode(errors="surrogatepass")
    return (change_bytes(random, content, seeds) if random.random() < 0.5 else content), "history.csv"


def _change_config(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    return change_json(random, random.choice(seeds).decode()), "config.json"


def _change_state(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    return change_saved(random, random.choice(seeds), seeds, share_of_bytes=0.2), "last.pt"


def _read_history(path: Path) -> None:
    with naming(path):
        rows = history_of(path.parent)
        if zlib.crc32(path.read_bytes()) % DRAWN == 0:
            explorer_page([ModelEntry("a run", drawable.evaluated(points=(3, 3)), history=rows)])
    for row in rows:
        if not all(isinstance(name, str) and isinstance(value, (str, float)) for name, value in row.items()):
            raise WrongError("a row with more or fewer fields than the header accepted")


def _resume(path: Path) -> None:
    """Continue a run of which one file is the case."""
    folder = path.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(path.parent / "stopped", folder)
    shutil.copy(path, folder / path.name)
    try:
        best = train(load(path.parent / checkpoints.DATA), SETTINGS, folder, resume=True)
    except DivergedError:  # weights or moments in the file are large: the training itself diverges
        return
    shown(best.title, "the title")
    if best.epoch not in (1, 2):
        raise WrongError(f"continued to epoch {best.epoch} of 2")
    rows = history_of(folder)
    if [row.get("epoch") for row in rows] != [1, 2]:
        raise WrongError("the history of the continued run is not that of its epochs")


HISTORY = Fuzzer("history", ("history.csv",), lambda: _seeds("history.csv"), _change_history, _read_history)
CONFIG = Fuzzer("config", ("config.json",), lambda: _seeds("config.json"), _change_config, _resume, _prepare)
STATE = Fuzzer("state", ("last.pt",), lambda: _seeds("last.pt"), _change_state, _resume, _prepare)
