"""What every reader returns: the columns of one source, and the checks of users' and items' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from landscape.results.display.printable import printable
from landscape.training.data.raw.times import Times

CONTROL = "[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]"  # what no name may hold, as Rust's regular expressions write it
MISSING = ("nan", "NaN", "<NA>", "null", "NULL", "None")  # how programs write a missing value into a table
EXACT = 2**53  # floats hold whole numbers exactly up to here


@dataclass(frozen=True)
class Source:
    """The interactions of one file, in its order."""

    path: Path
    user: pl.Series  # strings
    item: pl.Series  # strings
    times: Times | None  # None: it has none, and its order is the one in time
    note: str = ""  # how it was understood, for the summary
    skipped: int = 0  # interactions left out: Yelp reviews of other years


def read_names(column: pl.Series, role: str, path: Path, place: Callable[[int], str], *, typed: bool) -> pl.Series:
    """Return users' or items' names as strings, without white space at their ends.

    Args:
        column: As the source has it. Whole numbers become their digits, and so do floats if all are whole.
        role: ``user`` or ``item``.
        path: The file, for messages.
        place: Names a row in messages.
        typed: Whether the source tells a missing value from the text ``nan``, as JSON does.

    Raises:
        ValueError: A name is missing or empty, holds control characters, or is of a type that names no one.
    """

    def refuse(wrong: pl.Series, problem: str) -> None:
        if wrong.any():
            row = int(wrong.arg_max())  # type: ignore[arg-type]
            raise ValueError(f"{place(row)}: the {role} {problem.format(repr(str(column[row])[:40]))}")

    kind = column.dtype
    refuse(column.is_null(), "is missing")
    if kind.is_float():
        refuse(column.is_nan(), "is missing")
        refuse(~column.is_finite() | (column != column.floor()), "{} is not a whole number; write names as text")
        refuse(column.abs() > EXACT, "{} is too large for a float to hold exactly; write names as text")
        column = column.cast(pl.Int64)
    elif not (kind.is_integer() or kind in (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Null)):
        raise ValueError(f"{printable(path)}: the {role}s are of type {printable(kind)}, not text or whole numbers")
    try:
        names = column.cast(pl.String).str.strip_chars()
    except pl.exceptions.PolarsError:  # of binary columns
        raise ValueError(f"{printable(path)}: the {role}s are bytes that are not UTF-8 text") from None
    refuse(names == "", "is empty")
    refuse(names.str.contains(CONTROL), "{} holds control characters")
    if not typed:
        refuse(names.is_in(MISSING), "{} is how a missing value is written; leave out such rows, or name it otherwise")
    return names
