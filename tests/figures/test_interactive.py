"""The interactive figures, by their data: what is where, and what the hover says of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import RegularGridInterpolator

from landscape.figures import interactive
from landscape.figures.interactive.surfaces.overlays import LINE_COLOURS
from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.plotdata.surfaces.contours import contour_lines
from landscape.figures.style import COLOUR_SCALE
from tests.support.drawable import bowl, evaluated, interpolated, marked, ranking, tiny

BOTH = pytest.mark.parametrize("draw", [interactive.surface_figure, interactive.contour_figure])


def trace(figure, name, kind=None):
    """The only trace with this name (and of this type)."""
    named = [t for t in figure.data if t.name == name and kind in (None, t.type) and (t.mode != "lines" or not kind)]
    assert len(named) == 1
    return named[0]


@BOTH
def test_loss_is_drawn_where_it_belongs(draw):
    surface = evaluated(points=(11, 9))
    loss = draw(surface).data[0]
    assert loss.z.shape == (9, 11)  # (B, A): a row for each β
    assert_array_equal(loss.x, surface.alphas)
    assert_array_equal(loss.y, surface.betas)
    assert_allclose(loss.z, surface.loss, rtol=1e-6)


@BOTH
def test_holes_where_the_loss_is_not_finite(draw):
    surface = evaluated(spoil=True)
    z = draw(surface).data[0].z
    assert_array_equal(np.isnan(z), ~np.isfinite(surface.loss))
    assert not np.isinf(z).any()


def test_points_without_finite_loss_are_marked_as_evaluated_on_the_map():
    surface = evaluated(spoil=True)
    marks = trace(interactive.contour_figure(surface), "not finite")
    rows, columns = np.nonzero(~np.isfinite(surface.loss))
    assert sorted(zip(marks.x, marks.y, strict=True)) == sorted(
        zip(surface.alphas[columns], surface.betas[rows], strict=True)
    )
    assert set(marks.text) == {"not a number", "∞"}
    assert "evaluated" in marks.hovertemplate


def test_hover_tells_what_was_evaluated_and_what_interpolated():
    whole = interactive.surface_figure(evaluated()).data[0]
    assert "evaluated" in whole.hovertemplate
    assert whole.text is None
    surface = interpolated()
    assert 0 < surface.evaluated.sum() < surface.evaluated.size
    mixed = interactive.surface_figure(surface).data[0]
    assert_array_equal(mixed.text == "evaluated", surface.evaluated)
    assert_array_equal(mixed.text == "interpolated", ~surface.evaluated)
    for wanted in ("%{x", "%{y", "%{z", "%{text}"):
        assert wanted in mixed.hovertemplate


def test_centre_is_marked_at_its_loss():
    surface = interpolated()
    figure = interactive.surface_figure(surface)
    marker = [t for t in figure.data if t.name == "centre" and t.mode == "markers"]
    assert len(marker) == 1
    assert (*marker[0].x, *marker[0].y, *marker[0].z) == (0, 0, bowl(0.0, 0.0))
    assert marker[0].text == ("centre: the trained model<br>loss 0.25, evaluated",)
    (label,) = figure.layout.scene.annotations
    assert (label.x, label.y, label.z, label.text) == (0, 0, 0.25, "centre 0.25")
    on_log = interactive.surface_figure(surface, log=True).layout.scene.annotations[0]
    assert_allclose(on_log.z, math.log10(0.25))
    on_map = trace(interactive.contour_figure(surface), "centre")
    assert (*on_map.x, *on_map.y) == (0, 0)


def test_no_centre_is_marked_where_it_is_unknown_or_out_of_view():
    unknown = evaluated(points=(10, 8))  # an even number of points passes by 0
    assert math.isnan(unknown.centre)
    for draw in (interactive.surface_figure, interactive.contour_figure):
        assert "centre" not in {t.name for t in draw(unknown).data}


def test_log_heights_are_interpolated_as_logarithms():
    surface = interpolated(tiny)
    assert (surface.loss <= 0).any()  # this is what makes a logarithm of the interpolant wrong
    z = interactive.surface_figure(surface, log=True).data[0].z
    a, b = np.meshgrid(surface.alphas, surface.betas)
    assert_allclose(z, np.log10(tiny(a, b)), atol=1e-5)  # log of tiny is a parabola: exact through any nodes
    assert_allclose(interactive.surface_figure(surface, log=True).data[0].customdata, tiny(a, b), rtol=1e-4)


def test_log_of_a_grid_leaves_out_what_has_no_logarithm():
    surface = evaluated(lambda a, b: a)
    z = interactive.contour_figure(surface, log=True).data[0].z
    assert_array_equal(np.isnan(z), surface.loss <= 0)
    assert_allclose(z[surface.loss > 0], np.log10(surface.loss[surface.loss > 0]), rtol=1e-5)


def test_log_ticks_speak_of_losses():
    axis = interactive.surface_figure(interpolated(tiny), log=True).layout.scene.zaxis
    assert_allclose(axis.tickvals[:2], [-6, -5])
    assert axis.ticktext[:2] == ("10⁻⁶", "10⁻⁵")
    assert axis.title.text == "loss (log scale)"


def test_contours_on_the_floor_lie_at_their_levels():
    surface = interpolated(points=(51, 51))
    figure = interactive.surface_figure(surface)
    lines, axis = trace(figure, "contours"), figure.layout.scene.zaxis
    assert axis.range[0] < np.nanmin(lines.z) <= np.nanmax(lines.z) < surface.loss.min()
    here = ~np.isnan(np.asarray(lines.x))
    assert_allclose(bowl(lines.x[here], lines.y[here]), lines.line.color[here], atol=2e-3)
    assert_allclose(sorted(set(lines.line.color[here])), plot_heights(surface).levels, rtol=1e-6)


def test_contours_of_both_figures_are_the_same():
    surface = interpolated()
    levels = interactive.contour_figure(surface).data[0].contours
    assert_allclose(np.arange(levels.start, levels.end + levels.size / 2, levels.size), plot_heights(surface).levels)


@pytest.mark.parametrize("log", [False, True])
def test_contours_on_the_surface_lie_on_it_at_the_levels_of_the_map(log):
    surface = interpolated(points=(51, 51))
    lines = trace(interactive.surface_figure(surface, log=log), "contours on the surface")
    here = ~np.isnan(np.asarray(lines.x))
    x, y, z = (np.asarray(getattr(lines, axis))[here] for axis in "xyz")
    heights = plot_heights(surface, log=log)
    drawn = RegularGridInterpolator((surface.betas, surface.alphas), heights.values)
    above = (z - drawn(np.stack([y, x], 1).clip(-1, 1))) / (heights.high - heights.low)
    assert above.min() > 0 and above.max() < 0.01  # neither within the surface nor visibly off it
    of_map = interactive.contour_figure(surface, log=log).data[0].contours
    levels = np.arange(of_map.start, of_map.end + of_map.size / 2, of_map.size)
    assert_allclose(sorted(set(lines.line.color[here])), levels, rtol=1e-6, atol=1e-9)


def test_maps_have_values_at_their_contours_unless_these_would_be_logarithms():
    shown = [interactive.contour_figure(interpolated(), log=log).data[0].contours.showlabels for log in (False, True)]
    assert shown == [True, False]


def test_lines_on_the_surface_stand_out_from_it():
    def luminance(colour):  # of WCAG 2
        parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    for colour, line in zip(COLOUR_SCALE, LINE_COLOURS, strict=True):
        low, high = sorted(map(luminance, (colour, line)))
        assert (high + 0.05) / (low + 0.05) > 1.5


def test_contour_lines_leave_out_shards():
    x = np.linspace(-1, 1, 41)
    a, b = np.meshgrid(x, x)
    values = a + b  # at 1.95 a line of 0.05 across the corner
    levels = np.array([0.0, 1.95])
    assert set(contour_lines(x, x, values, levels)[1]) == {0.0, 1.95}
    points, kept = contour_lines(x, x, values, levels, shortest=0.06)
    assert set(kept) == {0.0} and len(points) == len(kept)
    ring = np.array([0.02])  # closed
    assert set(contour_lines(x, x, np.hypot(a, b), ring, shortest=0.06)[1]) == {0.02}
    assert set(contour_lines(10 * x, x, values, levels, shortest=0.02)[1]) == {0.0, 1.95}  # each axis by its own length


def test_contour_lines_end_at_holes():
    x = np.linspace(-1, 1, 21)
    values = np.hypot(*np.meshgrid(x, x))
    values[:, 10:] = np.nan
    points, levels = contour_lines(x, x, values, np.array([0.5]))
    line = points[~np.isnan(points[:, 0])]
    assert (line[:, 0] <= x[9]).all()
    assert_allclose(np.hypot(*line.T), 0.5, atol=0.02)
    assert levels.tolist() == [0.5] * len(points)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("value", [0.7, 0.0, -3.0])
def test_flat_surfaces_have_a_range_and_no_contours(value, log):
    surface = evaluated(lambda a, b: 0 * a + value)
    figure = interactive.surface_figure(surface, log=log)
    low, high = figure.layout.scene.zaxis.range
    assert low < high
    assert "contours" not in {t.name for t in figure.data}
    assert interactive.contour_figure(surface, log=log).data[0].contours.showlines is False


def test_nothing_finite_is_an_empty_scene():
    surface = evaluated(lambda a, b: a * np.nan)
    assert np.isnan(interactive.surface_figure(surface).data[0].z).all()
    assert np.isnan(interactive.contour_figure(surface).data[0].z).all()


def test_a_rectangle_keeps_its_proportions():
    ratio = interactive.surface_figure(evaluated(points=(11, 3))).layout.scene.aspectratio
    assert (ratio.x, ratio.y) == (1, pytest.approx(0.8))


def test_line_and_its_evaluated_points():
    surface = interpolated(points=(21, 1), count=17)
    for log, scale in ((False, lambda loss: loss), (True, np.log10)):
        figure = interactive.line_figure(surface, log=log)
        curve, nodes = trace(figure, "loss"), trace(figure, "evaluated points")
        assert_allclose(curve.x, surface.alphas)
        assert_allclose(curve.y, scale(bowl(surface.alphas, 0.0)), atol=2e-3)
        assert_allclose(nodes.x, surface.nodes[:, 0])
        assert_allclose(nodes.y, scale(surface.node_loss))
        assert_allclose(trace(figure, "centre").y, [scale(0.25)])
    assert {text.split("<br>")[1] for text in curve.text} == {"evaluated", "interpolated"}


def test_a_column_is_a_line_along_beta():
    surface = evaluated(points=(1, 9))
    figure = interactive.line_figure(surface)
    assert_array_equal(figure.data[0].x, surface.betas)
    assert figure.layout.xaxis.title.text.startswith("β")


def test_a_single_point_is_drawn():
    figure = interactive.line_figure(evaluated(points=(1, 1)))
    assert figure.data[0].y.tolist() == [0.25]
    assert "markers" in figure.data[0].mode


def test_the_wrong_figure_says_which_is_right():
    with pytest.raises(ValueError, match="11×1 points have no area; draw them with line_figure"):
        interactive.surface_figure(evaluated(points=(11, 1)))
    with pytest.raises(ValueError, match="11×9 points make a plane; draw it with surface_figure"):
        interactive.line_figure(evaluated())


@pytest.mark.parametrize("name", ["HR@10", "NDCG@10"])
@BOTH
def test_a_metric_is_drawn_under_its_own_name_on_its_own_grid(draw, name):
    surface = marked().of(name)  # HR@10 on the whole grid of an interpolated loss, NDCG@10 on a coarser one
    assert surface.loss.shape == ((17, 21) if name == "HR@10" else (5, 5))
    for log in (False, True):
        figure = draw(surface, log=log)
        drawn = figure.data[0]
        a, b = np.meshgrid(drawn.x, drawn.y)
        assert_allclose(drawn.z, np.log10(ranking(a, b)) if log else ranking(a, b), rtol=1e-6)
        assert f"<br>{name} %{{" in drawn.hovertemplate
        assert "loss" not in drawn.hovertemplate
    axis = figure.layout.scene.zaxis if draw is interactive.surface_figure else drawn.colorbar
    assert axis.title.text == f"{name} (log scale)"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "<b>bold</b> & <br>", 'a "quoted" $name$'])
def test_names_are_text(name):
    title = interactive.surface_figure(evaluated(), name=name).layout.title.text
    assert "<" not in title
    assert title == name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def test_values_at_contours_of_a_logarithmic_map_are_losses_on_their_lines():
    surface = interpolated()
    heights = plot_heights(surface, log=True)
    labels = interactive.contour_figure(surface, log=True).layout.annotations
    assert len(labels) >= 4
    levels = dict(zip(heights.level_labels, heights.levels, strict=True))
    places = np.array([(label.x, label.y) for label in labels])
    drawn = RegularGridInterpolator((surface.betas, surface.alphas), heights.values)
    found = drawn(places[:, ::-1])
    assert_allclose(found, [levels[label.text] for label in labels], atol=2e-3)
    assert_allclose(10**found, [float(label.text) for label in labels], rtol=0.02)
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.eye(len(places))
    assert apart.min() > 0.25  # of 2
    # Along the line: at right angles to the slope, clockwise on the screen.
    for label, (a, b) in zip(labels, places, strict=True):
        step = 1e-3 * np.array([np.cos(np.radians(label.textangle)), -np.sin(np.radians(label.textangle))])
        along, across = (bowl(a + x, b + y) - bowl(a, b) for x, y in (step, step[::-1] * [-1, 1]))
        assert abs(along) < 0.25 * abs(across)  # within 14°, on a coarse grid
    assert not interactive.contour_figure(surface).layout.annotations


@pytest.mark.parametrize(
    ("low", "high", "log"), [(1.25, 1.31, False), (1.25, 1.31, True), (1e-3, 10.0, True), (0.0, 3e4, False)]
)
def test_labels_of_contours_tell_levels_apart(low, high, log):
    surface = evaluated(lambda a, b: low + (high - low) * (a + 1) / 2 + 0 * b, points=(21, 21))
    heights = plot_heights(surface, log=log)
    losses = 10.0**heights.levels if log else heights.levels
    texts = heights.level_labels
    assert len({*texts}) == len(losses) > 5
    exact = [float(text.replace(",", "").replace("×10⁻", "e-").replace("³", "3")) for text in texts]
    gaps = np.diff(losses)
    assert np.all(np.abs(exact - losses) < 0.101 * np.minimum(np.append(gaps, gaps[-1]), np.append(gaps[0], gaps)))
