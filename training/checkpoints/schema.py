"""What the values in a file must be, declared field by field, so that they are checked before anything is made of them.

A check takes a value and its name, and raises a ``ValueError`` such as ``epoch is -1, not a whole number from 0``.
"""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

from landscape.results.display.printable import printable

Check = Callable[[Any, str], None]

LONGEST = 4096  # characters of a text: a path may have as many
LARGEST = 2**63 - 1  # of a whole number
SHOWN = 60  # characters of a value in a message


def shown(value: Any) -> str:
    """Return a value for a message: short texts and numbers as they are, of everything else only what it is."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        return "a whole number of over 64 bits"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return f"'{printable(value, SHOWN)}'"
    if hasattr(value, "dtype"):
        kind = "" if str(value.layout) == "torch.strided" else "sparse "
        return f"a {kind}tensor of {str(value.dtype).removeprefix('torch.')} and shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"


def rule(holds: Callable[[Any], bool], what: str) -> Check:
    """Return the check that ``holds`` is true of a value, which is then ``what``."""

    def check(value: Any, name: str) -> None:
        if not holds(value):
            raise ValueError(f"{name} is {shown(value)}, not {what}")

    return check


def whole(least: int = 0, most: int = LARGEST) -> Check:
    """Check a whole number."""
    what = f"a whole number from {least}" + (f" to {most}" if most < LARGEST else "")
    return rule(lambda value: type(value) is int and least <= value <= most, what)


def number(
    *, least: float = -math.inf, most: float = math.inf, above: float = -math.inf, below: float = math.inf
) -> Check:
    """Check a finite number within limits."""
    bounds = {"at least": least, "at most": most, "above": above, "below": below}
    what = " and ".join(f"{words} {bound:g}" for words, bound in bounds.items() if math.isfinite(bound))
    return rule(
        lambda value: (
            (type(value) is float or (type(value) is int and abs(value) <= LARGEST))
            and math.isfinite(value)
            and least <= value <= most
            and above < value < below
        ),
        f"a number {what}" if what else "a finite number",
    )


def text(pattern: str = ".*", what: str = "a text") -> Check:
    """Check a text of bounded length; all of it matches ``pattern``."""
    matches = re.compile(pattern, re.DOTALL | re.ASCII).fullmatch
    return rule(lambda value: type(value) is str and len(value) <= LONGEST and bool(matches(value)), what)


def choice(names: Collection[str]) -> Check:
    """Check one of some texts."""
    return rule(lambda value: type(value) is str and value in names, f"one of {', '.join(names)}")


def maybe(check: Check) -> Check:
    """Let None pass, too."""
    return lambda value, name: None if value is None else check(value, name)


def each(check: Check) -> Check:
    """Check all values of a dictionary whose keys are texts."""

    def check_all(value: Any, name: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{name or 'it'} is {shown(value)}, not a dictionary")
        for key, item in value.items():
            NAME(key, f"a name in {name or 'it'}")
            check(item, _inside(name, key))

    return check_all


def rows(check: Check) -> Check:
    """Check all entries of a list."""

    def check_all(value: Any, name: str) -> None:
        if not isinstance(value, list):
            raise ValueError(f"{name} is {shown(value)}, not a list")
        for index, item in enumerate(value):
            check(item, f"{name}[{index}]")

    return check_all


def record(
    needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *, others: Check | None = None
) -> Check:
    """Check a dictionary with a check for each of its fields.

    Args:
        needed: The fields that it has.
        optional: The fields that it may have.
        others: The check of all other fields; None refuses them.
    """
    known = {**needed, **(optional or {})}

    def check_other(value: Any, name: str) -> None:
        if others is None:
            raise ValueError(f"{name} is not known")
        others(value, name)

    def check(value: Any, name: str) -> None:
        each(anything)(value, name)
        if missing := sorted(needed.keys() - value.keys()):
            raise ValueError(f"{name or 'it'} lacks {', '.join(missing)}")
        for key, item in value.items():
            known.get(key, check_other)(item, _inside(name, key))

    return check


def anything(value: Any, name: str) -> None:
    """Let every value pass."""


NAME = text()
SHA256 = text("[0-9a-f]{64}", "a SHA-256")
MEASURED = rule(lambda value: type(value) is float or (type(value) is int and abs(value) <= LARGEST), "a number")
PLAIN = rule(
    lambda value: value is None or type(value) is bool or _passes(MEASURED, value) or _passes(NAME, value),
    "a number, a text, true, false or nothing",
)


def _passes(check: Check, value: Any) -> bool:
    try:
        check(value, "")
    except ValueError:
        return False
    return True


def _inside(name: str, key: str) -> str:
    return f"{name}.{printable(key, SHOWN)}" if name else printable(key, SHOWN)


def options(config: type) -> dict[str, Check]:
    """Return a check for each field of a ``Config``, from its type, its limits and its choices."""
    hints = typing.get_type_hints(config)
    return {declared.name: _option(hints[declared.name], declared.metadata) for declared in fields(config)}


def _option(hint: Any, metadata: Mapping[str, Any]) -> Check:
    kinds = set(typing.get_args(hint)) or {hint}
    limits = metadata.get("limits", {})
    check: Check
    if metadata.get("choices"):
        check = choice(metadata["choices"])
    elif bool in kinds:
        check = rule(lambda value: type(value) is bool, "true or false")
    elif int in kinds:
        check = whole(_bound(limits, "least", -LARGEST), _bound(limits, "most", LARGEST))
    elif float in kinds:
        check = number(**limits)
    else:
        check = text()
    return maybe(check) if type(None) in kinds else check


def _bound(limits: Mapping[str, float], name: str, default: int) -> int:
    return int(limits[name]) if math.isfinite(limits.get(name, math.inf)) else default
