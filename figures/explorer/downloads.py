"""What a page holds of results to take away: the texts of their files, or what its script makes these of."""

from __future__ import annotations

from typing import Any

from landscape.figures.entries import ModelEntry
from landscape.figures.exchange.numbers import GRID, csv_text, json_text, result_tables
from landscape.figures.explorer.compact import encoded
from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.plotdata.surfaces.comparison import LOSS, quantities, quantity_of
from landscape.results import Surface

Json = Any


def downloads(model: ModelEntry) -> dict[str, Json]:
    """Return by kind of result: everything as JSON, and the tables as CSV.

    The grid of a surface, as a table and as a mesh, is made by the page's script from the JSON, with the names of the
    columns and, where logarithms were interpolated, these.
    """
    parts: dict[str, Json] = {}
    if model.curvature is not None:
        tables = [(name, csv_text(columns)) for name, columns in result_tables(model.curvature).items()]
        parts["curvature"] = {"json": json_text(model.curvature), "tables": tables}
    if model.surface is not None:
        surface = model.surface
        tables = [(name, csv_text(columns)) for name, columns in result_tables(surface).items() if name != GRID]
        parts = {"surface": {"json": json_text(surface), "tables": tables, **_grid(surface)}, **parts}
    return parts


def _grid(surface: Surface) -> dict[str, Json]:
    names = [name for name in surface.columns(errors=True) if name not in ("alpha", "beta", "evaluated")]
    logarithms = {}
    for name in quantities([surface]):
        shown = quantity_of(surface, name)
        if shown is not None and shown.error is not None and (shown.loss > 0).any():
            logarithms[name] = encoded(plot_heights(shown, log=True).values)
    sources = [LOSS, *surface.metrics]
    columns = [[source, *names[2 * place : 2 * place + 2]] for place, source in enumerate(sources)]
    return {"columns": columns, "logarithms": logarithms}
