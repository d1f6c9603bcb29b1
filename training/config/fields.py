"""Options declared once: a field carries its default, its limits, its section and its text in ``--help``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, field, fields
from typing import Any

from landscape.choices import one_of


def option(
    section: str,
    default: Any,
    help: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    choices: Iterable[str] | None = None,
    default_help: str | None = None,
    parse: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    flag: str | None = None,
) -> Any:
    """Declare a field of a ``Config`` dataclass.

    Args:
        section: The heading under which ``--help`` lists it.
        default: Its value where none is given.
        help: Its text in ``--help``.
        least: The smallest value allowed.
        most: The largest value allowed.
        above: The value must be greater than this.
        below: The value must be less than this.
        choices: The texts allowed.
        default_help: The default in ``--help``, where the value itself does not explain it.
        parse: Turns the text of the command line into the value, where that is neither a number nor a plain text.
        metavar: The placeholder for the value in ``--help``.
        flag: The option's name, where it is not the field's.
    """
    limits = {"least": least, "most": most, "above": above, "below": below}
    return field(
        default=default,
        metadata={
            "section": section,
            "help": help,
            "limits": limits,
            "choices": tuple(choices) if choices is not None else None,
            "default_help": default_help,
            "parse": parse,
            "metavar": metavar,
            "flag": flag,
        },
    )


class Config:
    """Base class of frozen dataclasses whose fields are made by ``option``; an instance checks their limits.

    Raises:
        ValueError: A value is out of range or unknown.
    """

    def __post_init__(self) -> None:
        for declared in fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = getattr(self, declared.name)
            if "limits" in declared.metadata and value is not None:
                self._check(declared, value)

    def _check(self, declared: Field[Any], value: Any) -> None:
        metadata = declared.metadata
        limits, choices, name = metadata["limits"], metadata["choices"], metadata["flag"] or declared.name
        if choices is not None:
            self._fill(declared.name, one_of(value, choices, name))
            return
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, str):
                continue
            if not (limits["least"] <= number <= limits["most"] and limits["above"] < number < limits["below"]):
                raise ValueError(f"{name} must be {_limits_text(limits, number)}, got {number}")

    def _fill(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def numbers(text: str) -> tuple[float, ...]:
    """Parse numbers separated by commas."""
    return _separated(text, float, "numbers")


def integers(text: str) -> tuple[int, ...]:
    """Parse whole numbers separated by commas."""
    return _separated(text, int, "whole numbers")


def _separated(text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, ...]:
    try:
        return tuple(kind(number) for number in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is not a list of {what} separated by commas") from None


UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def size(text: str) -> int:
    """Parse a number of bytes, such as 500M or 4G (units of 1024)."""
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    try:
        return int(float(number.rstrip("kmgt")) * UNITS[number[len(number.rstrip("kmgt")) :]])
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"{text!r} is not an amount of memory such as 500M or 4G") from None


def counts(text: str) -> int | tuple[int, int]:
    """Parse a number of points such as 51, or AxB such as 51x31."""
    try:
        numbers = tuple(int(number) for number in text.lower().split("x"))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise ValueError(f"{text!r} is neither a number of points such as 51 nor AxB such as 51x31")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _limits_text(limits: Mapping[str, float], value: float) -> str:
    words = {"least": "at least", "most": "at most", "above": "above", "below": "below"}
    bounds = [f"{words[name]} {limit:g}" for name, limit in limits.items() if math.isfinite(limit)]
    unbounded = isinstance(value, float) and limits["most"] == limits["below"] == math.inf
    return " and ".join(["finite"] * unbounded + bounds)
