"""Plain, slow readers that share no code with the package: what a right reader returns.

Each returns the values, raises ``RefusedError`` where a file must not be accepted, or returns None where it has no
opinion. A reader may refuse more than its reference; it must not accept what the reference refuses.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import re
import unicodedata
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

USERS = ("user", "user_id", "userid", "uid", "reviewerid", "visitorid", "session_id")
ITEMS = ("item", "item_id", "itemid", "iid", "asin", "product_id", "movieid", "business_id")
TIMES = ("time", "timestamp", "datetime", "date", "unixreviewtime")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d\d:\d\d)?", re.ASCII
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Rows = list[tuple[str, str, Fraction]]  # user, item, time; of times only the order counts


class RefusedError(Exception):
    """The file must not be accepted."""


def table(content: bytes) -> Rows | None:
    """A text table with a header that names users, items and times in the usual way."""
    text = _text(content)
    if text.lstrip()[:1] in ("{", "["):
        return None
    header_line = re.split(r"\r|\n", text, maxsplit=1)[0]
    separator = max("\t,;|", key=header_line.count)
    typed = [
        re.fullmatch(r"\s*(.+):(token|float|token_seq|float_seq)\s*", name) for name in header_line.split(separator)
    ]
    if (any(typed) and not all(typed)) or any(match and match[2].endswith("_seq") for match in typed):
        return None
    quoting = csv.QUOTE_NONE if all(typed) else csv.QUOTE_MINIMAL
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True)
    try:
        header = [match[1] for match in typed if match] or [name.strip() for name in next(rows)]
        if all(typed):
            next(rows)
        at = [[i for i, name in enumerate(header) if name.strip().lower() in usual] for usual in (USERS, ITEMS, TIMES)]
        if any(len(places) != 1 for places in at):
            return None
        body = [row for row in rows if row]
    except csv.Error as problem:
        if "field limit" in str(problem):
            return None
        raise RefusedError(f"csv: {problem}") from None
    except StopIteration:
        return None
    if any(len(row) == 1 and not row[0].strip() for row in body):
        return None
    if any(len(row) != len(header) for row in body):
        raise RefusedError("a row has another number of fields than the header")
    users, items, times = ([row[places[0]].strip() for row in body] for places in at)
    return _rows(users, items, times)


def records(content: bytes) -> Rows | None:
    """Amazon's or Yelp's reviews, one record a line."""
    text = _text(content)
    found = [_record(line) for line in text.split("\n") if line.strip()]
    for names in (("reviewerID", "asin", "unixReviewTime"), ("user_id", "business_id", "date")):
        if set(names) <= set(found[0]) and (names[0] == "reviewerID" or "review_id" in found[0]):
            break
    else:
        return None
    if any(not set(names) <= set(record) for record in found):
        raise RefusedError("a record lacks a field")
    users, items, times = ([record[name] for record in found] for name in names)
    if not all(isinstance(value, str) for value in (*users, *items)):
        raise RefusedError("an id is not a text")
    if names[0] == "user_id":
        if not all(isinstance(time, str) for time in times):
            raise RefusedError("a date is not a text")
        return _rows([user.strip() for user in users], [item.strip() for item in items], times)
    if any(type(time) not in (int, float) for time in times):
        raise RefusedError("a time is not a number")
    if not all(0 <= time < float("inf") for time in times):
        raise RefusedError("a time is negative or not finite")
    return _rows([user.strip() for user in users], [item.strip() for item in items], [Fraction(time) for time in times])


def sequences(content: bytes) -> dict[int, list[int]]:
    """``NAME.txt``: a line a user, ``user item item …``."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("ascii")
    except UnicodeDecodeError:
        raise RefusedError("not ASCII") from None
    if not re.fullmatch(r"[0-9 \t\r\n]*", text):
        raise RefusedError("a character that is neither a digit nor white space")
    found: dict[int, list[int]] = {}
    for line in re.split(r"\r\n|\r|\n", text):
        if words := line.split():
            if any(len(word) > 18 for word in words):
                raise RefusedError("a number too large")
            user, *items = map(int, words)
            if user in found:
                raise RefusedError("a user has two lines")
            if user < 1 or min(items, default=1) < 1:
                raise RefusedError("an id below 1")
            found[user] = items
    if not any(found.values()):
        raise RefusedError("no interactions")
    return found


def attributes(content: bytes) -> dict[int, set[int]] | None:
    """``NAME_item2attributes.json``."""
    try:
        lists = json.loads(content.decode(json.detect_encoding(content)), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise RefusedError("not JSON") from None
    if not isinstance(lists, dict):
        raise RefusedError("not an object")
    found: dict[int, set[int]] = {}
    for item, ids in lists.items():
        if not re.fullmatch(r"[0-9]{1,18}", item, re.ASCII) or not int(item):
            raise RefusedError("a key that is not an item")
        if int(item) in found:
            raise RefusedError("an item has two lists")
        if not isinstance(ids, list) or any(type(one) is not int or one < 1 for one in ids):
            raise RefusedError("attributes that are not ids")
        found[int(item)] = set(ids)
    return found


def same(rows: Rows, users: Sequence[str], items: Sequence[str], times: Sequence[Any]) -> str | None:
    """What differs between a reference's rows and what was read; None if nothing does."""
    if len(rows) != len(users):
        return f"{len(users)} rows in place of {len(rows)}"
    if [(user, item) for user, item, _ in rows] != list(zip(users, items, strict=True)):
        return "a user or an item differs"
    if ranks([time for *_, time in rows]) != ranks(times):
        return "times are in another order"
    return None


def ranks(values: Sequence[Any]) -> list[int]:
    """The rank of each value among the distinct ones."""
    order = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return [order[value] for value in values]


def _rows(users: list[str], items: list[str], times: Sequence[str | Fraction]) -> Rows | None:
    if not users:
        raise RefusedError("no rows")
    for name in (*users, *items):
        if not name:
            raise RefusedError("an id is empty")
        if any(unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") for character in name):
            raise RefusedError("control characters in an id")
    moments = [(Fraction, time) if isinstance(time, Fraction) else _time(time) for time in times]
    kinds = {kind for kind, _ in moments}
    if None in kinds or len(kinds) > 1:
        return None
    return list(zip(users, items, [value for _, value in moments], strict=True))


def _time(text: str) -> tuple[Any, Fraction]:
    text = text.strip()
    if NUMBER.fullmatch(text):
        return Fraction, Fraction(text)
    if match := DATE.fullmatch(text):
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        try:
            moment = datetime(*(int(part or 0) for part in (year, month, day, hour, minute, second)), tzinfo=UTC)
        except ValueError:
            raise RefusedError("a date that does not exist") from None
        if zone and zone[0] in "+-":
            shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
            moment = moment + shift if zone[0] == "-" else moment - shift
        seconds = (moment - EPOCH) // timedelta(seconds=1)
        return datetime, seconds + Fraction(f"0.{fraction or 0}")
    if not re.search(r"[0-9]", text, re.ASCII) or "_" in text:
        raise RefusedError(f"{text[:20]!r} is not a time")
    return None, Fraction(0)  # other ways to write a date, which a reader may know


def _text(content: bytes) -> str:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise RefusedError("a damaged gzip file") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError("not UTF-8") from None
    if "\0" in text or not text.strip():
        raise RefusedError("binary or empty")
    return text


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        record = _literal(line.strip())
    if not isinstance(record, dict):
        raise RefusedError("not a record")
    return record


def _literal(text: str) -> Any:
    try:
        tree = ast.parse(text, mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                _once([(ast.literal_eval(key), None) for key in node.keys if key is not None])
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise RefusedError("neither JSON nor a literal") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise RefusedError("a key twice")
    return dict(pairs)
