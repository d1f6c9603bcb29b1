"""Where eigenvectors lie: sums of squares by group, and the bounds of their errors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from landscape import EigenPairs, ParamSpace
from landscape.geometry.localization import angle_bounds, localization_by_block, localization_by_rows


def space_and_pairs(seed=0, k=3):
    """A table whose row 0 is padding, and a linear layer; with random orthonormal vectors that are zero at inactive
    coordinates."""
    model = nn.ModuleDict({"table": nn.Embedding(6, 4, padding_idx=0), "out": nn.Linear(4, 3)})
    space = ParamSpace(model, exclude_rows={"table.weight": [5]})
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack([space.project(torch.randn(space.size, generator=generator)) for _ in range(k)])
    vectors = torch.linalg.qr(drawn.T).Q.T.numpy()
    values = np.linspace(3, 1, k)
    return space, EigenPairs(values, np.full(k, 0.01), np.ones(k, bool), 9, vectors)


def test_shares_by_block_are_the_squares_of_its_components():
    space, pairs = space_and_pairs()
    result = localization_by_block(space, pairs, {"table": "table.*", "nobody": "x.*", "weights": "*.weight"})
    assert result.groups == (
        "table",
        "weights",
        "others",
    )  # the first that matches; a block without parameters is left out
    for vector, row in zip(pairs.vectors, result.values, strict=True):
        tensors = space.views(torch.from_numpy(vector))
        squares = {name: float((tensor**2).sum()) for name, tensor in tensors.items()}
        expected = [squares["table.weight"], squares["out.weight"], squares["out.bias"]]
        np.testing.assert_allclose(row, expected, rtol=1e-5)
    np.testing.assert_allclose(result.values.sum(1), 1)
    np.testing.assert_allclose(result.baselines["coordinates"], np.array([16, 12, 3]) / 31)


def test_shares_by_rows_are_of_the_whole_vector():
    space, pairs = space_and_pairs()
    result = localization_by_rows(
        space, pairs, "table.weight", {"head": [1, 2], "tail": torch.tensor([4])}, "popularity"
    )
    table = np.stack([space.views(torch.from_numpy(v))["table.weight"].numpy() for v in pairs.vectors])
    np.testing.assert_allclose(result.values[:, 0], (table[:, 1:3] ** 2).sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(result.values[:, 1], (table[:, 4] ** 2).sum(1), rtol=1e-5)
    np.testing.assert_allclose(result.baselines["coordinates"], np.array([8, 4]) / 31)


def test_vectors_and_parameters_that_do_not_fit_are_refused():
    space, pairs = space_and_pairs()
    with pytest.raises(ValueError, match="no parameter 'nothing'"):
        localization_by_rows(space, pairs, "nothing", {"a": [0]}, "x")
    bare = EigenPairs(pairs.values, pairs.residuals, pairs.converged, 9)
    with pytest.raises(ValueError, match="have no vectors"):
        localization_by_block(space, bare, {"all": "*"})
    short = EigenPairs(pairs.values, pairs.residuals, pairs.converged, 9, pairs.vectors[:, 1:])
    with pytest.raises(ValueError, match="coordinates"):
        localization_by_block(space, short, {"all": "*"})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(4, 12), noise=st.floats(1e-4, 0.3))
def test_no_share_is_off_by_more_than_stated(seed, size, noise):
    """Approximate vectors of a random symmetric matrix, all of them given, with their true residuals."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(size, size))
    matrix = matrix + matrix.T
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    rough = vectors + noise * generator.normal(size=(size, size)) / np.sqrt(size)
    rough /= np.linalg.norm(rough, axis=0)
    rayleigh = np.einsum("ij,ik,kj->j", rough, matrix, rough)
    residuals = np.linalg.norm(matrix @ rough - rough * rayleigh, axis=0)
    pairs = EigenPairs(rayleigh, residuals, np.ones(size, bool), 0, rough.T)
    bounds = angle_bounds(pairs)
    group = generator.integers(0, 2, size).astype(bool)
    for i in range(size - 1):
        if bounds[i] < 1:  # then the value is nearest to the true one of its number, if all others are where they seem
            nearest = np.abs(values - rayleigh[i]).argmin()
            true, result = (vectors[group, nearest] ** 2).sum(), (rough[group, i] ** 2).sum()
            others = np.delete(np.arange(size), nearest)
            gap = np.abs(values[others] - rayleigh[i]).min()
            if residuals[i] / gap <= bounds[i]:
                assert abs(true - result) <= bounds[i] + 1e-12


def test_a_bound_is_one_where_eigenvalues_are_too_close_and_unknown_at_the_end():
    values, residuals = np.array([3.0, 2.0, 1.99]), np.array([0.1, 0.05, 0.05])
    bounds = angle_bounds(EigenPairs(values, residuals, np.ones(3, bool), 0))
    np.testing.assert_allclose(bounds, [0.1 / (1 - 0.05), 1, 1])
    wide = EigenPairs(values[:2], np.array([0.97, 0.05]), np.ones(2, bool), 0)
    np.testing.assert_array_equal(angle_bounds(wide), [1, 1])
    assert np.isnan(angle_bounds(EigenPairs(values[:1], residuals[:1], np.ones(1, bool), 0))).all()
