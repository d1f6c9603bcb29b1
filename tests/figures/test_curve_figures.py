"""The loss on straight and curved paths, and barriers between models, as they are drawn and described."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.figures import captions, interactive, static
from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page
from landscape.figures.explorer.barriers import barriers_page
from landscape.figures.export import write_picture
from landscape.figures.interactive.parts import CURVE
from landscape.figures.plotdata.surfaces.barriers import barrier_table
from landscape.results import Barrier
from landscape.results.curve import BarrierMatrix, LowLossCurve, PathLoss
from tests.support.browsing import HOSTILE
from tests.support.drawable import METADATA, evaluated, interpolated
from tests.support.pages import Text, figure, part_of

T = np.linspace(0, 1, 5)
STRAIGHT = PathLoss(T, np.array([1.0, 2.0, 3.0, 2.0, 2.0]), np.full(5, 0.1), Barrier(1.5, 0.5, 1.0, 0.0, 0.25))
CURVED = PathLoss(T, np.array([1.0, 1.1, 1.2, 1.5, 2.0]), np.full(5, np.nan), Barrier(0.0, 0.0, 0.0, 0.0))
PATHS = LowLossCurve(STRAIGHT, CURVED, 4.0, 6.0, ("one", "<b>other</b>"), metadata={"training": {"steps": 200}})


def plane():
    """A plane through a curve."""
    described = {**METADATA, "plane": {"kind": "toward", "names": ["one", "<b>other</b>", "bend"]}}
    surface = interpolated()
    return replace(surface, metadata={**surface.metadata, **described}, curve=PATHS, barrier=STRAIGHT.barrier)


def matrix(names=("a", "b", HOSTILE)):
    heights = np.array([[0.0, 0.5, 2.0], [0.5, 0.0, 0.0], [2.0, 0.0, 0.0]])
    stderr = np.array([[0.0, 0.1, 0.2], [0.1, 0.0, np.nan], [0.2, np.nan, 0.0]])
    return BarrierMatrix(
        tuple(names), heights, stderr, np.full((3, 3), 0.5), 3 * heights, np.arange(3.0), dict(METADATA)
    )


def test_both_paths_are_drawn_with_their_errors_and_barriers():
    drawn = interactive.curve_figure(PATHS)
    lines = {trace.name: trace for trace in drawn.data if trace.name.startswith(("straight", "curved"))}
    assert [*lines] == ["straight: barrier 1.5 ± 0.25", "curved: barrier 0"]
    np.testing.assert_array_equal([line.y for line in lines.values()], [STRAIGHT.loss, CURVED.loss])
    low, high = (np.asarray(trace.y) for trace in drawn.data[:2])
    np.testing.assert_allclose([low, high], [STRAIGHT.loss - 0.1, STRAIGHT.loss + 0.1])
    (rise,) = [trace for trace in drawn.data if trace.name == "barrier"]
    assert [*rise.x] == [0.5, 0.5] and [*rise.y] == [1.5, 3.0]  # from the straight line between the ends
    axes = static.curve_figure(PATHS).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), STRAIGHT.loss)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [*lines]
    assert axes.get_ylim()[1] > 3.1


def test_the_curve_lies_on_its_plane_from_start_to_end_below_the_bend():
    surface = plane()
    for draw in (interactive.contour_figure, interactive.surface_figure):
        (line,) = [trace for trace in draw(surface).data if trace.name == CURVE]
        x, y = np.asarray(line.x), np.asarray(line.y)
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 0)
        np.testing.assert_allclose(y, 2 * (np.sqrt(x) - x), atol=1e-12)  # t = √α, β = 2t(1 − t)
        assert y.max() == pytest.approx(0.5, abs=1e-4)
    points = {tuple(point) for point in PATHS.coordinates.tolist()}
    assert {(0.0, 0.0), (0.25, 0.5), (1.0, 0.0)} <= points
    for draw in (interactive.contour_figure, interactive.surface_figure):
        assert not [trace for trace in draw(replace(surface, curve=None)).data if trace.name == CURVE]


def test_the_page_has_the_paths_and_describes_them(tmp_path):
    page = explorer_page([ModelEntry("x", plane())])
    assert part_of(page, "common")["curve"]["linear"]["data"]
    assert any(trace["name"] == CURVE for trace in figure(page, "contour")["data"])
    text = str(Text(page))
    assert "From one model to the other" in text and "1.5 times as long" in text and "in 200 steps" in text
    assert "The white line is a curve of low loss between two models" in text
    assert "A curved path may have none" not in text
    assert "<b>other</b>" in text  # as text
    assert "curve" not in part_of(explorer_page([ModelEntry("x", interpolated())]), "common")
    write_picture([ModelEntry("x", plane())], tmp_path / "a.png", kind="curve")
    assert (tmp_path / "a.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="y has no curve of low loss to draw; compute one with --toward and --curve"):
        write_picture([ModelEntry("y", interpolated())], tmp_path / "b.png", kind="curve")


def test_a_caption_needs_no_record_of_the_training():
    assert "trained for a low loss (Garipov" in captions.curve_caption(replace(PATHS, metadata={}))


def test_barriers_are_a_table_with_colours():
    table = barrier_table(matrix())
    assert table.texts == [["", "0.5", "2"], ["0.5", "", "0"], ["2", "0", ""]]
    assert np.isnan(np.diag(table.values)).all() and table.high == 2
    assert table.hovers[0][1] == ["a to b", "barrier 0.5 ± 0.1 at t = 0.5", "distance 1.5"]
    drawn = interactive.barriers_figure(matrix())
    np.testing.assert_array_equal(drawn.data[0].z, table.values)
    assert "<" not in str(drawn.layout.xaxis.ticktext)
    axes = static.barriers_figure(matrix()).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.5", "2", "0.5", "0", "2", "0"]
    flat = replace(matrix(), heights=np.zeros((3, 3)))
    assert barrier_table(flat).high == 1


def test_the_page_of_barriers_has_all_numbers_and_runs_nothing():
    page = barriers_page(matrix(), title=HOSTILE)
    text = str(Text(page))
    for part in ("Barriers between models", "0.5 ± 0.1", "2 ± 0.2", HOSTILE):
        assert part in text
    assert "<img src=x" not in page


@pytest.mark.slow
def test_the_page_of_barriers_in_a_browser(flat_chromium, file):
    from tests.support.browsing import Opened

    opened = Opened(flat_chromium, file, barriers_page(matrix(), title=HOSTILE))
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.inner_text("h1") == HOSTILE
    assert opened.page.locator("[data-panel=figure] .heatmaplayer").count() == 1
    opened.check_fits()
    opened.close()


def test_the_minima_are_counted_with_what_the_error_leaves_certain():
    assert "1 minimum of the plane is deeper than twice the measured error of 0.0019." in captions.reading(
        [ModelEntry("x", interpolated())], None
    )
    two = interpolated(lambda a, b: (4 * a * a - 1) ** 2 + b * b + 0.1 * a)
    (text,) = [one for one in captions.reading([ModelEntry("x", two)], None) if "minima" in one]
    assert text == "2 minima of the plane are deeper than twice the measured error of 0.0019."
    rough = replace(two, error=replace(two.error, absolute=0.6))
    (text,) = [one for one in captions.reading([ModelEntry("x", rough)], None) if "minimum" in one and "1 other" in one]
    assert (
        text
        == "1 minimum of the plane is deeper than twice the measured error of 0.6; 1 other may come from the error."
    )
    slope = interpolated(lambda a, b: 2 + a + 0 * b)
    assert any(
        "which is at the edge, where the loss may go on falling" in one
        for one in captions.reading([ModelEntry("x", slope)], None)
    )
    grid = [one for one in captions.reading([ModelEntry("x", evaluated())], None) if "minim" in one]
    assert "The grid has 1 minimum: points that no neighbour lies below." in grid
    unknown = replace(two, error=None)
    assert any("the error is unknown, and with it" in one for one in captions.reading([ModelEntry("x", unknown)], None))
