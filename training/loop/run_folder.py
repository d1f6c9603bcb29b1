"""A run's folder: its files, locking, and resuming a run that was killed.

``last.pt`` decides: it holds everything that the next epoch needs and is written atomically at the end of each.
``history.csv`` is made from it, and ``checkpoint.pt`` (``pretrained.pt`` while S3Rec is pre-trained) is written before
it, so that whenever the process dies, repeating the epoch after ``last.pt`` writes the same files again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from landscape.results.display.printable import printable
from landscape.results.storage.files import write_json
from landscape.results.storage.outputs import made_folder, refuse_existing
from landscape.results.storage.regular import check_regular
from landscape.results.storage.temporary import remove_dead
from landscape.training.checkpoints.checkpoint import Checkpoint, save_checkpoint
from landscape.training.checkpoints.plain_files import load_plain, save_plain
from landscape.training.checkpoints.schema import PLAIN, SHOWN, each, shown
from landscape.training.config.methods import PRETRAINED
from landscape.training.loop.history import write_history
from landscape.training.loop.lock import HeldError, locked
from landscape.training.loop.state import FORMAT, STATE

CONFIG = each(PLAIN)  # compared with the settings of the run that continues, value by value
LOCK = ".lock"
LARGEST = 1 << 20  # bytes of config.json


class RunFolder:
    """The files of one training run."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.config = self.folder / "config.json"
        self.checkpoint = self.folder / "checkpoint.pt"
        self.pretrained = self.folder / "pretrained.pt"
        self.last = self.folder / "last.pt"
        self.history = self.folder / "history.csv"
        self.snapshots = self.folder / "snapshots"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder, which is made if it is missing; the lock ends with the process, however that ends.

        Raises:
            ValueError: Another process trains in this folder.
            FileExistsError: The folder holds such files, and they are of no run.
            OSError: The folder cannot be made or written to.
        """
        if not self.config.exists():  # which is written first
            files = (self.checkpoint, self.pretrained, self.last, self.history, self.snapshots)
            refuse_existing(files, "it is of no run that could be continued; choose another --out")
        try:
            with made_folder(self.folder, of_no_worth=(LOCK,)), locked(self.folder / LOCK):
                for folder in (self.folder, self.snapshots):
                    remove_dead(folder)
                yield
        except HeldError as problem:
            raise ValueError(
                f"another process is training in {self.folder}; wait for it or choose another --out ({problem})"
            ) from None

    def open(self, settings: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
        """Return the content of ``last.pt``, or None when the run starts here.

        Raises:
            ValueError: There is a run and ``resume`` is off, or it was started with other settings. More epochs and
                more patience only extend a run, unless a schedule depends on the number of epochs.
        """
        if not self.config.exists():
            write_json(self.config, settings)
            return None
        if not resume:
            raise ValueError(f"{self.folder} holds a run already; add --resume to continue it or choose another --out")
        started_with = self._read_config()
        plain = json.loads(json.dumps(settings))
        differing = [name for name in sorted({*started_with, *plain}) if started_with.get(name) != plain.get(name)]
        changed = [
            f"{printable(name, SHOWN)} was {shown(started_with.get(name))} and is {plain.get(name)!r}"
            for name in differing
            if not _extends(name, started_with.get(name), plain)
        ]
        if changed:
            why = "; its schedules depend on epochs" if "epochs" in differing and _scheduled(plain) else ""
            raise ValueError(f"the run in {self.folder} was started with other settings: {'; '.join(changed)}{why}")
        if differing:
            write_json(self.config, settings)
        if not self.last.exists():
            return None
        state = load_plain(self.last, "training state")
        if type(state.get("format")) is int and state["format"] != FORMAT:
            raise ValueError(
                f"{self.last} was written by another version (format {shown(state['format'])}, not {FORMAT}) and "
                "cannot be continued; choose another --out"
            )
        with damaged(self.last):
            STATE(state, "")
        return state

    def _read_config(self) -> dict[str, Any]:
        check_regular(self.config)
        with damaged(self.config):
            try:
                with self.config.open("rb") as file:
                    content = json.loads(file.read(LARGEST), object_pairs_hook=_once)
            except RecursionError:
                raise ValueError("its brackets are too deep") from None
            CONFIG(content, "")
            return dict(content)

    def save(self, state: dict[str, Any], checkpoint: Checkpoint | None) -> None:
        """Write the state after an epoch, and first the checkpoint where that epoch's weights are to be stored."""
        if checkpoint is not None:
            save_checkpoint(checkpoint, self.pretrained if checkpoint.stage == PRETRAINED else self.checkpoint)
        save_plain({"format": FORMAT, **state}, self.last)
        self.write_history(state["history"])

    def keep_snapshot(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint of the trajectory, under the number of its epoch."""
        self.snapshots.mkdir(exist_ok=True)
        save_checkpoint(checkpoint, self.snapshots / f"epoch-{checkpoint.epoch:05d}.pt")

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Write all of ``history.csv``."""
        write_history(self.history, rows)


def _extends(name: str, before: Any, settings: dict[str, Any]) -> bool:
    """Whether a setting only makes a run longer: it then goes on as one that was started so."""
    after = settings.get(name)
    longer = type(before) is int and type(after) is int and after > before
    return longer and (name == "patience" or (name == "epochs" and not _scheduled(settings)))


def _scheduled(settings: dict[str, Any]) -> bool:
    """Whether the number of epochs shapes the learning rate or SAM's radius from the first step on."""
    return settings.get("lr_schedule") != "constant" or settings.get("rho_schedule", "constant") not in (
        "constant",
        "lr",
    )


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Say of which file an error is, and what to do.

    Raises:
        ValueError: The block raised a ValueError.
    """
    try:
        yield
    except ValueError as problem:
        raise ValueError(
            f"{printable(path)} is damaged: {printable(problem)}; remove the folder to start the run again"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, unless one of its names is there twice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it has {shown(name)} twice")
        found[name] = value
    return found


def snapshots(folder: str | Path) -> list[Path]:
    """Return the snapshots of a run, in the order of their epochs.

    Raises:
        FileNotFoundError: There are none.
    """
    paths = sorted(RunFolder(folder).snapshots.glob("epoch-*.pt"))
    if not paths:
        raise FileNotFoundError(f"{folder} has no snapshots; `landscape train --snapshots K` keeps one every K epochs")
    return paths
