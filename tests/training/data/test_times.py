"""One instant is one number, whatever source it comes from; what is not certain is refused."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from datetime import time as day_time
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.training.data.raw.prepare import prepare
from landscape.training.data.raw.readers import read
from landscape.training.data.raw.times import UNITS, merge, read_times
from tests.support.raw_sources import FORMS, ORDERS, SECOND, iso, refusal, write

START, END = 160_000_000 * SECOND, 4_000_000_000 * SECOND  # 1975 to 2096


def times(texts, **options):
    return read_times(pl.Series(texts), "file", lambda row: f"file, line {row + 2}", **options)


def csv(tmp_path, *texts: str):
    return write(tmp_path, "a.csv", "user,item,time\n" + "".join(f"u,i,{text}\n" for text in texts))


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_nanoseconds(tmp_path, name):
    finest, content = FORMS[name]
    instants = [t - t % finest for t in random.Random(name).choices(range(START, END, 12_345_678_901), k=20)]
    path = write(tmp_path, "source", content([("u", f"i{n}", t) for n, t in enumerate(instants)]))
    assert read([path], year=None).interactions["time"].to_list() == instants


def test_sources_of_all_forms_make_one_log(tmp_path):
    """The interactions of some users, spread over files of all forms: the data set is that of one file."""
    source = random.Random(0)
    instants = [START + k * 86_400 * SECOND for k in source.sample(range(40_000), 400)]
    rows = [(f"u{source.randrange(20)}", f"i{source.randrange(30)}", instant) for instant in instants]
    parts: dict[str, list] = {name: [] for name in FORMS}
    for row in rows:
        parts[source.choice([*FORMS])].append(row)
    rows = [row for part in parts.values() for row in part]
    paths = [write(tmp_path, f"part{n}", FORMS[name][1](part)) for n, (name, part) in enumerate(parts.items())]
    whole = write(tmp_path, "whole", FORMS["csv ns"][1](rows))
    one, many = (prepare(read(files, year=None), tmp_path / "out", name, core=2)
                 for name, files in (("one", [whole]), ("many", paths)))  # fmt: skip
    assert many.path.read_bytes() == one.path.read_bytes()
    assert (tmp_path / "out" / "many_ids.json").read_bytes() == (tmp_path / "out" / "one_ids.json").read_bytes()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dated", ["csv s", "csv iso", "amazon 2023", "parquet us"])
def test_an_order_and_dates_do_not_mix(tmp_path, order, dated):
    first = write(tmp_path, "a", ORDERS[order]([("u", "i", n) for n in range(5)]))
    second = write(tmp_path, "b", FORMS[dated][1]([("u", "j", START)]))
    for sources in ([first, second], [second, first]):
        assert "--time-unit s|ms|us|ns|order" in refusal(read, sources)


def test_orders_mix_with_orders(tmp_path):
    whole = write(tmp_path, "a", ORDERS["csv"]([("u", "i", n) for n in (2, 0)]))
    halves = write(tmp_path, "b", ORDERS["csv halves"]([("u", "i", n) for n in (1, 0)]))  # 1.5, 0.5
    assert np.argsort(read([whole, halves]).interactions["time"]).tolist() == [1, 3, 2, 0]


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=6), st.sampled_from(["", ".5", ".25"]))
def test_an_order_is_exact_whatever_the_size_of_its_numbers(numbers, ending):
    """As beyond 2**53, where floats lose whole numbers, beside a fraction."""
    texts = [*(f"{number}{ending}" for number in numbers), "0.125"]
    values = merge([times(texts, unit="order")])[0].tolist()
    exact = [Fraction(text) for text in texts]
    assert [[a < b for a in values] for b in values] == [[a < b for a in exact] for b in exact]


@given(st.integers(-(2**63) + 10**10, 2**63 - 10**10), st.integers(-23, 23), st.integers(0, 9))
def test_iso_dates_against_the_standard_library(nanoseconds, hours, digits):
    nanoseconds -= nanoseconds % 10 ** (9 - digits)
    text = f"{iso(nanoseconds, hours, digits)}{hours:+03}:00"
    assert times([text]).values.tolist() == [nanoseconds]


@pytest.mark.parametrize("unit", UNITS)
def test_a_named_unit_is_taken_and_a_certain_one_is_reported(tmp_path, unit):
    path = csv(tmp_path, "7", "8")
    assert read([path], time_unit=unit).interactions["time"].to_list() == [7 * UNITS[unit], 8 * UNITS[unit]]
    path = csv(tmp_path, str(START // UNITS[unit]))
    assert read([path]).interactions["time"].to_list() == [START]
    word = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[unit]
    assert read([path]).notes == (f"times are {word} since 1970",)


def test_dates_before_1970_are_dates(tmp_path):
    assert read([csv(tmp_path, "1969-12-31 23:59:59", "1970-01-01")]).interactions["time"].to_list() == [-SECOND, 0]
    assert read([csv(tmp_path, "-2", "0")]).interactions["time"].to_list() == [-2, 0]  # an order


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["soon"], "line 2: the time 'soon' is no number and no date"),
        (["1", "nan"], "line 3: the time 'nan' is no number and no date"),
        (["inf"], "the time 'inf'"),
        (["1_000"], "the time '1_000'"),
        (["1", ""], "line 3: the time is empty"),
        (["true"], "the time 'true'"),
        (["١٢"], "is no number"),
        (["0x10"], "is no number"),
        (["10:30:00"], "'10:30:00' is a time of day without a date"),
        (["2019-13-01"], "the time '2019-13-01' does not exist"),
        (["2019-02-29"], "does not exist"),
        (["2019-06-01 24:00:00"], "does not exist"),
        (["2019-06-01T10:00:00+25:00"], "does not exist"),
        (["2019-06-01 10:00:00.1234567890"], "is no number and no date"),
        (["2019-06-01 10:00:00 CEST"], "is no number and no date"),
        (["2263-01-01"], "is not between 1678 and 2262"),
        (["2019", "2019-06-01"], "line 3: numbers and dates are mixed in one column, '2019' and '2019-06-01'"),
        (["2019-06-01", "1559347200"], "line 3: numbers and dates are mixed"),
        (["5", "1559347200"], "line 3: the time 1559347200 beside 5 has no certain unit"),
        (["1559347200", "1559347200000"], "line 3: the time 1559347200000 beside 1559347200 has no certain unit"),
        (["1559347200000", "1559347200"], "line 3: the time 1559347200 beside 1559347200000 has no certain unit"),
        (["20190601120000"], "line 2: the time 20190601120000 has no certain unit"),
        (["9223372036854775808"], "no certain unit"),
        (["9" * 400], "is too large or too fine"),
        (["1e999"], "is too large or too fine"),
        (["-1559347200"], "the time -1559347200 is negative"),
        (["-1", "1559347200"], "the time -1 is negative"),
        (["1559347200.12345678901"], "is finer than a nanosecond"),
    ],
)
def test_what_is_no_certain_time_is_refused_with_its_line(tmp_path, texts, message):
    refused = refusal(read, [csv(tmp_path, *texts)])
    assert message in refused
    assert "a.csv, line " in refused


@pytest.mark.parametrize(
    "texts", [["5", "1559347200"], ["20190601120000"], ["-1559347200", "3"], ["1559347200.12345678901"]]
)
def test_refused_numbers_can_be_an_order(tmp_path, texts):
    values = read([csv(tmp_path, *texts)], time_unit="order").interactions["time"].to_list()
    assert np.argsort(values).tolist() == np.argsort([float(text) for text in texts]).tolist()


def test_named_units_have_limits(tmp_path):
    assert "line 2: the time 1559347200000 in seconds is after the year 2262" in refusal(
        read, [csv(tmp_path, "1559347200000")], time_unit="s")  # fmt: skip
    assert "the time -3 is negative" in refusal(read, [csv(tmp_path, "-3")], time_unit="ms")
    assert "must be one of s, ms, us, ns, order" in refusal(read, [csv(tmp_path, "3")], time_unit="h")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pl.Series([True, False]), "the times are of type Boolean"),
        (pl.Series([day_time(10), day_time(9)]), "times of day without a date"),
        (pl.Series([datetime(2024, 1, 2), datetime(2024, 1, 1)]).diff().fill_null(strategy="zero"), "durations"),
        (pl.Series([[1], [2]]), "the times are of type List"),
        (pl.Series([1, None]), "row 2: the time is missing"),
        (pl.Series([1.5, float("nan")]), "row 2: the time 'nan' is not a finite number"),
        (pl.Series([1.5, float("inf")]), "row 2: the time 'inf' is not a finite number"),
        (pl.Series([None, None], dtype=pl.String), "row 1: the time is missing"),
        (pl.Series([2**63 - 1, 0]).cast(pl.Datetime("us")), "row 1: the time is not between the years 1678 and 2262"),
        (pl.Series(["2019", "2019-06-01"]), "row 2: numbers and dates are mixed"),
        (pl.Series([2**64 - 1, 0], dtype=pl.UInt64), "no certain unit"),
    ],
)
def test_parquet_columns_that_are_no_times(tmp_path, column, message):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": ["a", "b"], "item": ["c", "d"], "time": column}).write_parquet(path)
    assert message in refusal(read, [path])


def test_a_zone_is_part_of_a_time(tmp_path):
    """Yelp's dates have none; one that does is not read without it."""
    record = '{"review_id": "r", "user_id": "u", "business_id": "b", "date": "2019-01-01T00:30:00+01:00"}\n'
    raw = read([write(tmp_path, "yelp", record)], year=2018)
    assert raw.interactions["time"].to_list() == [int(datetime(2018, 12, 31, 23, 30, tzinfo=UTC).timestamp()) * SECOND]
