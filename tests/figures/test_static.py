"""The figures for papers, by their data and by the files they make."""

from __future__ import annotations

import inspect
import re

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from numpy.testing import assert_allclose, assert_array_equal

from landscape.figures import interactive, static
from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.static.canvas import COLUMN, PAGE, SUFFIXES
from landscape.figures.style import MARK
from tests.support.drawable import bowl, evaluated, interpolated, tiny


def marked(axes):
    """The coordinates of the mark of the centre."""
    (line,) = [line for line in axes.lines if line.get_color() == MARK and line.get_marker() == "o"]
    return [
        float(np.asarray(part)[0]) for part in (line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data())
    ]


def test_the_functions_are_those_of_interactive():
    names = {name for name in vars(interactive) if name.endswith("_figure")}
    assert len(names) == 12
    for name in names:
        ours, theirs = (inspect.signature(getattr(module, name)) for module in (static, interactive))
        assert {key: value for key, value in ours.parameters.items() if key != "width"} == theirs.parameters
        assert ours.parameters["width"].default in (COLUMN, PAGE)


@pytest.mark.parametrize("log", [False, True])
def test_surface_spans_the_heights_and_marks_the_centre(log):
    surface = interpolated()
    (axes,) = static.surface_figure(surface, log=log).axes
    drawn = plot_heights(surface, log=log)
    assert axes.get_zlim()[1] == pytest.approx(drawn.high)
    assert axes.get_zlim()[0] < drawn.low
    assert marked(axes) == [0, 0, pytest.approx(np.log10(0.25) if log else 0.25)]
    floor = [line for line in axes.lines if len(line.get_data_3d()[0]) > 2]
    assert len(floor) >= len(drawn.levels)
    assert all((np.asarray(line.get_data_3d()[2]) == axes.get_zlim()[0]).all() for line in floor)


def test_surface_leaves_holes():
    whole, holed = (static.surface_figure(evaluated(spoil=spoil)).axes[0].collections[0] for spoil in (False, True))
    for figure in (whole.figure, holed.figure):
        figure.canvas.draw()
    assert len(holed.get_facecolor()) < len(whole.get_facecolor())


def test_contours_have_the_levels_of_the_interactive_figure():
    surface = interpolated()
    axes = static.contour_figure(surface).axes[0]
    lines = [part for part in axes.collections if hasattr(part, "levels") and not part.filled]
    assert_allclose(lines[0].levels, plot_heights(surface).levels)
    assert marked(axes) == [0, 0]


def test_map_leaves_holes_and_marks_them():
    surface = evaluated(spoil=True)
    axes = static.contour_figure(surface).axes[0]
    (crosses,) = [line for line in axes.lines if line.get_marker() == "x"]
    rows, columns = np.nonzero(~np.isfinite(surface.loss))
    assert_array_equal(crosses.get_xdata(), surface.alphas[columns])
    assert_array_equal(crosses.get_ydata(), surface.betas[rows])
    filled = next(part for part in axes.collections if getattr(part, "filled", False))
    hole = (surface.alphas[2] + surface.alphas[3]) / 2, (surface.betas[1] + surface.betas[2]) / 2
    solid = surface.alphas[6], surface.betas[4]
    inside = [any(path.contains_point(point) for path in filled.get_paths()) for point in (hole, solid)]
    assert inside == [False, True]


def test_log_line_is_interpolated_as_logarithm():
    surface = interpolated(tiny, points=(21, 1))
    axes = static.line_figure(surface, log=True).axes[0]
    assert_allclose(axes.lines[0].get_ydata(), np.log10(tiny(surface.alphas, np.zeros(1))), atol=1e-8)
    assert "10⁻⁵" in [label.get_text() for label in axes.get_yticklabels()]


def test_line_passes_through_its_evaluated_points():
    surface = interpolated(points=(21, 1))
    curve, nodes, _ = static.line_figure(surface).axes[0].lines
    assert_allclose(curve.get_ydata(), bowl(surface.alphas, np.zeros(1)), atol=2e-3)
    assert_array_equal(nodes.get_xdata(), surface.nodes[:, 0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "surface",
    [
        evaluated(lambda a, b: 0 * a + 0.7),
        evaluated(lambda a, b: a * np.nan),
        evaluated(points=(11, 2)),
        evaluated(points=(1, 1)),
    ],
    ids=["flat", "nothing finite", "narrow", "point"],
)
@pytest.mark.parametrize("log", [False, True])
def test_odd_surfaces_are_drawn_without_a_warning(surface, log, tmp_path, recwarn):
    draws = [static.line_figure] if min(surface.loss.shape) == 1 else [static.surface_figure, static.contour_figure]
    for draw in draws:
        static.save(draw(surface, log=log), tmp_path / "figure.png")
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.slow
def test_files_have_the_format_of_their_suffix(tmp_path):
    figure = static.line_figure(evaluated(points=(11, 1)), name="SAMRec, 5 $ and <b>")
    begins = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    for suffix, magic in begins.items():
        static.save(figure, tmp_path / f"figure.{suffix}")
        assert (tmp_path / f"figure.{suffix}").read_bytes().startswith(magic)
    with pytest.raises(ValueError, match=re.escape("figure.gif: a figure is saved as .png, .pdf, .svg, not .gif")):
        static.save(figure, tmp_path / "figure.gif")


@pytest.mark.slow
def test_the_same_result_makes_the_same_file(tmp_path):
    for suffix in SUFFIXES:
        files = [tmp_path / f"{take}{suffix}" for take in "ab"]
        for file in files:
            static.save(static.contour_figure(interpolated()), file)
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.slow
def test_pdf_embeds_truetype_fonts(tmp_path):
    file = tmp_path / "figure.pdf"
    static.save(static.contour_figure(interpolated(), name="α β λ"), file)
    content = file.read_bytes()
    assert b"/FontFile2" in content  # TrueType
    assert b"/Type3" not in content


def test_no_global_state_is_left_behind():
    before = dict(matplotlib.rcParams)
    static.surface_figure(evaluated())
    assert dict(matplotlib.rcParams) == before


def test_a_large_surface_is_rasterised_inside_a_pdf():
    axes = static.contour_figure(interpolated()).axes[0]
    shades = next(part for part in axes.collections if getattr(part, "filled", False))
    assert shades.get_rasterized()
    assert all(
        part.get_rasterized() for child in axes.child_axes for part in child.collections if isinstance(part, QuadMesh)
    )
