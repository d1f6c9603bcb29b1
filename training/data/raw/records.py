"""Files of records, one a line, as JSON or as Python literals: Amazon, Yelp, Steam, and any with usual names."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from landscape.results.display.printable import printable
from landscape.training.data.raw.files import lines
from landscape.training.data.raw.sources import Source, read_names
from landscape.training.data.raw.tables import BATCH, USUAL_NAMES, Columns, find_columns
from landscape.training.data.raw.times import ORDER, read_times

Record = dict[str, Any]


class _Number(str):
    """A number of JSON with a fraction or an exponent, as it is written: a float would round it."""


# What the fields of a file's first record say of it; the first that fits.
RECORDS: dict[str, Callable[[Record], bool]] = {
    "amazon reviews": lambda record: {"reviewerID", "asin"} <= record.keys(),
    "amazon 2023 reviews": lambda record: {"user_id", "parent_asin", "timestamp"} <= record.keys(),
    "amazon metadata": lambda record: bool({"asin", "parent_asin"} & record.keys()) and not _interacts(record),
    "yelp reviews": lambda record: {"user_id", "business_id", "review_id"} <= record.keys(),
    "yelp businesses": lambda record: {"business_id", "categories"} <= record.keys(),
    "steam reviews": lambda record: bool({"username", "user_id"} & record.keys()) and "product_id" in record,
    "records": lambda record: _interacts(record),
}
FIELDS = {  # user, item, time
    "amazon reviews": Columns("reviewerID", "asin", "unixReviewTime"),
    "amazon 2023 reviews": Columns("user_id", "parent_asin", "timestamp"),
    "yelp reviews": Columns("user_id", "business_id", "date"),
    "steam reviews": Columns("username", "product_id", "date"),
}
NUMBERED = ("steam reviews", "records")  # kinds whose users and items may be whole numbers


def _interacts(record: Record) -> bool:
    names = {name.lower() for name in record}
    return all(names & {*USUAL_NAMES[role]} for role in ("user", "item"))


def records(path: Path) -> Iterator[tuple[int, Record]]:
    """Return the records of a file that has one a line, as JSON or as a Python literal, with the lines' numbers from 1.

    Raises:
        ValueError: A line is neither, a record has a key twice; the file is no text.
    """
    for number, line in enumerate(lines(path), start=1):
        if line.isspace():
            continue
        try:
            record = _DECODER.decode(line)
        except _DuplicateError as problem:
            raise ValueError(f"{printable(path)}, line {number}: {problem}") from None
        except (ValueError, RecursionError):
            record = _literal(line.strip(), f"{printable(path)}, line {number}")
        if not isinstance(record, dict):
            raise ValueError(f"{printable(path)}, line {number}: not a record with named fields")
        yield number, record


class _DuplicateError(Exception):
    """A record has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _DuplicateError(f"the field {printable(twice, 40)} is there twice")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_Number)


def _literal(text: str, here: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's parser, on unknown escapes such as \d
            tree = ast.parse(text, mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                names = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                if len(names) < len(node.keys) or not all(isinstance(name, str) for name in names):
                    raise ValueError
                _unique([(str(name), None) for name in names])
        return ast.literal_eval(tree)  # literals only: no names, no calls
    except _DuplicateError as problem:
        raise ValueError(f"{here}: {problem}") from None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{here}: neither JSON nor a Python literal") from None


def read_reviews(
    path: Path,
    kind: str,
    *,
    columns: Columns | None = None,
    year: int | None = None,
    unit: str | None = None,
    keep_order: bool = False,
) -> Source:
    """Read a file of interactions.

    Args:
        path: The file.
        kind: One of ``RECORDS``.
        columns: What the fields are called; by default those of ``kind``.
        year: Of Yelp, the year whose reviews are read; None reads all.
        unit: What times that are numbers are, see ``read_times``.
        keep_order: Whether the order of the records is that of time, and times are not read, but for the year of Yelp.

    Raises:
        ValueError: A record lacks a field, or has another type there (the message gives its line).
    """
    first = next(records(path))[1]
    columns = columns or Columns()
    names = FIELDS.get(kind, Columns())
    if kind == "steam reviews" and "username" not in first:
        names = names._replace(user="user_id")
    asked = Columns(*(own or known for own, known in zip(columns, names, strict=True)))
    untimed = keep_order and not (kind == "yelp reviews" and year is not None)
    if kind in FIELDS:  # a field that the first record lacks is that record's fault
        fields = {role: name for role, name in asked._asdict().items() if not (untimed and role == "time")}
    else:
        fields = find_columns(list(first), asked, path, untimed)
    keys = list(fields)
    parts: list[pl.DataFrame] = [pl.DataFrame(schema={**dict.fromkeys(keys, pl.String), "line": pl.Int64})]
    rows: list[tuple[str | int, ...]] = []
    field = Columns(**fields)
    assert field.user and field.item
    numbered = kind in NUMBERED
    for number, record in records(path):
        try:
            row = [_name(record, field.user, numbered), _name(record, field.item, numbered)]
            if field.time:
                row.append(_time(record, field.time, kind, unit == ORDER))
        except ValueError as problem:
            raise ValueError(f"{printable(path)}, line {number}: {problem}") from None
        rows.append((*row, number))
        if len(rows) == BATCH:
            parts.append(pl.DataFrame(rows, schema=parts[0].schema, orient="row"))
            rows = []
    frame = pl.concat([*parts, pl.DataFrame(rows, schema=parts[0].schema, orient="row")])

    def place(row: int) -> str:
        return f"{printable(path)}, line {frame['line'][row]}"

    users, items = (read_names(frame[role], role, path, place, typed=True) for role in ("user", "item"))
    times = read_times(frame["time"].str.strip_chars(), path, place, unit=unit) if "time" in fields else None
    if kind != "yelp reviews" or times is None:
        return Source(path, users, items, times)
    if not times.dates or times.unit is not None:
        raise ValueError(f"{place(0)}: {frame['time'][0][:40]!r} is not a date like 2019-12-31 23:59:59")
    if year is None:
        return Source(path, users, items, times)
    in_year = pl.Series(times.values).cast(pl.Datetime("ns")).dt.year() == year
    times = replace(times, values=times.values[in_year.to_numpy()])
    skipped = int((~in_year).sum())
    return Source(path, users.filter(in_year), items.filter(in_year), None if keep_order else times, skipped=skipped)


def read_amazon_metadata(path: Path) -> pl.DataFrame:
    """Read Amazon metadata: every category (``categories``, ``category``) below the first level, and brand or store."""

    def names(record: Record) -> tuple[str, list[Any]]:
        item = _name(record, "parent_asin" if "parent_asin" in record else "asin")
        paths = record.get("categories", record.get("category")) or []
        if isinstance(paths, list) and all(isinstance(name, str) for name in paths):
            paths = [paths]  # releases since 2018 have one path an item
        if not (isinstance(paths, list) and all(isinstance(path, list) for path in paths)):
            raise ValueError("the categories are not lists of names")
        makers = [record.get("brand") or "", record.get("store") or ""]
        return item, [name for path in paths for name in path[1:]] + makers

    return _read_attributes(path, names)


def read_yelp_businesses(path: Path) -> pl.DataFrame:
    """Read Yelp businesses: the comma-separated ``categories``, which may be null."""

    def names(record: Record) -> tuple[str, list[Any]]:
        categories = record.get("categories") or ""
        if not isinstance(categories, str):
            raise ValueError("the categories are not one text with commas")
        return _name(record, "business_id"), categories.split(",")

    return _read_attributes(path, names)


def _read_attributes(path: Path, names: Callable[[Record], tuple[str, list[Any]]]) -> pl.DataFrame:
    """Return the table of attributes from a function that returns a record's item and the attributes' names."""
    items: list[str] = []
    attributes: list[str] = []
    numbers: list[int] = []
    for number, record in records(path):
        try:
            item, of_item = names(record)
            of_item = list(filter(None, map(_attribute, of_item)))
        except ValueError as problem:
            raise ValueError(f"{printable(path)}, line {number}: {problem}") from None
        items += [item] * len(of_item)
        attributes += of_item
        numbers += [number] * len(of_item)

    def place(row: int) -> str:
        return f"{printable(path)}, line {numbers[row]}"

    frame = pl.DataFrame({"item": items, "attribute": attributes}, schema={"item": pl.String, "attribute": pl.String})
    return frame.with_columns(item=read_names(frame["item"], "item", path, place, typed=True))


def _name(record: Record, field: str, numbered: bool = False) -> str:
    """Return a user's or an item's name; a whole number if ``numbered``."""
    value = record.get(field)
    if type(value) is not str:  # a number in JSON with a fraction is of a subclass
        if value is None:
            raise ValueError(f"the field {printable(field, 40)} is missing")
        if type(value) is not int or not numbered:
            raise ValueError(f"the field {printable(field, 40)} is not a text")
        value = str(value)
    if not value.strip():
        raise ValueError(f"the field {printable(field, 40)} is not a text: it is empty")
    if not value.isprintable():
        _refuse_surrogates(value)
    return value


def _time(record: Record, field: str, kind: str, negative: bool) -> str:
    """Return a time as text. Amazon's are numbers, Yelp's and Steam's are text, any others may be either."""
    value = record.get(field)
    is_text = type(value) is str
    is_number = type(value) in (int, _Number) or (type(value) is float and math.isfinite(value))
    amazon, named = kind.startswith("amazon"), kind in FIELDS
    if not (is_number if amazon else is_text if named else is_text or is_number):
        problem = "missing" if value is None else f"not a {'number' if amazon else 'date'}"
        raise ValueError(f"the field {printable(field, 40)} is {problem}")
    text = str(value)
    if amazon and not negative and text[0] == "-":
        raise ValueError(f"the field {field} is negative; times are counted from 1970")
    if not text.isprintable():
        _refuse_surrogates(text)
    return text


def _attribute(name: Any) -> str:
    """Return the name of a category or brand without white space around it, which may leave nothing."""
    if type(name) is not str:
        raise ValueError(f"{printable(repr(str(name)[:40]))} is no name of a category or brand")
    if not name.isprintable():
        _refuse_surrogates(name)
    return name.strip()


def _refuse_surrogates(text: str) -> None:
    if any("\ud800" <= one <= "\udfff" for one in text):
        raise ValueError(f"{printable(repr(text[:40]))} holds half a character")
