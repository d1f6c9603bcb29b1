"""Settings that are declared once: a field carries its default, its limits, its section and what ``--help`` says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, field, fields
from typing import Any

from landscape.choices import one_of


def option(
    section: str,
    default: Any,
    told: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    choices: Iterable[str] | None = None,
    default_told: str | None = None,
    parse: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    flag: str | None = None,
) -> Any:
    """A field of an ``Config`` dataclass.

    Args:
        section: The heading under which it is listed.
        default: Its value where none is given.
        told: What it means, for people.
        least: The smallest value.
        most: The largest.
        above: What it must exceed.
        below: What must exceed it.
        choices: The values of a text.
        default_told: What stands for the default, where the default itself says nothing.
        parse: From the text of the command line to the value, where that is no number and no plain text.
        metavar: What stands for the value in ``--help``.
        flag: The option's name, where it is not the field's.
    """
    limits = {"least": least, "most": most, "above": above, "below": below}
    known = tuple(choices) if choices is not None else None
    return field(
        default=default,
        metadata={
            "section": section,
            "help": told,
            "limits": limits,
            "choices": known,
            "default": default_told,
            "parse": parse,
            "metavar": metavar,
            "flag": flag,
        },
    )


class Config:
    """A frozen dataclass whose fields are ``option``: their limits are checked when one is made.

    Raises:
        ValueError: A value is out of range or unknown.
    """

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = getattr(self, each.name)
            if "limits" in each.metadata and value is not None:
                self._check(each, value)

    def _check(self, each: Field[Any], value: Any) -> None:
        limits, known, name = each.metadata["limits"], each.metadata["choices"], each.metadata["flag"] or each.name
        if known is not None:
            self._fill(each.name, one_of(value, known, name))
            return
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, str):
                continue
            if not (limits["least"] <= number <= limits["most"] and limits["above"] < number < limits["below"]):
                raise ValueError(f"{name} must be {_described(limits, number)}, got {number}")

    def _fill(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


def numbers(text: str) -> tuple[float, ...]:
    """Numbers separated by commas."""
    return _separated(text, float, "numbers")


def integers(text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas."""
    return _separated(text, int, "whole numbers")


def _separated(text: str, kind: Callable[[str], Any], what: str) -> tuple[Any, ...]:
    try:
        return tuple(kind(piece) for piece in text.split(","))
    except ValueError:
        raise ValueError(f"{text!r} is no list of {what} separated by commas") from None


UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def size(text: str) -> int:
    """A number of bytes, such as 500M or 4G."""
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    try:
        return int(float(number.rstrip("kmgt")) * UNITS[number[len(number.rstrip("kmgt")) :]])
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"{text!r} is no amount of memory such as 500M or 4G") from None


def counts(text: str) -> int | tuple[int, int]:
    """A number of points such as 51, or AxB such as 51x31."""
    try:
        found = tuple(int(count) for count in text.lower().split("x"))
    except ValueError:
        found = ()
    if len(found) not in (1, 2) or min(found) < 1:
        raise ValueError(f"{text!r} is neither a number of points such as 51 nor AxB such as 51x31")
    return found[0] if len(found) == 1 else (found[0], found[1])


def _described(limits: Mapping[str, float], value: float) -> str:
    words = {"least": "at least", "most": "at most", "above": "above", "below": "below"}
    told = [f"{words[name]} {limit:g}" for name, limit in limits.items() if math.isfinite(limit)]
    unbounded = isinstance(value, float) and limits["most"] == limits["below"] == math.inf
    return " and ".join(["finite"] * unbounded + told)
