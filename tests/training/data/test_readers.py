"""Every raw source becomes the same plain tables; malformed ones are refused with file and line."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landscape.training.data.raw.readers import Columns, detect, read, read_amazon_metadata, read_yelp_businesses
from landscape.training.data.raw.tables import read_table

ONE_LINE = r"\A.+\Z"
ROWS = [("ann", "007", 30), ("bob", "x y", 10), ("ann", "x y", 20)]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def json_lines(records: list[dict]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def python_lines(records: list[dict]) -> str:
    return "".join(repr(record) + "\n" for record in records)


def refusal(function, *args, **options) -> str:
    """The one line of the ValueError that the function raises."""
    with pytest.raises(ValueError, match=ONE_LINE) as raised:
        function(*args, **options)
    return str(raised.value)


# Tables


def delimited(separator: str, header: str = "user,item,time", newline: str = "\n") -> str:
    rows = [header.split(","), *(map(str, row) for row in ROWS)]
    return newline.join(separator.join(row) for row in rows) + newline


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", delimited(",")),
        ("a.tsv", delimited("\t")),
        ("a.dat", delimited(";")),
        ("a.csv", delimited("|")),
        ("a.csv", delimited(",", newline="\r\n")),
        ("a.csv", "\ufeff" + delimited(",")),
        ("a.csv", delimited(",") + "\n\n"),
        ("a.csv", delimited(",").removesuffix("\n")),
        ("a.csv.gz", gzip.compress(delimited(",").encode(), mtime=0)),
        ("a.csv", delimited(",", header="User_ID,asin,unixReviewTime")),
        ("a.inter", delimited("\t", header="user_id:token,item_id:token,timestamp:float")),
        ("a.csv", 'item,rating,time,user\n007,5,30,"ann"\n"x y",3,10,bob\n"x y",,20,ann\n'),
    ],
)
def test_text_tables(tmp_path, name, content):
    path = write(tmp_path, name, content)
    assert detect(path) == "table"
    assert read_table(path).rows() == ROWS
    assert read_table(path).columns == ["user", "item", "time"]


def test_quotation_marks_in_recbole_files_are_plain_characters(tmp_path):
    path = write(tmp_path, "a.inter", 'user_id:token\titem_id:token\ttimestamp:float\n"a\tb"c\t1.5\n')
    assert read_table(path).rows() == [('"a', 'b"c', 1.5)]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([30, 10, 20], [30, 10, 20]),
        ([1.5, 0.5, 1.0], [1.5, 0.5, 1.0]),
        ([date(1970, 1, 3), date(1970, 1, 1), date(1970, 1, 2)], [2, 0, 1]),
        ([datetime(1970, 1, 1, 0, 0, second) for second in (3, 1, 2)], [3_000_000, 1_000_000, 2_000_000]),
        (["1970-01-03", "1970-01-01", "1970-01-02"], [172_800.0, 0.0, 86_400.0]),
    ],
)
def test_parquet(tmp_path, times, expected):
    path = tmp_path / "anything"
    pl.DataFrame({"u": [1, 2, 1], "time": times, "i": ["a", "b", "c"]}).write_parquet(path)
    frame = read_table(path, user="u", item="i")
    assert frame["user"].to_list() == ["1", "2", "1"]
    assert frame["item"].to_list() == ["a", "b", "c"]
    assert frame["time"].to_list() == expected


def test_dates_are_utc_unless_they_say_otherwise(tmp_path):
    times = ["1970-01-01", "1970-01-01 00:00:01", "1970-01-01T00:00:02Z", "1970-01-01T01:00:03+01:00", "4"]
    path = write(tmp_path, "a.csv", "user,item,time\n" + "".join(f"u,i,{time}\n" for time in times))
    assert read_table(path)["time"].to_list() == [0, 1, 2, 3, 4]


def test_whole_times_stay_exact(tmp_path):
    times = [1_700_000_000_000_000_001, 1_700_000_000_000_000_000]  # nanoseconds: one float for both
    path = write(tmp_path, "a.csv", "user,item,time\n" + "".join(f"u,i,{time}\n" for time in times))
    assert read_table(path)["time"].to_list() == times


ids = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\ufeff\x1c\x1d\x1e\x1f"), min_size=1, max_size=5
).filter(str.strip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(ids, ids, st.integers(-(2**62), 2**62)), min_size=1, max_size=5), st.booleans())
def test_what_polars_writes_is_read_back(tmp_path, rows, parquet):
    frame = pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")
    path = tmp_path / "table"
    if parquet:
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
        rows = [(user.strip(), item.strip(), time) for user, item, time in rows]
    assert read_table(path).rows() == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user,item,time\na,b,1\na,b\n", "line 3: 2 fields; the header has 3"),
        ("user,item,time\na,b,1\n\na,b,1,2\n", "line 4: 4 fields; the header has 3"),
        ("user,item,time\na,b,1\n,b,1\n", "line 3: the user is empty"),
        ("user,item,time\na, ,1\n", "line 2: the item is empty"),
        ("user,item,time\na,b,\n", "line 2: the time is empty"),
        ("user,item,time\na,b,1\na,b,soon\n", "line 3: the time 'soon' is no number and no date"),
        ("user,item,time\na,b,nan\n", "line 2: the time 'nan'"),
        ("user,item,time\na,b,2019-13-01\n", "line 2: the time '2019-13-01'"),
        ('user,item,time\n"a\nb",c,1\na,b,x\n', "line 4: the time 'x'"),  # after a quoted line break
        ('user,item,time\na,b,1\n"a,b,1\n', "line 3: unexpected end of data"),
        (b"user,item,time\na,b,1\na,\xff,2\n", "line 3: not UTF-8"),
        ("1 1 2 3\n", "has no column with a usual name for the users (it has 1 1 2 3); say which one it is"),
        ("who,item,time\n", "has no column with a usual name for the users (it has who, item, time)"),
        ("user,item\na,b\n", "for the times"),
    ],
)
def test_malformed_tables_are_refused_with_their_line(tmp_path, content, message):
    refused = refusal(read, [write(tmp_path, "bad.csv", content)])
    assert message in refused
    assert "bad.csv" in refused


def test_columns_are_named(tmp_path):
    path = write(tmp_path, "a.csv", "user,time,who,what\nx,1,ann,tea\n")
    assert read([path], columns=Columns("who", "what")).interactions.rows() == [("ann", "tea", 1)]
    assert "no column 'whom' for the users; it has user, time, who, what" in refusal(read_table, path, "whom", "what")
    assert "need a column each" in refusal(read_table, path, "who", "who")


def test_malformed_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": ["a", "b"], "item": ["c", None], "time": [1, 2]}).write_parquet(path)
    assert "a.parquet, row 2: the item is missing" in refusal(read_table, path)
    path.write_bytes(path.read_bytes()[:60])
    assert "cannot be read as Parquet" in refusal(read_table, path)


# Amazon

REVIEWS: list[dict] = [
    {"reviewerID": "A1", "asin": "007", "overall": 5.0, "reviewText": 'it\'s "fine"', "unixReviewTime": 30},
    {"reviewerID": "B2", "asin": "X9", "overall": 1.0, "reviewText": "no\nway", "unixReviewTime": 10},
]
METADATA: list[dict] = [
    {"asin": "007", "categories": [["Beauty", "Hair", "Wigs"], ["Beauty", "Hair"]], "brand": "Acme"},
    {"asin": "X9", "categories": [["Beauty"]], "brand": " "},
    {"asin": "Y", "title": "nothing known"},
    {"asin": "Z", "category": ["Toys", "Dolls"], "brand": None},
]
DESCRIBED = [("007", "Hair"), ("007", "Wigs"), ("007", "Hair"), ("007", "Acme"), ("Z", "Dolls")]


@pytest.mark.parametrize("form", [json_lines, python_lines])
@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode(), mtime=0)])
def test_amazon(tmp_path, form, pack):
    reviews = write(tmp_path, "reviews", pack(form(REVIEWS)))
    metadata = write(tmp_path, "meta", pack(form(METADATA)))
    assert (detect(reviews), detect(metadata)) == ("amazon reviews", "amazon metadata")
    raw = read([metadata, reviews])
    assert raw.interactions.rows() == [("A1", "007", 30), ("B2", "X9", 10)]
    assert raw.attributes is not None
    assert raw.attributes.rows() == DESCRIBED
    assert raw.skipped == 0


def test_code_in_a_file_does_not_run(tmp_path):
    trap = tmp_path / "trap"
    lines = [repr(REVIEWS[0]), f"{{'reviewerID': open({str(trap)!r}, 'w').name, 'asin': 'a', 'unixReviewTime': 1}}"]
    assert "line 2: neither JSON nor a Python literal" in refusal(read, [write(tmp_path, "r", "\n".join(lines))])
    assert not trap.exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"reviewerID": "A1", "asin": ', "neither JSON nor a Python literal"),
        ("{[1]: 2}", "neither JSON nor a Python literal"),
        ("{" * 100_000, "neither JSON nor a Python literal"),
        ("[1, 2]", "not a record"),
        ('{"asin": "a", "unixReviewTime": 1}', "the field reviewerID is missing"),
        ('{"reviewerID": 7, "asin": "a", "unixReviewTime": 1}', "the field reviewerID is not a text"),
        ('{"reviewerID": "A1", "asin": "", "unixReviewTime": 1}', "the field asin is not a text"),
        ('{"reviewerID": "A1", "asin": "a"}', "the field unixReviewTime is missing"),
        ('{"reviewerID": "A1", "asin": "a", "unixReviewTime": "1"}', "the field unixReviewTime is not a number"),
        ('{"reviewerID": "A1", "asin": "a", "unixReviewTime": NaN}', "the field unixReviewTime is not a number"),
        ('{"reviewerID": "A1", "asin": "a", "unixReviewTime": true}', "the field unixReviewTime is not a number"),
    ],
)
def test_malformed_reviews_are_refused_with_their_line(tmp_path, line, message):
    path = write(tmp_path, "reviews.json", json_lines(REVIEWS) + "\n" + line + "\n")
    assert f"reviews.json, line 4: {message}" in refusal(read, [path])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"categories": "Hair"}, "the categories are not lists"),
        ({"categories": [["Beauty", 7]]}, "'7' is no name"),
        ({"brand": ["Acme"]}, "is no name"),
    ],
)
def test_malformed_metadata_is_refused_with_its_line(tmp_path, fields, message):
    path = write(tmp_path, "meta.json", json_lines([METADATA[0], {"asin": "a", **fields}]))
    refused = refusal(read_amazon_metadata, path)
    assert "meta.json, line 2: " in refused
    assert message in refused


# Yelp

YELP: list[dict] = [
    {"review_id": "r", "user_id": "u1", "business_id": "b1", "stars": 5, "date": "2018-12-31 23:59:59"},
    {"review_id": "s", "user_id": "u1", "business_id": "b2", "stars": 4, "date": "2019-01-01 00:00:00"},
    {"review_id": "t", "user_id": "u2", "business_id": "b1", "stars": 3, "date": "2019-12-31"},
    {"review_id": "u", "user_id": "u2", "business_id": "b2", "stars": 3, "date": "2020-01-01 00:00:00"},
]


def test_yelp(tmp_path):
    reviews = write(tmp_path, "review.json", json_lines(YELP))
    businesses = [{"business_id": "b1", "categories": "Bars, Food ,, Bars"}, {"business_id": "b2", "categories": None}]
    business = write(tmp_path, "business.json", json_lines(businesses))
    assert (detect(reviews), detect(business)) == ("yelp reviews", "yelp businesses")
    raw = read([reviews, business])
    new_year, silvester = (datetime(2019, *day, tzinfo=UTC).timestamp() for day in ((1, 1), (12, 31)))
    assert raw.interactions.rows() == [("u1", "b2", new_year), ("u2", "b1", silvester)]
    assert raw.skipped == 2
    assert raw.attributes is not None
    assert raw.attributes.rows() == [("b1", "Bars"), ("b1", "Food"), ("b1", "Bars")]
    assert len(read([reviews], year=None).interactions) == 4
    assert "4 reviews are of other years than 1999" in refusal(read, [reviews], year=1999)


def test_malformed_yelp_is_refused_with_its_line(tmp_path):
    reviews = write(tmp_path, "review.json", json_lines([*YELP, {**YELP[0], "date": "yesterday"}]))
    assert "review.json, line 5: 'yesterday' is not a date" in refusal(read, [reviews])
    business = write(tmp_path, "business.json", json_lines([{"business_id": "b", "categories": ["Bars"]}]))
    assert "business.json, line 1: the categories" in refusal(read_yelp_businesses, business)


# Whatever else somebody hands in


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"[{}]", "one JSON array"),
        (b'{"user": "a", "clicks": 3}\n', "no known source (their fields: user, clicks)"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: not UTF-8"),
        (gzip.compress(json_lines(REVIEWS * 500).encode(), mtime=0)[:-20], "damaged or truncated gzip"),
        (gzip.compress(delimited(",").encode(), mtime=0)[:-9], "damaged or truncated gzip"),
        (b"\x1f\x8bnonsense", "damaged or truncated gzip"),
        (json_lines(METADATA).encode(), "no interactions in"),
        (b"user,item,time\n", "no interactions in"),
    ],
)
def test_files_without_interactions_are_refused(tmp_path, content, message):
    refused = refusal(read, [write(tmp_path, "file", content)])
    assert message in refused
    assert str(tmp_path / "file") in refused


def test_several_files_follow_one_another(tmp_path):
    first = write(tmp_path, "a.csv", delimited(","))
    second = write(tmp_path, "b.json", json_lines(REVIEWS))
    assert read([second, first]).interactions["user"].to_list() == ["A1", "B2", "ann", "bob", "ann"]
    with pytest.raises(FileNotFoundError):
        read([first, tmp_path / "missing.csv"])
    assert "no interactions in no file" in refusal(read, [])
