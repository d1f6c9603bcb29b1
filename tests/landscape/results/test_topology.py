"""Minima, saddles and persistence of surfaces: closed forms, gudhi's cubical complexes, and what an error undoes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from landscape.results.topology import NONE, topology
from tests.support.drawable import bowl, evaluated, interpolated


def wells(depth=0.3, points=81):
    """(x² − 1)² + y² with one well deeper: minima near ±1, a saddle near 0."""
    x = np.linspace(-2, 2, points)
    y = np.linspace(-1, 1, 41)
    a, b = np.meshgrid(x, y)
    return x, y, (a**2 - 1) ** 2 + b**2 + depth * a


def test_two_wells_have_a_saddle_between_them():
    x, y, values = wells(depth=0.0)
    values[:, x > 0] -= 0.25  # the same well, lower
    found = topology(x, y, values)
    np.testing.assert_array_equal(found.points, [[1, 0], [-1, 0]])
    np.testing.assert_array_equal(found.heights, [-0.25, 0])
    np.testing.assert_array_equal(found.persistence, [np.inf, 1])
    assert (found.saddles[1] == [0, 0]).all() and np.isnan(found.saddles[0]).all()
    assert found.parents.tolist() == [NONE, 0] and not found.at_edge.any()
    assert found.certain.all()


def test_tilted_wells_are_those_of_the_polynomial():
    x, y, values = wells(depth=0.3, points=4001)
    roots = np.sort(np.polynomial.Polynomial([0.3, -4, 0, 4]).roots().real)  # of the slope: minimum, saddle, minimum
    heights = (roots**2 - 1) ** 2 + 0.3 * roots
    found = topology(x, y, values)
    np.testing.assert_allclose(found.points[:, 0], roots[[0, 2]], atol=1e-3)
    np.testing.assert_allclose(found.heights, heights[[0, 2]], atol=1e-5)
    np.testing.assert_allclose(found.saddle_heights[1], heights[1], atol=1e-5)


def test_basins_are_joined_in_a_tree():
    found = topology(np.arange(9.0), np.zeros(1), np.array([[9.0, 1, 5, 0, 7, 2, 4, 3, 9]]))
    assert found.heights.tolist() == [0, 2, 1, 3]
    assert found.persistence.tolist() == [np.inf, 5, 4, 1]
    assert found.saddles[:, 0].tolist()[1:] == [4, 2, 6]
    assert found.parents.tolist() == [NONE, 0, 0, 1]


def test_an_error_leaves_what_is_deeper_than_twice_itself():
    x, y, values = wells(0.0)
    values[:, x > 0] -= 0.1
    assert topology(x, y, values, 0.49).certain.tolist() == [True, True]
    assert topology(x, y, values, 0.5).certain.tolist() == [True, False]
    assert not topology(x, y, values, np.nan).certain.any()


@given(
    arrays(np.float64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 20)),
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 3),
)
def test_what_is_certain_stays_under_any_error_of_that_size(values, seed, error):
    """The stability theorem: as many minima as are certain are there after any change by at most the error."""
    axes = np.arange(values.shape[1], dtype=float), np.arange(values.shape[0], dtype=float)
    sure = topology(*axes, values, error).certain.sum()
    changed = values + np.random.default_rng(seed).uniform(-error, error, values.shape)
    assert len(topology(*axes, changed).heights) >= sure


@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 9)))
def test_a_brute_force_search_finds_the_same(values):
    """At each height, the parts of the grid that are at most as high, by flood filling."""
    found = topology(np.arange(values.shape[1], dtype=float), np.arange(values.shape[0], dtype=float), values)
    for height in np.unique(values):
        alive = int(((found.heights <= height) & (found.heights + found.persistence > height)).sum())
        assert alive == parts(values <= height)
    assert (found.heights == values.min()).any() and len(set(map(tuple, found.points.tolist()))) == len(found.points)


def parts(mask):
    """The number of connected parts."""
    left, count = {tuple(point) for point in np.argwhere(mask).tolist()}, 0
    while left:
        count += 1
        waiting = [left.pop()]
        while waiting:
            i, j = waiting.pop()
            near = {(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)} & left
            left -= near
            waiting += near
    return count


@given(arrays(np.float64, st.tuples(st.integers(2, 7), st.integers(2, 7)), elements=st.integers(0, 30)))
def test_gudhi_finds_the_same_intervals(values):
    gudhi = pytest.importorskip("gudhi", reason="gudhi, an independent reference, is not installed")
    complex_ = gudhi.CubicalComplex(vertices=values)
    intervals = sorted(interval for dimension, interval in complex_.persistence() if dimension == 0)
    found = topology(np.arange(values.shape[1], dtype=float), np.arange(values.shape[0], dtype=float), values)
    ours = zip(found.heights.tolist(), (found.heights + found.persistence).tolist(), strict=True)
    assert sorted(ours) == intervals


def test_holes_separate_basins():
    values = np.array([[0.0, np.nan, 1.0], [0.5, np.inf, 2.0]])
    found = topology(np.arange(3.0), np.arange(2.0), values)
    assert found.heights.tolist() == [0, 1] and found.parents.tolist() == [NONE, NONE]
    assert np.isinf(found.persistence).all() and found.at_edge.all()
    assert len(topology(np.arange(2.0), np.zeros(1), np.full((1, 2), np.nan)).heights) == 0


def test_a_flat_surface_has_one_minimum():
    assert topology(np.arange(4.0), np.arange(3.0), np.ones((3, 4))).heights.tolist() == [1]
    assert topology(np.arange(2.0), np.arange(2.0), np.array([[9.0, 1.0], [1.0, 1.0]])).heights.tolist() == [1]


def test_a_surface_knows_the_error_of_its_own():
    smooth = interpolated(bowl)
    found = smooth.topology()
    assert found.error == smooth.error.absolute and found.certain.tolist()[0]
    np.testing.assert_array_equal(found.points[0], [0, 0])
    assert evaluated(bowl).topology().error == 0
    assert np.isnan(replace(smooth, error=None).topology().error)
    noisy = replace(evaluated(bowl), metadata={"repeat_difference": 0.01})
    assert noisy.topology().error == 0.01
    unknown = replace(smooth, error=replace(smooth.error, absolute=np.nan)).topology()
    assert np.isnan(unknown.error) and not unknown.certain.any()
    assert "1 certain" in repr(found) and "Minima" in str(found)
    assert [*found.columns()][:4] == ["alpha", "beta", "height", "persistence"]
