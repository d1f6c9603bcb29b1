"""Interactions from tables: CSV and other delimited text, RecBole's typed ``.inter``, and Parquet."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from landscape.training.data.raw.files import is_packed, lines, read_bytes

ROLES = ("user", "item", "time")
USUAL_NAMES = {  # in lower case; the first that a table has is taken
    "user": ("user", "user_id", "userid", "uid", "reviewerid", "visitorid", "session_id"),
    "item": ("item", "item_id", "itemid", "iid", "asin", "product_id", "movieid", "business_id"),
    "time": ("time", "timestamp", "datetime", "date", "unixreviewtime"),
}
SEPARATORS = "\t,;|"
_TYPED = re.compile(r"(.+):(token|float|token_seq|float_seq)")  # a column of RecBole's, with its type
_PARQUET = b"PAR1"


def read_table(path: Path, user: str | None = None, item: str | None = None, time: str | None = None) -> pl.DataFrame:
    """Read a table with a column each for users, items and times.

    Text has a header line; its separator is found from it. Times are numbers, or dates in ISO 8601 (UTC where they
    name no zone).

    Args:
        path: The file; text may be gzipped.
        user: The users' column; None takes the first of ``USUAL_NAMES`` that there is.
        item: Likewise.
        time: Likewise.

    Returns:
        ``user`` and ``item`` as strings and ``time`` as a number, in the order of the file.

    Raises:
        ValueError: There is no such column, or a line or row is malformed (the message says which).
    """
    asked = dict(zip(ROLES, (user, item, time), strict=True))
    if read_bytes(path, len(_PARQUET)) == _PARQUET:
        return _read_parquet(path, asked)
    return _read_text(path, asked)


def _read_parquet(path: Path, asked: dict[str, str | None]) -> pl.DataFrame:
    try:
        header = list(pl.read_parquet_schema(path))
        chosen = [header[i] for i in _columns(header, asked, path)]
        user, item, time = pl.read_parquet(path, columns=chosen).select(chosen)
        frame = pl.DataFrame({"user": user.cast(pl.String), "item": item.cast(pl.String), "time": _numbers(time)})
    except (pl.exceptions.PolarsError, OSError) as problem:
        raise ValueError(f"{path} cannot be read as Parquet: {_first_line(problem)}") from None
    for role in ROLES:
        faulty = _faulty(frame[role])
        if faulty.any():
            raise ValueError(f"{path}, row {faulty.to_list().index(True) + 1}: the {role} is missing or malformed")
    return frame


def _read_text(path: Path, asked: dict[str, str | None]) -> pl.DataFrame:
    header_line = next((text for _, text in lines(path)), "")
    separator = max(SEPARATORS, key=header_line.count)
    header = next(csv.reader([header_line], delimiter=separator), [])
    typed = bool(header) and all(_TYPED.fullmatch(name.strip()) for name in header)
    at = _columns([_TYPED.sub(r"\1", name) if typed else name for name in header], asked, path)
    quote = None if typed else '"'  # RecBole writes quotation marks as they come
    try:
        frame = pl.read_csv(
            read_bytes(path) if is_packed(path) else path,
            separator=separator,
            quote_char=quote,
            infer_schema=False,  # ids stay as they are written: 007 is not 7
            columns=sorted(at),
        )
    except pl.exceptions.PolarsError as problem:
        _locate(path, separator, quote, len(header), at)
        raise ValueError(f"{path} cannot be read: {_first_line(problem)}") from None
    name = dict(zip(sorted(at), frame.columns, strict=True))
    frame = frame.select(pl.col(name[i]).str.strip_chars().alias(role) for i, role in zip(at, ROLES, strict=True))
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))  # blank lines
    frame = frame.with_columns(_numbers(frame["time"]))
    if any(_faulty(frame[role]).any() for role in ROLES):
        _locate(path, separator, quote, len(header), at)
        raise ValueError(f"{path} has lines without a user, an item or a time")
    return frame


def _columns(header: Sequence[str], asked: dict[str, str | None], path: Path) -> list[int]:
    """Where in the header the columns of users, items and times are."""
    header = [name.strip() for name in header]
    has = f"it has {', '.join(header[:20])[:200] or 'no header'}"
    found = []
    for role, name in asked.items():
        usual = [header.index(one) for want in USUAL_NAMES[role] for one in header if one.lower() == want]
        if name is not None and name not in header:
            raise ValueError(f"{path} has no column {name!r} for the {role}s; {has}")
        if name is None and not usual:
            raise ValueError(f"{path} has no column with a usual name for the {role}s ({has}); say which one it is")
        found.append(usual[0] if name is None else header.index(name))
    if len(set(found)) < len(found):
        raise ValueError(f"{path}: user, item and time need a column each, not {', '.join(header[i] for i in found)}")
    return found


def _numbers(times: pl.Series) -> pl.Series:
    """Times as numbers, null where they are none; whole if all are, for nanoseconds exceed a float's precision."""
    if times.dtype.is_temporal():
        return times.to_physical().cast(pl.Int64)
    if times.dtype.is_integer():
        return times.cast(pl.Int64)
    if times.dtype == pl.String:
        whole = times.cast(pl.Int64, strict=False)
        if not whole.null_count():
            return whole
        numbers = times.cast(pl.Float64, strict=False)
        if numbers.null_count():
            seconds = {text: _seconds(text) for text in times.unique() if text is not None}
            numbers = pl.Series(times.name, [seconds.get(text) for text in times], dtype=pl.Float64)
    else:
        numbers = times.cast(pl.Float64)
    return numbers.replace([math.nan, math.inf, -math.inf], [None, None, None])


def _seconds(text: str) -> float | None:
    """Seconds since 1970 of a number or a date; None where it is neither."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _faulty(column: pl.Series) -> pl.Series:
    return column.is_null() | (column == "") if column.dtype == pl.String else column.is_null()


def _locate(path: Path, separator: str, quote: str | None, width: int, at: Sequence[int]) -> None:
    """Raise the error of the first malformed line, if this slower and plainer reader finds one."""
    texts = (text for _, text in lines(path))
    rows = csv.reader(texts, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE, strict=True)
    try:
        next(rows)
        for row in filter(None, rows):
            here = f"{path}, line {rows.line_num}"
            if len(row) != width:
                raise ValueError(f"{here}: {len(row)} fields; the header has {width}")
            user, item, time = (row[i].strip() for i in at)
            if not (user and item and time):
                raise ValueError(f"{here}: the {'user' if not user else 'item' if not item else 'time'} is empty")
            seconds = _seconds(time)
            if seconds is None or not math.isfinite(seconds):
                raise ValueError(f"{here}: the time {time[:40]!r} is no number and no date like 2019-12-31 23:59:59")
    except csv.Error as problem:
        raise ValueError(f"{path}, line {rows.line_num}: {problem}") from None


def _first_line(problem: Exception) -> str:
    return str(problem).strip().split("\n")[0]
