"""Raw sources, read into plain tables: who took what when, and what is known of the items.

Every source becomes the same two polars tables, in the order of the file:

- interactions: ``user`` and ``item`` (strings, as the source writes them), ``time`` (a number; only its order counts)
- attributes: ``item`` and ``attribute`` (strings), a row for each attribute of an item

What a file is, is told by its content, not by its name.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from landscape.training.data.raw.files import lines, read_bytes
from landscape.training.data.raw.tables import read_table

YELP_YEAR = 2019  # the year whose reviews are the public Yelp set

Record = dict[str, Any]


class Columns(NamedTuple):
    """What the columns of a table are called; None: one of the usual names, see ``landscape.training.data.raw.tables``."""

    user: str | None = None
    item: str | None = None
    time: str | None = None


USUAL = Columns()


@dataclass(frozen=True)
class Raw:
    """Raw data, read."""

    interactions: pl.DataFrame  # user, item, time
    attributes: pl.DataFrame | None  # item, attribute; None: no source had any
    skipped: int = 0  # interactions left out while reading: Yelp reviews of other years


def read(sources: Sequence[str | Path], *, columns: Columns = USUAL, year: int | None = YELP_YEAR) -> Raw:
    """Read one or more files, in any order; interactions follow one another as the files do, attributes too.

    Args:
        sources: Tables (CSV, TSV, Parquet, RecBole's ``.inter``), Amazon reviews and metadata, Yelp reviews and
            businesses; text may be gzipped.
        columns: What tables call their columns.
        year: Of Yelp, the year whose reviews are read; None reads all.

    Raises:
        ValueError: A file is malformed (the message gives its line) or of no known form, or there is no interaction.
        FileNotFoundError: There is no such file.
    """
    interactions, attributes, skipped = [], [], 0
    for source in map(Path, sources):
        match detect(source):
            case "table":
                interactions.append(read_table(source, *columns))
            case "amazon reviews":
                interactions.append(read_amazon(source))
            case "yelp reviews":
                reviews, others = read_yelp(source, year=year)
                interactions.append(reviews)
                skipped += others
            case "amazon metadata":
                attributes.append(read_amazon_metadata(source))
            case "yelp businesses":
                attributes.append(read_yelp_businesses(source))
    if not any(map(len, interactions)):
        other = f" ({skipped:,} reviews are of other years than {year})" if skipped else ""
        raise ValueError(f"no interactions in {', '.join(map(str, sources)) or 'no file'}{other}")
    return Raw(
        pl.concat(interactions, how="vertical_relaxed"),
        pl.concat(attributes) if attributes else None,
        skipped,
    )


# What the fields of a file's first record say of it; the first that fits.
RECORDS: dict[str, Callable[[Record], bool]] = {
    "amazon reviews": lambda record: {"reviewerID", "asin"} <= record.keys(),
    "amazon metadata": lambda record: "asin" in record,
    "yelp reviews": lambda record: {"user_id", "business_id", "review_id"} <= record.keys(),
    "yelp businesses": lambda record: {"business_id", "categories"} <= record.keys(),
}


def detect(path: Path) -> str:
    """What a file is: ``table`` or one of ``RECORDS``.

    Raises:
        ValueError: It holds records, but of no known source, or it is empty.
    """
    start = read_bytes(path, 4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise ValueError(f"{path} is empty")
    if start[:1] == b"[":
        raise ValueError(f"{path} is one JSON array; expected a record a line")
    if start[:1] != b"{":
        return "table"
    _, first = next(records(path))
    for kind, fits in RECORDS.items():
        if fits(first):
            return kind
    raise ValueError(
        f"{path} holds records of no known source (their fields: {', '.join(map(str, first))[:200]}); "
        f"known are {', '.join(RECORDS)}, and tables (CSV, TSV, Parquet) of users, items and times"
    )


def records(path: Path) -> Iterator[tuple[str, Record]]:
    """The records of a file that has one a line, as JSON or as a Python literal, each after the words "FILE, line N".

    Raises:
        ValueError: A line is neither; the file is no text.
    """
    for number, line in lines(path):
        if line.isspace():
            continue
        here = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            try:
                record = ast.literal_eval(line.strip())  # literals only: no names, no calls
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                raise ValueError(f"{here}: neither JSON nor a Python literal") from None
        if not isinstance(record, dict):
            raise ValueError(f"{here}: not a record with named fields")
        yield here, record


def read_amazon(path: Path) -> pl.DataFrame:
    """Read Amazon reviews: ``reviewerID``, ``asin``, ``unixReviewTime`` (days, in seconds)."""
    users, items, times = [], [], []
    for here, record in records(path):
        users.append(_text(record, "reviewerID", here))
        items.append(_text(record, "asin", here))
        times.append(_number(record, "unixReviewTime", here))
    return _interactions(users, items, times)


def read_amazon_metadata(path: Path) -> pl.DataFrame:
    """Read Amazon metadata: every category below the first level (``categories``, ``category``), then the ``brand``."""
    items, attributes = [], []
    for here, record in records(path):
        item = _text(record, "asin", here)
        paths = record.get("categories", record.get("category")) or []
        if isinstance(paths, list) and all(isinstance(one, str) for one in paths):
            paths = [paths]  # releases since 2018 have one path an item
        if not (isinstance(paths, list) and all(isinstance(one, list) for one in paths)):
            raise ValueError(f"{here}: the categories are not lists of names")
        names = [name for one in paths for name in one[1:]] + [record.get("brand") or ""]
        for name in names:
            if not isinstance(name, str):
                raise ValueError(f"{here}: {str(name)[:40]!r} is no name of a category or brand")
            if name.strip():
                items.append(item)
                attributes.append(name.strip())
    return _attributes(items, attributes)


def read_yelp(path: Path, *, year: int | None = YELP_YEAR) -> tuple[pl.DataFrame, int]:
    """Read Yelp reviews: ``user_id``, ``business_id``, ``date``.

    Returns:
        The reviews of ``year``, or all if it is None, and how many others there were.
    """
    users, items, times = [], [], []
    others = 0
    for here, record in records(path):
        date = _text(record, "date", here)
        try:
            moment = datetime.fromisoformat(date).replace(tzinfo=UTC)
        except ValueError:
            raise ValueError(f"{here}: {date[:40]!r} is not a date like 2019-12-31 23:59:59") from None
        if year is not None and moment.year != year:
            others += 1
            continue
        users.append(_text(record, "user_id", here))
        items.append(_text(record, "business_id", here))
        times.append(moment.timestamp())
    return _interactions(users, items, times), others


def read_yelp_businesses(path: Path) -> pl.DataFrame:
    """Read Yelp businesses: the comma-separated ``categories``, which may be null."""
    items, attributes = [], []
    for here, record in records(path):
        item = _text(record, "business_id", here)
        categories = record.get("categories") or ""
        if not isinstance(categories, str):
            raise ValueError(f"{here}: the categories are not one text with commas")
        names = [name.strip() for name in categories.split(",") if name.strip()]
        items += [item] * len(names)
        attributes += names
    return _attributes(items, attributes)


def _text(record: Record, field: str, here: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{here}: the field {field} is {'missing' if value is None else 'not a text'}")
    return value


def _number(record: Record, field: str, here: str) -> float:
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{here}: the field {field} is {'missing' if value is None else 'not a number'}")
    return value


def _interactions(users: list[str], items: list[str], times: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {"user": users, "item": items, "time": times}, schema={"user": pl.String, "item": pl.String, "time": pl.Float64}
    )


def _attributes(items: list[str], attributes: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"item": items, "attribute": attributes}, schema={"item": pl.String, "attribute": pl.String})
