import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.polynomial import chebyshev as reference

from landscape.results import chebyshev

COUNTS = (1, 2, 3, 5, 9, 17, 33)


@pytest.mark.parametrize("count", COUNTS[1:])
def test_nodes_are_the_extrema_of_the_polynomial(count):
    nodes = chebyshev.nodes(count)
    np.testing.assert_allclose(nodes, np.sort(np.cos(np.pi * np.arange(count) / (count - 1))), atol=1e-15)
    np.testing.assert_allclose(np.abs(reference.chebval(nodes, [0] * (count - 1) + [1])), 1, atol=1e-12)


@pytest.mark.parametrize("count", [5, 9, 17])
def test_nodes_are_nested_symmetric_and_contain_zero_exactly(count):
    nodes = chebyshev.nodes(count)
    np.testing.assert_array_equal(nodes, chebyshev.nodes(2 * count - 1)[::2])
    np.testing.assert_array_equal(nodes, -nodes[::-1])
    assert nodes[count // 2] == 0 and nodes[0] == -1 and nodes[-1] == 1


@pytest.mark.slow
@given(st.sampled_from(COUNTS), st.data())
def test_polynomials_are_reproduced(count, data):
    coefficients = data.draw(arrays(float, count, elements=st.floats(-10, 10)))
    points = data.draw(arrays(float, st.integers(1, 20), elements=st.floats(-1, 1)))
    values = reference.chebval(chebyshev.nodes(count), coefficients)
    found = chebyshev.interpolation_matrix(count, points) @ values
    np.testing.assert_allclose(
        found, reference.chebval(points, coefficients), atol=1e-11 * (1 + np.abs(coefficients).max())
    )


@given(st.sampled_from(COUNTS), arrays(float, 7, elements=st.floats(-1, 1)))
def test_rows_sum_to_one(count, points):
    np.testing.assert_allclose(chebyshev.interpolation_matrix(count, points).sum(1), 1, rtol=1e-12)


def test_nodes_have_exactly_their_own_value():
    np.testing.assert_array_equal(chebyshev.interpolation_matrix(9, chebyshev.nodes(9)), np.eye(9))
    np.testing.assert_array_equal(chebyshev.interpolation_matrix(17, chebyshev.nodes(9)), np.eye(17)[::2])


def test_the_error_of_an_analytic_function_falls_geometrically():
    """1 / (1 + 25x²) has poles at ±i/5: the error shrinks by 0.2 + √1.04 a node (Trefethen 2013, theorem 8.2)."""
    points, rate = np.linspace(-1, 1, 400), 0.2 + np.sqrt(1.04)
    for count in (9, 17, 33):
        found = chebyshev.interpolation_matrix(count, points) @ (1 / (1 + 25 * chebyshev.nodes(count) ** 2))
        error = np.abs(found - 1 / (1 + 25 * points**2)).max()
        assert 0.1 * rate ** -(count - 1) < error < 4 * rate ** -(count - 1) / (rate - 1)


def test_a_tensor_product_interpolates_in_both_variables():
    x, y = chebyshev.nodes(5), chebyshev.nodes(3)
    fine_x, fine_y = np.linspace(-1, 1, 7), np.linspace(-1, 1, 4)

    def f(x, y):
        return 1 + x**4 - 3 * x * y[:, None] ** 2 + y[:, None]

    np.testing.assert_allclose(chebyshev.interpolate(f(x, y), fine_x, fine_y), f(fine_x, fine_y), atol=1e-13)


def test_no_nodes_are_refused():
    with pytest.raises(ValueError, match="count=0"):
        chebyshev.nodes(0)
