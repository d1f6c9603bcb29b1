"""Files of records, and what is refused whatever is in it; tables, times and Parquet have tests of their own."""

from __future__ import annotations

import gzip
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from landscape.training.data.raw import files
from landscape.training.data.raw.readers import Columns, detect, read
from landscape.training.data.raw.records import read_amazon_metadata, read_yelp_businesses
from tests.support.raw_sources import delimited, json_lines, python_lines, refusal, write

ROOT = Path(__file__).resolve().parents[3]
SECOND = 10**9
TABLE = delimited(",", ("user", "item", "time"), [("ann", "007", 30), ("bob", "x y", 10), ("ann", "x y", 20)])

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
        ('{"reviewerID": "A1", "asin": "a", "unixReviewTime": -1}', "the field unixReviewTime is negative"),
        ('{"reviewerID": "A1", "asin": "a", "unixReviewTime": 1e999}', "the time '1e999' is too large or too fine"),
        (
            '{"reviewerID": "A1", "asin": "a", "unixReviewTime": ' + "9" * 400 + "}",
            f"the time '{'9' * 40}' is too large",
        ),
        (
            '{"reviewerID": "A1", "asin": "a", "unixReviewTime": ' + "9" * 9000 + "}",
            "neither JSON nor a Python literal",
        ),
        ('{"reviewerID": 1.5, "asin": "a", "unixReviewTime": 1}', "the field reviewerID is not a text"),
        ('{"reviewerID": null, "asin": "a", "unixReviewTime": 1}', "the field reviewerID is missing"),
        ('{"reviewerID": "A1", "asin": " ", "unixReviewTime": 1}', "the field asin is not a text"),
        ('{"reviewerID": "A1", "asin": "a", "asin": "b", "unixReviewTime": 1}', "the field asin is there twice"),
        ("{'reviewerID': 'A1', 'asin': 'a', 'asin': 'b', 'unixReviewTime': 1}", "the field asin is there twice"),
        ('{"reviewerID": "A1", "asin": "a", "unixReviewTime": 1, "x": {"y": 1, "y": 2}}', "the field y is there twice"),
        ('{"reviewerID": "A1\\ud800", "asin": "a", "unixReviewTime": 1}', r"'A1\ud800' holds half a character"),
        (
            '{"reviewerID": "A\\u001b[31m", "asin": "a", "unixReviewTime": 1}',
            r"the user 'A\x1b[31m' holds control characters",
        ),
        (
            '{"reviewerID": "A", "asin": "a\\u2028b", "unixReviewTime": 1}',
            r"the item 'a\u2028b' holds control characters",
        ),
        ("{'reviewerID': 'A1', 7: 'a'}", "neither JSON nor a Python literal"),
        ('{"\\u001b": 1, "\\u001b": 2}', r"the field \x1b is there twice"),
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
        ({"store": 1.5}, "'1.5' is no name"),
        ({"brand": "Ac\ud800me"}, "holds half a character"),
        ({"asin": "a\x1b", "brand": "Acme"}, "holds control characters"),
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
    new_year, silvester = (int(datetime(2019, *day, tzinfo=UTC).timestamp()) for day in ((1, 1), (12, 31)))
    assert raw.interactions.rows() == [("u1", "b2", new_year * SECOND), ("u2", "b1", silvester * SECOND)]
    assert raw.skipped == 2
    assert raw.attributes is not None
    assert raw.attributes.rows() == [("b1", "Bars"), ("b1", "Food"), ("b1", "Bars")]
    assert len(read([reviews], year=None).interactions) == 4
    assert "4 reviews are of other years than 1999" in refusal(read, [reviews], year=1999)
    kept = read([reviews], keep_order=True)  # the year counts all the same
    assert kept.interactions.rows() == [("u1", "b2", 0), ("u2", "b1", 1)]
    assert kept.skipped == 2


def test_malformed_yelp_is_refused_with_its_line(tmp_path):
    reviews = write(tmp_path, "review.json", json_lines([*YELP, {**YELP[0], "date": "yesterday"}]))
    assert "review.json, line 5: the time 'yesterday' is no number and no date" in refusal(read, [reviews])
    business = write(tmp_path, "business.json", json_lines([{"business_id": "b", "categories": ["Bars"]}]))
    assert "business.json, line 1: the categories" in refusal(read_yelp_businesses, business)


# Amazon since 2018, Steam, and any records with usual names


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode(), mtime=0)])
def test_amazon_2023(tmp_path, pack):
    reviews = [
        {"rating": 5.0, "title": "A", "asin": "B0", "parent_asin": "B1", "user_id": "U", "timestamp": 1588687728923},
        {"rating": 4.0, "title": "B", "asin": "B2", "parent_asin": "B3", "user_id": "V", "timestamp": 1588615855070},
    ]
    metadata = [
        {"main_category": "Beauty", "parent_asin": "B1", "categories": ["Beauty", "Hair"], "store": "Acme"},
        {"main_category": "Beauty", "parent_asin": "B3", "categories": [], "store": None},
    ]
    paths = [write(tmp_path, "r.jsonl.gz", pack(json_lines(reviews))), write(tmp_path, "m", pack(json_lines(metadata)))]
    assert [detect(path) for path in paths] == ["amazon 2023 reviews", "amazon metadata"]
    raw = read(paths)
    assert raw.interactions.rows() == [("U", "B1", 1588687728923 * 10**6), ("V", "B3", 1588615855070 * 10**6)]
    assert raw.attributes is not None
    assert raw.attributes.rows() == [("B1", "Hair"), ("B1", "Acme")]
    assert raw.notes == ("times are milliseconds since 1970",)
    table = write(tmp_path, "r.csv", "user_id,parent_asin,rating,timestamp\nU,B1,5.0,1588687728923\n")
    assert read([table]).interactions.rows() == raw.interactions.rows()[:1]


@pytest.mark.parametrize("user", ["username", "user_id"])
def test_steam(tmp_path, user):
    lines = f"{{u'{user}': u'Chaos Syren', u'hours': 0.1, u'product_id': u'725280', u'date': u'2017-12-17'}}\n"
    path = write(tmp_path, "steam_reviews.json", lines * 2)
    assert detect(path) == "steam reviews"
    assert read([path]).interactions.rows() == [("Chaos Syren", "725280", 1513468800 * SECOND)] * 2
    lost = write(tmp_path, "lost", lines + lines.replace(user, "name"))
    assert f"line 2: the field {user} is missing" in refusal(read, [lost])


def test_records_with_usual_names(tmp_path):
    path = write(
        tmp_path, "a", json_lines([{"User": 7, "movieId": "m", "timestamp": "2024-03-01 12:00:00 UTC", "x": {}}])
    )
    assert detect(path) == "records"
    assert read([path]).interactions.rows() == [("7", "m", 1709294400 * SECOND)]
    assert "no column 'when' for the times" in refusal(read, [path], columns=Columns(time="when"))
    untimed = write(tmp_path, "b", json_lines([{"user": "u", "item": "i"}, {"user": "u", "item": "j"}]))
    assert "--keep-order" in refusal(read, [untimed])
    assert read([untimed], keep_order=True).interactions["time"].to_list() == [0, 1]


@pytest.mark.parametrize("form", [json_lines, python_lines])
def test_white_space_around_names_of_records_is_left_out(tmp_path, form):
    records = [
        {"reviewerID": name, "asin": "\tX 9 ", "unixReviewTime": time} for time, name in enumerate((" A1", "A1\n"))
    ]
    assert read([write(tmp_path, "a", form(records))]).interactions.rows() == [("A1", "X 9", 0), ("A1", "X 9", 1)]


def test_numbers_of_json_are_not_rounded(tmp_path):
    times = ["1700000000.000000002", "1700000000.000000001"]  # one float
    records = "".join(f'{{"user": "u", "item": "i", "time": {time}}}\n' for time in times)
    assert read([write(tmp_path, "a", records)]).interactions["time"].to_list() == [
        1700000000 * SECOND + n for n in (2, 1)
    ]


# Whatever else somebody hands in


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"PK\x03\x04rest", "is a zip archive or an Excel file; unpack it"),
        (b"BZh91AY", "is packed with bzip2"),
        (b"\xfd7zXZ\x00", "is packed with xz"),
        (b"\x28\xb5\x2f\xfd", "is packed with zstd"),
        (b"ARROW1\0\0", "is an Arrow (Feather) file"),
        ("user,item,time\n".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (b"[{}]", "one JSON array"),
        (b'{"user": "a", "clicks": 3}\n', "no known source (their fields: user, clicks)"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1: not UTF-8"),
        (gzip.compress(json_lines(REVIEWS * 500).encode(), mtime=0)[:-20], "damaged or truncated gzip"),
        (gzip.compress(TABLE.encode(), mtime=0)[:-9], "damaged or truncated gzip"),
        (b"\x1f\x8bnonsense", "damaged or truncated gzip"),
        (json_lines(METADATA).encode(), "no interactions in"),
        (b"user,item,time\n", "no interactions in"),
    ],
)
def test_files_without_interactions_are_refused(tmp_path, content, message):
    refused = refusal(read, [write(tmp_path, "file", content)])
    assert message in refused
    assert str(tmp_path / "file") in refused


@pytest.mark.parametrize("keep_order", [False, True])
def test_a_file_without_interactions_beside_others_is_refused_by_its_name(tmp_path, keep_order):
    """It is the wrong file, or was cut; other years than those read are no such case."""
    good, header = write(tmp_path, "a.csv", TABLE), write(tmp_path, "b.csv", "user,item,time\n")
    frame = tmp_path / "c.parquet"
    pl.DataFrame(schema={"user": pl.String, "item": pl.String, "time": pl.Int64}).write_parquet(frame)
    for empty in (header, frame):
        for sources in ([good, empty], [empty, good]):
            assert f"no interactions in {empty}; leave it out" in refusal(read, sources, keep_order=keep_order)
    yelp = write(tmp_path, "d", json_lines([{**YELP[0], "date": "2005-01-01 00:00:00"}]))
    assert read([good, yelp], keep_order=keep_order).skipped == 1


def test_several_files_follow_one_another(tmp_path):
    first = write(tmp_path, "a.csv", TABLE)
    second = write(tmp_path, "b.json", json_lines(REVIEWS))
    assert read([second, first]).sources == (second, first)
    assert read([second, first]).interactions["user"].to_list() == ["A1", "B2", "ann", "bob", "ann"]
    with pytest.raises(FileNotFoundError):
        read([first, tmp_path / "missing.csv"])
    assert "no interactions in no file" in refusal(read, [])


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_opened(tmp_path, kind):
    path = tmp_path / "source"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    assert "save its content to a file" in refusal(read, [path]) or kind == "folder"
    # Before anything is read of those named earlier.
    assert "source is a" in refusal(read, [write(tmp_path, "long", TABLE), path])


def test_lines_without_end_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE", 100)
    monkeypatch.setattr(files, "BLOCK", 30)
    path = write(tmp_path, "a.csv", TABLE + "x" * 200)
    assert "line 5 has over 100 characters" in refusal(read, [path])


def test_gzip_files_that_unpack_to_far_more_than_text_are_not_read(tmp_path, monkeypatch):
    content = "user,item,time\n" + "a,b,1\n" * 400_000
    path = write(tmp_path, "a.gz", gzip.compress(content.encode(), mtime=0))
    assert len(read([path]).interactions) == 400_000
    monkeypatch.setattr(files, "MAX_UNPACKED", 10_000)
    assert "as text hardly does" in refusal(read, [path])


def test_what_comes_from_a_path_is_printable_too(tmp_path):
    for content in (b"", b"user,item\n", b"{}", b"\x1f\x8b..", b"PAR1", b"user,item,time\na,b,x\n", b"1 2 3\n"):
        assert r"\x1b[31m" in refusal(read, [write(tmp_path, "\x1b[31mred", content)])


def test_every_first_line_in_the_guide_is_recognised(tmp_path):
    rows = re.findall(r"^\| (.+?) \| `(.+?)`", (ROOT / "docs" / "guides" / "data.md").read_text(), re.MULTILINE)
    assert len(rows) > 18
    for name, line in rows:
        if name == "Parquet":
            continue
        path = write(tmp_path, "file", line.replace("⇥", "\t") + "\n")
        if "metadata" in name or "businesses" in name:
            assert detect(path) in ("amazon metadata", "yelp businesses")
            assert "no interactions in" in refusal(read, [path])
        elif line[0] == "{" or line[:1].isdigit() or name[-7:] == "ratings":
            assert len(read([path]).interactions) == 1, name
        else:  # a header line, and nothing else
            assert "no interactions in" in refusal(read, [path])
