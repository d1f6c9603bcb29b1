"""A part of the data grows until the error is small enough: by as much as it takes, and no further than to all."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.objectives.growing import LEAST, MOST, NEARLY_ALL, SamplingError, grow


def of_mean(total, stderr=1.0, bias=0.0):
    """The errors of a mean of n out of ``total``, with a finite-population correction; for all, as for further data."""

    def measure(n):
        rest = 1 / n - 1 / total
        return {"mean": SamplingError(stderr * math.sqrt(rest if n < total else 1 / n), bias * rest)}

    return measure


@given(
    total=st.integers(2, 10**7),
    first=st.integers(1, 1000),
    precision=st.floats(1e-4, 1),
    stderr=st.floats(0, 10),
    bias=st.floats(-100, 100),
)
def test_the_first_size_that_suffices_is_taken_and_every_step_grows(total, first, precision, stderr, bias):
    measure = of_mean(total, stderr, bias)
    sample = grow(measure, total, precision, first=first)
    sizes = sample.sizes.tolist()
    assert sizes[0] == min(first, total)
    for earlier, later in pairwise(sizes):
        assert math.hypot(*measure(earlier)["mean"]) > precision  # it was not enough
        assert LEAST * earlier <= later <= max(MOST * earlier + 1, total) or later == total
    assert sample.size == total or math.hypot(*measure(sample.size)["mean"]) <= precision
    assert sample.reached == (math.hypot(*measure(sample.size)["mean"]) <= precision)


@pytest.mark.parametrize(("stderr", "bias"), [(1.0, 0.0), (0.0, 3.0), (1.0, 3.0)])
def test_what_is_predicted_from_two_kinds_of_error_needs_few_steps_and_not_much_more_than_necessary(stderr, bias):
    total, precision = 10**6, 0.01
    measure = of_mean(total, stderr, bias)
    sample = grow(measure, total, precision, first=1000)
    needed = next(n for n in range(1000, total, 10) if math.hypot(*measure(n)["mean"]) <= precision)
    assert len(sample.sizes) <= 5
    assert needed <= sample.size <= 1.3 * needed


def test_an_error_that_is_not_known_or_not_finite_is_not_small():
    for bad in (math.nan, math.inf):
        sample = grow(lambda n, bad=bad: {"a": SamplingError(0.0), "b": SamplingError(bad)}, 5000, 0.01, first=10)
        assert sample.size == 5000
        assert not sample.reached
        assert "NOT reached" in repr(sample)


def test_the_worst_quantity_decides():
    both = {"easy": of_mean(10**6, 0.1)(100)["mean"]}
    sample = grow(lambda n: both | {"hard": SamplingError(n**-0.5)}, 10**6, 0.05, first=100)
    assert sample.size >= 400
    assert sample.quantities == ("easy", "hard")
    np.testing.assert_allclose(sample.errors[:, 1], sample.sizes**-0.5)


def test_close_to_all_of_the_data_all_are_taken_and_that_is_said():
    sample = grow(of_mean(1000, stderr=1.0), 1000, 0.005, first=200)
    assert sample.sizes.tolist() == [200, 1000]
    assert not sample.reached
    assert sample.errors[-1, 0] == pytest.approx(1000**-0.5)  # as an estimate for further data
    assert NEARLY_ALL < 1


def test_few_data_are_all_taken_at_once():
    for stderr, reached in ((1.0, True), (10.0, False)):
        sample = grow(of_mean(100, stderr), 100, 0.1, first=400)
        assert (sample.sizes.tolist(), sample.reached) == ([100], reached)
        assert ("NOT reached, as estimates for further users" in repr(sample)) is not reached
        assert "all 100 users" in repr(sample)


@pytest.mark.parametrize("precision", [0, -0.01, math.nan, math.inf])
def test_a_precision_that_is_none_is_refused(precision):
    with pytest.raises(ValueError, match="must be a positive number"):
        grow(of_mean(10), 10, precision, first=2)


def test_the_coverage_of_a_mean_with_optional_stopping():
    """Stopping at a small estimated error makes intervals too short, by less than this bound."""
    generator, total, groups = np.random.default_rng(0), 20_000, 20
    values = generator.exponential(size=total)
    covered = []
    for _ in range(400):
        order = generator.permutation(values)

        def measure(n, order=order):
            means = np.array([part.mean() for part in np.array_split(order[:n], groups)])
            stderr = means.std(ddof=1) / math.sqrt(groups) * math.sqrt(1 - n / total)
            return {"mean": SamplingError(stderr / order[:n].mean())}

        sample = grow(measure, total, 0.03, first=200)
        part = order[: sample.size].mean()
        assert sample.reached
        covered.append(abs(part - values.mean()) <= 2.093 * sample.errors[-1, 0] * part)  # t with 19 degrees of freedom
    assert 0.90 <= np.mean(covered) <= 0.98
