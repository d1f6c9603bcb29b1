"""The loss against the distance: means over circles with a closed form, and intervals with the stated coverage."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import i0
from scipy.stats import binom, ttest_1samp

from landscape import Surface, angular_mean, radial_profile, surface
from tests.support.drawable import evaluated, interpolated
from tests.support.planar import Counting, X, Y

RADII = np.array([0.0, 0.1, 0.37, 0.5, 0.8])
COEFFICIENTS = st.lists(st.floats(-3, 3), min_size=6, max_size=6)


def quadratic(c):
    return lambda a, b: c[0] + c[1] * a + c[2] * b + c[3] * a * a + c[4] * b * b + c[5] * a * b


@pytest.mark.slow
@given(COEFFICIENTS)
def test_the_mean_of_a_quadratic_over_a_circle_has_a_closed_form(c):
    """Odd terms cancel, α² and β² are r²/2 on average."""
    expected = c[0] + (c[3] + c[4]) * RADII**2 / 2
    for result in (interpolated(quadratic(c), count=5), evaluated(quadratic(c), (21, 17))):
        assert_allclose(angular_mean(result, RADII), expected, atol=1e-12)


@given(COEFFICIENTS)
def test_on_a_line_both_sides_are_averaged(c):
    for result in (
        interpolated(quadratic(c), (21, 1), count=5),
        evaluated(quadratic(c), (21, 1)),
        evaluated(lambda a, b: quadratic(c)(b, a), (1, 31)),
    ):
        assert_allclose(angular_mean(result, RADII), c[0] + c[3] * RADII**2, atol=1e-12)


def test_an_interpolant_of_high_degree_is_averaged_exactly():
    """∮ exp(a·α + b·β) is the Bessel function I₀(√(a² + b²)·r)."""
    result = interpolated(lambda a, b: np.exp(3 * a - 2 * b), (61, 61), count=33)
    assert_allclose(angular_mean(result, RADII), i0(np.sqrt(13) * RADII), rtol=1e-13)
    # On the unit circle T₃₂(cos φ)·T₃₂(sin φ) = cos²(32 φ), the highest degree that there is.
    highest = interpolated(lambda a, b: np.cos(32 * np.arccos(a)) * np.cos(32 * np.arccos(b)), (5, 5), count=33)
    assert_allclose(angular_mean(highest, [1.0]), 0.5, rtol=1e-12)


def test_between_the_points_of_a_grid_cubics_are_of_fourth_order():
    def error(points):
        result = evaluated(lambda a, b: np.exp(3 * a - 2 * b), (points, points))
        return np.abs(angular_mean(result, RADII) / i0(np.sqrt(13) * RADII) - 1).max()

    assert error(21) < 2e-4 and error(41) < error(21) / 10


@pytest.mark.slow
@given(st.integers(2, 9), st.integers(2, 9), st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_a_grid_of_few_points_reproduces_what_it_can(first, second, c):
    """Up to a cubic along each axis, or the polynomial through all of its points where they are fewer."""
    powers = min(first, 4), min(second, 4)

    def f(a, b):
        return sum(c[power] * a**power for power in range(powers[0])) + sum(
            c[power] * b**power for power in range(powers[1])
        )

    circle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    expected = [f(r * np.cos(circle), r * np.sin(circle)).mean() for r in RADII]
    assert_allclose(angular_mean(evaluated(f, (first, second)), RADII), expected, atol=1e-11)


def test_at_no_distance_it_is_the_loss_that_was_evaluated_there():
    """Also where nothing else meets the centre: the interval is not symmetric, or the grid even."""
    for options in ({"extent": ((-0.5, 1.0), (-0.7, 0.6))}, {"points": 12, "grid": True}):
        result = surface(Counting(lambda a, b: torch.exp(a + b)), X, Y, **options)
        assert angular_mean(result, [0.0, 0.3])[0] == result.centre == 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_empties_the_circles_that_pass_it(value):
    whole, radii = evaluated(points=(41, 33)), np.linspace(0, 0.8, 33)
    loss, step = whole.loss.copy(), 0.05
    loss[8, 12] = value  # at (-0.4, -0.4)
    result, expected = angular_mean(replace(whole, loss=loss), radii), angular_mean(whole, radii)
    passing = np.abs(radii - np.hypot(0.4, 0.4)) < step
    apart = np.abs(radii - np.hypot(0.4, 0.4)) > 2 * np.sqrt(2) * step  # no cubic of theirs goes through it
    assert passing.any() and np.isnan(result[passing]).all()
    assert_array_equal(result[apart], expected[apart])
    line = evaluated(points=(21, 1))
    line.loss[0, 15] = value  # at 0.5
    assert_array_equal(np.isnan(angular_mean(line, [0.1, 0.5])), [False, True])
    centre = np.where((whole.nodes == 0).all(1), value, whole.node_loss)
    assert np.isnan(angular_mean(replace(whole, node_loss=centre), [0.0])).all()


@pytest.mark.parametrize("radii", [[0.81], [-0.1], [0.0, 2.0], [np.nan]])
def test_circles_that_leave_the_surface_are_refused(radii):
    with pytest.raises(ValueError, match=r"no circle of r = .*; the surface has those up to 0.8"):
        angular_mean(evaluated(), radii)


def test_a_surface_beside_the_origin_has_no_circle():
    for options in ({"extent": (0.0, 1.0)}, {"extent": ((-1.0, 1.0), (0.25, 1.0)), "points": (9, 1)}, {"points": 1}):
        result = surface(Counting(lambda a, b: a + b), X, Y, **options)
        with pytest.raises(ValueError, match=r"no circle around \(0, 0\) lies within"):
            angular_mean(result, [0.0])


def planes(offsets):
    """A plane for each (o, s): its loss is 1 + o + s·(α² + β²)."""
    bowl = interpolated(lambda a, b: a * a + b * b, (5, 5), count=5)
    return [replace(bowl, loss=1 + o + s * bowl.loss, node_loss=1 + o + s * bowl.node_loss) for o, s in offsets]


def test_a_radial_profile_holds_the_angular_means_of_its_planes():
    surfaces = planes([(0.0, 1.0), (0.5, 2.0), (1.0, 4.0)])
    result = radial_profile(surfaces, count=9)
    assert_allclose(result.radii, np.linspace(0, 1, 9))
    assert_allclose(result.losses, [angular_mean(plane, result.radii) for plane in surfaces])
    assert_allclose(result.mean, 1.5 + 7 / 3 * result.radii**2)
    assert_allclose(result.rises.mean(0), 7 / 3 * result.radii**2, atol=1e-12)
    assert result.repeats == 3 and result.level == 0.95 and result.half_width(result.rises)[0] == 0
    low, high = ttest_1samp(result.losses, 0).confidence_interval(0.95)
    assert_allclose(result.half_width(), (high - low) / 2)
    assert np.isnan(radial_profile(surfaces[:1]).half_width()).all()
    wider = radial_profile(surfaces, RADII, level=0.99)
    assert_array_equal(wider.radii, RADII)
    assert (wider.half_width() > radial_profile(surfaces, RADII).half_width()).all()


def test_a_radial_profile_of_a_metric():
    def step(params):
        return float(params.norm() > 0.45)

    result = [
        surface(Counting(lambda a, b: a**2 + b**2), X, Y, metrics={"step": step}, others={"other": Counting(torch.add)})
        for _ in range(2)
    ]
    assert_allclose(radial_profile(result, name="other").losses, 0, atol=1e-12)
    profile = radial_profile(result, [0.0, 0.2, 0.8], name="step").losses
    assert_allclose(profile, [[0, 0, 1], [0, 0, 1]], atol=0.06)  # between 11 points a side
    with pytest.raises(ValueError, match="no metric 'HR@10'"):
        radial_profile(result, name="HR@10")


def test_surfaces_and_radii_that_do_not_fit_are_refused():
    one = planes([(0.0, 1.0)])[0]
    for other in (
        replace(one, alphas=1.5 * one.alphas),
        interpolated(points=(5, 1), count=5),
    ):
        with pytest.raises(ValueError, match="extents .* same for all"):
            radial_profile([one, other])
    endless = replace(one, alphas=np.array([-np.inf, *one.alphas[1:-1], np.inf]))
    for several in ([endless], [endless, endless], [one, replace(one, alphas=one.alphas * np.nan)]):
        with pytest.raises(ValueError, match=r"no circle around|extents .* same for all"):
            radial_profile(several)
    ends = np.array([-np.inf, 0.0, np.inf])
    line = Surface(ends, np.zeros(1), np.ones((1, 3)), np.ones((1, 3), bool))
    for other in (replace(one, alphas=one.alphas * np.nan), line):
        with pytest.raises(ValueError, match="no circle around"):
            angular_mean(other, [0.0])
    with pytest.raises(ValueError, match="there is none"):
        radial_profile([])
    for radii in ([0.1, 0.2], [0.0, 0.2, 0.2], []):
        with pytest.raises(ValueError, match="ascend from 0"):
            radial_profile([one], radii)


@pytest.mark.slow
def test_the_interval_covers_the_truth_at_the_stated_level():
    """Losses and rises of 5 planes, each with a Gaussian offset and slope of its own, in 400 repetitions."""
    generator = np.random.default_rng(7)
    repetitions, held = 400, np.zeros(2, int)
    for _ in range(repetitions):
        result = radial_profile(planes(generator.normal((0.0, 2.0), (0.3, 0.5), (5, 2))), [0.0, 0.5])
        for index, (values, truth) in enumerate(((result.losses, 1.5), (result.rises, 0.5))):
            held[index] += abs(values.mean(0)[1] - truth) <= result.half_width(values)[1]
    low, high = binom.interval(0.999, repetitions, 0.95)
    assert ((low <= held) & (held <= high)).all()
