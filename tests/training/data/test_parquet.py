"""Parquet: columns of every type, and damaged files, which end the process that reads them but not this one."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time

import polars as pl
import pytest

from landscape.training.data.raw import parquet
from landscape.training.data.raw.parquet import open_parquet
from landscape.training.data.raw.readers import Columns, read
from tests.support.raw_sources import refusal, write


def content(frame: pl.DataFrame, **options) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, **options)
    return buffer.getvalue()


def table(user=("a", "b"), item=("c", "d"), time=(1, 2)) -> pl.DataFrame:
    return pl.DataFrame({"user": user, "item": item, "time": time})


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["7", " 007\t"]), ["7", "007"]),
        (pl.Series([7, 8], dtype=pl.UInt8), ["7", "8"]),
        (pl.Series([2**62, -3]), [str(2**62), "-3"]),
        (pl.Series([1.0, 2.0]), ["1", "2"]),
        (pl.Series([1.0, 2.0], dtype=pl.Float32), ["1", "2"]),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
        (pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"])), ["x", "y"]),
        (pl.Series([b"x", "é".encode()]), ["x", "é"]),
    ],
)
def test_types_of_names(tmp_path, column, expected):
    path = write(tmp_path, "a", content(table(user=column, item=column)))
    assert read([path]).interactions.rows() == [(name, name, t) for name, t in zip(expected, (1, 2), strict=True)]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series([1.0, float("nan")]), "row 2: the user is missing"),
        (pl.Series([None, 1.0]), "row 1: the user is missing"),
        (pl.Series(["a", None]), "row 2: the user is missing"),
        (pl.Series(["a", " "]), "row 2: the user is empty"),
        (pl.Series(["a", "nan"]), "row 2: the user 'nan' is how a missing value is written"),
        (pl.Series([1.0, 2.5]), "row 2: the user '2.5' is not a whole number"),
        (pl.Series([1.0, float("inf")]), "row 2: the user 'inf' is not a whole number"),
        (pl.Series([1.0, 2.0**60]), "is too large for a float to hold exactly"),
        (pl.Series([True, False]), "the users are of type Boolean"),
        (pl.Series([["a"], ["b"]]), "the users are of type List"),
        (pl.Series([b"\xff", b"a"]), "the users are bytes that are not UTF-8"),
        (pl.Series(["a", "b\x1b[31m"]), r"row 2: the user 'b\x1b[31m' holds control characters"),
        (pl.Series(["a", "b\u2028c"]), "row 2: the user 'b\\u2028c' holds control characters"),
    ],
)
def test_what_names_no_one(tmp_path, column, message):
    assert message in refusal(read, [write(tmp_path, "a", content(table(user=column)))])


def test_columns_are_found_and_named(tmp_path):
    frame = table().rename({"user": "who", "item": "movieId"})
    path = write(tmp_path, "a", content(frame))
    assert read([path], columns=Columns(user="who")).interactions.rows() == table().rows()
    assert "no column with a usual name for the users (it has who, movieId, time)" in refusal(read, [path])
    assert read([write(tmp_path, "b", content(table()))]).interactions.rows() == table().rows()  # the reader goes on


def test_rows_without_times(tmp_path):
    path = write(tmp_path, "a", content(table().drop("time")))
    assert "--keep-order" in refusal(read, [path])
    assert read([path], keep_order=True).interactions["time"].to_list() == [0, 1]


@pytest.mark.slow
def test_damage_is_one_line_and_ends_nothing(tmp_path, capfd):
    """Bytes changed anywhere: the file is read, or refused, and nothing of a panic is printed."""
    source = random.Random(0)
    whole = content(table(["a"] * 50, [f"i{n}" for n in range(50)], range(50)), compression="uncompressed")
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(source.choice((1, 3, 30))):
            damaged[source.randrange(4, len(damaged))] = source.randrange(256)
        path = write(tmp_path, "a", bytes(damaged[: source.choice((len(damaged), len(damaged), -9))]))
        message = ""
        try:
            read([path])
        except ValueError as problem:
            message = str(problem)
        assert (not message) or (str(path) in message and message.isprintable())
        outcomes.add("refused" if message else "read")
    assert outcomes == {"read", "refused"}
    assert capfd.readouterr() == ("", "")


def read_after(path, happening):
    with open_parquet(path) as file:
        happening()
        return file.read(["user"])


def test_a_reader_that_ends_is_replaced(tmp_path):
    path = write(tmp_path, "a", content(table()))

    def end():  # as the system does if memory runs out
        parquet._reader.process.kill()
        parquet._reader.process.wait()

    assert "cannot be read as Parquet: it is damaged or far too large" in refusal(read_after, path, end)
    assert read([path]).interactions.rows() == table().rows()


def test_what_takes_too_long_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "WAIT", 0.1)
    path = write(tmp_path, "a", content(table()))
    assert "cannot be read as Parquet" in refusal(read_after, path, lambda: time.sleep(1.5))


def test_no_reader_outlives_its_owner(tmp_path):
    path = write(tmp_path, "a", content(table()))
    program = (
        "from landscape.training.data.raw import parquet\nfrom landscape.training.data.raw.readers import read\n"
        f"read([{str(path)!r}])\nprint(parquet._reader.process.pid)"
    )
    ended = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.stdout), 0)
