"""What a notebook shows: every result as tables, a surface as a picture, and nothing of a file as markup."""

import base64
import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

import landscape
from landscape import Difference, Surface, TraceEstimate
from landscape.results import Check
from landscape.results.display.tables import NotebookDisplay, format_cell
from landscape.results.paths import Mark
from tests.figures.test_curve_figures import PATHS, matrix
from tests.landscape.results.display.test_tables import Cells
from tests.landscape.results.storage.test_storage import QUADRATIC, curvature, surface
from tests.support.browsing import HOSTILE

LARGEST = 60_000  # characters of a surface's picture


def objective():
    model = torch.nn.Linear(2, 1)
    return landscape.Objective(model, lambda model, x: (model(x).square().sum(), len(x)), [torch.ones(3, 2)])


CURVATURE, SURFACE = curvature(), surface()
RESULTS = [
    *(CURVATURE, CURVATURE.pairs, CURVATURE.trace, CURVATURE.spectrum, CURVATURE.sharpness, CURVATURE.blocks),
    *(CURVATURE.localization[0], SURFACE, SURFACE.radial_profile, SURFACE.barrier, SURFACE.trajectory, SURFACE.checks),
    *(QUADRATIC, Difference(Check("slope", 0.1, 0.11, 0.02), Check("curvature", 1, 2, 0.5), 0.1, 0.2, 0, 0, 0, 9)),
    *(PATHS, matrix(), SURFACE.topology()),
    *(objective(), objective().space, landscape.random_plane(objective().space, torch.ones(3))),
]


def shown(result):
    """The texts and the tags of what a notebook shows."""
    parser = Cells()
    parser.feed(result._repr_html_())
    return parser


def picture(result):
    """The pixels of the picture that is shown, and its size in characters."""
    (data,) = re.findall(r'<img [^>]*src="data:image/png;base64,([^"]+)"', result._repr_html_())
    return np.asarray(Image.open(BytesIO(base64.b64decode(data))).convert("RGB")), len(data)


@pytest.mark.parametrize("result", RESULTS, ids=lambda one: type(one).__name__)
def test_every_result_is_shown_with_all_its_numbers(result):
    assert isinstance(result, NotebookDisplay)
    found = shown(result)
    tables = result.tables()
    assert tables and found.tags.count("table") == len(tables)
    for table in tables:
        assert {table.title, *map(format_cell, (cell for row in table.rows for cell in row))} - {""} <= {*found.found}
    assert repr(result) == found.found[0] and len(repr(result)) < 500
    assert "script" not in found.tags


def test_every_public_class_of_a_result_is_among_them():
    results = {getattr(landscape, name) for name in landscape.__all__ if isinstance(getattr(landscape, name), type)}
    displayed = {one for one in results if issubclass(one, NotebookDisplay)}
    shown = {type(result) for result in RESULTS}
    # A class is among them, or is shown by the very methods of one that is: a ShardedObjective as any Objective.
    methods = [name for name in vars(NotebookDisplay) if not name.startswith("__")] + ["__repr__"]
    alike = {
        one
        for one in displayed
        for other in shown
        if issubclass(one, other) and all(getattr(one, name) is getattr(other, name) for name in methods)
    }
    assert shown | alike >= displayed
    assert {one.__name__ for one in alike - shown} == {"ShardedObjective", "ShardedSpace"}
    assert {one.__name__ for one in displayed} >= {"Surface", "Curvature", "Objective", "Plane", "ParamSpace"}


def test_hostile_names_are_text():
    marked = replace(SURFACE, marks=(Mark(HOSTILE, 0, 0),), metadata={"quantity": HOSTILE, "title": HOSTILE})
    blocks = replace(CURVATURE.blocks, names=(HOSTILE, "b"))
    localization = replace(CURVATURE.localization[0], by=HOSTILE, groups=(HOSTILE, "b"))
    trajectory = replace(SURFACE.trajectory, names=(HOSTILE,))
    checks = replace(SURFACE.checks, checks=(Check(HOSTILE, 0, 1, 0.5),))
    trace = TraceEstimate(1.0, 0.1, 3, HOSTILE)
    for result in (marked, blocks, localization, trajectory, checks, trace):
        found = shown(result)
        assert "script" not in found.tags
        assert found.tags.count("img") == (result is marked)
        assert any("<script>" in text for text in found.found)


def plane(loss):
    rows, columns = loss.shape
    axes = (np.linspace(-1, 1, count) for count in (columns, rows))
    return Surface(*axes, loss, np.ones(loss.shape, bool))


def test_the_picture_of_a_plane_is_its_map():
    x, y = np.meshgrid(np.linspace(-1, 1, 51), np.linspace(-1, 1, 51))
    pixels, size = picture(plane(np.sin(5 * x) + np.cos(4 * y) * x))
    assert size < LARGEST
    rising, _ = picture(plane(2.0 + x))
    middle = rising[rising.shape[0] // 3].astype(int)  # a row of pixels through the map
    left, right = middle[len(middle) // 4], middle[2 * len(middle) // 3]
    assert right.sum() > left.sum() + 100  # from the dark end of the colours to the bright one
    assert pixels.shape[1] > 300 and not np.array_equal(pixels, rising)


@pytest.mark.parametrize("fill", [np.nan, np.inf, 1.0, 1e300])
@pytest.mark.parametrize("shape", [(3, 3), (1, 3), (3, 1), (1, 1)])
def test_a_surface_without_heights_has_a_picture(shape, fill):
    pixels, size = picture(plane(np.full(shape, fill)))
    assert size < LARGEST and pixels.std() > 0
