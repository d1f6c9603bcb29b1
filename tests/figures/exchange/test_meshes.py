"""Surfaces as meshes: closed, of the volume of the integral, and read by an XML parser and by VTK as they were."""

import base64
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from landscape.figures.exchange.mesh import sheet, solid
from landscape.figures.exchange.stl import HEADER, TRIANGLE, stl_bytes
from landscape.figures.exchange.vtp import vtp_text
from landscape.figures.plotdata.scales import plot_heights
from landscape.results import Surface
from tests.support.drawable import between, evaluated, interpolated, marked, tiny


def grid_surface(alphas, betas, loss):
    return Surface(np.asarray(alphas, float), np.asarray(betas, float), loss, np.ones_like(loss, bool), {})


def triangles_of(content):
    """Corners (T, 3, 3) and normals (T, 3) of a binary STL."""
    (count,) = np.frombuffer(content, "<u4", 1, HEADER)
    records = np.frombuffer(content, TRIANGLE, offset=HEADER + 4)
    assert len(records) == count
    return records["corners"].astype(float), records["normal"].astype(float)


def check_closed(corners):
    """Every edge joins two triangles, which run along it in opposite directions."""
    names = {point: place for place, point in enumerate(sorted({tuple(p) for p in corners.reshape(-1, 3).tolist()}))}
    faces = [[names[tuple(point)] for point in face] for face in corners.tolist()]
    edges = Counter((face[i], face[(i + 1) % 3]) for face in faces for i in range(3))
    assert set(edges.values()) == {1}
    assert all((end, start) in edges for start, end in edges)
    assert len(names) - len(edges) // 2 + len(faces) == 2  # Euler: a ball


def volume(corners):
    return float(np.linalg.det(corners).sum() / 6)


@given(
    st.integers(2, 6),
    st.integers(2, 6),
    st.floats(5, 300),
    st.floats(0.5, 50),
    st.floats(0.5, 10),
    st.integers(0, 2**32 - 1),
)
def test_a_solid_is_closed_and_has_the_volume_of_its_surface(columns, rows, size, relief, base, seed):
    generator = np.random.default_rng(seed)
    alphas, betas = (np.cumsum(generator.uniform(0.5, 1, count)) for count in (columns, rows))
    surface = grid_surface(alphas, betas, generator.normal(size=(rows, columns)))
    corners, normals = triangles_of(stl_bytes(solid(surface, "linear", size=size, relief=relief, base=base)))
    check_closed(corners)
    assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-5)
    assert_allclose(corners.reshape(-1, 3).max(0)[:2].max(), size, rtol=1e-6)
    assert_allclose(corners[:, :, 2].max(), base + relief, rtol=1e-6)
    assert corners[:, :, 2].min() == 0
    # The integral of the piecewise linear heights: over each half of a cell, the mean of its three corners.
    z = base + relief * (surface.loss - surface.loss.min()) / np.ptp(surface.loss)
    sides = [max(np.ptp(axis) / max(np.ptp(alphas), np.ptp(betas)), 0.35) for axis in (alphas, betas)]
    x, y = (size * side * np.diff(axis) / np.ptp(axis) for side, axis in zip(sides, (alphas, betas), strict=True))
    halves = (2 * z[:-1, :-1] + z[:-1, 1:] + 2 * z[1:, 1:] + z[1:, :-1]) / 6
    assert_allclose(volume(corners), (y[:, None] * x[None, :] * halves).sum(), rtol=1e-5)


def test_a_plane_has_the_volume_in_closed_form_and_normals_that_point_outwards():
    alphas, betas = np.linspace(-1, 3, 9), np.linspace(0, 2, 5)
    body = solid(grid_surface(alphas, betas, alphas[None] + 2 * betas[:, None]), "linear", size=80, relief=30, base=4)
    corners, normals = triangles_of(stl_bytes(body))
    assert_allclose(volume(corners), 80 * 40 * (4 + 30 / 2), rtol=1e-6)  # from -1 to 7, the mean is in the middle
    middle = corners.reshape(-1, 3).mean(0)
    assert (((corners.mean(1) - middle) * normals).sum(1) > 0).all()  # the body is convex
    assert body.note == "1 mm is 0.05 of alpha, 0.05 of beta and 0.267 of loss"


def test_a_flat_surface_is_a_slab():
    corners, _ = triangles_of(stl_bytes(solid(grid_surface([0, 1], [0, 1], np.full((2, 2), 5.0)), "linear")))
    check_closed(corners)
    assert_allclose(volume(corners), 100 * 100 * (3 + 36), rtol=1e-6)


def test_the_logarithms_of_a_solid_are_those_of_the_page():
    surface = interpolated(tiny)  # whose interpolated losses have no logarithms
    body, heights = solid(surface, "log", base=1, relief=10), plot_heights(surface, log=True)
    top = body.points[: surface.loss.size, 2].reshape(surface.loss.shape)
    assert_allclose((top - 1) / 10, (heights.values - heights.low) / (heights.high - heights.low))
    assert "log10 loss" in body.note


@pytest.mark.parametrize("name", ["size", "relief", "base"])
@pytest.mark.parametrize("length", [0.0, -1.0, np.nan, np.inf])
def test_lengths_are_positive(name, length):
    with pytest.raises(ValueError, match=r"must be a positive number of millimetres"):
        solid(evaluated(), "linear", **{name: length})


def test_what_makes_no_solid_is_refused():
    with pytest.raises(ValueError, match="8 of 99 grid points have no loss that is finite, and a solid has no holes"):
        solid(evaluated(spoil=True), "linear")
    with pytest.raises(ValueError, match="a line has no area"):
        solid(between(), "linear")
    with pytest.raises(ValueError, match="no loss that can be drawn on the scale 'log'"):
        solid(grid_surface([0, 1], [0, 1], -np.ones((2, 2))), "log")
    fine = grid_surface([0, 1 - 1e-9, 1], [0, 1], np.arange(6.0).reshape(2, 3))
    with pytest.raises(ValueError, match="too fine for a solid of this size"):
        stl_bytes(solid(fine, "linear"))


# ---- VTP -------------------------------------------------------------------------------------------------------------


def arrays_of(text):
    """The arrays of a VTP file by name, read as the format says."""
    piece = ElementTree.fromstring(text).find("PolyData/Piece")
    kinds = {"Float64": "<f8", "Int32": "<i4", "UInt8": "u1"}
    found = {}
    for array in piece.iter("DataArray"):
        content = base64.b64decode(array.text)
        assert np.frombuffer(content, "<u4", 1)[0] == len(content) - 4
        values = np.frombuffer(content[4:], kinds[array.get("type")])
        found[array.get("Name")] = values.reshape(-1, int(array.get("NumberOfComponents", 1))).squeeze()
    return piece.attrib, found


def test_a_mesh_has_all_points_with_all_quantities():
    surface = marked()
    piece, found = arrays_of(vtp_text(surface, sheet(surface, "linear")))
    columns = surface.columns(errors=True)
    assert (int(piece["NumberOfPoints"]), int(piece["NumberOfPolys"])) == (21 * 17, 20 * 16)
    assert_array_equal(found.pop("Points"), np.column_stack([columns.pop(n) for n in ("alpha", "beta", "loss")]))
    columns["loss"] = surface.loss.ravel()
    cells = found.pop("connectivity").reshape(-1, 4)
    assert_array_equal(found.pop("offsets"), 4 * np.arange(1, 321))
    assert found.keys() == columns.keys()
    for name, values in columns.items():
        assert_array_equal(found[name], values)
    corners = np.stack([np.tile(surface.alphas, 17), np.repeat(surface.betas, 21)], 1)[cells]  # (C, 4, 2)
    following = np.roll(corners, -1, 1)
    areas = (corners[..., 0] * following[..., 1] - corners[..., 1] * following[..., 0]).sum(1) / 2
    assert_allclose(areas, 0.1 * 0.125)  # counter-clockwise, and none twice:
    assert len({tuple(sorted(cell)) for cell in cells.tolist()}) == 320


def test_holes_are_cut_out_of_a_mesh_with_the_cells_that_touch_them():
    surface = evaluated(spoil=True)
    mesh = sheet(surface, "linear")
    piece, found = arrays_of(vtp_text(surface, mesh))
    usable = np.isfinite(surface.loss)
    whole = usable[:-1, :-1] & usable[:-1, 1:] & usable[1:, :-1] & usable[1:, 1:]
    assert (len(found["Points"]), int(piece["NumberOfPolys"])) == (usable.sum(), whole.sum())
    assert mesh.left_out == 8
    assert np.isfinite(found["Points"]).all()
    assert_array_equal(found["loss"], surface.loss[usable])
    corners = found["Points"][found["connectivity"].reshape(-1, 4)]
    assert (np.ptp(corners[..., 0], axis=1) < 0.21).all() and (np.ptp(corners[..., 1], axis=1) < 0.21).all()


def test_a_line_is_a_chain_of_segments():
    piece, found = arrays_of(vtp_text(between(), sheet(between(), "linear")))
    assert (int(piece["NumberOfLines"]), int(piece["NumberOfPolys"])) == (40, 0)
    assert_array_equal(found["connectivity"].reshape(-1, 2), np.stack([np.arange(40), np.arange(1, 41)], 1))


def test_names_of_quantities_are_escaped():
    surface = replace(evaluated(), metrics={'<"&\x01>': np.ones((9, 11))})
    assert '<"&\\x01>' in arrays_of(vtp_text(surface, sheet(surface, "linear")))[1]


def test_vtk_reads_the_same(tmp_path):
    vtk = pytest.importorskip("vtk", reason="vtk, an independent reader, is not installed")
    from vtk.util.numpy_support import vtk_to_numpy

    surface = evaluated(spoil=True)
    (tmp_path / "a.vtp").write_text(vtp_text(surface, sheet(surface, "log")), encoding="utf-8")
    reader = vtk.vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "a.vtp"))
    reader.Update()
    usable = np.isfinite(surface.loss)
    assert_array_equal(vtk_to_numpy(reader.GetOutput().GetPoints().GetData())[:, 2], np.log10(surface.loss[usable]))
    assert_array_equal(vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()), surface.loss[usable])
    assert reader.GetOutput().GetNumberOfPolys() == 67
