"""Which page and which picture a result gets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from landscape.figures.entries import ModelEntry
from landscape.figures.export import write_page, write_picture
from landscape.figures.interactive import spectrum_figure
from landscape.figures.static.canvas import DPI
from landscape.results import Curvature
from tests.support.drawable import between, curvature, evaluated, full_curvature


@pytest.mark.slow
@pytest.mark.parametrize(
    ("result", "heading", "width"),
    [
        (evaluated(), "Loss surface", 3.5),
        (between(), "Loss along a line", 3.5),
        (curvature(), "Curvature of the loss", 3.5),
        (full_curvature(), "Curvature of the loss", 7.0),
    ],
    ids=["plane", "line", "eigenvalues", "all of a curvature"],
)
def test_each_result_has_its_page_and_its_picture(result, heading, width, tmp_path):
    kind = "curvature" if isinstance(result, Curvature) else "surface"
    write_page([ModelEntry("A & B", **{kind: result})], tmp_path / "result.html")
    html = (tmp_path / "result.html").read_text(encoding="utf-8")
    assert f"<title>A &amp; B · {heading}</title>" in html
    assert "<h1>A &amp; B</h1>" in html
    write_picture([ModelEntry("A & B", **{kind: result})], tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as picture:
        assert picture.width == width * DPI


def test_a_logarithmic_picture_of_losses_without_a_logarithm_is_refused(tmp_path):
    below = replace(evaluated(), loss=evaluated().loss - evaluated().loss.min())  # 0 at its lowest
    count = int((below.loss <= 0).sum())
    with pytest.raises(
        ValueError, match=f"A: the loss is 0 or less at {count} grid points.* take --picture-scale linear"
    ):
        write_picture([ModelEntry("A", below)], tmp_path / "a.png", scale="log")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "ends", [(1e290, 1.7e308), (-1.7e308, 1.7e308), (5e-324, 1e-323), (1e-320, 1.0), (0.1, 1e200)], ids=str
)
def test_losses_at_the_ends_of_all_numbers_are_drawn_as_infinite_or_zero(ends, tmp_path):
    """Their differences, squares and logarithms are no numbers."""
    weight = np.linspace(0, 1, 25).reshape(5, 5)
    extreme = replace(evaluated(points=(5, 5)), loss=ends[0] * (1 - weight) + ends[1] * weight)
    write_page([ModelEntry("A", extreme)], tmp_path / "a.html")
    for kind in ("3d", "map"):
        for scale in ("linear", "rise"):
            write_picture([ModelEntry("A", extreme)], tmp_path / "a.png", kind=kind, scale=scale)
    large = int((np.abs(extreme.loss) > 1e150).sum())
    counted = f"{large} of 25 grid points have no finite loss"
    page = (tmp_path / "a.html").read_text()
    assert (counted in page) == (0 < large < 25)


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_residual_as_large_as_numbers_are_leaves_its_axis_finite():
    pairs = replace(curvature().pairs, residuals=np.full(len(curvature().pairs.values), 1.7e308))
    axis = spectrum_figure(replace(curvature(), pairs=pairs)).layout.xaxis
    assert np.isfinite([*axis.range, *axis.tickvals]).all()
    assert len(axis.tickvals) >= 3
