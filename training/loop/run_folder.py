"""A run's folder: its files, locking, and resuming a run that was killed.

``last.pt`` decides: it holds everything that the next epoch needs and is written atomically at the end of each.
``history.csv`` is made from it, and ``checkpoint.pt`` (``pretrained.pt`` while S3Rec is pre-trained) is written before
it, so that whenever the process dies, repeating the epoch after ``last.pt`` writes the same files again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from landscape.results.files import write_json, write_text
from landscape.training.checkpoints.checkpoint import Checkpoint, load_plain, save_checkpoint, save_plain
from landscape.training.config.methods import PRETRAINED

FORMAT = 2


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
            OSError: The folder cannot be made or written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                for leftover in self.folder.glob(".*.part"):  # of writes that were interrupted
                    leftover.unlink()
                yield
        except Timeout:
            raise ValueError(
                f"another process is training in {self.folder}; wait for it or choose another --out"
            ) from None

    def open(self, settings: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
        """Return the content of ``last.pt``, or None when the run starts here.

        Raises:
            ValueError: There is a run and ``resume`` is off, or it was started with other settings.
        """
        if not self.config.exists():
            write_json(self.config, settings)
            return None
        if not resume:
            raise ValueError(f"{self.folder} holds a run already; add --resume to continue it or choose another --out")
        try:
            started_with = json.loads(self.config.read_text())
        except json.JSONDecodeError:
            raise ValueError(f"{self.config} is damaged; remove the folder to start the run again") from None
        plain = json.loads(json.dumps(settings))
        changed = [
            f"{name} was {started_with.get(name)!r} and is {plain.get(name)!r}"
            for name in sorted(set(started_with) | set(plain))
            if started_with.get(name) != plain.get(name)
        ]
        if changed:
            raise ValueError(f"the run in {self.folder} was started with other settings: {'; '.join(changed)}")
        if not self.last.exists():
            return None
        state = load_plain(self.last, "training state")
        if state.get("format") != FORMAT:
            raise ValueError(
                f"{self.last} was written by another version (format {state.get('format')}, not {FORMAT}) and cannot "
                "be continued; choose another --out"
            )
        return state

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
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.history, text.getvalue())


def snapshots(folder: str | Path) -> list[Path]:
    """Return the snapshots of a run, in the order of their epochs.

    Raises:
        FileNotFoundError: There are none.
    """
    paths = sorted(RunFolder(folder).snapshots.glob("epoch-*.pt"))
    if not paths:
        raise FileNotFoundError(f"{folder} has no snapshots; `landscape train --snapshots K` keeps one every K epochs")
    return paths
