import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from landscape import EvaluationCache, Objective, random_direction, random_plane, resample, surface
from landscape.results.interpolation import Axis
from landscape.results.storage.save_load import load_surface, save_surface
from tests.support.planar import Counting, Plane, X, Y, bumpy, holed, smooth, spike, true
from tests.support.problems import linear_regression, squares, transformer


@pytest.mark.slow
def test_a_quadratic_is_reproduced_by_the_fewest_nodes():
    objective = linear_regression().objective()
    x, y = (random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    result = surface(objective, x, y, points=(31, 21), extent=2.0)
    every = surface(objective, x, y, points=(31, 21), extent=2.0, grid=True)
    np.testing.assert_allclose(result.loss, every.loss, rtol=1e-12)
    assert result.metadata["interpolation"]["nodes"] == [5, 5] and result.evaluations == 25 + 16
    assert result.error.absolute < 1e-12 and result.error.points == 16
    assert result.centre == every.centre == pytest.approx(objective.value())
    assert every.error is None and every.evaluated.all() and every.evaluations == 31 * 21


def test_a_smooth_loss_takes_about_a_hundred_evaluations():
    objective = Counting(smooth)
    result = surface(objective, X, Y)
    assert result.loss.shape == (51, 51) and result.evaluations == len(objective.seen) == 97
    assert result.error.relative <= 1e-3
    actual = np.abs(result.loss - true(smooth, result)).max()
    assert actual <= 3 * result.error.absolute


@pytest.mark.slow
@pytest.mark.parametrize(("f", "tolerance"), [(smooth, 1e-3), (smooth, 1e-8), (bumpy, 5e-3), (bumpy, 0.03)])
def test_the_measured_error_is_about_the_true_one(f, tolerance):
    result = surface(Counting(f), X, Y, points=81, tolerance=tolerance)
    actual = np.abs(result.loss - true(f, result)).max()
    assert result.metadata["method"] == "chebyshev"
    assert actual / 4 <= result.error.absolute <= tolerance * np.ptp(result.node_loss)
    assert result.error.relative == pytest.approx(result.error.absolute / np.ptp(result.node_loss), rel=0.2)


@pytest.mark.slow
def test_refining_reuses_every_point():
    objective = Counting(bumpy)
    result = surface(objective, X, Y, points=81, tolerance=5e-3)
    assert result.metadata["interpolation"]["nodes"] == [33, 33]
    assert len(set(objective.seen)) == len(objective.seen) == result.evaluations == 33**2 + 16


def test_points_that_were_evaluated_are_marked_and_have_their_own_loss():
    result = surface(Counting(smooth), X, Y)
    expected = true(smooth, result)
    assert result.evaluated[25, 25] and result.evaluated[0, 0] and 9 <= result.evaluated.sum() < 100
    np.testing.assert_allclose(result.loss[result.evaluated], expected[result.evaluated], rtol=1e-14)
    nodes = {(a, b): loss for (a, b), loss in zip(result.nodes.tolist(), result.node_loss, strict=True)}
    assert nodes[0.0, 0.0] == result.centre == result.loss[25, 25]


@pytest.mark.slow
def test_a_spike_falls_back_to_the_grid_and_says_why():
    result = surface(Counting(spike), X, Y, points=41)
    assert result.metadata["method"] == "grid" and "does not fall" in result.metadata["reason"]
    assert result.evaluations == result.loss.size
    at = result.evaluated
    np.testing.assert_allclose(result.loss[at], true(spike, result)[at], rtol=1e-13)
    assert result.error.relative < 1e-2 and result.loss[20, 20] == result.centre
    assert np.abs(result.loss - true(spike, result)).max() <= result.error.absolute + 1e-15


@pytest.mark.slow
def test_what_33_nodes_do_not_resolve_falls_back_to_the_grid():
    result = surface(Counting(lambda a, b: 1 / (1 + 100 * a**2) + b), X, Y, points=41)
    assert "still" in result.metadata["reason"] and "33 nodes" in result.metadata["reason"]
    assert result.evaluations == result.loss.size


def test_a_region_of_nan_falls_back_to_the_grid_and_stays_a_hole():
    result = surface(Counting(holed), X, Y, points=21)
    assert "not finite" in result.metadata["reason"]
    expected = true(holed, result)
    np.testing.assert_array_equal(np.isfinite(result.loss), np.isfinite(expected))
    np.testing.assert_allclose(result.loss[result.evaluated], expected[result.evaluated], rtol=1e-12)
    assert np.isnan(result.loss).any() and np.isneginf(result.loss).any() and result.evaluations == result.loss.size


def test_a_range_that_overflows_is_not_taken_for_an_accurate_fit():
    def steep(a, b):
        return 1.5e308 * torch.sin(9 * a) * torch.cos(7 * b)  # finite everywhere; the range of its values is not

    result = surface(Counting(steep), X, Y, points=41, tolerance=1e-3)
    assert result.evaluations == result.loss.size
    at = result.evaluated
    np.testing.assert_allclose(result.loss[at], true(steep, result)[at], rtol=1e-9, atol=1e290)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_centre_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match=f"the loss is {bad} at the parameters themselves"):
        surface(Counting(lambda a, b: a + b + bad), X, Y, points=3)


def test_few_points_are_cheaper_than_nodes():
    result = surface(Counting(smooth), X, Y, points=5)
    assert result.evaluations == 25 and "as many evaluations" in result.metadata["reason"]


@pytest.mark.parametrize("f", [smooth, bumpy, spike, holed], ids=["smooth", "bumpy", "spike", "holed"])
@pytest.mark.parametrize("points", [2, 7, 11, 12, 21, 31, (41, 1), (1, 41), (21, 9), (8, 30)])
def test_a_surface_never_costs_more_than_its_grid(f, points):
    objective = Counting(f)
    result = surface(objective, X, None if points == (41, 1) else Y, points=points)
    centre = (0.0, 0.0) not in itertools.product(result.alphas, result.betas)  # it is always evaluated
    holes = 15 if f is holed and result.loss.size < 300 else 0  # nothing is left out next to one
    assert len(set(objective.seen)) == len(objective.seen) == result.evaluations <= result.loss.size + centre + holes
    expected = true(f, result)
    at = result.evaluated
    np.testing.assert_allclose(result.loss[at], expected[at], rtol=1e-12)
    if f is smooth and not at.all():
        assert np.abs(result.loss - expected).max() <= 4 * result.error.absolute


def test_a_plane_along_which_nothing_moves_is_not_a_result():
    objective = Objective(nn.Linear(2, 1), lambda model, x: ((model(x) * 0 + 1 / 3).sum(), len(x)), [torch.ones(3, 2)])
    with pytest.raises(ValueError, match="the loss is 0.333333 at all .* points: nothing moves along these directions"):
        surface(objective, torch.ones(3), torch.arange(3.0))


def test_filters_of_zeros_are_counted_and_named_where_nothing_moves():
    class Adapter(nn.Module):  # of low rank, before training: the second factor is zero
        def __init__(self):
            super().__init__()
            self.base, self.a = nn.Linear(5, 2), nn.Linear(5, 3, bias=False)
            self.b = nn.Linear(3, 2, bias=False)
            nn.init.zeros_(self.b.weight)

        def forward(self, x):
            return self.base(x) + self.b(self.a(x))

    model, batches = Adapter(), [(torch.randn(6, 5), torch.randn(6, 2))]
    whole = Objective(model, squares, batches)
    plane = random_plane(whole.space, whole.params)
    result = surface(whole, plane.x, plane.y, points=5)
    assert result.metadata["flat_filters"] == [2, 7]
    assert "filters of zeros, without a direction (of 7)" in result.tables()[0].text()
    model.base.requires_grad_(False)
    adapter = Objective(model, squares, batches)
    plane = random_plane(adapter.space, adapter.params)
    with pytest.raises(ValueError, match="nothing moves .*; 2 of 5 filters are zero .*: a fresh adapter's B is"):
        surface(adapter, plane.x, plane.y, points=5)


def test_rounding_errors_are_not_refined():
    """Along a tiny direction all float32 losses differ by rounding only."""
    objective = transformer().objective()
    small = Objective(objective.model.float(), objective.loss, objective.batches)
    x, y = (1e-6 * random_direction(small.space, small.params, seed=seed) for seed in (0, 1))
    assert surface(small, x, y).metadata["method"] == "chebyshev"


@pytest.mark.parametrize(
    ("points", "shape"), [((7, 4), (4, 7)), ((1, 6), (6, 1)), ((6, 1), (1, 6)), (1, (1, 1)), (2, (2, 2))]
)
def test_axes_of_any_length_are_not_swapped(points, shape):
    for grid in (True, False):
        result = surface(Counting(smooth), X, Y, points=points, grid=grid, extent=((-1.0, 0.5), (0.0, 2.0)))
        assert result.loss.shape == shape
        np.testing.assert_allclose(result.loss, true(smooth, result), rtol=1e-13)
        assert result.centre == float(smooth(*torch.zeros(2).double()))


def test_non_square_planes_are_interpolated():
    result = surface(Counting(smooth), X, Y, points=(61, 30), extent=((-0.5, 1.0), (0.0, 0.75)))
    assert result.metadata["method"] == "chebyshev"
    np.testing.assert_allclose(result.loss, true(smooth, result), atol=3e-3)
    assert (result.alphas[0], result.alphas[-1], result.betas[0], result.betas[-1]) == (-0.5, 1, 0, 0.75)
    assert not np.isnan(result.centre)


def test_a_line_between_two_networks():
    """From 0, this network, to 1, the other: a bound of zero is an ordinary number."""
    objective = Counting(smooth)
    result = surface(objective, torch.tensor([0.7, -0.3]), extent=(0.0, 1.0), points=101)
    assert result.is_line and result.loss.shape == (1, 101) and result.betas.tolist() == [0]
    assert len(objective.seen) == result.evaluations < 20
    expected = smooth(0.7 * torch.from_numpy(result.alphas), -0.3 * torch.from_numpy(result.alphas))
    np.testing.assert_allclose(result.loss[0], expected, atol=2e-3 * np.ptp(expected.numpy()))


def test_a_direction_may_be_an_array_and_padding_is_left_out_of_it():
    objective = transformer().objective()
    x = np.ones(objective.space.size)
    result = surface(objective, x, points=3, grid=True)
    assert result.metadata["direction_norms"] == [pytest.approx(math.sqrt(objective.space.active))]
    moved = objective.value(objective.params + objective.space.project(torch.ones(len(x)).double()))
    assert result.loss[0, 2] == pytest.approx(moved)


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


def test_progress_reaches_its_total():
    calls = []
    surface(Counting(smooth), X, Y, progress=lambda done, total, text: calls.append((done, total)))
    assert calls[-1] == (97, 97) and [done for done, _ in calls] == sorted(done for done, _ in calls)


@pytest.mark.slow
@pytest.mark.parametrize("fails_at", [0, 1, 24, 60, 96])
@pytest.mark.parametrize("grid", [False, True])
def test_an_interrupted_surface_continues_exactly(tmp_path, fails_at, grid):
    uninterrupted = surface(Counting(smooth), X, Y, points=12, grid=grid)
    path = tmp_path / "partial.npz"
    first = Counting(smooth, fails_at=fails_at)
    with pytest.raises(KeyboardInterrupt):
        surface(first, X, Y, points=12, grid=grid, cache=EvaluationCache(path, "data"))
    cache = EvaluationCache(path, "data")
    second = Counting(smooth)
    resumed = surface(second, X, Y, points=12, grid=grid, cache=cache)
    assert not set(first.seen) & set(second.seen) and len(first.seen) == fails_at
    for name in ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(uninterrupted, name))
    assert resumed.error == uninterrupted.error
    cache.delete()
    assert not path.exists() and list(tmp_path.iterdir()) == []


def test_points_are_saved_while_a_surface_is_computed(tmp_path):
    """As after SIGKILL: only the file is left."""
    path = tmp_path / "partial.npz"
    result = []

    def look(done, total, text):
        result.append(len(np.load(path)["points"]) if path.exists() else 0)

    surface(Counting(smooth), X, Y, cache=EvaluationCache(path, seconds=0), progress=look)
    assert result[1:] == sorted(result[1:]) and result[50] >= 48


def test_the_same_points_serve_other_grids_and_tolerances(tmp_path):
    path = tmp_path / "partial.npz"
    surface(Counting(smooth), X, Y, cache=EvaluationCache(path))
    finer = Counting(smooth)
    result = surface(finer, X, Y, points=101, tolerance=1e-8, cache=EvaluationCache(path))
    assert result.evaluations == 17**2 + 16 and len(finer.seen) == result.evaluations - 97


def test_points_of_other_surfaces_are_not_mixed(tmp_path):
    path = tmp_path / "partial.npz"
    surface(Counting(smooth), X, Y, points=3, metrics={"rank": torch.sum}, cache=EvaluationCache(path, "data"))
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
            surface(objective, x, Y, points=3, parts=True, metrics=metrics, cache=EvaluationCache(path, key))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "partial.npz"
    for content in (b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged .* delete it to start anew"):
            surface(Counting(smooth), X, Y, cache=EvaluationCache(path))


def test_the_logarithm_of_an_interpolant_may_be_a_hole_but_not_the_interpolant_of_the_logarithm():
    def steep(a, b):
        return 1e-4 + (torch.exp(2 * (a**2 + b**2)) - 1) ** 2

    result = surface(Counting(steep), X, Y, tolerance=1e-2)
    assert result.metadata["method"] == "chebyshev" and (result.loss < 0).any()
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.log10(result.loss)).any()
    logarithm = resample(result, np.log10)
    assert np.isfinite(logarithm).all()
    np.testing.assert_allclose(logarithm[result.evaluated], np.log10(result.loss[result.evaluated]))
    np.testing.assert_array_equal(resample(result), result.loss)


def test_resampling_survives_a_file_and_other_coordinates(tmp_path):
    result = surface(Counting(smooth), X, Y, extent=0.7)
    save_surface(result, tmp_path / "surface.npz")
    again = load_surface(tmp_path / "surface.npz")
    np.testing.assert_array_equal(resample(again, np.exp), resample(result, np.exp))
    a, b = np.linspace(-0.7, 0.7, 13), np.array([0.1])
    np.testing.assert_allclose(
        resample(again, alphas=a, betas=b), smooth(*map(torch.from_numpy, (a, b))).numpy()[None], atol=2e-3
    )
    for outside in (0.8, math.nan):
        with pytest.raises(ValueError, match="outside"):
            resample(again, alphas=np.array([0.1, outside]))


def test_a_grid_has_no_values_between_its_points():
    result = surface(Counting(smooth), X, Y, points=3, grid=True)
    np.testing.assert_array_equal(resample(result, np.exp), np.exp(result.loss))
    with pytest.raises(ValueError, match="its own grid"):
        resample(result, alphas=np.zeros(1))


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
