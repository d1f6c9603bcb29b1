"""Pages and pictures of one model or several to files: which figure shows what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from landscape.figures import static
from landscape.figures.entries import ModelEntry, looks
from landscape.figures.explorer import explorer_page
from landscape.figures.plotdata.comparison import LINEAR, LOG, RISE, is_plane, risen
from landscape.results import Surface
from landscape.results.files import write_text


def write_page(models: Sequence[ModelEntry], path: str | Path, *, rho: float | None = None) -> None:
    """Write the page of a model, or the one that compares several; arguments and errors as of ``explorer_page``."""
    write_text(path, explorer_page(models, rho=rho))


def write_picture(
    models: Sequence[ModelEntry],
    path: str | Path,
    *,
    kind: str | None = None,
    scale: str = LINEAR,
    rho: float | None = None,
    width: float | None = None,
) -> None:
    """Write one static picture of a model or of several as what the suffix says: .png, .pdf or .svg.

    Args:
        models: What to draw.
        path: Of the file.
        kind: One of ``OF_ONE`` for a model alone, of ``OF_SEVERAL`` for more; by default the first that there is
            something for.
        scale: Of the loss: ``linear``, ``log`` or ``rise``, above the lowest shown.
        rho: The radius of a ball to draw where there are surfaces.
        width: In inches; by default what the figure has.

    Raises:
        ValueError: No model has what such a picture shows.
    """
    look = _Look(scale, rho, {} if width is None else {"width": width})
    kind = kind or _usual(models)
    figure = OF_ONE[kind](models[0], look) if len(models) == 1 else OF_SEVERAL[kind](models, look)
    static.save(figure, path)


@dataclass(frozen=True)
class _Look:
    scale: str
    rho: float | None
    size: Mapping[str, Any]

    @property
    def log(self) -> bool:
        return self.scale == LOG


def _usual(models: Sequence[ModelEntry]) -> str:
    surfaces = [model.surface for model in models if model.surface is not None]
    return "spectrum" if not surfaces else "3d" if any(map(is_plane, surfaces)) else "line"


def _of_surface(draw: Callable[..., Figure]) -> Callable[[ModelEntry, _Look], Figure]:
    def drawn(model: ModelEntry, look: _Look) -> Figure:
        surface = _surface(model)
        return draw(
            risen(surface) if look.scale == RISE else surface, name=model.name, log=look.log, rho=look.rho, **look.size
        )

    return drawn


def _line(model: ModelEntry, look: _Look) -> Figure:
    """The surface that is a line, or the line of a plane along its first direction."""
    if is_plane(_surface(model)):
        return static.profiles_figure([model], scale=look.scale, **look.size)
    return _of_surface(static.line_figure)(model, look)


def _surface(model: ModelEntry) -> Surface:
    if model.surface is None:
        raise ValueError(f"{model.name} has no surface to draw")
    return model.surface


def _curvature(model: ModelEntry, look: _Look) -> Figure:
    if model.curvature is None:
        raise ValueError(f"{model.name} has no curvature to draw")
    return static.curvature_figure(model.curvature, name=model.name, **look.size)


def _bands(models: Sequence[ModelEntry], look: _Look) -> Figure:
    found = [
        (each, model.surface.radial_profile) for each, model in zip(looks(models), models, strict=True) if model.surface
    ]
    bands = {each.name: band for each, band in found if band is not None}
    if not bands:
        raise ValueError("there is no band over several planes to draw; compute one with --repeats")
    colours = {each.name: each.colour for each, _ in found}
    return static.band_figure(bands, rise=look.scale == RISE, log=look.log, colours=colours, **look.size)


OF_ONE: dict[str, Callable[[ModelEntry, _Look], Figure]] = {
    "3d": _of_surface(static.surface_figure),
    "map": _of_surface(static.contour_figure),
    "line": _line,
    "band": lambda model, look: _bands([model], look),
    "spectrum": _curvature,
}
OF_SEVERAL: dict[str, Callable[[Sequence[ModelEntry], _Look], Figure]] = {
    "3d": lambda models, look: static.comparison_figure(models, scale=look.scale, rho=look.rho, **look.size),
    "line": lambda models, look: static.profiles_figure(models, scale=look.scale, **look.size),
    "band": _bands,
    "spectrum": lambda models, look: static.spectra_figure(models, **look.size),
}
