"""A command in several processes, as ``torchrun -m landscape …`` starts them: all compute, the first one writes."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch
    from torch.distributed import ProcessGroup

T = TypeVar("T")
FAILED = "landscape: the first process has said what is wrong"
HEARD = "landscape: processes that know it"
PATIENCE = 8.0  # seconds in which the first process may say an error that all have; importing torch takes some of them


@dataclass(frozen=True)
class Launch:
    """This process among those that torchrun has started; alone where there are no others."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0  # on this machine

    @property
    def first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    @cached_property
    def _store(self) -> Any:
        from torch.distributed.rendezvous import rendezvous

        return next(iter(rendezvous("env://", self.rank, self.count)))[0]

    def device(self, device: torch.device) -> torch.device:
        """Return the device of this process: with several processes on a machine, each has a GPU of its own."""
        import torch

        if self.count == 1 or str(device) != "cuda":  # "cuda:1" is a choice of the user's
            return device
        if self.local_rank >= torch.cuda.device_count():
            raise ValueError(
                f"{self.local_rank + 1} processes or more on a machine with {torch.cuda.device_count()} GPUs; start as "
                "many as there are GPUs, or pass --device cpu"
            )
        return torch.device("cuda", self.local_rank)

    @cache  # noqa: B019 (there is one launch in a process)
    def group(self) -> ProcessGroup | None:
        """Return the group of all processes; None for a process alone."""
        if self.count == 1:
            return None
        import torch
        import torch.distributed as dist

        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(
            backend, store=self._store, rank=self.rank, world_size=self.count, timeout=timedelta(hours=2)
        )
        return dist.group.WORLD

    def share(self, items: Sequence[T]) -> list[T]:
        """Return this process's share of items, such as batches.

        >>> Launch(rank=1, count=3).share("abcdefg")
        ['b', 'e']
        """
        return list(items[self.rank :: self.count])

    @cache  # noqa: B019
    def private_copy(self, folder: Path) -> Path:
        """Return a folder of results in which this process may write: the folder itself for the first process.

        The others get a copy of what is there, so that all find the same results and go on from the same point; it is
        removed when the process ends.
        """
        if self.first:
            self.wait()
            return folder
        copy = Path(_temporary_folder().name) / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:10]
        if folder.is_dir():
            shutil.copytree(folder, copy, dirs_exist_ok=True)
        self.wait()
        return copy

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            import torch.distributed as dist

            dist.barrier(self.group())

    @contextmanager
    def one_voice(self) -> Iterator[None]:
        """Let the first process print, and another one only what it fails with if the first does not fail."""
        if self.count == 1:
            yield
            return
        if self.first:
            try:
                yield
            except SystemExit as end:
                if end.code:
                    self._tell_failure()
                raise
            return
        said = io.StringIO()
        try:
            with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), redirect_stderr(said):
                yield
        except SystemExit as end:
            if end.code and self._alone():
                sys.stderr.write(f"process {self.rank} of {self.count}: {said.getvalue()}")
            raise

    def _tell_failure(self) -> None:
        """Tell the others that this process has said an error, and wait until they know: it may hold the store."""
        self._store.set(FAILED, "1")
        until = time.monotonic() + PATIENCE
        while self._store.add(HEARD, 0) < self.count - 1 and time.monotonic() < until:
            time.sleep(0.05)

    def _alone(self) -> bool:
        """Return whether the first process does not fail within a few seconds."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._store.check([FAILED]):
                self._store.add(HEARD, 1)
                return False
            time.sleep(0.05)
        return True


@cache
def launch() -> Launch:
    """Return this process among the others, by the variables that torchrun sets."""
    names = {"rank": "RANK", "count": "WORLD_SIZE", "local_rank": "LOCAL_RANK"}
    if not all(name in os.environ for name in (*names.values(), "MASTER_ADDR", "MASTER_PORT")):
        return Launch()
    return Launch(**{field: int(os.environ[name]) for field, name in names.items()})


@cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that is removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="landscape-")
