"""Which page and which picture a result gets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawable import between, curvature, evaluated, full_curvature
from PIL import Image

from figures.static.canvas import DPI
from figures.writing import write_page, write_picture


@pytest.mark.parametrize(
    ("result", "heading", "width"),
    [
        (evaluated(), "Loss surface", 4.5),
        (between(), "Loss along a line", 4.5),
        (curvature(), "Curvature of the loss", 3.5),
        (full_curvature(), "Curvature of the loss", 7.0),
    ],
    ids=["plane", "line", "eigenvalues", "all of a curvature"],
)
def test_each_result_has_its_page_and_its_picture(result, heading, width, tmp_path):
    write_page(result, tmp_path / "result.html")
    assert f"<title>result · {heading}</title>" in (tmp_path / "result.html").read_text(encoding="utf-8")
    titled = replace(result, metadata={**result.metadata, "title": "A & B"})
    write_page(titled, tmp_path / "result.html")
    assert "<h1>A &amp; B</h1>" in (tmp_path / "result.html").read_text(encoding="utf-8")
    write_picture(titled, tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as picture:
        assert picture.width == width * DPI
