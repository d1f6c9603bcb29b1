"""Results in a folder, found again by everything that affects them, so that nothing is computed twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from landscape.results.storage.files import check_writable
from landscape.results.storage.kinds import kind_of
from landscape.results.storage.outputs import made_folder
from landscape.results.storage.serialization import to_plain

R = TypeVar("R")


class ResultCache:
    """Results about one model, loss and data, in a folder.

    A file's name has the kind of the result, and a hash of the key and of all settings that the result is requested
    with. The same request finds the file; a request that differs in anything finds none, and the result is computed.
    What continues an interrupted computation is stored likewise: ``LanczosState`` for ``top_eigenpairs``, a
    ``Spectrum`` with fewer probes for ``spectral_density``, and the file of an ``EvaluationCache`` for ``surface``.

    Args:
        folder: For the files; it is made when it is needed.
        key: What affects every result: hashes of the weights and the data, the name of the loss.
        name: To be shown in the names of the files.

    Example:
        >>> import tempfile
        >>> from landscape import Mark
        >>> cache = ResultCache(tempfile.mkdtemp(), {"weights": "c0ffee"}, name="mine")
        >>> def origin():
        ...     print("computing")
        ...     return Mark("origin", 0.0, 0.0)
        >>> cache.result(Mark, origin, seed=1) == cache.result(Mark, origin, seed=1)
        computing
        True
        >>> cache.path(Mark, seed=1).name
        'mark-mine-7ba9854c14.json'
    """

    def __init__(self, folder: str | Path, key: Mapping[str, Any], *, name: str = "") -> None:
        self.folder, self.key, self.name = Path(folder), dict(key), name

    def file(self, kind: str, suffix: str, /, **settings: Any) -> Path:
        """Return the path of a file, and make its folder.

        Args:
            kind: The file's name begins with it.
            suffix: It ends with it.
            settings: What affects the content besides the key; names and values that JSON can hold.

        Raises:
            ValueError: A setting has a name that is in the key.
            OSError: The folder cannot be made.
        """
        path = self._file(kind, suffix, settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        return path

    def _file(self, kind: str, suffix: str, settings: Mapping[str, Any]) -> Path:
        repeated = self.key.keys() & settings.keys()
        if repeated:
            raise ValueError(f"{', '.join(sorted(repeated))} is in the key already; give the setting another name")
        text = json.dumps(to_plain({**self.key, **settings}), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        return self.folder / f"{'-'.join(filter(None, (kind, self.name, digest)))}{suffix}"

    def path(self, type: type[Any], /, **settings: Any) -> Path:
        """Return the path of a result of this type; its folder may be missing. ValueError as of ``file``."""
        kind = kind_of(type)
        return self._file(kind.name, kind.suffix, settings)

    def load(self, type: type[R], /, **settings: Any) -> R | None:
        """Return the result that was stored with these settings; None if there is none.

        Raises:
            ValueError: Its file is damaged; or as ``file`` raises it.
            OSError: It cannot be read.
        """
        path = self.path(type, **settings)
        return kind_of(type).load(path) if path.exists() else None

    def store(self, result: Any, /, **settings: Any) -> None:
        """Store a result, in place of one that was stored with the same settings.

        Raises:
            ValueError: As ``file`` raises it.
            OSError: It cannot be written.
        """
        path = self.path(type(result), **settings)
        with made_folder(self.folder):
            kind_of(type(result)).save(result, path)

    def result(self, type: type[R], compute: Callable[[], R], /, **settings: Any) -> R:
        """Return the stored result of this type and these settings, or compute and store it.

        Raises:
            ValueError: The stored file is damaged; or as ``file`` and ``compute`` raise it.
            OSError: The file cannot be read or written, which is checked before anything is computed.
        """
        stored = self.load(type, **settings)
        if stored is not None:
            return stored
        with made_folder(self.folder):
            check_writable(self.path(type, **settings))
            result = compute()
            self.store(result, **settings)
        return result
