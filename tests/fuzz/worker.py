"""A child process that runs cases, and its parent's side, which survives whatever a case does to the child.

The child writes the case it is at into a status file and a stack into another when it dies or hangs, so that the
parent knows both; then the parent starts another child, which goes on with the next case.
"""

from __future__ import annotations

import base64
import faulthandler
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.fuzzers import catalogue
from tests.fuzz.harness import (
    ABORT,
    HANG,
    MEMORY,
    MEMORY_FAULT,
    OK,
    REFUSED,
    ROOT,
    SECONDS,
    Outcome,
    is_own,
    judge,
    peak_memory,
)

STATUS = struct.Struct("<3qd")  # the case it is at, how many were read, how many refused, seconds in them
ADDRESSES = 4 << 30  # bytes of addresses above those at the start: beyond, an allocation fails
LEAVES = 3  # exit code of a child that has become too large


@dataclass(frozen=True)
class Finding:
    """A fault, and the smallest case that shows it so far."""

    outcome: Outcome
    name: str  # of the file; of one of a corpus, its own
    content: bytes


@dataclass
class Tally:
    """What became of some cases."""

    cases: int = 0
    read: int = 0
    refused: int = 0
    seconds: float = 0.0  # of computing, not of waiting for a core


class Worker:
    """One child at a time. ``beside`` are files that cases need, such as the data that a corpus was trained on."""

    def __init__(self, beside: Sequence[Path] = (), *, seconds: float = SECONDS) -> None:
        fast = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=fast if fast.is_dir() else None))
        self.beside = beside
        self.seconds = seconds
        self.child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(
        self, fuzzer: str, seed: int, start: int, stop: int, corpus: Sequence[Path], tally: Tally
    ) -> Iterator[Finding]:
        """Run cases ``start`` to ``stop``; ``tally`` is added to as they end."""
        request = {"fuzzer": fuzzer, "seed": seed, "corpus": [str(path.resolve()) for path in corpus]}
        while start < stop:
            yield from self._ask({**request, "start": start, "stop": stop}, tally)
            start = self.at + 1

    def replay(self, fuzzer: str, files: Sequence[Path], tally: Tally) -> Iterator[Finding]:
        """Read each of these files as a case."""
        names, start = [str(path.resolve()) for path in files], 0
        while start < len(files):
            request = {"fuzzer": fuzzer, "files": names, "start": start, "stop": len(files)}
            yield from self._ask(request, tally)
            start = self.at + 1

    def _ask(self, request: dict[str, Any], tally: Tally) -> Iterator[Finding]:
        """Have the child run cases until it is done or dies; ``at`` is the last case that it began."""
        (self.folder / "status").write_bytes(STATUS.pack(request["start"], 0, 0, 0.0))
        child = self._started()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(
                f"the child ended at its start: {(self.folder / 'errors').read_text()[-2000:]}"
            ) from None
        try:
            for line in child.stdout:
                if (answer := json.loads(line)) == "done":
                    break
                yield Finding(Outcome(**answer["outcome"]), answer["name"], base64.b64decode(answer["content"]))
        except GeneratorExit:  # nobody wants the other answers
            self._end()
            raise
        self.at, read, refused, seconds = STATUS.unpack((self.folder / "status").read_bytes())
        tally.cases += self.at - request["start"] + 1
        tally.read += read
        tally.refused += refused
        tally.seconds += seconds
        if answered := child.poll() if child.poll() is not None else self._gone(child):
            self._end()
            if answered != LEAVES:
                yield self._death(answered)

    def _gone(self, child: subprocess.Popen[str]) -> int:
        """Its exit code if it has closed its answers, 0 if it waits for the next request."""
        try:
            return child.wait(timeout=0.05) or 1
        except subprocess.TimeoutExpired:
            return 0

    def _death(self, code: int) -> Finding:
        stack = (self.folder / "stack").read_text(errors="replace")
        frames = re.findall(r'File "([^"]+)", line (\d+) in (\w+)', stack)
        own = next(((file, line, name) for file, line, name in frames if is_own(file)), None)
        where = f"{Path(own[0]).relative_to(ROOT)}:{own[1]} {own[2]}" if own else ""
        if stack.startswith("Timeout"):
            outcome = Outcome(HANG, where, f"more than {self.seconds:g} seconds")
        elif code == 1:
            raise RuntimeError(f"the child failed outside of the cases: {(self.folder / 'errors').read_text()[-2000:]}")
        else:
            outcome = Outcome(ABORT, where, f"ended by {signal.Signals(-code).name if code < 0 else f'exit {code}'}")
        cases = sorted((self.folder / "case").iterdir())
        file = cases[0] if cases else Path("none")
        return Finding(outcome, file.name, file.read_bytes() if file.is_file() else b"")

    def _started(self) -> subprocess.Popen[str]:
        if self.child is None or self.child.poll() is not None:
            (self.folder / "stack").write_bytes(b"")
            shutil.rmtree(self.folder / "work", ignore_errors=True)
            (self.folder / "work").mkdir()
            for path in self.beside:
                shutil.copy(path, self.folder / "work")
            with (self.folder / "errors").open("w") as errors:
                self.child = subprocess.Popen(
                    [sys.executable, "-m", "tests.fuzz.worker", str(self.folder), str(self.seconds)],
                    cwd=ROOT,
                    env={**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "0"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    start_new_session=True,  # Ctrl-C is for the parent, which ends it
                )
        return self.child

    def _end(self) -> None:
        if self.child is not None:
            self.child.kill()
            with suppress(BrokenPipeError):  # of a request that it has not taken
                self.child.communicate()
            self.child = None


def main(folder: Path, seconds: float) -> None:
    """Be the child: answer requests, one a line."""
    parent = os.getppid()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a case prints is not an answer
    warnings.simplefilter("ignore")
    stack = (folder / "stack").open("w")
    faulthandler.enable(stack)
    status = os.open(folder / "status", os.O_WRONLY)
    os.chdir(folder / "work")
    prepared: set[Any] = set()
    smallest: dict[str, int] = {}
    for line in sys.stdin:
        request = json.loads(line)
        fuzzer = catalogue.fuzzer(request["fuzzer"])
        if fuzzer.prepare not in prepared:
            fuzzer.prepare(Path.cwd())
            prepared.add(fuzzer.prepare)
        files = [Path(name) for name in request.get("files", ())]
        seeds = [*fuzzer.seeds(), *(Path(name).read_bytes() for name in request.get("corpus", ()))] if not files else []
        counts = {OK: 0, REFUSED: 0}
        _limit_addresses()
        base, started = peak_memory(), time.process_time()
        for index in range(request["start"], request["stop"]):
            if files:
                content, name = files[index].read_bytes(), fuzzer.replay or files[index].name
            else:
                content, name = fuzzer.case(request["seed"], index, seeds)
            os.pwrite(status, STATUS.pack(index, counts[OK], counts[REFUSED], time.process_time() - started), 0)
            if os.getppid() != parent:  # killed, so that nobody waits for answers
                return
            label = files[index].name if files else name
            path = _placed(folder, content, name, label)
            faulthandler.dump_traceback_later(seconds, exit=True, file=stack)
            outcome = judge(fuzzer.read, path)
            faulthandler.cancel_dump_traceback_later()
            path.unlink(missing_ok=True)
            large = peak_memory() - base > MEMORY
            if large:
                outcome = Outcome(MEMORY_FAULT, outcome.where, f"more than {MEMORY >> 20} MB, then {outcome.kind}")
            if outcome.kind in counts:
                counts[outcome.kind] += 1
            elif files or len(content) < smallest.get(outcome.key, sys.maxsize):
                smallest[outcome.key] = len(content)
                _answer(answers, outcome, label, content)
            else:
                _answer(answers, outcome, label, b"")
            os.pwrite(status, STATUS.pack(index, counts[OK], counts[REFUSED], time.process_time() - started), 0)
            if large:
                os._exit(LEAVES)
        print(json.dumps("done"), file=answers)


def _placed(folder: Path, content: bytes, name: str, label: str) -> Path:
    """The case as a file in the working folder; a dying child leaves it, called ``label``, for its parent."""
    (folder / "case").mkdir(exist_ok=True)
    for old in (folder / "case").iterdir():
        old.unlink()
    path = folder / "work" / name
    path.write_bytes(content)
    os.link(path, folder / "case" / label)
    return path


def _answer(answers: Any, outcome: Outcome, name: str, content: bytes) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))  # the case may be large
    encoded = base64.b64encode(content).decode()
    print(json.dumps({"outcome": asdict(outcome), "name": name, "content": encoded}), file=answers)
    _limit_addresses()


def _limit_addresses() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
