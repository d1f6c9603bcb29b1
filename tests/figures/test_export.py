"""Which page and which picture a result gets."""

from __future__ import annotations

import pytest
from PIL import Image

from landscape.figures.entries import ModelEntry
from landscape.figures.export import write_page, write_picture
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
