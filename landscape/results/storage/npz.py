"""The arrays of an ``.npz`` file: their headers are read first, and of the arrays only those that are wanted."""

from __future__ import annotations

import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.display.printable import printable

Shape = tuple[int, ...]
LARGEST_HEADER = 10_000  # characters
PIECE = 1 << 20  # bytes


class ArrayFile:
    """An ``.npz`` file that is opened.

    Args:
        file: Its content.
        most: How many bytes all arrays that are read may have. None: any number, but then none is compressed, so that
            they have no more bytes than the file.

    Raises:
        ValueError: The file is something else, or has two arrays of one name.
    """

    def __init__(self, file: IO[bytes], most: int | None = None) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError):  # OSError: places before the file's beginning
            raise ValueError("not an .npz archive") from None
        self._most = most
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in self._members:
                raise ValueError(f"the array {printable(name, 60)} is there twice")
            self._members[name] = member

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the arrays that begin with ``prefix``."""
        return [name for name in self._members if name.startswith(prefix)]

    def header(self, name: str) -> tuple[Shape, np.dtype[Any]]:
        """Return shape and type of an array without its numbers.

        Raises:
            ValueError: There is no such array, it holds objects, or its size is not that of its header.
        """
        with self._open(name) as file:
            shape, _, dtype = self._parsed(file, self._members[name])
        return shape, dtype

    def _open(self, name: str) -> IO[bytes]:
        at = printable(name, 60)
        if name not in self._members:
            raise ValueError(f"the array {at} is missing")
        member = self._members[name]
        wanted = (zipfile.ZIP_STORED,) if self._most is None else (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if member.compress_type not in wanted:
            raise ValueError(f"the array {at} is compressed as it never is here")
        return self._archive.open(member)

    def _parsed(self, file: IO[bytes], member: zipfile.ZipInfo) -> tuple[Shape, bool, np.dtype[Any]]:
        """Read shape, order and type from the beginning of an array, which leaves ``file`` at its numbers."""
        at = printable(member.filename.removesuffix(".npy"), 60)
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"the array {at} is of another version of NumPy's format: {version}")
        shape, by_columns, dtype = _HEADERS[version](file, max_header_size=LARGEST_HEADER)
        if dtype.hasobject:
            raise ValueError(f"the array {at} holds objects")
        size = member.file_size - file.tell()
        if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"the array {at} has {size} bytes, which is not the size of {dtype} of shape {shape}")
        return shape, by_columns, dtype

    def read(self, name: str, kinds: str, shape: Shape | None = None) -> NDArray[Any]:
        """Return an array.

        Args:
            name: Its name.
            kinds: The letters of NumPy's kinds of types that it may have.
            shape: Its shape, as far as that is known.

        Raises:
            ValueError: It has another type or shape, or takes too much memory; or as of ``header``.
        """
        at = printable(name, 60)
        with self._open(name) as file:
            found, by_columns, dtype = self._parsed(file, self._members[name])
            if dtype.kind not in kinds:
                raise ValueError(f"the array {at} holds {dtype}, not {' or '.join(_KINDS[kind] for kind in kinds)}")
            if shape is not None and found != shape:
                raise ValueError(f"the array {at} has shape {found}; the others need {shape}")
            size = math.prod(found) * dtype.itemsize
            if self._most is not None:
                self._most -= size
                if self._most < 0:
                    raise ValueError(f"the array {at} has shape {found}, which is too large for a file of this kind")
            array: NDArray[Any] = np.empty(found, dtype, "F" if by_columns else "C")
            if size:
                _fill(array.ravel("K").view(np.uint8), file)
        return array

    def text(self, name: str) -> str:
        """Return a text that is stored as an array without dimensions; errors as of ``read``."""
        return str(self.read(name, "U", ()))


def _fill(numbers: NDArray[np.uint8], file: IO[bytes]) -> None:
    """Read a file to its end, which is where its check sum is compared; in pieces, so that no second copy is made."""
    done = 0
    while piece := file.read(PIECE):
        numbers[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_KINDS = {"b": "true and false", "i": "whole numbers", "u": "unsigned ones", "f": "numbers", "U": "texts"}
