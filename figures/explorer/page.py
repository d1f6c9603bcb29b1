"""Everything known of one model or several, on one page: what turns together, and every number beside its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.figures.captions.comparison import comparison_warnings, missing, model_notes
from landscape.figures.captions.numbers import number_rows
from landscape.figures.entries import ModelEntry, looks
from landscape.figures.explorer.compact import Pool
from landscape.figures.explorer.panels import common_panels, own_panels
from landscape.figures.explorer.rendering import render
from landscape.figures.explorer.tables import copied, mass_table
from landscape.figures.explorer.views import axes, scales_of, views
from landscape.figures.plotdata.comparison import is_plane, masses, quantities, quantity_of
from landscape.figures.style import COLOUR_SCALE
from landscape.figures.themes import THEMES, template
from landscape.results import Surface
from landscape.results.serialization import to_plain

AT_FIRST = 8  # models shown at first: a browser draws no more than some sixteen scenes at a time


def explorer_page(models: Sequence[ModelEntry], *, title: str | None = None, rho: float | None = None) -> str:
    """A page about a model, or one that compares several: surfaces, maps, profiles, curvature, all numbers.

    Of several models, surfaces share one scale and one camera. The page is drawn from what is there: of a model without
    a surface or a curvature it says so, and it warns on top where models differ in more than their parameters (data,
    users, draws, planes).

    Args:
        models: What to show; names are any text, equal ones get numbers.
        title: Any text; by default the name of the only model, or "Loss landscapes".
        rho: The radius of a ball around the centres to draw, where a surface tells how long its directions are.

    Returns:
        HTML that opens from disk and loads nothing; about 5 MB of it are plotly.js.

    Raises:
        ValueError: There is no model, or ρ is not a positive number.
    """
    if not models:
        raise ValueError("there is no model to show; give at least one")
    if rho is not None and not rho > 0:
        raise ValueError(f"rho={rho} must be a positive number")
    if title is None:
        title = models[0].name if len(models) == 1 else "Loss landscapes"
    seen = looks(models)
    surfaces = [model.surface for model in models]
    lines = [surface is not None and not is_plane(surface) for surface in surfaces]
    names, rows = quantities(surfaces), number_rows(models)
    drawn, common = views(surfaces, names, seen, rho), common_panels(models, seen)
    has_nodes = any(surface is not None and not surface.evaluated.all() for surface in surfaces)
    alone = len(models) == 1
    pool = Pool()
    data = {
        "name": title,
        "models": [{"name": look.name, "colour": look.colour} for look in seen],
        "views": {name: pool.put(view) for name, view in drawn.items()},
        "common": {name: pool.put(figures) for name, figures in common.items()},
        "own": [
            pool.put(own_panels(model, None if alone else look.colour))
            for model, look in zip(models, seen, strict=True)
        ],
        "missing": {name: [missing(each, quantity_of(each, name), name) for each in surfaces] for name in names},
        "table": copied(rows, seen),
        "first": AT_FIRST,
        "on": ["points"] if alone and has_nodes else [],
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
    }
    return render(
        "page.html",
        data=data | {"pool": pool.values},
        title=title,
        alone=alone,
        models=models,
        looks=seen,
        rows=rows,
        names=names,
        scales=scales_of(drawn),
        has_planes=any(surface is not None and is_plane(surface) for surface in surfaces),
        lines=[look for look, is_line in zip(seen, lines, strict=True) if is_line],
        profiles=[] if alone and any(lines) else _profiled(surfaces),
        has_quadratic=any(surface is not None and surface.quadratic is not None for surface in surfaces),
        has_nodes=has_nodes,
        common=list(common),
        masses=[] if alone else [mass_table(each) for each in masses([model.curvature for model in models])],
        warnings=comparison_warnings(models, seen),
        notes=model_notes(models, seen),
        provenance=[_provenance(model) for model in models],
        colours=COLOUR_SCALE,
        rho=rho,
        first=AT_FIRST,
        axes=axes(surfaces, seen),
    )


def _profiled(surfaces: Sequence[Surface | None]) -> list[int]:
    """The coordinates along which any surface reaches: 0 for α, 1 for β."""
    shapes = [each.loss.shape for each in surfaces if each is not None and np.isfinite(each.loss).any()]
    return [along for along in (0, 1) if any(shape[1 - along] > 1 for shape in shapes)]


def _provenance(model: ModelEntry) -> dict[str, Any]:
    parts = {"surface": model.surface, "curvature": model.curvature}
    return {name: to_plain(dict(part.metadata)) for name, part in parts.items() if part is not None}
