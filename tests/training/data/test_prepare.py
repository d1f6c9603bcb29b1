"""From raw interactions to files that load, against a plain reference in pure Python."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landscape.training.data.dataset import load
from landscape.training.data.raw.prepare import k_core, prepare, prepare_files
from landscape.training.data.raw.readers import Columns, Raw, read

ROOT = Path(__file__).resolve().parents[3]

Row = tuple[str, str, int]

tables = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.sampled_from("uvwxyz"), st.integers(0, 3)), min_size=1, max_size=60
)
cores = st.integers(1, 4)


def raw(rows: list[Row], attributes: list[tuple[str, str]] | None = None) -> Raw:
    described = None if attributes is None else pl.DataFrame(attributes, schema=["item", "attribute"], orient="row")
    return Raw(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"), described)


def reference_core(rows: list[Row], k: int) -> list[Row]:
    """The k-core by the letter: leave out one user or one item at a time until none is short."""
    while True:
        users, items = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
        short = next((row for row in rows if users[row[0]] < k or items[row[1]] < k), None)
        if short is None:
            return rows
        user_is_short = users[short[0]] < k
        rows = [row for row in rows if (row[0] != short[0] if user_is_short else row[1] != short[1])]


def reference(rows: list[Row], k: int) -> list[list[str]]:
    """Lists of a user and its items, users by first appearance, items by time and then by place in the source."""
    users: dict[str, list[Row]] = {}
    for row in reference_core(rows, k):
        users.setdefault(row[0], []).append(row)
    return [[user, *(row[1] for row in sorted(of_user, key=lambda row: row[2]))] for user, of_user in users.items()]


def read_back(path: Path) -> tuple[list[list[int]], dict[str, list]]:
    lines = [list(map(int, line.split())) for line in path.read_text().splitlines()]
    return lines, json.loads(path.with_name(path.stem + "_ids.json").read_text())


@given(tables, cores)
def test_k_core_is_the_fixpoint(rows, k):
    users = np.unique([row[0] for row in rows], return_inverse=True)[1]
    items = np.unique([row[1] for row in rows], return_inverse=True)[1]
    keep = k_core(users, items, k)
    assert [row for row, kept in zip(rows, keep, strict=True) if kept] == reference_core(rows, k)


def test_k_core_of_nothing():
    nothing = np.empty(0, dtype=np.int64)
    assert k_core(nothing, nothing, 5).tolist() == []


def test_a_chain_unravels_completely():
    # Each round leaves out one end only: a single pass would keep nearly everything.
    users = np.repeat(np.arange(50), 2)
    items = np.arange(1, 101) // 2
    assert not k_core(users, items, 2).any()
    closed = np.where(items == 50, 0, items)  # a ring has no end
    assert k_core(users, closed, 2).all()


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, cores)
def test_prepared_files_are_those_of_the_reference(tmp_path, rows, k):
    expected = reference(rows, k)
    if max((len(line) - 1 for line in expected), default=0) < 3:
        with pytest.raises(ValueError, match="no user with at least 3 items is left"):
            prepare(raw(rows), tmp_path, "set", core=k, overwrite=True)
        return
    summary = prepare(raw(rows), tmp_path, "set", core=k, overwrite=True)
    lines, ids = read_back(summary.path)
    assert [[ids["users"][line[0]], *(ids["items"][item] for item in line[1:])] for line in lines] == expected
    # Ids are 1, 2, 3, … in the order of their first appearance.
    items = [item for line in lines for item in line[1:]]
    assert [line[0] for line in lines] == list(range(1, len(lines) + 1))
    assert list(dict.fromkeys(items)) == list(range(1, max(items) + 1))
    assert (len(ids["users"]), len(ids["items"])) == (len(lines) + 1, max(items) + 1)
    # The summary counts, and the files load.
    long = [line[1:] for line in lines if len(line) > 3]
    data = load(summary.path)
    assert [part.tolist() for part in np.split(data.items, data.offsets[1:-1])] == long
    assert (summary.users, summary.items, summary.interactions) == (len(lines), max(items), len(items))
    assert (summary.users_read, summary.interactions_read) == (len({row[0] for row in rows}), len(rows))
    assert summary.repeats == len(items) - sum(len(set(line[1:])) for line in lines)
    assert summary.short == data.left_out == len(lines) - len(long)


def test_ties_in_time_keep_the_order_of_the_source(tmp_path):
    rows = [("a", f"i{n}", 0) for n in (5, 3, 9, 1)] + [("a", "first", -1), ("a", "i2", 0)]
    lines, ids = read_back(prepare(raw(rows), tmp_path, "set", core=1).path)
    assert [ids["items"][item] for item in lines[0][1:]] == ["first", "i5", "i3", "i9", "i1", "i2"]


def test_attributes_are_numbered_by_first_appearance(tmp_path):
    rows = [("a", item, time) for time, item in enumerate("xyz")]
    attributes = [("gone", "old"), ("z", "red"), ("z", "big"), ("z", "red"), ("x", "big"), ("x", "new")]
    summary = prepare(raw(rows, attributes), tmp_path, "set", core=1)
    _, ids = read_back(summary.path)
    assert json.loads((tmp_path / "set_item2attributes.json").read_text()) == {"3": [1, 2], "1": [2, 3]}
    assert ids == {"users": [None, "a"], "items": [None, "x", "y", "z"], "attributes": [None, "red", "big", "new"]}
    assert (summary.attributes, summary.items_described) == (3, 2)
    loaded = load(summary.path).attributes
    assert loaded is not None
    assert loaded.values.tolist() == [2, 3, 1, 2]
    assert loaded.offsets.tolist() == [0, 0, 2, 2, 4]


def test_raw_amazon_files_end_to_end(tmp_path):
    # User C has one review only; without it item Z has too few, and without Z nothing else changes.
    reviews = [("A", "X", 2), ("A", "Y", 1), ("B", "Y", 5), ("A", "Z", 3), ("B", "X", 5), ("C", "Z", 1), ("A", "X", 9)]
    fields = ("reviewerID", "asin", "unixReviewTime")
    (tmp_path / "reviews_Few.json").write_text("\n".join(str(dict(zip(fields, row, strict=True))) for row in reviews))
    metadata = [{"asin": "X", "categories": [["Top", "Sub"]], "brand": "Acme"}, {"asin": "Z", "brand": "Gone"}]
    (tmp_path / "meta.json").write_text("\n".join(map(json.dumps, metadata)))
    summary = prepare(read([tmp_path / "reviews_Few.json", tmp_path / "meta.json"]), tmp_path / "out", "Few", core=2)
    assert summary.path == tmp_path / "out" / "Few.txt"
    assert summary.path.read_text() == "1 1 2 2\n2 1 2\n"
    assert str(summary).splitlines() == [
        f"{summary.path}: the 2-core",
        "             2 of 3 users",
        "             2 of 3 items",
        "             5 of 7 interactions, 2.50 a user, 1 repeated",
        "             2 attributes, 1 items have some",
        "             1 users have fewer than 3 items and will be left out",
    ]


def test_tables_with_named_columns(tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("who,what,when\n" + "".join(f"u,i{n},{-n}\n" for n in range(3)))
    summary = prepare(read([path], columns=Columns("who", "what", "when")), tmp_path, "my", core=1)
    assert read_back(summary.path)[1]["items"] == [None, "i2", "i1", "i0"]
    assert str(summary).startswith(f"{summary.path}: all interactions\n")
    assert not (tmp_path / "my_item2attributes.json").exists()


def test_a_set_is_not_overwritten_unasked(tmp_path):
    prepare(raw([("a", "x", 1)] * 3, [("x", "red")]), tmp_path, "set", core=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match="exists; choose another name"):
        prepare(raw([("b", "y", 1)] * 4), tmp_path, "set", core=1)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    summary = prepare(raw([("b", "y", 1)] * 4), tmp_path, "set", core=1, overwrite=True)
    assert "set_item2attributes.json of the replaced set is removed" in str(summary)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.txt", "set_ids.json"]  # no stale attributes
    assert load(tmp_path / "set.txt").attributes is None


@pytest.mark.parametrize("ending", [".txt", "_ids.json", "_item2attributes.json"])
def test_no_file_of_another_origin_is_replaced_unasked(tmp_path, ending):
    """Even if the data file itself is missing."""
    mine = tmp_path / f"set{ending}"
    mine.write_text("mine")
    with pytest.raises(FileExistsError, match=f"set{ending} exists"):
        prepare(raw([("a", "x", 1)] * 3), tmp_path, "set", core=1)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("as_link", [True, False])
def test_no_output_is_an_input(tmp_path, overwrite, as_link):
    source = tmp_path / "ml-1m.txt"
    source.write_text("1 2\n1 3\n1 4\n")
    if as_link:
        (tmp_path / "set_ids.json").hardlink_to(source)
    with pytest.raises(ValueError, match="would replace the input"):
        prepare_files([source], tmp_path, "set" if as_link else None, core=1, overwrite=overwrite)
    assert source.read_text() == "1 2\n1 3\n1 4\n"


def test_what_can_be_refused_at_once_is(tmp_path):
    """Before hours of reading: the source here could not even be read."""
    (tmp_path / "bad").write_text("no,table\n")
    (tmp_path / "set.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        prepare_files([tmp_path / "bad"], tmp_path, "set")
    with pytest.raises(ValueError, match="core must be at least 1"):
        prepare_files([tmp_path / "bad"], tmp_path, "other", core=0)


def test_a_full_disk_leaves_the_old_set(tmp_path):
    """With a limit on the size of files the new sequences do not fit, as late as that shows."""
    prepare(raw([("a", "x", 1)] * 3, [("x", "red")]), tmp_path, "set", core=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    program = (
        "import resource, sys\nfrom landscape.training.data.raw.prepare import prepare\n"
        "from tests.training.data.test_prepare import raw\n"
        "rows = [('u', 'i', n) for n in range(10_000)]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: prepare(raw(rows), sys.argv[1], 'set', core=1, overwrite=True)\n"
        "except OSError as problem: print(problem)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "File too large" in ended.stdout
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_nothing_is_written_when_nothing_is_left(tmp_path):
    with pytest.raises(ValueError, match="of 3 interactions and 1 users in the 5-core; try a smaller core"):
        prepare(raw([("a", "x", 1)] * 3), tmp_path / "out", "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["synthetic", "a/b", "..", ".hidden", "", "a\x1b[31m", "a\nb"])
def test_names_that_no_set_can_have(tmp_path, name):
    with pytest.raises(ValueError, match="cannot be called"):
        prepare(raw([("a", "x", 1)] * 3), tmp_path, name, core=1)


@pytest.mark.parametrize("core", [0, -1])
def test_a_core_out_of_range(tmp_path, core):
    with pytest.raises(ValueError, match="at least 1"):
        prepare(raw([("a", "x", 1)] * 3), tmp_path, "set", core=core)


@pytest.mark.slow
def test_beauty_comes_back_byte_for_byte(tmp_path, data_folder):
    # Taken apart into interactions with names and times, mixed up across users, and prepared again.
    data = load(data_folder / "Beauty.txt")
    owner = np.repeat(np.arange(data.n_users), data.lengths)
    time = np.arange(len(owner)) - data.offsets[:-1][owner]
    users, items = [f"U{user}" for user in owner], [f"I{item}" for item in data.items]
    names = pl.DataFrame({"user": users, "item": items, "time": time})
    # First items come first and in order: who appears when is what user ids are made of.
    mixed = np.lexsort((np.random.default_rng(0).random(len(owner)), np.where(time == 0, owner, len(owner))))
    summary = prepare(Raw(names[mixed], None), tmp_path, "Again")
    assert summary.path.read_bytes() == (data_folder / "Beauty.txt").read_bytes()
    assert (summary.short, summary.repeats) == (0, 0)
