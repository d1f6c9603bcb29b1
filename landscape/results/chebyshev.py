"""Polynomial interpolation through Chebyshev-Lobatto nodes, in one variable and as a tensor product in two.

L. N. Trefethen, Approximation Theory and Approximation Practice (SIAM 2013), chapters 2, 5 and 8: the interpolant of
an analytic function converges geometrically in the number of nodes, without the oscillations of equispaced ones.
"""

from __future__ import annotations

import numpy as np

from landscape.results import Floats


def nodes(count: int) -> Floats:
    """The ``count`` extrema of the Chebyshev polynomial of degree count - 1 on [-1, 1], ascending; [0] for one.

    The nodes of 2^k + 1 are among those of 2^(k+1) + 1, bit for bit; they are exactly symmetric, with an exact 0.
    """
    if count < 1:
        raise ValueError(f"count={count} nodes make no grid; pass count >= 1")
    if count == 1:
        return np.zeros(1)
    # A sine of an odd argument, where cos(πj/N) would be neither symmetric nor zero in the middle.
    result: Floats = np.sin(np.pi * ((2 * np.arange(count) - (count - 1)) / (2 * (count - 1))))
    return result


def weights(count: int) -> Floats:
    """The barycentric weights (count,) of these nodes: (-1)^j, halved at both ends (Salzer 1972)."""
    result = np.where(np.arange(count) % 2, -1.0, 1.0)
    if count > 1:
        result[[0, -1]] *= 0.5
    return result


def interpolation_matrix(count: int, points: Floats) -> Floats:
    """M (P, count) such that M @ values are the interpolant's values at ``points`` (P,), for values at the nodes.

    The second barycentric formula, which is stable at any number of nodes (Higham 2004). Rows sum to one; at a node
    the row is exactly that node's.
    """
    distances = np.asarray(points, float)[:, None] - nodes(count)  # (P, count)
    at_node = np.abs(distances) < np.finfo(float).tiny  # closer, and the division overflows
    terms = weights(count) / np.where(at_node, 1.0, distances)
    hit = at_node.any(1)
    terms[hit] = at_node[hit]
    matrix: Floats = terms / terms.sum(1, keepdims=True)
    return matrix


def interpolate(values: Floats, x: Floats, y: Floats) -> Floats:
    """The interpolant on a grid.

    Args:
        values: (M, N) at the tensor product of M nodes in y and N nodes in x.
        x: (A,) in [-1, 1].
        y: (B,) in [-1, 1].

    Returns:
        (B, A).
    """
    rows, columns = values.shape
    result = np.einsum(
        "bm,mn,an->ba", interpolation_matrix(rows, y), values, interpolation_matrix(columns, x), optimize=True
    )
    return np.asarray(result, float)
