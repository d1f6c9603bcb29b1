"""Differences against prescribed derivatives, and the radius of a quadratic against those of known cubics."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from torch import nn

from landscape import Objective, ParamSpace, random_direction, top_eigenpairs
from landscape.geometry.derivative_checks import check_derivatives
from landscape.geometry.finite_differences import central_difference
from landscape.geometry.noise import loss_noise
from landscape.geometry.quadratic_model import quadratic_radius
from landscape.results import Check, CheckReport
from tests.support.problems import PROBLEMS, crossentropy, logistic, transformer

DTYPES = [torch.float32, torch.float64]


class Point(nn.Module):
    """Parameters alone, as rows of one."""

    def __init__(self, values, dtype):
        super().__init__()
        self.values = nn.Parameter(torch.as_tensor(np.asarray(values, float)[:, None], dtype=dtype))

    def forward(self):
        return self.values[:, 0]


def of(function, values, dtype=torch.float64, kind=Objective, **options):
    return kind(Point(values, dtype), lambda model, _: (function(model()), 1), [None], **options)


class Scaled(Objective):
    """Derivatives that are wrong by a factor."""

    hessian_factor, gradient_factor = 1.0, 1.0

    def hvp(self, vector, params=None):
        return self.hessian_factor * super().hvp(vector, params)

    def value_and_gradient(self, params=None):
        value, gradient = super().value_and_gradient(params)
        return value, self.gradient_factor * gradient


class Exponentials:
    """L(θ) = mean exp(aᵢᵀθ + cᵢ), whose derivatives in float64 are sums of the same exponentials."""

    def __init__(self, seed, n=20, rows=50):
        rng = np.random.default_rng(seed)
        self.a, self.c = rng.normal(size=(rows, n)) / 3, rng.normal(size=rows)
        self.theta = rng.normal(size=n).astype(np.float32).astype(float)

    def objective(self, dtype, kind=Objective):
        a, c = (torch.as_tensor(array, dtype=dtype) for array in (self.a, self.c))
        return of(lambda theta: torch.exp(a @ theta + c).mean(), self.theta, dtype, kind)

    def derivatives(self, direction):
        values, along = np.exp(self.a @ self.theta + self.c), self.a @ direction
        return (values * along).mean(), (values * along**2).mean()


# --- differences


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_prescribed_derivatives_are_recovered_within_the_stated_errors(dtype):
    """Over random directions and losses; the errors are also small, or they would cover anything."""
    bounds = {torch.float32: (1e-3, 1e-2), torch.float64: (1e-8, 1e-6)}[dtype]
    covered, errors, stated = [], [], []
    for seed in range(40):
        problem = Exponentials(seed)
        direction = np.random.default_rng(1000 + seed).normal(size=20) * 10.0 ** (seed % 5 - 2)
        direction = direction.astype(np.float32).astype(float)
        result = central_difference(problem.objective(dtype), torch.from_numpy(direction))
        assert result.agrees
        exact = np.array(problem.derivatives(direction))
        scale = np.array([exact[1] ** 0.5, exact[1]])  # a slope may be small by chance
        error = np.abs(np.array([result.slope.found, result.curvature.found]) - exact)
        allowed = np.array([result.slope_error, result.curvature_error])
        representation = (1e-6 if dtype == torch.float32 else 1e-15) * scale  # of a and c
        covered.append(error <= allowed + representation)
        errors.append(error / scale)
        stated.append(allowed / scale)
    assert np.mean(covered) >= 0.98
    assert (np.median(errors, 0) < bounds).all() and (np.max(stated, 0) < 30 * np.array(bounds)).all()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_networks_agree_with_their_derivatives(name, dtype):
    problem = PROBLEMS[name]()
    problem.model.to(dtype)
    if dtype == torch.float32:
        problem.batches = [
            tuple(part.float() if part.is_floating_point() else part for part in batch)
            if isinstance(batch, tuple)
            else batch
            for batch in problem.batches
        ]
    objective = problem.objective()
    generator = torch.Generator().manual_seed(0)
    verdicts, precisions = [], []
    for _ in range(6):
        result = central_difference(objective, torch.randn(objective.space.size, generator=generator))
        verdicts += [result.slope.verdict, result.curvature.verdict]
        precisions.append([check.allowed / abs(check.expected) for check in (result.slope, result.curvature)])
    # In float32 rounding, which is the machine's, may hide a curvature.
    assert verdicts.count("agrees") >= len(verdicts) - (dtype == torch.float32)
    assert "differs" not in verdicts
    assert (np.median(precisions, 0) < (0.002, 0.05)).all()


def test_wide_steps_that_agree_with_each_other_by_chance_are_not_believed():
    """Along this direction, without a look at narrower steps, f'' would be off by three times its stated error."""
    problem = transformer()
    problem.model.float()
    direction = torch.randn(problem.objective().space.size, generator=torch.Generator().manual_seed(5))
    assert central_difference(problem.objective(), direction).agrees


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factor", [2.0, 0.5, 1.03, -1.0, 0.0])
def test_a_wrong_product_is_caught(dtype, factor):
    objective = Exponentials(3).objective(dtype, Scaled)
    direction = torch.randn(20, generator=torch.Generator().manual_seed(1))
    objective.hessian_factor = factor
    result = central_difference(objective, direction)
    assert not result.curvature.agrees and result.slope.agrees and not result.agrees
    objective.hessian_factor, objective.gradient_factor = 1.0, factor
    result = central_difference(objective, direction)
    assert result.curvature.agrees and not result.slope.agrees and not result.agrees
    assert "slope along r" in repr(check_derivatives(objective, {"r": direction}))


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.integers(-9, 9), min_size=7, max_size=7), st.sampled_from([0.125, 0.5]))
def test_polynomials_of_degree_six_have_no_truncation_beyond_the_second_extrapolation(coefficients, step):
    """Their slope and curvature are exact in h², h⁴ and h⁶: what is lost after one extrapolation is stated."""

    def horner(theta):
        value = torch.zeros_like(theta[0])
        for coefficient in reversed(coefficients):
            value = value * theta[0] + coefficient
        return value

    objective = of(horner, [0.0])
    result = central_difference(objective, torch.ones(1), step=step)
    rounding = 1e-14 * (sum(map(abs, coefficients)) + 1) * (8 * step + 1) ** 6 / step**2
    assert result.slope.found == pytest.approx(coefficients[1], abs=rounding)
    assert result.curvature.found == pytest.approx(2 * coefficients[2], abs=rounding)
    # (16 R(h) - R(2h)) / 15 - R(h) with R(h) = f' - 4 c₅ h⁴, and 2 (c₂ - 4 c₆ h⁴)
    noise = 4 * rounding
    assert result.slope_error == pytest.approx(4 * abs(coefficients[5]) * step**4, abs=noise)
    assert result.curvature_error == pytest.approx(8 * abs(coefficients[6]) * step**4, abs=noise)
    assert result.slope_step == result.curvature_step == step
    assert result.evaluations == 9 + 13


def test_derivatives_scale_with_the_direction_and_leave_excluded_rows_out():
    problem = transformer()
    space = ParamSpace(problem.model, exclude_rows={"items.weight": [2]})
    objective = problem.objective(space=space)
    direction = torch.randn(space.size, generator=torch.Generator().manual_seed(4)).double()
    once, thrice = central_difference(objective, direction), central_difference(objective, 3 * direction)
    assert thrice.slope.found == pytest.approx(3 * once.slope.found, rel=1e-6)
    assert thrice.curvature.found == pytest.approx(9 * once.curvature.found, rel=1e-5)
    noisy = direction + ~space.mask * 100.0
    assert central_difference(objective, noisy).curvature == once.curvature


def test_an_overflow_far_away_makes_the_steps_smaller():
    wide = of(lambda theta: torch.exp(100 * theta[1]) + theta[0] ** 2, [2000.0, 0.01], torch.float32)
    result = central_difference(wide, torch.tensor([0.0, 1.0]))
    assert result.agrees and result.curvature_step < 1


def test_a_kink_is_reported():
    objective = of(lambda theta: theta.abs().sum(), [0.0, 1.0])
    result = central_difference(objective, torch.tensor([1.0, 0.0]))
    assert result.curvature.expected == 0 and not result.curvature.agrees
    assert result.curvature_error == math.inf and str(result.curvature).endswith("cannot tell")
    beside = of(lambda theta: theta.abs().sum(), [1e-3, 1.0])
    result = central_difference(beside, torch.tensor([1.0, 0.0]))  # the kink is in reach of the wide steps alone
    assert result.agrees and 8 * result.slope_step <= 1e-3
    assert result.slope.found == pytest.approx(1, rel=1e-9)


def test_a_step_is_not_used_if_the_next_one_meets_a_loss_that_is_not_finite():
    seen = []

    def square(theta):
        seen.append(abs(theta[0].item()))
        return theta[0] ** 2 + theta[1]

    direction = torch.tensor([1.0, 0.0])
    central_difference(of(square, [0.0, 1.0]), direction)
    hole = max(seen) / 16  # the widest differences are over 1, 2, 4 and 8 steps; half a step is in the next ones only

    def holed(theta):
        return square(theta) + torch.where(theta[0].abs() == hole, math.nan, 0.0)

    result = central_difference(of(holed, [0.0, 1.0]), direction)
    assert result.agrees
    assert result.curvature_step < hole


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_agrees_with_nothing(bad):
    objective = of(lambda theta: theta.sum() * bad, [1.0, 2.0])
    result = central_difference(objective, torch.ones(2))
    assert not result.slope.agrees and not result.curvature.agrees and math.isnan(result.noise)
    assert math.isnan(result.slope_step)
    assert not check_derivatives(objective, {"all": torch.ones(2)}).agrees


def test_few_evaluations_are_enough_and_are_counted():
    counted = []

    def function(theta):
        counted.append(theta)
        return torch.log(1 + torch.exp(theta)).sum()

    objective = of(function, np.linspace(-1, 1, 10), torch.float32)
    objective.value(), objective.gradient(), objective.hvp(torch.ones(10))
    derivatives = 2  # the gradient and one product
    counted.clear()
    result = central_difference(objective, torch.ones(10))
    assert result.evaluations + derivatives == len(counted) < 50


# --- noise


def test_the_noise_of_a_loss_is_found_in_the_presence_of_slope_and_curvature():
    """A smooth loss with a prescribed error at each point, a hash of the point's bits."""
    for size in (1e-9, 1e-5):

        def noisy(theta, size=size):
            seed = hash(tuple(theta.tolist())) % 2**32
            error = float(np.random.default_rng(seed).normal()) * size
            return (theta**2).sum() + 3 * theta.sum() + torch.exp(theta[0]) + error

        directions = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
        result = [
            loss_noise(of(noisy, np.linspace(0.5, 2, 8)), 10 ** (i % 7 - 3) * d) for i, d in enumerate(directions)
        ]
        assert 0.85 < np.sqrt(np.mean(np.square(result))) / size < 1.25
        assert np.min(result) > 0.3 * size and np.max(result) < 2.5 * size


def test_the_noise_of_float32_is_that_of_float32():
    noises = {dtype: loss_noise(Exponentials(1).objective(dtype), torch.ones(20)) for dtype in DTYPES}
    loss = Exponentials(1).objective(torch.float64).value()
    for dtype, noise in noises.items():
        assert 0.02 < noise / (loss * torch.finfo(dtype).eps) < 20
    exact = Exponentials(1).objective(torch.float64)
    single = Exponentials(1).objective(torch.float32)
    rng = np.random.default_rng(0)
    deviations = []
    for _ in range(200):
        point = torch.from_numpy(rng.normal(size=20).astype(np.float32) * 1e-4) + single.params
        deviations.append(single.value(point) - exact.value(point.double()))
    assert 0.3 < noises[torch.float32] / np.std(deviations) < 3


# --- the quadratic's radius


def cubic(x, y, slope=0.0):
    """½ · 3 x² + ½ · 5 y² + slope · x + 0.7 x³ in coordinates along x and y, and a third one."""
    return lambda theta: 1.5 * (theta @ x) ** 2 + 2.5 * (theta @ y) ** 2 + slope * (theta @ x) + 0.7 * (theta @ x) ** 3


X, Y = torch.tensor([1.0, 0.0, 0.0]).double(), torch.tensor([0.0, 1.0, 0.0]).double()


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_known_cubic_has_the_analytic_radius_on_every_ray(share):
    objective = of(cubic(X, Y), [0.0, 0.0, 0.0])
    result = quadratic_radius(objective, X, Y, rays=12, share=share, extent=50.0)
    cosine, sine = np.cos(result.angles), np.sin(result.angles)
    with np.errstate(divide="ignore"):
        exact = share * (1.5 * cosine**2 + 2.5 * sine**2) / (0.7 * np.abs(cosine) ** 3)
    exact[np.abs(cosine) < 1e-9] = math.inf
    np.testing.assert_allclose(result.radii, exact, rtol=0.006)
    np.testing.assert_allclose(result.distances, exact, rtol=0.006)
    assert result.smallest == pytest.approx(share * 1.5 / 0.7, rel=0.006)
    assert abs(math.cos(result.angle)) == pytest.approx(1)
    np.testing.assert_allclose(result.hessian, [[3, 0], [0, 5]], atol=1e-12)
    assert result.products == 2


def test_coordinates_and_distances_are_those_of_directions_that_are_neither_unit_nor_orthogonal():
    objective = of(cubic(X, Y), [0.0, 0.0, 0.0])
    result = quadratic_radius(objective, 2 * X, X + 3 * Y, rays=5, extent=50.0)
    cosine, sine = np.cos(result.angles), np.sin(result.angles)
    first, second = 2 * cosine + sine, 3 * sine
    exact = 0.1 * (1.5 * first**2 + 2.5 * second**2) / (0.7 * np.abs(first) ** 3)
    exact[exact > 50] = math.inf
    np.testing.assert_allclose(result.radii, exact, rtol=0.006)
    np.testing.assert_allclose(result.distances, exact * np.hypot(first, second), rtol=0.006)
    np.testing.assert_allclose(result.hessian, [[12, 6], [6, 48]], atol=1e-10)


def test_a_quadratic_is_never_departed_from():
    for dtype in DTYPES:
        A = torch.tensor([[3.0, 1.0, 0.5], [1.0, -2.0, 0.0], [0.5, 0.0, 1.0]], dtype=dtype)
        objective = of(lambda theta, A=A: 100 + theta @ A @ theta / 2 + 3 * theta.sum(), [1.0, 2.0, -1.0], dtype)
        result = quadratic_radius(objective, X, Y, rays=16)
        assert (result.radii == math.inf).all() and result.smallest == math.inf and math.isnan(result.angle)
        np.testing.assert_allclose(result.extents, math.sqrt(6), rtol=1e-6)  # as far as ‖θ‖
        np.testing.assert_allclose(result.gradient, objective.gradient()[:2], rtol=1e-6)
        assert "none up to" in repr(result)


def test_a_ray_that_crosses_its_own_height_has_not_departed_there():
    objective = of(cubic(X, Y, slope=-1.0), [0.0, 0.0, 0.0])  # down to -1/6 at 1/3, and up again through 0 at 2/3
    result = quadratic_radius(objective, X, Y, rays=2, share=0.5, extent=50.0)

    def excess(r):
        return 0.7 * r**3 - 0.5 * max(abs(-r + 1.5 * r**2), 1 / 6 if r > 1 / 3 else 0)

    first = next(r for r in np.linspace(0.01, 5, 100_000) if excess(r) > 0)
    assert result.radii[0] == pytest.approx(first, rel=0.006)
    assert first == pytest.approx(brentq(lambda r: 0.7 * r**3 - 1 / 12, 0.3, 0.6), rel=1e-3)
    back = brentq(lambda r: 0.7 * r**3 - 0.5 * (r + 1.5 * r**2), 0.1, 5)
    assert result.radii[1] == pytest.approx(back, rel=0.006)


def test_a_radius_far_below_the_first_one_tried_is_found():
    result = quadratic_radius(of(cubic(X, Y), [0.0, 0.0, 0.0]), X, Y, rays=1, extent=1e5)
    assert result.radii[0] == pytest.approx(0.15 / 0.7, rel=0.006)


def test_a_wall_departs_and_a_start_beyond_it_has_no_radius():
    def walled(theta):
        return (theta**2).sum() + torch.where(theta[0] > 1.2, math.inf, 0.0)

    result = quadratic_radius(of(walled, [1.0, 1.0, 0.0]), X, Y, rays=4)
    assert result.radii[0] == pytest.approx(0.2, rel=0.006) and (result.radii[1:] == math.inf).all()
    beyond = quadratic_radius(of(walled, [2.0, 1.0, 0.0]), X, Y, rays=4, gradient=torch.zeros(3), hessian=np.eye(2))
    assert np.isnan(beyond.radii).all() and "nan" in repr(beyond)


def test_rounding_is_no_departure():
    """Near a minimum in float32, a loss of 1000 moves by less than it is rounded by."""
    weights = torch.linspace(1, 2, 30)
    objective = of(lambda theta: 1000 + (weights * (theta - 1) ** 2).sum(), np.ones(30), torch.float32)
    x, y = torch.eye(30)[0], torch.eye(30)[1]
    assert (quadratic_radius(objective, x, y, extent=1e-2).radii == math.inf).all()


def test_known_derivatives_are_taken_and_cost_no_product():
    class Unasked(Objective):
        def hvp(self, vector, params=None):
            raise AssertionError("the Hessian was asked for")

    problem = logistic()
    plain = problem.objective()
    H = problem.dense_hessian()
    pairs = top_eigenpairs(H, 2, tolerance=1e-9)
    asked = quadratic_radius(plain, pairs.vectors[0], pairs.vectors[1], rays=6, extent=20.0)
    objective = Unasked(problem.model, problem.loss, problem.batches)
    given_ = quadratic_radius(
        objective, *pairs.vectors, gradient=plain.gradient(), hessian=np.diag(pairs.values), rays=6, extent=20.0
    )
    np.testing.assert_allclose(given_.radii, asked.radii, rtol=1e-6)
    np.testing.assert_allclose(asked.hessian, np.diag(pairs.values), atol=1e-8)
    assert given_.products == 0 and np.isfinite(asked.smallest)
    wrong = quadratic_radius(plain, *pairs.vectors, hessian=3 * np.diag(pairs.values), rays=6, extent=20.0)
    assert wrong.smallest < asked.smallest / 3


@pytest.mark.slow
def test_the_departure_is_where_the_loss_itself_says():
    """Against a plain scan of a ray in the problem's own definition."""
    problem = logistic()
    objective, H = problem.objective(), problem.dense_hessian()
    theta, g = objective.params, objective.gradient()
    x, y = torch.randn(2, 15, generator=torch.Generator().manual_seed(2)).double()
    result = quadratic_radius(objective, x, y, rays=3, extent=10.0)
    for angle, radius in zip(result.angles, result.radii, strict=True):
        ray = math.cos(angle) * x + math.sin(angle) * y
        scan = np.linspace(0, 10, 501)[1:]
        rises = np.array([float(r * g @ ray + r * r * ray @ H @ ray / 2) for r in scan])
        losses = np.array([float(problem.reference(theta + r * ray) - problem.reference(theta)) for r in scan])
        departed = np.abs(losses - rises) > 0.1 * np.maximum.accumulate(np.abs(rises))
        assert departed.any()
        assert radius == pytest.approx(scan[departed.argmax()], rel=0.006, abs=0.02)


def test_evaluations_of_the_radius_are_counted():
    counted = []

    def function(theta):
        counted.append(theta)
        return cubic(X, Y)(theta)

    objective = of(function, [0.0, 0.0, 0.0])
    gradient, hessian = objective.gradient(), np.diag([3.0, 5.0])
    counted.clear()
    result = quadratic_radius(objective, X, Y, gradient=gradient, hessian=hessian)
    assert result.evaluations == len(counted)


# --- reports


def test_a_check_agrees_up_to_what_is_allowed_and_never_without_numbers():
    assert Check("a", 1.0, 1.25, 0.25).agrees and Check("a", 1.0, 0.75, 0.25).agrees
    assert not Check("a", 1.0, 1.26, 0.25).agrees
    for numbers in ((math.nan, 1, 1), (1, math.nan, 1), (1, 1, math.nan), (1, 1, math.inf), (math.inf, math.inf, 1)):
        assert not Check("a", *numbers).agrees
    assert str(Check("slope", 2.0, 3.0, 0.5)) == "slope: expected 2, found 3 ± 0.5, DIFFERS"


def test_a_report_has_a_line_for_each_check():
    objective = transformer().objective()
    directions = {"gradient": objective.gradient(), "ones": np.ones(objective.space.size)}
    report = check_derivatives(objective, directions)
    assert [row["what"] for row in report.rows()] == [
        "loss, evaluated twice",
        "loss, as differentiated",
        "slope along gradient",
        "curvature along gradient",
        "slope along ones",
        "curvature along ones",
    ]
    assert report.agrees and repr(report) == "CheckReport(6 of 6 agree)" and len(str(report).splitlines()) == 6
    assert report.rows()[2]["expected"] == pytest.approx(float(objective.gradient().norm() ** 2))
    assert report.metadata["ones"]["curvature_step"] > 0
    failed = CheckReport((*report.checks, Check("extra", 1.0, 2.0, 0.1)))
    assert not failed.agrees and repr(failed) == "CheckReport(6 of 7 agree; these differ: extra)"


def test_where_float32_is_too_coarse_a_check_cannot_tell():
    """A network of ReLUs has kinks all around; in float64 the steps are small enough to stay between them."""
    torch.manual_seed(0)
    x = torch.randn(64, 5)
    y = (x[:, 0] * x[:, 1] > 0).long()
    reports = {}
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        layers = nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
        objective = Objective(nn.Sequential(*layers).to(dtype), crossentropy, [(x.to(dtype), y)])
        direction = random_direction(objective.space, objective.params, seed=0)
        reports[dtype] = check_derivatives(objective, {"x": direction})
    coarse, fine = reports[torch.float32], reports[torch.float64]
    assert fine.agrees and repr(fine) == "CheckReport(4 of 4 agree)"
    assert coarse.agrees and coarse.checks[3].verdict == "cannot tell" and not coarse.checks[3].agrees
    assert repr(coarse) == "CheckReport(3 of 4 agree; cannot tell: curvature along x)"
    assert coarse.table().rows[3][4] == "cannot tell" and coarse.rows()[3]["verdict"] == "cannot tell"


def test_kinks_are_seldom_taken_for_a_wrong_derivative():
    verdicts = []
    for seed in range(20):
        torch.manual_seed(seed)
        x = torch.randn(64, 5)
        layers = nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
        objective = Objective(nn.Sequential(*layers), crossentropy, [(x, (x[:, 0] * x[:, 1] > 0).long())])
        result = central_difference(objective, random_direction(objective.space, objective.params, seed=seed))
        verdicts += [result.slope.verdict, result.curvature.verdict]
    assert verdicts.count("differs") <= 2 and verdicts.count("cannot tell") > 20


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ((1.0, 1.2, 0.5), "agrees"),
        ((1.0, 2.0, 0.5), "differs"),
        ((1.0, 2.0, math.inf), "cannot tell"),
        ((math.nan, 2.0, math.inf), "differs"),
        ((1.0, math.inf, math.inf), "differs"),
        ((1.0, 1.0, math.nan), "differs"),
    ],
)
def test_verdicts(numbers, verdict):
    assert Check("a", *numbers).verdict == verdict


def test_a_loss_that_changes_later_differs_from_itself():
    calls = iter(range(1000))
    objective = of(lambda theta: theta.sum() + max(0, next(calls) - 3), [1.0, 2.0])  # three calls check the objective
    report = check_derivatives(objective, {})
    assert [check.agrees for check in report.checks] == [False, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda objective: central_difference(objective, torch.zeros(3)), "is zero, or not finite"),
        (lambda objective: central_difference(objective, torch.ones(4)), r"shape \(4,\); this objective needs \(3,\)"),
        (lambda objective: central_difference(objective, X, step=0.0), "step=0.0 must be a positive number"),
        (lambda objective: quadratic_radius(objective, X, torch.zeros(3)), "y is zero"),
        (lambda objective: quadratic_radius(objective, X, -3 * X), "parallel"),
        (lambda objective: quadratic_radius(objective, X, Y, rays=0), "rays=0 must be at least 1"),
        (lambda objective: quadratic_radius(objective, X, Y, share=0), "share=0 must be a positive number"),
        (lambda objective: quadratic_radius(objective, X, Y, extent=-1.0), "extent=-1.0 must be a positive number"),
        (lambda objective: quadratic_radius(objective, X, Y, hessian=np.eye(3)), r"has shape \(3, 3\)"),
    ],
)
def test_arguments_out_of_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(of(lambda theta: (theta**2).sum(), [1.0, 2.0, 3.0]))
