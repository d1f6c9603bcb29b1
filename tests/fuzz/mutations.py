"""Changes of bytes, of tables of text, and of trees of values, drawn from a given source of randomness."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

ESCAPE = "\x1b[31mred"
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 2**31, 2**53 + 1, -(2**63), 2**64, 10**25, 1e308, 1e-320,
    float("nan"), float("inf"), "", "x", "1", "nan", "inf", "None", ESCAPE, "[/b]x", "a\nb", "a\rb", "a\x85b", "\u2028",
    "\u202ex", "é", "\ud800", "x" * 5000, "../../etc/passwd", "/dev/null", [], [[]], {}, {"a": 1}, [1, 2], ["x"],
    [None],
)  # fmt: skip
FIELDS = (
    "", " ", "0", "1", "-1", "007", "nan", "NaN", "null", "None", "inf", "1e999", "1_000", "1_0", " 3 ", "2019", "1.5",
    "2019-06-01", "2019-06-01T10:00:00Z", "2019-06-01 10:00:00", "2019-06-01 10:00:00.123456789", "2019-13-01",
    "10:30:00", "9007199254740993", "9007199254740993.5", "9" * 25, "9" * 400, '"', '""', '"a', 'a"b', '"a"b', "a,b",
    "a\rb", "\r", "\u00a0x\u00a0", "\u200b", "١", ESCAPE, "\x00", "\ufeff", "x\x1fy", "true", "True", "é", "x" * 1000,
)  # fmt: skip
INTERESTING = (
    b"\x00",
    b"\xff",
    b"\r",
    b"\n",
    b"\r\n",
    b'"',
    b",",
    b"\t",
    b" ",
    b"\x1b[31m",
    b"\xef\xbb\xbf",
    b"{",
    b"[",
)


def change_bytes(random: Random, content: bytes, others: Sequence[bytes] = (), tokens: Sequence[bytes] = ()) -> bytes:
    """One to four changes anywhere."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        _change(random, data, others, tokens or INTERESTING)
    return bytes(data)


def _change(random: Random, data: bytearray, others: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice((1, 1, 2, 4, 8, 30, 200)))
    match random.randrange(9):
        case 0 if data:
            data[min(start, len(data) - 1)] ^= 1 << random.randrange(8)
        case 1:
            data[start:end] = random.randbytes(end - start)
        case 2:
            del data[start:end]
        case 3:
            data[start:start] = data[start:end]
        case 4:
            del data[start:]
        case 5:
            data[start:start] = random.choice(tokens)
        case 6:
            size = random.choice((1, 2, 4, 8))
            number = random.choice((0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1), 2 ** (8 * size - 1) - 1))
            data[start : start + size] = number.to_bytes(size, random.choice(("little", "big")))
        case 7 if others:
            other = random.choice(others)
            cut = random.randrange(len(other) + 1)
            data[start:] = other[cut:]
        case _:
            to = random.randrange(len(data) + 1)
            data[to:to] = data[start:end]


def change_table(random: Random, text: str) -> str:
    """Changes of fields, lines, separators and line ends."""
    separator = max("\t,;| ", key=(text.splitlines() or [""])[0].count)
    rows = [line.split(separator) for line in text.splitlines()]
    end = "\n"
    for _ in range(random.choice((1, 1, 2, 3))):
        row = random.choice(rows) if rows else []
        at = random.randrange(len(row)) if row else 0
        match random.randrange(10):
            case 0 | 1 | 2 if row:
                row[at] = random.choice(FIELDS)
            case 3 if row:
                del row[at]
            case 4:
                row.insert(at, random.choice(FIELDS))
            case 5:
                rows.insert(random.randrange(len(rows) + 1), list(row))
            case 6 if rows:
                rows.pop(random.randrange(len(rows)))
            case 7:
                separator = random.choice("\t,;| ")
            case 8:
                end = random.choice(("\r", "\r\n", "\n\n", "\r\r\n"))
            case _ if row:
                row[at] = random.choice((f'"{row[at]}"', f" {row[at]}", f"{row[at]}{random.choice(FIELDS)}"))
    lines = [separator.join(row) for row in rows]
    return end.join(lines) + random.choice((end, end, ""))


def change_tree(
    random: Random,
    tree: Any,
    values: Sequence[Any] = VALUES,
    change_leaf: Callable[[Random, Any], Any] | None = None,
) -> Any:
    """A copy with one to three changes at random places; ``change_leaf`` knows more about leaves, if it is given."""
    tree = copy.deepcopy(tree)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            return copy.deepcopy(random.choice(values))
        # Deep trees have most of their places in large lists: a level first, so that each level has its turn.
        depth = random.choice(sorted({len(path) for path, _ in places}))
        _, (holder, key) = random.choice([place for place in places if len(place[0]) == depth])
        if change_leaf is not None and not isinstance(holder[key], (dict, list)) and random.random() < 0.5:
            holder[key] = change_leaf(random, holder[key])
        else:
            _change_place(random, holder, key, values)
    return tree


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Any:
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield (*path, key), (tree, key)
        yield from _places(tree[key], (*path, key))


def _change_place(random: Random, holder: Any, key: Any, values: Sequence[Any]) -> None:
    value = holder[key]
    match random.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[random.choice(("x", "", ESCAPE, "kind", "format", str(key) + "2"))] = holder.pop(key)
        case 1:
            holder.insert(key, copy.deepcopy(value))
        case 2:
            holder[key] = [value]
        case 3 if isinstance(value, list):
            holder[key] = value[: random.randrange(len(value) + 1)]
        case 3 if isinstance(value, (int, float)):
            holder[key] = random.choice(
                (-value, value + 1, str(value), value * 1000, value / 3 if abs(value) < 1e9 else 0)
            )
        case 4 if isinstance(holder, dict):
            holder[key] = copy.deepcopy(holder[random.choice(list(holder))])
        case _:  # a copy: the next change may be one within it
            holder[key] = copy.deepcopy(random.choice(values))


def change_json(random: Random, text: str) -> bytes:
    """A changed tree as JSON; sometimes with a key twice, sometimes with changed bytes."""
    changed = json.dumps(change_tree(random, json.loads(text))).encode(errors="surrogatepass")
    if random.random() < 0.1:
        changed = twice(random, changed)
    return change_bytes(random, changed) if random.random() < 0.1 else changed


def twice(random: Random, text: bytes) -> bytes:
    """JSON whose outermost object has one key more, mostly one that it has already."""
    keys = list(tree) if isinstance(tree := json.loads(text), dict) else []
    if not keys:
        return text
    return (
        b"{%s: %s, " % (json.dumps(random.choice(keys)).encode(), json.dumps(random.choice(VALUES)).encode()) + text[1:]
    )
