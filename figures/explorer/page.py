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
from landscape.figures.interactive.surfaces.surface import CAMERA
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.geometry.localization import first_eigenvectors
from landscape.figures.plotdata.surfaces.comparison import LINEAR, RISE, offsets_dominate, quantities, quantity_of
from landscape.figures.plotdata.surfaces.course import course_of
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
    return render("page.html", **_shown(_Content(models, title, rho)))


class _Content:
    """What a page is about, and what both its script and its template are made from."""

    def __init__(self, models: Sequence[ModelEntry], title: str | None, rho: float | None) -> None:
        self.models, self.styles, self.rho = models, model_styles(models), rho
        self.alone = len(models) == 1
        self.title = title if title is not None else models[0].name if self.alone else "Loss landscapes"
        self.surfaces = [model.surface for model in models]
        self.names, self.rows = quantities(self.surfaces), number_rows(models)
        self.course = course_of(models, self.styles)
        self.views = views(self.surfaces, self.names, self.styles, rho, self.course)
        self.common = common_panels(models, self.styles, self.course)
        self.downloads = [downloads(model) for model in models]
        self.has_nodes = any(surface is not None and not surface.evaluated.all() for surface in self.surfaces)


def _data(content: _Content) -> dict[str, Any]:
    """Return what the page's script draws from."""
    alone, surfaces, course = content.alone, content.surfaces, content.course
    pool = Pool()
    own = [
        own_panels(model, None if alone else style.colour)
        for model, style in zip(content.models, content.styles, strict=True)
    ]
    return {
        "name": content.title,
        "models": [{"name": style.name, "colour": style.colour} for style in content.styles],
        "views": {name: pool.put(view) for name, view in content.views.items()},
        "common": {name: pool.put(figures) for name, figures in content.common.items()},
        "own": [pool.put(panels) for panels in own],
        "missing": {name: [missing(s, quantity_of(s, name), name) for s in surfaces] for name in content.names},
        "table": copied(content.rows, content.styles),
        "downloads": content.downloads,
        "course": None if course is None else course_data(course),
        "first": AT_FIRST,
        "camera": CAMERA,
        "scale": RISE if not alone and offsets_dominate(surfaces) else LINEAR,
        "on": ["points"] if alone and content.has_nodes and course is None else [],  # which look like snapshots
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
        "pool": pool.values,
    }


def _shown(content: _Content) -> dict[str, Any]:
    """Return the values of the page's template."""
    models, styles, surfaces, course = content.models, content.styles, content.surfaces, content.course
    lines = [surface is not None and not is_plane(surface) for surface in surfaces]
    curvatures = [model.curvature for model in models]
    empty = content.alone and surfaces[0] is None and curvatures[0] is None
    return {
        "data": _data(content),
        "title": content.title,
        "alone": content.alone,
        "downloads": any(content.downloads),
        "models": models,
        "styles": styles,
        "rows": content.rows,
        "names": content.names,
        "scales": scales_of(content.views),
        "has_planes": any(surface is not None and is_plane(surface) for surface in surfaces),
        "lines": [style for style, is_line in zip(styles, lines, strict=True) if is_line],
        "profiles": [] if content.alone and any(lines) else _profiled(surfaces),
        "has_quadratic": any(surface is not None and surface.quadratic is not None for surface in surfaces),
        "has_nodes": content.has_nodes,
        "common": list(content.common),
        "course": course,
        "course_rows": [] if course is None else last_rows(course),
        "joint_cards": joint_cards(models),
        "own_cards": [own_cards(model) for model in models],
        "shares": [] if content.alone else [shares_table(shares) for shares in first_eigenvectors(curvatures)],
        "warnings": [EMPTY] if empty else comparison_warnings(models, styles),
        "notes": model_notes(models, styles),
        "provenance": [_provenance(model) for model in models],
        "colours": COLOUR_SCALE,
        "rho": content.rho,
        "first": AT_FIRST,
        "axes": axes(surfaces, styles),
        "plane": map_aspect(surfaces),
        "compared": compared(models),
        "answer": answer(models, styles),
    }


def _profiled(surfaces: Sequence[Surface | None]) -> list[int]:
    """The coordinates along which any surface reaches: 0 for α, 1 for β."""
    shapes = [s.loss.shape for s in surfaces if s is not None and np.isfinite(s.loss).any()]
    return [along for along in (0, 1) if any(shape[1 - along] > 1 for shape in shapes)]


def _provenance(model: ModelEntry) -> dict[str, Any]:
    parts = {"surface": model.surface, "curvature": model.curvature}
    return {name: to_plain(dict(part.metadata)) for name, part in parts.items() if part is not None}
