"""What results say of themselves: numbers at their places, and shapes that fit."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from landscape import Barrier, Localization, RadialProfile, Surface, Trajectory
from landscape.results.storage.values import surface_values
from tests.landscape.results.storage.test_storage import LOSS, curvature, restart, surface


def plain(table):
    """The cells of each row by its first."""
    return {name: cells for name, *cells in table.rows}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Trajectory(np.zeros((2, 3)), np.zeros(2)), r"points \(2, 3\), 2 distances, 0 names and 0 losses"),
        (lambda: Trajectory(np.zeros((2, 2)), np.zeros(2), ("a",)), "1 names"),
        (lambda: Trajectory(np.zeros((2, 2)), np.zeros(2), (), np.zeros(3)), "3 losses"),
        (lambda: Trajectory(np.zeros((2, 2)), np.zeros(2), metric=np.zeros(1)), "1 metrics"),
        (lambda: RadialProfile(np.zeros(3), np.zeros((2, 4))), r"losses \(2, 4\) do not fit; 3 radii need \(R, 3\)"),
        (lambda: RadialProfile(np.zeros(3), np.zeros(3)), "do not fit"),
        (lambda: RadialProfile(np.zeros(3), np.zeros((1, 3, 2))), "do not fit"),
        (lambda: RadialProfile(np.zeros(3), np.zeros((0, 3))), "do not fit"),
        (
            lambda: replace(surface(), alphas=np.array([0.0, 1])),
            r"loss has shape \(2, 3\); 2 betas by 2 alphas need \(2, 2\)",
        ),
        (lambda: replace(surface(), evaluated=np.ones((3, 2), bool)), r"evaluated has shape \(3, 2\)"),
        (lambda: replace(surface(), metrics={"x": np.ones((3, 2))}, node_metrics={}), r"x has shape \(3, 2\)"),
        (lambda: replace(surface(), node_loss=np.ones(3), node_metrics={}), r"3 node losses need \(3, 2\)"),
        (lambda: replace(surface(), node_metrics={"validation loss": np.ones(3)}), "with 2 nodes needs"),
        (lambda: replace(surface(), node_metrics={"x": np.ones(2)}), "x has shape .* a metric of the surface"),
        (lambda: replace(restart(), couplings=np.zeros(3)), r"do not fit vectors \(2, 3\)"),
        (lambda: replace(restart(), following=np.zeros(2)), "do not fit"),
        (lambda: Localization("x", ("a",), np.ones((1, 2)), np.ones(1)), r"1 errors and 1 groups need \(1, 1\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_restart_has_a_vector():
    none = {"values": np.zeros(0), "vectors": np.zeros((0, 3)), "couplings": np.zeros(0), "blocks": np.zeros(0, int)}
    with pytest.raises(ValueError, match="do not fit"):
        replace(restart(), **none)


def test_a_path_tells_each_snapshot():
    path = Trajectory(
        np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.25]), ("epoch 0", "epoch 5"), np.array([7.0, 6.0])
    )
    assert plain(path.table()) == {"epoch 0": [1.0, 2.0, 0.5, 7.0], "epoch 5": [3.0, 4.0, 0.25, 6.0]}
    nameless = Trajectory(path.points, path.off_plane).table()
    assert [row[0] for row in nameless.rows] == ["1", "2"]
    assert np.isnan(nameless.rows[0][-1])


def test_a_barrier_tells_both_heights():
    barrier = Barrier(height=0.4, at=0.25, above_ends=0.1, error=0.01)
    assert [row[1:] for row in barrier.table().rows] == [((0.4, 0.01), 0.25), ((0.1, 0.01), "")]


def test_a_band_tells_its_rises():
    radii = np.linspace(0, 1, 11)
    band = RadialProfile(radii, np.stack([2 + radii, 5 + 3 * radii]))
    table = band.table()
    assert [row[0] for row in table.rows] == [f"r = {r:.3g}" for r in (0.2, 0.4, 0.6, 0.8, 1.0)]
    np.testing.assert_allclose([row[1][0] for row in table.rows], 2 * radii[2::2])
    np.testing.assert_allclose([row[1][1] for row in table.rows], band.half_width(band.rises)[2::2])
    assert np.isnan(replace(band, losses=np.where(radii > 0.5, np.nan, band.losses)).mean[-1])
    with warnings.catch_warnings(action="error"):
        assert repr(replace(band, losses=band.losses[:1])) == "RadialProfile(rise 1 at r = 1, 1 planes)"
    assert repr(band) == f"RadialProfile(rise 2 ± {band.half_width(band.rises)[-1]:.1g} at r = 1, 2 planes)"


def test_a_surface_tells_what_its_arrays_show():
    one = surface()
    one = replace(one, nodes=np.array([[0.0, 1.0], [0.0, 0.0]]), error=replace(one.error, relative=0.25))
    assert (one.centre, one.range, one.evaluations, one.is_line) == (3.0, (0.5, 3.0), 2, False)
    assert np.isnan(replace(one, nodes=np.ones((2, 2))).centre)
    assert repr(replace(one, metadata={"loss_stderr": 0.02})).startswith("Surface(3×2, loss 0.5–3, centre 3 ± 0.02, ")
    of = {table.title: plain(table) for table in one.tables()}
    assert of["On the plane"]["loss"] == [3.0, 0.5, 3.0, 0.1, 2]
    assert of["On the plane"]["validation NDCG@10"][-2:] == [0.0, 0]
    assert {"Barrier on the path", "Path", "Checks"} <= of.keys()
    assert any("quadratic model" in name for name in of["Checks"])


def test_points_without_a_finite_loss_are_counted():
    loss = np.zeros((41, 51))
    loss[0, :3], loss[1, :2], loss[2, 0] = np.nan, np.inf, -np.inf
    metric = np.full(loss.shape, np.nan)
    metric[::10, ::10] = 1.0  # 5 by 6 points
    metric[10, 20] = np.nan
    evaluated = np.ones(loss.shape, bool)
    one = Surface(np.arange(51.0), np.arange(41.0), loss, evaluated, metrics={"HR@10": metric})
    assert (one.not_finite, one.of("HR@10").not_finite, one.of("HR@10").evaluations) == (6, 1, 30)
    assert repr(one).endswith("; with HR@10; 6 of 2,091 grid points have no finite loss)")
    (table,) = one.tables()
    assert table.header[-1] == "not finite"
    assert {name: row[-1] for name, row in plain(table).items()} == {"loss": 6, "HR@10": 1}
    values = surface_values(one)
    assert (values["loss"]["not_finite"], values["metrics"]["HR@10"]["not_finite"]) == (6, 1)
    missing = replace(one, evaluated=np.isfinite(loss), metrics={})
    assert missing.not_finite == 0
    assert "no finite loss" not in repr(missing)


def test_a_line_has_one_beta():
    for shape, expected in (((1, 3), True), ((3, 1), False)):
        betas, alphas = map(np.arange, map(float, shape))
        assert Surface(alphas, betas, np.zeros(shape), np.ones(shape, bool)).is_line == expected


def test_the_directions_of_a_surface_are_told_with_an_empty_cell_where_there_is_no_second():
    plane = {"eigenvalues": [3.0, 1.0], "residuals": [0.1, 0.2], "shares": [0.7, 0.2]}
    metadata = {"plane": plane, "direction_norms": [1.0, 2.0], "cosine": 0.5}
    table, *_ = replace(surface(), metadata=metadata).tables()
    assert list(table.rows) == [
        ("eigenvalue ± residual", (3.0, 0.1), (1.0, 0.2)),
        ("share of the path's squared distances", 0.7, 0.2),
        ("length", 1.0, 2.0),
        ("cosine of the angle", 0.5, ""),
    ]
    table, *_ = replace(surface(), metadata={"direction_norms": [1.0], "cosine": None}).tables()
    assert list(table.rows) == [("length", 1.0, "")]


def test_a_metric_that_jumps_is_a_surface_of_the_points_where_it_is_known():
    known = np.array([[0.1, np.nan, 0.3], [0.4, np.nan, 0.6]])
    metadata = {"title": "a", "loss_stderr": 0.1, "interpolation": {}}
    one = replace(surface(), metrics={"HR@10": known}, node_metrics={}, metric_errors={}, metadata=metadata)
    found = one.of("HR@10")
    np.testing.assert_array_equal(found.alphas, [-1.0, 1.0])
    np.testing.assert_array_equal(found.betas, [0.0, 1.0])
    np.testing.assert_array_equal(found.loss, [[0.1, 0.3], [0.4, 0.6]])
    at = dict(zip(map(tuple, found.nodes.tolist()), found.node_loss, strict=True))
    assert at == {(-1.0, 0.0): 0.1, (1.0, 0.0): 0.3, (-1.0, 1.0): 0.4, (1.0, 1.0): 0.6}
    assert found.error is None
    assert found.metadata.keys() == {"title", "quantity", "method", "reason"}
    assert found.marks == one.marks
    assert not len(found.trajectory.loss)
    nothing = replace(one, metrics={"HR@10": np.full(LOSS.shape, np.nan)}).of("HR@10")
    assert nothing.loss.shape == LOSS.shape and not nothing.evaluated.any()


def test_a_curvature_tells_each_number_at_its_place():
    one = curvature()
    two = {"values": np.array([-0.4, -0.1]), "residuals": np.array([0.01, 0.02]), "converged": np.array([False, True])}
    bottom = replace(one.pairs.bottom, vectors=None, **two)
    blocks = replace(one.blocks, residuals=np.array([1e-4, 0.3]))
    one = replace(one, pairs=replace(one.pairs, bottom=bottom), loss_stderr=0.02, blocks=blocks)
    of = {table.title: table for table in one.tables()}
    assert list(of["Eigenvalues (Fisher matrix)"].rows) == [
        ("λ1", (0.5, 1e-4), True),
        ("λ2", (0.2, 0.1), False),
        ("λmin + 1", (-0.1, 0.02), True),
        ("λmin", (-0.4, 0.01), False),
    ]
    (low, high), numbers = one.spectrum.share_bounds(), plain(of["Spectrum"])
    assert numbers["trace, from the density's probes"] == [one.spectrum.trace()]
    assert numbers[f"share of negative eigenvalues, from {low:.0%} to {high:.0%}"] == [one.spectrum.share_below()]
    (value, error) = numbers["trace (Hutch++, 3 products)"][0]
    assert value == 1.5 and np.isnan(error)
    assert plain(of["Largest eigenvalue by block"])["norms"] == [(0.1, 0.3), 2, False]
    assert {table.title for table in one.sharpness.tables()} <= of.keys()
    assert any("quadratic model" in row[0] for row in of["Checks"].rows)
    assert repr(one).startswith(
        "Curvature(EigenPairs(0.5±0.0001, 0.2±0.1 (not converged), bottom -0.4±0.01, 12 products), loss 0.3 ± 0.02, "
        "gradient norm 0.1, λ‖θ‖² 450, "
    )
    assert one.blocks.rows()[1] == {
        "block": "norms",
        "coordinates": 2,
        "value": 0.1,
        "residual": 0.3,
        "converged": False,
        "products": 4,
    }


def test_shares_are_told_in_per_cent_with_their_errors_where_known():
    table = curvature().localization[0].table()
    assert table.header == ("", "v1 (± 1)", "v2", "coordinates")
    assert list(table.rows) == [("a", 20.0, 100.0, 50.0), ("b", 80.0, 0.0, 50.0)]
