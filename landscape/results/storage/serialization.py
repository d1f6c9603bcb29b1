"""Results as plain values, which JSON can hold, and back."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from landscape.results.display.printable import printable
from landscape.results.storage.relations import RELATIONS
from landscape.results.storage.schema import LARGEST, NUMBER, SCHEMA, Rule, check_limits, check_shape

Result = TypeVar("Result")

ARRAY_KINDS = {"b": "b", "i": "iu", "f": "iuf"}  # the kinds of arrays that are taken for one of this kind
_WORDS = {"inf": math.inf, "-inf": -math.inf, None: math.nan}  # what ``to_plain`` makes of numbers that JSON lacks


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


def from_plain(
    kind: type[Result], stored: Any, at: str = "", *, names: Mapping[str, str] = types.MappingProxyType({})
) -> Result:
    """Return the dataclass of this kind that ``to_plain`` was called with.

    Types are those of its fields, limits and shapes those of ``SCHEMA``. Unknown fields are left out, and control
    characters in texts are escaped.

    Args:
        kind: The dataclass.
        stored: An object with its fields; arrays may be arrays already.
        at: The name of the field that holds it, for messages.
        names: Under which fields are stored, where that is not their own name.

    Raises:
        ValueError: It is no object, a field without a default is missing, a value has another type than its field, or
            is outside of the limits; the message names the field.
    """
    if not isinstance(stored, dict):
        found = _type(stored)
        raise ValueError(
            f"{at} is {found}, not an object" if at else f"a {kind.__name__} is stored as an object, not as {found}"
        )
    rules, lengths, values = SCHEMA.get(kind, {}), dict[str, int](), {}
    for name, (hint, needed) in _declared(cast(Any, kind)).items():
        key = names.get(name, name)
        place = f"{at}.{key}" if at else key
        if key not in stored:
            if needed:
                raise ValueError(f"{place} is missing")
            continue
        value = values[name] = _restored(hint, stored[key], place)
        rule = rules.get(name)
        if isinstance(rule, Rule) and value is not None:
            for inside, item in _parts(value, place):
                check_shape(item, rule, inside, lengths)
                check_limits(item, rule, inside)
        elif isinstance(rule, Mapping):
            _check_entries(value, rule, place)
    try:
        result = kind(**values)
        if kind in RELATIONS:
            RELATIONS[kind](result)
    except ValueError as problem:
        raise ValueError(f"{at}: {problem}" if at else str(problem)) from None
    return result


@functools.cache
def _declared(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The type of each field, and whether it is needed."""
    hints = typing.get_type_hints(kind)
    return {
        field.name: (hints[field.name], field.default is MISSING and field.default_factory is MISSING)
        for field in fields(kind)
        if field.init
    }


def _parts(value: Any, at: str) -> Iterable[tuple[str, Any]]:
    """Return a value, or those of a mapping, with its name."""
    if not isinstance(value, Mapping):
        return ((at, value),)
    return ((f"{at}[{printable(key, 60)!r}]", item) for key, item in value.items())


def _check_entries(metadata: Any, types_of: Mapping[str, Any], at: str) -> None:
    """Check the entries that are declared, as far as they are there. Their numbers are read as they are: no NaN."""
    for name, hint in types_of.items():
        if name not in metadata:
            continue
        place = f"{at}.{name}"
        if not isinstance(hint, Mapping):
            value = _restored(hint, metadata[name], place)
            if value is not None:
                check_limits(value, NUMBER, place)
        elif not isinstance(metadata[name], dict):
            raise ValueError(f"{place} is {_type(metadata[name])}, not an object")
        else:
            _check_entries(metadata[name], hint, place)


def _restored(hint: Any, stored: Any, at: str) -> Any:
    if hint in _SCALARS:
        return _SCALARS[hint](stored, at)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if stored is None and types.NoneType in arguments:
            return None
        return _restored(next(kind for kind in arguments if kind is not types.NoneType), stored, at)
    if origin is np.ndarray:
        return _array(stored, typing.get_args(arguments[1])[0], at)
    if origin is tuple:
        if not isinstance(stored, (list, tuple)):
            raise ValueError(f"{at} is {_type(stored)}, not a list")
        kinds = [arguments[0]] * len(stored) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(stored):
            raise ValueError(f"{at} has {len(stored)} entries, not {len(kinds)}")
        return tuple(
            _restored(kind, item, f"{at}[{i}]") for i, (kind, item) in enumerate(zip(kinds, stored, strict=True))
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(stored, dict):
            raise ValueError(f"{at} is {_type(stored)}, not an object")
        values = [_restored(arguments[1], item, place) for place, item in _parts(stored, at)]
        return shown(dict(zip(stored, values, strict=True)))
    if is_dataclass(hint) and isinstance(hint, type):
        return stored if isinstance(stored, hint) else from_plain(hint, stored, at)
    return shown(stored)


def shown(stored: Any) -> Any:
    """Return a value with all texts in it, and all names of its entries, in a form that is safe to show.

    A terminal obeys control characters, and what is read here is shown in many places.
    """
    if type(stored) is str:
        return stored if stored.isprintable() else printable(stored, len(stored))
    if isinstance(stored, dict):
        return {shown(key): shown(item) for key, item in stored.items()}
    if isinstance(stored, (list, tuple)):
        return type(stored)(map(shown, stored))
    return stored


def _number(stored: Any, at: str) -> float:
    if isinstance(stored, (str, types.NoneType)) and stored in _WORDS:
        return _WORDS[stored]
    if type(stored) is float or (type(stored) is int and abs(stored) <= LARGEST and float(stored) == stored):
        return float(stored)  # which rounds some numbers above 2⁵³
    raise ValueError(f"{at} is {_type(stored)}, not a number")


def _whole(stored: Any, at: str) -> int:
    if type(stored) is int and abs(stored) <= LARGEST:
        return stored
    raise ValueError(f"{at} is {_type(stored)}, not a whole number")


def _truth(stored: Any, at: str) -> bool:
    if type(stored) is bool:
        return stored
    raise ValueError(f"{at} is {_type(stored)}, not true or false")


def _text(stored: Any, at: str) -> str:
    if isinstance(stored, str):
        text: str = shown(stored)
        return text
    raise ValueError(f"{at} is {_type(stored)}, not a text")


_SCALARS = {float: _number, int: _whole, bool: _truth, str: _text}


def _array(stored: Any, dtype: Any, at: str) -> Any:
    exact = isinstance(dtype, type) and issubclass(dtype, (np.bool_, np.integer, np.float64))
    if isinstance(stored, np.ndarray):
        kinds = ARRAY_KINDS[np.dtype(dtype).kind] if exact else "f"
        if stored.dtype.kind not in kinds:
            raise ValueError(f"{at} is an array of {stored.dtype}, not of {getattr(dtype, '__name__', 'numbers')}")
        return stored.astype(dtype, copy=False) if exact else stored
    convert = _number if not exact else {"b": _truth, "i": _whole, "f": _number}[np.dtype(dtype).kind]
    return np.array(_numbers(stored, convert, at), dtype=dtype if exact else np.float64)


def _numbers(stored: Any, convert: Any, at: str) -> Any:
    """Lists of numbers, in lists of equal lengths, if they are in lists."""
    if not isinstance(stored, (list, tuple)):
        raise ValueError(f"{at} is {_type(stored)}, not a list")
    if not any(isinstance(item, (list, tuple)) for item in stored):
        return [convert(item, at) for item in stored]
    if len({len(row) if isinstance(row, (list, tuple)) else -1 for row in stored}) > 1:
        raise ValueError(f"{at} has rows of different lengths")
    return [_numbers(row, convert, at) for row in stored]


def _type(stored: Any) -> str:
    """What a value is, in the words of JSON."""
    if isinstance(stored, bool) or stored is None:
        return "null" if stored is None else str(stored).lower()
    if isinstance(stored, str):
        return f"the text {printable(stored, 40)!r}"
    if isinstance(stored, (int, float)):
        return f"{stored!r:.25}" if isinstance(stored, float) or abs(stored) < 10**25 else "a number of over 64 bits"
    return "an object" if isinstance(stored, dict) else f"a {type(stored).__name__}"
