"""Results as data frames and as data sets of xarray: every number at its place, and what is missing is said."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from landscape import CheckReport, EigenPairs
from landscape.results.along import AlongTraining
from landscape.results.display.frames import LIBRARIES, plain_attributes
from tests.landscape.results.storage.test_storage import LOSS, curvature, surface

CURVATURE, SURFACE = curvature(), surface()


def columns(result, library="polars"):
    pytest.importorskip(library)
    frame = result.to_dataframe(library)
    return {name: frame[name].to_numpy() for name in frame.columns}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_surface_has_a_row_for_each_point_of_the_grid(library):
    found = columns(SURFACE, library)
    assert [*found] == ["alpha", "beta", "loss", "validation loss", "validation NDCG@10", "evaluated"]
    at = {(a, b): (loss, other, done) for a, b, loss, other, _, done in zip(*found.values(), strict=True)}
    assert len(at) == LOSS.size
    for i, beta in enumerate(SURFACE.betas):
        for j, alpha in enumerate(SURFACE.alphas):
            np.testing.assert_equal(at[alpha, beta], (LOSS[i, j], LOSS[i, j] / 2, np.isfinite(LOSS[i, j])))


@pytest.mark.parametrize("library", LIBRARIES)
def test_eigenvalues_of_both_ends_are_in_one_frame(library):
    found = columns(CURVATURE.pairs, library)
    assert found["name"].tolist() == ["λ1", "λ2", "λmin"]
    assert_array_equal(found["value"], [0.5, 0.2, -0.4])
    assert_array_equal(found["residual"], [1e-4, 0.1, 0.01])
    assert_array_equal(found["converged"], [True, False, False])
    with_two = replace(CURVATURE.pairs, bottom=EigenPairs(np.array([-4.0, -3.0]), np.ones(2), np.ones(2, bool), 3))
    assert columns(with_two)["value"].tolist() == [0.5, 0.2, -3.0, -4.0]


def test_nodes_shares_planes_and_snapshots_have_a_row_each():
    nodes = columns(CURVATURE.spectrum)
    assert {name: column.tolist() for name, column in nodes.items()} == {
        "probe": [1, 1, 2],
        "value": [-0.1, 0.4, 0.1],
        "weight": [0.5, 0.5, 1.0],
    }
    shares = columns(CURVATURE.localization[0])
    assert [*zip(shares["vector"], shares["group"], shares["share"], strict=True)] == [
        *((1, "a", 0.2), (1, "b", 0.8)),
        *((2, "a", 1.0), (2, "b", 0.0)),
    ]
    radial = columns(SURFACE.radial_profile)
    assert_array_equal(radial["plane"], [1, 1, 1, 2, 2, 2])
    assert_array_equal(radial["radius"], [0, 0.5, 1] * 2)
    assert_array_equal(radial["loss"], [1, 2, np.nan, 1, 3, 4])
    assert_array_equal(radial["rise"], [0, 1, np.nan, 0, 2, 3])
    path = columns(SURFACE.trajectory)
    assert [column.tolist() for column in path.values()] == [["epoch 0"], [1.0], [2.0], [0.5], [3.0]]
    rays = columns(SURFACE.quadratic)
    assert_array_equal(rays["radius"], [0.2, np.inf])


@pytest.mark.parametrize("result", [CURVATURE.blocks, CURVATURE.sharpness, SURFACE.checks])
def test_rows_become_columns(result):
    found = columns(result)
    for i, row in enumerate(result.rows()):
        np.testing.assert_equal({name: column[i] for name, column in found.items()}, row)


def test_a_report_without_checks_is_an_empty_frame():
    assert columns(CheckReport(())) == {}


def test_a_run_has_a_row_for_each_snapshot():
    ones = {name: np.ones(2) for name in ("top", "top_residual", "trace", "trace_stderr", "loss", "loss_stderr")}
    along = AlongTraining(np.array([0, 5]), **ones, gradient_norm=np.ones(2), metric=np.array([np.nan, 0.3]))
    found = columns(along)
    assert found["epoch"].tolist() == [0, 5]
    assert_array_equal(found["valid_ndcg@20"], [np.nan, 0.3])


def test_a_metric_whose_name_is_taken_gets_another():
    names = ("loss", "alpha", "evaluated")
    found = columns(replace(SURFACE, metrics=dict.fromkeys(names, LOSS), node_metrics={}, metric_errors={}))
    assert [*found] == ["alpha", "beta", "loss", *(f"{name} (values)" for name in names), "evaluated"]
    assert_array_equal(found["alpha"], np.tile(SURFACE.alphas, 2))


def test_a_library_that_is_missing_or_unknown_is_named(monkeypatch):
    with pytest.raises(ValueError, match="library must be one of polars, pandas, got 'panda'; did you mean pandas"):
        SURFACE.to_dataframe("panda")
    for name in (*LIBRARIES, "xarray"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(ImportError, match="^a data frame needs polars or pandas, which is not installed; pip install"):
        SURFACE.to_dataframe()
    with pytest.raises(ImportError, match="^a data frame needs pandas, which is not installed; pip install pandas$"):
        SURFACE.to_dataframe("pandas")
    with pytest.raises(ImportError, match="^a data set needs xarray, which is not installed; pip install xarray$"):
        SURFACE.to_xarray()


def test_the_first_library_that_is_there_is_taken(monkeypatch):
    pandas = pytest.importorskip("pandas")
    assert type(SURFACE.to_dataframe()).__module__.startswith("polars")
    monkeypatch.setitem(sys.modules, "polars", None)
    assert isinstance(SURFACE.to_dataframe(), pandas.DataFrame)


def test_a_surface_is_a_data_set_with_labelled_axes():
    pytest.importorskip("xarray")
    plane = {"kind": "random", "seeds": [0, 1]}
    found = replace(SURFACE, metadata={"title": "a", "plane": plane, "seconds": 1.5, "none": None}).to_xarray()
    assert found["loss"].dims == ("beta", "alpha")
    assert float(found["loss"].sel(alpha=1, beta=1)) == 3.0
    assert float(found["validation loss"].sel(alpha=-1, beta=1)) == 1.0
    assert not bool(found["evaluated"].sel(alpha=0, beta=0)) and bool(found["evaluated"].sel(alpha=0, beta=1))
    assert found.attrs == {"title": "a", "plane.kind": "random", "plane.seeds": [0, 1], "seconds": 1.5}
    assert found["loss"].attrs == {"interpolation_error": 0.1}
    assert "interpolation_error" not in found["validation NDCG@10"].attrs


def test_a_spectrum_is_a_density_over_eigenvalues_with_its_interval():
    pytest.importorskip("xarray")
    spectrum = CURVATURE.spectrum
    grid = np.array([-0.1, 0.0, 0.3])
    found = spectrum.to_xarray(grid, 0.05, level=0.9)
    mean, stderr = spectrum.density(grid, 0.05)
    assert_array_equal(found["eigenvalue"], grid)
    assert_array_equal(found["density"], mean)
    assert_array_equal(found["half_width"], spectrum.half_width(stderr, 0.9))
    assert found["half_width"].attrs == {"level": 0.9, "degrees_of_freedom": 1}
    assert_array_equal(found["nodes"], spectrum.values)
    assert found.attrs == {"seed": 3, "size": 7, "noise": 1e-8}
    whole = spectrum.to_xarray()
    assert float(whole["density"].integrate("eigenvalue")) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("result", [SURFACE, CURVATURE.spectrum], ids=["surface", "spectrum"])
def test_a_data_set_goes_to_a_file_and_back(result, tmp_path):
    xarray = pytest.importorskip("xarray")
    saved = result.to_xarray()
    saved.to_netcdf(tmp_path / "a.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "a.nc", engine="scipy") as found:
        xarray.testing.assert_equal(found.load(), saved)
        assert found.attrs.keys() == saved.attrs.keys()


def test_attributes_are_plain():
    metadata = {"a": {"b": {"c": 1}}, "yes": True, "numbers": (1, 2.5), "empty": [], "array": np.arange(2), "x": [[1]]}
    assert plain_attributes(metadata) == {
        "a.b.c": 1,
        "yes": "true",
        "numbers": [1, 2.5],
        "empty": "[]",
        "array": [0, 1],
        "x": "[[1]]",
    }
