"""Interactions written in every form in which they are published, and what all tests of readers use."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

ONE_LINE = r"\A[^\n]+\Z"
SECOND = 10**9  # nanoseconds

Row = tuple[str, str, int]  # user, item, nanoseconds since 1970


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(function: Callable[..., Any], *values: Any, **options: Any) -> str:
    """The one printable line of the ValueError that the function raises."""
    with pytest.raises(ValueError, match=ONE_LINE) as raised:
        function(*values, **options)
    assert str(raised.value).isprintable()
    return str(raised.value)


def json_lines(records: Sequence[dict]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def python_lines(records: Sequence[dict]) -> str:
    return "".join(repr(record) + "\n" for record in records)


def delimited(separator: str, header: Sequence[str], rows: Sequence[Sequence[Any]], newline: str = "\n") -> str:
    return newline.join(separator.join(map(str, row)) for row in ([header] if header else []) + list(rows)) + newline


def iso(nanoseconds: int, hours: int = 0, digits: int = 9) -> str:
    """A date in a zone that is some hours east of UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanoseconds // SECOND)
    text = moment.astimezone(timezone(timedelta(hours=hours))).strftime("%Y-%m-%d %H:%M:%S")
    return text + f".{nanoseconds % SECOND:09}"[: digits + 1] * (digits > 0)


def number(nanoseconds: int, unit: int) -> str:
    """Exact text of a number of units."""
    return f"{(Decimal(nanoseconds) / unit).normalize():f}"


def _csv(time: Callable[[int], str], newline: str = "\n") -> Callable[[list[Row]], bytes]:
    def content(rows: list[Row]) -> bytes:
        return delimited(",", ("user", "item", "time"), [(u, i, time(t)) for u, i, t in rows], newline).encode()

    return content


def _parquet(kind: Any, time: Callable[[int], Any]) -> Callable[[list[Row]], bytes]:
    def content(rows: list[Row]) -> bytes:
        users, items, times = zip(*rows, strict=True)
        series = pl.Series([time(one) for one in times], dtype=kind)
        buffer = io.BytesIO()
        pl.DataFrame({"user": users, "item": items, "time": series}).write_parquet(buffer)
        return buffer.getvalue()

    return content


def _records(names: tuple[str, str, str], time: Callable[[int], Any], form: Any, **more: Any) -> Any:
    def content(rows: list[Row]) -> bytes:
        return form([{names[0]: u, names[1]: i, names[2]: time(t), **more} for u, i, t in rows]).encode()

    return content


def _datetime(unit: str, zone: str | None = None) -> Callable[[list[Row]], bytes]:
    divisor = {"ns": 1, "us": 1000, "ms": 10**6}[unit]

    def content(rows: list[Row]) -> bytes:
        users, items, times = zip(*rows, strict=True)
        series = pl.Series([one // divisor for one in times]).cast(pl.Datetime(unit, zone))  # type: ignore[arg-type]
        buffer = io.BytesIO()
        pl.DataFrame({"user": users, "item": items, "time": series}).write_parquet(buffer)
        return buffer.getvalue()

    return content


AMAZON = ("reviewerID", "asin", "unixReviewTime")
YELP = ("user_id", "business_id", "date")
AMAZON_2023 = ("user_id", "parent_asin", "timestamp")

# name -> (the finest it can write, in nanoseconds; content)
FORMS: dict[str, tuple[int, Callable[[list[Row]], bytes]]] = {
    "csv s": (SECOND, _csv(lambda t: number(t, SECOND))),
    "csv ms": (10**6, _csv(lambda t: number(t, 10**6))),
    "csv us, old Mac": (1000, _csv(lambda t: number(t, 1000), "\r")),
    "csv ns": (1, _csv(str)),
    "csv decimal s": (1, _csv(lambda t: number(t, SECOND))),
    "csv exponent s": (1, _csv(lambda t: number(t, SECOND * 10**3) + "e3")),
    "csv iso": (1, _csv(iso)),
    "csv iso T Z": (1, _csv(lambda t: iso(t).replace(" ", "T") + "Z")),
    "csv iso UTC": (SECOND, _csv(lambda t: iso(t, digits=0) + " UTC", "\r\n")),
    "csv iso Tokyo": (1, _csv(lambda t: iso(t, 9) + "+09:00")),
    "csv iso Denver": (1000, _csv(lambda t: iso(t, -7, 6) + "-0700")),
    "csv C": (SECOND, _csv(lambda t: datetime.fromtimestamp(t // SECOND, UTC).strftime("%a %b %d %H:%M:%S +0000 %Y"))),
    "csv gzip": (SECOND, lambda rows: gzip.compress(_csv(lambda t: iso(t, digits=0))(rows), mtime=0)),
    "amazon": (SECOND, _records(AMAZON, lambda t: t // SECOND, python_lines)),
    "amazon 2023": (10**6, _records(AMAZON_2023, lambda t: t // 10**6, json_lines, asin="x")),
    "yelp": (SECOND, _records(YELP, lambda t: iso(t, digits=0), json_lines, review_id="r")),
    "records": (1, _records(("userId", "itemId", "timestamp"), lambda t: iso(t), json_lines)),
    "parquet ns": (1, _datetime("ns")),
    "parquet us": (1000, _datetime("us", "Asia/Tokyo")),
    "parquet ms": (10**6, _datetime("ms", "UTC")),
    "parquet int s": (SECOND, _parquet(pl.UInt32, lambda t: t // SECOND)),
    "parquet float ms": (10**6, _parquet(pl.Float64, lambda t: t / 10**6)),
    "parquet float s": (10**6, _parquet(pl.Float64, lambda t: t / SECOND)),
    "parquet text": (1, _parquet(pl.String, iso)),
}  # fmt: skip
ORDERS: dict[str, Callable[[list[Row]], bytes]] = {  # rows whose times are small numbers
    "csv": _csv(str),
    "csv halves": _csv(lambda t: f"{t}.5"),
    "amazon": _records(AMAZON, int, json_lines),
    "parquet": _parquet(pl.Int16, int),
}
