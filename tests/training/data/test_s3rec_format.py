"""The published format: line ends, duplicates and ids that hide behind them."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landscape.training.data.s3rec_format import parse_attributes, parse_sequences

ENDS = ("\n", "\r\n", "\r")


def reference(text: str) -> list[list[int]] | None:
    """Lists of a user and its items; None where there is something wrong."""
    words = [line.split() for line in re.split("\r\n|\r|\n", text) if line.split()]
    lines = [[int(word) for word in line] for line in words]
    users, items = [line[0] for line in lines], [item for line in lines for item in line[1:]]
    if any(len(word) > 18 for line in words for word in line) or max(items, default=0) > 1000 * len(items):
        return None
    wrong = len({*users}) < len(users) or any(0 in line for line in lines) or not any(len(line) > 1 for line in lines)
    return None if wrong else lines


@given(st.text(st.sampled_from("0123 \t\r\n"), max_size=25))
@example("1 2 3 4\r2 3 4 5\r")
@example("1 2 3 4\n2 1\r 2 ")
@example("1 2\r\r\n2 3")
def test_every_kind_of_line_end_ends_a_line(text):
    expected = reference(text)
    if expected is None:
        with pytest.raises(ValueError, match="^data(, line [0-9]+:| has no)"):
            parse_sequences(text.encode(), "data")
        return
    items, lengths, users = parse_sequences(text.encode(), "data")
    assert items.tolist() == [item for line in expected for item in line[1:]]
    assert lengths.tolist() == [len(line) - 1 for line in expected]
    assert users.tolist() == [line[0] for line in expected]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1 2 3", "2 3 4", "1 4 5"], "line 3: user 1 has a line already"),
        (["1 2 3", "", "2 x 4"], "line 3: 'x' is not an id"),
        (["1 2 3", "2 0 4"], "line 2: item 0 is not an id"),
        (["1 2 3", "2 9999999 4"], "line 2: item 9999999 is too large an id"),
    ],
)
def test_lines_are_counted_whatever_ends_them(lines, message, end):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_sequences(end.join(lines).encode(), "data")


def test_a_file_of_interactions_is_named_a_reader():
    with pytest.raises(
        ValueError, match="line 2: .*`landscape data prepare` reads files with a line for each interaction"
    ):
        parse_sequences(b"1 2\n1 3\n", "ml-1m.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"3": [1, 2], "2": [3], "3": []}', "'3' is there twice"),
        (b'{"3": [1, 2], "03": [1]}', "item 3 is there twice"),
        (b'{"\\u001b": [1], "\\u001b": [1]}', r"'\x1b' is there twice"),
        (b'{"1": [2000000000], "2": [1]}', "attribute 2000000000 is too large an id in a file of 2 entries"),
    ],
)
def test_attributes_that_are_not_what_they_look_like(content, message):
    with pytest.raises(ValueError, match=r"\A[^\n\x1b]+\Z") as raised:
        parse_attributes(content, "a.json")
    assert message in str(raised.value)


def test_what_comes_from_a_path_is_printable():
    with pytest.raises(ValueError, match=r"\\x1b\[31m"):
        parse_sequences(b"x", "\x1b[31m")
    with pytest.raises(ValueError, match=r"\\x1b\[31m"):
        parse_attributes(b"x", "\x1b[31m")
