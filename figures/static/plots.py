"""Results on axes of somebody else's figure, and as small pictures: what ``result.plot`` and a notebook show."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from landscape.figures.plotdata.extents import is_plane
from landscape.figures.plotdata.surfaces.drawable import drawable
from landscape.figures.static.canvas import settings
from landscape.figures.static.geometry.densities import density_figure, draw_density
from landscape.figures.static.geometry.eigenvalues import draw_blocks, draw_pairs
from landscape.figures.static.geometry.localization import draw_localization
from landscape.figures.static.geometry.sharpness import draw_sharpness
from landscape.figures.static.surfaces.lines import draw_line, line_figure
from landscape.figures.static.surfaces.maps import contour_figure, draw_map
from landscape.figures.static.surfaces.radial import draw_radial_profiles, radial_profile_figure
from landscape.results import (
    BlockEigenvalues,
    EigenPairs,
    Localization,
    RadialProfile,
    Sharpness,
    Spectrum,
    Surface,
)

SHARE = 0.775  # of a figure's width, that its axes take: labels that fit beside them
PICTURE_DPI = 120  # of a picture in a notebook: sharp, and some tens of kB
PICTURE_COLOURS = 256
SHOWN_WIDTH = 420  # px


@dataclass(frozen=True)
class Plot:
    """How results of a class are drawn."""

    draw: Callable[..., None]  # (axes, result, **options)
    figure: Callable[[Any], Figure] | None = None  # alone; None where tables say as much
    fitted: bool = False  # whether ``draw`` takes the width that labels have to fit into


def _surface(axes: Axes, surface: Surface, **options: Any) -> None:
    draw = draw_map if is_plane(surface) else draw_line
    draw(axes, drawable(surface), **options)


def _surface_figure(surface: Surface) -> Figure:
    return (contour_figure if is_plane(surface) else line_figure)(drawable(surface))


PLOTS: dict[type, Plot] = {
    Surface: Plot(_surface, _surface_figure, fitted=True),
    RadialProfile: Plot(
        lambda axes, profile, **options: draw_radial_profiles(axes, {"": profile}, **options),
        lambda profile: radial_profile_figure({"": profile}),
        fitted=True,
    ),
    Spectrum: Plot(draw_density, density_figure),
    EigenPairs: Plot(draw_pairs),
    BlockEigenvalues: Plot(draw_blocks),
    Localization: Plot(draw_localization),
    Sharpness: Plot(draw_sharpness),
}


def plot(result: Any, axes: Axes, **options: Any) -> None:
    """Draw a result of one of ``PLOTS`` on axes, in the letters and colours of all figures.

    Args:
        result: What to draw.
        axes: Of any figure.
        options: Of the result's figure, but for its name and width.

    Raises:
        TypeError: The figure has no such option.
        ValueError: What an option asks for is not in the result.
    """
    way = PLOTS[type(result)]
    if way.fitted:
        options = {"width": axes.bbox.width / axes.figure.dpi / SHARE, **options}
    with settings():
        way.draw(axes, result, **options)


def picture(result: Any) -> str:
    """Return the figure of a result of ``PLOTS`` as an ``<img>`` of HTML that holds its own data."""
    draw = PLOTS[type(result)].figure
    assert draw is not None, f"{type(result).__name__} has no figure of its own"
    drawn, content = BytesIO(), BytesIO()
    with settings():
        draw(result).savefig(drawn, format="png", dpi=PICTURE_DPI)
    # A notebook keeps every picture: a palette makes it a third as large.
    Image.open(drawn).convert("RGB").quantize(PICTURE_COLOURS).save(content, format="png", optimize=True)
    data = base64.b64encode(content.getvalue()).decode("ascii")
    return f'<img alt="{type(result).__name__}" width="{SHOWN_WIDTH}" src="data:image/png;base64,{data}">'
