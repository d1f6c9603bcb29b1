"""Parquet files, read in a process of their own: damage panics the reader, or aborts it for want of memory.

The process is started for the first file and used for further ones, until it ends or this one does.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular
from landscape.training.data.raw import parquet_worker

MAGIC = b"PAR1"
SECONDS = 10  # of computing time that reading may take, and one more for each of these bytes
BYTES_A_SECOND = 2_000_000
WAIT = 20  # how many times longer it may take by the clock, on a busy machine
MEMORY = 4 << 30  # bytes that reading may take, and FACTOR times the file's size
FACTOR = 50
THREADS = 4  # of the reader: each reserves memory


class _Reader:
    """The process that reads."""

    def __init__(self) -> None:
        # -P: the folder of the program, whose modules have common names, is not searched for modules.
        self.process = subprocess.Popen(
            [sys.executable, "-P", parquet_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # where panics write
            env={**os.environ, "POLARS_MAX_THREADS": str(min(THREADS, os.cpu_count() or 1))},
        )
        self.owner = os.getpid()

    def ask(self, message: object) -> dict[str, Any]:
        """Send a message and return the answer, or the error if the process has ended."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
            answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            answer = {"error": "it is damaged or far too large", "ended": True}
        if answer.get("ended"):
            self.end()
        return answer

    def end(self) -> None:
        """End the process."""
        assert self.process.stdin and self.process.stdout
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:  # what was to be sent has nobody to read it
                continue


_reader: _Reader | None = None
_lock = threading.Lock()


class ParquetFile:
    """A Parquet file that the reader has open."""

    def __init__(self, path: Path, reader: _Reader, limits: dict[str, int]) -> None:
        self.path = path
        self._reader = reader
        self._pending = False
        self.header: list[str] = self._ask({"path": str(path.absolute()), **limits})["columns"]
        self._pending = True

    def read(self, columns: Sequence[str]) -> pl.DataFrame:
        """Return these columns; once.

        Raises:
            ValueError: The file is damaged, or needs more memory or time than files of its size do.
        """
        self._pending = False
        size = self._ask(columns)["size"]
        assert self._reader.process.stdout
        content = self._reader.process.stdout.read(size)
        if len(content) < size:
            self._reader.end()
            raise ValueError(f"{printable(self.path)} cannot be read as Parquet: its reader was stopped")
        return pl.read_ipc_stream(io.BytesIO(content))

    def close(self) -> None:
        """Take the request back if nothing was read."""
        if self._pending:
            assert self._reader.process.stdin
            try:
                self._reader.process.stdin.write(b"null\n")
                self._reader.process.stdin.flush()
            except OSError:  # it has ended
                self._reader.end()

    def _ask(self, message: object) -> dict[str, Any]:
        answer = self._reader.ask(message)
        if "error" in answer:
            problem = printable(answer["error"], 120)
            raise ValueError(f"{printable(self.path)} cannot be read as Parquet: {problem}; write or get it again")
        return answer


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetFile]:
    """Open a Parquet file; ``header`` has its column names, ``read`` its columns.

    Raises:
        ValueError: The file is damaged.
    """
    check_regular(path)
    size = path.stat().st_size
    seconds = SECONDS + size // BYTES_A_SECOND
    memory = max(MEMORY, min(MEMORY + FACTOR * size, psutil.virtual_memory().total))
    with _lock:
        reader = _running_reader()
        watch = threading.Timer(WAIT * seconds, reader.process.kill)
        watch.daemon = True
        watch.start()
        try:
            file = ParquetFile(path, reader, {"memory": memory, "seconds": seconds})
            try:
                yield file
            finally:
                file.close()
        except ValueError:  # of the file or of its columns: the reader is ready for the next
            raise
        except BaseException:
            reader.end()  # it may be in the middle of an answer
            raise
        finally:
            watch.cancel()


def _running_reader() -> _Reader:
    global _reader
    if (
        _reader is None or _reader.owner != os.getpid() or _reader.process.poll() is not None
    ):  # a forked process has a copy of another's
        _reader = _Reader()
    return _reader


@atexit.register
def _end_reader() -> None:
    if _reader is not None and _reader.owner == os.getpid():
        _reader.end()
