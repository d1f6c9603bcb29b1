"""What a fuzzer is, and how the outcome of one case is judged.

A file is read right, or it is refused: by a ``ValueError`` or ``OSError`` whose message is one printable line that
names the file. Everything else is a fault.
"""

from __future__ import annotations

import re
import resource
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10.0  # a case that takes longer hangs
MEMORY = 1 << 30  # bytes above what the process had before: more is a blow-up
LONGEST = 1000  # characters of a message that is still one line to read

OK, REFUSED = "ok", "refused"
CRASH, ABORT, HANG, MEMORY_FAULT = "crash", "abort", "hang", "memory"
CONTROL, MESSAGE, UNNAMED, WRONG = "control characters", "message", "file not named", "wrong"
FAULTS = (CRASH, ABORT, HANG, MEMORY_FAULT, CONTROL, MESSAGE, UNNAMED, WRONG)

Mutate = Callable[[Random, Sequence[bytes]], tuple[bytes, str]]


@dataclass(frozen=True)
class Fuzzer:
    """One kind of file and what users do with it."""

    name: str
    suffixes: tuple[str, ...]  # of files in a corpus that are seeds of this fuzzer
    seeds: Callable[[], list[bytes]]  # valid files
    mutate: Mutate  # (random, seeds) -> content of the case, and the name of its file
    read: Callable[[Path], None]  # raises ``WrongError`` or ``ShownError`` where an accepted file is not read right
    prepare: Callable[[Path], None] = lambda folder: None  # puts other files that reading needs into an empty folder
    replay: str = ""  # the name that a file of a corpus gets when it is read itself; by default its own

    def case(self, seed: int, index: int, seeds: Sequence[bytes]) -> tuple[bytes, str]:
        """Content and name of case ``index``, the same for equal arguments; the first cases are the seeds."""
        return self.mutate(Random(f"{self.name}/{seed}/{index}"), seeds)


@dataclass(frozen=True)
class Outcome:
    """How a case ended."""

    kind: str  # OK, REFUSED or one of FAULTS
    where: str = ""  # file:line function, the last of the package's own
    what: str = ""

    @property
    def key(self) -> str:
        """Equal for faults with one cause, as far as text can show that."""
        if self.kind in (CONTROL, UNNAMED, MESSAGE) and self.where:
            return f"{self.kind}|{self.where}"
        what = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "Q", self.what)
        return f"{self.kind}|{self.where}|{re.sub(r'[0-9.]+', 'N', what)[:60]}"


class WrongError(Exception):
    """A file was accepted that had to be refused, or its values are not those in the file."""


class ShownError(Exception):
    """Control characters from a file reach what is shown."""


def judge(read: Callable[[Path], None], path: Path) -> Outcome:
    """Read a file and say how that ended."""
    try:
        read(path)
    except WrongError as problem:
        return Outcome(WRONG, what=str(problem))
    except ShownError as problem:
        return Outcome(CONTROL, what=str(problem))
    except (ValueError, OSError) as problem:
        return _refusal(problem, path)
    except MemoryError as problem:
        return Outcome(MEMORY_FAULT, _where(problem), repr(problem)[:200])
    except BaseException as problem:  # PanicException of Rust's libraries is not an Exception
        return Outcome(CRASH, _where(problem), _printable(f"{type(problem).__qualname__}: {problem}"))
    return Outcome(OK)


def shown(text: str, what: str) -> None:
    """Require that text meant for people has no control characters but line ends."""
    for character in text:
        if not character.isprintable() and character != "\n":
            raise ShownError(f"{what} has {character!r}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """For functions that get no path: their callers add the file's name to a message."""
    try:
        yield
    except (ValueError, OSError) as problem:
        kind = OSError if isinstance(problem, OSError) else ValueError  # UnicodeError needs further arguments
        raise kind(f"{path.name}: {_message(problem)}").with_traceback(problem.__traceback__) from None


def peak_memory() -> int:
    """The largest memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _refusal(problem: Exception, path: Path) -> Outcome:
    message = _message(problem)
    named = path.name in message or f"{path.parent}/" in message
    message = message.replace(f"{path.parent}/", "")
    if not message or "\n" in message.strip() or len(message) > LONGEST:
        return Outcome(MESSAGE, _where(problem), _printable(f"{len(message)} characters: {message}"))
    if not message.isprintable():
        return Outcome(CONTROL, _where(problem), _printable(message))
    if not named:
        return Outcome(UNNAMED, _where(problem), _printable(message))
    return Outcome(REFUSED)


def _message(problem: Exception) -> str:
    """As the command line shows it."""
    if isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        return f"{problem.filename}: {problem.strerror}"
    return str(problem)


def _where(problem: BaseException) -> str:
    own = [frame for frame in traceback.extract_tb(problem.__traceback__) if is_own(frame.filename)]
    return f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno} {own[-1].name}" if own else ""


def is_own(file: str) -> bool:
    """Whether a source file is one of the package."""
    return file.startswith(f"{ROOT}/") and not file.startswith((f"{ROOT}/tests/", f"{ROOT}/.venv/"))


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text[:300])
