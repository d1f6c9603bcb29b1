"""A run's folder: who may write in it, and how a run that was killed is found again.

``last.pt`` is the truth: all that the next epoch needs, written whole at the end of each. ``history.csv`` is drawn
from it, and ``checkpoint.pt`` (``pretrained.pt`` while S3Rec is pre-trained) is written before it, so that whenever
the process dies, repeating the epoch after ``last.pt`` writes the same files once more.
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


class Run:
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
        """Hold the folder, which is made if need be; the lock goes with the process, however it ends.

        Raises:
            ValueError: Another process trains in this folder.
            OSError: The folder cannot be made or written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                for leftover in self.folder.glob(".*.part"):  # of writes that were killed
                    leftover.unlink()
                yield
        except Timeout:
            raise ValueError(
                f"another process is training in {self.folder}; wait for it or choose another --out"
            ) from None

    def open(self, settings: dict[str, Any], *, resume: bool) -> dict[str, Any] | None:
        """What ``last.pt`` holds, or None when the run starts here.

        Raises:
            ValueError: There is a run and ``resume`` is off, or it was started with other settings.
        """
        if not self.config.exists():
            write_json(self.config, settings)
            return None
        if not resume:
            raise ValueError(f"{self.folder} holds a run already; add --resume to continue it or choose another --out")
        try:
            before = json.loads(self.config.read_text())
        except json.JSONDecodeError:
            raise ValueError(f"{self.config} is damaged; remove the folder to start the run again") from None
        now = json.loads(json.dumps(settings))
        changed = [
            f"{name} was {before.get(name)!r} and is {now.get(name)!r}"
            for name in sorted(set(before) | set(now))
            if before.get(name) != now.get(name)
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

    def save(self, state: dict[str, Any], kept: Checkpoint | None) -> None:
        """Write the state after an epoch; ``kept`` is given when that epoch's weights are to be kept."""
        if kept is not None:
            save_checkpoint(kept, self.pretrained if kept.stage == PRETRAINED else self.checkpoint)
        save_plain({"format": FORMAT, **state}, self.last)
        self.write_history(state["history"])

    def keep_snapshot(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint of the way, under the number of its epoch."""
        self.snapshots.mkdir(exist_ok=True)
        save_checkpoint(checkpoint, self.snapshots / f"epoch-{checkpoint.epoch:05d}.pt")

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Write ``history.csv`` whole."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.history, text.getvalue())


def snapshots(folder: str | Path) -> list[Path]:
    """The checkpoints that a run has kept along its way, in their order.

    Raises:
        FileNotFoundError: There are none.
    """
    found = sorted(Run(folder).snapshots.glob("epoch-*.pt"))
    if not found:
        raise FileNotFoundError(f"{folder} has no snapshots; `landscape train --snapshots K` keeps one every K epochs")
    return found
