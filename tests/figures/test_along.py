"""The figure and the page of a training run, by their data."""

import json
from dataclasses import replace

import numpy as np
import pytest

from landscape.figures import interactive, static
from landscape.figures.explorer.along import along_page
from landscape.figures.export import write_along
from landscape.figures.plotdata.along import along_panels
from landscape.figures.style import MARK, colour
from landscape.results.along import AlongTraining
from tests.support.browsing import HOSTILE, Opened

RUN = AlongTraining(
    epochs=np.array([0, 5, 10]),
    top=np.array([1.0, 4.0, 2.0]),
    top_residual=np.array([0.1, 0.5, 0.1]),
    trace=np.array([-5.0, 20.0, 30.0]),
    trace_stderr=np.array([1.0, 2.0, np.nan]),
    loss=np.array([1.4, 1.2, 1.1]),
    loss_stderr=np.zeros(3),
    gradient_norm=np.array([0.3, 0.2, 0.1]),
    metric=np.array([np.nan, 0.04, 0.03]),
)
LABELS = ["λₘₐₓ", "trace", "loss", "validation NDCG@20"]


def test_both_libraries_draw_the_four_quantities():
    values = [RUN.top, RUN.trace, RUN.loss, RUN.metric]
    figure = interactive.along_figure(RUN, name="a run")
    assert [trace.name for trace in figure.data] == LABELS
    for trace, wanted in zip(figure.data, values, strict=True):
        np.testing.assert_array_equal(trace.x, RUN.epochs)
        np.testing.assert_array_equal(trace.y, wanted)
        assert trace.marker.color == (colour(0), MARK, colour(0))
    np.testing.assert_array_equal(figure.data[0].error_y.array, RUN.top_residual)
    assert figure.data[1].text[1] == "epoch 5<br>trace 20 ± 2<br>the highest validation metric"
    for axes, label, wanted in zip(static.along_figure(RUN).axes, LABELS, values, strict=True):
        assert axes.get_ylabel().replace("\n", " ") == label
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), wanted)
        (best,) = (line for line in axes.lines if line.get_color() == MARK)
        assert best.get_xdata() == [5]


def test_axes_hold_values_with_their_errors():
    for panel in along_panels(RUN):
        low, high = panel.range
        errors = np.nan_to_num(panel.errors)
        assert low < np.nanmin(panel.values - errors)
        assert high > np.nanmax(panel.values + errors)
        assert panel.span[0] < 0
        assert panel.span[1] > 10


@pytest.mark.parametrize(
    "along",
    [
        replace(RUN, metric=np.full(3, np.nan)),
        AlongTraining(np.array([4]), *(np.array([value]) for value in (2.0, 0.0, 3.0, np.nan, 0.5, 0.0, 0.1, 0.2))),
    ],
    ids=["without validation", "one snapshot"],
)
def test_what_is_missing_is_not_drawn(along, tmp_path):
    assert [trace.y.tolist() for trace in interactive.along_figure(along).data][2] == along.loss.tolist()
    static.save(static.along_figure(along, name="a run", width=3.5), tmp_path / "figure.png")
    assert along.tables()[0].rows[0][0] == along.epochs[0]


def test_the_axis_names_another_matrix():
    labels = [panel.label for panel in along_panels(replace(RUN, operator="fisher"))]
    assert labels == ["λₘₐₓ of the Fisher matrix", "trace of the Fisher matrix", *LABELS[2:]]


def test_page_and_pictures_are_written(tmp_path):
    files = [tmp_path / f"x.{suffix}" for suffix in ("html", "png", "pdf", "svg")]
    write_along(RUN, files[0], files[1:], title="a run", width=5)
    assert [file.read_bytes()[:4] for file in files[1:]] == [b"\x89PNG", b"%PDF", b"<?xm"]
    data = files[0].read_text().split('id="data">')[1].split("</script>")[0]
    assert [trace["name"] for trace in json.loads(data)["figure"]["data"]] == LABELS
    assert "<td>-5 ± 1</td>" in files[0].read_text()


@pytest.mark.browser
def test_the_page_draws_four_panels_whatever_the_title_is(chromium, tmp_path):
    opened = Opened(chromium, tmp_path / "x.html", along_page(replace(RUN, metadata={"note": HOSTILE}), title=HOSTILE))
    assert opened.page.locator(".subplot").count() == 4
    assert opened.page.locator("h1").inner_text() == " ".join(HOSTILE.split())
    assert opened.page.evaluate("window.hacked") is None
    opened.check_fits()
    opened.close()
