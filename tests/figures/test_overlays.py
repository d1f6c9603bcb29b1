"""What lies in a plane or on a line besides the loss: names of axes, marks, a path, a ball, a model, a barrier."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from landscape.figures import interactive, static
from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.plotdata.surfaces.marks import heights_at, path_line, spots
from landscape.figures.plotdata.surfaces.planes import ball, coordinates, quadratic_heights
from landscape.figures.style import BALL_COLOUR, BARRIER_COLOUR
from landscape.results import Mark, Trajectory
from tests.support.drawable import (
    GRADIENT,
    HESSIAN,
    between,
    bowl,
    evaluated,
    hump,
    interpolated,
    marked,
    profile,
    quadratic,
)

PLANES = pytest.mark.parametrize("draw", [interactive.surface_figure, interactive.contour_figure])


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def of_kind(surface, **plane):
    return replace(surface, metadata={**surface.metadata, "plane": plane})


# ---- axes ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plane", "first", "second"),
    [
        ({}, "α along direction 1", "β along direction 2"),
        ({"kind": "random", "seeds": [0, 1]}, "α along random direction 1", "β along random direction 2"),
        (
            {"kind": "eigen", "numbers": [1, -1], "eigenvalues": [0.3518, -0.04]},
            "α along eigenvector 1 (λ = 0.352)",
            "β along eigenvector −1 (λ = −0.04)",
        ),
        (
            {"kind": "trajectory", "shares": [0.81, 0.0123]},
            "α, principal component 1 (81 %)",
            "β, principal component 2 (1.2 %)",
        ),
        ({"kind": "toward", "names": ["A", "B", "C"]}, "α, from A to B", "β, from A to C"),
    ],
    ids=["unknown", "random", "eigen", "trajectory", "toward"],
)
def test_axes_say_what_they_run_along(plane, first, second):
    surface = of_kind(evaluated(), **plane)
    assert [coordinate.label for coordinate in coordinates(surface)] == [first, second]
    layout = interactive.contour_figure(surface).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == (first, second)
    axes = static.contour_figure(surface).axes[0]
    assert [label().replace("\n", " ") for label in (axes.get_xlabel, axes.get_ylabel)] == [first, second]


def test_a_path_between_two_models_has_a_time():
    figure = interactive.line_figure(between())
    assert figure.layout.xaxis.title.text == "t, from A to B"
    assert figure.data[0].hovertemplate.startswith("t %{x")


def test_names_in_labels_are_text():
    hostile = "<b>%{x} $x$</b>"
    surface = replace(
        of_kind(marked(), kind="toward", names=["A", hostile, "C"]), marks=(Mark(hostile, 0.4, 0.3),), trajectory=None
    )
    escaped = "&lt;b&gt;%{x} $x$&lt;/b&gt;"
    figure = interactive.contour_figure(surface)
    assert figure.layout.xaxis.title.text == f"α, from A to {escaped}"
    assert [note.text for note in figure.layout.annotations] == [escaped]
    (mark,) = traces(figure, "marks")
    assert mark.text[0].startswith(f"{escaped}<br>loss ")
    assert mark.hovertemplate == "%{text}<extra></extra>"  # %{x} within the text is no template
    assert escaped in interactive.surface_figure(surface).layout.scene.annotations[1].text


# ---- on the surface ------------------------------------------------------------------------------------------------

UNIT = st.floats(-1, 1, allow_nan=False)


@given(st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=20), st.tuples(UNIT, UNIT, UNIT, UNIT))
def test_heights_between_grid_points_are_bilinear(points, c):
    surface = evaluated(lambda a, b: c[0] + c[1] * a + c[2] * b + c[3] * a * b, points=(5, 4))
    at = np.array(points) * [1, 0.8]
    a, b = at.T
    computed = heights_at(surface, surface.loss, at)
    assert_allclose(computed, c[0] + c[1] * a + c[2] * b + c[3] * a * b, atol=1e-12)


def test_heights_outside_and_beside_holes_are_unknown():
    surface = evaluated(spoil=True)
    drawn = plot_heights(surface)
    outside = np.array([[1.01, 0.0], [0.0, -0.81], [-3.0, 0.0]])
    assert np.isnan(heights_at(surface, drawn.values, outside)).all()
    hole = np.array([[surface.alphas[2] - 0.01, surface.betas[1]], [surface.alphas[2], surface.betas[2]]])
    assert np.isnan(heights_at(surface, drawn.values, hole)).all()
    corner = np.array([[surface.alphas[1], surface.betas[1]], [1.0, 0.8 - 0.4]])  # a neighbour is a hole: no matter
    assert np.isfinite(heights_at(surface, drawn.values, corner)).all()


def test_marks_have_the_loss_of_their_point():
    surface = marked()
    centre, averaged = spots(surface)  # the third is out of view
    assert (centre.name, centre.value, centre.evaluated) == ("end", 0.25, True)
    assert (averaged.name, averaged.evaluated) == ("averaged", False)
    assert averaged.value == pytest.approx(bowl(0.4, 0.3), abs=5e-3)
    at_node = replace(surface, marks=(Mark("node", *surface.nodes[7].tolist()),))
    assert spots(at_node)[1].value == surface.node_loss[7]
    assert [spot.name for spot in spots(at_node)] == ["centre", "node"]


@PLANES
def test_marks_are_drawn_at_their_places(draw):
    (mark,) = traces(draw(marked()), "marks")[-1:]
    assert (*mark.x, *mark.y) == (0.4, 0.3)
    assert mark.text[0].startswith("averaged<br>loss 0.65")
    if draw is interactive.surface_figure:
        assert mark.z[0] == pytest.approx(bowl(0.4, 0.3), abs=5e-3)


@PLANES
def test_path_tells_order_name_loss_and_distance(draw):
    surface = marked()
    snapshots = traces(draw(surface), "path")[-1]
    assert_array_equal(snapshots.x, surface.trajectory.points[:, 0])
    assert_array_equal(snapshots.y, surface.trajectory.points[:, 1])
    assert_array_equal(snapshots.marker.color, np.arange(9))
    assert snapshots.text[0] == "epoch 0<br>1 of 9 on the path<br>its own loss 1.25<br>2.5 off the plane"
    assert snapshots.text[-1] == "epoch 8<br>9 of 9 on the path<br>its own loss 0.25<br>0 off the plane"
    bare = replace(surface, trajectory=Trajectory(surface.trajectory.points, surface.trajectory.off_plane))
    assert traces(draw(bare), "path")[-1].text[0] == "snapshot 1<br>1 of 9 on the path<br>2.5 off the plane"


@PLANES
def test_a_path_of_one_point_or_none_is_drawn(draw):
    one = replace(marked(), trajectory=Trajectory(np.array([[0.5, 0.5]]), np.zeros(1)))
    assert len(traces(draw(one), "path")[-1].x) == 1
    none = replace(marked(), trajectory=Trajectory(np.empty((0, 2)), np.empty(0)))
    assert traces(draw(none), "path") == []


def test_path_lies_on_the_surface():
    surface = marked((51, 51))
    line = traces(interactive.surface_figure(surface), "path")[0]
    low, high = surface.range
    above = np.asarray(line.z) - bowl(np.asarray(line.x), np.asarray(line.y))
    assert (above > 0).all()
    assert (above < 0.02 * (high - low)).all()


def test_path_line_passes_through_all_snapshots():
    points = marked().trajectory.points
    line = path_line(points)
    assert_allclose(line[:: (len(line) - 1) // (len(points) - 1)], points)


# ---- the ball ------------------------------------------------------------------------------------------------------


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(-0.99, 0.99), st.floats(0.01, 5))
def test_boundary_of_the_ball_lies_at_distance_rho(norm_x, norm_y, cosine, rho):
    x, y = np.array([norm_x, 0.0]), norm_y * np.array([cosine, math.sqrt(1 - cosine**2)])
    surface = replace(evaluated(), metadata={"direction_norms": [norm_x, norm_y], "cosine": cosine})
    edge = ball(surface, rho)
    assert_allclose(np.linalg.norm(edge[:, :1] * x + edge[:, 1:] * y, axis=1), rho, rtol=1e-9)
    assert_allclose(edge[0], edge[-1], rtol=1e-6, atol=1e-9)
    angles = np.unwrap(np.arctan2(*edge.T[::-1]))
    assert abs(angles[-1] - angles[0]) == pytest.approx(2 * math.pi)  # once around


def test_ball_is_drawn_where_it_is_asked_for():
    surface = marked()
    edge = ball(surface, 0.3)
    for draw in (interactive.surface_figure, interactive.contour_figure):
        assert traces(draw(surface), "ball") == []
        (drawn,) = traces(draw(surface, rho=0.3), "ball")
        assert_allclose(np.stack([drawn.x, drawn.y], 1), edge)
        assert drawn.text == "distance ρ = 0.3 from the centre"
    lines = [line for line in static.contour_figure(surface, rho=0.3).axes[0].lines if line.get_color() == BALL_COLOUR]
    assert_allclose(lines[0].get_xydata(), edge)
    edges = [shape.x0 for shape in interactive.line_figure(between(), rho=3.4).layout.shapes]
    assert_allclose(edges, [-0.2, 0.2])  # of a direction of length 17


@pytest.mark.parametrize(
    ("metadata", "rho", "message"),
    [
        ({"direction_norms": [1.0, 1.0], "cosine": 0.0}, 0.0, "rho=0.0 must be a positive number"),
        ({"direction_norms": [1.0, 1.0], "cosine": 0.0}, math.nan, "rho=nan must be a positive number"),
        ({}, 1.0, "lengths of the directions are missing"),
        ({"direction_norms": [1.0, 1.0], "cosine": 1.0}, 1.0, "parallel"),
    ],
)
def test_a_ball_that_cannot_be_drawn_says_why(metadata, rho, message):
    with pytest.raises(ValueError, match=message):
        interactive.contour_figure(replace(evaluated(), metadata=metadata), rho=rho)


# ---- the quadratic model -------------------------------------------------------------------------------------------


def test_quadratic_model_touches_the_surface_at_the_centre():
    a, b = 1e-3, -2e-3
    surface = replace(evaluated(lambda x, y: bowl(a * x, b * y), points=(3, 3)), quadratic=quadratic())
    model = replace(surface.quadratic, gradient=GRADIENT * [a, b], hessian=HESSIAN * np.outer([a, b], [a, b]))
    computed = quadratic_heights(replace(surface, quadratic=model), plot_heights(surface))
    assert_allclose(computed, surface.loss, atol=5 * abs(b) ** 3)
    assert_allclose(
        quadratic_heights(replace(surface, quadratic=model), plot_heights(surface, log=True)), np.log10(computed)
    )


def test_quadratic_model_is_drawn_where_it_is_asked_for():
    surface = marked()
    scene, chart = (draw(surface, quadratic=True) for draw in (interactive.surface_figure, interactive.contour_figure))
    (overlay,) = traces(scene, "quadratic model")
    assert overlay.opacity < 1
    assert_allclose(overlay.z, quadratic_heights(surface, plot_heights(surface)), rtol=1e-6)
    (reach,) = traces(chart, "quadratic model")
    radii = np.hypot(reach.x, reach.y)
    finite = np.isfinite(surface.quadratic.radii)
    assert_allclose(radii[:-1][finite], surface.quadratic.radii[finite])
    assert np.isnan(radii[:-1][~finite]).all()  # a ray without a departure, and one without a number
    assert (reach.x[0], reach.y[0]) == (reach.x[-1], reach.y[-1])
    assert "10%" in reach.text
    curve = traces(
        interactive.line_figure(replace(between(), quadratic=quadratic()), quadratic=True), "quadratic model"
    )
    assert_allclose(curve[0].y, 0.3 + HESSIAN[0, 0] * np.asarray(curve[0].x) ** 2 / 2)


@pytest.mark.parametrize("module", [interactive, static])
def test_a_surface_without_a_quadratic_model_says_so(module):
    for draw in (module.surface_figure, module.contour_figure):
        with pytest.raises(ValueError, match="carries no quadratic model; draw it with quadratic=False"):
            draw(interpolated(), quadratic=True)


# ---- the barrier ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", [False, True])
def test_barrier_stands_between_the_chord_and_the_loss(log):
    scale = np.log10 if log else np.asarray
    chord, rise = traces(interactive.line_figure(between(), log=log), "barrier")
    assert_allclose(chord.y, scale(0.3 - 0.1 * np.asarray(chord.x)))
    assert_allclose(rise.x, [0.5, 0.5])
    assert_allclose(rise.y, scale([0.25, hump(np.array(0.5), np.array(0.0))]))
    assert rise.text == "barrier 0.4 ± 0.01<br>at t = 0.5"
    axes = static.line_figure(between(), log=log).axes[0]
    (drawn,) = [line for line in axes.lines if line.get_color() == BARRIER_COLOUR and len(line.get_xdata()) == 2]
    assert_allclose(drawn.get_ydata(), rise.y)


def test_no_barrier_is_drawn_where_there_is_none():
    line = between()
    flat = replace(line, barrier=replace(line.barrier, height=0.0))
    for surface in (flat, replace(line, barrier=None)):
        assert traces(interactive.line_figure(surface), "barrier") == []


# ---- matplotlib ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_static_names_are_text(tmp_path):
    name = r"5 $\nonsense$"  # as a formula it would be an error
    surface = replace(marked(), marks=(Mark(name, 0.4, 0.3),))
    for draw in (static.surface_figure, static.contour_figure):
        static.save(draw(surface, name=name), tmp_path / "figure.png")
    static.save(static.radial_profile_figure({name: profile(), "other": profile()}, name=name), tmp_path / "figure.png")


def test_static_pictures_have_marks_path_and_names():
    surface = marked()
    axes = static.contour_figure(surface, rho=0.3, quadratic=True).axes[0]
    diamonds = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "D"]
    assert diamonds == [[[0.4, 0.3]]]
    assert {"end", "averaged", "epoch 0"} <= {text.get_text() for text in axes.texts}
    snapshots = [part.get_offsets() for part in axes.collections if len(part.get_offsets()) == 9]
    assert_array_equal(snapshots[0], surface.trajectory.points)
    (scene,) = static.surface_figure(surface, rho=0.3, quadratic=True).axes
    placed = [np.stack(line.get_data_3d(), 1) for line in scene.lines if line.get_marker() == "D"]
    assert_allclose(placed, [[[0.4, 0.3, bowl(0.4, 0.3)]]], atol=5e-3)
