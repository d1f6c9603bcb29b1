"""Results as pages: one HTML file each that opens from disk, offline, and loads nothing from anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from figures import words
from figures.interactive import contour_figure, line_figure, spectrum_figure, surface_figure
from figures.scales import heights
from figures.themes import THEMES, template
from landscape.files import jsonable
from landscape.results import Curvature, Surface

TEMPLATES = Path(__file__).parent / "templates"


def surface_page(
    surface: Surface,
    *,
    title: str,
    provenance: Mapping[str, Any] | None = None,
    curvature: Curvature | None = None,
) -> str:
    """A page with the surface, its contour map and what is known of its error; a line is drawn as one.

    Args:
        surface: What to show.
        title: The model's name; any text.
        provenance: Where the result comes from, a dictionary of any depth, in full on the page; by default the
            surface's metadata.
        curvature: Of the same model, shown below the surface.

    Returns:
        HTML, about 5 MB of which are plotly.js.
    """
    log = heights(surface, log=True).any
    is_plane = min(surface.loss.shape) > 1
    draw = {"surface": surface_figure, "contour": contour_figure} if is_plane else {"line": line_figure}
    figures = {
        panel: {"linear": figure(surface), **({"log": figure(surface, log=True)} if log else {})}
        for panel, figure in draw.items()
    }
    if curvature is not None:
        figures["spectrum"] = {"linear": spectrum_figure(curvature)}
    return _page(
        "surface.html",
        figures,
        title=title,
        provenance=surface.metadata if provenance is None else provenance,
        curvature=curvature,
        surface=surface,
        is_plane=is_plane,
        log=log,
    )


def curvature_page(curvature: Curvature, *, title: str, provenance: Mapping[str, Any] | None = None) -> str:
    """A page with the eigenvalues of the Hessian, their residuals, and what they do and do not mean.

    Args:
        curvature: What to show.
        title: The model's name; any text.
        provenance: As for ``surface_page``; by default the curvature's metadata.

    Returns:
        HTML, about 5 MB of which are plotly.js.
    """
    return _page(
        "curvature.html",
        {"spectrum": {"linear": spectrum_figure(curvature)}},
        title=title,
        provenance=curvature.metadata if provenance is None else provenance,
        curvature=curvature,
    )


def _page(name: str, figures: Mapping[str, Mapping[str, go.Figure]], **values: Any) -> str:
    data = {
        "name": values["title"],
        "figures": {panel: {scale: _bare(f) for scale, f in scales.items()} for panel, scales in figures.items()},
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
    }
    values["provenance"] = jsonable(dict(values["provenance"]))
    return _environment().get_template(name).render(data=data, words=words, **values)


def _bare(figure: go.Figure) -> dict[str, Any]:
    """The figure as plain data, without its template: the page puts in the one of its theme."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"].pop("template", None)
    return plain


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["plotly"] = Markup(get_plotlyjs())  # trusted, as are the two files below
    environment.globals["script"] = Markup((TEMPLATES / "page.js").read_text(encoding="utf-8"))
    environment.globals["styles"] = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))
    return environment
