"""Results as CSV and JSON: every number comes back as it was, beside its error."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from landscape.figures.exchange.numbers import csv_text, json_text, result_tables
from landscape.results import Barrier, Surface
from landscape.results.storage.serialization import from_plain, to_plain
from landscape.results.storage.values import curvature_values
from tests.support.drawable import evaluated, full_curvature, interpolated, marked


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def number(text):
    return float(text) if text else float("nan")


@given(st.lists(st.floats(allow_subnormal=True), max_size=20), st.text(max_size=8))
def test_a_column_of_any_numbers_and_texts_comes_back(values, text):
    rows = rows_of(csv_text({"value": np.array(values), "text": [text] * len(values), "yes": [True] * len(values)}))
    assert_array_equal([number(row["value"]) for row in rows], values)
    if "\r" not in text and "\0" not in text:  # the reader makes a line of each
        assert all((row["text"], row["yes"]) == (text, "true") for row in rows)


def test_a_grid_has_each_quantity_beside_its_error():
    surface = marked()  # interpolated; HR@10 is known everywhere, NDCG@10 at some points
    rows = rows_of(csv_text(result_tables(surface)["grid"]))
    assert [*rows[0]] == [
        *("alpha", "beta", "loss", "loss error", "HR@10", "HR@10 error", "NDCG@10", "NDCG@10 error", "evaluated"),
    ]
    at = iter(rows)
    for i, beta in enumerate(surface.betas):
        for j, alpha in enumerate(surface.alphas):
            row = next(at)
            done, ndcg = surface.evaluated[i, j], surface.metrics["NDCG@10"][i, j]
            assert (number(row["alpha"]), number(row["beta"])) == (alpha, beta)
            assert number(row["loss"]) == surface.loss[i, j]
            assert number(row["loss error"]) == (0 if done else surface.error.absolute)
            assert row["evaluated"] == ("true" if done else "false")
            assert number(row["HR@10 error"]) == 0
            np.testing.assert_equal(number(row["NDCG@10"]), ndcg)
            assert row["NDCG@10 error"] == ("" if np.isnan(ndcg) else "0.0")


def test_an_interpolation_whose_error_is_unknown_says_nothing_about_it():
    surface = replace(interpolated(), error=None)
    errors = surface.columns(errors=True)["loss error"].reshape(surface.loss.shape)
    assert (errors[surface.evaluated] == 0).all() and np.isnan(errors[~surface.evaluated]).all()


def test_a_metric_called_like_an_error_keeps_its_column():
    plain = evaluated()
    found = replace(plain, metrics={"loss error": plain.loss + 1}).columns(errors=True)
    assert_array_equal(found["loss error"], (plain.loss + 1).ravel())
    assert not found["loss error (values)"].any()
    assert len(found) == 7


def test_all_sections_with_rows_are_tables():
    assert [*result_tables(marked())] == ["grid", "radial_profile", "checks", "quadratic", "minima", "trajectory_1"]
    curvature = full_curvature()
    tables = result_tables(curvature)
    assert {"spectrum", "sharpness", "blocks", "localization_1", "localization_2"} <= {*tables}
    assert next(iter(tables)) == "eigenvalues"
    assert_array_equal(tables["eigenvalues"]["residual"][:3], curvature.pairs.residuals)
    with pytest.raises(ValueError, match="there is no table of: barrier; export it as json"):
        result_tables(Barrier(1.0, 0.5, 1.0, 0.0))


@pytest.mark.parametrize("surface", [marked(), evaluated(spoil=True)], ids=["marked", "spoilt"])
def test_a_surface_is_read_back_from_its_json(surface):
    stored = json.loads(json_text(surface))
    assert (stored["kind"], stored["metadata"]["data"]) == ("surface", surface.metadata["data"])
    np.testing.assert_equal(to_plain(from_plain(Surface, stored)), to_plain(surface))


def test_a_curvature_has_the_json_of_its_file():
    assert json.loads(json_text(full_curvature())) == curvature_values(full_curvature())
