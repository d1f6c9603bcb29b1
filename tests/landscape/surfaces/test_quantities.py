"""Other quantities on a plane: parts of the loss, other losses, and metrics that jump."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from landscape import EvaluationCache, Metric, Objective, ParamSpace, random_direction, resample, surface
from landscape.progress import silent
from landscape.results.interpolation import Axis
from tests.support.planar import Counting, Plane, X, Y, bumpy, holed, smooth, spike, true
from tests.support.problems import next_item, transformer, two_parts

ARRAYS = ("alphas", "betas", "loss", "evaluated", "nodes", "node_loss")


def tilted(a, b):
    return 3 * a - b + 0.5 * a * b**2


def steps(params):
    a, b = params.tolist()
    return float(a > 0.1), math.floor(3 * b)


STEPS = Metric(("first", "second"), steps)


def plane_of(problem, **options):
    objective = problem.objective()
    x, y = (random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    return objective, x, y, surface(objective, x, y, **options)


# --- parts and other losses


@pytest.mark.slow
@pytest.mark.parametrize("grid", [False, True])
def test_the_weighted_sum_of_the_parts_is_the_loss_everywhere(grid):
    objective, x, y, result = plane_of(two_parts(), parts=True, points=(15, 7), grid=grid)
    assert [*result.metrics] == ["loss squares", "loss labels"] == [*result.node_metrics]
    for parts, loss in ((result.metrics, result.loss), (result.node_metrics, result.node_loss)):
        np.testing.assert_allclose(0.3 * parts["loss squares"] + 2.0 * parts["loss labels"], loss, rtol=1e-12)
    alone = surface(objective, x, y, points=(15, 7), grid=grid)
    both = result.evaluated & alone.evaluated  # the loss is the same, to the bit, with its parts and without
    assert both.sum() > both.size / 2 and both.all() == grid
    np.testing.assert_array_equal(result.loss[both], alone.loss[both])


def test_the_parts_are_those_of_the_objective_at_each_point():
    objective, x, y, result = plane_of(two_parts(), parts=True)
    parts = objective.parts()
    centre = np.flatnonzero((result.nodes == 0).all(1))[0]
    for name, value in parts.items():
        assert result.of(f"loss {name}").centre == result.node_metrics[f"loss {name}"][centre] == pytest.approx(value)
    for row in (3, 40, 96):
        theta = objective.point(torch.stack([x, y]), result.nodes[row])
        for name, value in objective.parts(theta).items():
            assert result.node_metrics[f"loss {name}"][row] == pytest.approx(value, rel=1e-13)


def test_parts_cost_no_further_evaluation_and_a_single_part_adds_nothing():
    objective = Counting(smooth, tilted)
    result = surface(objective, X, Y, parts=True)
    assert len(objective.seen) == len(set(objective.seen)) == result.evaluations == 97
    single = Counting(smooth)
    assert not surface(single, X, Y, points=5, parts=True).metrics and len(single.seen) == 25


def test_an_infinite_part_of_weight_zero_is_reported_and_leaves_the_loss_alone():
    objective = Counting(smooth, lambda a, b: a + math.inf, weights={"part0": 1, "part1": 0})
    result = surface(objective, X, Y, points=11, parts=True)
    assert result.metadata["reason"] == "loss part1 is not finite at 41 of 41 points"
    np.testing.assert_allclose(result.loss, true(smooth, result), rtol=1e-13)
    assert np.isposinf(result.metrics["loss part1"]).all()


@pytest.mark.slow
def test_another_loss_is_evaluated_at_exactly_the_same_points():
    """The second loss looks up rows that the first one leaves out: along the plane these do not move."""
    problem = transformer()
    narrow = ParamSpace(problem.model, exclude_rows={"items.weight": [2, 5]})
    objective, other = problem.objective(space=narrow), problem.objective()
    assert (narrow.active, other.space.active) == (objective.space.active, narrow.active + 8)
    torch.manual_seed(0)
    x, y = torch.randn(2, narrow.size).double()
    result = surface(objective, x, y, others={"all items": other}, points=11, extent=0.5)
    moved = narrow.project(torch.stack([x, y]))
    for a, b, value in zip(*result.nodes.T, result.node_metrics["all items"], strict=True):
        assert value == other.value(objective.point(moved, [a, b]))


COLUMNS = {"loss part0": smooth, "loss part1": tilted, "bumps": bumpy}


@pytest.fixture(scope="module")
def interpolated():
    return surface(
        Counting(smooth, tilted), X, Y, points=81, tolerance=5e-3, parts=True, others={"bumps": Counting(bumpy)}
    )


@pytest.mark.slow
def test_every_quantity_has_an_error_of_its_own_and_it_is_the_true_one(interpolated):
    assert interpolated.metadata["method"] == "chebyshev" and [*interpolated.metric_errors] == [*COLUMNS]
    for name, f in COLUMNS.items():
        actual = np.abs(interpolated.metrics[name] - true(f, interpolated)).max()
        error, values = interpolated.metric_errors[name], interpolated.node_metrics[name]
        assert actual / 4 <= error.absolute + 1e-14 and error.absolute <= 5e-3 * np.ptp(values)
        assert error.relative == pytest.approx(error.absolute / np.ptp(values), rel=0.2)


def test_every_quantity_is_resampled_like_the_loss(interpolated):
    for name, f in COLUMNS.items():
        own = interpolated.of(name)
        np.testing.assert_array_equal(resample(own), interpolated.metrics[name])
        a, b = np.random.default_rng(0).uniform(-1, 1, (2, 30))
        expected = f(torch.from_numpy(a), torch.from_numpy(b)[:, None]).numpy()
        errors = np.abs(resample(own, alphas=a, betas=b) - expected)
        assert errors.max() <= 4 * own.error.absolute + 1e-14


@pytest.mark.slow
def test_refining_goes_on_until_all_are_resolved():
    alone, both = Counting(smooth), Counting(smooth)
    assert surface(alone, X, Y, points=81, tolerance=5e-3).metadata["interpolation"]["nodes"] == [5, 5]
    bumps = Counting(bumpy)
    result = surface(both, X, Y, points=81, tolerance=5e-3, others={"bumps": bumps})
    assert result.metadata["interpolation"]["nodes"] == [33, 33]
    assert both.seen == bumps.seen and len(set(both.seen)) == result.evaluations == 33**2 + 16


@pytest.mark.slow
@pytest.mark.parametrize(
    ("f", "points", "reason"),
    [
        (holed, 21, r"validation is not finite at \d+ of 41 points"),
        (spike, 31, r"the error of validation does not fall: .* of its range with 17 nodes a side"),
        (bumpy, 31, r"the error of validation is still .* with 17 nodes a side, and 33 .* as the grid"),
    ],
)
def test_what_is_not_resolved_is_named_and_the_whole_grid_evaluated(f, points, reason):
    result = surface(Counting(smooth), X, Y, points=points, others={"validation": Counting(f)})
    assert result.metadata["method"] == "grid" and result.evaluations == result.loss.size
    assert re.fullmatch(reason, result.metadata["reason"])
    at = result.evaluated
    np.testing.assert_allclose(result.loss[at], true(smooth, result)[at], rtol=1e-13)
    np.testing.assert_allclose(result.metrics["validation"][at], true(f, result)[at], rtol=1e-13)
    column = result.of("validation")
    assert column.error == result.metric_errors["validation"]
    assert column.loss.shape == result.loss.shape and column.evaluations == result.evaluations


def test_another_loss_may_differ_only_in_inactive_coordinates():
    problem = transformer()
    space = ParamSpace(problem.model, exclude_rows={"items.weight": [2]})
    objective = problem.objective(space=space)
    for row, allowed in ((0, True), (2, True), (3, False)):
        moved = transformer()
        with torch.no_grad():
            moved.model.items.weight[row] += 1
        other = moved.objective(space=ParamSpace(moved.model, exclude_rows={"items.weight": [2]}))
        if allowed:
            surface(objective, objective.params, points=3, others={"other": other})
        else:
            with pytest.raises(ValueError, match=r"'other' is a loss around another point.* items\.weight;"):
                surface(objective, objective.params, points=3, others={"other": other})
    # A row that one of the two leaves out still moves the other one.
    moved = transformer()
    with torch.no_grad():
        moved.model.items.weight[2] += 1
    for first, second in ((objective, moved.objective()), (moved.objective(), objective)):
        with pytest.raises(ValueError, match="another point"):
            surface(first, first.params, points=3, others={"other": second})


def test_another_loss_needs_the_same_parameters():
    problem = transformer()
    objective = problem.objective()
    part = problem.objective(space=ParamSpace(problem.model, include=lambda name: name != "idle.bias"))
    single = Objective(transformer().model.float(), next_item, problem.batches)
    for other in (part, single):
        with pytest.raises(ValueError, match="'other' has other parameters than the loss; .* names, shapes and dtype"):
            surface(objective, objective.params, points=3, others={"other": other})


def test_another_loss_that_draws_random_numbers_is_refused_by_name():
    noisy = Objective(Plane(), lambda model, batch: (model.at.sum() + torch.rand(()), 1), [None])
    with pytest.raises(ValueError, match="'validation': two evaluations .* random numbers"):
        surface(Counting(smooth), X, Y, others={"validation": noisy})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"others": {"loss": Counting(smooth)}}, "loss"),
        ({"others": {"loss part1": Counting(smooth)}, "parts": True}, "loss part1"),
        ({"metrics": {"other": torch.sum}, "others": {"other": Counting(smooth)}}, "other"),
        ({"metrics": [STEPS, STEPS]}, "first"),
    ],
)
def test_names_are_not_used_twice(options, name):
    with pytest.raises(ValueError, match=f"two quantities are called '{name}'"):
        surface(Counting(smooth, tilted), X, Y, **options)


# --- metrics


@pytest.mark.parametrize(("points", "metric_points"), [(51, 11), ((21, 9), (5, 4)), ((7, 1), 3), (4, 11), (6, 1)])
def test_metrics_have_exactly_their_values_at_some_points_of_the_grid(points, metric_points):
    calls = []

    def counted(params):
        calls.append(tuple(params.tolist()))
        return steps(params)

    result = surface(
        Counting(smooth),
        X,
        Y,
        points=points,
        metrics=[Metric(("first", "second"), counted), Metric(("sum",), lambda params: [params.sum()])],
        metric_points=metric_points,
    )
    wanted = metric_points if isinstance(metric_points, tuple) else (metric_points, metric_points)
    shape = tuple(min(pair) for pair in zip(wanted, result.loss.shape[::-1], strict=True))[::-1]
    assert result.metadata["metric_points"] == [*shape[::-1]] and len(calls) == len(set(calls)) == math.prod(shape)
    at = np.stack(np.meshgrid(result.alphas, result.betas), -1)
    known = ~np.isnan(result.metrics["first"])
    assert known.sum() == math.prod(shape)
    expected = np.array([steps(torch.tensor(point)) for point in at[known]])
    np.testing.assert_array_equal(result.metrics["first"][known], expected[:, 0])
    np.testing.assert_array_equal(result.metrics["second"][known], expected[:, 1])
    np.testing.assert_array_equal(result.metrics["sum"][known], at[known].sum(1))
    own = result.of("second")
    assert own.loss.shape == shape and own.evaluated.all() and own.error is None and own.evaluations == len(calls)
    np.testing.assert_array_equal(own.loss.ravel(), expected[:, 1])
    np.testing.assert_array_equal(own.node_loss, expected[:, 1])
    np.testing.assert_array_equal(own.nodes, at[known])
    assert not result.metric_errors and not result.node_metrics


def test_metrics_change_nothing_of_the_loss_nor_of_where_it_is_evaluated():
    alone, beside = Counting(smooth), Counting(smooth)
    plain, result = surface(alone, X, Y), surface(beside, X, Y, metrics=[STEPS])
    assert alone.seen == beside.seen
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(plain, name), getattr(result, name))


@given(st.integers(1, 60), st.integers(1, 80))
def test_some_coordinates_are_spread_evenly_ends_and_middle_among_them(count, wanted):
    axis = Axis(-1.0, 1.0, count)
    grid, some = axis.grid(), axis.some(wanted)
    assert len(some) == min(count, wanted) and set(some) <= set(grid)
    if wanted > 1:
        assert (some[0], some[-1]) == (grid[0], grid[-1])
    if count % 2 and min(wanted, count) % 2:
        assert 0 in some
    if len(some) > 1:
        assert np.abs(np.searchsorted(grid, some) - np.linspace(0, count - 1, len(some))).max() <= 0.5


def test_a_metric_that_returns_another_number_of_values_is_refused():
    with pytest.raises(ValueError, match="metric of first, second returns 1 numbers"):
        surface(Counting(smooth), X, Y, points=3, metrics=[Metric(("first", "second"), lambda params: [0.0])])


def test_a_line_has_parts_other_losses_and_metrics_too():
    result = surface(
        Counting(smooth, tilted),
        torch.tensor([0.5, -0.5]),
        points=41,
        parts=True,
        others={"bumps": Counting(bumpy)},
        metrics=[STEPS],
        tolerance=1e-2,
    )
    a = torch.from_numpy(result.alphas) / 2
    for name, f in {"loss part0": smooth, "loss part1": tilted, "bumps": bumpy}.items():
        expected = f(a, -a).numpy()
        np.testing.assert_allclose(result.metrics[name][0], expected, atol=3e-2 * np.ptp(expected))
    np.testing.assert_array_equal(result.of("first").loss[0], result.alphas[::4] > 0.2)


def test_a_metric_is_printed_under_its_own_name():
    result = plane_of(two_parts(), parts=True, metrics={"NDCG@10": lambda params: float(params[0] > 0)})[-1]
    result.metadata["loss_stderr"] = 0.01
    assert "loss 2" in repr(result) and "± 0.01" in repr(result)
    assert repr(result).endswith("97 evaluations; with loss squares, loss labels, NDCG@10)")
    metric, part = result.of("NDCG@10"), result.of("loss labels")
    assert repr(metric) == (
        f"Surface(11×11, NDCG@10 {metric.loss.min():.4g}–{metric.loss.max():.4g}, centre {metric.centre:.4g}, "
        "every point evaluated, 121 evaluations)"
    )
    assert repr(part).startswith("Surface(51×51, loss labels 0.") and "±" not in repr(part) and "error ≤" in repr(part)
    np.testing.assert_array_equal(resample(metric, np.exp), np.exp(metric.loss))
    with pytest.raises(ValueError, match=r"no metric 'HR@10'; there are: loss squares, loss labels, NDCG@10"):
        result.of("HR@10")
    assert "repeat_difference" in result.metadata and "repeat_difference" not in metric.metadata


# --- on the way


def everything(cache=None, progress=silent, metric=steps, grid=False):
    return surface(
        Counting(smooth, tilted),
        X,
        Y,
        points=12,
        grid=grid,
        parts=True,
        others={"bumps": Counting(lambda a, b: torch.cos(a) * b)},
        metrics=[Metric(("first", "second"), metric)],
        metric_points=4,
        cache=cache,
        progress=progress,
    )


def test_progress_counts_all_points_of_both_passes():
    calls = []
    result = everything(progress=lambda done, total, text: calls.append((done, total)))
    done, totals = zip(*calls, strict=True)
    assert calls[0] == (0, 1 + 16) and calls[-1] == (result.evaluations + 16, result.evaluations + 16)
    assert list(done) == sorted(done) and list(totals) == sorted(totals)


@pytest.mark.slow
@settings(max_examples=6)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_however_often_it_is_interrupted_the_result_is_the_same_to_the_bit(tmp_path_factory, stops, within, grid):
    """Stopped by the progress callback, or from within the metric: before or after a point is kept."""
    folder = tmp_path_factory.mktemp("interrupted")
    uninterrupted = everything(grid=grid)
    left = 0

    def stop(*_):
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return 1.0

    def metric(params):
        stop()
        return steps(params)

    kept = 0
    for stop_after in stops:
        left = stop_after
        cache = EvaluationCache(folder / "partial.npz", "data", seconds=0 if stop_after % 2 else 60)
        try:
            everything(cache, **({"metric": metric} if within else {"progress": stop}), grid=grid)
        except KeyboardInterrupt:
            again = EvaluationCache(folder / "partial.npz", "data")
            assert kept <= (kept := len_of(again) + len_of(again.metrics))
    cache = EvaluationCache(folder / "partial.npz", "data")
    resumed = everything(cache, grid=grid)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(resumed, name), getattr(uninterrupted, name))
    for columns in ("metrics", "node_metrics"):
        ours, theirs = getattr(resumed, columns), getattr(uninterrupted, columns)
        assert [*ours] == [*theirs]
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    assert (resumed.error, resumed.metric_errors) == (uninterrupted.error, uninterrupted.metric_errors)
    cache.delete()
    assert [*folder.iterdir()] == []


def len_of(cache):
    """How many points its file has."""
    return len(np.load(cache.path)["points"]) if cache.path.exists() else 0


def test_a_cache_without_metrics_deletes_their_file_as_well(tmp_path):
    everything(EvaluationCache(tmp_path / "partial.npz"))
    assert len([*tmp_path.iterdir()]) == 2
    EvaluationCache(tmp_path / "partial.npz").delete()
    assert [*tmp_path.iterdir()] == []


def test_points_that_another_call_requested_do_not_show():
    """They are used, and are not in the result where this call did not request them."""
    cache, calls = EvaluationCache(), []
    surface(Counting(smooth), X, Y, points=21, grid=True, metrics=[STEPS], metric_points=21, cache=cache)
    counted = Metric(STEPS.names, lambda params: calls.append(params) or steps(params))
    again = surface(Counting(smooth), X, Y, points=21, metrics=[counted], metric_points=5, cache=cache)
    fresh = surface(Counting(smooth), X, Y, points=21, metrics=[STEPS], metric_points=5)
    assert not calls and np.array_equal(again.metrics["first"], fresh.metrics["first"], equal_nan=True)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(fresh, name))


def test_the_centre_of_the_grid_has_its_evaluated_value_though_it_is_not_a_node():
    result = surface(Counting(smooth, bumpy), X, Y, extent=(-0.5, 1.0), points=31, parts=True, tolerance=0.1)
    assert result.metadata["method"] == "chebyshev" and result.alphas[10] == result.betas[10] == 0
    assert result.evaluated[10, 10] and result.loss[10, 10] == result.centre == 2.0
    assert result.metrics["loss part1"][10, 10] == result.of("loss part1").centre == 1.0
