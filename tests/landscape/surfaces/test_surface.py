import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from landscape import Evaluations, Objective, random_direction, resample, surface
from landscape.results.interpolation import Axis
from landscape.results.storage import load_surface, save_surface
from tests.support.planar import Counting, Plane, X, Y, bumpy, holed, smooth, spike, true
from tests.support.problems import linear_regression, transformer


def test_a_quadratic_is_reproduced_by_the_fewest_nodes():
    objective = linear_regression().objective()
    x, y = (random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    found = surface(objective, x, y, points=(31, 21), extent=2.0)
    every = surface(objective, x, y, points=(31, 21), extent=2.0, grid=True)
    np.testing.assert_allclose(found.loss, every.loss, rtol=1e-12)
    assert found.metadata["interpolation"]["nodes"] == [5, 5] and found.evaluations == 25 + 16
    assert found.error.absolute < 1e-12 and found.error.points == 16
    assert found.centre == every.centre == pytest.approx(objective.value())
    assert every.error is None and every.evaluated.all() and every.evaluations == 31 * 21


def test_a_smooth_loss_takes_about_a_hundred_evaluations():
    objective = Counting(smooth)
    found = surface(objective, X, Y)
    assert found.loss.shape == (51, 51) and found.evaluations == len(objective.seen) == 97
    assert found.error.relative <= 1e-3
    actual = np.abs(found.loss - true(smooth, found)).max()
    assert actual <= 3 * found.error.absolute


@pytest.mark.parametrize(("f", "tolerance"), [(smooth, 1e-3), (smooth, 1e-8), (bumpy, 5e-3), (bumpy, 0.03)])
def test_the_measured_error_is_about_the_true_one(f, tolerance):
    found = surface(Counting(f), X, Y, points=81, tolerance=tolerance)
    actual = np.abs(found.loss - true(f, found)).max()
    assert found.metadata["method"] == "chebyshev"
    assert actual / 4 <= found.error.absolute <= tolerance * np.ptp(found.node_loss)
    assert found.error.relative == pytest.approx(found.error.absolute / np.ptp(found.node_loss), rel=0.2)


def test_refining_reuses_every_point():
    objective = Counting(bumpy)
    found = surface(objective, X, Y, points=81, tolerance=5e-3)
    assert found.metadata["interpolation"]["nodes"] == [33, 33]
    assert len(set(objective.seen)) == len(objective.seen) == found.evaluations == 33**2 + 16


def test_points_that_were_evaluated_are_marked_and_have_their_own_loss():
    found = surface(Counting(smooth), X, Y)
    expected = true(smooth, found)
    assert found.evaluated[25, 25] and found.evaluated[0, 0] and 9 <= found.evaluated.sum() < 100
    np.testing.assert_allclose(found.loss[found.evaluated], expected[found.evaluated], rtol=1e-14)
    nodes = {(a, b): loss for (a, b), loss in zip(found.nodes.tolist(), found.node_loss, strict=True)}
    assert nodes[0.0, 0.0] == found.centre == found.loss[25, 25]


def test_a_spike_falls_back_to_the_grid_and_says_why():
    found = surface(Counting(spike), X, Y, points=41)
    assert found.metadata["method"] == "grid" and "does not fall" in found.metadata["reason"]
    assert found.error is None and found.evaluated.all()
    np.testing.assert_allclose(found.loss, true(spike, found), rtol=1e-13)


def test_what_33_nodes_do_not_resolve_falls_back_to_the_grid():
    found = surface(Counting(lambda a, b: 1 / (1 + 100 * a**2) + b), X, Y, points=41)
    assert "still" in found.metadata["reason"] and "33 nodes" in found.metadata["reason"]
    assert found.evaluated.all()


def test_a_region_of_nan_falls_back_to_the_grid_and_stays_a_hole():
    found = surface(Counting(holed), X, Y, points=21)
    assert "not finite" in found.metadata["reason"]
    np.testing.assert_allclose(found.loss, true(holed, found), rtol=1e-12)
    assert (
        np.isnan(found.loss).any()
        and np.isneginf(found.loss).any()
        and np.isfinite(found.loss).any()
        and found.evaluated.all()
    )


def test_infinite_everywhere_is_a_surface_too():
    found = surface(Counting(lambda a, b: a + b + math.inf), X, Y, points=3)
    assert np.isposinf(found.loss).all() and found.evaluated.all()


def test_few_points_are_cheaper_than_nodes():
    found = surface(Counting(smooth), X, Y, points=5)
    assert found.evaluations == 25 and "as many evaluations" in found.metadata["reason"]


def test_a_constant_loss_needs_no_refinement():
    objective = Objective(nn.Linear(2, 1), lambda model, x: ((model(x) * 0 + 1 / 3).sum(), len(x)), [torch.ones(3, 2)])
    found = surface(objective, torch.ones(3), torch.arange(3.0))
    assert found.evaluations == 41 and found.error.absolute < 1e-6
    np.testing.assert_allclose(found.loss, 1 / 3, rtol=1e-6)


def test_rounding_is_no_feature():
    """Along a tiny direction all float32 losses differ by rounding only; refining cannot help."""
    objective = transformer().objective()
    small = Objective(objective.model.float(), objective._call.loss, objective.batches)
    x, y = (1e-6 * random_direction(small.space, small.params, seed=seed) for seed in (0, 1))
    assert surface(small, x, y).metadata["method"] == "chebyshev"


@pytest.mark.parametrize(
    ("points", "shape"), [((7, 4), (4, 7)), ((1, 6), (6, 1)), ((6, 1), (1, 6)), (1, (1, 1)), (2, (2, 2))]
)
def test_axes_of_any_length_are_not_swapped(points, shape):
    for grid in (True, False):
        found = surface(Counting(smooth), X, Y, points=points, grid=grid, extent=((-1.0, 0.5), (0.0, 2.0)))
        assert found.loss.shape == shape
        np.testing.assert_allclose(found.loss, true(smooth, found), rtol=1e-13)
        assert found.centre == float(smooth(*torch.zeros(2).double()))


def test_non_square_planes_are_interpolated():
    found = surface(Counting(smooth), X, Y, points=(61, 30), extent=((-0.5, 1.0), (0.0, 0.75)))
    assert found.metadata["method"] == "chebyshev"
    np.testing.assert_allclose(found.loss, true(smooth, found), atol=3e-3)
    assert (found.alphas[0], found.alphas[-1], found.betas[0], found.betas[-1]) == (-0.5, 1, 0, 0.75)
    assert not np.isnan(found.centre)


def test_a_line_between_two_networks():
    """From 0, this network, to 1, the other: a bound of zero is an ordinary number."""
    objective = Counting(smooth)
    found = surface(objective, torch.tensor([0.7, -0.3]), extent=(0.0, 1.0), points=101)
    assert found.is_line and found.loss.shape == (1, 101) and found.betas.tolist() == [0]
    assert len(objective.seen) == found.evaluations < 20
    expected = smooth(0.7 * torch.from_numpy(found.alphas), -0.3 * torch.from_numpy(found.alphas))
    np.testing.assert_allclose(found.loss[0], expected, atol=2e-3 * np.ptp(expected.numpy()))


def test_a_direction_may_be_an_array_and_padding_is_left_out_of_it():
    objective = transformer().objective()
    x = np.ones(objective.space.size)
    found = surface(objective, x, points=3, grid=True)
    assert found.metadata["direction_norms"] == [pytest.approx(math.sqrt(objective.space.active))]
    moved = objective.value(objective.params + objective.space.project(torch.ones(len(x)).double()))
    assert found.loss[0, 2] == pytest.approx(moved)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric_points": 0}, "metric_points=0 makes no grid"),
        ({"tolerance": 0.0}, "tolerance=0.0 must be a positive"),
        ({"tolerance": math.nan}, "tolerance=nan"),
        ({"points": 0}, "at least 1"),
        ({"points": (3, -1)}, "at least 1"),
        ({"extent": 0.0}, "extent"),
        ({"extent": math.inf}, "extent"),
        ({"extent": (1.0, -1.0)}, "low < high"),
        ({"x": torch.ones(3)}, r"shape \(3,\); this objective needs \(2,\)"),
        ({"y": None, "points": (5, 5)}, "second direction"),
    ],
)
def test_errors_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        surface(Counting(smooth), **{"x": X, "y": Y, **options})


def test_a_random_loss_is_refused():
    objective = Objective(Plane(), lambda model, batch: (model.at.sum() + torch.rand(()), 1), [None])
    with pytest.raises(ValueError, match="draws random numbers"):
        surface(objective, X, Y)


def test_progress_reaches_what_it_promises():
    calls = []
    surface(Counting(smooth), X, Y, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (97, 97) and [done for done, _ in calls] == sorted(done for done, _ in calls)


@pytest.mark.parametrize("fails_at", [0, 1, 24, 60, 96])
@pytest.mark.parametrize("grid", [False, True])
def test_an_interrupted_surface_continues_exactly(tmp_path, fails_at, grid):
    uninterrupted = surface(Counting(smooth), X, Y, points=12, grid=grid)
    path = tmp_path / "partial.npz"
    first = Counting(smooth, fails_at=fails_at)
    with pytest.raises(KeyboardInterrupt):
        surface(first, X, Y, points=12, grid=grid, evaluations=Evaluations(path, "data"))
    evaluations = Evaluations(path, "data")
    second = Counting(smooth)
    resumed = surface(second, X, Y, points=12, grid=grid, evaluations=evaluations)
    assert not set(first.seen) & set(second.seen) and len(first.seen) == fails_at
    for name in ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(uninterrupted, name))
    assert resumed.error == uninterrupted.error
    evaluations.delete()
    assert not path.exists() and list(tmp_path.iterdir()) == []


def test_points_are_saved_while_a_surface_is_in_the_making(tmp_path):
    """As after SIGKILL: nothing but the file is left."""
    path = tmp_path / "partial.npz"
    found = []

    def look(done, total):
        found.append(len(np.load(path)["points"]) if path.exists() else 0)

    surface(Counting(smooth), X, Y, evaluations=Evaluations(path, seconds=0), progress=look)
    assert found[1:] == sorted(found[1:]) and found[50] >= 48


def test_the_same_points_serve_other_grids_and_tolerances(tmp_path):
    path = tmp_path / "partial.npz"
    surface(Counting(smooth), X, Y, evaluations=Evaluations(path))
    finer = Counting(smooth)
    found = surface(finer, X, Y, points=101, tolerance=1e-8, evaluations=Evaluations(path))
    assert found.evaluations == 17**2 + 16 and len(finer.seen) == found.evaluations - 97


def test_points_of_other_surfaces_are_not_mixed(tmp_path):
    path = tmp_path / "partial.npz"
    surface(Counting(smooth), X, Y, points=3, metrics={"rank": torch.sum}, evaluations=Evaluations(path, "data"))
    moved = Counting(smooth)
    moved.params = moved.params + 1
    for objective, x, key, metrics in (
        (moved, X, "data", None),
        (Counting(smooth), X + Y, "data", None),
        (Counting(smooth), X, "other data", None),
        (Counting(smooth, bumpy), X, "data", None),
        (Counting(smooth), X, "data", {"gain": torch.sum}),
    ):
        with pytest.raises(ValueError, match="another surface; delete it, or give another path"):
            surface(objective, x, Y, points=3, parts=True, metrics=metrics, evaluations=Evaluations(path, key))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "partial.npz"
    for content in (b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged .* delete it to start anew"):
            surface(Counting(smooth), X, Y, evaluations=Evaluations(path))


def test_the_logarithm_of_an_interpolant_may_be_a_hole_but_not_the_interpolant_of_the_logarithm():
    def steep(a, b):
        return 1e-4 + (torch.exp(2 * (a**2 + b**2)) - 1) ** 2

    found = surface(Counting(steep), X, Y, tolerance=1e-2)
    assert found.metadata["method"] == "chebyshev" and (found.loss < 0).any()
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.log10(found.loss)).any()
    logarithm = resample(found, np.log10)
    assert np.isfinite(logarithm).all()
    np.testing.assert_allclose(logarithm[found.evaluated], np.log10(found.loss[found.evaluated]))
    np.testing.assert_array_equal(resample(found), found.loss)


def test_resampling_survives_a_file_and_other_coordinates(tmp_path):
    found = surface(Counting(smooth), X, Y, extent=0.7)
    save_surface(found, tmp_path / "surface.npz")
    again = load_surface(tmp_path / "surface.npz")
    np.testing.assert_array_equal(resample(again, np.exp), resample(found, np.exp))
    a, b = np.linspace(-0.7, 0.7, 13), np.array([0.1])
    np.testing.assert_allclose(
        resample(again, alphas=a, betas=b), smooth(*map(torch.from_numpy, (a, b))).numpy()[None], atol=2e-3
    )
    with pytest.raises(ValueError, match="outside"):
        resample(again, alphas=np.array([0.8]))


def test_a_grid_has_no_values_between_its_points():
    found = surface(Counting(smooth), X, Y, points=3, grid=True)
    np.testing.assert_array_equal(resample(found, np.exp), np.exp(found.loss))
    with pytest.raises(ValueError, match="its own grid"):
        resample(found, alphas=np.zeros(1))


@settings(deadline=None)
@given(st.floats(-5, 5), st.floats(0.01, 10), st.integers(1, 60))
def test_axes_are_ascending_within_their_interval_and_hit_zero(low, width, count):
    axis = Axis(low, low + width, count)
    grid = axis.grid()
    assert len(grid) == count and (np.diff(grid) > 0).all()
    np.testing.assert_allclose(np.clip(grid, low, low + width), grid, atol=1e-12)
    symmetric = Axis(-width, width, 2 * count + 1).grid()
    assert symmetric[count] == 0
    np.testing.assert_array_equal(symmetric, -symmetric[::-1])
    assert np.abs(axis.unit(axis.nodes(9))).max() <= 1 + 1e-12
