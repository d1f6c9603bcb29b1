"""Eigenvalues of operators with few active coordinates, whose vectors are held without the others."""

import numpy as np
import pytest
import torch

from landscape import top_eigenpairs
from landscape.linalg.active import held_size, on_active
from landscape.linalg.lanczos import eigen_bytes
from tests.support.problems import with_spectrum
from tests.support.watched import SPECTRA, Watched

N = 300


class Few(Watched):
    """A matrix of which some rows and columns are zero and do not belong to the spectrum."""

    def __init__(self, values, dtype=torch.float64):
        part = with_spectrum(values).to(dtype)
        self.active = len(part)
        self.places = torch.randperm(N, generator=torch.Generator().manual_seed(1))[: self.active].sort().values
        whole = torch.zeros(N, N, dtype=dtype)
        whole[self.places[:, None], self.places] = part
        super().__init__(whole)

    def project(self, vector):
        kept = torch.zeros_like(vector)
        kept[self.places] = vector[self.places]
        return kept


@pytest.mark.parametrize("name", ["outliers", "indefinite", "negative", "decaying"])
@pytest.mark.parametrize("memory", [None, 20])
def test_eigenpairs_are_those_of_the_active_part(name, memory):
    H = Few(SPECTRA[name])
    bound = None if memory is None else (memory + 1) * H.active * 8  # far from what whole vectors would take
    pairs = top_eigenpairs(H, 3, tolerance=1e-9, max_products=900, bottom=2, memory=bound)
    exact = torch.linalg.eigvalsh(with_spectrum(SPECTRA[name])).numpy()
    assert pairs.converged.all() and pairs.products == H.products
    np.testing.assert_allclose(pairs.values, exact[::-1][:3], rtol=1e-9)  # no zero of the inactive ones
    assert (np.abs(pairs.bottom.values[:, None] - exact).min(1) <= pairs.bottom.residuals + 1e-12).all()
    for end in (pairs, pairs.bottom):
        vectors = torch.from_numpy(end.vectors)
        assert vectors.shape[1] == N
        assert torch.equal(H.project(vectors.T.clone()).T, vectors)
        residuals = (vectors @ H.matrix - torch.from_numpy(end.values)[:, None] * vectors).norm(dim=1)
        np.testing.assert_allclose(residuals, end.residuals, atol=1e-8)


def test_what_continues_is_short_and_costs_nothing():
    H = Few(SPECTRA["outliers"])
    begun = top_eigenpairs(H, 3, tolerance=1e-6)
    state = begun.lanczos_state
    assert state.vectors.shape[1] == len(state.following) == H.active
    H.products = 0
    again = top_eigenpairs(H, 3, tolerance=1e-6, resume_from=state)
    assert H.products == 0 and again.products == begun.products
    np.testing.assert_array_equal(again.vectors, begun.vectors)
    further = top_eigenpairs(H, 3, tolerance=1e-12, max_products=99, resume_from=state)
    assert further.products == begun.products + H.products
    np.testing.assert_allclose(further.values, [10, 5, 3], rtol=1e-12)


def test_a_state_of_whole_vectors_is_still_continued():
    H = Few(SPECTRA["outliers"])
    whole = top_eigenpairs(Watched(H.matrix), 3, tolerance=1e-6).lanczos_state
    earlier = type(whole)(**{**vars(whole), "size": H.active})  # as it was stored before vectors were shortened
    assert top_eigenpairs(H, 3, tolerance=1e-6, resume_from=earlier).products == whole.products


def test_a_start_and_a_size_are_those_of_the_active_part():
    H = Few(SPECTRA["outliers"])
    start = torch.arange(1.0, N + 1, dtype=torch.float64)
    part = with_spectrum(SPECTRA["outliers"])
    options = {"k": 2, "max_products": 5, "tolerance": 1e-12}  # too few to converge: the start decides
    from_start = top_eigenpairs(H, **options, start=start)
    np.testing.assert_allclose(from_start.values, top_eigenpairs(part, **options, start=start[H.places]).values)
    assert (np.abs(from_start.values - top_eigenpairs(H, **options).values) > 1e-3).all()
    with pytest.raises(ValueError, match=f"k={H.active + 1} must be between 1 and the operator's size {H.active}"):
        top_eigenpairs(H, H.active + 1)


def test_many_active_coordinates_stay_where_they_are():
    H = Few(np.linspace(0, 1, 160))
    assert on_active(H) is None
    assert top_eigenpairs(H, max_products=30).lanczos_state.vectors.shape[1] == N == held_size(N, 160)
    assert on_active(torch.eye(3)) is None


@pytest.mark.parametrize(("k", "bottom", "products"), [(3, 1, 40), (1, 0, 17), (5, 2, 999)])
def test_a_basis_and_a_result_take_what_is_forecast(k, bottom, products):
    H = Few(np.linspace(0, 1, 30))
    pairs = top_eigenpairs(H, k, tolerance=1e-30, max_products=products, bottom=bottom)
    vectors = [pairs.lanczos_state.vectors, pairs.vectors, *([pairs.bottom.vectors] if bottom else [])]
    held = H.rows * H.active * 8 + sum(array.nbytes for array in vectors)
    assert eigen_bytes(N, k, bottom, products, torch.float64, active=H.active) == held
