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
    """Dataclasses and mappings as dictionaries, arrays as lists; NaN as None, and ±inf as "inf" and "-inf"."""
    if is_dataclass(value):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return to_plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value


def from_plain(kind: type[Result], stored: Any) -> Result:
    """What ``to_plain`` was given, for a dataclass of this kind.

    Raises:
        KeyError: A field without a default is missing.
        TypeError: A value is of another kind than its field.
        ValueError: Likewise, or the dataclass refuses it.
    """
    hints = typing.get_type_hints(kind)
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # a dataclass, as is told above
    if not isinstance(stored, dict):
        raise TypeError(f"a {kind.__name__} is stored as an object, not as {type(stored).__name__}")
    return kind(**{name: _restored(hints[name], value) for name, value in stored.items() if name in known})


def _restored(hint: Any, stored: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if stored is None and types.NoneType in arguments:
            return None
        return _restored(next(each for each in arguments if each is not types.NoneType), stored)
    if origin is np.ndarray:
        return _array(stored, typing.get_args(arguments[1])[0])
    if origin is tuple:
        return tuple(_restored(arguments[0], each) for each in stored)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _restored(arguments[1], each) for key, each in stored.items()}
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
