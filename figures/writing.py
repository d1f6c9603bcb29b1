"""Results to files: the page of one model or several, and which picture belongs to which kind of result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from figures import static
from figures.explorer import explorer_page
from figures.models import Model
from landscape.files import write_text
from landscape.results import Curvature, Surface


def write_page(models: Sequence[Model], path: str | Path, *, rho: float | None = None) -> None:
    """Write the page of a model, or the one that compares several; arguments and errors as of ``explorer_page``."""
    write_text(path, explorer_page(models, rho=rho))


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
