"""Results in plain captions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.figures import captions
from landscape.figures.captions import curvature_warnings, surface_error, surface_facts, surface_warnings
from landscape.figures.captions.numbers import number_rows
from landscape.figures.entries import ModelEntry
from landscape.results import InterpolationError, Surface, TraceEstimate
from tests.support.drawable import (
    between,
    checks,
    curvature,
    evaluated,
    full_curvature,
    interpolated,
    marked,
    profile,
    quadratic,
    sharpness,
    spectrum,
)


def test_a_minimum_gets_no_warnings():
    assert curvature_warnings(curvature(indefinite=False)) == []
    assert len(curvature_warnings(curvature())) == 3


def test_words_for_a_surface():
    assert "off by at most 0.0019, which is 0.081 % of the range" in surface_error(interpolated())
    assert "within 0.33 % of the loss there" in surface_error(interpolated())
    assert surface_error(evaluated()).startswith("Every point drawn was evaluated; nothing was interpolated.")
    assert surface_warnings(evaluated()) == []
    (holes,) = surface_warnings(evaluated(spoil=True))
    assert holes == "8 of 99 grid points have no finite loss and are left blank. Crosses mark them on the map."
    (nothing,) = surface_warnings(evaluated(lambda a, b: a * np.nan))
    assert nothing == "No point has a finite loss: there is nothing to draw."
    (flat,) = surface_warnings(evaluated(lambda a, b: 0 * a + 0.7))
    assert flat == "All points have the same loss, 0.7: along these directions it does not change."
    (below,) = surface_warnings(evaluated(lambda a, b: a))
    assert below.startswith("At 54 points the loss is not above zero")


def test_a_fit_below_zero_within_its_error_is_told_from_a_loss_below_zero():
    whole = interpolated()
    nodes = whole.node_loss - whole.node_loss.min() + 1e-6  # the loss itself is above zero
    for lowest, words in ((-whole.error.absolute, "the interpolated loss is not above zero, within its error: the log"),
                          (-2 * whole.error.absolute, "the loss is not above zero: the log")):  # fmt: skip
        fitted = replace(whole, loss=whole.loss - whole.loss.min() + lowest, node_loss=nodes)
        (below,) = surface_warnings(fitted)
        assert words in below
    (below,) = surface_warnings(replace(whole, loss=whole.loss - whole.loss.min() - 1e-9, node_loss=nodes - 1))
    assert "points the loss is not above zero" in below or "point the loss is not above zero" in below


def test_an_error_that_was_not_measured_is_called_unknown():
    whole = interpolated()
    nan = float("nan")
    unmeasured = Surface(
        whole.alphas, whole.betas, whole.loss, whole.evaluated, {}, {}, InterpolationError(nan, nan, nan, 0)
    )  # fmt: skip
    assert "was not measured" in surface_error(unmeasured)
    facts = {fact.label: fact.value for fact in surface_facts(unmeasured)}
    assert facts["Error"] == "unknown"
    assert facts["Loss at the centre"] == "unknown"


def facts(rows):
    return {fact.label: (fact.value, fact.note) for fact in rows}


def test_blocks_that_did_not_converge_are_named():
    warning = curvature_warnings(replace(curvature(), blocks=full_curvature().blocks))[-1]
    assert warning.startswith("Not converged: λ₃, blocks.0.attention, blocks.0.<b>feed</b>.forward.and.norms.")


@pytest.mark.parametrize("operator", ["gauss-newton", "fisher"])
def test_another_matrix_is_not_called_a_hessian(operator):
    other = replace(curvature(), operator=operator)
    first, *rest = curvature_warnings(other)
    assert "which has no negative ones" in first
    assert len(rest) == 1  # what did not converge; nothing of a minimum, which this matrix knows nothing of
    assert "Hessian products" in facts(captions.curvature_facts(curvature()))
    assert "Hessian products" not in facts(captions.curvature_facts(other))


def test_trace_tells_how_well_it_is_known():
    def trace(stderr):
        result = replace(curvature(), trace=TraceEstimate(91.4, stderr, 60, "hutch++"))
        return facts(captions.curvature_facts(result))["Trace"]

    assert trace(2.3) == ("91.4 ± 2.3", "± one standard error; Hutch++, 60 products")
    assert trace(math.nan) == ("91.4", "one probe, error unknown; Hutch++, 60 products")
    assert trace(0.0) == ("91.4", "exact except for rounding; Hutch++, 60 products")


def test_a_row_promises_an_error_only_where_it_has_one():
    def notes(model):
        return {row.label: row.note for row in number_rows([model])}

    with_errors = notes(ModelEntry("x", replace(marked(), metadata={"loss_stderr": 0.002}), full_curvature()))
    assert with_errors["Loss at the centre"].startswith("±") and with_errors["Rise at r = 1"].startswith("±")
    one_plane = replace(evaluated(), radial_profile=profile(repeats=1))
    trace = TraceEstimate(91.4, math.nan, 1, "hutchinson")
    without = notes(ModelEntry("x", one_plane, replace(curvature(), trace=trace)))
    assert without["Loss at the centre"] == "its standard error is unknown"
    assert without["Rise at r = 1"] == "one plane: no interval"
    assert without["Trace"] == "without a standard error"


def test_share_below_zero_has_an_error_and_bounds():
    result = spectrum()
    (share, error), (low, high) = result.share_below(), result.share_bounds()
    value, note = facts(captions.curvature_facts(replace(curvature(), spectrum=result)))["Below zero"]
    assert value == f"{100 * share:.2g} % ({100 * low:.2g} to {100 * high:.2g} %)"
    known = f"in brackets the bounds for these probes; standard error over probes {100 * error:.2g} %"
    assert note == f"of 775,000 eigenvalues; {known}"
    one = replace(curvature(), spectrum=spectrum(probes=1))
    assert "standard error" not in facts(captions.curvature_facts(one))["Below zero"][1]
    assert "the error is unknown" in captions.density_caption(spectrum(probes=1))


def test_reach_of_the_quadratic_model():
    def reach(radii):
        radii = np.array(radii)
        model = replace(quadratic(), radii=radii, distances=10 * radii, extents=np.full(len(radii), 1.5))
        return facts(surface_facts(replace(evaluated(), quadratic=model)))["Quadratic model holds to"][0]

    assert reach([0.3, 0.2, np.inf]) == "distance 2"
    assert reach([np.nan, 0.2, np.inf]) == "distance 2"
    assert reach([np.inf, np.inf]) == "at least r = 1.5"
    assert reach([np.nan, np.nan]) == "unknown"


def test_vectors_that_say_little_are_named():
    assert "The shares of λ₃ are not determined" in captions.localization_caption(full_curvature().localization[0])
    known = replace(full_curvature().localization[0], errors=np.array([0.01, 0.02, 0.03]))
    assert "not determined" not in captions.localization_caption(known)
    assert "not determined" in captions.localization_caption(replace(known, errors=np.array([0.01, 0.02, np.nan])))


def test_an_ascent_that_had_not_ended_is_named():
    assert "The last step still gained for: ascent." in captions.sharpness_caption(sharpness())
    ended = replace(sharpness(), last_gain=np.zeros((3, 4)))
    assert "still gained" not in captions.sharpness_caption(ended)


def test_rise_with_the_distance():
    result = profile()
    value, note = facts(surface_facts(replace(evaluated(), radial_profile=result)))["Rise at r = 1"]
    half = result.half_width(result.rises)[-1]
    assert value == f"{result.rises.mean(0)[-1]:.3g} ± {half:.2g}"
    assert note == "95% interval over 5 planes"
    assert facts(surface_facts(replace(evaluated(), radial_profile=profile(1))))["Rise at r = 1"] == (
        "1",
        "one plane, no interval",
    )
    assert "one plane" in captions.radial_profile_caption(profile(1))


def test_failed_checks_come_first():
    failing = checks(agree=False)
    for warnings in (
        surface_warnings(replace(evaluated(lambda a, b: a), checks=failing)),  # also below zero
        surface_warnings(replace(evaluated(spoil=True), checks=failing))[1:],  # after the points without a loss
        curvature_warnings(replace(curvature(), checks=failing)),
    ):
        assert warnings[0].startswith("2 of 4 checks failed: curvature along gradient, slope along <b>x</b>.")
    assert surface_warnings(replace(evaluated(), checks=checks())) == []


def test_what_is_not_finite_is_counted_first():
    some, failing = sharpness(), checks(agree=False)
    values = np.ones(some.values.shape)
    values[0, 0], values[-1, -1] = np.inf, np.nan
    spoilt = replace(curvature(), sharpness=replace(some, values=values), checks=failing)
    first, second = curvature_warnings(spoilt)[:2]
    assert first == "2 of 12 sharpness values are not finite: at that distance the loss is not."
    assert second.startswith("2 of 4 checks failed")
    whole = evaluated()
    metric = np.full(whole.loss.shape, np.nan)
    metric[::2, ::2] = 1.0  # 5 by 6 points
    metric[2, 4] = np.inf
    assert surface_warnings(replace(whole, metrics={"HR@10": metric})) == ["HR@10 is not finite at 1 of 30 points."]
    beside = np.append(whole.node_loss, np.nan), np.append(whole.nodes, [[0.01, 0.01]], axis=0)
    (between_points,) = surface_warnings(replace(whole, node_loss=beside[0], nodes=beside[1]))
    assert between_points == "1 of 100 evaluated points has no finite loss; none of them is a grid point."
    line = replace(whole, betas=np.zeros(1), loss=whole.loss[:1].copy(), evaluated=whole.evaluated[:1])
    line.loss[0, 3] = np.nan
    assert surface_warnings(line) == ["1 of 11 grid points has no finite loss and is left blank."]


READING = {  # what a sentence is about, and which model has it
    "barrier": ModelEntry("x", between()),
    "quadratic model": ModelEntry("x", marked()),
    "snapshots": ModelEntry("x", marked()),
    "Hessian is the curvature": ModelEntry("x", None, curvature()),
    "Fisher matrix stands in": ModelEntry("x", None, replace(curvature(), operator="fisher")),
    "logarithms are interpolated": ModelEntry("x", interpolated()),
    "both lines of its crosshair": ModelEntry("x", evaluated()),
}
LIMITS = {
    "Krylov": ModelEntry("x", None, curvature()),
    "known at its nodes": ModelEntry("x", None, full_curvature()),
    "their eigenvectors mix": ModelEntry("x", None, full_curvature()),
    "curvature between blocks": ModelEntry("x", None, full_curvature()),
    "lower bounds of the true maximum": ModelEntry("x", None, full_curvature()),
    "Two directions of very many": ModelEntry("x", evaluated()),
    "One direction of very many": ModelEntry("x", between()),
}


@pytest.mark.parametrize(("sentences", "models"), [(captions.reading, READING), (captions.limits, LIMITS)])
def test_a_page_explains_what_is_there_and_nothing_else(sentences, models):
    def text(*several):
        return " ".join(sentences(several, None) if sentences is captions.reading else sentences(several))

    for sentence, model in models.items():
        assert sentence in text(model)
        if model.surface is None:
            assert sentence not in text(ModelEntry("y", evaluated()))
    for sentence in ("barrier", "quadratic model", "snapshots", "nodes only", "between blocks", "eigenvectors mix"):
        assert sentence not in text(ModelEntry("y", evaluated(), curvature()))


def test_the_ball_is_explained_where_there_is_a_surface():
    assert "ρ = 0.3" in " ".join(captions.reading([ModelEntry("x", evaluated())], 0.3))
    assert "ρ = 0.3" not in " ".join(captions.reading([ModelEntry("x", None, curvature())], 0.3))


def test_of_several_models_it_is_said_what_can_be_compared():
    both = [ModelEntry("a", evaluated()), ModelEntry("b", evaluated())]
    assert "On one scale, equal heights" in " ".join(captions.reading(both, None))
    assert "On one scale" not in " ".join(captions.reading(both[:1], None))
    assert "Two other directions may rank the models otherwise" in " ".join(captions.limits(both))
