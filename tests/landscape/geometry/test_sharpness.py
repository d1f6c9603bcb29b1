"""Sharpness against closed forms: maxima on a ball from eigen-decompositions, averages from traces."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from torch import nn

from landscape import Objective, ParamSpace
from landscape.geometry.ascent import adaptive_scale
from landscape.geometry.sharpness import KINDS, mean_norm, sharpness
from tests.support.problems import convolutional, transformer


class Point(nn.Module):
    """Parameters alone: a table, and a vector."""

    def __init__(self, table, vector=(), dtype=torch.float64):
        super().__init__()
        self.table = nn.Parameter(torch.as_tensor(table, dtype=dtype))
        if len(vector):
            self.vector = nn.Parameter(torch.as_tensor(vector, dtype=dtype))

    def forward(self):
        return torch.cat([parameter.reshape(-1) for parameter in self.parameters()])


class Recorded(Objective):
    """An objective that keeps the points at which it was evaluated."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.points = []

    def value_and_gradient(self, params=None):
        self.points.append(self.params if params is None else params)
        return super().value_and_gradient(params)

    def sums(self, params, **options):
        self.points.append(self.params if params is None else params)
        return super().sums(params, **options)


def of(function, model, kind=Objective, **options):
    """Half of the function from each of two batches."""
    return kind(model, lambda model, _: (function(model()), 1), [0, 1], **options)


def quadratic(A, b, theta=None, kind=Objective, **options):
    """½ δᵀAδ + bᵀδ around θ, as a table of rows of one."""
    start = torch.zeros(len(b), dtype=torch.float64) if theta is None else theta
    return of(lambda x: ((x - start) @ A @ (x - start)) / 2 + b @ (x - start), Point(start[:, None]), kind, **options)


def drawn(n, seed, *, definite=True):
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    values = rng.uniform(0.1, 3, n) if definite else rng.normal(size=n)
    return torch.from_numpy(q * values @ q.T), torch.from_numpy(rng.normal(size=n))


def highest(A, b, rho):
    """max bᵀδ + ½ δᵀAδ over ‖δ‖ ≤ ρ: (λI - A) δ = b with λ ≥ λmax and ≥ 0."""
    values, vectors = np.linalg.eigh(A.numpy())
    c = vectors.T @ b.numpy()

    def excess(multiplier):
        return np.linalg.norm(c / (multiplier - values)) - rho

    low = max(values[-1], 0)
    if values[-1] < 0 and excess(0) < 0:
        coordinates = c / -values
    else:
        coordinates = c / (brentq(excess, low + 1e-12, low + 10 + np.linalg.norm(c) / rho, xtol=1e-14) - values)
    return float(c @ coordinates + (values * coordinates**2).sum() / 2)


def test_a_linear_loss_rises_by_exactly_rho_times_its_gradient():
    b = torch.tensor([3.0, -4.0, 12.0]).double()
    result = sharpness(of(lambda x: b @ x, Point([[1.0, 2.0]], [3.0])), (0.05, 2.0), ascent_steps=4)
    for kind in ("one-step", "ascent"):
        np.testing.assert_allclose(result.column(kind), [13 * 0.05, 13 * 2.0], rtol=1e-12)
    scale = torch.tensor([1.01, 2.01, 1.0], dtype=torch.float64)  # the vector's coordinate is not scaled
    adaptive = float((scale * b).norm())
    for kind in ("adaptive-one-step", "adaptive-ascent"):
        np.testing.assert_allclose(result.column(kind), [adaptive * 0.05, adaptive * 2.0], rtol=1e-12)
    np.testing.assert_allclose(result.column("average"), 0, atol=1e-14)
    np.testing.assert_allclose(result.gap[:, :4], 0, atol=1e-12)
    assert (result.last_gain[:, 1] == 0).all() and (result.steps[:, [1, 3]] == 1).all()  # nowhere to go on to
    assert result.gradient_norm == pytest.approx(13) and result.loss == pytest.approx(3 - 8 + 36)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rho", [0.05, 0.5, 3.0])
def test_the_ascent_reaches_the_maximum_over_the_ball_and_never_exceeds_it(seed, rho):
    A, b = drawn(8, seed, definite=seed % 2 == 0)
    exact = highest(A, b, rho)
    kinds = ("one-step", "ascent")
    result = sharpness(quadratic(A, b), [rho], kinds=kinds, ascent_steps=300)
    one, best = result.values[0]
    delta = rho * b / b.norm()
    assert one == pytest.approx(float(b @ delta + delta @ A @ delta / 2), rel=1e-12)
    assert one <= best <= exact * (1 + 1e-12)
    assert best == pytest.approx(exact, rel=1e-6 if seed % 2 == 0 else 1e-4)
    assert result.gap[0, 1] < 1e-3 * exact
    few = sharpness(quadratic(A, b), [rho], kinds=kinds, ascent_steps=10)
    assert one <= few.values[0, 1] <= exact * (1 + 1e-12)
    assert few.values[0, 1] > 0.97 * exact
    assert few.steps[0, 1] == 10 or few.gap[0, 1] < 1e-6 * exact


def test_a_maximum_inside_the_ball_is_found_where_the_one_step_goes_too_far():
    A, b = -2 * torch.eye(3).double(), torch.tensor([0.3, 0.0, 0.4]).double()
    result = sharpness(quadratic(A, b), [2.0], kinds=("one-step", "ascent"), ascent_steps=60)
    assert result.values[0, 0] == pytest.approx(0.5 * 2 - 4)
    assert result.values[0, 1] == pytest.approx(0.25 / 4, rel=1e-6)  # bᵀb / (2 · 2)
    single = sharpness(quadratic(A, b), [2.0], kinds=("ascent",), ascent_steps=1)
    assert single.values[0, 0] == 0 and single.last_gain[0, 0] == 0  # θ is in the ball, too


def test_steps_double_after_a_rise_and_are_quartered_after_none():
    """0.6 x - x² within ±2, whose maximum is at 0.3."""
    objective = of(lambda x: (0.6 * x - x**2).sum(), Point([[0.0]]), Recorded)
    result = sharpness(objective, [2.0], kinds=["ascent"], ascent_steps=7)
    points = [float(point) for point in objective.points]
    assert points[-7:] == pytest.approx([2, 0.5, -0.5, 0.25, 0.75, 0.375, 0.28125], rel=1e-12)
    assert result.values[0, 0] == pytest.approx(0.6 * 0.28125 - 0.28125**2)
    assert result.last_gain[0, 0] == pytest.approx(result.values[0, 0] - 0.0875)


def test_the_tangent_s_gap_is_that_of_the_end_point():
    A, b = drawn(5, 3)
    result = sharpness(quadratic(A, b), [0.7], kinds=("one-step", "ascent"), ascent_steps=1)
    u = 0.7 * b / b.norm()
    slope = b + A @ u
    assert result.gap[0, 0] == pytest.approx(float(0.7 * slope.norm() - slope @ u), rel=1e-9)
    assert result.gap[0, 1] == pytest.approx(result.gap[0, 0]) and result.gap[0, 0] > 1e-3
    assert result.last_gain[0, 1] == pytest.approx(result.values[0, 1])


def test_the_ascent_leaves_a_point_without_gradient_and_the_one_step_does_not():
    A = torch.diag(torch.tensor([1.0, 2.0, 5.0])).double()
    result = sharpness(quadratic(A, torch.zeros(3).double()), [0.5], kinds=("one-step", "ascent"), ascent_steps=60)
    assert result.values[0, 0] == 0 and result.steps[0, 0] == 0 and result.evaluations[0, 0] == 1
    assert result.values[0, 1] == pytest.approx(5 * 0.25 / 2, rel=1e-6)
    model = Point(torch.zeros(3, 1))
    space = ParamSpace(model, exclude_rows={"table": [2]})
    objective = of(lambda x: x @ A @ x / 2, model, Recorded, space=space)
    result = sharpness(objective, [0.5], kinds=["ascent"], ascent_steps=60)
    assert result.values[0, 0] == pytest.approx(2 * 0.25 / 2, rel=1e-6)
    assert not any(point[2] for point in objective.points)


def test_the_adaptive_ascent_reaches_the_maximum_over_its_ellipsoid():
    A, b = drawn(6, 11)
    theta = torch.linspace(-2, 3, 6).double()
    scale = torch.diag(theta.abs() + 0.01)
    result = sharpness(quadratic(A, b, theta), [0.4], kinds=KINDS[2:4], ascent_steps=300)
    exact = highest(scale @ A @ scale, scale @ b, 0.4)
    assert result.values[0, 1] == pytest.approx(exact, rel=1e-6)
    delta = 0.4 * scale @ scale @ b / (scale @ b).norm()
    assert result.values[0, 0] == pytest.approx(float(b @ delta + delta @ A @ delta / 2), rel=1e-12)


class TwoLayers(nn.Module):
    def __init__(self, factor=1.0):
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.first, self.second = nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.randn(3, 4, generator=generator) * factor)
            self.second.weight.copy_(torch.randn(2, 3, generator=generator) / factor)

    def forward(self, x):
        return self.second(self.first(x))


def test_rescaling_two_layers_changes_the_plain_sharpness_and_not_the_adaptive_one():
    def measured(factor, eta):
        generator = torch.Generator().manual_seed(6)
        x, y = torch.randn(9, 4, generator=generator).double(), torch.randn(9, 2, generator=generator).double()
        objective = Objective(
            TwoLayers(factor).double(), lambda model, batch: (((model(batch[0]) - batch[1]) ** 2).sum(), 9), [(x, y)]
        )
        return sharpness(objective, [0.1, 0.5], kinds=KINDS[:4], eta=eta)

    for eta, tolerance in ((0.0, 1e-6), (0.01, 0.1)):
        here, there = measured(1.0, eta), measured(4.0, eta)
        assert here.loss == pytest.approx(there.loss, rel=1e-6)
        np.testing.assert_allclose(here.values[:, 2:], there.values[:, 2:], rtol=tolerance)
        assert (np.abs(here.values[:, :2] / there.values[:, :2] - 1) > 0.3).all()
    assert abs(measured(1.0, 0.01).values[0, 2] / measured(1.0, 0.0).values[0, 2] - 1) > 1e-3  # η does count


def test_vectors_are_not_scaled():
    objective = convolutional().objective()
    for name, view in objective.space.views(adaptive_scale(objective)).items():
        own = dict(objective.model.named_parameters())[name].detach()
        torch.testing.assert_close(view, own.abs() + 0.01 if own.ndim > 1 else torch.ones_like(own))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ascent", "adaptive-ascent"])
def test_an_ascent_never_leaves_the_ball_and_leaves_excluded_rows_alone(kind):
    for dtype in (torch.float32, torch.float64):
        model = transformer().model.to(dtype)
        objective = Recorded(
            model,
            transformer().loss,
            transformer().batches,
            space=ParamSpace(model, exclude_rows={"items.weight": [3]}),
        )
        before = objective.params.clone()
        scale = adaptive_scale(objective) if kind != "ascent" else torch.ones_like(before)
        for rho in (0.05, 2.0):
            objective.points.clear()
            sharpness(objective, [rho], kinds=[kind], ascent_steps=12)
            moved = [(point - before).double() for point in objective.points]
            lengths = torch.stack([(delta / scale.double()).norm() for delta in moved])
            assert lengths.max() <= rho * (1 + 1e-6) + 1e-6
            assert lengths.max() >= rho * (1 - 1e-6) - 1e-6
            assert not any(delta[~objective.space.mask].any() for delta in moved)
        torch.testing.assert_close(objective.params, before, rtol=0, atol=0)
        torch.testing.assert_close(objective.space.params(model), before, rtol=0, atol=0)


def test_draws_leave_excluded_rows_alone_and_have_the_stated_deviation():
    table = torch.linspace(1, 2, 600).double().reshape(200, 3)
    model = Point(table, [1.0, 2.0])
    space = ParamSpace(model, exclude_rows={"table": range(0, 200, 2)})
    objective = of(lambda x: (x**2).sum(), model, Recorded, space=space)
    result = sharpness(objective, [0.5, 4.0], kinds=["average"], draws=4)
    moved = torch.stack([point - objective.params for point in objective.points])
    assert not moved[:, ~space.mask].any()
    assert result.params_norm == pytest.approx(float(objective.params[space.mask].norm()))
    far = moved[moved.norm(dim=1) > 1e-9]
    assert len(far) == 2 * 2 * 4
    lengths = far.norm(dim=1)
    for rho in (0.5, 4.0):
        ours = lengths[(lengths > 0.7 * rho) & (lengths < 1.4 * rho)]
        assert len(ours) == 8 and ours.mean() == pytest.approx(rho, rel=0.08)
    np.testing.assert_allclose(
        result.metadata["standard_deviations"], np.array([0.5, 4.0]) / math.sqrt(301.5), rtol=1e-5
    )


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000])
def test_the_mean_norm_of_a_gaussian_is_the_stated_one(size):
    norms = np.sqrt(np.random.default_rng(0).chisquare(size, 200_000))
    assert mean_norm(size) == pytest.approx(norms.mean(), rel=5e-3 / math.sqrt(size))
    assert mean_norm(size) < math.sqrt(size)
    exact = {1: math.sqrt(2 / math.pi), 2: math.sqrt(math.pi / 2), 3: 2 * math.sqrt(2 / math.pi)}
    assert size not in exact or mean_norm(size) == pytest.approx(exact[size], rel=1e-12)


def test_the_mean_norm_of_millions_of_coordinates_is_the_asymptotic_one():
    for size in (10**6, 10**8):
        assert mean_norm(size) == pytest.approx(math.sqrt(size) * (1 - 1 / (4 * size)), rel=1e-7)


@pytest.mark.slow
def test_the_average_of_a_quadratic_is_half_its_trace_times_the_variance_and_the_stated_errors_cover_it():
    A, b = drawn(7, 2, definite=False)
    A += torch.eye(7).double()
    objective = quadratic(A, 50 * b)  # a slope so large that it must cancel
    rhos = np.array([0.1, 1.0])
    exact = (rhos / mean_norm(7)) ** 2 * float(A.trace()) / 2
    errors, stated = [], []
    for seed in range(100):
        result = sharpness(objective, rhos, kinds=["average"], draws=12, seed=seed)
        errors.append(result.column("average") - exact)
        stated.append(result.stderr[:, 0])
    errors, stated = np.array(errors), np.array(stated)
    within = (np.abs(errors) < stated).mean(0)
    assert (within > 0.55).all() and (within < 0.79).all()  # Student's t of 11: 0.66
    assert ((np.abs(errors) < 2 * stated).mean(0) > 0.88).all()
    assert (np.abs(errors.mean(0)) < 4 * errors.std(0) / 10).all()
    np.testing.assert_allclose(errors.std(0), np.sqrt((stated**2).mean(0)), rtol=0.2)


def test_the_stated_error_is_that_of_the_mean_over_pairs():
    A, b = drawn(4, 9)
    objective = quadratic(A, b, kind=Recorded)
    result = sharpness(objective, [2.0], kinds=["average"], draws=3)
    deltas = torch.stack(objective.points[-6:]).reshape(3, 2, 4)
    torch.testing.assert_close(deltas[:, 0], -deltas[:, 1])
    rises = torch.einsum("di,ij,dj->d", deltas[:, 0], A, deltas[:, 0]) / 2
    assert result.values[0, 0] == pytest.approx(float(rises.mean()), rel=1e-9)
    assert result.stderr[0, 0] == pytest.approx(float(rises.std(unbiased=True)) / math.sqrt(3), rel=1e-6)


def test_odd_terms_cancel_in_every_pair():
    objective = of(lambda x: 5 * x.sum() + (x**3).sum(), Point(torch.zeros(4, 1)))
    result = sharpness(objective, [0.5], kinds=["average"], draws=3)
    assert abs(result.values[0, 0]) < 1e-14 and result.stderr[0, 0] < 1e-13


def test_rounding_of_the_centre_is_in_the_stated_error():
    """In float32, a loss of 1000 cannot show a rise of a millionth."""
    weights = torch.linspace(0.5, 2, 40)
    objective = of(lambda x: 1000 + (weights * (x - 1) ** 2).sum() / 2, Point(torch.ones(40, 1), dtype=torch.float32))
    rho = 1e-3
    exact = (rho / mean_norm(40)) ** 2 * float(weights.sum()) / 2
    result = sharpness(objective, [rho], kinds=["average"], draws=10)
    assert abs(result.values[0, 0] - exact) <= 3 * max(result.stderr[0, 0], 1000 * torch.finfo(torch.float32).eps)
    slope = of(lambda x: 1000 + (x * weights).sum(), Point(torch.ones(40, 1), dtype=torch.float32))
    noisy = sharpness(slope, [rho], kinds=["average"], draws=10)
    assert noisy.noise > 1e-6 and noisy.stderr[0, 0] >= noisy.noise


def test_the_same_seed_means_the_same_draws_and_another_seed_others():
    A, b = drawn(6, 4)
    one, two = quadratic(A, b), quadratic(2 * A, b)
    first, second = (sharpness(objective, kinds=["average"], seed=3) for objective in (one, two))
    np.testing.assert_allclose(2 * first.values, second.values, rtol=1e-9)
    assert first.metadata["draw_seeds"] == second.metadata["draw_seeds"]
    other = sharpness(one, kinds=["average"], seed=4)
    assert not {*first.metadata["draw_seeds"]} & {*other.metadata["draw_seeds"]}
    assert not np.allclose(first.values, other.values, rtol=1e-3)
    more = sharpness(one, kinds=["average"], seed=3, draws=20)
    assert more.metadata["draw_seeds"][:10] == first.metadata["draw_seeds"]


def test_a_kink_is_climbed_on_its_steeper_side():
    objective = of(lambda x: torch.where(x > 0, 3 * x, -x).sum(), Point([[1e-9]]))
    result = sharpness(objective, [0.5], kinds=("one-step", "ascent", "average"), draws=100)
    np.testing.assert_allclose(result.values[0, :2], 1.5, rtol=1e-6)
    assert result.values[0, 2] == pytest.approx(2 * 0.5, abs=4 * result.stderr[0, 2])  # (3 + 1)/2 · E|δ|


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_is_reported(bad):
    def walled(x):
        return torch.where(x.abs().sum() > 1, bad, 0.0) + x.sum()

    result = sharpness(of(walled, Point(torch.full((2, 1), 0.01))), (0.05, 2.0), draws=5)
    assert np.isfinite(result.values[0]).all()
    np.testing.assert_array_equal(result.column("one-step")[1], bad)
    np.testing.assert_array_equal(result.column("ascent")[1], bad)
    assert not np.isfinite(result.column("average")[1]) and math.isnan(result.stderr[1, KINDS.index("average")])
    assert ("inf" if bad == math.inf else "nan") in repr(result)


def test_a_wall_met_later_in_the_ascent_is_reported():
    """The gradient points along the first coordinate; the wall stands beyond the second."""
    A, b = torch.diag(torch.tensor([0.0, 40.0])).double(), torch.tensor([1.0, 0.1]).double()
    objective = of(lambda x: x @ A @ x / 2 + b @ x + torch.where(x[1] > 0.9, math.inf, 0.0), Point(torch.zeros(2, 1)))
    result = sharpness(objective, [1.0], kinds=("one-step", "ascent"), ascent_steps=20)
    assert math.isfinite(result.values[0, 0]) and result.values[0, 1] == math.inf
    assert 1 < result.steps[0, 1] < 20


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_at_the_start_is_refused(bad):
    with pytest.raises(ValueError, match=f"the loss is {bad} at the parameters themselves"):
        sharpness(of(lambda x: x.sum() * bad, Point([[1.0, 2.0]])), [0.1])


def test_one_distance_is_a_list_of_one():
    objective = of(lambda x: x.square().sum(), Point([[1.0]]))
    result = sharpness(objective, 0.5, kinds=["one-step"])
    assert result.rhos.tolist() == [0.5] and result.values[0, 0] == pytest.approx(1.25)  # 1.5² - 1


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.01, 5))
def test_an_ascent_is_at_least_the_one_step_and_at_least_zero(seed, rho):
    A, b = drawn(4, seed, definite=False)
    theta = torch.from_numpy(np.random.default_rng(seed).normal(size=4))
    bend = torch.from_numpy(np.random.default_rng(seed + 1).normal(size=4))
    objective = of(lambda x: torch.sin(bend * x).sum() + x @ A @ x / 2 + b @ x, Point(theta[:, None]))
    result = sharpness(objective, [rho], kinds=KINDS[:4], ascent_steps=5)
    for one, best in (result.values[0, :2], result.values[0, 2:]):
        assert best >= max(one, 0)


def test_evaluations_and_progress_are_counted():
    A, b = drawn(5, 0)
    objective = quadratic(A, b, kind=Recorded)
    reports = []
    result = sharpness(objective, (0.1, 0.2), ascent_steps=4, draws=3, progress=lambda *report: reports.append(report))
    # value_and_gradient counts its own passes; finding the numbers of terms is one pass over the batches
    assert result.metadata["evaluations"] == len(objective.points) - 1 == reports[-1][0] <= reports[-1][1]
    assert reports[-1][1] == 1 + 13 + 2 * (4 + 4) + 2 * 2 * 3 + 1
    assert result.evaluations.tolist() == [[2, 5, 2, 5, 7]] * 2
    assert len(sharpness(quadratic(A, b), kinds=["one-step"]).rows()) == 3


def test_the_table_says_it_all():
    A, b = drawn(5, 0)
    theta = torch.arange(1, 6).double()
    result = sharpness(quadratic(A, b, theta), (0.1, 0.5), kinds=["Average", "one-step"], draws=2, eigenvalue=2.0)
    rows = result.rows()
    assert [(row["kind"], row["rho"]) for row in rows] == [
        ("average", 0.1), ("average", 0.5), ("one-step", 0.1), ("one-step", 0.5)
    ]  # fmt: skip
    assert rows[3]["value"] == result.values[1, 1] and rows[1]["stderr"] == result.stderr[1, 0]
    assert math.isnan(rows[2]["stderr"]) and math.isnan(rows[0]["last_gain"])
    assert result.scaled_eigenvalue == pytest.approx(2 * 55) and "λ‖θ‖² 110" in repr(result)
    assert "one-step" in repr(result) and "±" in repr(result)
    assert math.isnan(sharpness(quadratic(A, b), [0.1], kinds=["one-step"]).scaled_eigenvalue)
    assert math.isnan(sharpness(quadratic(A, b), [0.1], kinds=["average"], draws=1).stderr[0, 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ["ascend"]}, "did you mean ascent"),
        ({"rhos": []}, "at least one"),
        ({"rhos": [0.1, -1]}, "must be positive"),
        ({"draws": 0}, "draws=0 must be at least 1"),
        ({"ascent_steps": 0}, "ascent_steps=0 must be at least 1"),
        ({"seed": -1}, "seed=-1 must not be negative"),
        ({"eta": -0.1}, "eta=-0.1 must not be negative"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sharpness(quadratic(*drawn(3, 0)), **options)


def test_a_space_without_coordinates_is_refused():
    model = Point([[1.0], [2.0]])
    objective = of(lambda x: x.sum(), model, space=ParamSpace(model, exclude_rows={"table": [0, 1]}))
    with pytest.raises(ValueError, match="no coordinate is active"):
        sharpness(objective)
