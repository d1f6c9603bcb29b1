"""The first lines of a page: never more than the intervals allow."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.figures import captions
from landscape.figures.captions.answer import Measured, answer, clearly_largest, compared
from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.plotdata.surfaces.comparison import offsets_dominate
from landscape.results import RadialProfile
from tests.support.drawable import between, bowl, curvature, evaluated, full_curvature, marked, profile

OBJECTIVE = {"loss": "recommendation", "split": "train", "users": 500, "seed": 0, "blocks": None, "train_mode": False}
RADII = np.linspace(0, 1, 3)


def rising(*rises: float) -> RadialProfile:
    """Planes whose losses rise by so much within r = 1."""
    return RadialProfile(RADII, 0.25 + np.asarray(rises)[:, None] * RADII)


def entry(name: str, rises: tuple[float, ...] = (), top: float | None = None, residual: float = 1e-4, **changes):
    surface = evaluated(points=(5, 5))
    metadata = {**surface.metadata, "objective": {**OBJECTIVE, **changes}, "checkpoint": {"epoch": 12}}
    surface = replace(surface, metadata=metadata, radial_profile=rising(*rises) if rises else None)
    if top is None:
        return ModelEntry(name, surface)
    pairs = replace(
        curvature().pairs,
        values=np.array([top, 0.01, 0.001]),
        residuals=np.full(3, residual),
        converged=np.ones(3, bool),
    )
    return ModelEntry(name, surface, replace(curvature(), pairs=pairs, metadata=metadata))


def said(*models: ModelEntry) -> str:
    return answer(models, model_styles(models))


def test_a_difference_is_claimed_where_intervals_are_disjoint():
    steep, flat = entry("SASRec", (0.30, 0.31, 0.32), 0.177), entry("SAMRec", (0.10, 0.11, 0.12), 0.203)
    sentence = said(steep, flat)
    assert sentence.startswith("In random planes the loss of SASRec rises more within r = 1: 0.31 ± 0.025 against 0.11")
    assert sentence.endswith("; SAMRec has the larger λₘₐₓ on this data: 0.203 against 0.177.")


def test_no_difference_is_claimed_where_intervals_overlap():
    wide, other = entry("A", (0.1, 0.5, 0.3), 0.203, 0.02), entry("B", (0.1, 0.2, 0.15), 0.19, 0.02)
    assert said(wide, other) == (
        "In random planes neither model has the larger rise of the loss within r = 1, beyond the intervals; "
        "neither model has the larger λₘₐₓ, beyond the residuals."
    )
    assert "A" not in said(wide, other)


def test_what_the_numbers_show_comes_before_what_they_leave_open():
    sentence = said(entry("a", (), 0.2), entry("b", (), 0.1))
    assert sentence.startswith("a has the larger λₘₐₓ on this data: 0.2 against 0.1; one plane of each model has no")


def test_of_several_models_one_must_be_above_all_others():
    three = entry("A", (0.3, 0.31), 0.3), entry("B", (0.1, 0.11), 0.2), entry("C", (0.05, 0.06), 0.1)
    assert "the loss of A rises most within r = 1" in said(*three)
    assert said(*three).endswith("A has the largest λₘₐₓ on this data: 0.3 against 0.2 (B).")
    tied = entry("A", (), 0.3, 0.06), entry("B", (), 0.2, 0.06), entry("C", (), 0.1)
    assert "no single model has the largest λₘₐₓ, beyond the residuals" in said(*tied).lower().replace("λₘₐₓ", "λₘₐₓ")


def test_missing_or_unfinished_numbers_are_not_compared():
    whole, without = entry("A", (0.3, 0.31), 0.3), entry("B")
    assert said(whole, without) == (
        "Not all models were measured in several planes to one distance, so their rises do not compare; "
        "λₘₐₓ was not computed for B."
    )
    unfinished = entry("B", (0.1, 0.11), 0.1)
    pairs = replace(unfinished.curvature.pairs, converged=np.zeros(3, bool))
    unfinished = replace(unfinished, curvature=replace(unfinished.curvature, pairs=pairs))
    assert said(whole, unfinished).endswith("; λₘₐₓ has not converged for B.")
    assert "one plane of each model" in said(entry("A", (0.3,)), entry("B", (0.1,))).lower()


def test_models_that_differ_in_their_conditions_get_no_ranking():
    sentence = said(entry("A", (0.3, 0.31), 0.3), entry("B", (0.1, 0.11), 0.1, users=20))
    assert sentence.startswith("These models differ in more than their parameters")
    assert "rises" not in sentence


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_ranks_nothing(value):
    a, b = Measured("a", 1.0, 0.1), Measured("b", 0.1, 0.1)
    assert clearly_largest([a, b]) is a
    assert clearly_largest([a, replace(b, error=value)]) is None
    assert clearly_largest([replace(a, value=value), b]) is None
    assert clearly_largest([a]) is None


def test_close_values_have_the_digits_that_tell_them_apart():
    assert said(entry("A", (), 0.20341, 1e-6), entry("B", (), 0.20338, 1e-6)).startswith(
        "A has the larger λₘₐₓ on this data: 0.20341 against 0.20338"
    )


def test_a_model_alone_is_told_by_its_own_numbers():
    sentence = said(ModelEntry("x", replace(marked(), radial_profile=profile()), curvature()))
    assert sentence.startswith("In the plane shown the loss lies between 0.2")
    assert "In random planes it rises by" in sentence
    assert "λₘₐₓ is 0.379 ± 0.0002." in sentence and "not at a minimum of this loss" in sentence
    assert "minimum" not in said(ModelEntry("x", None, curvature(indefinite=False)))
    assert said(ModelEntry("x", between())).startswith("Along the line shown")
    assert said(ModelEntry("x")) == ""
    assert said(ModelEntry("x", evaluated(lambda a, b: a * np.nan))) == ""


def test_one_line_says_what_is_compared():
    assert (
        compared([entry("A"), entry("B")]) == "Beauty · recommendation loss · training targets · 500 users · epoch 12"
    )
    assert (
        compared([entry("A"), entry("B", users=None)]) == "Beauty · recommendation loss · training targets · epoch 12"
    )
    assert compared([ModelEntry("x", evaluated())]) == "Beauty"
    assert compared([ModelEntry("x")]) == ""
    for text in (compared([entry("A")]), compared([ModelEntry("x", None, full_curvature())])):
        assert "ab41" not in text  # no hash


def test_offsets_dominate_where_levels_differ_by_more_than_any_surface_rises():
    rise = float(np.ptp(evaluated().loss))
    near, far = (evaluated(lambda a, b, by=by: bowl(a, b) + by * rise) for by in (0.9, 1.1))
    assert offsets_dominate([evaluated(), far, None])
    assert not offsets_dominate([evaluated(), near])
    assert not offsets_dominate([far]) and not offsets_dominate([None, None])


def test_how_to_read_a_page_stays_short():
    both = [ModelEntry(name, evaluated(), full_curvature()) for name in "ab"]
    words = " ".join([*captions.reading(both, None), *captions.limits(both)]).split()
    assert len(words) < 290
