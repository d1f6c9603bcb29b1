"""The spectral density: quadratures against dense eigendecompositions, and errors against what they promise."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from landscape import HessianOperator, ParamSpace
from landscape.linalg.krylov import Krylov
from landscape.linalg.spectral_density import basis_bytes, spectral_density
from landscape.linalg.trace import trace
from landscape.results.spectrum import WIDTH, Spectrum
from tests.support.problems import PROBLEMS, with_spectrum


class Recorded:
    """A matrix that keeps the vectors it was multiplied by."""

    def __init__(self, matrix):
        self.matrix, self.shape, self.dtype, self.device = matrix, matrix.shape, matrix.dtype, matrix.device
        self.vectors = []

    def __matmul__(self, vector):
        self.vectors.append(vector.clone())
        return self.matrix @ vector

    def starts(self, spectrum):
        """The probes (P, n): each is what its first product was with."""
        lengths = np.count_nonzero(~np.isnan(spectrum.values), axis=1)
        return torch.stack([self.vectors[i] for i in np.cumsum(lengths) - lengths]).double().numpy()


class Masked(Recorded):
    """Only some coordinates are active."""

    def __init__(self, matrix, space):
        super().__init__(matrix * space.mask * space.mask[:, None])
        self.active, self.project = space.active, space.project


def per_probe(spectrum, function):
    return np.nansum(spectrum.weights * function(spectrum.values), axis=1)


WIDE = [*np.linspace(-3, 5, 57), 20, 11, -8]


def test_the_weights_of_each_probe_sum_to_one_and_the_nodes_lie_within_the_spectrum():
    spectrum = spectral_density(with_spectrum(WIDE), probes=5, steps=12)
    assert spectrum.values.shape == spectrum.weights.shape == (5, 12)
    np.testing.assert_allclose(spectrum.weights.sum(1), 1, rtol=1e-12)
    assert (np.diff(spectrum.values) > 0).all()
    assert -8 - 1e-9 <= spectrum.extremes[0] == spectrum.values.min() < -7
    assert 20 + 1e-9 >= spectrum.extremes[1] == spectrum.values.max() > 19
    assert spectrum.size == 60 and spectrum.products == 60


def test_each_probe_has_its_forms_of_polynomials_up_to_the_degree_that_the_steps_allow():
    """Σ τ θ^k = vᵀ H^k v for k < 2m; k = 1 is the probes' own Hutchinson trace."""
    H = Recorded(with_spectrum(WIDE) / 10)
    spectrum = spectral_density(H, probes=4, steps=5)
    starts = H.starts(spectrum)
    np.testing.assert_allclose((starts**2).sum(1), 1, rtol=1e-12)
    forms = [np.einsum("pi,ij,pj->p", starts, np.linalg.matrix_power(H.matrix.numpy(), k), starts) for k in range(11)]
    for k in range(10):
        np.testing.assert_allclose(per_probe(spectrum, lambda values, k=k: values**k), forms[k], rtol=1e-10, atol=1e-12)
    assert (np.abs(per_probe(spectrum, lambda values: values**10) / forms[10] - 1) > 1e-9).all()

    mean, stderr = spectrum.trace()
    assert mean == pytest.approx(60 * forms[1].mean(), rel=1e-12)
    assert stderr == pytest.approx(60 * np.sqrt(((forms[1] - forms[1].mean()) ** 2).sum() / (4 * 3)), rel=1e-9)
    means, errors = spectrum.moments(9)
    np.testing.assert_allclose(means, [forms[k].mean() for k in range(1, 10)], rtol=1e-10)
    np.testing.assert_allclose(errors, [forms[k].std(ddof=1) / 2 for k in range(1, 10)], rtol=1e-9)


REPEATED = {-4.0: 2, -1.0: 9, 0.0: 20, 0.5: 12, 3.0: 6, 7.0: 1}


def repeated():
    """Diagonal, so that the eigenvalues are repeated exactly and not but for rounding."""
    return torch.diag(torch.from_numpy(np.repeat(list(REPEATED), list(REPEATED.values()))))


@pytest.mark.parametrize("steps", [6, 7, 50, 80])
def test_enough_steps_for_all_distinct_eigenvalues_are_exact(steps):
    """The nodes are the eigenvalues, and a weight is what the probe has in the eigenspace."""
    H = Recorded(repeated())
    spectrum = spectral_density(H, probes=3, steps=steps)
    assert spectrum.products == len(H.vectors) == 18
    assert spectrum.values.shape == (3, steps) and np.isnan(spectrum.values[:, 6:]).all()
    assert (np.isnan(spectrum.values) == np.isnan(spectrum.weights)).all()
    values, vectors = np.linalg.eigh(H.matrix.numpy())
    inside = (H.starts(spectrum) @ vectors) ** 2  # (3, n)
    for place, value in enumerate(sorted(REPEATED)):
        np.testing.assert_allclose(spectrum.values[:, place], value, atol=1e-9)
        np.testing.assert_allclose(
            spectrum.weights[:, place], inside[:, np.isclose(values, value, atol=1e-6)].sum(1), rtol=1e-7
        )
    assert spectrum.quadrature(np.exp)[0] == pytest.approx((inside @ np.exp(values)).mean(), rel=1e-9)
    below = (inside @ (values < -1e-6)).mean()
    assert spectrum.share_below()[0] == pytest.approx(below, rel=1e-8)
    if steps > 6:  # with as many steps as eigenvalues nothing tells that the space became invariant
        np.testing.assert_allclose(spectrum.share_bounds(), below, rtol=1e-8)
    else:
        low, high = spectrum.share_bounds()
        assert low < below < high


def test_a_probe_as_long_as_the_operator_is_exact():
    H = with_spectrum([-2.0, -1.0, 0.5, 1.0, 4.0])
    spectrum = spectral_density(H, probes=1, steps=5)
    np.testing.assert_allclose(spectrum.values[0], torch.linalg.eigvalsh(H), atol=1e-12)
    low, high = spectrum.share_bounds()
    assert low == high == spectrum.share_below()[0] == pytest.approx(spectrum.weights[0, :2].sum())


@pytest.mark.slow
@given(st.integers(1, 10), st.integers(0, 1000), st.integers(1, 12))
def test_any_small_matrix(size, seed, steps):
    """Integer matrices have repeated and zero eigenvalues, and invariant spaces of every size."""
    drawn = np.random.default_rng(seed)
    half = drawn.integers(-2, 3, (size, size)) * (drawn.random((size, size)) < 0.4)
    H = Recorded(torch.from_numpy((half + half.T).astype(float)))
    spectrum = spectral_density(H, probes=2, steps=steps, seed=seed)
    starts = H.starts(spectrum)
    np.testing.assert_allclose(np.nansum(spectrum.weights, axis=1), 1, rtol=1e-10)
    np.testing.assert_allclose(
        per_probe(spectrum, lambda values: values), ((starts @ H.matrix.numpy()) * starts).sum(1), atol=1e-9
    )
    if steps >= size:
        values, vectors = np.linalg.eigh(H.matrix.numpy())
        expected = ((starts @ vectors) ** 2 @ np.cos(values)).mean()
        assert spectrum.quadrature(np.cos)[0] == pytest.approx(expected, abs=1e-8)


def test_the_density_is_the_smoothed_histogram_of_the_probes_and_integrates_to_one():
    H = Recorded(repeated())
    spectrum = spectral_density(H, probes=3, steps=10)
    grid, width = np.linspace(-8, 11, 2001), 0.4
    mean, stderr = spectrum.density(grid, width)
    values, vectors = np.linalg.eigh(H.matrix.numpy())
    each = (H.starts(spectrum) @ vectors) ** 2 @ norm.pdf(grid, values[:, None], width)  # (3, G)
    np.testing.assert_allclose(mean, each.mean(0), atol=1e-8)
    np.testing.assert_allclose(stderr, each.std(0, ddof=1) / math.sqrt(3), atol=1e-8)
    assert np.trapezoid(mean, grid) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "low", "high"), [(WIDE, -8, 20), ([3.0] * 7, 0, 3), ([-2.0, -5.0], -5, 0), ([1.0, 4.0], 0, 4)]
)
def test_the_default_width_is_a_hundredth_of_the_range_of_nodes_and_zero(values, low, high):
    spectrum = spectral_density(with_spectrum(values), probes=2, steps=60)
    grid = np.linspace(low - 1, high + 1, 300)
    assert WIDTH == 0.01
    np.testing.assert_allclose(spectrum.density(grid)[0], spectrum.density(grid, (high - low) / 100)[0], atol=1e-9)


def test_a_smooth_density_is_found_without_all_eigenvalues():
    """A quarter of the steps that would be exact leaves an error of the quadrature far below that of the probes."""
    values = np.sqrt(np.linspace(0, 9, 160))
    H = Recorded(with_spectrum(values))
    spectrum = spectral_density(H, probes=8, steps=40)
    grid = np.linspace(-0.5, 3.5, 50)
    mean, stderr = spectrum.density(grid, 0.2)
    vectors = np.linalg.eigh(H.matrix.numpy())[1]
    probes = ((H.starts(spectrum) @ vectors) ** 2 @ norm.pdf(grid, values[:, None], 0.2)).mean(0)
    assert np.abs(mean - probes).max() < 0.05 * stderr.max()
    assert (np.abs(mean - norm.pdf(grid, values[:, None], 0.2).mean(0)) <= 5 * stderr + 1e-6).all()


# --- errors

GROUPS, PROBES = 300, 6


@pytest.fixture(scope="module")
def groups():
    """Many results of a few probes each on one matrix, and its eigenvalues."""
    values = np.repeat([-2.0, -0.5, 0.0, 1.0, 1.5, 4.0], [6, 12, 14, 10, 12, 6])
    whole = spectral_density(with_spectrum(values), probes=GROUPS * PROBES, steps=10, seed=3)
    places = np.arange(GROUPS * PROBES).reshape(GROUPS, PROBES)
    return values, [
        replace(whole, values=whole.values[i], weights=whole.weights[i], seeds=whole.seeds[i]) for i in places
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimate", "exact"),
    [
        (lambda s: s.trace(), lambda values: values.sum()),
        (lambda s: s.share_below(), lambda values: (values < 0).mean()),
        (lambda s: s.share_below(1.2), lambda values: (values < 1.2).mean()),
        (lambda s: [each[1] for each in s.moments()], lambda values: (values**2).mean()),
        (lambda s: [each[0] for each in s.density([0.3], 0.5)], lambda values: norm.pdf(0.3, values, 0.5).mean()),
    ],
    ids=["trace", "negative share", "share", "second moment", "density"],
)
def test_intervals_of_95_percent_hold_that_often_and_nothing_is_biased(groups, estimate, exact):
    values, spectra = groups
    means, errors = np.array([estimate(spectrum) for spectrum in spectra]).T
    deviations = means - exact(values)
    assert abs(deviations.mean()) < 4 * deviations.std() / math.sqrt(GROUPS)
    held = (np.abs(deviations) <= student.ppf(0.975, PROBES - 1) * errors).mean()
    assert abs(held - 0.95) < 3.5 * math.sqrt(0.95 * 0.05 / GROUPS)
    assert np.sqrt((errors**2).mean()) == pytest.approx(deviations.std(), rel=0.2)


def test_one_probe_has_no_standard_error():
    spectrum = spectral_density(with_spectrum(WIDE), probes=1, steps=8)
    assert math.isnan(spectrum.trace()[1]) and math.isnan(spectrum.share_below()[1])
    assert np.isnan(spectrum.density([0.0, 1.0])[1]).all() and np.isnan(spectrum.moments(3)[1]).all()
    assert math.isfinite(spectrum.trace()[0]) and spectrum.density([0.0, 1.0])[0].shape == (2,)
    assert "± nan" in repr(spectrum)


def test_the_trace_agrees_with_independent_probes():
    H = with_spectrum(WIDE)
    (mean, stderr), other = (
        spectral_density(H, probes=30, steps=3).trace(),
        trace(H, max_products=50, method="hutchinson", seed=9),
    )
    assert mean != other.mean
    assert abs(mean - other.mean) < 4 * math.hypot(stderr, other.stderr)
    assert abs(mean - sum(WIDE)) < 4 * stderr


@pytest.mark.parametrize("steps", [1, 2, 5, 11])
def test_the_bounds_of_a_share_hold_for_every_probe_and_threshold(steps):
    H = Recorded(with_spectrum(WIDE))
    spectrum = spectral_density(H, probes=3, steps=steps)
    values, vectors = np.linalg.eigh(H.matrix.numpy())
    inside = (H.starts(spectrum) @ vectors) ** 2
    widths = []
    for threshold in np.linspace(-10, 22, 200):
        low, high = spectrum.share_bounds(threshold)
        assert low - 1e-9 <= (inside @ (values < threshold)).mean() <= high + 1e-9
        assert low - 1e-12 <= spectrum.share_below(threshold)[0] <= high + 1e-12
        widths.append(high - low)
    assert 0 < np.mean(widths) <= min(1, 4 / steps)


def test_rounding_of_zero_eigenvalues_is_no_negative_curvature():
    H = with_spectrum([5, 4, 3, 2, 1] + [0] * 55, dtype=torch.float32)
    spectrum = spectral_density(H, probes=20, steps=20)
    assert (spectrum.values < 0).any()
    assert spectrum.share_below() == (0, 0)
    assert 1e-7 < spectrum.noise < 1e-4
    negative = spectral_density(-H, probes=20, steps=20)
    assert negative.share_below()[0] == pytest.approx(5 / 60, abs=0.04)


# --- continuation

FIELDS = ("values", "weights", "seeds")


def test_more_probes_continue_a_result_bit_for_bit():
    H = Recorded(with_spectrum(WIDE))
    first = spectral_density(H, probes=4, steps=9, seed=7)
    used = len(H.vectors)
    continued = spectral_density(H, probes=10, steps=9, seed=7, resume_from=first)
    assert len(H.vectors) - used == 54
    whole = spectral_density(H, probes=10, steps=9, seed=7)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(continued, name), getattr(whole, name))
    assert (continued.noise, continued.products) == (whole.noise, 90)
    assert continued.seeds.tolist() == [[7, i] for i in range(10)]
    assert continued.metadata["seconds"] >= first.metadata["seconds"] > 0

    used = len(H.vectors)
    same = spectral_density(H, probes=10, steps=9, seed=7, resume_from=whole)
    assert len(H.vectors) == used
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(same, name), getattr(whole, name))


def test_probes_differ_from_each_other_and_by_seed():
    H = with_spectrum(WIDE)
    values = np.concatenate([spectral_density(H, probes=4, steps=3, seed=seed).values for seed in (0, 1, 2**40)])
    assert len(np.unique(values[:, 0])) == 12
    np.testing.assert_array_equal(values[:4], spectral_density(H, probes=4, steps=3).values)


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (6, {"probes": 3, "steps": 5}, "resume_from has steps=4, not 5, and Lanczos cannot go on .* pass steps=4"),
        (6, {"probes": 3, "steps": 4, "seed": 1}, "resume_from was drawn with seed 0, not with seed=1"),
        (7, {"probes": 3, "steps": 4}, "resume_from has 6 eigenvalues and the operator 7"),
        (6, {"probes": 1, "steps": 4}, "resume_from has 2 probes already; pass probes >= 2, not 1"),
    ],
)
def test_what_does_not_fit_is_not_continued(size, options, message):
    before = spectral_density(with_spectrum(range(6)), probes=2, steps=4)
    with pytest.raises(ValueError, match=message):
        spectral_density(with_spectrum(range(size)), resume_from=before, **options)


# --- operators


def test_masked_coordinates_do_not_count():
    """All eigenvalues are negative: a masked coordinate would show as a zero."""
    space = ParamSpace({"a": torch.zeros(8, 5)}, exclude_rows={"a": [0, 3]})
    matrix = with_spectrum(-1 - np.arange(40.0))
    H = Masked(matrix, space)
    spectrum = spectral_density(H, probes=40, steps=40)
    exact = torch.linalg.eigvalsh(matrix[space.mask][:, space.mask])
    assert spectrum.size == 30 and spectrum.products == 40 * 30
    assert not H.starts(spectrum)[:, ~space.mask.numpy()].any()
    np.testing.assert_allclose(spectrum.values[:, :30], np.tile(exact, (40, 1)), rtol=1e-6)
    assert spectrum.share_below()[0] == pytest.approx(1, abs=1e-12)
    mean, stderr = spectrum.trace()
    assert abs(mean - float(exact.sum())) < 4 * stderr < 0.2 * abs(mean)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear_regression", "two_parts", "transformer"])
def test_a_hessian_has_the_spectrum_of_its_dense_matrix(name):
    problem = PROBLEMS[name]()
    H = HessianOperator(problem.objective())
    mask = H.objective.space.mask
    dense = problem.dense_hessian()
    exact = torch.linalg.eigvalsh(dense if mask is None else dense[mask][:, mask]).numpy()
    spectrum = spectral_density(H, probes=8, steps=14)
    assert spectrum.size == len(exact) and spectrum.products == H.products
    np.testing.assert_allclose(spectrum.extremes, exact[[0, -1]], rtol=1e-2, atol=1e-9)
    for (mean, stderr), expected in (
        (spectrum.trace(), exact.sum()),
        (spectrum.quadrature(np.square), (exact**2).mean()),
        (spectrum.quadrature(lambda values: np.exp(-(values**2))), np.exp(-(exact**2)).mean()),
    ):
        assert abs(mean - expected) <= 4 * stderr + 1e-9
    (low, high), error = spectrum.share_bounds(), 4 * spectrum.share_below()[1]
    assert low - error <= (exact < -1e-9 * np.abs(exact).max()).mean() <= high + error


def test_float32_agrees_with_float64():
    single = spectral_density(with_spectrum(WIDE, dtype=torch.float32), probes=3, steps=10)
    double = spectral_density(with_spectrum(WIDE), probes=3, steps=10)
    np.testing.assert_allclose(single.values, double.values, atol=1e-3)
    np.testing.assert_allclose(single.weights, double.weights, atol=1e-4)
    assert single.values.dtype == np.float64 and single.metadata["dtype"] == "float32"
    assert single.noise > 1e6 * double.noise


def test_nothing_but_zeros_has_one_node_and_needs_a_width():
    spectrum = spectral_density(torch.zeros(9, 9), probes=3)
    assert spectrum.products == 3 and spectrum.extremes == (0, 0) and spectrum.trace() == (0, 0)
    assert spectrum.share_below() == (0, 0) and spectrum.share_bounds() == (0, 0)
    with pytest.raises(ValueError, match="all eigenvalues are 0.*pass a width > 0"):
        spectrum.density([0.0])
    assert spectrum.density([0.0], 0.5)[0] == pytest.approx(norm.pdf(0, scale=0.5))
    assert spectral_density(torch.full((1, 1), 3.0), probes=2).trace() == (pytest.approx(3), pytest.approx(0, abs=1e-6))


def test_a_basis_takes_what_is_forecast():
    for n, steps, dtype in ((50, 20, torch.float32), (50, 16, torch.float64), (20, 90, torch.float64)):
        krylov = Krylov(with_spectrum(range(n), dtype=dtype), torch.Generator().manual_seed(0))
        for _ in range(min(steps, n)):
            krylov.step()
        assert basis_bytes(n, steps, dtype) == sum(piece.nbytes for piece in krylov._pieces)


def test_progress_counts_steps_and_ends_complete():
    calls = []
    H = with_spectrum([1.0] * 5 + [2.0] * 5)
    first = spectral_density(H, probes=2, steps=6, progress=lambda *call: calls.append(call))
    assert calls == [(1, 12, ""), (6, 12, ""), (7, 12, ""), (12, 12, "")]
    calls.clear()
    spectral_density(H, probes=3, steps=6, resume_from=first, progress=lambda *call: calls.append(call))
    assert calls == [(1, 6, ""), (6, 6, "")]
    calls.clear()
    spectral_density(with_spectrum(range(3)), probes=1, steps=9, progress=lambda *call: calls.append(call))
    assert calls == [(1, 3, ""), (2, 3, ""), (3, 3, "")]


def test_a_result_explains_itself():
    values, weights = np.array([[-1.0, 2.0], [-0.5, np.nan]]), np.array([[0.25, 0.75], [1.0, np.nan]])
    spectrum = Spectrum(values, weights, 1000, np.array([[0, 0], [0, 1]]), noise=0.0)
    assert repr(spectrum) == (
        "Spectrum(1,000 eigenvalues, -1 to 2, trace 375 ± 9e+02, 50% to 100% below zero, 2 probes × 2 steps, "
        "3 products)"
    )
    with pytest.raises(ValueError, match=r"values \(2, 2\), weights \(1, 2\) and seeds \(2, 2\) do not fit"):
        replace(spectrum, weights=weights[:1])


class Nothing:
    shape, dtype, device, active = (4, 4), torch.float64, torch.device("cpu"), 0

    def __matmul__(self, vector):
        return 0 * vector

    def project(self, vector):
        return 0 * vector


@pytest.mark.parametrize(
    ("H", "options", "message"),
    [
        (torch.eye(3), {"probes": 0}, "probes=0 must be at least 1"),
        (torch.eye(3), {"steps": 0}, "steps=0 must be at least 1"),
        (torch.eye(3), {"seed": -1}, "seed=-1 must be between 0 and"),
        (torch.ones(3, 2), {}, r"\(3, 2\) .* square"),
        (torch.full((3, 3), torch.nan), {}, "not finite"),
        (Nothing(), {}, "no active coordinate"),
    ],
)
def test_errors_say_what_is_wrong(H, options, message):
    with pytest.raises(ValueError, match=message):
        spectral_density(H, **options)


def test_impossible_questions_are_refused():
    spectrum = spectral_density(with_spectrum(WIDE), probes=2, steps=3)
    for width in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"width={width} must be a positive number"):
            spectrum.density([0.0], width)
    with pytest.raises(ValueError, match="count=0 must be at least 1"):
        spectrum.moments(0)
