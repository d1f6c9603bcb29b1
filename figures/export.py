"""Write pages and pictures of one model or several to files; which picture is the default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from landscape.figures import static
from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.explorer import explorer_page
from landscape.figures.explorer.along import along_page
from landscape.figures.explorer.barriers import barriers_page
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.surfaces.comparison import LINEAR, LOG, RISE, above_lowest
from landscape.figures.plotdata.surfaces.drawable import drawable
from landscape.figures.static.animation import AnimationOptions, require_runs, write_animation
from landscape.results import Curvature, Surface
from landscape.results.along import AlongTraining
from landscape.results.curve import BarrierMatrix, LowLossCurve
from landscape.results.storage.files import write_text


def write_page(models: Sequence[ModelEntry], path: str | Path, *, rho: float | None = None) -> None:
    """Write the page of a model, or the one that compares several; arguments and errors as of ``explorer_page``."""
    write_text(path, explorer_page(_drawable(models), rho=rho))


def write_picture(
    models: Sequence[ModelEntry],
    path: str | Path,
    *,
    kind: str | None = None,
    scale: str = LINEAR,
    rho: float | None = None,
    width: float | None = None,
) -> None:
    """Write a static picture of a model or of several in the format of the suffix: .png, .pdf or .svg.

    Args:
        models: What to draw.
        path: Of the file.
        kind: A key of ``PICTURES_OF_ONE`` for one model, of ``PICTURES_OF_SEVERAL`` for more; by default the first
            that there is something for.
        scale: Of the loss: ``linear``, ``log`` or ``rise``, above the lowest shown.
        rho: The radius of a ball to draw on surfaces.
        width: In inches; by default that of the figure.

    Raises:
        ValueError: No model has what the picture shows, or a loss has no logarithm.
    """
    models, options = _drawable(models), PictureOptions(scale, rho, _size(width))
    if options.log:
        _check_positive(models)
    kind = kind or _default_kind(models)
    if len(models) == 1:
        figure = PICTURES_OF_ONE[kind](models[0], options)
    else:
        figure = PICTURES_OF_SEVERAL[kind](models, options)
    static.save(figure, path)


def write_film(model: ModelEntry, path: str | Path, *, scale: str = LINEAR, **options: int) -> None:
    """Write the training runs in the plane of a model as an animation: .gif, .mp4 or .webm.

    Args:
        model: With the surface.
        path: Of the file.
        scale: Of the loss: ``linear``, ``log`` or ``rise``, above the lowest shown.
        options: Of ``AnimationOptions``.

    Raises:
        ValueError: There is no training run in a plane, a loss has no logarithm, or ffmpeg is needed and missing.
    """
    surface = require_runs(_drawable([model])[0].surface)
    if scale == LOG:
        _check_positive([model])
    if scale == RISE:
        surface = above_lowest(surface)
    write_animation(surface, path, AnimationOptions(**options), log=scale == LOG)


def _drawable(models: Sequence[ModelEntry]) -> list[ModelEntry]:
    return [model if model.surface is None else replace(model, surface=drawable(model.surface)) for model in models]


def _check_positive(models: Sequence[ModelEntry]) -> None:
    """Check that all losses have a logarithm.

    Raises:
        ValueError: One is 0 or less.
    """
    for model in models:
        below = 0 if model.surface is None else int((model.surface.loss <= 0).sum())
        if below:
            raise ValueError(
                f"{model.name}: the loss is 0 or less at {below:,} grid points, which a logarithmic scale cannot show; "
                "take --picture-scale linear or rise"
            )


def write_along(
    along: AlongTraining,
    page: str | Path,
    pictures: Sequence[str | Path] = (),
    *,
    title: str,
    width: float | None = None,
) -> None:
    """Write the page about a training run, and pictures of the same panels as .png, .pdf or .svg.

    Args:
        along: What to draw.
        page: Its file.
        pictures: Their files.
        title: Any text.
        width: Of the pictures, in inches; by default that of the figure.

    Raises:
        ValueError: A picture has another suffix.
        OSError: A file cannot be written.
    """
    write_text(page, along_page(along, title=title))
    _write_pictures(partial(static.along_figure, along, name=title), pictures, width)


def write_barriers(
    matrix: BarrierMatrix,
    page: str | Path,
    pictures: Sequence[str | Path] = (),
    *,
    title: str,
    width: float | None = None,
) -> None:
    """Write the page about the barriers between models, and pictures of them; arguments as of ``write_along``."""
    write_text(page, barriers_page(matrix, title=title))
    _write_pictures(partial(static.barriers_figure, matrix, name=title), pictures, width)


def _write_pictures(draw: Callable[..., Figure], files: Sequence[str | Path], width: float | None) -> None:
    """Draw a figure for each file, in the width that was asked for, if any."""
    for file in files:
        static.save(draw(**_size(width)), file)


def _size(width: float | None) -> dict[str, float]:
    return {} if width is None else {"width": width}


@dataclass(frozen=True)
class PictureOptions:
    """How a picture is drawn, as far as its kind allows."""

    scale: str
    rho: float | None
    size: Mapping[str, Any]

    @property
    def log(self) -> bool:
        """Whether the loss is on a logarithmic scale."""
        return self.scale == LOG


def _default_kind(models: Sequence[ModelEntry]) -> str:
    surfaces = [model.surface for model in models if model.surface is not None]
    return "spectrum" if not surfaces else "3d" if any(map(is_plane, surfaces)) else "line"


def _of_surface(draw: Callable[..., Figure]) -> Callable[[ModelEntry, PictureOptions], Figure]:
    def picture(model: ModelEntry, options: PictureOptions) -> Figure:
        surface = _surface(model)
        if options.scale == RISE:
            surface = above_lowest(surface)
        return draw(surface, name=model.name, log=options.log, rho=options.rho, **options.size)

    return picture


def _line(model: ModelEntry, options: PictureOptions) -> Figure:
    """Draw the surface if it is a line, or the line of a plane along its first direction."""
    if is_plane(_surface(model)):
        return static.profiles_figure([model], scale=options.scale, **options.size)
    return _of_surface(static.line_figure)(model, options)


def _surface(model: ModelEntry) -> Surface:
    if model.surface is None:
        raise ValueError(f"{model.name} has no surface to draw")
    return model.surface


def _curvature(model: ModelEntry) -> Curvature:
    if model.curvature is None:
        raise ValueError(f"{model.name} has no curvature to draw")
    return model.curvature


def _curve(model: ModelEntry) -> LowLossCurve:
    curve = _surface(model).curve
    if curve is None:
        raise ValueError(f"{model.name} has no curve of low loss to draw; compute one with --toward and --curve")
    return curve


def _radial_profiles(models: Sequence[ModelEntry], options: PictureOptions) -> Figure:
    styles = model_styles(models)
    profiles = {
        style.name: model.surface.radial_profile
        for style, model in zip(styles, models, strict=True)
        if model.surface is not None and model.surface.radial_profile is not None
    }
    if not profiles:
        raise ValueError("there is no radial profile over several planes to draw; compute one with --repeats")
    colours = {style.name: style.colour for style in styles}
    rise = options.scale == RISE
    return static.radial_profile_figure(profiles, rise=rise, log=options.log, colours=colours, **options.size)


PICTURES_OF_ONE: dict[str, Callable[[ModelEntry, PictureOptions], Figure]] = {
    "3d": _of_surface(static.surface_figure),
    "map": _of_surface(static.contour_figure),
    "line": _line,
    "band": lambda model, options: _radial_profiles([model], options),
    "curve": lambda model, options: static.curve_figure(_curve(model), name=model.name, **options.size),
    "spectrum": lambda model, options: static.curvature_figure(_curvature(model), name=model.name, **options.size),
}
PICTURES_OF_SEVERAL: dict[str, Callable[[Sequence[ModelEntry], PictureOptions], Figure]] = {
    "3d": lambda models, options: static.comparison_figure(
        models, scale=options.scale, rho=options.rho, **options.size
    ),
    "line": lambda models, options: static.profiles_figure(models, scale=options.scale, **options.size),
    "band": _radial_profiles,
    "spectrum": lambda models, options: static.spectra_figure(models, **options.size),
}
