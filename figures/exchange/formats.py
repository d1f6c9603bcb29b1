"""The formats for other programs, and how a result is written in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from landscape.figures.exchange.mesh import BASE, SIZE, sheet, solid
from landscape.figures.exchange.numbers import csv_text, json_text, result_tables
from landscape.figures.exchange.stl import stl_bytes
from landscape.figures.exchange.vtp import vtp_text
from landscape.figures.plotdata.surfaces.comparison import LINEAR, LOSS, SCALES, quantity_of
from landscape.results import Surface
from landscape.results.storage.kinds import kind_of

Files = dict[str, bytes]  # content by what comes after the name of the first file; that one's own is ""


@dataclass(frozen=True)
class ExportOptions:
    """How a surface becomes a mesh.

    Raises:
        ValueError: The scale is unknown.
    """

    quantity: str = LOSS  # of the heights: the loss or a metric
    scale: str = LINEAR  # of the heights, one of ``SCALES``
    size: float = SIZE  # mm, the longer side of a solid
    height: float | None = None  # mm, of its relief; None: in the proportions of the page
    base: float = BASE  # mm, below its lowest point

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {self.scale!r}")


MESH = ("quantity", "scale")  # the options of VTP
SOLID = (*MESH, "size", "height", "base")  # and of STL


@dataclass(frozen=True)
class Format:
    """A format for other programs."""

    title: str
    write: Callable[[Any, ExportOptions], tuple[Files, str]]  # from a result to files and a note on them
    options: tuple[str, ...] = ()  # the fields of ``ExportOptions`` that affect it


def export(result: Any, to: str, options: ExportOptions | None = None) -> tuple[Files, str]:
    """Return a result in the format ``to``, and a note on what is in it.

    Args:
        result: A ``Surface``, a ``Curvature`` or another result that is stored in a file of its own.
        to: A key of ``FORMATS``.
        options: Of a mesh.

    Returns:
        The files' contents by what their names have beside the first one's, whose key is "".

    Raises:
        ValueError: There is no such format, or the result cannot be written in it.
    """
    return format_of(to).write(result, options or ExportOptions())


def format_of(name: str) -> Format:
    """Return the format with this name.

    Raises:
        ValueError: There is none.
    """
    if name not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
    return FORMATS[name]


def _csv(result: Any, options: ExportOptions) -> tuple[Files, str]:
    tables = result_tables(result)
    rows = {name: len(next(iter(columns.values()))) for name, columns in tables.items()}
    first = next(iter(tables))
    files = {
        "" if name == first else name.replace("_", "-"): csv_text(columns).encode() for name, columns in tables.items()
    }
    return files, ", ".join(f"{name.replace('_', ' ')} ({count:,} rows)" for name, count in rows.items())


def _json(result: Any, options: ExportOptions) -> tuple[Files, str]:
    return {"": json_text(result).encode()}, "everything but eigenvectors"


def _vtp(result: Any, options: ExportOptions) -> tuple[Files, str]:
    surface = _shown(result, options, "vtp")
    mesh = sheet(surface, options.scale)
    note = f"{len(mesh.points):,} points, {len(mesh.cells):,} cells"
    if mesh.left_out:
        note += f"; {mesh.left_out:,} points of the grid without a finite height are cut out"
    return {"": vtp_text(surface, mesh).encode()}, note


def _stl(result: Any, options: ExportOptions) -> tuple[Files, str]:
    body = solid(
        _shown(result, options, "stl"), options.scale, size=options.size, relief=options.height, base=options.base
    )
    width, depth, height = body.points.max(0) - body.points.min(0)
    note = f"{width:.4g} × {depth:.4g} × {height:.4g} mm, {len(body.triangles):,} triangles; {body.note}"
    return {"": stl_bytes(body)}, note


def _shown(result: Any, options: ExportOptions, to: str) -> Surface:
    if not isinstance(result, Surface):
        raise ValueError(
            f"{to} takes a surface, and this holds: {kind_of(type(result)).name}; export it as csv or json"
        )
    shown = quantity_of(result, options.quantity)
    return result.of(options.quantity) if shown is None else shown  # raises: the error names those that there are


FORMATS: Mapping[str, Format] = {
    "csv": Format("Tables for spreadsheets", _csv),
    "json": Format("All numbers, with their metadata", _json),
    "vtp": Format("A mesh for ParaView", _vtp, MESH),
    "stl": Format("A solid to print", _stl, SOLID),
}
