import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigsh

from landscape import ParamSpace, top_eigenpairs
from landscape.linalg.krylov import Krylov
from tests.support.problems import with_spectrum


def bulk(count, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count)


class Counted:
    """A matrix that counts its products."""

    def __init__(self, matrix):
        self.matrix, self.shape, self.dtype, self.device, self.products = (
            matrix,
            matrix.shape,
            matrix.dtype,
            matrix.device,
            0,
        )

    def __matmul__(self, vector):
        self.products += 1
        return self.matrix @ vector


SPECTRA = {
    "outliers": [10, 5, 3, 2, *bulk(96)],
    "clusters": [1, 1 - 1e-5, 1 - 2e-5, 0.9, *bulk(96)],
    "indefinite": [*np.linspace(-30, -20, 5), 4, 3, 2, *bulk(90)],
    "negative": [*np.linspace(-9, -1, 60)],
    "decades": [*np.logspace(3, -6, 80)],
    "low rank": [7, 3, 2, 1, *[0] * 60],
    "equispaced": [*np.linspace(-1, 1, 50)],
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("k", [1, 4])
def test_prescribed_spectra_are_found(name, k):
    values = np.sort(SPECTRA[name])[::-1]
    H = with_spectrum(values)
    pairs = top_eigenpairs(H, k, tolerance=1e-9, max_products=300)
    np.testing.assert_allclose(pairs.values, values[:k], rtol=1e-8)
    assert (
        pairs.converged.all() and (pairs.residuals <= 1e-9 * np.abs(pairs.values) + 1e-11 * np.abs(values).max()).all()
    )
    v = torch.from_numpy(pairs.vectors)
    torch.testing.assert_close(v @ v.T, torch.eye(k).double(), rtol=0, atol=1e-7)
    torch.testing.assert_close(
        v @ H, torch.from_numpy(pairs.values)[:, None] * v, rtol=0, atol=2e-8 * np.abs(values).max()
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("values", [[5, 5, 1, 1, 0, 0, 0, 0], [3] * 6, [2, 2, 2, -1, -1, -4], [0] * 5, [-1] * 4 + [-2]])
def test_repeated_eigenvalues_count_as_often_as_they_occur(values, dtype):
    for k in range(1, len(values) + 1):
        pairs = top_eigenpairs(with_spectrum(values, dtype=dtype), k, bottom=0)
        np.testing.assert_allclose(pairs.values, sorted(values, reverse=True)[:k], atol=1e-5)
        assert pairs.converged.all()
        v = torch.from_numpy(pairs.vectors).double()
        torch.testing.assert_close(v @ v.T, torch.eye(k).double(), rtol=0, atol=1e-5)


def test_no_ghosts_of_the_largest_eigenvalue_appear():
    """Lanczos without reorthogonalisation finds λ₁ again and again on this matrix; here that is shown, and absent."""
    values = np.array([100, *np.linspace(0, 1, 150)])
    H = with_spectrum(values)
    found = top_eigenpairs(H, 3, tolerance=1e-10, max_products=152)
    np.testing.assert_allclose(found.values, np.sort(values)[::-1][:3], rtol=1e-8)

    v, before, alphas, betas = torch.ones(151).double() / math.sqrt(151), torch.zeros(151).double(), [], [0.0]
    for _ in range(60):
        w = H @ v - betas[-1] * before
        alphas.append(float(w @ v))
        w -= alphas[-1] * v
        betas.append(float(w.norm()))
        before, v = v, w / betas[-1]
    plain = np.linalg.eigvalsh(np.diag(alphas) + np.diag(betas[1:-1], 1) + np.diag(betas[1:-1], -1))
    assert np.count_nonzero(np.abs(plain - 100) < 1e-6) > 1


def test_the_basis_is_orthonormal_and_the_recurrence_holds():
    H = with_spectrum([100, 10, *bulk(78)], dtype=torch.float32)
    krylov = Krylov(H, torch.Generator().manual_seed(0))
    for _ in range(40):
        krylov.step()
    (block,) = krylov.blocks
    V = torch.cat([rows for _, rows in krylov._rows()]).double()
    T = (
        torch.diag(torch.tensor(block.alphas))
        + torch.diag(torch.tensor(block.betas[:-1]), 1)
        + torch.diag(torch.tensor(block.betas[:-1]), -1)
    )
    torch.testing.assert_close(V @ V.T, torch.eye(40).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(V @ H.double() @ V.T, T.double(), rtol=0, atol=1e-4)
    rest = H.double() @ V.T - V.T @ T.double()
    rest[:, -1] -= block.betas[-1] * krylov._next.double()
    assert rest.abs().max() < 1e-4


def test_float32_reaches_float32():
    values = [100, 30, 10, *bulk(200)]
    pairs = top_eigenpairs(with_spectrum(values, dtype=torch.float32), 3, tolerance=1e-4)
    np.testing.assert_allclose(pairs.values, [100, 30, 10], rtol=1e-5)
    assert pairs.converged.all() and pairs.vectors.dtype == np.float32
    assert pairs.asymmetry < 1e-5


def test_both_ends_come_from_the_same_products():
    values = [4, 3, *bulk(80), -7, -6]
    H = Counted(with_spectrum(values))
    pairs = top_eigenpairs(H, 2, tolerance=1e-6, bottom=2)
    assert pairs.products == H.products == pairs.bottom.products < 40
    np.testing.assert_allclose(pairs.bottom.values, [-7, -6], rtol=1e-6)
    v = torch.from_numpy(pairs.bottom.vectors)
    measured = (v @ H.matrix - torch.from_numpy(pairs.bottom.values)[:, None] * v).norm(dim=1)
    np.testing.assert_allclose(measured, pairs.bottom.residuals, rtol=1e-3, atol=1e-12)
    assert top_eigenpairs(H, 2, bottom=0).bottom is None
    assert len(top_eigenpairs(torch.eye(4), 1, bottom=3).bottom.values) == 1  # one product told all there is


def test_residuals_bound_the_errors_and_stop_the_iteration():
    values = np.sort([5, 4, 3, *bulk(300)])[::-1]
    matrix = with_spectrum(values)
    products = []
    for tolerance in (1e-1, 1e-3, 1e-6):
        pairs = top_eigenpairs(matrix, 3, tolerance=tolerance)
        assert (np.abs(pairs.values - values[:3]) <= pairs.residuals + 1e-12).all()
        assert (pairs.residuals <= tolerance * pairs.values).all() and pairs.converged.all()
        products.append(pairs.products)
    assert products == sorted(set(products)) and products[-1] < 40


def test_an_exhausted_budget_is_told_and_its_residuals_are_true():
    values = np.linspace(0, 1, 400)
    H = Counted(with_spectrum(values))
    pairs = top_eigenpairs(H, 3, tolerance=1e-8, max_products=12)
    assert pairs.products == H.products == 12 and not pairs.converged.any()
    v = torch.from_numpy(pairs.vectors)
    measured = (v @ H.matrix - torch.from_numpy(pairs.values)[:, None] * v).norm(dim=1)
    np.testing.assert_allclose(pairs.residuals, measured, rtol=1e-6)
    for value, residual in zip(pairs.values, pairs.residuals, strict=True):
        assert np.abs(values - value).min() <= residual
    assert "not converged" in repr(pairs)


def test_arpack_agrees():
    matrix = with_spectrum([*np.random.default_rng(3).standard_cauchy(120)])
    top = eigsh(matrix.numpy(), 4, which="LA")[0][::-1]
    bottom = eigsh(matrix.numpy(), 1, which="SA")[0]
    pairs = top_eigenpairs(matrix, 4, tolerance=1e-10, max_products=130)
    np.testing.assert_allclose(pairs.values, top, rtol=1e-8)
    np.testing.assert_allclose(pairs.bottom.values, bottom, rtol=1e-8)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(0, 1000), st.data())
def test_any_small_matrix(size, seed, data):
    """Integer matrices have repeated and zero eigenvalues, and invariant spaces of every size."""
    generator = np.random.default_rng(seed)
    half = generator.integers(-2, 3, (size, size)) * (generator.random((size, size)) < 0.4)
    matrix = torch.from_numpy((half + half.T).astype(float))
    k = data.draw(st.integers(1, size))
    pairs = top_eigenpairs(matrix, k, tolerance=1e-9, max_products=size + 1 if size + 1 > k else None, bottom=0)
    np.testing.assert_allclose(pairs.values, np.linalg.eigvalsh(matrix)[::-1][:k], atol=1e-7)


class Masked(Counted):
    """Only some coordinates are active."""

    def __init__(self, matrix, space):
        super().__init__(matrix * space.mask * space.mask[:, None])
        self.active, self.project = space.active, space.project


def test_the_zero_matrix_is_known_exactly():
    pairs = top_eigenpairs(torch.zeros(6, 6).double(), 2)
    for end in (pairs, pairs.bottom):
        assert end.values.tolist() == [0.0] * len(end.values)
        assert end.residuals.tolist() == [0.0] * len(end.values)
        assert end.converged.all()  # a residual of 0 is not above a limit of 0
    assert pairs.asymmetry == 0


def test_masked_coordinates_are_exactly_zero_and_no_eigenvectors():
    space = ParamSpace({"a": torch.zeros(8, 5)}, exclude_rows={"a": [0, 3]})
    matrix = with_spectrum(-1 - np.arange(40.0))  # all negative: a masked coordinate would show up as λ = 0
    H = Masked(matrix, space)
    pairs = top_eigenpairs(H, 3, tolerance=1e-10, start=torch.ones(40).double())
    inside = matrix[space.mask][:, space.mask]
    np.testing.assert_allclose(pairs.values, torch.linalg.eigvalsh(inside).flip(0)[:3], rtol=1e-8)
    assert not pairs.vectors[:, ~space.mask.numpy()].any()
    everything = top_eigenpairs(H, 30, tolerance=1e-10)
    np.testing.assert_allclose(everything.values, torch.linalg.eigvalsh(inside).flip(0), rtol=1e-8)
    with pytest.raises(ValueError, match="size 30"):
        top_eigenpairs(H, 31)


def test_a_start_in_an_eigenspace_misses_nothing():
    H = with_spectrum([9, 4, 1, *bulk(40)])
    third = torch.linalg.eigh(H).eigenvectors[:, -3]
    for start in (third, torch.zeros(43).double(), None):
        np.testing.assert_allclose(top_eigenpairs(H, 3, start=start).values, [9, 4, 1], rtol=1e-5)


def test_a_good_start_saves_products():
    H = with_spectrum([9, 8.5, *bulk(400)])
    vectors = torch.linalg.eigh(H).eigenvectors
    alone = top_eigenpairs(H, 1, tolerance=1e-4).products
    assert top_eigenpairs(H, 1, tolerance=1e-4, start=vectors[:, -1] + 0.1 * vectors[:, 5]).products < alone


def test_seeds_repeat_and_differ():
    H = with_spectrum(np.linspace(0, 1, 60))

    def residual(seed):
        return top_eigenpairs(H, 1, max_products=8, seed=seed).residuals[0]

    assert residual(1) == residual(1) != residual(2)
    assert top_eigenpairs(H, 1, max_products=8).residuals[0] == residual(0)


def test_progress_has_products_and_residuals():
    calls = []
    pairs = top_eigenpairs(
        with_spectrum([4, 3, *bulk(60)]), 2, tolerance=1e-6, progress=lambda *call: calls.append(call)
    )
    assert [(products, limit) for products, limit, _ in calls] == [(n, 110) for n in range(1, pairs.products)]
    assert calls[0][2] == "" and float(calls[-1][2].removeprefix("residual ")) <= 1e-6


@pytest.mark.parametrize(
    ("H", "options", "message"),
    [
        (torch.eye(3), {"k": 4}, "k=4 must be between 1 and the operator's size 3"),
        (torch.eye(3), {"k": 0}, "k=0"),
        (torch.eye(3), {"tolerance": 0.0}, "tolerance=0.0 must be a positive"),
        (torch.eye(3), {"tolerance": math.nan}, "tolerance=nan"),
        (torch.eye(3), {"bottom": -1}, "bottom=-1"),
        (torch.eye(9), {"k": 3, "max_products": 3}, "max_products=3 cannot show k=3 .* at least 4"),
        (torch.ones(3, 2), {}, r"\(3, 2\) .* square"),
        (torch.full((3, 3), torch.nan), {}, "not finite"),
    ],
)
def test_errors_say_what_is_wrong(H, options, message):
    with pytest.raises(ValueError, match=message):
        top_eigenpairs(H, **options)
