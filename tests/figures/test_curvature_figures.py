"""The figures of what is known of a curvature, interactive and static, by their data."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import QuadMesh
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import t as student

from landscape.figures import interactive, static
from landscape.figures.plotdata.geometry.densities import density
from landscape.figures.plotdata.geometry.localization import cell, ink, localization_table
from landscape.figures.style import eigenvalue_label, shade
from landscape.results import EigenPairs, Localization
from tests.support.drawable import blocks, curvature, full_curvature, localization, sharpness, spectrum


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def saved(figure, tmp_path):
    """Written without a warning."""
    static.save(figure, tmp_path / "figure.png")


# ---- eigenvalues ---------------------------------------------------------------------------------------------------


def test_eigenvalues_show_residuals_and_convergence():
    result = curvature()
    top, bottom = interactive.spectrum_figure(result).data
    assert_array_equal(top.x, result.pairs.values)
    assert_array_equal(top.error_x.array, result.pairs.residuals)
    assert top.y == ("λ₁", "λ₂", "λ₃")
    assert top.marker.symbol == ("circle", "circle", "circle-open")
    assert (bottom.x.tolist(), bottom.y) == ([-0.41], ("λₘᵢₙ",))
    assert bottom.text == ("λₘᵢₙ = −0.41 ± 0.0003<br>converged",)
    low, high = interactive.spectrum_figure(result).layout.xaxis.range
    assert low < -0.4103 < 0 < 0.3792 < high


def test_static_eigenvalues_fill_what_converged():
    axes = static.spectrum_figure(curvature()).axes[0]
    marks = {line.get_markerfacecolor(): line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "o"}
    assert marks["#0072B2"] == [0.379, 0.281]
    assert [0.141] in [line.get_xdata().tolist() for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["λ₁", "λ₂", "λ₃", "λₘᵢₙ"]


@pytest.mark.parametrize("operator", ["hessian", "gauss-newton", "fisher"])
def test_the_axis_names_the_matrix(operator):
    names = {"hessian": "Hessian", "gauss-newton": "Gauss-Newton matrix", "fisher": "Fisher matrix"}
    result = replace(curvature(), operator=operator)
    label = interactive.spectrum_figure(result).layout.xaxis.title.text
    assert label == static.spectrum_figure(result).axes[0].get_xlabel() == f"eigenvalue of the {names[operator]}"


def test_an_unknown_matrix_goes_by_its_own_name():
    assert eigenvalue_label("<i>mine</i>") == "eigenvalue of the <i>mine</i>"
    figure = interactive.spectrum_figure(replace(curvature(), operator="<i>mine</i>"))
    assert figure.layout.xaxis.title.text == "eigenvalue of the &lt;i&gt;mine&lt;/i&gt;"


# ---- blocks --------------------------------------------------------------------------------------------------------


def test_blocks_show_residuals_convergence_and_the_whole():
    result, pairs = blocks(), curvature().pairs
    figure = interactive.blocks_figure(result, whole=pairs)
    (marks,) = figure.data
    assert_array_equal(marks.x, result.values)
    assert_array_equal(marks.error_x.array, result.residuals)
    assert marks.marker.symbol == ("circle", "circle", "circle-open", "circle-open")
    assert marks.text[0] == "items<br>774,464 coordinates = 0.21 ± 0.001<br>converged"
    assert marks.text[3].startswith("blocks.0.&lt;b&gt;feed&lt;/b&gt;.forward")
    assert figure.layout.yaxis.ticktext[:3] == ("items", "positions", "blocks.0.attention")
    band, line = figure.layout.shapes
    assert (line.x0, line.x1) == (0.379, 0.379)
    assert_allclose([band.x0, band.x1], [0.379 - 2e-4, 0.379 + 2e-4])
    low, high = figure.layout.xaxis.range
    assert low < 0 < 0.4 < high
    axes = static.blocks_figure(result, whole=pairs).axes[0]
    filled = [line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "white"]
    assert_array_equal(filled[0].get_xdata(), [0.21, 0.02])


def test_blocks_alone_have_no_line_of_the_whole():
    assert interactive.blocks_figure(blocks()).layout.shapes == ()
    assert [note.get_text() for note in static.blocks_figure(blocks()).axes[0].texts] == []


# ---- the density ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [False, True])
def test_density_is_the_spectrum_s_own_with_its_interval(log):
    result = spectrum()
    figure = interactive.density_figure(result, log=log)
    (curve,) = traces(figure, "density")
    width = density(result).width
    mean, stderr = result.density(np.asarray(curve.x), width)
    error = student.ppf(0.975, result.probes - 1) * stderr
    shown = mean > density(result, log=log).low
    assert shown.any()
    assert_allclose(np.asarray(curve.y)[shown], mean[shown])
    lower, upper = traces(figure, "interval")
    assert_allclose(np.asarray(upper.y)[shown], (mean + error)[shown])
    assert_allclose(np.asarray(lower.y)[shown & (mean > 2 * error)], (mean - error)[shown & (mean > 2 * error)])
    assert figure.layout.yaxis.type == ("log" if log else "linear")
    axes = static.density_figure(result, log=log).axes[0]
    assert axes.get_yscale() == ("log" if log else "linear")
    assert_allclose(axes.lines[0].get_ydata(), curve.y)


def test_on_the_log_axis_nothing_falls_far_below():
    low = density(spectrum()).low
    for trace in interactive.density_figure(spectrum()).data:
        if trace.name in ("density", "interval"):
            assert (np.asarray(trace.y) > 0.09 * low).all()  # a logarithm of 0 would end the line and the shade


def test_density_integrates_to_one_over_what_is_drawn():
    drawn = density(spectrum(), log=False)
    assert drawn.mean.sum() * np.diff(drawn.grid)[0] == pytest.approx(1, abs=1e-6)


def test_every_node_is_in_the_rug_with_its_weight_and_probe():
    result = spectrum()
    (rug,) = traces(interactive.density_figure(result), "nodes")
    there = ~np.isnan(result.values)
    assert len(rug.x) == result.products == 159
    assert_array_equal(rug.x, result.values[there])
    assert_array_equal(rug.customdata, result.weights[there])
    assert_array_equal(rug.y, np.nonzero(there)[0])


def test_extremes_and_the_height_of_one_eigenvalue_are_marked():
    result = spectrum()
    figure = interactive.density_figure(result)
    assert [note.text for note in figure.layout.annotations] == ["one eigenvalue", "smallest −0.4", "largest 0.379"]
    single = figure.layout.annotations[0]
    expected = 1 / (result.size * density(result).width * math.sqrt(2 * math.pi))
    assert single.y == pytest.approx(math.log10(expected))  # in units of the axis, of which plotly takes logarithms
    one = replace(result, size=1, values=np.array([[0.3]]), weights=np.ones((1, 1)), seeds=np.zeros((1, 2), int))
    assert density(one).mean.max() == pytest.approx(density(one).single, rel=1e-3)  # one eigenvalue: that is its peak


@pytest.mark.slow
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "result",
    [
        spectrum(probes=1),
        replace(spectrum(), values=np.zeros((4, 40))),
        replace(spectrum(), values=np.full((4, 40), np.nan)),
    ],
    ids=["one probe", "all zero", "nothing"],
)
def test_odd_densities_are_drawn(result, log, tmp_path):
    figure = interactive.density_figure(result, log=log)
    assert traces(figure, "interval") == [] or result.probes > 1
    (curve,) = traces(figure, "density")
    assert not any("±" in text or "nan" in text for text in curve.text) or result.probes > 1
    low, high = figure.layout.xaxis.range
    assert low < 0 < high
    saved(static.density_figure(result, log=log), tmp_path)


# ---- shares --------------------------------------------------------------------------------------------------------


def test_shares_stand_beside_their_baselines():
    result = localization("item popularity")
    figure = interactive.localization_figure(result)
    (vectors,), (baselines,) = traces(figure, "eigenvectors"), traces(figure, "baselines")
    assert_allclose(vectors.z[:-1], result.values.T)
    assert_allclose(baselines.z[:-1], np.stack(list(result.baselines.values()), 1))
    assert_allclose(vectors.z.sum(0), 1)  # with the last row, whatever is in no group
    assert figure.layout.yaxis.ticktext[-1] == "everything else"
    assert figure.layout.xaxis.ticktext == (
        "λ₁<br>±0.3", "λ₂<br>±2.0", "λ₃<br>±100", "random<br>vector", "inter-<br>actions"
    )  # fmt: skip
    assert vectors.customdata[0, 0] == (
        "decile 1: 16 % of λ₁ (off by at most 0.3 %)<br>random vector 9 %<br>interactions 18 %"
    )
    axes = static.localization_figure(result).axes[0]
    meshes = [part.get_array() for part in axes.collections if isinstance(part, QuadMesh)]
    assert_allclose(meshes[0], vectors.z)
    assert_allclose(meshes[1], baselines.z)
    assert axes.get_xticks().tolist() == [0, 1, 2, 3.35, 4.35] == [*vectors.x, *baselines.x]
    (numbers,) = traces(figure, "shares")
    assert [text.get_text() for text in axes.texts] == list(numbers.text)
    assert numbers.text[:5] == ("16", "23", "9.0", "9.0", "18")


def test_groups_that_are_all_there_is_need_no_other_row():
    drawn = localization_table(localization())
    assert drawn.rows == localization().groups
    assert interactive.localization_figure(localization()).layout.yaxis.ticktext[3] == "blocks.0.&lt;b&gt;f….norms"


@given(st.floats(0, 1))
def test_cells_are_right_to_what_they_show(share):
    text = cell(share)
    if text == "<0.1":
        assert 0 < share < 0.001
    else:
        assert abs(float(text) - 100 * share) <= (0.5 if "." not in text else 0.05) + 1e-9
        assert len(text) <= 3


def test_text_on_the_cells_stands_out():
    drawn = localization_table(localization())
    (numbers,) = traces(interactive.localization_figure(localization()), "shares")
    for text, colour in zip(numbers.text, numbers.textfont.color, strict=True):
        assert colour == ("#000000" if text != "<0.1" and float(text) > 43 * drawn.high else "#ffffff")


@pytest.mark.parametrize(
    "result",
    [
        Localization("block", ("a",), np.array([[1.0]]), np.array([np.nan])),
        Localization("block", ("a", "b"), np.empty((0, 2)), np.empty(0), {"coordinates": np.array([0.5, 0.5])}),
        Localization("block", ("a", "b"), np.array([[np.nan, 0.5]]), np.array([0.1])),
        Localization("block", ("a", "b"), np.empty((0, 2)), np.empty(0)),
        Localization("block", (), np.empty((1, 0)), np.array([0.1])),
    ],
    ids=["one", "baselines only", "not a number", "nothing", "no groups"],
)
def test_odd_shares_are_drawn(result, tmp_path):
    interactive.localization_figure(result).to_json()
    saved(static.localization_figure(result), tmp_path)


NAMES = {
    "one-step": "SAM step",
    "ascent": "ascent",
    "adaptive-ascent": "ascent, scale-free",
    "average": "average over directions",
}


# ---- sharpness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [False, True])
def test_rises_are_drawn_by_kind_with_the_errors_of_the_averages(log):
    result = sharpness()
    figure = interactive.sharpness_figure(result, log=log)
    for kind in result.kinds:
        (drawn,) = traces(figure, NAMES[kind])
        values = result.column(kind)
        inside = np.isfinite(values) & ((values > 0) | (not log))
        assert_array_equal(drawn.x, result.rhos)
        assert_allclose(drawn.y[inside], values[inside])
        assert drawn.line.dash == ("dash" if kind.startswith("adaptive") else "solid")
        assert_allclose(drawn.error_y.array, result.stderr[:, result.kinds.index(kind)])  # NaN: no bar, not even a cap
    assert len({trace.line.color for trace in figure.data}) == 4
    assert len({trace.marker.symbol[0] for trace in figure.data}) == 4
    (average,) = traces(figure, "average over directions")
    assert average.text[1] == "average over directions at ρ = 0.1<br>rise 8×10⁻⁵ ± 2×10⁻⁵<br>21 evaluations"
    (bars,) = static.sharpness_figure(result, log=log).axes[0].collections  # of the average alone
    assert_allclose(bars.get_segments()[:2], [[[0.05, 1.6e-5], [0.05, 2.4e-5]], [[0.1, 6e-5], [0.1, 1e-4]]])
    assert "after 10 steps of ascent, the last gained 0.1" in traces(figure, "ascent")[0].text[2]


def test_what_has_no_place_on_the_axis_is_marked_at_its_edge():
    figure = interactive.sharpness_figure(sharpness())
    low, high = 10.0 ** np.array(figure.layout.yaxis.range)
    falling, rising, missing = (traces(figure, NAMES[kind])[0] for kind in ("one-step", "adaptive-ascent", "average"))
    assert falling.marker.symbol[2] == "triangle-down-open"
    assert rising.marker.symbol[2] == "triangle-up-open"
    assert low < falling.y[2] < 2e-5 < 0.4 < rising.y[2] < high
    assert "rise −0.1" in falling.text[2]
    assert "rise ∞" in rising.text[2]
    assert np.isnan(missing.y[2])
    linear = interactive.sharpness_figure(sharpness(), log=False)
    assert traces(linear, "SAM step")[0].y[2] == -0.1


def test_rounding_noise_is_marked_where_it_matters():
    def notes(result):
        return [note.text for note in interactive.sharpness_figure(result).layout.annotations]

    assert notes(sharpness()) == ["rounding noise"]
    assert notes(replace(sharpness(), noise=1e-12)) == []
    assert notes(replace(sharpness(), noise=math.nan)) == []


@pytest.mark.slow
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("rows", [slice(0, 1), slice(2, 3), slice(0, 0)], ids=["one ρ", "bad", "none"])
def test_odd_tables_of_sharpness_are_drawn(rows, log, tmp_path):
    names = ("rhos", "values", "stderr", "evaluations", "steps", "last_gain", "gap")
    result = replace(sharpness(), **{name: getattr(sharpness(), name)[rows] for name in names})
    low, high = interactive.sharpness_figure(result, log=log).layout.yaxis.range
    assert low < high
    saved(static.sharpness_figure(result, log=log), tmp_path)


# ---- the picture of all --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_picture_has_a_panel_for_each_thing_that_is_known(tmp_path):
    full = full_curvature()
    bare = static.curvature_figure(curvature())
    assert (len(bare.axes), bare.get_size_inches()[0]) == (1, 3.5)
    labels = {
        "spectrum": "eigenvalue λ",
        "blocks": "λₘₐₓ of the block",
        "sharpness": "distance ρ (log scale)",
        "localization": "share by block (%)",
    }
    for part, label in labels.items():
        figure = static.curvature_figure(replace(curvature(), **{part: getattr(full, part)}))
        labels_drawn = [axes.get_xlabel() for axes in figure.axes]
        assert labels_drawn[0] == "eigenvalue of the Hessian"
        assert label in labels_drawn
        assert len(labels_drawn) == (3 if part == "localization" else 2)
    whole = static.curvature_figure(full, name="SAMRec, $5$ <b>")
    assert (len(whole.axes), whole.get_size_inches()[0]) == (6, 7.0)
    saved(whole, tmp_path)
    sizes = [axes.get_window_extent().size for axes in whole.axes]
    assert np.min(sizes) > 0.8 * 200  # dots: nothing collapsed


@pytest.mark.slow
def test_odd_eigenvalues_are_drawn(tmp_path):
    pairs = EigenPairs(np.array([np.nan]), np.array([np.inf]), np.array([False]), 3)
    result = replace(full_curvature(), pairs=pairs, localization=(), checks=None)
    interactive.spectrum_figure(result).to_json()
    interactive.blocks_figure(blocks(), whole=pairs).to_json()
    saved(static.curvature_figure(result), tmp_path)


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def test_text_on_the_colour_scale_can_be_read():
    for place in np.linspace(0, 1, 201):
        low, high = sorted((luminance(shade(place)), luminance(ink(place))))
        assert (high + 0.05) / (low + 0.05) >= 4.5
