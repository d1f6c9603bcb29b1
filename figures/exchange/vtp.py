"""Surfaces in ParaView's XML form of polygons (VTP); "VTK XML formats", Kitware, 2024."""

from __future__ import annotations

import base64
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from landscape.figures.exchange.mesh import Sheet
from landscape.results import Surface
from landscape.results.display.printable import printable

TYPES = {"f8": "Float64", "i4": "Int32", "u1": "UInt8"}


def vtp_text(surface: Surface, sheet: Sheet) -> str:
    """Return a sheet with the surface's columns as data of its points: losses, metrics, their errors.

    Arrays are uncompressed base64, little-endian, each after its length as UInt32.
    """
    columns = surface.columns(errors=True)
    del columns["alpha"], columns["beta"]
    cells, corners = sheet.cells, sheet.cells.shape[1]
    lines, polygons = (len(cells), 0) if corners == 2 else (0, len(cells))
    part = "Lines" if corners == 2 else "Polys"
    text = [
        '<?xml version="1.0"?>',
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt32">',
        "<PolyData>",
        f'<Piece NumberOfPoints="{len(sheet.points)}" NumberOfVerts="0" NumberOfLines="{lines}" NumberOfStrips="0" '
        f'NumberOfPolys="{polygons}">',
        f"<PointData Scalars={quoteattr(printable(next(iter(columns))))}>",
        *(_array(name, np.asarray(values)[sheet.rows]) for name, values in columns.items()),
        "</PointData>",
        "<Points>",
        _array("Points", sheet.points),
        "</Points>",
        f"<{part}>",
        _array("connectivity", cells.ravel().astype(np.int32)),
        _array("offsets", corners * np.arange(1, len(cells) + 1, dtype=np.int32)),
        f"</{part}>",
        "</Piece>",
        "</PolyData>",
        "</VTKFile>",
    ]
    return "\n".join(text) + "\n"


def _array(name: str, values: NDArray[Any]) -> str:
    values = values.astype(np.uint8) if values.dtype == bool else values
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"
    several = f' NumberOfComponents="{values.shape[1]}"' if values.ndim == 2 else ""
    content = np.ascontiguousarray(values, dtype=f"<{kind}").tobytes()
    data = base64.b64encode(np.uint32(len(content)).astype("<u4").tobytes() + content).decode("ascii")
    name = quoteattr(printable(name))
    return f'<DataArray type="{TYPES[kind]}" Name={name}{several} format="binary">{data}</DataArray>'
