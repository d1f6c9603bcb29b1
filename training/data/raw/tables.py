"""Interactions from tables: CSV and other delimited text, RecBole's typed ``.inter``, known files without a header.

Text is read by Python's csv module in its strict mode: what it refuses is refused.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from landscape.results.display.printable import printable
from landscape.training.data.raw.files import line_breaks, lines, read_start
from landscape.training.data.raw.layouts import LAYOUTS, Layout, is_value, recognise
from landscape.training.data.raw.parquet import MAGIC, open_parquet
from landscape.training.data.raw.sources import Source, read_names
from landscape.training.data.raw.times import read_times

ROLES = ("user", "item", "time")
USUAL_NAMES = {  # in lower case; the first that a table has is taken
    "user": ("user", "user_id", "userid", "uid", "reviewerid", "visitorid", "session_id"),
    "item": ("item", "item_id", "itemid", "iid", "parent_asin", "asin", "product_id", "movieid", "business_id"),
    "time": ("time", "timestamp", "datetime", "date", "unixreviewtime"),
}
SEPARATORS = "\t,;|"
BATCH = 1 << 13  # rows that are turned into columns at once; more are slower, for each is a list
_TYPED = re.compile(r"(.+):(token|float|token_seq|float_seq)")  # a column of RecBole's, with its type


class Columns(NamedTuple):
    """What the columns of a table are called; None: one of ``USUAL_NAMES``."""

    user: str | None = None
    item: str | None = None
    time: str | None = None


USUAL = Columns()


class Dialect(NamedTuple):
    """How the lines of a text table are cut into fields."""

    separator: str
    quoted: bool

    def rows(self, text: Iterable[str]) -> Iterator[list[str]]:
        """Return the fields of each row; none for a blank line."""
        if self.separator == " ":
            return (line.split() for line in text)
        if len(self.separator) > 1:
            stripped = (line.rstrip("\r\n") for line in text)
            return (line.split(self.separator) if line else [] for line in stripped)
        if not self.quoted:
            return csv.reader(text, delimiter=self.separator, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(text, delimiter=self.separator, strict=True)


def read_table(
    path: Path,
    columns: Columns = USUAL,
    *,
    layout: Sequence[str] | None = None,
    unit: str | None = None,
    keep_order: bool = False,
) -> Source:
    """Read a table with a column each for users, items and times.

    Args:
        path: The file; text may be gzipped.
        columns: What the columns are called.
        layout: What the columns of text without a header line are, such as ``user,item,rating,time``.
        unit: What times that are numbers are, see ``read_times``.
        keep_order: Whether the order of the rows is that of time, and times are not read.

    Raises:
        ValueError: There is no such column, or a line or row is malformed (the message says which).
    """
    if read_start(path, len(MAGIC)) == MAGIC:
        return _read_parquet(path, columns, unit, keep_order)
    return _read_text(path, columns, layout, unit, keep_order)


def find_columns(
    header: Sequence[str], columns: Columns, path: Path, keep_order: bool, types: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the names of the columns of users, items and, unless the order is kept, times.

    Raises:
        ValueError: There is no such column or more than one, or one column for two roles.
    """
    has = f"it has {printable(', '.join(header[:20]), 200) or 'no header'}"
    result: dict[str, str] = {}
    for role, name in zip(ROLES, columns, strict=True):
        if role == "time" and keep_order:
            continue
        usual = [one for want in USUAL_NAMES[role] for one in header if one.lower() == want]
        if name is not None and name not in header:
            raise ValueError(f"{printable(path)} has no column {name!r} for the {role}s; {has}")
        if name is None and not usual:
            order = "; --keep-order takes the order of the rows as the order in time" if role == "time" else ""
            raise ValueError(
                f"{printable(path)} has no column with a usual name for the {role}s ({has}); "
                f"say which one it is with --{role}{order}"
            )
        name = usual[0] if name is None else name
        if header.count(name) > 1 or sum(one.lower() == name.lower() for one in usual) > 1:
            raise ValueError(f"{printable(path)} has more than one column {name!r} for the {role}s; {has}")
        if (types or {}).get(name, "").endswith("_seq"):
            raise ValueError(f"{printable(path)}: the column {name!r} of the {role}s holds lists ({types[name]})")  # type: ignore[index]
        result[role] = name
    if len(set(result.values())) < len(result):
        named = printable(", ".join(result.values()))
        raise ValueError(f"{printable(path)}: user, item and time need a column each, not {named}")
    return result


def _read_parquet(path: Path, columns: Columns, unit: str | None, keep_order: bool) -> Source:
    with open_parquet(path) as parquet:
        names = find_columns(parquet.header, columns, path, keep_order)
        frame = parquet.read(list(names.values()))

    def place(row: int) -> str:
        return f"{printable(path)}, row {row + 1}"

    return Source(
        path,
        read_names(frame[names["user"]], "user", path, place, typed=False),
        read_names(frame[names["item"]], "item", path, place, typed=False),
        None if keep_order else read_times(_stripped(frame[names["time"]]), path, place, unit=unit),
    )


def _stripped(times: pl.Series) -> pl.Series:
    return times.str.strip_chars() if times.dtype == pl.String else times


def _read_text(
    path: Path, columns: Columns, layout: Sequence[str] | None, unit: str | None, keep_order: bool
) -> Source:
    text = lines(path)
    first = next((line for line in text if line.strip()), "")
    known, dialect = _dialect(path, first, columns, layout)
    note = ""
    if known is None:
        at, width = _header(path, dialect, columns, keep_order)
    else:
        at = {role: known.columns.index(role) for role in ROLES if role in known.columns}
        width = known.width
        if keep_order:
            at.pop("time", None)
        elif "time" not in at and known not in LAYOUTS:
            raise ValueError(f"{printable(path)}: --columns names no time; --keep-order takes the order of the rows")
        note = f"{printable(path, 80)} is read as {known.name}: {', '.join(known.columns)}"
        if "time" not in at:
            note += ", in the order of its lines"
    values, starts = _read_columns(path, dialect, at, width, skip_header=known is None)

    def place(row: int) -> str:
        return f"{printable(path)}, line {starts[row]}"

    return Source(
        path,
        read_names(values["user"], "user", path, place, typed=False),
        read_names(values["item"], "item", path, place, typed=False),
        read_times(values["time"].str.strip_chars(), path, place, unit=unit) if "time" in values else None,
        note,
    )


def _dialect(path: Path, first: str, columns: Columns, layout: Sequence[str] | None) -> tuple[Layout | None, Dialect]:
    """Return what the columns are if there is no header line, and how lines are cut, from the first line."""
    separator = max(SEPARATORS, key=first.count)
    if separator not in first and " " in first.strip():
        separator = " "
    if first.count("::") > first.count(separator):
        separator = "::"
    dialect = Dialect(separator, quoted=True)
    try:
        fields = [field.strip() for field in next(dialect.rows([first]), [])]
    except csv.Error:  # a quoted name that goes on in the next line: a header, if it is anything
        fields = []
    typed = [bool(_TYPED.fullmatch(field)) for field in fields]
    if fields and all(typed):
        dialect = dialect._replace(quoted=False)  # RecBole writes quotation marks as they come
    if layout is not None:
        if len(layout) != len(fields):
            what = f"{len(fields)} fields in the first line, {first.strip()[:60]!r}"
            raise ValueError(f"{printable(path)}: {what}, but --columns names {len(layout)}")
        return Layout("a file without a header", separator, tuple(layout)), dialect
    usual = {name for names in USUAL_NAMES.values() for name in names}
    if any(_TYPED.sub(r"\1", field).lower() in usual for field in fields):
        return None, dialect
    if known := recognise(separator, fields):
        if columns != USUAL:
            raise ValueError(f"{printable(path)} has no header line that could name columns; it is {known.name}")
        return known, dialect._replace(quoted=separator == ",")
    named = [name for name in columns if name is not None and name in fields]
    if any(map(is_value, named if named else fields)):
        if separator == " " and all(field.isdigit() for field in fields):
            raise ValueError(
                f"{printable(path)} looks like a data set in the published format (a line a user: `user item item …`), "
                "which needs no preparing; `landscape train --data` reads it"
            )
        what = printable(first.strip(), 80)
        raise ValueError(
            f"{printable(path)} has no header line (it begins with {what!r}) and no known layout; name its columns in "
            "their order, those that are not needed with any word: --columns user,item,rating,time"
        )
    return None, dialect


def _header(path: Path, dialect: Dialect, columns: Columns, keep_order: bool) -> tuple[dict[str, int], int]:
    """Return where the columns are, and how many there are."""
    try:
        header = [name.strip() for name in next(filter(None, dialect.rows(lines(path))), [])]
    except csv.Error as problem:
        raise ValueError(f"{printable(path)}, line 1: {printable(problem)}") from None
    matches = [_TYPED.fullmatch(name) for name in header]
    types: dict[str, str] = {}
    if any(matches):
        if not all(matches):
            untyped = next(name for name, match in zip(header, matches, strict=True) if not match)
            raise ValueError(f"{printable(path)}: the column {untyped[:40]!r} has no type, others have (user_id:token)")
        header = [match[1] for match in matches if match]
        types = {match[1]: match[2] for match in matches if match}
    names = find_columns(header, columns, path, keep_order, types)
    return {role: header.index(name) for role, name in names.items()}, len(header)


def _read_columns(
    path: Path, dialect: Dialect, at: Mapping[str, int], width: int, *, skip_header: bool
) -> tuple[dict[str, pl.Series], np.ndarray]:
    """Return the columns as text, and the line that each row ends in, (N,)."""
    rows = dialect.rows(lines(path))
    model = "the header" if skip_header else "the first line"
    parts: dict[str, list[pl.Series]] = {role: [pl.Series(role, [], dtype=pl.String)] for role in at}
    starts = [np.empty(0, dtype=np.int64)]
    line = 0
    while True:
        try:
            batch = list(islice(rows, BATCH))
        except csv.Error as problem:
            raise ValueError(f"{printable(path)}, line {rows.line_num}: {printable(problem)}") from None  # type: ignore[attr-defined]
        if not batch:
            break
        ends = _ends(batch, rows, line)
        line = int(ends[-1])
        if skip_header and any(batch):
            start = next(i for i, row in enumerate(batch) if row) + 1
            batch, ends, skip_header = batch[start:], ends[start:], False
        if {*map(len, batch)} != {width}:
            kept = [i for i, row in enumerate(batch) if row and (len(row) > 1 or row[0].strip() or width == 1)]
            wrong = next((i for i in kept if len(batch[i]) != width), None)
            if wrong is not None:
                raise ValueError(
                    f"{printable(path)}, line {ends[wrong]}: {len(batch[wrong])} fields; {model} has {width}"
                )
            batch, ends = [batch[i] for i in kept], ends[kept]
        starts.append(ends)
        for role, column in at.items():
            parts[role].append(pl.Series(role, [row[column] for row in batch], dtype=pl.String))
    return {role: pl.concat(series) for role, series in parts.items()}, np.concatenate(starts)


def _ends(batch: list[list[str]], rows: Iterator[list[str]], line: int) -> np.ndarray:
    """Return the number of the line in which each row of a batch ends."""
    ends = np.arange(line + 1, line + len(batch) + 1)
    if getattr(rows, "line_num", ends[-1]) != ends[-1]:  # there are line ends within fields
        ends += np.cumsum([sum(map(line_breaks, row)) for row in batch])
    return ends
