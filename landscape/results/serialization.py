"""Results as plain values, which JSON can hold, and back."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")


def to_plain(value: Any) -> Any:
    """Return dataclasses and mappings as dictionaries, arrays as lists; NaN as None, and ±inf as "inf" and "-inf"."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return to_plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value


def from_plain(kind: type[Result], stored: Any) -> Result:
    """Return the dataclass of this kind that ``to_plain`` was called with.

    Raises:
        KeyError: A field without a default is missing.
        TypeError: A value has another type than its field.
        ValueError: Likewise, or the dataclass raises it.
    """
    hints = typing.get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if not isinstance(stored, dict):
        raise TypeError(f"a {kind.__name__} is stored as an object, not as {type(stored).__name__}")
    return kind(**{name: _restored(hints[name], value) for name, value in stored.items() if name in known})


def _restored(hint: Any, stored: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if stored is None and types.NoneType in arguments:
            return None
        return _restored(next(kind for kind in arguments if kind is not types.NoneType), stored)
    if origin is np.ndarray:
        return _array(stored, typing.get_args(arguments[1])[0])
    if origin is tuple:
        return tuple(_restored(arguments[0], item) for item in stored)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _restored(arguments[1], item) for key, item in stored.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, stored)
    if hint is float:
        return float("nan") if stored is None else float(stored)
    return stored


def _array(stored: Any, dtype: Any) -> Any:
    if isinstance(stored, np.ndarray):
        if stored.dtype.kind not in ("b" if dtype is np.bool_ else "biuf"):
            raise TypeError(f"an array holds {stored.dtype} in place of {getattr(dtype, '__name__', 'numbers')}")
        return stored
    if not isinstance(dtype, type) or not issubclass(dtype, (np.bool_, np.integer)):
        dtype = np.float64  # None becomes NaN, "inf" infinity
    return np.array(stored, dtype=dtype)
