"""Results in the forms of other libraries: data frames of polars or pandas, and data sets of xarray."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from landscape.choices import one_of
from landscape.results.numerics.arrays import Floats, Metadata

LIBRARIES = ("polars", "pandas")  # that have data frames, the default first
Variables = Mapping[str, tuple[Sequence[str], Any, Metadata]]  # name -> dimensions, values, attributes


class Tabular:
    """A result with columns, of which it makes a data frame."""

    def columns(self) -> dict[str, Any]:
        """Return the columns by name: arrays or lists, all of one length."""
        raise NotImplementedError

    def to_dataframe(self, library: str | None = None) -> Any:
        """Return ``columns`` as a data frame.

        Args:
            library: ``polars`` or ``pandas``; by default the first of them that is installed.

        Raises:
            ValueError: It is another library.
            ImportError: It is not installed.
        """
        names = LIBRARIES if library is None else (one_of(library, LIBRARIES, "library"),)
        return _imported(names, "a data frame").DataFrame(self.columns())


def from_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns of a table of rows, which have the same names; none, where there is no row."""
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def dataset(variables: Variables, coordinates: Mapping[str, Floats], attributes: Metadata) -> Any:
    """Return an ``xarray.Dataset``; dimensions without coordinates are numbered.

    Raises:
        ImportError: xarray is not installed.
    """
    return _imported(["xarray"], "a data set").Dataset(dict(variables), dict(coordinates), attributes)


def plain_attributes(metadata: Mapping[str, Any], prefix: str = "") -> Metadata:
    """Return metadata as NetCDF holds it: texts, numbers and lists of numbers.

    The entries of a mapping are named ``mapping.entry``. What is None is left out, and any other value is JSON.

    >>> plain_attributes({"plane": {"kind": "random", "seeds": [0, 1]}, "title": None, "names": ["a", "b"]})
    {'plane.kind': 'random', 'plane.seeds': [0, 1], 'names': '["a", "b"]'}
    """
    plain: Metadata = {}
    for key, value in metadata.items():
        name = f"{prefix}{key}"
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        if isinstance(value, Mapping):
            plain |= plain_attributes(value, f"{name}.")
        elif _is_number(value) or isinstance(value, str) or (_is_list(value) and all(map(_is_number, value))):
            plain[name] = list(value) if _is_list(value) else value
        elif value is not None:
            plain[name] = json.dumps(value, ensure_ascii=False, default=str)
    return plain


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0


def _imported(names: Iterable[str], what: str) -> ModuleType:
    """Import the first of these libraries that is installed."""
    names = [*names]
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as problem:
            if problem.name != name:  # the library is there, and something that it needs is not
                raise
    raise ImportError(f"{what} needs {' or '.join(names)}, which is not installed; pip install {names[0]}")
