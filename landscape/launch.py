"""A command in several processes, as ``torchrun -m landscape …`` starts them: all compute, the first one writes."""

from __future__ import annotations

import hashlib
import io
import math
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from landscape.owner import owned_folder

if TYPE_CHECKING:
    import torch
    from torch.distributed import ProcessGroup

T = TypeVar("T")
PATIENCE = 8.0  # seconds that processes may be apart when all have the same error; importing torch takes some of them
JOINED = 300.0  # seconds within which all have to be there, from the first one on
NOTICED = 2.0  # seconds within which the system knows that a process has ended whose connections are closed
MEMBER, ENDED, KILLED = (f"landscape/{name}/{{}}" for name in ("member", "ended", "killed"))  # keys, by rank
WELL, NOT_TO_BLAME = "well", ""  # values of ENDED besides an error's text


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
        """Return the group of all processes; None for a process alone.

        Raises:
            ConnectionError: One of them has ended.
        """
        if self.count == 1:
            return None
        import torch
        import torch.distributed as dist

        self.wait_for(MEMBER, within=JOINED)  # here: torch waits for the missing ones where no signal interrupts it
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
            from landscape.processes import Processes

            Processes(self.group()).gathered(None)

    @cached_property
    def _store(self) -> Any:
        """What all processes can set and look up; this process is written into it."""
        from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # a documented name
        from torch.distributed.rendezvous import rendezvous

        store = next(iter(rendezvous("env://", self.rank, self.count)))[0]
        if os.environ.get("GROUP_WORLD_SIZE") == "1":  # torchrun on one machine; the store outlives a restart
            store = PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
        store.set(MEMBER.format(self.rank), f"{_machine()} {os.getpid()}")
        return store

    def set(self, key: str, text: str) -> None:
        """Store a text for all processes, under a key with a place for this process's rank."""
        self._store.set(key.format(self.rank), text)

    def get(self, key: str, rank: int) -> str | None:
        """Return the text that a process has stored under a key; None where it has not."""
        name = key.format(rank)
        return self._store.get(name).decode() if self._store.check([name]) else None

    def wait_for(
        self, key: str, ranks: Iterable[int] | None = None, *, often: float = 0.05, within: float = math.inf
    ) -> None:
        """Wait until all processes, or these, have stored something under a key.

        Args:
            key: With a place for the rank.
            ranks: All by default.
            often: Seconds between two looks.
            within: Seconds after which the wait ends.

        Raises:
            ConnectionError: One of them has ended before, or the time is over.
        """
        if self.count == 1:
            return
        self._store  # noqa: B018 (connects)
        known = range(self.count) if ranks is None else list(ranks)
        until = time.monotonic() + within
        while not (reason := self._known_end()):
            missing = [rank for rank in known if self.get(key, rank) is None]
            if not missing:
                return
            if time.monotonic() > until:
                raise ConnectionError(f"process {missing[0]} of {self.count} did not start within {within:g} s")
            time.sleep(often)
        raise ConnectionError(reason)

    def end_of_another(self, *, or_stopped: bool = False) -> str:
        """Return which of the processes has ended without the others, and what it said; empty if that is not known.

        To be asked when a connection was closed, or when torchrun stops this process: the system may take a moment.

        Args:
            or_stopped: Whether to name one that was stopped by a signal, where none has failed.
        """
        until = time.monotonic() + (NOTICED if "_store" in vars(self) else 0.0)
        while not (reason := self._known_end()) and time.monotonic() < until:
            time.sleep(0.05)
        if or_stopped and not reason and "_store" in vars(self):
            stopped = [rank for rank in range(self.count) if self.get(ENDED, rank) == NOT_TO_BLAME]
            reason = f"process {stopped[0]} of {self.count} was stopped" if stopped else ""
        return reason

    def _known_end(self) -> str:
        if "_store" not in vars(self):
            return ""
        try:
            for rank in range(self.count):
                said = self.get(ENDED, rank)
                if rank == self.rank or said in (WELL, NOT_TO_BLAME):
                    continue
                if said is not None:
                    return f"process {rank} of {self.count} has ended: {said}"
                if self._was_killed(rank):
                    return f"process {rank} of {self.count} has ended: it was killed, or has crashed"
        except RuntimeError:  # of the store
            return f"process 0 of {self.count}, which holds the connections, has ended"
        return ""

    def _was_killed(self, rank: int) -> bool:
        """Whether a process has ended without telling so, which it does before it ends."""
        if self.get(KILLED, rank) is None and self._is_gone(rank) and self.get(ENDED, rank) is None:
            self._store.set(KILLED.format(rank), "1")  # processes on other machines cannot see it
        return self.get(KILLED, rank) is not None

    def _is_gone(self, rank: int) -> bool:
        """Whether a process on this machine has ended; False for one on another."""
        import psutil

        machine, _, number = (self.get(MEMBER, rank) or "").rpartition(" ")
        if machine != _machine():
            return False
        try:
            return bool(psutil.Process(int(number)).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
        except psutil.NoSuchProcess:
            return True

    @contextmanager
    def one_voice(
        self, blameless: Callable[[], bool] = lambda: False, said_by_another: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Let the first process print; another one tells it what it fails with, and prints if the first has ended.

        Args:
            blameless: Whether this process ends because another one has, or because it was stopped.
            said_by_another: Whether that one says why itself.
        """
        if self.count == 1:
            yield
            return
        said = io.StringIO()
        try:
            if self.first:
                yield
            else:
                with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), redirect_stderr(said):
                    yield
        except SystemExit as end:
            if end.code:
                self._end(said.getvalue().strip(), blameless(), said_by_another())
            elif "_store" in vars(self):
                self._end_well()
            _leave(end.code if isinstance(end.code, int) else int(end.code is not None))

    def _end(self, said: str, blameless: bool, said_by_another: bool) -> None:
        """Tell the others that this process has failed, and print what it fails with where nobody else would."""
        try:
            if not said_by_another and self._first_is_silent() and self._store.add("landscape/voices", 1) == 1:
                sys.stderr.write(f"process {self.rank} of {self.count}: {said}\n")
            line = said.rpartition("\n")[2].removeprefix("Error: ") or "it has said why"
            self.set(ENDED, NOT_TO_BLAME if blameless else line)
            if not self.first and blameless:
                self._wait_for_end_of([0])  # torchrun stops all when one ends, and it has to say what is wrong
            if self.first and not _agent_holds_store():
                self._wait_for_end_of(range(1, self.count))  # until then they may look up what this process has stored
        except RuntimeError:  # the store has gone with the first process, which may have been killed
            if not self.first and not said_by_another:
                sys.stderr.write(f"process {self.rank} of {self.count}: {said}\n")

    def _first_is_silent(self) -> bool:
        """Whether this is another process than the first, and the first does not read any more what this one stores."""
        if self.first:
            return False
        return self.get(ENDED, 0) == WELL or self._was_killed(0)

    def _wait_for_end_of(self, ranks: Iterable[int]) -> None:
        """Wait until these processes have ended as well, for a few seconds."""
        until, ranks = time.monotonic() + PATIENCE, tuple(ranks)
        while any(self.get(ENDED, rank) is None and not self._is_gone(rank) for rank in ranks):
            if time.monotonic() > until:
                return
            time.sleep(0.05)

    def _end_well(self) -> None:
        """Tell the others that this process is done; say what another one has failed with since it was last needed."""
        try:
            self.set(ENDED, WELL)
        except RuntimeError:  # the first process, which held the store, is done
            return
        if self.first and (reason := self._known_end()):
            sys.stderr.write(f"Error: {reason}\n")
            _leave(1)


def launch() -> Launch:
    """Return this process among the others, by the variables that torchrun sets."""
    return Launch() if _apart else _launched()


@cache
def _launched() -> Launch:
    names = {"rank": "RANK", "count": "WORLD_SIZE", "local_rank": "LOCAL_RANK"}
    if not all(name in os.environ for name in (*names.values(), "MASTER_ADDR", "MASTER_PORT")):
        return Launch()
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # torch, not imported yet, describes closed connections
    return Launch(**{field: int(os.environ[name]) for field, name in names.items()})


_apart = False


@contextmanager
def apart() -> Iterator[None]:
    """Have ``launch`` return a process alone in the block, for work that is not shared out within itself."""
    global _apart
    before, _apart = _apart, True
    try:
        yield
    finally:
        _apart = before


def _machine() -> str:
    """Return a name of this machine, as torchrun numbers them; host names alone need not differ."""
    return f"{os.environ.get('GROUP_RANK', '0')} {socket.gethostname()}"


def _agent_holds_store() -> bool:
    """Whether the store outlives the first process: torchrun's agent holds it."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _leave(code: int) -> NoReturn:
    """End this process at once: torch's connections wait for other processes when they are taken down, or hang."""
    if _temporary_folder.cache_info().currsize:
        _temporary_folder().cleanup()
    with suppress(OSError):  # a reader of the output may be gone
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    os._exit(code)


@cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return owned_folder()
