"""Raw data: tables of text, records, and Parquet."""

from __future__ import annotations

import functools
import gzip
import io
import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from landscape.training.data.raw.readers import read
from tests.fuzz import references
from tests.fuzz.harness import Fuzzer, WrongError
from tests.fuzz.mutations import ESCAPE, change_bytes, change_json, change_table, twice

ROWS = [("a", "x", 1), ("a", "y", 2), ("a", "z", 3), ("b", "x", 1), ("b", "y", 5), ("b", "z", 4), ("007", "z", 1)]
TRUTH = "truth"  # a column of Parquet files that says what a right reader returns: JSON [user, item, order of time]
WHOLE = "whole.parquet"  # the name of a file whose bytes nobody has changed: ``TRUTH`` holds
TOKENS = (
    b"user",
    b"item",
    b"time",
    b"\t",
    b",",
    b";",
    b"|",
    b"::",
    b"\r",
    b"\r\n",
    b'"',
    b"\xef\xbb\xbf",
    b"\x00",
    b"1_0",
)


def _table_seeds() -> list[bytes]:
    def joined(separator: str, header: tuple[str, ...], rows: list[tuple[Any, ...]], end: str = "\n") -> bytes:
        return "".join(separator.join(map(str, row)) + end for row in (header, *rows)).encode()

    plain = ("user", "item", "time")
    commented = [(5, *row, '"a, ""quoted"" text"') for row in ROWS]
    dated = [(user, item, f"2019-06-0{day} 10:00:00") for user, item, day in ROWS]
    typed = ("user_id:token", "item_id:token", "timestamp:float")
    seeds = [
        joined(",", plain, ROWS),
        joined("\t", plain, ROWS),
        joined(";", plain, ROWS),
        joined("|", plain, ROWS),
        joined(",", ("rating", *plain, "comment"), commented, "\r\n"),
        joined(",", ("userId", "movieId", "date"), dated),
        joined("\t", typed, ROWS),
    ]
    return [*seeds, gzip.compress(seeds[0], mtime=0)]


def _change_table(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    packed = content[:2] == b"\x1f\x8b"
    if random.random() < 0.6 and not packed:
        content = change_table(random, content.decode(errors="replace")).encode(errors="surrogatepass")
    if random.random() < 0.5 or packed:
        content = change_bytes(random, content, seeds, TOKENS)
    return content, "case" + random.choice((".csv", ".tsv", ".inter", ".txt"))


def _record_seeds() -> list[bytes]:
    amazon = [{"reviewerID": u, "asin": i, "overall": 5.0, "unixReviewTime": 86400 * t} for u, i, t in ROWS]
    yelp = [{"review_id": "r", "user_id": u, "business_id": i, "date": f"2019-12-0{t} 10:00:00"} for u, i, t in ROWS]
    seeds = ["".join(json.dumps(record) + "\n" for record in kind).encode() for kind in (amazon, yelp)]
    seeds.append("".join(f"{record}\n" for record in amazon).encode())  # Python literals, as Amazon's of 2014
    return [*seeds, gzip.compress(seeds[0], mtime=0)]


def _change_records(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    name = "case" + random.choice((".json", ".jsonl", ".json.gz"))
    rows = content.split(b"\n")
    at = random.randrange(len(rows))
    try:
        rows[at] = twice(random, rows[at]) if random.random() < 0.1 else change_json(random, rows[at].decode())
        content = b"\n".join(rows)
    except ValueError:  # not JSON: a literal, a packed file, one from the corpus, an empty line
        content = change_bytes(random, content, seeds, (*TOKENS, b"{", b"}", b"'", b"\\ud800", b"NaN", b"1e999"))
    return content, name


def _check(path: Path, expected: Any) -> None:
    """Read a file and hold it against a reference."""
    frame = read([path], year=None).interactions
    try:
        rows = expected(path.read_bytes())
    except references.RefusedError as problem:
        raise WrongError(f"accepted what the reference refuses: {problem}") from None
    if rows is None:
        return
    if difference := references.same(rows, *(frame[name].to_list() for name in ("user", "item", "time"))):
        raise WrongError(difference)


def _read_any(path: Path) -> None:
    """A text file: whichever reference has an opinion."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except Exception:  # the reader is to find out
            content = b""
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    _check(path, references.records if start == b"{" else references.table)


def _parquet_seeds() -> list[bytes]:
    return [_parquet(_frame(Random(seed))) for seed in range(12)]


def _parquet(frame: pl.DataFrame, compression: Any = "zstd") -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression=compression)
    return buffer.getvalue()


def _frame(random: Random) -> pl.DataFrame:
    """A table whose columns have types as they occur, with the truth beside them; null truth: to be refused."""
    users, user_right = _ids(random, [user for user, _, _ in ROWS])
    items, item_right = _ids(random, [item for _, item, _ in ROWS])
    times, time_right = _times(random)
    right = user_right and item_right and time_right
    names = (
        [str(value).strip() for value in users.cast(pl.String)],
        [str(value).strip() for value in items.cast(pl.String)],
    )
    truth = [json.dumps([user, item, rank]) for user, item, (*_, rank) in zip(*names, ROWS, strict=True)]
    return pl.DataFrame({"user": users, "item": items, "time": times, TRUTH: truth if right else [None] * len(ROWS)})


def _ids(random: Random, names: list[str]) -> tuple[pl.Series, bool]:
    """Ids as a column, and whether they are to be accepted."""
    numbers = [sum(map(ord, name)) for name in names]
    match random.randrange(9):
        case 0:
            return pl.Series([None, *names[1:]], dtype=pl.String), False
        case 1:
            return pl.Series(["", *names[1:]]), False
        case 2:
            return pl.Series([ESCAPE, *names[1:]]), False
        case 3:
            return pl.Series([float("nan"), *map(float, numbers[1:])]), False
        case 4:
            return pl.Series(numbers, dtype=random.choice((pl.Int64, pl.UInt16, pl.Int32))), True
        case 5:
            return pl.Series(names, dtype=pl.Categorical), True
        case 6:
            return pl.Series([f" {name} " for name in names]), True
        case _:
            return pl.Series(names), True


def _times(random: Random) -> tuple[pl.Series, bool]:
    """Times as a column, and whether they are to be accepted."""
    days = [day for *_, day in ROWS]
    big = 2**53
    match random.randrange(12):
        case 0:
            return pl.Series([day > 2 for day in days]), False
        case 1:
            return pl.Series([time(day) for day in days]), False
        case 2:
            return pl.Series([float("nan"), *map(float, days[1:])]), False
        case 3:
            return pl.Series([None, *days[1:]]), False
        case 4:
            return pl.Series([date(2019, 6, day) for day in days]), True
        case 5 | 6:
            unit: Any = random.choice(("ns", "us", "ms"))
            zone = random.choice((None, "UTC", "Asia/Tokyo"))
            moments = pl.Series([datetime(2019, 6, day, tzinfo=UTC) for day in days]).cast(pl.Datetime(unit, "UTC"))
            return (moments.dt.convert_time_zone(zone) if zone else moments.dt.replace_time_zone(None)), True
        case 7:
            return pl.Series([big + day for day in days]), True
        case 8:
            return pl.Series([f"2019-06-0{day} 10:00:00.00000000{day}" for day in days]), True
        case 9:
            return pl.Series(days, dtype=random.choice((pl.UInt8, pl.Int16, pl.Float32, pl.Float64))), True
        case _:
            return pl.Series(days), True


def _change_parquet(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    if random.random() < 0.2:
        compression = random.choice(("zstd", "snappy", "uncompressed", "gzip"))
        return _parquet(_frame(random), compression), WHOLE
    content = random.choice(seeds)
    if random.random() < 0.7 and len(content) > 600:  # the footer, which says where everything is
        cut = len(content) - random.choice((600, 300, 100))
        return content[:cut] + change_bytes(random, content[cut:]), "case.parquet"
    return change_bytes(random, content, seeds), "case.parquet"


def _read_parquet(path: Path) -> None:
    frame = read([path], year=None).interactions
    if path.name != WHOLE:
        return
    truth = pl.read_parquet(path)[TRUTH].to_list()
    if None in truth:
        stored = pl.read_parquet_schema(path)
        raise WrongError(f"accepted what is no id or no time, of columns {', '.join(map(str, stored.values()))}")
    rows = [tuple(json.loads(row)) for row in truth]
    if difference := references.same(rows, *(frame[name].to_list() for name in ("user", "item", "time"))):
        raise WrongError(f"{difference}; the times are {pl.read_parquet_schema(path)['time']}")


TABLES = Fuzzer(
    "tables", (".csv", ".tsv", ".inter", ".txt", ".txt.gz", ".parquet", ".json"), _table_seeds, _change_table, _read_any
)
RECORDS = Fuzzer("records", (".json", ".json.gz", ".jsonl", ".csv"), _record_seeds, _change_records, _read_any)
PARQUET = Fuzzer("parquet", (".parquet",), functools.cache(_parquet_seeds), _change_parquet, _read_parquet)
