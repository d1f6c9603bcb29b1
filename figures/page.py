"""Results as pages: one HTML file each that opens from disk, offline, and loads nothing from anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from figures import words
from figures.drawn.scales import heights
from figures.interactive import (
    band_figure,
    blocks_figure,
    contour_figure,
    density_figure,
    line_figure,
    shares_figure,
    sharpness_figure,
    spectrum_figure,
    surface_figure,
)
from figures.themes import THEMES, template
from landscape.results import Curvature, Surface
from landscape.results.plain import to_plain

TEMPLATES = Path(__file__).parent / "templates"
LOSS = "loss"

Scales = Mapping[str, go.Figure]  # by scale: linear, log
Panel = Mapping[str, Scales]  # by what is drawn: the loss, or a metric


def surface_page(
    surface: Surface,
    *,
    title: str,
    provenance: Mapping[str, Any] | None = None,
    curvature: Curvature | None = None,
    rho: float | None = None,
) -> str:
    """A page with the surface, its contour map and what is known of its error; a line is drawn as one.

    Args:
        surface: What to show, with a menu to choose between the loss and the metrics that it has.
        title: The model's name; any text.
        provenance: Where the result comes from, a dictionary of any depth, in full on the page; by default the
            surface's metadata.
        curvature: Of the same model, shown below the surface.
        rho: The radius of a ball around the centre to draw.

    Returns:
        HTML, about 5 MB of which are plotly.js.
    """
    is_plane = min(surface.loss.shape) > 1
    draw = {"surface": surface_figure, "contour": contour_figure} if is_plane else {"line": line_figure}
    shown = {LOSS: surface, **{name: surface.of(name) for name in surface.metrics}}
    # A metric may be known on a line of a plane only: the page's table has it, its figures do not.
    shown = {name: each for name, each in shown.items() if (min(each.loss.shape) > 1) == is_plane}
    panels: dict[str, Panel] = {
        panel: {name: _scales(each, figure, rho) for name, each in shown.items()} for panel, figure in draw.items()
    }
    if surface.band is not None:
        panels["band"] = _alone(band_figure({title: surface.band}))
    if curvature is not None:
        panels |= _curvature_panels(curvature)
    return _page(
        "surface.html",
        panels,
        title=title,
        provenance=surface.metadata if provenance is None else provenance,
        curvature=curvature,
        surface=surface,
        is_plane=is_plane,
        rho=rho,
        quantities=list(shown),
        log="log" in panels[next(iter(draw))][LOSS],
        interpolated=any(each.error is not None for each in shown.values()),
    )


def curvature_page(curvature: Curvature, *, title: str, provenance: Mapping[str, Any] | None = None) -> str:
    """A page with the eigenvalues, whatever else is known of the curvature, and what it does and does not mean.

    Args:
        curvature: What to show.
        title: The model's name; any text.
        provenance: As for ``surface_page``; by default the curvature's metadata.

    Returns:
        HTML, about 5 MB of which are plotly.js.
    """
    return _page(
        "curvature.html",
        _curvature_panels(curvature),
        title=title,
        provenance=curvature.metadata if provenance is None else provenance,
        curvature=curvature,
    )


def _curvature_panels(curvature: Curvature) -> dict[str, Panel]:
    figures = {"spectrum": spectrum_figure(curvature)}
    if curvature.spectrum is not None:
        figures["density"] = density_figure(curvature.spectrum)
    for index, shares in enumerate(curvature.shares):
        figures[f"shares-{index}"] = shares_figure(shares)
    if curvature.blocks is not None:
        figures["blocks"] = blocks_figure(curvature.blocks, whole=curvature.pairs)
    if curvature.sharpness is not None:
        figures["sharpness"] = sharpness_figure(curvature.sharpness)
    return {panel: _alone(figure) for panel, figure in figures.items()}


def _alone(figure: go.Figure) -> Panel:
    """A panel that no menu changes."""
    return {LOSS: {"linear": figure}}


def _scales(surface: Surface, figure: Callable[..., go.Figure], rho: float | None) -> Scales:
    drawn = {"linear": False, **({"log": True} if heights(surface, log=True).any else {})}
    quadratic = surface.quadratic is not None
    return {scale: figure(surface, log=log, rho=rho, quadratic=quadratic) for scale, log in drawn.items()}


def _page(name: str, panels: Mapping[str, Panel], **values: Any) -> str:
    data = {
        "name": values["title"],
        "figures": {
            panel: {what: {scale: bare(figure) for scale, figure in scales.items()} for what, scales in each.items()}
            for panel, each in panels.items()
        },
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
    }
    return render(name, data=data, provenance=to_plain(dict(values.pop("provenance"))), **values)


def render(name: str, **values: Any) -> str:
    """A page from its template; all values are escaped."""
    return _environment().get_template(name).render(**values)


def bare(figure: go.Figure) -> dict[str, Any]:
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
    environment.globals["words"] = words
    environment.globals["plotly"] = Markup(get_plotlyjs())  # trusted, as are the files beside the templates
    environment.globals["asset"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    return environment
