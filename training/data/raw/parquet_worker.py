"""A program of its own that reads Parquet files: damaged files can end the process that reads them.

It speaks JSON, a line each: for a request ``{"path", "memory", "seconds"}`` on standard input it writes ``{"columns"}``
to standard output, reads the list of those that are wanted (or null), and writes ``{"size"}`` and so many bytes, the
table as an Arrow stream. ``{"error"}`` in place of an answer ends the request, and with ``"ended"`` the program, which
may not be fit to go on. Run by ``landscape.training.data.raw.parquet``; it imports nothing of the package, which takes
longer than reading.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import polars as pl


def main() -> None:
    """Answer requests until standard input ends, or the reader has panicked."""
    for line in sys.stdin:
        try:
            _answer(json.loads(line))
        except Exception as problem:
            _say({"error": str(problem).strip().split("\n")[0] or type(problem).__name__})
        except BaseException:  # a panic, which is not an Exception; its text is for the reader's authors
            _say({"error": "its structure is damaged", "ended": True})
            return


def _answer(request: dict[str, Any]) -> None:
    _limit(request["memory"], request["seconds"])
    path = request["path"]
    _say({"columns": list(pl.read_parquet_schema(path))})
    if (wanted := json.loads(sys.stdin.readline() or "null")) is None:
        return
    frame = pl.read_parquet(path, columns=wanted).select(wanted)
    text = [name for name, kind in frame.schema.items() if kind in (pl.Categorical, pl.Enum)]
    buffer = io.BytesIO()
    frame.with_columns(pl.col(text).cast(pl.String)).write_ipc_stream(buffer)
    _say({"size": buffer.tell()}, buffer.getbuffer())


def _say(message: object, content: bytes | memoryview = b"") -> None:
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _limit(memory: int, seconds: int) -> None:
    """Limit the process to so many bytes, and to so many seconds of computing from now on."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds += int(used.ru_utime + used.ru_stime)
    for kind, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        try:
            resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
        except (ValueError, OSError):  # a system that does not have this limit
            continue


if __name__ == "__main__":
    main()
