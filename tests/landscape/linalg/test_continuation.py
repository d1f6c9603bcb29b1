"""Lanczos that goes on from what an earlier run kept."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from landscape import LanczosState, top_eigenpairs
from tests.support.problems import with_spectrum
from tests.support.watched import SPECTRA, Watched, bulk, check, room


@pytest.mark.slow
@pytest.mark.parametrize("memory", [None, 14])
@pytest.mark.parametrize(
    "values", [SPECTRA["outliers"], SPECTRA["heavy tail"], np.random.default_rng(0).normal(size=150)]
)
@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"k": 3, "tolerance": 1e-3}, {"k": 3, "tolerance": 1e-9}),
        ({"k": 2, "tolerance": 1e-3}, {"k": 6, "tolerance": 1e-3}),
        ({"k": 4, "max_products": 8}, {"k": 4, "max_products": 500}),
        ({"k": 2, "max_products": 8}, {"k": 6, "tolerance": 1e-8}),
    ],
)
def test_continuing_finds_what_a_fresh_run_finds_and_costs_little_more(memory, values, first, then):
    H = Watched(with_spectrum(values))
    bound = None if memory is None else room(H, memory)
    then = {"max_products": 500, **then}
    fresh = top_eigenpairs(H, **then, memory=bound)
    H.products = 0
    begun = top_eigenpairs(H, **first, memory=bound)
    pairs = top_eigenpairs(H, **then, memory=bound, resume_from=begun.lanczos_state)
    assert pairs.products == H.products > begun.products
    assert pairs.converged.all() and fresh.converged.all()
    within = np.maximum(fresh.residuals, pairs.residuals)
    np.testing.assert_array_less(np.abs(pairs.values - fresh.values), within + 1e-12)
    np.testing.assert_array_less(np.abs(pairs.values - np.sort(values)[::-1][: then["k"]]), pairs.residuals + 1e-12)
    check(pairs, H.matrix, then["k"])
    slack = 6 if memory is None else fresh.products // 4 + 6
    assert pairs.products <= fresh.products + slack


@pytest.mark.parametrize(("dtype", "tight"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
def test_what_has_converged_is_continued_at_no_cost_to_the_bit(dtype, tight):
    H = Watched(with_spectrum(SPECTRA["heavy tail"]).to(dtype))
    begun = top_eigenpairs(H, 4, tolerance=tight)
    H.products = 0
    for k, tolerance in ((4, tight), (4, 1e-2), (2, tight), (1, 1e-1)):
        pairs = top_eigenpairs(H, k, tolerance=tolerance, resume_from=begun.lanczos_state)
        assert H.products == 0 and pairs.products == begun.products and pairs.converged.all()
        np.testing.assert_array_equal(pairs.values, begun.values[:k])
        np.testing.assert_array_equal(pairs.residuals, begun.residuals[:k])
        np.testing.assert_array_equal(pairs.vectors, begun.vectors[:k])
        np.testing.assert_array_equal(pairs.bottom.values, begun.bottom.values)
        assert pairs.asymmetry == begun.asymmetry


def test_products_that_are_used_up_show_what_was_found():
    H = Watched(with_spectrum(SPECTRA["equispaced"]))
    begun = top_eigenpairs(H, 3, tolerance=1e-9, max_products=14)
    again = top_eigenpairs(H, 3, tolerance=1e-9, max_products=14, resume_from=begun.lanczos_state)
    assert not again.converged.any() and again.products == H.products == 14
    np.testing.assert_array_equal(again.values, begun.values)
    more = top_eigenpairs(H, 3, tolerance=1e-9, max_products=20, resume_from=again.lanczos_state)
    assert more.products == H.products == 20 and (more.values > begun.values).all()


def test_a_whole_space_has_nothing_left_to_find():
    H = Watched(with_spectrum(np.linspace(1, 2, 20)))
    begun = top_eigenpairs(H, 2, tolerance=1e-300, max_products=99)
    assert begun.products == 21 and begun.lanczos_state.complete
    pairs = top_eigenpairs(H, 9, tolerance=1e-300, max_products=99, resume_from=begun.lanczos_state)
    assert H.products == 21
    np.testing.assert_allclose(pairs.values, np.linspace(2, 1, 20)[:9], rtol=1e-12)


def test_eigenvalues_that_were_dropped_are_found_anew():
    """The next vector is orthogonal to them: going on with it could miss them, and call others converged."""
    values = np.sort([*10 * 0.7 ** np.arange(30), *bulk(170)])[::-1]
    H = Watched(with_spectrum(values))
    restart = top_eigenpairs(H, 10, tolerance=1e-12, max_products=300).lanczos_state
    ends = {name: getattr(restart, name)[[0, 1, -1]] for name in ("values", "vectors", "couplings", "blocks")}
    small = dataclasses.replace(restart, **ends, top=2)
    for before, k, bottom in ((small, 3, 1), (small, 2, 2), (restart, 19, 1)):
        H.products = 0
        pairs = top_eigenpairs(H, k, max_products=500, bottom=bottom, resume_from=before)
        fresh = top_eigenpairs(H.matrix, k, max_products=500, bottom=bottom)
        np.testing.assert_array_equal(pairs.values, fresh.values)
        assert pairs.products == before.products + H.products == before.products + fresh.products
    assert top_eigenpairs(H, 2, tolerance=1e-13, max_products=200, resume_from=small).lanczos_state.top == 2
    missed = top_eigenpairs(H, 3, resume_from=dataclasses.replace(small, top=3), max_products=500)
    assert missed.converged.all() and missed.values[2] < values[2] / 2


def test_what_is_drawn_after_a_continuation_is_what_one_run_would_have_drawn():
    H = with_spectrum([5, 5, 5, *[1.0] * 20])  # which eigenvectors are found depends on what is drawn
    begun = top_eigenpairs(H, 1, seed=3)

    def vectors(seed, **options):
        pairs = top_eigenpairs(H, 5, seed=seed, **options)
        np.testing.assert_allclose(pairs.values, [5, 5, 5, 1, 1], atol=1e-10)
        return pairs.vectors

    once, at_once = vectors(3, resume_from=begun.lanczos_state), vectors(3)
    np.testing.assert_array_equal(once, vectors(3, resume_from=begun.lanczos_state))
    cosines = np.abs(once[:3] @ at_once[:3].T)  # the same vectors; in which order is a matter of rounding
    np.testing.assert_allclose(np.sort(cosines), [[0, 0, 1]] * 3, atol=1e-6)
    assert not np.allclose(once, vectors(4, resume_from=begun.lanczos_state), atol=1e-6)


def test_a_restart_holds_what_the_recurrence_needs():
    matrix = with_spectrum(SPECTRA["heavy tail"])
    for memory in (None, room(matrix, 15)):
        pairs = top_eigenpairs(matrix, 3, bottom=2, memory=memory)
        restart = pairs.lanczos_state
        assert isinstance(restart, LanczosState) and restart.products == pairs.products
        assert len(restart.values) == 3 + 2 + 8 and (np.diff(restart.values) <= 0).all()
        assert restart.top == 11 if memory is None else 3 <= restart.top <= 11
        assert restart.bottom == 2
        v, u = torch.from_numpy(restart.vectors), torch.from_numpy(restart.following)
        everything = torch.cat([v, u[None]])
        torch.testing.assert_close(everything @ everything.T, torch.eye(14).double(), rtol=0, atol=1e-13)
        image = torch.from_numpy(restart.values)[:, None] * v + torch.from_numpy(restart.couplings)[:, None] * u
        torch.testing.assert_close(v @ matrix, image, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(restart.vectors[:3], pairs.vectors)
        np.testing.assert_array_equal(restart.vectors[[-1, -2]], pairs.bottom.vectors)
        assert restart.residual == pairs.residuals[0]
    assert repr(restart) == f"LanczosState(13 vectors of 120, {pairs.products} products)"
    with pytest.raises(ValueError, match="do not fit"):
        dataclasses.replace(restart, couplings=restart.couplings[1:])


def test_continuing_leaves_what_it_starts_from_as_it_was():
    matrix = with_spectrum(SPECTRA["heavy tail"])
    restart = top_eigenpairs(matrix, 3, tolerance=1e-2).lanczos_state
    copy = dataclasses.replace(restart, vectors=restart.vectors.copy(), following=restart.following.copy())
    top_eigenpairs(matrix, 3, tolerance=1e-9, memory=room(matrix, 13), resume_from=restart)
    np.testing.assert_array_equal(restart.vectors, copy.vectors)
    np.testing.assert_array_equal(restart.following, copy.following)


def test_progress_counts_all_products():
    matrix, calls = with_spectrum(SPECTRA["heavy tail"]), []
    begun = top_eigenpairs(matrix, 3, tolerance=1e-1, memory=room(matrix, 12))
    pairs = top_eigenpairs(
        matrix,
        3,
        tolerance=1e-9,
        memory=room(matrix, 12),
        resume_from=begun.lanczos_state,
        progress=lambda *call: calls.append(call),
    )
    assert [(products, limit) for products, limit, _ in calls] == [
        (n, 120) for n in range(begun.products + 1, pairs.products)
    ]
    residuals = [float(text.removeprefix("residual ")) for _, _, text in calls]
    assert residuals[-1] <= 1e-9 and not any(map(math.isnan, residuals))


def test_what_does_not_fit_is_refused():
    matrix = with_spectrum(np.linspace(0, 1, 50))
    restart = top_eigenpairs(matrix, 3, tolerance=1e-12, max_products=40).lanczos_state
    with pytest.raises(ValueError, match=f"memory=3600 .* at least {13 * 50 * 8}, for 12 vectors"):
        top_eigenpairs(matrix, 3, max_products=80, memory=3600, resume_from=restart)
    with pytest.raises(ValueError, match="resume_from has vectors of 50 and the operator of 49"):
        top_eigenpairs(torch.eye(49).double(), resume_from=restart)
    with pytest.raises(ValueError, match="resume_from has vectors in float64 and the operator in float32"):
        top_eigenpairs(matrix.float(), resume_from=restart)
    with pytest.raises(ValueError, match="max_products=50 cannot show k=12 .* at least 53"):  # it starts anew
        top_eigenpairs(matrix, 12, max_products=50, resume_from=restart)
