"""Text tables with and without a header line: what Python's csv module reads in strict mode, and nothing else."""

from __future__ import annotations

import csv
import gzip
import io

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from landscape.training.data.raw import tables
from landscape.training.data.raw.readers import Columns, detect, read
from landscape.training.data.raw.sources import MISSING
from tests.support.raw_sources import delimited, refusal, write

HEADER = ("user", "item", "time")
ROWS = [("ann", "007", 30), ("bob", "x y", 10), ("ann", "x y", 20)]


def table(separator: str = ",", header: str = "user,item,time", newline: str = "\n") -> str:
    return delimited(separator, header.split(","), ROWS, newline)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", table()),
        ("a.tsv", table("\t")),
        ("a.dat", table(";")),
        ("a.csv", table("|")),
        ("a.csv", table(newline="\r\n")),
        ("a.csv", table(newline="\r")),
        ("a.csv", table(newline="\n\r")),  # blank lines
        ("a.csv", "\ufeff" + table()),
        ("a.csv", table() + "\n \n\n"),
        ("a.csv", "\n\n" + table()),
        ("a.csv", table().removesuffix("\n")),
        ("a.csv", table(newline="\r").removesuffix("\r")),
        ("a.csv.gz", gzip.compress(table().encode(), mtime=0)),
        ("a.csv", table(header="User_ID,asin,unixReviewTime")),
        ("a.csv", table(header=" user , item,\ttime")),
        ("a.inter", table("\t", header="user_id:token,item_id:token,timestamp:float")),
        ("a.csv", 'item,rating,time,user\n007,5,30,"ann"\n"x y",3,10,bob\n"x y",,20,ann\n'),
        ("a.csv", 'user,item,note,time\nann, 007 ,"a\nb\r\nc",30\nbob,x y\t,,10\nann,x y,"say ""hi""",20\n'),
    ],
)
def test_text_tables(tmp_path, name, content):
    path = write(tmp_path, name, content)
    assert detect(path) == "table"
    frame = read([path]).interactions
    assert frame.rows() == ROWS
    assert frame.columns == [*HEADER]


def test_quotation_marks_in_recbole_files_are_plain_characters(tmp_path):
    path = write(tmp_path, "a.inter", 'user_id:token\titem_id:token\ttimestamp:float\n"a\tb"c\t1\n')
    assert read([path]).interactions.rows() == [('"a', 'b"c', 1)]


FIELD = st.text(st.sampled_from('ab1,\t"\r\n \u2028é'), max_size=4) | st.sampled_from(["u", "i", "5"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
@example([('"a', "i", "5"), ("u", "i", "5")], False, "\n")
def test_python_s_csv_module_decides_what_is_a_table(tmp_path, rows, quoted, end):
    """Fields are written quoted or as they come; times are numbers if the module finds such."""
    text = io.StringIO()
    if quoted:
        csv.writer(text, lineterminator=end).writerows([HEADER, *rows])
    content = text.getvalue() if quoted else delimited(",", HEADER, rows, end)
    path = write(tmp_path, "a.csv", content)
    try:
        expected = [
            row for row in csv.reader(io.StringIO(content, newline=""), strict=True) if any(f.strip() for f in row)
        ]
    except csv.Error:
        assert "a.csv, line" in refusal(read, [path])
        return
    fields = [[field.strip() for field in row] for row in expected[1:]]
    right = fields and all(len(row) == 3 and row[2].isdigit() and all(row) for row in fields)
    if right and all(f.isprintable() and f not in ("nan",) for row in fields for f in row):
        assert read([path]).interactions.rows() == [(user, item, int(time)) for user, item, time in fields]
    else:
        refusal(read, [path])


def test_rows_and_lines_do_not_depend_on_where_files_are_cut(tmp_path, monkeypatch):
    header, rows = (*HEADER, "note"), [(f"u{n}", f"é{n}", n, f'"é{n}\n{n}"') for n in range(50)]
    for newline in ("\n", "\r", "\r\n"):
        path = write(tmp_path, "a.csv", delimited(",", header, rows, newline) + f"u,i,x,{newline}")
        expected = refusal(read, [path])
        assert "line 102: the time 'x'" in expected
        for size in (1, 2, 3, 7, 1000):
            monkeypatch.setattr("landscape.training.data.raw.files.BLOCK", size)
            monkeypatch.setattr(tables, "BATCH", size)
            assert refusal(read, [path]) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user,item,time\na,b,1\na,b\n", "line 3: 2 fields; the header has 3"),
        ("user,item,time\na,b,1\n\na,b,1,2\n", "line 4: 4 fields; the header has 3"),
        ("user,item,time\ra,b,1\ra,b\r", "line 3: 2 fields"),
        ("user\titem\ttime\nb\tz\t\r4\n", "line 3: 1 fields"),  # a stray \r ends a line
        ("user,item,time\na,b,1\n,b,1\n", "line 3: the user is empty"),
        ("user,item,time\na, ,1\n", "line 2: the item is empty"),
        ("user,item,time\na,b,\n", "line 2: the time is empty"),
        ("user,item,time\nnan,b,1\n", "line 2: the user 'nan' is how a missing value is written"),
        ("user,item,time\na,<NA>,1\n", "line 2: the item '<NA>' is how a missing value is written"),
        ("user,item,time\na,b,1\na,b,soon\n", "line 3: the time 'soon' is no number and no date"),
        ('user,item,time\n"a\nb",c,1\n', r"line 3: the user 'a\nb' holds control characters"),
        ("user,item,time\na\x1b[31m,b,1\n", r"line 2: the user 'a\x1b[31m' holds control characters"),
        ("user,item,time\na,x\x85y,1\n", r"line 2: the item 'x\x85y' holds control characters"),
        ('user,item,note,time\na,b,"\r\n\n",1\na,b,,x\n', "line 5: the time 'x'"),  # after quoted line breaks
        ('user,item,time\na,b,1\n"a,b,1\n', "line 3: unexpected end of data"),
        ('user,item,time\na,"b"c,1\n', "line 2: ',' expected after '\"'"),
        ("user,item,time\na,b," + "1" * 200_000, "line 2: field larger than field limit"),
        (b"user,item,time\na,b,1\na,\xff,2\n", "line 3: not UTF-8"),
        (b"user,item,time\na,b,1\na,\xc3", "line 3: ends within a character"),
        (b"user,item,time\na,b\0,1\n", "line 2: the file is binary"),
        ("who,item,time\n", "has no column with a usual name for the users (it has who, item, time); say which"),
        ("\x1b[2J,item,time\nx,y,1\n", r"(it has \x1b[2J, item, time)"),
        ("user,item\na,b\n", "for the times (it has user, item); say which one it is with --time; --keep-order"),
        ("user,item,time,user\na,b,1,c\n", "more than one column 'user' for the users"),
        ("user,item,User,time\na,b,c,1\n", "more than one column 'user' for the users"),
        ("user_id:token\titem_id:token_seq\ttime:float\na\tb c\t1\n", "the column 'item_id' of the items holds lists"),
        ("user_id:token\titem_id:token\ttime:float_seq\na\tb\t1 2\n", "the column 'time' of the times holds lists"),
        ("user_id:token\titem_id:token\ttime\na\tb\t1\n", "the column 'time' has no type, others have"),
    ],
)
def test_malformed_tables_are_refused_with_their_line(tmp_path, content, message):
    refused = refusal(read, [write(tmp_path, "bad.csv", content)])
    assert message in refused
    assert "bad.csv" in refused


def test_lists_are_left_alone_and_the_right_column_is_found(tmp_path):
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\ttimestamp:float\n"
    path = write(tmp_path, "a.inter", header + "a\t1 2\t7\t5\n")
    assert read([path]).interactions.rows() == [("a", "7", 5)]


def test_columns_are_named(tmp_path):
    path = write(tmp_path, "a.csv", "user,time,who,what\nx,1,ann,tea\n")
    assert read([path], columns=Columns("who", "what")).interactions.rows() == [("ann", "tea", 1)]
    assert "no column 'whom' for the users; it has user, time, who, what" in refusal(
        read, [path], columns=Columns("whom", "what")
    )
    assert "need a column each" in refusal(read, [path], columns=Columns("who", "who"))


@pytest.mark.parametrize("missing", ["time", ""])
def test_the_order_of_rows_can_be_that_of_time(tmp_path, missing):
    first = write(tmp_path, "a.csv", f"user,item,{missing or 'note'}\nu,x,\nu,y,\n")
    second = write(tmp_path, "b.csv", "user,item\nu,z\n")
    raw = read([first, second], keep_order=True)
    assert raw.interactions.rows() == [("u", "x", 0), ("u", "y", 1), ("u", "z", 2)]
    assert raw.notes == ("times are not read: the order of the rows is kept",)


# Without a header line

MOVIELENS = [(1, 242, 3, 881250949), (2, 302, 4, 891717742)]
KNOWN = {
    "MovieLens' u.data": delimited("\t", (), MOVIELENS),
    "MovieLens' ratings.dat": delimited("::", (), MOVIELENS),
    "SASRec's": delimited(" ", (), [row[:2] for row in MOVIELENS]),
    "Gowalla's": delimited("\t", (), [
        (1, "2010-10-19T23:55:27Z", 30.2, -97.7, 242), (2, "2010-10-18T22:17:43Z", 30.3, -97.8, 302)]),
    "Foursquare's of one city": delimited("\t", (), [
        (1, "242", "4bf", 'Arts "&" Crafts', 40.7, -74.0, -240, "Tue Apr 03 18:00:09 +0000 2012"),
        (2, "302", "4bf", "Bridge", 40.6, -74.0, -240, "Tue Apr 03 18:00:25 +0000 2012")]),
    "Foursquare's of the world": delimited("\t", (), [
        (1, "242", "Tue Apr 03 18:00:06 +0000 2012", 240), (2, "302", "Tue Apr 03 18:00:07 +0000 2012", -180)]),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode(), mtime=0)])
def test_known_files_without_a_header(tmp_path, name, pack):
    raw = read([write(tmp_path, "file", pack(KNOWN[name]))])
    assert raw.interactions.select("user", "item").rows() == [("1", "242"), ("2", "302")]
    assert name in raw.notes[0]
    assert raw.interactions["time"].is_sorted() == (name != "Gowalla's")
    assert raw.interactions["time"].n_unique() == 2


def test_amazon_s_ratings_come_in_two_orders(tmp_path):
    row = ("A39HTATAQ9V7YF", "0205616461", "5.0", "1369699200")
    older = read([write(tmp_path, "older", ",".join(row) + "\n")])
    newer = read([write(tmp_path, "newer", ",".join((row[1], row[0], *row[2:])) + "\n")])
    assert older.interactions.rows() == newer.interactions.rows() == [(row[0], row[1], 1369699200 * 10**9)]


@pytest.mark.parametrize(
    "content",
    [
        "1\t2\t3\t4\n1\t3\t3\t5\n",
        "1,2,3\n",
        "alice,tea,2019-06-01\n",
        "a;b;7\n",
        "1 2 x\n",
        "3,u,i,1559347200\n",
        "1\t2\n",
    ],
)
def test_other_files_without_a_header_are_refused_and_read_by_naming_columns(tmp_path, content):
    path = write(tmp_path, "file", content)
    refused = refusal(read, [path])
    assert "no header line (it begins with" in refused
    assert "--columns user,item,rating,time" in refused
    width = len(content.split("\n")[0].replace(",", " ").replace(";", " ").replace("\t", " ").split())
    layout = ["user", "item", *["note"] * (width - 2)]
    raw = read([path], layout=layout, keep_order=True)
    assert len(raw.interactions) == content.count("\n")  # the first line is no header


def test_named_columns_of_a_file_without_a_header(tmp_path):
    path = write(tmp_path, "file", "5,u,i,1559347200\n4,u,j,1559347100\n")
    raw = read([path], layout=["rating", "user", "item", "time"])
    assert raw.interactions.rows() == [("u", "i", 1559347200 * 10**9), ("u", "j", 1559347100 * 10**9)]
    assert "4 fields in the first line, '5,u,i,1559347200', but --columns names 3" in refusal(
        read, [path], layout=["user", "item", "time"]
    )
    assert "--keep-order" in refusal(read, [path], layout=["rating", "user", "item", "when"])
    for layout in (["user", "time"], ["user", "user", "item"], []):
        assert "must name user and item once each" in refusal(read, [path], layout=layout)
    for columns in (Columns(user="u", item="i", time="1559347200"), Columns(user="5", item="u", time="1559347200")):
        assert "no header line" in refusal(read, [path], columns=columns)


def test_the_published_format_needs_no_preparing(tmp_path):
    assert "`landscape train --data` reads it" in refusal(read, [write(tmp_path, "a.txt", "1 2 3 4\n2 3 4\n")])
    assert "line 2: 3 fields; the first line has 2" in refusal(read, [write(tmp_path, "a.txt", "1 2\n2 3 4\n")])


def test_files_with_and_without_times_do_not_mix(tmp_path):
    timed = write(tmp_path, "u.data", KNOWN["MovieLens' u.data"])
    untimed = write(tmp_path, "ml.txt", KNOWN["SASRec's"])
    assert "ml.txt has no times, others have; --keep-order" in refusal(read, [timed, untimed])
    assert read([timed, untimed], keep_order=True).interactions["time"].to_list() == [0, 1, 2, 3]


characters = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "M"))
ids = st.text(characters, min_size=1, max_size=5).filter(lambda name: name not in MISSING)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(ids, ids, st.integers(-(2**62), 2**62)), min_size=1, max_size=5), st.booleans())
def test_what_polars_writes_is_read_back(tmp_path, rows, parquet):
    frame = pl.DataFrame(rows, schema=[*HEADER], orient="row")
    path = tmp_path / "table"
    if parquet:
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    assert read([path], time_unit="order").interactions.rows() == rows
