"""The page about one model or several: surfaces that turn together, and all numbers with their provenance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.figures.captions.answer import answer, compared
from landscape.figures.captions.comparison import comparison_warnings, missing, model_notes
from landscape.figures.captions.numbers import number_rows
from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.explorer.compact import Pool
from landscape.figures.explorer.course import course_data, last_rows
from landscape.figures.explorer.downloads import downloads
from landscape.figures.explorer.panels import common_panels, joint_cards, own_cards, own_panels
from landscape.figures.explorer.rendering import render
from landscape.figures.explorer.tables import copied, shares_table
from landscape.figures.explorer.views import axes, map_aspect, scales_of, views
from landscape.figures.plotdata.comparison import LINEAR, RISE, offsets_dominate, quantities, quantity_of
from landscape.figures.plotdata.course import course_of
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.localization import first_eigenvectors
from landscape.figures.style import COLOUR_SCALE
from landscape.figures.themes import THEMES, template
from landscape.results import Surface
from landscape.results.storage.serialization import to_plain

AT_FIRST = 8  # models shown when the page opens: a browser draws at most about sixteen scenes at a time
EMPTY = "This model has neither a surface nor a curvature: there is nothing to draw."


def explorer_page(models: Sequence[ModelEntry], *, title: str | None = None, rho: float | None = None) -> str:
    """Return a page about a model, or one that compares several: surfaces, maps, profiles, curvature, all numbers.

    Surfaces of several models share one scale and one camera. The page names what a model lacks, and warns at its top
    if models differ in more than their parameters (data, users, draws, planes).

    Args:
        models: What to show; names are any text, equal ones get numbers.
        title: Any text; by default the name of the only model, or "Loss landscapes".
        rho: The radius of a ball around the centres, drawn for surfaces with the lengths of their directions.

    Returns:
        HTML that opens from disk and loads nothing; about 2 MB of it are plotly.js.

    Raises:
        ValueError: There is no model, or ρ is not a positive number.
    """
    if not models:
        raise ValueError("there is no model to show; give at least one")
    if rho is not None and not 0 < rho < math.inf:
        raise ValueError(f"rho={rho} must be a positive number")
    if title is None:
        title = models[0].name if len(models) == 1 else "Loss landscapes"
    alone, styles = len(models) == 1, model_styles(models)
    surfaces = [model.surface for model in models]
    lines = [surface is not None and not is_plane(surface) for surface in surfaces]
    names, rows = quantities(surfaces), number_rows(models)
    course = course_of(models, styles)
    drawn, common = views(surfaces, names, styles, rho, course), common_panels(models, styles, course)
    has_nodes = any(surface is not None and not surface.evaluated.all() for surface in surfaces)
    pool = Pool()
    own = [own_panels(model, None if alone else style.colour) for model, style in zip(models, styles, strict=True)]
    files = [downloads(model) for model in models]
    data = {  # for the page's script
        "name": title,
        "models": [{"name": style.name, "colour": style.colour} for style in styles],
        "views": {name: pool.put(view) for name, view in drawn.items()},
        "common": {name: pool.put(figures) for name, figures in common.items()},
        "own": [pool.put(panels) for panels in own],
        "missing": {name: [missing(s, quantity_of(s, name), name) for s in surfaces] for name in names},
        "table": copied(rows, styles),
        "downloads": files,
        "course": None if course is None else course_data(course),
        "first": AT_FIRST,
        "scale": RISE if not alone and offsets_dominate(surfaces) else LINEAR,
        "on": ["points"] if alone and has_nodes and course is None else [],  # which look like snapshots
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
        "pool": pool.values,
    }
    empty = alone and models[0].surface is None and models[0].curvature is None
    return render(
        "page.html",
        data=data,
        title=title,
        alone=alone,
        downloads=any(files),
        models=models,
        styles=styles,
        rows=rows,
        names=names,
        scales=scales_of(drawn),
        has_planes=any(surface is not None and is_plane(surface) for surface in surfaces),
        lines=[style for style, is_line in zip(styles, lines, strict=True) if is_line],
        profiles=[] if alone and any(lines) else _profiled(surfaces),
        has_quadratic=any(surface is not None and surface.quadratic is not None for surface in surfaces),
        has_nodes=has_nodes,
        common=list(common),
        course=course,
        course_rows=[] if course is None else last_rows(course),
        joint_cards=joint_cards(models),
        own_cards=[own_cards(model) for model in models],
        shares=[] if alone else [shares_table(s) for s in first_eigenvectors([model.curvature for model in models])],
        warnings=[EMPTY] if empty else comparison_warnings(models, styles),
        notes=model_notes(models, styles),
        provenance=[_provenance(model) for model in models],
        colours=COLOUR_SCALE,
        rho=rho,
        first=AT_FIRST,
        axes=axes(surfaces, styles),
        plane=map_aspect(surfaces),
        compared=compared(models),
        answer=answer(models, styles),
    )


def _profiled(surfaces: Sequence[Surface | None]) -> list[int]:
    """The coordinates along which any surface reaches: 0 for α, 1 for β."""
    shapes = [s.loss.shape for s in surfaces if s is not None and np.isfinite(s.loss).any()]
    return [along for along in (0, 1) if any(shape[1 - along] > 1 for shape in shapes)]


def _provenance(model: ModelEntry) -> dict[str, Any]:
    parts = {"surface": model.surface, "curvature": model.curvature}
    return {name: to_plain(dict(part.metadata)) for name, part in parts.items() if part is not None}
