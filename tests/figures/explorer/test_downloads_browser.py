"""The page's menu of files to take away: the same numbers as ``landscape export`` writes, and no request."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from landscape.figures.entries import ModelEntry
from landscape.figures.exchange.formats import ExportOptions, export
from landscape.figures.exchange.numbers import csv_text, result_tables
from landscape.figures.explorer import explorer_page
from tests.figures.exchange.test_meshes import arrays_of, triangles_of
from tests.support.browsing import HOSTILE, Opened, becomes
from tests.support.drawable import between, evaluated, full_curvature, interpolated, marked, tiny


def press(page, button):
    """Press a button of the menu, which is open until something else on the page is."""
    if page.is_hidden("#download-list"):
        page.click("#downloads summary")
    page.click(button)


def saved(opened, part, ending, table=""):
    """The content of a file that a button of the menu saves, and its name."""
    button = f"button[data-part='{part}'][data-download='{ending}'][data-table='{table}']"
    with opened.page.expect_download() as download:
        press(opened.page, button)
    assert opened.page.evaluate("window.hacked") is None
    return download.value.path().read_bytes(), download.value.suggested_filename


def check_table(found, expected):
    """Equal names, texts and numbers, however these are written."""
    (head, *rows), (wanted_head, *wanted) = (list(csv.reader(io.StringIO(text))) for text in (found, expected))
    assert head == wanted_head
    assert len(rows) == len(wanted)
    for row, wanted_row in zip(rows, wanted, strict=True):
        for cell, wanted_cell in zip(row, wanted_row, strict=True):
            assert cell == wanted_cell or float(cell) == float(wanted_cell)


def check_meshes(opened, surface, **options):
    content, _ = saved(opened, "surface", "vtp")
    (piece, found), (wanted_piece, wanted) = (
        arrays_of(text.decode()) for text in (content, export(surface, "vtp", ExportOptions(**options))[0][""])
    )
    assert piece == wanted_piece
    assert [*found] == [*wanted]
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-14, atol=0)
    return content


def check_solid(opened, surface, **options):
    content, _ = saved(opened, "surface", "stl")
    wanted, note = export(surface, "stl", ExportOptions(**options))
    (corners, normals), (wanted_corners, wanted_normals) = map(triangles_of, (content, wanted[""]))
    np.testing.assert_allclose(corners, wanted_corners, rtol=0, atol=2e-5)  # mm; float32 has some 4e-6 at 100
    np.testing.assert_allclose(normals, wanted_normals, rtol=0, atol=1e-4)
    assert content[:60] == wanted[""][:60]
    assert note.split("; ")[1][:30] in opened.page.inner_text("#downloaded")


@pytest.mark.slow
def test_the_files_of_one_model_are_those_of_the_command(flat_chromium, file):
    surface, curvature = replace(marked(), metadata={**marked().metadata, "seed": 2**62 + 1}), full_curvature()
    opened = Opened(flat_chromium, file, explorer_page([ModelEntry("x", surface, curvature)]), accept_downloads=True)
    page = opened.page
    content, name = saved(opened, "surface", "csv")
    assert name == "x-surface.csv"
    check_table(content.decode(), csv_text(result_tables(surface)["grid"]))
    assert saved(opened, "surface", "json")[0] == export(surface, "json")[0][""]
    assert saved(opened, "curvature", "json")[0] == export(curvature, "json")[0][""]
    assert saved(opened, "curvature", "csv", "sharpness") == (
        export(curvature, "csv")[0]["sharpness"],
        "x-curvature-sharpness.csv",
    )
    check_meshes(opened, surface)
    check_solid(opened, surface)
    assert page.is_visible("#download-list")
    page.fill("#solid-size", "42")
    page.check("input[value=log]", force=True)
    becomes(page, "state.scale === 'log'")
    check_meshes(opened, surface, scale="log")
    check_solid(opened, surface, scale="log", size=42)
    page.select_option("#quantity", "NDCG@10")  # known on a coarser grid
    becomes(page, "state.quantity === 'NDCG@10'")
    check_meshes(opened, surface, scale="log", quantity="NDCG@10")
    check_solid(opened, surface, scale="log", size=42, quantity="NDCG@10")
    page.check("input[value=rise]", force=True)
    becomes(page, "state.scale === 'rise'")
    check_solid(opened, surface, scale="rise", size=42, quantity="NDCG@10")
    for wrong in ("0", "-3", ""):
        page.fill("#solid-size", wrong)
        press(page, "button[data-download=stl]")
        assert page.inner_text("#downloaded") == "The size must be a positive number of millimetres."
    page.focus("#solid-size")
    page.keyboard.press("Escape")
    assert page.is_hidden("#download-list")
    opened.check_fits()
    opened.close()


@pytest.mark.slow
def test_each_model_of_several_has_its_files(flat_chromium, file):
    holes, low = evaluated(spoil=True), interpolated(tiny)
    curvature = full_curvature()
    models = [ModelEntry(HOSTILE, holes), ModelEntry("low", low), ModelEntry("path", between(), curvature)]
    opened = Opened(flat_chromium, file, explorer_page(models, title=HOSTILE), accept_downloads=True)
    page = opened.page
    page.check("input[value=linear]", force=True)
    becomes(page, "state.scale === 'linear'")
    check_table(saved(opened, "surface", "csv")[0].decode(), csv_text(result_tables(holes)["grid"]))
    assert json.loads(saved(opened, "surface", "json")[0]) == json.loads(export(holes, "json")[0][""])
    check_meshes(opened, holes)
    assert "8 points of the grid" in page.inner_text("#downloaded")
    press(page, "button[data-download=stl]")
    assert "8 of 99 grid points have no finite height, and a solid has no holes" in page.inner_text("#downloaded")
    page.select_option("#download-model", "1")
    page.check("input[value=log]", force=True)
    becomes(page, "state.scale === 'log'")
    assert page.is_hidden("#download-list")
    check_meshes(opened, low, scale="log")
    check_solid(opened, low, scale="log")  # of logarithms that were interpolated
    page.select_option("#download-model", "2")
    check_meshes(opened, between(), scale="log")
    press(page, "button[data-download=stl]")
    assert page.inner_text("#downloaded") == "A line has no area to make a solid of."
    assert saved(opened, "curvature", "csv", "eigenvalues")[0] == export(curvature, "csv")[0][""]
    opened.close()
