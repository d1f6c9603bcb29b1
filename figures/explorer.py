"""Several models on one page: surfaces that turn together, on one scale, and every number beside its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from figures.compact import Pool, encoded
from figures.copies import latex, markdown
from figures.drawn.comparison import (
    LINEAR,
    LOG,
    RISE,
    SCALES,
    TRAINED,
    VALIDATED,
    Masses,
    Shown,
    ball_fits,
    is_plane,
    masses,
    quantities,
    quantity_of,
    shown,
)
from figures.drawn.planes import coordinates
from figures.drawn.scales import Heights, aspect
from figures.drawn.shares import cell, is_dark
from figures.interactive import contour_figure, surface_figure
from figures.interactive.comparison import (
    bands_figure,
    densities_figure,
    history_figure,
    profile_figure,
    spectra_figure,
)
from figures.interactive.parts import compact
from figures.models import Look, Model, looks
from figures.page import bare, render
from figures.style import COLOUR_SCALE, GREEK_ALPHA, GREEK_BETA, number, percent, shade
from figures.themes import THEMES, template
from figures.words.comparison import comparison_warnings, missing, model_notes
from figures.words.numbers import Row, number_rows
from landscape.results import Surface
from landscape.results.plain import to_plain

DRAWN = {"surface": surface_figure, "contour": contour_figure}
SHARED, OWN = "shared", "own"
AT_FIRST = 8  # models shown at first: a browser draws no more than some sixteen scenes at a time

Json = Any


def explorer_page(models: Sequence[Model], *, title: str = "Loss landscapes", rho: float | None = None) -> str:
    """A page that compares models: surfaces with linked cameras and one scale, maps, profiles, curvature, all numbers.

    It is drawn from what is there: of a model without a surface or a curvature it says so, and it warns on top where
    models differ in more than their parameters (data, users, draws, planes).

    Args:
        models: What to compare; names are any text, equal ones get numbers.
        title: Any text.
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
    seen = looks(models)
    surfaces = [model.surface for model in models]
    names = quantities(surfaces)
    rows = number_rows(models)
    pool = Pool()
    views = {name: _views([quantity_of(each, name) for each in surfaces], seen, rho) for name in names}
    common = _common(models, seen)
    data = {
        "name": title,
        "models": [{"name": look.name, "colour": look.colour} for look in seen],
        "views": {name: pool.put(view) for name, view in views.items()},
        "common": {name: pool.put(figure) for name, figure in common.items()},
        "missing": {
            name: [missing(surface, quantity_of(surface, name), name) for surface in surfaces] for name in names
        },
        "table": _copied(rows, seen),
        "first": AT_FIRST,
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
    }
    data["pool"] = pool.values
    return render(
        "explorer.html",
        data=data,
        title=title,
        models=models,
        looks=seen,
        rows=rows,
        names=names,
        scales=[scale for scale in SCALES if any(scale in view for view in views.values())],
        has_planes=any(surface is not None and is_plane(surface) for surface in surfaces),
        has_profiles=any(surface is not None for surface in surfaces),
        has_quadratic=any(surface is not None and surface.quadratic is not None for surface in surfaces),
        has_nodes=any(surface is not None and not surface.evaluated.all() for surface in surfaces),
        common=list(common),
        masses=[_cells(each) for each in masses([model.curvature for model in models])],
        warnings=comparison_warnings(models, seen),
        notes=model_notes(models, seen),
        provenance=[_provenance(model) for model in models],
        colours=COLOUR_SCALE,
        rho=rho,
        first=AT_FIRST,
        axes=_axes(surfaces, seen),
    )


def _axes(surfaces: Sequence[Surface | None], seen: Sequence[Look]) -> list[str]:
    """What the coordinates are, and of which models where they differ."""
    named: dict[str, list[str]] = {}
    for surface, look in zip(surfaces, seen, strict=True):
        if surface is not None and is_plane(surface):
            named.setdefault(", ".join(each.label for each in coordinates(surface)), []).append(look.name)
    return list(named) if len(named) == 1 else [f"{axes}: {', '.join(names)}" for axes, names in named.items()]


def _views(surfaces: Sequence[Surface | None], seen: Sequence[Look], rho: float | None) -> dict[str, Json]:
    """By scale: the figures of each model, shared and on their own, with the numbers and axes of the profiles."""
    found = {}
    for scale in SCALES:
        drawn = shown(surfaces, scale)
        if drawn.limits is not None:
            found[scale] = _view(drawn, seen, rho)
    return found


def _view(drawn: Shown, seen: Sequence[Look], rho: float | None) -> dict[str, Json]:
    variants = {SHARED: True, OWN: False} if len(seen) > 1 else {SHARED: True}
    named = {coordinates(surface) for surface in drawn.surfaces if surface is not None}
    symbols = [each.symbol for each in next(iter(named))] if len(named) == 1 else [GREEK_ALPHA, GREEK_BETA]
    common = drawn.common
    ticks, labels = common.ticks
    return {
        "figures": {
            panel: {
                name: [_figure(drawn, panel, index, rho, share) for index in range(len(seen))]
                for name, share in variants.items()
            }
            for panel in DRAWN
        },
        "grids": [
            None if of is None or these is None else _grid(of, these)
            for of, these in zip(drawn.surfaces, drawn.drawn, strict=True)
        ],
        "profiles": [bare(profile_figure(drawn, along, (symbols[0], symbols[1]), seen)) for along in (0, 1)],
        "symbols": symbols,
        "bar": {
            "label": common.label,
            "ticks": [
                [(tick - common.low) / (common.high - common.low), label]
                for tick, label in zip(ticks, labels, strict=True)
            ],
        },
    }


def _figure(drawn: Shown, panel: str, index: int, rho: float | None, share: bool) -> Json:
    surface = drawn.surfaces[index]
    if surface is None or not is_plane(surface):
        return None
    draw: Callable[..., go.Figure] = DRAWN[panel]
    figure = bare(
        draw(
            surface,
            log=drawn.log,
            rho=rho if rho is not None and ball_fits(surface, rho) else None,
            quadratic=surface.quadratic is not None,
            limits=drawn.limits if share else None,
        )
    )
    layout = figure["layout"]
    axes = layout if panel == "contour" else layout["scene"]
    if share:
        axes["xaxis"]["range"], axes["yaxis"]["range"] = list(drawn.alphas), list(drawn.betas)
    if panel == "contour":
        _as_small_map(figure, surface, share)
    else:
        _as_small_scene(layout["scene"], drawn, share)
    return figure


def _as_small_map(figure: dict[str, Json], surface: Surface, share: bool) -> None:
    """A map among others: its axes and, on a common scale, its colours are told once for all."""
    layout = figure["layout"]
    figure["data"][0]["showscale"] = not share
    for axis, coordinate in zip(("xaxis", "yaxis"), coordinates(surface), strict=True):
        layout[axis] |= {"fixedrange": True, "title": {"text": coordinate.symbol, "standoff": 4}}
    layout |= {"dragmode": False, "hovermode": "closest", "margin": {"l": 44, "r": 8, "t": 8, "b": 40}}


def _as_small_scene(scene: dict[str, Json], drawn: Shown, share: bool) -> None:
    """A scene among others: colour bar and caption have the quantity and the value at the centre."""
    scene["zaxis"]["title"]["text"] = ""
    if share:
        sides = aspect(np.array(drawn.alphas), np.array(drawn.betas))
        scene["aspectratio"] = dict(zip("xyz", sides, strict=True))
    # What is left of the label is the arrow's tip, which the surface does not hide.
    for label in scene.get("annotations", ()):
        if (label["x"], label["y"]) == (0, 0):
            label |= {"text": "", "ay": -20, "bgcolor": "rgba(0,0,0,0)"}


def _grid(surface: Surface, drawn: Heights) -> dict[str, Json]:
    """The numbers that the crosshair and the profiles read; heights on the logarithmic scale are log10."""
    states = [["evaluated" if done else "interpolated" for done in row] for row in surface.evaluated.tolist()]
    return {
        "alphas": encoded(surface.alphas),
        "betas": encoded(surface.betas),
        "values": encoded(compact(drawn.values)),
        "centre": number(surface.centre) if math.isfinite(surface.centre) else "",
        "states": states if len(np.unique(surface.evaluated)) > 1 else states[0][0],
    }


def _common(models: Sequence[Model], seen: Sequence[Look]) -> dict[str, Json]:
    """The figures that all models are in, as far as there is something to draw; bands by scale."""
    curvatures = {index: model.curvature for index, model in enumerate(models) if model.curvature is not None}
    bands = {index: model.surface.band for index, model in enumerate(models) if model.surface and model.surface.band}
    spectra = {index: each.spectrum for index, each in curvatures.items() if each.spectrum is not None}
    histories = {index: model.history for index, model in enumerate(models) if len(model.history)}
    figures: dict[str, Mapping[str, go.Figure | None]] = {
        "band": {scale: bands_figure(bands, seen, rise=scale == RISE, log=scale == LOG) for scale in SCALES if bands},
        "spectrum": {LINEAR: spectra_figure({index: each.pairs for index, each in curvatures.items()}, seen)}
        if curvatures
        else {},
        "density": {LINEAR: densities_figure(spectra, seen)} if spectra else {},
        **{name: {LINEAR: history_figure(histories, name, seen)} for name in (VALIDATED, TRAINED)},
    }
    drawn = {
        name: {scale: bare(figure) for scale, figure in scales.items() if figure is not None}
        for name, scales in figures.items()
    }
    return {name: scales for name, scales in drawn.items() if scales}


def _copied(rows: Sequence[Row], seen: Sequence[Look]) -> dict[str, Json]:
    """The table's texts for Markdown and LaTeX, and the numbers to sort by."""
    return {
        "order": [[value if np.isfinite(value := each.value) else None for each in row.cells] for row in rows],
        **{
            name: {
                "models": [escape(look.name) for look in seen],
                "rows": [[escape(row.label), *(escape(each.text) for each in row.cells)] for row in rows],
            }
            for name, escape in (("markdown", markdown), ("latex", latex))
        },
    }


def _cells(found: Masses) -> dict[str, Json]:
    """A table of shares with the colours of its cells."""

    def told(share: float) -> dict[str, str]:
        known = bool(np.isfinite(share))
        return {
            "text": cell(share),
            "title": percent(share) if known else "not a group of this model",
            "colour": shade(share / found.high) if known else "transparent",
            "ink": "inherit" if not known else "#15191e" if is_dark(share / found.high) else "#ffffff",
        }

    return {
        "by": found.by,
        "models": list(
            zip(found.models, (cell(error) if np.isfinite(error) else "?" for error in found.errors), strict=True)
        ),
        "baselines": list(found.baselines),
        "rows": [
            {
                "group": group,
                "cells": list(zip(found.models, map(told, found.values[place].tolist()), strict=True)),
                "baselines": [told(float(baseline[place])) for baseline in found.baselines.values()],
            }
            for place, group in enumerate(found.groups)
        ],
    }


def _provenance(model: Model) -> dict[str, Json]:
    parts = {"surface": model.surface, "curvature": model.curvature}
    return {name: to_plain(dict(part.metadata)) for name, part in parts.items() if part is not None}
