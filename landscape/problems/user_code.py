"""A user's Python file: run as Python runs a script, with its errors in one line that names file and line number."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import walk_tb
from types import ModuleType

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular

# What lies there is not the user's, even where the user's folder is above it.
INSTALLED = (Path(__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix))


class UserCodeError(ValueError):
    """Something went wrong in a user's file; the message says where, the cause is the error itself."""


@dataclass
class UserCode:
    """A Python file that was run, and the modules that it imported from its own folder.

    These modules are in ``sys.modules`` while the file's code runs, and not afterwards: files in two folders may each
    have a ``model.py``.
    """

    path: Path
    source: bytes
    modules: dict[str, ModuleType] = field(default_factory=dict)  # its own, and those from its folder

    @classmethod
    def run(cls, path: str | Path) -> UserCode:
        """Run a file; the part under ``if __name__ == "__main__"`` is left out.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is a folder, or no regular file.
            UserCodeError: It cannot be imported.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"there is no file {printable(path)}; `landscape new {path.name}` writes one")
        check_regular(path, "name the Python file in it")
        code = cls(path, path.read_bytes())
        with code.running():
            loader = _Loader(code)
            spec = spec_from_file_location(loader.name, path, loader=loader)
            assert spec is not None
            code.modules[loader.name] = sys.modules[loader.name] = module = module_from_spec(spec)
            loader.exec_module(module)
        return code

    @property
    def module(self) -> ModuleType:
        """What the file defines."""
        return next(iter(self.modules.values()))

    @property
    def folder(self) -> Path:
        """Where the file lies."""
        return self.path.parent.resolve()

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file's text and of the modules' from its folder, by their names."""
        digest = hashlib.sha256(self.source)
        for name, module in sorted(self.modules.items()):
            if module is not self.module and module.__file__ and Path(module.__file__).is_file():
                digest.update(f"\0{name}\0".encode() + Path(module.__file__).read_bytes())
        return digest.hexdigest()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run a part of the file's code: its folder can be imported from, and what it prints goes to standard error.

        Raises:
            UserCodeError: An error passed through a line of the file, or of a module in its folder.
        """
        folder = str(self.folder)
        before = {*sys.modules}
        sys.modules.update(self.modules)
        sys.path.insert(0, folder)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except UserCodeError:
            raise
        except (Exception, SystemExit) as problem:
            place = self._place(problem)
            if place is None:
                raise
            cause = f" (because of {_text(problem.__cause__)})" if problem.__cause__ is not None else ""
            raise UserCodeError(f"{place}: {_text(problem)}{cause}") from problem
        finally:
            with contextlib.suppress(ValueError):  # the code removed it
                sys.path.remove(folder)
            for name in {*sys.modules} - before:
                module = sys.modules[name]
                if name in self.modules or _is_below(getattr(module, "__file__", None), self.folder):
                    self.modules[name] = module
                    del sys.modules[name]

    def _place(self, problem: BaseException) -> str | None:
        """File and line of the innermost frame of the user's code; None if there is none."""
        frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(problem.__traceback__)]
        if isinstance(problem, SyntaxError):
            frames.append((problem.filename or str(self.path), problem.lineno or 1))
        own = [(file, line) for file, line in frames if file == str(self.path) or _is_below(file, self.folder)]
        if not own:
            return None
        file, line = own[-1]
        shown = self.path if file == str(self.path) else self.path.parent / Path(file).relative_to(self.folder)
        return f"{printable(shown)}, line {line}"


class _Loader(SourceLoader):
    """Compiles the text that was read, and nothing that is cached."""

    def __init__(self, code: UserCode) -> None:
        self.code = code
        self.name = f"_problem_{hashlib.sha256(code.source).hexdigest()[:12]}"

    def get_filename(self, fullname: str) -> str:
        return str(self.code.path)

    def get_data(self, path: bytes | str) -> bytes:
        return self.code.source


def _text(problem: BaseException) -> str:
    """An error's type and message in one line."""
    message = printable(" ".join(str(problem).split()))
    return f"{type(problem).__name__}: {message}" if message else type(problem).__name__


def _is_below(file: object, folder: Path) -> bool:
    """Whether a module's file lies in a folder or below it, and belongs to no environment and not to this package."""
    if not isinstance(file, str):
        return False
    path = Path(file)
    return path.is_relative_to(folder) and not any(path.is_relative_to(place) for place in INSTALLED)
