"""Reading the published format, finding data sets by name, and choosing users to train on."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.training.data import catalogue
from landscape.training.data.catalogue import KNOWN, listing
from landscape.training.data.dataset import Dataset, load, load_attributes, training_users
from landscape.training.data.s3rec_format import parse_attributes, parse_sequences

ONE_LINE = r"\A.+\Z"


def assert_one_line(problem: ValueError) -> None:
    assert re.match(ONE_LINE, str(problem))


def write(folder: Path, content: str | bytes, name: str = "Small.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sequences(dataset: Dataset) -> list[list[int]]:
    return [part.tolist() for part in np.split(dataset.items, dataset.offsets[1:-1])]


# The format


def test_users_follow_one_another(tmp_path):
    data = load(write(tmp_path, "1 1 2 3\n2 2 3 4 1\n3 5 5 6\n"))
    assert sequences(data) == [[1, 2, 3], [2, 3, 4, 1], [5, 5, 6]]
    assert (data.name, data.n_users, data.n_items, data.left_out) == ("Small", 3, 6, 0)
    assert data.lengths.tolist() == [3, 4, 3]
    assert data.items.dtype == np.int32
    assert data.offsets.dtype == np.int64
    assert data.attributes is None
    assert data.best_hit_rate is None
    assert data.sha256 == hashlib.sha256(b"1 1 2 3\n2 2 3 4 1\n3 5 5 6\n").hexdigest()
    assert repr(data) == "Dataset(Small: 3 users, 6 items, 10 interactions, length mean 3.33 median 3 max 4)"


@given(
    st.lists(st.lists(st.integers(1, 400), max_size=6), min_size=1, max_size=6).filter(any),
    st.sampled_from(["\n", "\r\n", "\n\n", " \n"]),
    st.sampled_from([" ", "\t", "  "]),
    st.booleans(),
    st.booleans(),
)
def test_white_space_does_not_matter(users, newline, space, final_newline, byte_order_mark):
    lines = [space.join(map(str, [user, *items])) for user, items in enumerate(users, start=1)]
    text = newline.join(lines) + newline * final_newline
    items, lengths, numbers = parse_sequences(b"\xef\xbb\xbf" * byte_order_mark + text.encode(), "data")
    assert items.tolist() == [item for items in users for item in items]
    assert lengths.tolist() == [len(items) for items in users]
    assert numbers.tolist() == list(range(1, len(users) + 1))


def test_short_users_are_left_out_and_counted(tmp_path):
    data = load(write(tmp_path, "1 1 2\n2 3 4 5\n3\n4 9\n5 1 2 3 4\n"))
    assert sequences(data) == [[3, 4, 5], [1, 2, 3, 4]]
    assert data.left_out == 3
    assert [data.user_name(user) for user in range(2)] == ["user 2", "user 5"]
    assert data.of_users(np.array([1])).user_name(0) == "user 5"
    assert data.n_items == 9  # ids stay what they are in the file
    assert "3 users with fewer than 3 items left out" in repr(data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Small.txt has no interactions"),
        (b"\n \n", "Small.txt has no interactions"),
        (b"1\n2\n", "Small.txt has no interactions"),
        (b"1 1 2\n2 1\n", "no user with at least 3 items"),
        (b"1 1 2 3\n2 4 x7 5\n", "Small.txt, line 2: 'x7' is not an id"),
        (b"1 1 2 3\n\n2 4 -7 5\n", "Small.txt, line 3: '-7' is not an id"),
        (b"1 1 2 3.5", "Small.txt, line 1: '3.5' is not an id"),
        (b"1,1,2,3\n", "Small.txt, line 1: '1,1,2,3' is not an id"),
        ("1 1 2 3\n2 4 ٣ 5\n".encode(), "Small.txt, line 2: '٣' is not an id"),
        (b"1 1 2 3\n2 4 0 5\n", "Small.txt, line 2: item 0 is not an id"),
        (b"0 1 2 3\n", "Small.txt, line 1: user 0 is not an id"),
        (b"1 1 2 3\n2 4 5 6\n1 7 8 9\n", "Small.txt, line 3: user 1 has a line already"),
        (b"1 1 2 3\n2 4 5 99999999999999999999\n", "Small.txt, line 2: item 99999999999999999999 has too many digits"),
        (b"1 1 2 3\n2 4 5 4000000000\n", "Small.txt, line 2: item 4000000000 is too large"),
        (b"1 1 2 3\n2 4 5 2000000\n", "Small.txt, line 2: item 2000000 is too large"),
        (b"\x80\x02}q\x00(X\x05\x00", "Small.txt is a binary file"),
        (b"PK\x03\x04\x00\x00", "Small.txt is a binary file"),
    ],
)
def test_malformed_data_is_refused_with_its_line(tmp_path, content, message):
    with pytest.raises(ValueError, match=ONE_LINE) as raised:
        load(write(tmp_path, content))
    assert message in str(raised.value)


@given(st.one_of(st.binary(max_size=60), st.text("0123456789 \n\t,-x", max_size=60).map(str.encode)))
def test_any_bytes_are_read_rightly_or_refused_in_one_line(content):
    try:
        items, lengths, _ = parse_sequences(content, "data")
    except ValueError as problem:
        assert_one_line(problem)
    else:
        rows = [list(map(int, line.split())) for line in content.removeprefix(b"\xef\xbb\xbf").decode().split("\n")]
        rows = [row for row in rows if row]
        assert items.tolist() == [item for row in rows for item in row[1:]]
        assert lengths.tolist() == [len(row) - 1 for row in rows]
        assert min(map(min, rows)) >= 1
        assert len({row[0] for row in rows}) == len(rows)


# Attributes


def test_attributes_with_every_quirk(tmp_path):
    path = write(tmp_path, "1 1 2 3\n2 3 4 1\n")
    write(tmp_path, json.dumps({"3": [7, 2, 7, 2], "1": [], "2": [5], "99": [1, 9]}), "Small_item2attributes.json")
    attributes = load(path).attributes
    assert attributes is not None
    of_items = [
        attributes.values[a:b].tolist() for a, b in zip(attributes.offsets, attributes.offsets[1:], strict=False)
    ]
    assert of_items == [[], [], [5], [2, 7], []]  # items 0 (padding) to 4, which the file lacks
    assert attributes.n_attributes == 9
    assert attributes.ignored == 1
    assert attributes.values.dtype == np.int32
    assert attributes.offsets.dtype == np.int64
    assert repr(attributes) == "Attributes(9 attributes, 3 entries for 2 items)"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])  # with the marks that editors write
def test_attributes_in_any_encoding_of_json(tmp_path, encoding):
    (tmp_path / "a.json").write_bytes('{"1": [2]}'.encode(encoding))
    assert load_attributes(tmp_path / "a.json", n_items=3).values.tolist() == [2]


def test_attributes_from_another_file(tmp_path):
    path = write(tmp_path, "1 1 2 3\n")
    other = write(tmp_path, '{"1": [4]}', "other.json")
    write(tmp_path, '{"1": [1, 2]}', "Small_item2attributes.json")
    attributes = load(path, attributes=other).attributes
    assert attributes is not None
    assert (attributes.n_attributes, attributes.source) == (4, str(other))
    assert attributes.sha256 == hashlib.sha256(b'{"1": [4]}').hexdigest()
    with pytest.raises(FileNotFoundError):
        load(path, attributes=tmp_path / "missing.json")
    with pytest.raises(ValueError, match="attributes of its own"):
        load("synthetic", attributes=other)


@pytest.mark.parametrize("content", ["{}", '{"1": []}', '{"50": [3]}'])
def test_no_attribute_for_any_item(tmp_path, content):
    attributes = load_attributes(write(tmp_path, content, "a.json"), n_items=3)
    assert len(attributes.values) == 0
    assert attributes.offsets.tolist() == [0] * 5


@pytest.mark.parametrize(
    ("content", "other"),
    [("{}", ""), ('{"1": []}', ""), ('{"50": [3], "51": [1]}', ": the 2 items in it have other numbers")],
)
def test_attributes_of_none_of_the_items_are_refused_where_their_file_is_named(tmp_path, content, other):
    """Beside the data they may lie: methods without attributes do not need them."""
    path, named = write(tmp_path, "1 1 2 3\n"), write(tmp_path, content, "named.json")
    with pytest.raises(ValueError, match=rf"named\.json has attributes for none of the 3 items of Small{other}; give"):
        load(path, attributes=named)
    write(tmp_path, content, "Small_item2attributes.json")
    attributes = load(path).attributes
    assert attributes is not None
    assert len(attributes.values) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1"),
        (b'{"1": [1],\n "2": [1,\n', "line 3"),
        (b"[1, 2]", "holds no JSON object"),
        (b'{"x": [1]}', "'x' is not an item id"),
        (b'{"0": [1]}', "'0' is not an item id"),
        (b'{"-1": [1]}', "'-1' is not an item id"),
        (b'{"1": 3}', "attributes of item 1"),
        (b'{"1": [0]}', "attributes of item 1"),
        (b'{"1": [1.5]}', "attributes of item 1"),
        (b'{"1": [true]}', "attributes of item 1"),
        (b'{"1": ["2"]}', "attributes of item 1"),
        (b'{"1": [9999999999]}', "attributes of item 1"),
        (b'{"1": [' + b"9" * 5000 + b"]}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\x80abc", "not JSON"),
    ],
)
def test_malformed_attributes_are_refused(content, message):
    with pytest.raises(ValueError, match=ONE_LINE) as raised:
        parse_attributes(content, "a.json")
    assert message in str(raised.value)
    assert "a.json" in str(raised.value)


# Names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("Beauty", "Toys_and_Games", "Mine"):
        write(tmp_path, "1 1 2 3\n", f"{name}.txt")
    monkeypatch.setenv("LANDSCAPE_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Beauty", "Beauty"),
        ("beauty", "Beauty"),
        ("beauty.txt", "Beauty"),
        ("toys", "Toys_and_Games"),
        ("TOYS_AND_GAMES", "Toys_and_Games"),
        ("Mine", "Mine"),
        ("mine_and_yours", "Mine"),
        ("synthetic", "synthetic"),
        ("Synthetic", "synthetic"),
    ],
)
def test_names_are_found(folder, name, found):
    assert load(name).name == found


def test_two_tails_are_two_sets(folder):
    with pytest.raises(FileNotFoundError):
        load("Toys_and_Babies")


def test_an_exact_name_comes_before_a_close_one(folder):
    write(folder, "1 1 2 3\n", "Toys.txt")
    assert load("toys").name == "Toys"
    assert load("Toys_and_Games").name == "Toys_and_Games"
    write(folder, "1 1 2 3\n", "Toys_and_Babies.txt")
    (folder / "Toys.txt").unlink()
    with pytest.raises(ValueError, match="fits several data sets: Toys_and_Babies, Toys_and_Games"):
        load("toys")


def test_a_path_works_wherever_a_name_does(folder, monkeypatch):
    assert load(folder / "Mine.txt").name == "Mine"
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LANDSCAPE_DATA", str(folder / "nowhere"))
    assert load("Mine.txt").source == "Mine.txt"


def test_the_folder_named_last_counts_first(folder, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    write(other, "1 1 2 3\n2 1 2 3\n", "Beauty.txt")
    assert load("beauty", data_dir=other).n_users == 2
    assert load("beauty").n_users == 1
    monkeypatch.delenv("LANDSCAPE_DATA")
    assert "landscape" in str(catalogue.data_folder())
    assert catalogue.data_folder(other) == other


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Beuty", "no data set 'Beuty': did you mean Beauty? (looked for Beuty.txt in {folder})"),
        ("sintetic", "did you mean synthetic?"),
        ("minne", "did you mean Mine?"),
        ("qqqqqq", "`landscape data list` names them"),
        ("yelp", "Yelp.txt is not in {folder}; `landscape data fetch Yelp` puts it there"),
        ("sports", "`landscape data fetch Sports_and_Outdoors`"),
        ("some/where.txt", "there is no data file some/where.txt"),
        ("{folder}", "is a folder"),
    ],
)
def test_unknown_names_say_what_to_do(folder, name, message):
    with pytest.raises(FileNotFoundError, match=ONE_LINE) as raised:
        load(name.format(folder=folder))
    assert message.format(folder=folder) in str(raised.value)


def test_listing_has_built_in_public_and_own_sets(folder):
    rows = {row["name"]: row for row in listing()}
    assert list(rows) == ["synthetic", *KNOWN, "Mine"]
    assert rows["synthetic"]["where"] == "built in"
    assert rows["Beauty"] == {
        "name": "Beauty",
        "users": 22_363,
        "items": 12_101,
        "interactions": 198_502,
        "where": str(folder / "Beauty.txt"),
    }
    assert rows["Yelp"]["where"] == "landscape data fetch Yelp"
    assert rows["Mine"]["users"] is None
    assert [row["name"] for row in listing(folder / "nowhere")] == ["synthetic", *KNOWN]


# Users to train on


@pytest.fixture(scope="module")
def dataset():
    return load("synthetic")


@given(st.floats(0, 1, exclude_min=True), st.integers(0, 2**32))
def test_training_users_are_a_sorted_share(dataset, fraction, seed):
    users = training_users(dataset, fraction, seed)
    assert len(users) == max(1, round(fraction * dataset.n_users))
    assert (np.diff(users) > 0).all()
    assert users[0] >= 0
    assert users[-1] < dataset.n_users
    assert (users == training_users(dataset, fraction, seed)).all()
    assert np.isin(users, training_users(dataset, min(1.0, fraction * 1.5), seed)).all()


def test_training_users_depend_on_the_seed(dataset):
    assert (training_users(dataset, 1.0, 0) == np.arange(dataset.n_users)).all()
    assert (training_users(dataset, 0.6, 0) != training_users(dataset, 0.6, 1)).any()


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, float("nan"), float("inf")])
def test_fractions_out_of_range_are_refused(dataset, fraction):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        training_users(dataset, fraction, 0)


# The public files


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "mean", "median", "longest", "n_attributes", "entries_an_item", "repetitions", "training_tokens"),
    [("beauty", 8.88, 6, 204, 637, 3.72, 5, 128_031), ("toys", 8.63, 6, 550, 1_027, 4.28, 146, 106_592)],
)
def test_the_public_files(
    data_folder, name, mean, median, longest, n_attributes, entries_an_item, repetitions, training_tokens
):
    data = load(name, data_dir=data_folder)
    known = KNOWN[data.name]
    assert (data.n_users, data.n_items, len(data.items)) == (known.users, known.items, known.interactions)
    assert (round(data.lengths.mean(), 2), np.median(data.lengths), data.lengths.max()) == (mean, median, longest)
    assert np.minimum(data.lengths - 3, 50).sum() == training_tokens
    assert data.left_out == 0
    assert (np.unique(data.items) == np.arange(1, data.n_items + 1)).all()
    assert data.sha256 == known.sha256
    assert data.attributes is not None
    assert data.attributes.sha256 == known.attributes_sha256
    counts = np.diff(data.attributes.offsets)
    assert (data.attributes.n_attributes, data.attributes.ignored, counts[0]) == (n_attributes, 0, 0)
    described, _, values = parse_attributes(Path(data.attributes.source).read_bytes(), "")
    assert round(len(values) / len(described), 2) == entries_an_item
    assert len(values) - counts.sum() == repetitions
