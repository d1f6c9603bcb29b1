"""Every mark, line and axis of a figure is at its coordinates, in both libraries."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from mpl_toolkits.mplot3d import proj3d
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial import KDTree

from landscape.figures import interactive, static
from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.interactive.geometry.densities import densities_figure
from landscape.figures.interactive.geometry.eigenvalues import spectra_figure
from landscape.figures.interactive.histories import history_figure
from landscape.figures.interactive.surfaces.profiles import profiles_figure
from landscape.figures.interactive.surfaces.radial import radial_profiles_figure
from landscape.figures.plotdata.geometry.densities import density
from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.plotdata.surfaces.comparison import compare_surfaces
from landscape.figures.plotdata.surfaces.planes import ball, quadratic_reach
from landscape.figures.style import BALL_COLOUR, MARK, PALETTE, PATH_COLOURS, QUADRATIC_COLOUR, number
from tests.support.drawable import (
    GRADIENT,
    HESSIAN,
    between,
    blocks,
    bowl,
    curvature,
    evaluated,
    full_curvature,
    interpolated,
    localization,
    marked,
    profile,
    quadratic,
    sharpness,
    spectrum,
)

BOTH_SCALES = pytest.mark.parametrize("log", [False, True])
HISTORY = [{"epoch": epoch, "train_loss": 1 / epoch, "valid_ndcg@20": value} for epoch, value in ((1, 0.1), (2, 0.3))]


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def of_colour(axes, colour, **properties):
    """The lines of a colour, and with further properties: ``marker``, ``linestyle``."""
    lines = [line for line in axes.lines if to_hex(line.get_color()) == colour.lower()]
    return [line for line in lines if all(getattr(line, f"get_{key}")() == value for key, value in properties.items())]


def numbers(axis):
    """Places and labels of the ticks of a plotly axis."""
    return dict(zip(axis.ticktext, axis.tickvals, strict=True))


# ---- planes --------------------------------------------------------------------------------------------------------


@BOTH_SCALES
def test_axes_of_a_plane_have_its_coordinates_and_heights(log):
    surface = interpolated()
    heights = plot_heights(surface, log=log)
    scene = interactive.surface_figure(surface, log=log).layout.scene
    chart = interactive.contour_figure(surface, log=log)
    for axes in (scene, chart.layout):
        assert (axes.xaxis.range, axes.yaxis.range) == ((-1, 1), (-1, 1))
    assert (scene.xaxis.title.text, scene.yaxis.title.text) == ("α", "β")
    places = numbers(scene.zaxis)
    assert places == dict(zip(chart.data[0].colorbar.ticktext, chart.data[0].colorbar.tickvals, strict=True))
    assert places["0.5"] == pytest.approx(math.log10(0.5) if log else 0.5)
    assert (chart.data[0].zmin, chart.data[0].zmax) == (heights.low, heights.high)
    (axes,) = static.surface_figure(surface, log=log).axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()) == ("α", "β", scene.zaxis.title.text)
    assert {label.get_text() for label in axes.get_zticklabels()} == set(places)
    map_axes = static.contour_figure(surface, log=log).axes[0]
    assert (map_axes.get_xlim(), map_axes.get_ylim()) == ((-1, 1), (-1, 1))
    (bar,) = map_axes.child_axes
    assert_allclose(bar.get_yticks(), list(places.values()))
    assert [label.get_text() for label in bar.get_yticklabels()] == list(places)


def test_a_strip_has_different_axes():
    surface = evaluated(points=(11, 3))
    scene = interactive.surface_figure(surface).layout.scene
    axes = static.contour_figure(surface).axes[0]
    assert (scene.xaxis.range, scene.yaxis.range) == ((-1, 1), (-0.8, 0.8))
    assert (axes.get_xlim(), axes.get_ylim()) == ((-1, 1), (-0.8, 0.8))
    (scene,) = static.surface_figure(surface).axes
    assert (scene.get_xlim(), scene.get_ylim()) == ((-1, 1), (-0.8, 0.8))


def test_evaluated_points_are_on_the_map():
    surface = replace(interpolated(), betas=interpolated().betas / 2, nodes=interpolated().nodes * [1, 0.5])
    (points,) = traces(interactive.contour_figure(surface), "evaluated points")
    assert_array_equal(np.stack([points.x, points.y], 1), surface.nodes)
    assert float(points.text[3]) == pytest.approx(surface.node_loss[3], rel=1e-4)
    (drawn,) = of_colour(static.contour_figure(surface).axes[0], "#ffffff", marker="o")
    assert_array_equal(drawn.get_xydata(), surface.nodes)


def assert_corners(axes, patches, points):
    """The patches of a scene have corners at the points (N, 3), as the scene's camera sees them."""
    axes.figure.draw_without_rendering()
    patches.do_3d_projection()
    corners = np.concatenate([path.vertices for path in patches.get_paths()])
    seen = np.stack(proj3d.proj_transform(*np.asarray(points).T, axes.get_proj())[:2], 1)
    distance, _ = KDTree(corners[np.isfinite(corners).all(1)]).query(seen)
    assert_allclose(distance, 0, atol=1e-4)


@pytest.mark.slow
@BOTH_SCALES
def test_a_static_surface_has_the_heights_of_the_loss(log):
    surface = evaluated(points=(16, 11))
    (axes,) = static.surface_figure(surface, log=log).axes
    a, b = np.meshgrid(surface.alphas, surface.betas)
    heights = np.log10(surface.loss) if log else surface.loss
    assert_corners(axes, axes.collections[0], np.stack([a, b, heights], -1).reshape(-1, 3))


def test_marks_stand_on_the_floor_of_a_scene():
    surface = marked()
    figure = interactive.surface_figure(surface)
    low, _ = figure.layout.scene.zaxis.range
    (stem,) = [trace for trace in traces(figure, "marks") if trace.mode == "lines"]
    assert (stem.x, stem.y) == ((0.4, 0.4), (0.3, 0.3))
    assert_allclose(stem.z, [low, bowl(0.4, 0.3)], atol=0.02)
    notes = {note.text.split()[0]: (note.x, note.y) for note in figure.layout.scene.annotations}
    assert notes == {"end": (0, 0), "averaged": (0.4, 0.3)}
    (axes,) = static.surface_figure(surface).axes
    stems = [np.stack(line.get_data_3d(), 1) for line in of_colour(axes, MARK, marker="None")]
    assert_allclose([stem[:, :2] for stem in stems], [[[0, 0]] * 2, [[0.4, 0.3]] * 2])
    assert {stem[0, 2] for stem in stems} == {axes.get_zlim()[0]}


def test_ball_path_and_quadratic_model_of_a_scene_lie_on_the_surface():
    surface = marked((51, 51))
    scene = interactive.surface_figure(surface, rho=0.3, quadratic=True)
    (edge,) = traces(scene, "ball")
    assert_allclose(np.stack([edge.x, edge.y], 1), ball(surface, 0.3))
    assert_allclose(edge.z, bowl(np.asarray(edge.x), np.asarray(edge.y)), atol=0.02)
    (axes,) = static.surface_figure(surface, rho=0.3, quadratic=True).axes
    (line,) = of_colour(axes, BALL_COLOUR)
    x, y, z = line.get_data_3d()
    assert_allclose(np.stack([x, y], 1), ball(surface, 0.3))
    assert_allclose(z, bowl(x, y), atol=3e-3)
    (path,) = of_colour(axes, PATH_COLOURS[-1])
    x, y, z = path.get_data_3d()
    assert_allclose([x[0], y[0]], surface.trajectory.points[0])
    assert_allclose(z, bowl(x, y), atol=3e-3)
    p = np.stack(np.meshgrid(surface.alphas[10:41:4], surface.betas[10:41:4]), 0).reshape(2, -1)
    model = 0.25 + GRADIENT @ p + np.einsum("in,ij,jn->n", p, HESSIAN, p) / 2
    assert_corners(axes, axes.collections[1], np.stack([*p, model], 1))


def test_overlays_of_a_static_map_are_at_their_coordinates():
    surface = marked()
    axes = static.contour_figure(surface, rho=0.3, quadratic=True).axes[0]
    (reach,) = of_colour(axes, QUADRATIC_COLOUR)
    assert_allclose(reach.get_xydata(), quadratic_reach(surface))
    (path,) = of_colour(axes, PATH_COLOURS[-1])
    assert_array_equal(path.get_xydata(), surface.trajectory.points)
    names = {text.get_text(): text.xy for text in axes.texts if text.get_text() in ("end", "averaged", "epoch 0")}
    assert names == {"end": (0, 0), "averaged": (0.4, 0.3), "epoch 0": tuple(surface.trajectory.points[0])}


# ---- lines ---------------------------------------------------------------------------------------------------------


@BOTH_SCALES
def test_marks_and_ball_of_a_line_are_at_their_places(log):
    surface = replace(between(), quadratic=quadratic())
    scale = np.log10 if log else np.asarray
    figure = interactive.line_figure(surface, log=log, rho=3.4)
    (first,), (second,) = traces(figure, "centre"), traces(figure, "marks")
    assert_allclose([*first.x, *first.y], [0, scale(0.3)])
    assert_allclose([*second.x, *second.y], [1, scale(0.2)])
    low, high = figure.layout.yaxis.range
    assert low < scale(0.2) < scale(0.75) < high
    for label, place in numbers(figure.layout.yaxis).items():
        assert place == pytest.approx(scale(float(label)))
    axes = static.line_figure(surface, log=log, rho=3.4, quadratic=not log).axes[0]
    assert_allclose([line.get_xdata()[0] for line in of_colour(axes, BALL_COLOUR)], [-0.2, 0.2])
    marks = [*of_colour(axes, MARK, marker="o"), *of_colour(axes, MARK, marker="D")]
    assert_allclose([line.get_xydata()[0] for line in marks], [[0, scale(0.3)], [1, scale(0.2)]])
    assert [text.get_text() for text in axes.texts] == ["barrier 0.4 ± 0.01", "A", "B"]
    assert axes.get_xlabel().replace("\n", " ") == "t, from A to B"
    assert_allclose(axes.get_yticks(), [scale(float(label.get_text())) for label in axes.get_yticklabels()])
    assert len(axes.get_yticks()) >= 3
    if not log:
        (curve,) = of_colour(axes, QUADRATIC_COLOUR)
        assert_allclose(curve.get_ydata(), 0.3 + HESSIAN[0, 0] * curve.get_xdata() ** 2 / 2)


def test_profiles_have_axes_of_all_and_a_line_for_each_surface():
    wide, line = evaluated(), replace(evaluated(points=(11, 1)), alphas=np.linspace(-2, 1, 11))
    entries = [ModelEntry("a", wide), ModelEntry("none"), ModelEntry("b", line)]
    styles = model_styles(entries)
    for scale in ("linear", "log"):
        compared = compare_surfaces([entry.surface for entry in entries], scale)
        first, second = (profiles_figure(compared, along, ("α", "β"), styles) for along in (0, 1))
        assert [(trace.name, trace.meta, trace.line.color) for trace in first.data] == [
            ("a", 0, styles[0].colour),
            ("b", 2, styles[2].colour),
        ]
        assert (first.layout.xaxis.title.text, second.layout.xaxis.title.text) == ("α", "β")
        assert (first.layout.xaxis.range, second.layout.xaxis.range) == ((-2, 1), (-0.8, 0.8))
        low, high = first.layout.yaxis.range
        ends = np.log10(wide.range) if scale == "log" else wide.range
        assert low < ends[0] < ends[1] < high < ends[1] + 0.1 * (ends[1] - ends[0])
        assert first.layout.yaxis.type == scale


# ---- curvature -----------------------------------------------------------------------------------------------------


@BOTH_SCALES
def test_ticks_are_labelled_with_their_values(log):
    axes = [
        interactive.spectrum_figure(curvature()).layout.xaxis,
        interactive.density_figure(spectrum(), log=log).layout.yaxis,
        interactive.sharpness_figure(sharpness(), log=log).layout.xaxis,
        interactive.radial_profile_figure({"a": profile()}, log=log).layout.yaxis,
    ]
    for axis in axes:
        assert len(axis.tickvals) >= 3
        assert axis.ticktext == tuple(map(number, axis.tickvals))
        ends = 10.0 ** np.array(axis.range) if axis.type == "log" else axis.range
        assert ends[0] <= min(axis.tickvals) < max(axis.tickvals) <= ends[1]


def test_blocks_stand_beside_their_names():
    result = blocks()
    figure = interactive.blocks_figure(result)
    assert figure.data[0].y == figure.layout.yaxis.tickvals == (0, 1, 2, 3)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first on top
    axes = static.blocks_figure(result, whole=curvature().pairs).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()[:3]] == list(result.names[:3])
    filled, empty = of_colour(axes, PALETTE["blue"], marker="o")
    assert_array_equal(filled.get_xydata(), [[0.21, 0], [0.02, 1]])
    assert_array_equal(empty.get_ydata(), [2, 3])
    bars = axes.collections[0].get_segments()
    assert_allclose(bars[2], [[0.32, 2], [0.4, 2]])
    (whole,) = of_colour(axes, PALETTE["vermillion"])
    assert_array_equal(whole.get_xdata(), [0.379] * 2)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_static_eigenvalues_have_bars_as_long_as_residuals():
    pairs = curvature().pairs
    axes = static.spectrum_figure(curvature()).axes[0]
    top, bottom = (part.get_segments() for part in axes.collections)
    ends = np.stack([pairs.values - pairs.residuals, pairs.values + pairs.residuals], 1)
    assert_allclose([bar[:, 0] for bar in top], ends)
    assert_allclose([bar[:, 1] for bar in top], [[rank] * 2 for rank in range(3)])
    assert_allclose(bottom, [[[-0.4103, 3], [-0.4097, 3]]])


def test_density_marks_are_at_their_eigenvalues():
    result = spectrum()
    curve = density(result)
    figure = interactive.density_figure(result)
    level, smallest, largest = figure.layout.shapes[::-1] if figure.layout.shapes[0].y0 == 0 else figure.layout.shapes
    assert (smallest.x0, largest.x0, level.y0) == (-0.4, 0.379, curve.single)
    places = {note.text.split()[0]: note.x for note in figure.layout.annotations}
    assert (places["smallest"], places["largest"]) == (-0.4, 0.379)
    low, high = figure.layout.xaxis.range
    assert low < -0.4 < 0.379 < high
    axes = static.density_figure(result).axes[0]
    assert_allclose(axes.lines[0].get_xdata(), curve.grid)
    assert_allclose([line.get_xdata()[0] for line in of_colour(axes, PALETTE["vermillion"])], [-0.4, 0.379])
    shade, rug = axes.collections
    bounds = shade.get_paths()[0].get_extents()
    assert bounds.y1 == pytest.approx((curve.mean + curve.half).max())
    assert_allclose([segment[:, 0] for segment in rug.get_segments()], np.stack([curve.nodes] * 2, 1))
    assert curve.single in [line.get_ydata()[0] for line in axes.lines]


def test_static_shares_stand_beside_their_groups():
    axes = static.localization_figure(localization("item popularity")).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()[:2]] == ["decile 1", "decile 2"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert (cells[0, 0], cells[1, 0], cells[0, 9]) == ("16", "23", "1.6")
    assert [label.get_text() for label in axes.get_xticklabels()][:2] == ["λ₁\n±0.3", "λ₂\n±2.0"]
    assert axes.get_xlabel() == "share by item popularity (%)"


@BOTH_SCALES
def test_static_rises_are_those_of_the_table(log):
    result = sharpness()
    axes = static.sharpness_figure(result, log=log).axes[0]
    figure = interactive.sharpness_figure(result, log=log)
    lines = [line for line in axes.lines if line.get_marker() == "None" and len(line.get_xdata()) == 3]
    assert len(lines) == 4
    for line, trace in zip(lines, figure.data, strict=True):
        assert_allclose(line.get_xdata(), [0.05, 0.1, 0.5])
        assert_allclose(line.get_ydata(), trace.y)
        assert to_hex(line.get_color()) == trace.line.color.lower()
        assert line.get_linestyle() == {"solid": "-", "dash": "--"}[trace.line.dash]
    up, down = ([line.get_xdata().tolist() for line in axes.lines if line.get_marker() == mark] for mark in "^v")
    assert [0.5] in up  # infinite
    assert ([0.5] in down) == log  # negative
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [trace.name for trace in figure.data]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log" if log else "linear")
    noise = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert_array_equal(noise[0].get_ydata(), [1e-4] * 2)


# ---- several planes, several models --------------------------------------------------------------------------------


def test_radial_profiles_have_intervals_and_axes():
    result = profile()
    half, mean = result.half_width(result.rises), result.rises.mean(0)
    figure = interactive.radial_profile_figure({"a": result, "b": profile(3)})
    assert figure.layout.xaxis.range == (0, 1)
    low, high = figure.layout.yaxis.range
    assert low <= (mean - half).min() and (mean + half).max() <= high
    axes = static.radial_profile_figure({"a": result, "b": profile(3)}).axes[0]
    bounds = axes.collections[0].get_paths()[0].get_extents()
    assert bounds.y1 == pytest.approx((mean + half).max())
    assert axes.get_xlim() == (0, 1)
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    alone = static.radial_profile_figure({"a": result}).axes[0]
    assert_allclose([line.get_ydata() for line in alone.lines[:5]], result.rises)
    styles = model_styles([ModelEntry("x"), ModelEntry("a")] + [ModelEntry("b")] * 6)
    drawn = radial_profiles_figure({1: result, 7: profile(3)}, styles, rise=True, log=False)
    means = {trace.meta: trace for trace in drawn.data if trace.line.width}
    assert_allclose(means[1].y, mean)
    assert (means[1].line.dash, means[7].line.dash) == ("solid", "dash")


def test_spectra_of_several_models_stand_side_by_side():
    pairs = {0: curvature().pairs, 2: curvature(indefinite=False).pairs}
    styles = model_styles([ModelEntry(name) for name in "abc"])
    figure = spectra_figure(pairs, styles)
    assert [(trace.name, trace.meta, trace.marker.color) for trace in figure.data] == [
        ("a", 0, styles[0].colour),
        ("c", 2, styles[2].colour),
    ]
    for trace, (model, shift) in zip(figure.data, zip(pairs.values(), (-0.15, 0.15), strict=True), strict=True):
        assert_allclose(trace.x, np.arange(4) + shift)
        assert_allclose(trace.y, [*model.values, model.bottom.values[0]])
        assert_allclose(trace.error_y.array, [*model.residuals, model.bottom.residuals[0]])
    assert figure.data[0].marker.symbol == ("circle", "circle", "circle-open", "circle")
    assert figure.data[0].text[3].startswith("λₘᵢₙ = −0.41 ± 0.0003")
    assert numbers(figure.layout.xaxis) == {"λ₁": 0, "λ₂": 1, "λ₃": 2, "λₘᵢₙ": 3}
    low, high = figure.layout.yaxis.range
    assert low < -0.4103 and high > 0.3792


def test_densities_of_several_models_are_their_own():
    spectra = {0: spectrum(), 1: replace(spectrum(), values=2 * spectrum().values)}
    figure = densities_figure(spectra, model_styles([ModelEntry("a"), ModelEntry("b")]))
    low, high = 10.0 ** np.array(figure.layout.yaxis.range)
    for index, result in spectra.items():
        curve = density(result)
        lower, upper, mean = [trace for trace in figure.data if trace.meta == index]
        shown = curve.mean > 1.01 * low
        assert_allclose(mean.x, curve.grid, rtol=1e-6, atol=1e-7)
        assert_allclose(np.asarray(mean.y)[shown], curve.mean[shown], rtol=1e-6)
        assert_allclose(np.asarray(upper.y)[shown], (curve.mean + curve.half)[shown], rtol=1e-6)
        assert (np.asarray(lower.y) <= np.asarray(mean.y)).all()
        assert curve.mean.max() < high
    left, right = figure.layout.xaxis.range
    assert left < -0.8 and right > 0.758


def test_histories_are_drawn_by_epoch_with_the_best_marked():
    styles = model_styles([ModelEntry("a"), ModelEntry("b")])
    for column, values, best in (("valid_ndcg@20", [0.1, 0.3], 0.3), ("train_loss", [1, 0.5], 0.5)):
        figure = history_figure({1: HISTORY}, column, styles)
        line, mark = figure.data
        assert (line.x.tolist(), line.y.tolist()) == ([1, 2], values)
        assert (mark.x.tolist(), mark.y.tolist()) == ([2], [best])  # of the best validation, on both figures
        assert (line.meta, mark.meta, line.line.color) == (1, 1, styles[1].colour)
        low, high = figure.layout.yaxis.range
        assert low < min(values) < max(values) < high
        assert figure.layout.xaxis.range == (0, 3)
    assert figure.layout.yaxis.title.text == "training loss"
    assert history_figure({0: [{"epoch": 1}]}, "train_loss", styles) is None


def test_scenes_of_a_comparison_stand_above_their_names():
    steep = replace(evaluated(), loss=3 * evaluated().loss, node_loss=3 * evaluated().node_loss)
    entries = [ModelEntry("a", evaluated()), ModelEntry("none"), ModelEntry("b", steep)]
    figure = static.comparison_figure(entries, share=False)
    middles = {text.get_text(): text.get_position()[0] for text in figure.texts}
    scenes = {axes.get_zlim()[1]: axes.get_position() for axes in figure.axes}
    assert middles["(a) a"] < middles["(b) none"] < middles["(c) b"]
    for name, surface in (("(a) a", evaluated()), ("(c) b", steep)):
        box = scenes[surface.loss.max()]
        assert box.x0 < middles[name] < box.x1
        assert abs(middles[name] - (box.x0 + box.x1) / 2) < 0.1


def test_a_spectrum_has_its_other_end_below():
    axis = interactive.spectrum_figure(full_curvature()).layout.yaxis
    assert axis.autorange == "reversed"
    labels = [label.get_text() for label in static.spectrum_figure(full_curvature()).axes[0].get_yticklabels()]
    assert labels == ["λ₁", "λ₂", "λ₃", "λₘᵢₙ"]
