"""Lanczos in a basis of bounded size."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigsh
from torch.utils._python_dispatch import TorchDispatchMode

from landscape import ParamSpace, top_eigenpairs
from landscape.linalg.krylov import Krylov
from landscape.linalg.lanczos import eigen_bytes, peak_bytes
from landscape.linalg.ritz import ritz
from tests.support.problems import with_spectrum
from tests.support.watched import EPS, SPECTRA, Watched, bulk, check, room, seeded


class Masked(Watched):
    """Only some coordinates are active."""

    def __init__(self, matrix, space):
        super().__init__(matrix * space.mask * space.mask[:, None])
        self.active, self.project = space.active, space.project


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_prescribed_spectra_are_found_in_a_basis_of_twelve(name, dtype):
    values = np.sort(SPECTRA[name])[::-1]
    matrix = with_spectrum(values, dtype=dtype)
    H = Watched(matrix)
    tolerance = 1e-9 if dtype == torch.float64 else 1e-5
    pairs = top_eigenpairs(H, 3, tolerance=tolerance, max_products=2000, memory=room(H, 12))
    np.testing.assert_allclose(pairs.values, values[:3], rtol=10 * tolerance, atol=tolerance * np.abs(values).max())
    assert pairs.converged.all() and pairs.products == H.products
    assert H.rows == 12 < H.products
    assert pairs.asymmetry < 100 * EPS[dtype]
    check(pairs, matrix, 3)


def test_arpack_agrees_at_both_ends():
    matrix = with_spectrum(np.random.default_rng(3).standard_cauchy(150))
    pairs = top_eigenpairs(matrix, 4, tolerance=1e-10, max_products=900, bottom=2, memory=room(matrix, 14))
    np.testing.assert_allclose(pairs.values, eigsh(matrix.numpy(), 4, which="LA")[0][::-1], rtol=1e-8)
    np.testing.assert_allclose(pairs.bottom.values, eigsh(matrix.numpy(), 2, which="SA")[0], rtol=1e-8)


DRAWS = {
    "normal": lambda generator, size: generator.standard_normal(size),
    "heavy tail": lambda generator, size: generator.standard_t(2, size),
    "decaying": lambda generator, size: 10 * 0.7 ** np.arange(size) * generator.choice([-1, 1], size),
}


def test_a_basis_that_is_not_looked_at_after_each_product_restarts_all_the_same():
    values = np.linspace(1, 0, 400)
    H = Watched(with_spectrum(values))
    pairs = top_eigenpairs(H, 3, tolerance=1e-6, max_products=900, memory=room(H, 53))
    assert H.rows == 53 < H.products - 53
    np.testing.assert_allclose(pairs.values, values[:3], rtol=1e-9)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.sampled_from([*DRAWS]), st.integers(1, 40), st.integers(0, 1000), st.data())
def test_any_spectrum_and_any_memory(kind, size, seed, data):
    values = np.sort(DRAWS[kind](np.random.default_rng(seed), size))[::-1]
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    k = data.draw(st.integers(1, size))
    bottom = data.draw(st.integers(1, 3))
    rows = data.draw(st.integers(min(size, k + bottom + 4), size + 3))
    H = Watched(with_spectrum(values, dtype=dtype, seed=seed))
    tolerance = 1e-8 if dtype == torch.float64 else 1e-4
    # In float32 one start may hardly contain an eigenvector, and miss its value; another start finds it.
    runs = [
        top_eigenpairs(H, k, tolerance=tolerance, bottom=bottom, max_products=1500, memory=room(H, rows), seed=start)
        for start in (seed, seed + 1)
    ]
    found = np.max([pairs.values for pairs in runs], axis=0)
    np.testing.assert_allclose(found, values[:k], atol=10 * tolerance * np.abs(values).max())
    for pairs in runs:
        assert pairs.converged.all() and H.rows <= rows
        check(pairs, H.matrix, k)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.integers(7, 14), st.integers(0, 1000), st.data())
def test_any_whole_matrix(size, seed, data):
    """Repeated and zero eigenvalues, and invariant spaces of every size."""
    generator = np.random.default_rng(seed)
    half = generator.integers(-2, 3, (size, size)) * (generator.random((size, size)) < 2 / size)
    matrix = torch.from_numpy((half + half.T).astype(float))
    k = data.draw(st.integers(1, size - 6))
    rows = data.draw(st.integers(k + 5, size - 1))
    pairs = top_eigenpairs(matrix, k, tolerance=1e-9, max_products=900, memory=room(matrix, rows))
    np.testing.assert_allclose(pairs.values, np.linalg.eigvalsh(matrix)[::-1][:k], atol=1e-7)
    check(pairs, matrix, k)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("values", [[5] * 4 + [1] * 30, [3] * 40, [0] * 33, [7, *[2] * 6, *[-1] * 20, -4, -4]])
def test_repeated_eigenvalues_count_as_often_as_they_occur(values, dtype):
    H = Watched(with_spectrum(values, dtype=dtype))
    for k in (1, 3, 6):
        pairs = top_eigenpairs(H, k, memory=room(H, 11))
        np.testing.assert_allclose(pairs.values, sorted(values, reverse=True)[:k], atol=1e-4)
        assert pairs.converged.all()
        check(pairs, H.matrix, k)
        for more in (k, k + 2):
            on = top_eigenpairs(H, more, resume_from=pairs.lanczos_state, memory=room(H, 16))
            assert on.products > pairs.products or (on.lanczos_state.blocks == pairs.lanczos_state.blocks).all()
            np.testing.assert_allclose(on.values, sorted(values, reverse=True)[:more], atol=1e-4)
    assert H.rows <= 16


def test_a_block_that_has_hardly_begun_survives_a_restart():
    """After 7 vectors the first block is closed, and at 8 the basis is full: the second's only value is in the bulk."""
    values = [9, 8, 7, 6, -5, -6, -7]
    H = with_spectrum(values * 2)
    krylov = Krylov(H, seeded(0), rows=8)
    for _ in range(8):
        krylov.step()
    assert [len(block.alphas) for block in krylov.blocks] == [7, 1]
    found = ritz(krylov)
    found.restart(krylov, found.worth_keeping(3, 0))
    assert [len(block.values) for block in krylov.blocks] == [3, 1]
    pairs = top_eigenpairs(H, 3, tolerance=1e-9, memory=room(H, 8))
    np.testing.assert_allclose(pairs.values, [9, 9, 8], rtol=1e-9)
    check(pairs, H, 3)


def test_masked_coordinates_stay_zero_and_are_no_eigenvectors():
    space = ParamSpace({"a": torch.zeros(8, 5)}, exclude_rows={"a": [0, 3]})
    matrix = with_spectrum(-1 - np.arange(40.0))  # all negative: a masked coordinate would show up as λ = 0
    H = Masked(matrix, space)
    inside = torch.linalg.eigvalsh(matrix[space.mask][:, space.mask]).flip(0)
    first = top_eigenpairs(H, 2, tolerance=1e-3, memory=room(H, 12), max_products=300)
    pairs = top_eigenpairs(H, 3, tolerance=1e-9, memory=room(H, 12), max_products=300, resume_from=first.lanczos_state)
    assert 12 < first.products < pairs.products
    np.testing.assert_allclose(pairs.values, inside[:3], rtol=1e-8)
    for vectors in (pairs.vectors, pairs.lanczos_state.vectors, pairs.lanczos_state.following[None]):
        assert not vectors[:, ~space.mask.numpy()].any()
    with pytest.raises(ValueError, match="resume_from has 30 eigenvalues and the operator 40"):
        top_eigenpairs(matrix, 3, resume_from=pairs.lanczos_state)


def restarted(H, rows, keep, steps):
    krylov = Krylov(H, seeded(0), rows=rows)
    for _ in range(steps):
        if krylov.full:
            found = ritz(krylov)
            found.restart(krylov, found.worth_keeping(keep, 1))
        krylov.step()
    return krylov


def test_the_basis_is_orthonormal_and_the_recurrence_holds_after_restarts():
    H = with_spectrum([9, 4, *bulk(78)])
    krylov = restarted(H, 20, 7, 20 + 12 + 5)
    V = torch.cat([rows for _, rows in krylov._rows()])
    found = ritz(krylov)
    Y = torch.from_numpy(found.coordinates).T @ V
    torch.testing.assert_close(V @ V.T, torch.eye(13).double(), rtol=0, atol=1e-13)
    torch.testing.assert_close(Y @ H @ Y.T, torch.diag(torch.from_numpy(found.values)), rtol=0, atol=1e-12)
    rest = Y @ H - torch.from_numpy(found.values)[:, None] * Y
    torch.testing.assert_close(rest, torch.from_numpy(found.couplings)[:, None] * krylov.following, rtol=0, atol=1e-12)
    assert (krylov.products, krylov.count) == (37, 13)


def test_the_scale_bounds_the_row_of_what_was_kept():
    krylov = restarted(with_spectrum([9, 4, *bulk(78)]), 20, 7, 20 + 12)
    found = ritz(krylov)
    found.restart(krylov, found.worth_keeping(7, 1))
    krylov.scale = 0.0
    krylov.step()
    (block,) = krylov.blocks
    assert krylov.scale == pytest.approx(np.linalg.norm(block.couplings) + abs(block.alphas[0]) + block.betas[0])


class Allocations(TorchDispatchMode):
    """The largest memory that a tensor takes beside given ones."""

    def __init__(self, known):
        super().__init__()
        self.known, self.largest = {tensor.untyped_storage().data_ptr() for tensor in known}, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.untyped_storage().data_ptr() not in self.known:
            self.largest = max(self.largest, result.untyped_storage().nbytes())
        return result


@pytest.mark.slow
def test_a_restart_takes_no_more_than_one_vector():
    H = torch.diag(torch.linspace(0, 1, 3000))
    krylov = Krylov(H, seeded(0), rows=40)
    for _ in range(40):
        krylov.step()
    found = ritz(krylov)
    with Allocations(krylov._pieces) as allocations:
        found.restart(krylov, found.worth_keeping(20, 1))
    assert 0 < allocations.largest <= 3000 * 4


def test_restarts_keep_in_place_what_a_product_with_the_whole_basis_would():
    H = with_spectrum([9, 4, *bulk(93)], dtype=torch.float32)  # 95: no multiple of what is kept
    krylov = Krylov(H, seeded(0), rows=40)
    for _ in range(40):
        krylov.step()
    found = ritz(krylov)
    kept = found.worth_keeping(20, 2)
    V = torch.cat([rows for _, rows in krylov._rows()])
    expected = torch.from_numpy(found.coordinates[:, kept]).T @ V.double()
    found.restart(krylov, kept)
    torch.testing.assert_close(torch.cat([rows for _, rows in krylov._rows()]).double(), expected, rtol=0, atol=1e-6)
    assert sum(len(piece) for piece in krylov._pieces) == 32


def test_asymmetry_is_seen_between_vectors_of_both_sides_of_a_restart():
    symmetric = with_spectrum([9, 4, *bulk(78)])
    assert restarted(symmetric, 12, 5, 60).asymmetry < 1e-14
    # The defect is between the kept vectors and those after the restart: H changes once the basis is reduced.
    for turn in range(2, 6):
        krylov = restarted(symmetric, 12, 5, 12 + turn)
        V = torch.cat([rows for _, rows in krylov._rows()])
        kept, new = V[0], krylov.following
        krylov.H = symmetric + 0.1 * torch.outer(kept, new)
        image = krylov.H @ new
        krylov.step()
        assert krylov.asymmetry == pytest.approx(0.1 / float(image.norm()), rel=1e-6)


@pytest.mark.filterwarnings("ignore:the products are not those of a symmetric matrix")
def test_asymmetry_of_what_is_no_symmetric_operator_is_large_also_where_it_restarts():
    matrix = torch.randn(60, 60, generator=seeded(0), dtype=torch.float64)
    free = top_eigenpairs(matrix, max_products=30).asymmetry
    bounded = top_eigenpairs(matrix, max_products=30, memory=room(matrix, 9)).asymmetry
    assert bounded > 0.1 and free > 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("n", "k", "bottom", "products"), [(90, 3, 1, 40), (90, 1, 0, 17), (90, 1, 0, 18), (20, 5, 2, 99)]
)
def test_a_basis_and_a_result_take_what_is_forecast(n, k, bottom, products, dtype):
    H = Watched(with_spectrum(np.linspace(0, 1, n), dtype=dtype))
    pairs = top_eigenpairs(H, k, tolerance=1e-30, max_products=products, bottom=bottom)
    held = H.rows * n * dtype.itemsize + pairs.lanczos_state.vectors.nbytes
    assert eigen_bytes(n, k, bottom, products, dtype) == held


@pytest.mark.parametrize(("error", "why"), [(0.0, "than rounding.*gradcheck"), (1e-9, "jumps within .*ReLU")])
def test_asymmetry_is_told_apart_from_the_jumps_of_differences(error, why):
    H = Watched(torch.randn(30, 30, generator=seeded(0), dtype=torch.float64))
    H.relative_error = error
    with pytest.warns(UserWarning, match=why):
        top_eigenpairs(H, max_products=20)


def test_the_basis_is_freed_before_the_product_that_measures_the_residual():
    class Held(Watched):
        def __init__(self, matrix):
            super().__init__(matrix)
            self.held = []

        def __matmul__(self, vector):
            caller = sys._getframe(1).f_locals["self"]
            self.held.append(sum(len(piece) for piece in caller._pieces))
            return self.matrix @ vector

    H = Held(with_spectrum(np.linspace(0, 1, 50)))
    top_eigenpairs(H, 3, tolerance=1e-6)
    assert H.held[-1] == 0 and all(H.held[:-1])


@pytest.mark.parametrize(
    ("product", "memory", "expected"),
    [
        (0, None, 48 + 10 + 2),  # basis, result, and the vectors that one is put together from
        (30, None, 48 + 30 + 1),
        (30, 7, 7 + 30 + 1),  # seven for the basis, one of them to reduce it; the result has the other six
        (1, 7, 7 + 6 + 2),
        (1, 900, 48 + 10 + 2),  # a bound above what is needed is none
    ],
)
def test_the_peak_is_that_of_its_largest_stage(product, memory, expected):
    vector = 90 * 8
    bound = memory and memory * vector
    assert peak_bytes(90, 1, 1, 40, torch.float64, product=product * vector, memory=bound) == expected * vector


def test_memory_for_the_whole_basis_changes_no_bit():
    matrix = with_spectrum(SPECTRA["heavy tail"])
    free = top_eigenpairs(matrix, 3, tolerance=1e-6)
    bounded = top_eigenpairs(matrix, 3, tolerance=1e-6, memory=room(matrix, free.products))
    for name in ("values", "residuals", "vectors", "products", "asymmetry"):
        np.testing.assert_array_equal(getattr(free, name), getattr(bounded, name))


def test_too_little_memory_is_refused_with_what_is_enough():
    matrix = with_spectrum(np.linspace(0, 1, 50))
    least = 9 * 50 * 8  # 3 + 1 + 4 vectors, and one more
    assert top_eigenpairs(matrix, 3, memory=least).products > 9
    with pytest.raises(ValueError, match=f"memory={least - 1} .* at least {least}"):
        top_eigenpairs(matrix, 3, memory=least - 1)
    assert len(top_eigenpairs(torch.eye(4), 4, memory=5 * 4 * 4).values) == 4  # a basis of the whole space will do
    with pytest.raises(ValueError, match="at least 80"):
        top_eigenpairs(torch.eye(4), 4, memory=79)
