"""Results as numbers: tables as CSV, everything as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from landscape.results import Curvature, Surface
from landscape.results.display.frames import Tabular
from landscape.results.storage.format import FORMAT
from landscape.results.storage.kinds import kind_of
from landscape.results.storage.serialization import to_plain

Columns = Mapping[str, Any]  # arrays or lists by name, all of one length
GRID, EIGENVALUES, ROWS = "grid", "eigenvalues", "table"  # the first table of each kind of result
SECTIONS: Mapping[type, tuple[str, ...]] = {  # the fields that are further tables
    Surface: ("radial_profile", "curve", "checks", "quadratic"),
    Curvature: ("spectrum", "sharpness", "blocks", "checks", "quadratic"),
}


def result_tables(result: Any) -> dict[str, Columns]:
    """Return the tables of a result by name, the main one first.

    Those of a surface's grid have each quantity's error in a column beside it.

    Raises:
        ValueError: A result of this kind has no table.
    """
    first: dict[str, Columns]
    parts: dict[str, Tabular | None] = {}
    if isinstance(result, Surface):
        first = {GRID: result.columns(errors=True)}
        parts = {name: getattr(result, name) for name in SECTIONS[Surface]}
        parts["minima"] = result.topology()
        parts |= {f"trajectory_{place}": run for place, run in enumerate(result.trajectories, 1)}
    elif isinstance(result, Curvature):
        first = {EIGENVALUES: result.pairs.columns()}
        parts = {name: getattr(result, name) for name in SECTIONS[Curvature]}
        parts |= {f"localization_{place}": shares for place, shares in enumerate(result.localization, 1)}
    elif isinstance(result, Tabular):
        first = {ROWS: result.columns()}
    else:
        raise ValueError(f"there is no table of: {kind_of(type(result)).name}; export it as json")
    return first | {name: part.columns() for name, part in parts.items() if part is not None and part.columns()}


def csv_text(columns: Columns) -> str:
    """Return columns as CSV with a line of names.

    Numbers have all their digits. What is unknown is empty, and an overflow is ``inf`` or ``-inf``.

    >>> print(csv_text({"name": ["a", "b, c"], "value": np.array([0.1, np.nan])}), end="")
    name,value
    a,0.1
    "b, c",
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(map(_cell, np.asarray(column).tolist()) for column in columns.values()), strict=True))
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def plain_values(result: Any) -> dict[str, Any]:
    """Return everything of a result that its file holds, but for eigenvectors, as plain values with its metadata."""
    if isinstance(result, Surface):  # its file is no JSON, and what ``--json`` prints of it leaves out the arrays
        return {"format": FORMAT, "kind": "surface", **to_plain(result)}
    return kind_of(type(result)).values(result)


def json_text(result: Any) -> str:
    """Return a result as JSON, a line for each entry: NaN as null, infinities as "inf" and "-inf"."""
    values = to_plain(plain_values(result))
    lines = (f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
