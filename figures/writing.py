"""Results to files: which page and which picture belong to which kind of result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from figures import explorer, page, static
from figures.models import Model
from landscape.files import write_text
from landscape.results import Curvature, Surface


def write_page(result: Surface | Curvature, path: Path) -> None:
    """Write the interactive page of a result; its title is the model's, or else the file's name."""
    title = result.metadata.get("title", path.stem)
    draw = page.surface_page if isinstance(result, Surface) else page.curvature_page
    write_text(path, draw(result, title=title))  # type: ignore[arg-type]


def write_comparison(models: Sequence[Model], path: Path, *, rho: float | None = None) -> None:
    """Write the page that compares several models."""
    write_text(path, explorer.explorer_page(models, rho=rho))


def write_comparison_picture(models: Sequence[Model], path: Path) -> None:
    """Write the surfaces of several models side by side as what the suffix says."""
    static.save(static.comparison_figure(models), path)


def write_picture(result: Surface | Curvature, path: Path) -> None:
    """Write the static picture of a result as what the suffix says: .png, .pdf or .svg."""
    name = result.metadata.get("title")
    if isinstance(result, Curvature):
        figure = static.curvature_figure(result, name=name)
    elif min(result.loss.shape) > 1:
        figure = static.surface_figure(result, name=name)
    else:
        figure = static.line_figure(result, name=name)
    static.save(figure, path)
