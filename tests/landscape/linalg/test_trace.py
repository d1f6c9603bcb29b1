"""Traces: each method against its transcription, without bias, and with errors that hold as often as they say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from landscape import HessianOperator, ParamSpace
from landscape.linalg.trace import LEAST, METHODS, TraceEstimate, trace
from tests.support.problems import PROBLEMS, with_spectrum


class Recorded:
    """A matrix that keeps the vectors it was multiplied by, as columns."""

    def __init__(self, matrix):
        self.matrix, self.shape, self.dtype, self.device = matrix, matrix.shape, matrix.dtype, matrix.device
        self.calls = []

    def __matmul__(self, vectors):
        self.calls.append(vectors.clone())
        return self.matrix @ vectors

    @property
    def columns(self):
        return torch.cat([call.reshape(len(call), -1) for call in self.calls], 1).double().numpy()


class Masked(Recorded):
    """Only some coordinates are active."""

    def __init__(self, matrix, space):
        super().__init__(matrix * space.mask * space.mask[:, None])
        self.active, self.project = space.active, space.project


class Diagonal:
    """Large, and cheap to multiply by."""

    def __init__(self, values):
        self.values = torch.as_tensor(np.array(values, float))
        self.shape, self.dtype, self.device = (len(values), len(values)), self.values.dtype, self.values.device

    def __matmul__(self, vectors):
        return self.values[:, None] * vectors


INDEFINITE = np.random.default_rng(0).normal(size=40)
DECAYING = 0.8 ** np.arange(60)


# --- what is computed


@pytest.mark.parametrize("products", [1, 7, 20])
def test_hutchinson_is_the_mean_over_random_signs(products):
    H = Recorded(with_spectrum(INDEFINITE))
    found = trace(H, max_products=products, method="hutchinson")
    signs = H.columns
    assert signs.shape == (40, products) and (np.abs(signs) == 1).all() and abs(signs.mean()) < 4 / signs.size**0.5
    forms = np.einsum("ip,ij,jp->p", signs, H.matrix.numpy(), signs)
    assert found.mean == pytest.approx(forms.mean(), rel=1e-12)
    if products == 1:
        assert math.isnan(found.stderr)
    else:
        assert found.stderr == pytest.approx(forms.std(ddof=1) / products**0.5, rel=1e-12)


@pytest.mark.parametrize(("products", "third"), [(12, 4), (13, 4), (14, 4)])
def test_hutchpp_is_exact_inside_and_hutchinson_outside(products, third):
    H = Recorded(with_spectrum(INDEFINITE))
    found = trace(H, max_products=products, method="hutch++")
    assert found.products == products == H.columns.shape[1]
    A = H.matrix.numpy()
    signs, Q, outside = np.split(H.columns, [third, 2 * third], axis=1)
    assert (np.abs(signs) == 1).all()
    np.testing.assert_allclose(Q.T @ Q, np.eye(third), atol=1e-12)
    np.testing.assert_allclose(Q @ (Q.T @ A @ signs), A @ signs, atol=1e-12)
    np.testing.assert_allclose(Q.T @ outside, 0, atol=1e-12)
    forms = np.einsum("ip,ij,jp->p", outside, A, outside)
    assert found.mean == pytest.approx(np.trace(Q.T @ A @ Q) + forms.mean(), rel=1e-12)
    assert found.stderr == pytest.approx(forms.std(ddof=1) / len(forms) ** 0.5, rel=1e-12)
    assert (outside**2).sum(0) == pytest.approx(36, abs=12)  # of signs, 4 of 40 dimensions are taken out


def leave_one_out(A, probes):
    """XTrace with normalised remainders as its definition has it, one factorisation for each probe."""
    n, count = probes.shape
    estimates = []
    for i in range(count):
        left, sizes, _ = np.linalg.svd(A @ np.delete(probes, i, 1), full_matrices=False)
        Q = left[:, sizes > 1e-12 * max(sizes, default=0)]
        u = probes[:, i] - Q @ (Q.T @ probes[:, i])
        u *= math.sqrt(n - Q.shape[1]) / np.linalg.norm(u)
        estimates.append(np.trace(Q.T @ A @ Q) + u @ A @ u)
    return np.mean(estimates), np.std(estimates, ddof=1) / math.sqrt(count)


@pytest.mark.parametrize("values", [INDEFINITE, DECAYING, [5, -3, 2] + [0] * 30, np.ones(40)])
@pytest.mark.parametrize("products", [4, 20, 27])
def test_xtrace_is_its_definition(values, products):
    H = Recorded(with_spectrum(values))
    found = trace(H, max_products=products, method="xtrace")
    count = products // 2
    assert found.products == H.columns.shape[1] == 2 * count
    mean, stderr = leave_one_out(H.matrix.numpy(), H.columns[:, :count])
    assert found.mean == pytest.approx(mean, rel=1e-9)
    assert found.stderr == pytest.approx(stderr, rel=1e-6, abs=1e-12)


@given(st.sampled_from(sorted(METHODS)), st.integers(3, 20), st.floats(-5, 5), st.integers(0, 99))
def test_a_multiple_of_the_identity_is_exact(method, products, scale, seed):
    """Each probe has the right length, inside and outside of the space that was found."""
    found = trace(scale * torch.eye(25).double(), max_products=products, method=method, seed=seed)
    assert found.method == method
    if method == "hutch++":  # random signs outside of a space have the right length on average only
        assert abs(found.mean - 25 * scale) <= 1e-12 + 12 * abs(scale)
    else:
        assert found.mean == pytest.approx(25 * scale, abs=1e-12)
    if method == "hutchinson":
        assert found.stderr < 1e-14


# --- whether it is right


@pytest.mark.slow
@pytest.mark.parametrize("values", [INDEFINITE, DECAYING], ids=["indefinite", "decaying"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("products", [4, 18])
def test_no_method_is_biased(method, values, products):
    H = with_spectrum(values)
    errors = np.array([trace(H, max_products=products, method=method, seed=seed).mean for seed in range(300)]) - sum(
        values
    )
    assert abs(errors.mean()) < 4 * errors.std() / math.sqrt(len(errors))
    assert errors.std() < 4 * math.sqrt(2 / products * (np.array(values) ** 2).sum())


def spread(method, H, exact, *, products, seeds=200):
    """Deviations and standard errors over seeds."""
    found = [trace(H, max_products=products, method=method, seed=seed, columns=64) for seed in range(seeds)]
    return np.array([each.mean - exact for each in found]), np.array([each.stderr for each in found])


def held(deviations, errors, estimates):
    return (np.abs(deviations) <= student.ppf(0.975, estimates - 1) * errors).mean()


SEEDS = 300
BINOMIAL = 3.5 * math.sqrt(0.95 * 0.05 / SEEDS)
HESSIAN = [10, 5, 3, 2, *np.random.default_rng(1).exponential(0.02, 250), *-np.linspace(0, 0.02, 250)]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "estimates"), [("hutchinson", 24), ("hutch++", 8), ("xtrace", 12)])
@pytest.mark.parametrize(
    "values", [HESSIAN, np.random.default_rng(0).normal(size=500)], ids=["outliers and a bulk", "indefinite"]
)
def test_intervals_of_95_percent_hold_that_often(method, estimates, values):
    """Random signs would see too much of a diagonal matrix; Gaussian probes do not see the eigenvectors."""
    H = with_spectrum(np.resize(values, 120)) if method != "xtrace" else Diagonal(values)
    exact = float(H.trace()) if method != "xtrace" else sum(values)
    deviations, errors = spread(method, H, exact, products=24, seeds=SEEDS)
    assert abs(held(deviations, errors, estimates) - 0.95) < BINOMIAL
    assert np.sqrt((errors**2).mean()) == pytest.approx(np.sqrt((deviations**2).mean()), rel=0.2)


@pytest.mark.slow
def test_the_error_of_xtrace_is_about_a_quarter_too_small_on_spectra_that_decay_on_and_on():
    """Its estimates share their probes: what the docstring warns of."""
    values = 0.9 ** np.arange(300)
    deviations, errors = spread("xtrace", Diagonal(values), values.sum(), products=20)
    assert 0.6 < np.sqrt((errors**2).mean() / (deviations**2).mean()) < 0.9
    assert 0.75 < held(deviations, errors, 10) < 0.93


def test_a_decaying_spectrum_needs_fewer_products_with_a_space_taken_out():
    H, exact = with_spectrum(DECAYING), DECAYING.sum()
    error = {method: np.sqrt((spread(method, H, exact, products=30, seeds=60)[0] ** 2).mean()) for method in METHODS}
    assert error["xtrace"] < error["hutch++"] < 0.5 * error["hutchinson"]
    assert error["xtrace"] < 0.25 * error["hutchinson"]


@pytest.mark.slow
def test_curvlinops_estimates_are_as_good():
    pytest.importorskip("curvlinops")
    from curvlinops import hutchinson_trace, hutchpp_trace, xtrace

    H, exact = with_spectrum(DECAYING), DECAYING.sum()
    theirs = {"hutchinson": hutchinson_trace, "hutch++": hutchpp_trace, "xtrace": xtrace}
    for method in METHODS:
        ours = spread(method, H, exact, products=18, seeds=100)[0]
        with torch.random.fork_rng():
            torch.manual_seed(0)
            others = np.array([float(theirs[method](H, 18)) for _ in range(100)]) - exact
        assert 0.7 < ours.std() / others.std() < 1.4
        assert abs(ours.mean() - others.mean()) < 4 * math.hypot(ours.std(), others.std()) / 10


# --- degenerate


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("values", [INDEFINITE, np.zeros(40), [3.0], [-2.0, 5.0]])
def test_as_many_products_as_coordinates_are_exact(method, values):
    n = len(values)
    H = with_spectrum(values)
    for products, columns in ((n, 1), (n + 7, 3), (60, 8)):
        recorded = Recorded(H)
        found = trace(recorded, max_products=products, method=method, columns=columns)
        assert found == TraceEstimate(pytest.approx(float(H.trace()), abs=1e-12), 0.0, n, "exact")
        np.testing.assert_array_equal(recorded.columns, np.eye(n))


@pytest.mark.parametrize("method", METHODS)
def test_nothing_but_zeros_has_no_trace_and_no_error(method):
    found = trace(torch.zeros(30, 30), max_products=12, method=method)
    assert found == TraceEstimate(0.0, 0.0, 12, method, {"hutchinson": 12, "hutch++": 4, "xtrace": 6}[method])
    assert found.half_width() == 0.0


@pytest.mark.parametrize("method", ["xtrace", "hutch++"])
@pytest.mark.parametrize("values", [[4.0] + [0] * 40, [3.0, -5, 2, 1] + [0] * 40])
def test_a_rank_below_the_number_of_probes_is_exact(method, values):
    found = trace(with_spectrum(values), max_products=21, method=method)
    assert found.mean == pytest.approx(sum(values), abs=1e-10) and found.stderr < 1e-10


@pytest.mark.parametrize("method", METHODS)
def test_the_least_products_have_no_standard_error(method):
    H = with_spectrum(INDEFINITE)
    found = trace(H, max_products=LEAST[method], method=method)
    assert math.isfinite(found.mean) and math.isnan(found.stderr) and found.products == LEAST[method]
    assert "± nan" in repr(found)
    if LEAST[method] > 1:
        with pytest.raises(
            ValueError, match=f"max_products={LEAST[method] - 1} are too few .* at least {LEAST[method]}"
        ):
            trace(H, max_products=LEAST[method] - 1, method=method)


# --- operators


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_masked_coordinates_do_not_count(method):
    space = ParamSpace({"a": torch.zeros(8, 5)}, exclude_rows={"a": [0, 3]})
    matrix = with_spectrum(-1 - np.arange(40.0))
    H = Masked(matrix, space)
    exact = float(matrix.diagonal()[space.mask].sum())
    found = [trace(H, max_products=12, method=method, seed=seed).mean for seed in range(200)]
    assert abs(np.mean(found) - exact) < 4 * np.std(found) / math.sqrt(200) < 0.05 * abs(exact)
    assert np.abs(H.columns[~space.mask.numpy()]).max() < 1e-15

    whole = trace(H, max_products=30, method=method)
    assert whole.mean == pytest.approx(exact) and (whole.products, whole.method) == (30, "exact")
    identity = trace(Masked(torch.eye(40).double(), space), max_products=12, method=method)
    assert identity.mean == pytest.approx(30, abs=8 if method == "hutch++" else 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["two_parts", "transformer"])
def test_a_hessian_has_the_trace_of_its_dense_matrix(name, method):
    problem = PROBLEMS[name]()
    H = HessianOperator(problem.objective())
    mask = H.objective.space.mask
    diagonal = problem.dense_hessian().diagonal()
    exact = float(diagonal.sum() if mask is None else diagonal[mask].sum())
    found = trace(H, max_products=24, method=method)
    assert found.products == H.products == 24
    assert abs(found.mean - exact) < 4 * found.stderr
    assert found.stderr < 10
    assert trace(H, max_products=200, method=method).mean == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_the_number_of_columns_changes_nothing(method):
    H = Recorded(with_spectrum(INDEFINITE))
    found = [trace(H, max_products=14, method=method, columns=columns) for columns in (3, 64)]
    assert max(call.shape[1] for call in H.calls[:3]) == 3
    H.calls.clear()
    found.append(trace(H, max_products=14, method=method, columns=1))
    assert {call.ndim for call in H.calls} == {1}
    for each in found[1:]:
        assert each.mean == pytest.approx(found[0].mean, rel=1e-11)
        assert each.stderr == pytest.approx(found[0].stderr, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_float32_agrees_with_float64(method):
    H = with_spectrum(INDEFINITE, dtype=torch.float32)
    recorded = Recorded(H)
    single = trace(recorded, max_products=14, method=method)
    assert recorded.calls[0].dtype == torch.float32
    double = trace(H.double(), max_products=14, method=method)
    assert single.mean == pytest.approx(double.mean, abs=1e-4)
    assert single.stderr == pytest.approx(double.stderr, rel=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_seeds_repeat_and_differ(method):
    H = with_spectrum(INDEFINITE)
    first, again, other = (trace(H, max_products=12, method=method, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert trace(H, max_products=12, method=method) == first


def test_progress_counts_products():
    calls = []

    def counted(products, **options):
        calls.clear()
        trace(with_spectrum(range(9)), max_products=products, progress=lambda *call: calls.append(call), **options)
        return calls

    assert counted(7, method="hutchinson", columns=3) == [(3, 7, ""), (6, 7, ""), (7, 7, "")]
    assert counted(8, columns=2) == [(n, 8, "") for n in (2, 4, 6, 8)]
    assert counted(60, columns=5) == [(5, 9, ""), (9, 9, "")]  # exact: more products than coordinates


def test_hutchpp_is_the_default_and_a_result_explains_itself():
    found = trace(with_spectrum(np.arange(100.0)))
    assert (found.method, found.products) == ("hutch++", 60)
    assert repr(TraceEstimate(12.3456789, 0.4, 60, "xtrace")) == "TraceEstimate(12.3457 ± 0.4, xtrace, 60 products)"


class Nothing:
    shape, dtype, device, active = (4, 4), torch.float64, torch.device("cpu"), 0

    def __matmul__(self, vectors):
        return 0 * vectors

    def project(self, vector):
        return 0 * vector


@pytest.mark.parametrize(
    ("H", "options", "message"),
    [
        (torch.eye(3), {"method": "hutchpp"}, "method must be one of xtrace, hutch\\+\\+, hutchinson, got 'hutchpp'"),
        (torch.eye(3), {"columns": 0}, "columns=0 must be at least 1"),
        (
            torch.eye(9),
            {"max_products": 0, "method": "hutchinson"},
            "max_products=0 are too few for hutchinson; pass at least",
        ),
        (torch.ones(3, 2), {}, r"\(3, 2\) has no eigenvalues; it must be square"),
        (torch.full((9, 9), torch.nan), {"max_products": 6}, "not finite"),
        (torch.full((3, 3), torch.inf), {}, "not finite"),
        (Nothing(), {}, "no active coordinate"),
    ],
)
def test_errors_say_what_is_wrong(H, options, message):
    with pytest.raises(ValueError, match=message):
        trace(H, **options)
