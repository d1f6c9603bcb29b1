"""The published file format, from bytes to arrays: what S3Rec's repository and its successors hand around.

A line of ``NAME.txt`` is a user: ``user item item …``, whole numbers from 1, the items in time order.
``NAME_item2attributes.json`` is one object ``{"item": [attribute, …]}``, attributes from 1.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from landscape.results.display.printable import printable

Ints = NDArray[np.int64]

MAX_ID = 2**31 - 3  # int32, with room for the rows that models add to the item table
MAX_ID_PER_INTERACTION = 1000  # beyond it ids are not dense, and an item table of that length is a mistake
_MAX_DIGITS = 18  # of a number that fits into int64

_ALLOWED = np.zeros(256, dtype=bool)
_ALLOWED[list(b"0123456789 \t\n")] = True


def parse_sequences(content: bytes, source: str) -> tuple[Ints, Ints, Ints]:
    """Read ``NAME.txt``.

    Args:
        content: The file's bytes.
        source: What messages call the file.

    Returns:
        The items of all users, one after another, (T,), how many each user has, (U,), and the users' numbers, (U,).

    Raises:
        ValueError: A line is not ``user item item …`` in whole numbers from 1 (the message says which), a user has
            two lines, ids are far from dense, the file is not text, or there is no interaction in it.
    """
    source = printable(source)
    content = content.removeprefix(b"\xef\xbb\xbf")  # the byte order mark that some editors on Windows write
    if b"\r" in content:  # line ends of Windows and of old Macs: one character each from here on
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    characters = np.frombuffer(content, dtype=np.uint8)
    strange = ~_ALLOWED[characters]
    if strange.any():
        _refuse_character(content, int(strange.argmax()), source)
    is_digit = characters > ord(" ")
    edges = np.flatnonzero(np.diff(is_digit, prepend=False, append=False))  # starts and ends of numbers, in turns
    starts, ends = edges[::2], edges[1::2]
    lines = np.searchsorted(np.flatnonzero(characters == ord("\n")), starts) + 1  # (N,) each number's line, from 1
    is_user = np.diff(lines, prepend=0) > 0  # (N,) the first number of its line
    if is_user.all():
        raise ValueError(f"{source} has no interactions; a line is `user item item …`")

    def refuse(wrong: NDArray[np.bool_], problem: str) -> None:
        if wrong.any():
            at = int(wrong.argmax())
            number = content[starts[at] : ends[at]][:40].decode()
            raise ValueError(f"{source}, line {lines[at]}: {'user' if is_user[at] else 'item'} {number} {problem}")

    refuse(ends - starts > _MAX_DIGITS, "has too many digits; ids are whole numbers from 1")
    numbers = np.fromstring(content.decode("ascii"), dtype=np.int64, sep=" ")
    refuse(numbers < 1, "is not an id; ids are whole numbers from 1 (0 stands for padding)")
    items, users = numbers[~is_user], numbers[is_user]
    limit = min(MAX_ID, MAX_ID_PER_INTERACTION * len(items))
    refuse(
        ~is_user & (numbers > limit),
        f"is too large an id in a file of {len(items):,} interactions; `landscape data prepare` numbers items anew",
    )
    again = np.ones(len(users), dtype=bool)
    again[np.unique(users, return_index=True)[1]] = False
    repeated = np.zeros(len(numbers), dtype=bool)
    repeated[is_user] = again
    refuse(
        repeated,
        "has a line already; all items of a user belong in one line (`landscape data prepare` reads files with a line "
        "for each interaction)",
    )
    return items, np.diff(np.flatnonzero(is_user), append=len(numbers)) - 1, users


def _refuse_character(content: bytes, at: int, source: str) -> NoReturn:
    """Say what is wrong with the character ``at``, which is neither a digit nor white space."""
    try:
        binary = "\0" in content.decode()
    except UnicodeDecodeError:
        binary = True
    if binary:
        raise ValueError(f"{source} is a binary file; the data is text, a line a user: `user item item …`")
    line = content.count(b"\n", 0, at) + 1
    start, end = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
    words = content[start : end if end >= 0 else None].decode().split()
    word = next((word for word in words if not (word.isascii() and word.isdigit())), "")
    raise ValueError(
        f"{source}, line {line}: {word[:40]!r} is not an id; a line is `user item item …` in whole numbers from 1 "
        f"(`landscape data prepare` reads other formats)"
    )


def parse_attributes(content: bytes, source: str) -> tuple[Ints, Ints, Ints]:
    """Read ``NAME_item2attributes.json``.

    Returns:
        The items it describes (N,), and as pairs the item (M,) and the attribute (M,) of each entry of its lists,
        repetitions included.

    Raises:
        ValueError: The file is not one JSON object of lists of whole numbers from 1, an item has two lists, or
            attribute ids are far from dense.
    """
    source = printable(source)
    expected = 'expected one JSON object {"item": [attribute, …]} with ids from 1'
    try:
        lists = json.loads(content, object_pairs_hook=_once)
    except _TwiceError as problem:
        raise ValueError(f"{source}: {problem} is there twice; all attributes of an item belong in one list") from None
    except json.JSONDecodeError as problem:
        raise ValueError(f"{source}, line {problem.lineno}: {problem.msg}; {expected}") from None
    except (ValueError, RecursionError):  # not text; numbers of thousands of digits; brackets without end
        raise ValueError(f"{source} is not JSON; {expected}") from None
    if not isinstance(lists, dict):
        raise ValueError(f"{source} holds no JSON object; {expected}")
    for item, ids in lists.items():
        if not (item.isascii() and item.isdigit() and len(item) <= _MAX_DIGITS and int(item) > 0):
            raise ValueError(f"{source}: {item[:40]!r} is not an item id; {expected}")
        if not isinstance(ids, list) or not all(type(one) is int and 0 < one <= MAX_ID for one in ids):
            raise ValueError(f"{source}: the attributes of item {item} are not a list of ids; {expected}")
    items = np.fromiter(map(int, lists), dtype=np.int64)
    numbers, occurrences = np.unique(items, return_counts=True)
    if (occurrences > 1).any():  # "1" and "01"
        raise ValueError(f"{source}: item {numbers[occurrences.argmax()]} is there twice; {expected}")
    counts = np.fromiter(map(len, lists.values()), dtype=np.int64)
    attributes = np.fromiter(chain.from_iterable(lists.values()), dtype=np.int64)
    if attributes.max(initial=0) > MAX_ID_PER_INTERACTION * len(attributes):
        raise ValueError(
            f"{source}: attribute {attributes.max()} is too large an id in a file of {len(attributes):,} entries; "
            "number the attributes 1, 2, 3, …"
        )
    return items, np.repeat(items, counts), attributes


class _TwiceError(Exception):
    """An object of JSON has a key twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(repr(next(name for name in names if names.count(name) > 1)[:40]))
    return values
