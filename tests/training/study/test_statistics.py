"""Statistics of studies: against closed forms and SciPy, and by their coverage over simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from landscape.training.study.statistics import (
    _kendall_of_samples,
    hierarchical_bootstrap,
    holm,
    kendall,
    kendall_interval,
    kendall_within,
    mean_interval,
    t_test,
)

numbers = st.floats(-100, 100)


@given(st.lists(numbers, min_size=2, max_size=12, unique=True))
def test_the_t_interval_is_that_of_scipy(values):
    result, expected = mean_interval(values), stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert result.mean == pytest.approx(np.mean(values))
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))


def test_a_mean_is_honest_about_one_run_and_about_a_failed_one():
    assert mean_interval([3.0]).mean == 3.0 and math.isnan(mean_interval([3.0]).low)
    assert math.isnan(mean_interval([1.0, math.nan, 2.0]).mean)
    with pytest.raises(ValueError, match="at least one run"):
        mean_interval([])


@given(st.lists(numbers, min_size=2, max_size=9, unique=True), numbers)
def test_both_sides_of_a_test_add_up_to_one(values, null):
    assert t_test(values, null) + t_test(values, null, alternative="less") == pytest.approx(1)


def test_a_test_without_spread_or_without_runs():
    assert t_test([0.2, 0.2]) == 0 and t_test([0.2, 0.2], alternative="less") == 1
    assert math.isnan(t_test([0.2])) and math.isnan(t_test([0.2, math.inf]))


def test_holm_by_hand_and_its_order():
    assert holm([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    missing = holm([math.nan, 0.04, 0.01])
    assert math.isnan(missing[0]) and missing[1:] == pytest.approx([0.04, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_holm_is_at_most_bonferroni_and_does_not_depend_on_the_order(p_values, random):
    adjusted = holm(p_values)
    order = list(range(len(p_values)))
    random.shuffle(order)
    assert holm([p_values[i] for i in order]) == pytest.approx([adjusted[i] for i in order])
    assert all(p - 1e-12 <= q <= min(1, len(p_values) * p) + 1e-12 for p, q in zip(p_values, adjusted, strict=True))


@pytest.mark.slow
def test_holm_keeps_the_family_wise_error_over_simulated_studies():
    generator = np.random.default_rng(0)
    rejected = 0
    for _ in range(2000):  # four data sets, five seeds each, no effect anywhere
        rejected += min(holm([t_test(generator.normal(size=5)) for _ in range(4)])) < 0.05
    assert rejected / 2000 == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 2000))


def test_the_t_interval_covers_the_truth_over_simulated_studies():
    generator = np.random.default_rng(1)
    inside = [_covers(generator) for _ in range(2000)]
    assert np.mean(inside) == pytest.approx(0.95, abs=3 * math.sqrt(0.05 * 0.95 / 2000))


def _covers(generator):
    interval = mean_interval(generator.normal(0.3, 2.0, 4))
    return interval.low <= 0.3 <= interval.high


def test_the_bootstrap_sees_the_spread_over_seeds_and_that_over_users():
    generator = np.random.default_rng(2)
    seeds_differ = [np.full(50, mean) for mean in (0.0, 1.0, 2.0, 3.0)]
    users_differ = [generator.normal(1.5, 1.0, 50) for _ in range(4)]
    over_seeds = hierarchical_bootstrap(seeds_differ, generator=generator)
    over_users = hierarchical_bootstrap(users_differ, generator=generator)
    assert over_seeds.mean == 1.5
    # The bootstrap's standard error of a mean of n values is their standard deviation (ddof 0) over √n.
    assert over_seeds.half_width == pytest.approx(1.96 * np.std([0, 1, 2, 3]) / 2, rel=0.15)
    between, within = np.var([each.mean() for each in users_differ]), np.mean([each.var() for each in users_differ])
    assert over_users.half_width == pytest.approx(1.96 * math.sqrt(between / 4 + within / 200), rel=0.15)


def test_the_bootstrap_has_no_interval_of_one_seed():
    single = hierarchical_bootstrap([[1.0, 3.0]], generator=np.random.default_rng(0))
    assert single.mean == 2.0 and math.isnan(single.low)
    for nothing in ([], [[1.0], []]):
        with pytest.raises(ValueError, match="at least one seed"):
            hierarchical_bootstrap(nothing, generator=np.random.default_rng(0))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=10))
def test_kendalls_tau_by_counting_pairs(points):
    x, y = np.array(points, dtype=float).T
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i in range(len(x)) for j in range(i)]
    concordance = sum(a * b for a, b in signs)
    untied = sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)
    expected = concordance / math.sqrt(untied) if untied else math.nan
    assert kendall(x, y) == pytest.approx(expected, nan_ok=True)


@pytest.mark.slow
def test_tau_within_groups_is_blind_to_what_differs_between_them():
    x = [1, 2, 3, 11, 12, 13]
    y = [13, 12, 11, 23, 22, 21]  # falls within each group, rises between them
    assert kendall(x, y) > 0
    assert kendall_within(x, y, ["a"] * 3 + ["b"] * 3) == pytest.approx(-1)
    interval = kendall_interval(x, y, ["a"] * 3 + ["b"] * 3, generator=np.random.default_rng(0))
    assert (interval.mean, interval.low, interval.high) == pytest.approx((-1, -1, -1))


@pytest.mark.slow
def test_the_interval_of_tau_covers_the_truth_over_simulated_studies():
    generator = np.random.default_rng(3)
    truth = 2 / math.pi * math.asin(0.5)  # of a bivariate normal with correlation ½
    covered = 0
    for _ in range(60):
        x = generator.normal(size=40)
        y = 0.5 * x + math.sqrt(0.75) * generator.normal(size=40)
        interval = kendall_interval(x, y, generator=generator, draws=100)
        covered += interval.low <= truth <= interval.high
    assert covered / 60 > 0.85


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=7))
def test_kendalls_tau_of_a_bootstrap_sample_is_that_of_the_repeated_runs(rows):
    x, y, counts = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    repeated = np.repeat(np.arange(len(rows)), counts.astype(int))
    expected = stats.kendalltau(x[repeated], y[repeated]).statistic if len(repeated) > 1 else math.nan
    (tau,) = _kendall_of_samples(x, y, counts[None])
    assert tau == pytest.approx(expected, nan_ok=True)
