"""The keyword parameters of a function as settings, given as texts ``name=value``."""

from __future__ import annotations

import contextlib
import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Union

from landscape.choices import one_of
from landscape.results.display.printable import printable

SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
PLAIN = (bool, int, float, str, types.NoneType)
SIMPLE: dict[Any, Callable[[str], Any]] = {int: int, float: float, str: str, Path: lambda text: Path(text).expanduser()}


def settings_of(function: Callable[..., Any], given: Iterable[str], *, ours: Iterable[str] = ()) -> dict[str, Any]:
    """Return the values of a function's parameters, converted by their annotations or by their defaults' types.

    >>> def build(width: int = 8, head: Literal["mean", "max"] = "mean", data=None): ...
    >>> settings_of(build, ["width=16", "data=a=b.csv"])
    {'width': 16, 'data': 'a=b.csv'}

    Args:
        function: The function.
        given: Texts of the form ``name=value``.
        ours: Parameters that are given otherwise.

    Raises:
        ValueError: A name is unknown or given twice, a value does not fit, or a required one is missing.
    """
    parameters = _parameters(function, ours)
    annotations: dict[str, Any] = {}
    with contextlib.suppress(Exception):  # an annotation that cannot be evaluated: then by the default
        annotations = typing.get_type_hints(function)
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set takes name=value, got {printable(text)!r}")
        if not parameters:
            raise ValueError(f"--set {name}: there is nothing to set; the function has no parameters")
        name = one_of(name.strip().replace("-", "_"), parameters, "the name in --set")
        if name in values:
            raise ValueError(f"--set {name} is given twice")
        try:
            values[name] = _converted(value, annotations.get(name, _kind(parameters[name].default)))
        except (ValueError, OverflowError) as problem:
            raise ValueError(f"--set {name}={printable(value)}: {problem}") from None
    required = [name for name, one in parameters.items() if one.default is one.empty and name not in values]
    if required:
        raise ValueError(f"the function needs {' '.join(f'--set {name}=…' for name in required)}")
    return values


def in_effect(function: Callable[..., Any], values: dict[str, Any], *, ours: Iterable[str] = ()) -> dict[str, Any]:
    """Return the settings that affect the function's result as plain values: those given, and plain defaults."""
    defaults = {name: one.default for name, one in _parameters(function, ours).items() if type(one.default) in PLAIN}
    return {name: value if type(value) in PLAIN else str(value) for name, value in (defaults | values).items()}


def _parameters(function: Callable[..., Any], ours: Iterable[str]) -> dict[str, inspect.Parameter]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters
    return {name: one for name, one in parameters.items() if one.kind in named and name not in {*ours}}


def _kind(default: Any) -> Any:
    return str if default is None or default is inspect.Parameter.empty else type(default)


def _converted(text: str, kind: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _first(text, typing.get_args(kind))
    if origin is Literal:
        choices = {str(choice): choice for choice in typing.get_args(kind)}
        return choices[one_of(text, choices, "the value")]
    if kind is types.NoneType:
        if text.lower() != "none":
            raise ValueError("it is not none")
        return None
    if kind is bool:
        return SWITCHES[one_of(text, SWITCHES, "the value")]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind[one_of(text, kind.__members__, "the value")]
    if kind in (Any, inspect.Parameter.empty):
        return text
    if kind not in SIMPLE:
        raise ValueError(f"a {getattr(kind, '__name__', kind)} cannot be given on the command line")
    try:
        return SIMPLE[kind](text)
    except ValueError:
        raise ValueError(f"it is not a {'whole number' if kind is int else 'number'}") from None


def _first(text: str, kinds: Iterable[Any]) -> Any:
    """The value of the first kind that takes the text; text itself fits last."""
    problem: ValueError | None = None
    for kind in sorted(kinds, key=lambda kind: (kind in (str, Path), kind is not types.NoneType)):
        try:
            return _converted(text, kind)
        except ValueError as refused:
            problem = refused
    raise problem or ValueError("it has no kind")
