"""Verdicts on claims, by rules that are fixed before the runs.

A claim states an effect: how much a measure differs between two systems on each of several data sets. With d the mean
paired difference over seeds and e the claimed effect, on each data set the claim is

- *supported* where the interval of d lies above 0 and reaches e / 2,
- *contradicted* where the interval lies below e / 2,
- *undecided* otherwise.

The intervals of one claim's data sets are corrected together by Holm's method, on the p-values of the two tests d > 0
and d < e / 2. An equivalence (no difference claimed) is supported where the interval lies within ± the margin,
contradicted where it lies outside, undecided otherwise. A claimed ratio is a difference of logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from landscape.results.study.records import Estimate
from landscape.training.study.statistics import LEVEL, Floats, holm, mean_interval, t_test

TAIL = (1 - LEVEL) / 2  # of a two-sided interval, on each side


class Verdict(StrEnum):
    """What the runs say of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    NOT_TESTED = "not tested"  # fewer than two pairs of runs


@dataclass(frozen=True)
class Finding:
    """A claim on one data set."""

    verdict: Verdict
    difference: Estimate
    effect: float  # claimed; 0 for an equivalence
    p_above_zero: float  # adjusted, of the test d > 0; of the test |d| < margin for an equivalence
    p_below_half: float  # adjusted, of the test d < effect / 2; of the test |d| > margin for an equivalence


def verdicts_on_effects(differences: Mapping[str, Floats], effects: Mapping[str, float]) -> dict[str, Finding]:
    """Judge a claimed effect on several data sets.

    Args:
        differences: For each data set, (n,) paired differences by seed.
        effects: For each data set, the claimed difference; above 0.

    Raises:
        ValueError: A claimed effect is not a positive number, or a data set has none.
    """
    for name in differences:
        if not 0 < effects.get(name, math.nan) < math.inf:
            raise ValueError(f"the claimed effect on {name} must be a positive number, got {effects.get(name)}")
    above = _adjusted({name: t_test(values) for name, values in differences.items()})
    below = _adjusted(
        {name: t_test(values, effects[name] / 2, alternative="less") for name, values in differences.items()}
    )
    return {
        name: Finding(
            _verdict(
                supported=above[name] <= TAIL and below[name] > TAIL, contradicted=below[name] <= TAIL, values=values
            ),
            _interval(values),
            effects[name],
            above[name],
            below[name],
        )
        for name, values in differences.items()
    }


def verdicts_on_equivalence(differences: Mapping[str, Floats], margins: Mapping[str, float]) -> dict[str, Finding]:
    """Judge a claim that two systems do equally well, within a margin, on several data sets.

    Two one-sided tests (Schuirmann 1987) at 5 % show equivalence; a two-sided test at 5 % beyond the margin shows the
    opposite.
    """
    for name in differences:
        if not 0 < margins.get(name, math.nan) < math.inf:
            raise ValueError(f"the margin on {name} must be a positive number, got {margins.get(name)}")
    inside = _adjusted(
        {
            name: max(t_test(values, -margins[name]), t_test(values, margins[name], alternative="less"))
            for name, values in differences.items()
        }
    )
    outside = _adjusted(
        {
            name: min(t_test(values, margins[name]), t_test(values, -margins[name], alternative="less"))
            for name, values in differences.items()
        }
    )
    return {
        name: Finding(
            _verdict(supported=inside[name] <= 2 * TAIL, contradicted=outside[name] <= TAIL, values=values),
            _interval(values),
            0.0,
            inside[name],
            outside[name],
        )
        for name, values in differences.items()
    }


def verdicts_on_signs(differences: Mapping[str, Floats]) -> dict[str, Finding]:
    """Judge a claim that a difference is above 0, without a size: supported above 0, contradicted below it."""
    above = _adjusted({name: t_test(values) for name, values in differences.items()})
    below = _adjusted({name: t_test(values, alternative="less") for name, values in differences.items()})
    return {
        name: Finding(
            _verdict(supported=above[name] <= TAIL, contradicted=below[name] <= TAIL, values=values),
            _interval(values),
            0.0,
            above[name],
            below[name],
        )
        for name, values in differences.items()
    }


def overall(findings: Mapping[str, Finding]) -> Verdict:
    """Return one verdict for a claim: that of all data sets where they agree, undecided where they do not."""
    tested = {finding.verdict for finding in findings.values()} - {Verdict.NOT_TESTED}
    if not tested:
        return Verdict.NOT_TESTED
    return tested.pop() if len(tested) == 1 else Verdict.UNDECIDED


def _adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _interval(values: Floats) -> Estimate:
    return mean_interval(values) if len(values) else Estimate(math.nan, math.nan, math.nan, 0)


def _verdict(*, supported: bool, contradicted: bool, values: Floats) -> Verdict:
    if len(values) < 2 or not np.isfinite(values).all():
        return Verdict.NOT_TESTED
    if supported:
        return Verdict.SUPPORTED
    return Verdict.CONTRADICTED if contradicted else Verdict.UNDECIDED
