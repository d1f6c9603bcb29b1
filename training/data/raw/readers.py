"""Raw sources, read into plain tables: which user had which item when, and the items' attributes.

Every source becomes the same two polars tables, in the order of the files:

- interactions: ``user`` and ``item`` (strings, as the source writes them), ``time`` (a whole number: nanoseconds since
  1970, or an order)
- attributes: ``item`` and ``attribute`` (strings), a row for each attribute of an item

What a file is follows from its content, not from its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular
from landscape.training.data.raw.files import check_kind, read_start
from landscape.training.data.raw.records import (
    RECORDS,
    read_amazon_metadata,
    read_reviews,
    read_yelp_businesses,
    records,
)
from landscape.training.data.raw.sources import Source
from landscape.training.data.raw.tables import USUAL, Columns, read_table
from landscape.training.data.raw.times import TIME_UNITS, merge

YELP_YEAR = 2019  # the year whose reviews are the public Yelp set
_ATTRIBUTES = {"amazon metadata": read_amazon_metadata, "yelp businesses": read_yelp_businesses}


@dataclass(frozen=True)
class Raw:
    """Raw data, read."""

    interactions: pl.DataFrame  # user, item, time
    attributes: pl.DataFrame | None  # item, attribute; None: no source had any
    skipped: int = 0  # interactions left out while reading: Yelp reviews of other years
    sources: tuple[Path, ...] = ()  # the files
    notes: tuple[str, ...] = ()  # what was concluded from their content, a line each


def read(
    sources: Sequence[str | Path],
    *,
    columns: Columns = USUAL,
    layout: Sequence[str] | None = None,
    time_unit: str | None = None,
    keep_order: bool = False,
    year: int | None = YELP_YEAR,
) -> Raw:
    """Read one or more files, in any order; interactions follow one another as the files do, attributes too.

    Args:
        sources: Tables (CSV, TSV, Parquet, RecBole's ``.inter``, MovieLens, check-ins), reviews and metadata of Amazon,
            Yelp and Steam; text may be gzipped.
        columns: What tables call their columns, and records their fields.
        layout: What the columns of text tables without a header line are, such as ``user,item,rating,time``.
        time_unit: What times that are numbers are: s, ms, us or ns since 1970, or an order; None decides for each file
            by their size.
        keep_order: Whether interactions are in the order of time already; times are not read.
        year: Of Yelp, the year whose reviews are read; None reads all.

    Returns:
        The interactions with their times in one representation, and the attributes.

    Raises:
        ValueError: A file is malformed (the message gives its line) or of no known form, holds no interactions, or
            times are ambiguous or of several kinds.
        FileNotFoundError: There is no such file.
    """
    if time_unit is not None and time_unit not in TIME_UNITS:
        raise ValueError(f"the unit of times must be one of {', '.join(TIME_UNITS)}, got {time_unit!r}")
    roles = [] if layout is None else [name for name in layout if name in Columns._fields]
    if layout is not None and sorted(roles) not in (["item", "user"], ["item", "time", "user"]):
        raise ValueError(f"the columns must name user and item once each, and time, got {','.join(layout)!r}")
    paths = [*map(Path, sources)]
    for path in paths:
        check_regular(path)
    tables: list[Source] = []
    attributes = []
    for path in paths:
        kind = detect(path)
        if kind in _ATTRIBUTES:
            attributes.append(_ATTRIBUTES[kind](path))
        elif kind == "table":
            tables.append(read_table(path, columns, layout=layout, unit=time_unit, keep_order=keep_order))
        else:
            tables.append(read_reviews(path, kind, columns=columns, year=year, unit=time_unit, keep_order=keep_order))
    empty = next((table.path for table in tables if not len(table.user) and not table.skipped), None)
    if empty is not None:
        others = "; leave it out" if len(paths) > 1 else ""
        raise ValueError(f"no interactions in {printable(empty)}{others}")
    skipped = sum(table.skipped for table in tables)
    if not any(len(table.user) for table in tables):
        other = f" ({skipped:,} reviews are of other years than {year})" if skipped else ""
        raise ValueError(f"no interactions in {', '.join(map(printable, paths)) or 'no file'}{other}")
    times, note = _times([table for table in tables if len(table.user)], keep_order)
    names = {role: pl.concat([getattr(table, role) for table in tables]) for role in ("user", "item")}
    return Raw(
        pl.DataFrame({**names, "time": times}),
        pl.concat(attributes) if attributes else None,
        skipped,
        tuple(paths),
        tuple(filter(None, [*(table.note for table in tables), note])),
    )


def detect(path: Path) -> str:
    """Return what a file is: ``table`` or one of ``RECORDS``.

    Raises:
        ValueError: It holds records, but of no known source, it is empty, or of a kind that has no reader.
    """
    start = read_start(path, 4096)
    check_kind(path, start)
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise ValueError(f"{printable(path)} is empty")
    if start[:1] == b"[":
        raise ValueError(f"{printable(path)} is one JSON array; expected a record a line (jq -c '.[]' writes them)")
    if start[:1] != b"{":
        return "table"
    first = next(records(path))[1]
    for kind, fits in RECORDS.items():
        if fits(first):
            return kind
    raise ValueError(
        f"{printable(path)} holds records of no known source (their fields: {printable(', '.join(first), 200)}); "
        f"known are {', '.join(RECORDS)} with fields for users, items and times, and tables (CSV, TSV, Parquet) of them"
    )


def _times(tables: list[Source], keep_order: bool) -> tuple[np.ndarray, str]:
    timed = [table.times for table in tables if table.times is not None]
    if not timed:
        rows = sum(len(table.user) for table in tables)
        return np.arange(rows), "times are not read: the order of the rows is kept" if keep_order else ""
    without = next((table.path for table in tables if table.times is None), None)
    if without is not None:
        raise ValueError(
            f"{printable(without)} has no times, others have; --keep-order takes the order of all rows for that in time"
        )
    return merge(timed)
