"""Intervals of estimates hold as often as they say, also from few probes; results that are numbers act as numbers."""

import numpy as np
import pytest
import torch
from scipy import stats

from landscape import Barrier, Spectrum, TraceEstimate, trace
from landscape.results.numerics.estimates import student_half_width

REPEATS = 2000
WITHIN = 4 * np.sqrt(0.95 * 0.05 / REPEATS)  # four standard errors of a share


def spectra(probes, count):
    """Spectra whose probes have one node each, normal around 2: their trace is exactly normal around 20."""
    draws = np.random.default_rng(0).normal(2.0, 1.0, (count, probes, 1))
    seeds = np.stack([np.zeros(probes, int), np.arange(probes)], 1)
    return [Spectrum(values, np.ones((probes, 1)), 10, seeds, 0.0) for values in draws]


@pytest.mark.parametrize("samples", [2, 3, 10, 500])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_half_width_is_student_s_quantile(samples, level):
    low, high = stats.t.interval(level, samples - 1, loc=1.0, scale=0.3)
    assert student_half_width(0.3, samples, level) == pytest.approx((high - low) / 2)
    np.testing.assert_allclose(student_half_width(np.array([0.3, 0.0]), samples, level), [(high - low) / 2, 0.0])


def test_two_samples_have_the_closed_form():
    """With one degree of freedom t is Cauchy's distribution, whose quantiles are tangents."""
    assert student_half_width(1.0, 2, 0.95) == pytest.approx(np.tan(np.pi * 0.475))


def test_the_spread_of_one_sample_is_unknown_and_a_level_is_a_share():
    assert np.isnan(student_half_width(0.3, 1)) and np.isnan(student_half_width(np.ones(2), 0)).all()
    for level in (0.0, 1.0, 95, np.nan):
        with pytest.raises(ValueError, match="must lie between 0 and 1; 0.95 is"):
            student_half_width(0.3, 3, level)


@pytest.mark.parametrize("probes", [2, 3])
def test_intervals_of_a_spectrum_from_few_probes_hold_as_often_as_they_say(probes):
    every = [(one.trace(), one) for one in spectra(probes, REPEATS)]
    held = np.mean([abs(mean - 20) <= one.half_width(stderr) for (mean, stderr), one in every])
    assert held == pytest.approx(0.95, abs=WITHIN)
    normal = np.mean([abs(mean - 20) <= 1.96 * stderr for (mean, stderr), _ in every])
    assert normal < 0.9  # what Student's t is for


@pytest.mark.parametrize(("method", "products"), [("hutchinson", 3), ("hutch++", 9), ("xtrace", 6)])
def test_intervals_of_a_trace_from_three_estimates_hold(method, products):
    """Of a flat spectrum, whose estimates are nearly normal: no few eigenvalues outweigh the others."""
    n, repeats = 60, 300
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64)).Q
    values = torch.linspace(0.5, 1.5, n, dtype=torch.float64)
    H = basis @ torch.diag(values) @ basis.T
    found = [trace(H, max_products=products, method=method, seed=seed) for seed in range(repeats)]
    assert {one.samples for one in found} == {3}
    held = np.mean([abs(one.mean - float(values.sum())) <= one.half_width() for one in found])
    assert held == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / repeats))


def test_what_is_exact_has_an_interval_of_no_width_and_what_was_not_counted_none():
    assert trace(torch.eye(3), max_products=3).half_width() == 0.0
    assert np.isnan(TraceEstimate(1.0, 0.5, 30, "hutch++").half_width())


def test_the_table_of_a_spectrum_has_the_interval_of_its_trace():
    spectrum = spectra(3, 1)[0]
    mean, stderr = spectrum.trace()
    half = stats.t.ppf(0.975, 2) * stderr
    name, value, interval = spectrum.table().rows[0]
    assert (name, value, interval) == ("trace", (mean, stderr), f"{mean - half:.4g} to {mean + half:.4g}")
    assert spectrum.first(1).table().rows[0][-1] == ""


@pytest.mark.parametrize(
    ("result", "number"), [(TraceEstimate(12.3456, 0.5, 30, "hutch++"), 12.3456), (Barrier(0.25, 0.5, 0.1, 0.0), 0.25)]
)
def test_results_that_are_numbers_are_numbers(result, number):
    assert float(result) == number
    assert f"{result:.2f}" == f"{number:.2f}" and f"{result:8.3g}|" == f"{number:8.3g}|"
    assert f"{result}" == str(result) == repr(result)
    with pytest.raises(ValueError, match="format code"):
        format(result, "d")
