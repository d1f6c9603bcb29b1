"""Schedules by their end points, their symmetry and their monotonicity."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.training.optim.schedules import RHO_SCHEDULES, SCHEDULES, factor_at, rho_at

shares = st.floats(0, 1)


@pytest.mark.parametrize(("schedule", "end"), [("constant", 1.0), ("linear", 0.0), ("cosine", 0.0)])
def test_a_schedule_starts_at_one_and_ends_exactly(schedule, end):
    assert factor_at(schedule, 0) == 1
    assert factor_at(schedule, 1) == end


@pytest.mark.parametrize(
    ("schedule", "quarter", "half"),
    [("constant", 1, 1), ("linear", 0.75, 0.5), ("cosine", (2 + math.sqrt(2)) / 4, 0.5)],
)
def test_a_schedule_passes_these_points(schedule, quarter, half):
    assert factor_at(schedule, 0.25) == pytest.approx(quarter, rel=1e-15)
    assert factor_at(schedule, 0.5) == pytest.approx(half, rel=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(shares, shares)
def test_no_schedule_rises_or_leaves_its_range(schedule, a, b):
    assert 1 >= factor_at(schedule, min(a, b)) >= factor_at(schedule, max(a, b)) >= 0


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@given(shares)
def test_a_fall_to_zero_is_symmetric(schedule, progress):
    assert factor_at(schedule, progress) + factor_at(schedule, 1 - progress) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(shares, st.floats(0, 10), st.floats(0, 1))
def test_the_radius_follows_its_schedule_and_not_the_learning_rate(schedule, progress, rho, lr_factor):
    assert rho_at(schedule, rho, progress, lr_factor) == rho * factor_at(schedule, progress)


@given(shares, st.floats(0, 10), st.floats(0, 1))
def test_the_radius_may_follow_the_learning_rate(progress, rho, lr_factor):
    assert rho_at("lr", rho, progress, lr_factor) == rho * lr_factor


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan])
@pytest.mark.parametrize("schedule", RHO_SCHEDULES)
def test_progress_outside_its_range_is_refused(schedule, progress):
    with pytest.raises(ValueError, match=f"progress must be from 0 to 1, got {progress}"):
        rho_at(schedule, 0.5, progress, 1.0)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(
        ValueError, match="must be one of constant, linear, cosine, lr, got 'cosin'; did you mean cosine"
    ):
        rho_at("cosin", 0.5, 0.0, 1.0)
    with pytest.raises(ValueError, match="must be one of constant, linear, cosine, got 'lr'"):
        factor_at("lr", 0.0)
