"""The loss over a plane, seen from above."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from landscape.figures.plotdata.planes import CENTRE_NAME, ball, coordinates, quadratic_reach, snapshot_names, spots
from landscape.figures.plotdata.scales import Heights, Limits, ends, heights, is_square, not_finite, require_plane
from landscape.figures.static.canvas import (
    COLOURS,
    COLUMN,
    LABEL,
    QUIET,
    SMALL,
    coordinate_ticks,
    fitted,
    settings,
    single,
    text_width,
    title,
    wrapped,
)
from landscape.figures.style import BALL_COLOUR, MARK, PATH_COLOURS, QUADRATIC_COLOUR, number
from landscape.results import Surface

SHADES = 257  # so many that their steps are not seen
PATH_SHADES = LinearSegmentedColormap.from_list("path", PATH_COLOURS)
AROUND, BELOW = 1.25, 0.55  # inches beside the map and below it: labels, ticks and the colour bar
LONGEST = 0.4  # of the map's width, for names: two models side by side are half of it apart


def contour_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    limits: Limits | None = None,
    width: float = COLUMN,
) -> Figure:
    """The loss seen from above: contours, points evaluated, marks and a path; holes stay white.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title.
        log: Whether colours and contours are logarithmic.
        rho: The radius of a ball around the centre, whose boundary is drawn: in the plane, an ellipse.
        quadratic: Whether to draw how far the quadratic model reaches that the surface carries.
        limits: The drawn range of the heights, where several figures share one; see ``drawn.scales.shared_limits``.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or it does not carry what is to be
            drawn.
    """
    require_plane(surface)
    drawn = heights(surface, log=log, limits=limits)
    with settings():
        figure, axes = single(width, _height(surface, width), layout="compressed")
        shades = axes.contourf(
            surface.alphas,
            surface.betas,
            np.ma.masked_invalid(drawn.values),
            levels=np.linspace(drawn.low, drawn.high, SHADES),
            cmap=COLOURS,
        )
        shades.set_rasterized(True)
        if not drawn.flat:
            _contours(axes, surface, drawn)
        if not surface.evaluated.all():
            axes.plot(*surface.nodes.T, "o", color="white", markersize=1.8, mec="#15191e", mew=0.25, clip_on=False)
        rows, columns = np.nonzero(not_finite(surface))
        axes.plot(surface.alphas[columns], surface.betas[rows], "x", color=QUIET, markersize=2.5, mew=0.5)
        if quadratic:
            axes.plot(*quadratic_reach(surface).T, ":", color=QUADRATIC_COLOUR, linewidth=1.2, marker=".", markersize=3)
        if rho is not None:
            axes.plot(*ball(surface, rho).T, color=BALL_COLOUR, linewidth=1.5)
        axes.set(xlim=ends(surface.alphas), ylim=ends(surface.betas))
        _path(axes, surface)
        for spot in spots(surface):
            marker = "o" if (spot.alpha, spot.beta) == (0, 0) else "D"
            axes.plot([spot.alpha], [spot.beta], marker, color=MARK, markersize=5, mec="white", mew=0.8)
            if spot.name != CENTRE_NAME:
                _label(axes, spot.alpha, spot.beta, spot.name)
        across, along = coordinates(surface)
        axes.set_xlabel(wrapped(across.label, width - BELOW))
        axes.set_ylabel(wrapped(along.label, _height(surface, width) - 0.8 * BELOW))
        axes.set_xticks(*coordinate_ticks(surface.alphas))
        axes.set_yticks(*coordinate_ticks(surface.betas))
        if is_square(surface):
            axes.set_aspect("equal")
        axes.spines[:].set_visible(False)
        _colour_bar(figure, axes, shades, drawn)
        title(figure, name)
    return figure


def _path(axes: Axes, surface: Surface) -> None:
    if surface.trajectory is None or not len(surface.trajectory.points):
        return
    points, names = surface.trajectory.points, snapshot_names(surface)
    axes.plot(*points.T, color="white", alpha=0.75, linewidth=2.6)
    axes.plot(*points.T, color=PATH_COLOURS[-1], linewidth=1.1)
    order = np.arange(len(points))
    look: dict[str, Any] = {"s": 11, "edgecolors": "#15191e", "linewidths": 0.4, "zorder": 2.5}
    axes.scatter(points[:, 0], points[:, 1], c=order, cmap=PATH_SHADES, vmin=0, vmax=max(len(points) - 1, 1), **look)
    _label(axes, float(points[0, 0]), float(points[0, 1]), names[0])


def _height(surface: Surface, width: float) -> float:
    ratio = np.ptp(surface.betas) / np.ptp(surface.alphas) if is_square(surface) else 0.8
    return float(np.clip(ratio * (width - AROUND) + BELOW, 0.4 * width, 1.4 * width))


def _label(axes: Axes, x: float, y: float, name: str) -> None:
    (low, high), room = axes.get_xlim(), axes.figure.bbox.width / axes.figure.dpi - AROUND
    told = fitted(name, LONGEST * room, SMALL)
    reach = text_width(told, SMALL) / room / 2
    at = (x - low) / (high - low)
    side = "left" if at < reach else "right" if at > 1 - reach else "center"  # a name at an edge is turned inwards
    look: dict[str, Any] = {"fontsize": SMALL, "ha": side, "va": "bottom", "bbox": LABEL, "zorder": 6}
    axes.annotate(told, (x, y), (0, 5), textcoords="offset points", clip_on=True, **look)


def _contours(axes: Axes, surface: Surface, drawn: Heights) -> None:
    values = np.ma.masked_invalid(drawn.values)
    look: dict[str, Any] = {"colors": "white", "linewidths": 0.5, "linestyles": "solid", "alpha": 0.7}
    lines = axes.contour(surface.alphas, surface.betas, values, levels=drawn.levels, **look)
    lines.clabel(drawn.levels[::2], fontsize=6.5, fmt=lambda level: number(10**level if drawn.log else level, 2))


def _colour_bar(figure: Figure, axes: Axes, shades: ScalarMappable, drawn: Heights) -> None:
    ticks, labels = drawn.ticks
    bar = figure.colorbar(shades, cax=axes.inset_axes((1.04, 0, 0.035, 1)))  # as high as the map, whatever its shape
    bar.set_ticks(ticks, labels=labels)
    bar.set_label(drawn.label)
    bar.ax.spines[:].set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
