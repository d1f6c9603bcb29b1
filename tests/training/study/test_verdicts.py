"""Verdicts: by hand where the numbers are plain, and how often they are wrong over many simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscape.training.study.verdicts import (
    Verdict,
    overall,
    verdicts_on_effects,
    verdicts_on_equivalence,
)

SETS = ("Beauty", "Sports", "Toys", "Yelp")
NOISE = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])  # t interval of its mean: ± 0.98


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [
        (10.0, Verdict.SUPPORTED),
        (100.0, Verdict.SUPPORTED),  # more than is claimed
        (4.5, Verdict.SUPPORTED),  # reaches half of 10 and lies above 0
        (0.9, Verdict.CONTRADICTED),
        (-3.0, Verdict.CONTRADICTED),
        (3.0, Verdict.CONTRADICTED),  # above 0, but less than half of what is claimed
    ],
)
def test_an_effect_of_ten(mean, verdict):
    (finding,) = verdicts_on_effects({"Beauty": mean + NOISE}, {"Beauty": 10.0}).values()
    assert finding.verdict is verdict
    assert finding.difference.mean == pytest.approx(mean)


def test_a_wide_interval_decides_nothing_and_one_seed_tests_nothing():
    wide = verdicts_on_effects({"Beauty": 5 + 20 * NOISE, "Toys": np.array([5.0])}, {"Beauty": 10.0, "Toys": 10.0})
    assert [finding.verdict for finding in wide.values()] == [Verdict.UNDECIDED, Verdict.NOT_TESTED]
    failed = verdicts_on_effects({"Beauty": np.array([1.0, math.nan, 1.0])}, {"Beauty": 1.0})
    assert failed["Beauty"].verdict is Verdict.NOT_TESTED


def test_several_data_sets_are_corrected_together():
    values = 1.1 + NOISE  # p = 0.018 for d > 0: enough alone, not as one of four
    alone = verdicts_on_effects({"Beauty": values}, {"Beauty": 2.0})
    together = verdicts_on_effects(dict.fromkeys(SETS, values), dict.fromkeys(SETS, 2.0))
    assert alone["Beauty"].verdict is Verdict.SUPPORTED
    assert together["Beauty"].p_above_zero == pytest.approx(4 * alone["Beauty"].p_above_zero)
    assert {finding.verdict for finding in together.values()} == {Verdict.UNDECIDED}


@pytest.mark.parametrize(
    ("mean", "margin", "verdict"),
    [(0.0, 3.0, Verdict.SUPPORTED), (5.0, 3.0, Verdict.CONTRADICTED), (-5.0, 3.0, Verdict.CONTRADICTED),
     (2.5, 3.0, Verdict.UNDECIDED), (0.0, 0.5, Verdict.UNDECIDED)],
)  # fmt: skip
def test_equivalence(mean, margin, verdict):
    (finding,) = verdicts_on_equivalence({"Beauty": mean + NOISE}, {"Beauty": margin}).values()
    assert finding.verdict is verdict


def test_the_overall_verdict_is_that_of_all_data_sets():
    effect = {"a": 10.0, "b": 10.0}
    agree = verdicts_on_effects({"a": 10 + NOISE, "b": 12 + NOISE}, effect)
    differ = verdicts_on_effects({"a": 10 + NOISE, "b": -12 + NOISE}, effect)
    none = verdicts_on_effects({"a": np.array([1.0])}, effect)
    assert [overall(each) for each in (agree, differ, none)] == [
        Verdict.SUPPORTED,
        Verdict.UNDECIDED,
        Verdict.NOT_TESTED,
    ]


@pytest.mark.parametrize("effect", [0.0, -1.0, math.nan, math.inf])
def test_an_effect_that_is_not_positive_is_refused(effect):
    with pytest.raises(ValueError, match="effect on Beauty must be a positive number"):
        verdicts_on_effects({"Beauty": NOISE}, {"Beauty": effect})
    with pytest.raises(ValueError, match="margin on Beauty must be a positive number"):
        verdicts_on_equivalence({"Beauty": NOISE}, {"Beauty": effect})


@pytest.mark.slow
def test_wrong_verdicts_are_rare_over_simulated_studies():
    """Four data sets, five seeds: no effect is called supported, and a true effect contradicted, in at most 2.5 %."""
    generator = np.random.default_rng(0)
    supported = contradicted = 0
    for _ in range(400):
        nothing = {name: generator.normal(0.0, 1.0, 5) for name in SETS}
        claimed = {name: generator.normal(2.0, 1.0, 5) for name in SETS}
        effects = dict.fromkeys(SETS, 2.0)
        supported += any(each.verdict is Verdict.SUPPORTED for each in verdicts_on_effects(nothing, effects).values())
        contradicted += any(
            each.verdict is Verdict.CONTRADICTED for each in verdicts_on_effects(claimed, effects).values()
        )
    assert supported / 400 <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 400)
    assert contradicted / 400 <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / 400)
