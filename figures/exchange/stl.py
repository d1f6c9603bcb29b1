"""Solids as binary STL, which programs for printing read: triangles with their normals, in mm."""

from __future__ import annotations

import numpy as np

from landscape.figures.exchange.mesh import Solid

HEADER = 80  # bytes of text, which must not begin with "solid"
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])


def stl_bytes(solid: Solid) -> bytes:
    """Return a solid as binary STL; its header says what a mm stands for, as far as it has room.

    Raises:
        ValueError: In single precision, which the format has, points of the solid fall on each other.
    """
    points = solid.points.astype(np.float32)
    if len(np.unique(points, axis=0)) < len(points):
        raise ValueError("the grid is too fine for a solid of this size: points fall on each other; enlarge --size")
    corners = points[solid.triangles]  # (T, 3, 3)
    exact = corners.astype(np.float64)
    normals = np.cross(exact[:, 1] - exact[:, 0], exact[:, 2] - exact[:, 0])
    records = np.zeros(len(corners), TRIANGLE)
    records["corners"] = corners
    records["normal"] = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    header = f"landscape: {solid.note}".encode("ascii", errors="replace")[:HEADER].ljust(HEADER)
    return b"".join([header, len(records).to_bytes(4, "little"), records.tobytes()])
