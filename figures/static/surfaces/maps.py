"""The loss over a plane, seen from above."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from landscape.figures.plotdata.extents import ends, is_square, not_finite, require_plane
from landscape.figures.plotdata.scales import Heights, Limits, plot_heights
from landscape.figures.plotdata.surfaces.curves import curve_line
from landscape.figures.plotdata.surfaces.marks import CENTRE_NAME, coloured_paths, snapshot_names, spots
from landscape.figures.plotdata.surfaces.planes import ball, coordinates, quadratic_reach
from landscape.figures.static.axes import coordinate_ticks
from landscape.figures.static.canvas import COLOURS, COLUMN, LABEL, QUIET, SMALL, settings, single
from landscape.figures.static.text import fitted, text_width, title, wrapped
from landscape.figures.style import BALL_COLOUR, MARK, QUADRATIC_COLOUR
from landscape.results import Surface

SHADES = 257  # so many that their steps are invisible
AROUND, BELOW = 1.25, 0.55  # inches beside the map and below it: labels, ticks and the colour bar
LONGEST = 0.4  # of the map's width, of a name: two models side by side are half of the width apart


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
    """Draw the loss seen from above: contours, evaluated points, marks and a path; holes stay white.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title.
        log: Whether colours and contours are logarithmic.
        rho: The radius of a ball around the centre; its boundary in the plane, an ellipse, is heights.
        quadratic: Whether to draw how far the surface's quadratic model reaches.
        limits: The drawn range of the heights, if several figures share one; see ``plotdata.scales.shared_limits``.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or what is to be drawn is missing.
    """
    require_plane(surface)
    with settings():
        figure, axes = single(width, _height(surface, width), layout="compressed")
        draw_map(axes, surface, log=log, rho=rho, quadratic=quadratic, limits=limits, width=width)
        title(figure, name)
    return figure


def draw_map(
    axes: Axes,
    surface: Surface,
    *,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    limits: Limits | None = None,
    width: float = COLUMN,
    labels: bool = True,
) -> None:
    """Draw ``contour_figure`` into axes, with labels that fit into a figure of this width, on contours if wanted."""
    require_plane(surface)
    heights = plot_heights(surface, log=log, limits=limits)
    shades = _shades(axes, surface, heights, labels)
    if quadratic:
        axes.plot(*quadratic_reach(surface).T, ":", color=QUADRATIC_COLOUR, linewidth=1.2, marker=".", markersize=3)
    if rho is not None:
        axes.plot(*ball(surface, rho).T, color=BALL_COLOUR, linewidth=1.5)
    line = curve_line(surface)
    if line is not None:
        axes.plot(*line.T, color="white", linewidth=1.8)
    axes.set(xlim=ends(surface.alphas), ylim=ends(surface.betas))
    _path(axes, surface, width)
    for spot in spots(surface):
        marker = "o" if spot.is_centre else "D"
        axes.plot([spot.alpha], [spot.beta], marker, color=MARK, markersize=5, mec="white", mew=0.8)
        if spot.name != CENTRE_NAME:
            _label(axes, spot.alpha, spot.beta, spot.name, width)
    _frame(axes, surface, width)
    _colour_bar(axes, shades, heights, _room_along(surface, width))


def _shades(axes: Axes, surface: Surface, heights: Heights, labels: bool) -> ScalarMappable:
    shades = axes.contourf(
        surface.alphas,
        surface.betas,
        np.ma.masked_invalid(heights.values),
        levels=np.linspace(heights.low, heights.high, SHADES),
        cmap=COLOURS,
    )
    shades.set_rasterized(True)
    if not heights.flat:
        _contours(axes, surface, heights, labels)
    if not surface.evaluated.all():
        axes.plot(*surface.nodes.T, "o", color="white", markersize=1.8, mec="#15191e", mew=0.25, clip_on=False)
    rows, columns = np.nonzero(not_finite(surface))
    axes.plot(surface.alphas[columns], surface.betas[rows], "x", color=QUIET, markersize=2.5, mew=0.5)
    return shades


def _frame(axes: Axes, surface: Surface, width: float) -> None:
    first, second = coordinates(surface)
    axes.set_xlabel(wrapped(first.label, width - BELOW))
    axes.set_ylabel(wrapped(second.label, _room_along(surface, width)))
    axes.set_xticks(*coordinate_ticks(surface.alphas))
    axes.set_yticks(*coordinate_ticks(surface.betas))
    if is_square(surface):
        axes.set_aspect("equal")
    axes.spines[:].set_visible(False)


def _path(axes: Axes, surface: Surface, width: float) -> None:
    paths = coloured_paths(surface)
    for trajectory, colours in paths:
        points, shades = trajectory.points, LinearSegmentedColormap.from_list("path", colours)
        axes.plot(*points.T, color="white", alpha=0.75, linewidth=2.6)
        axes.plot(*points.T, color=colours[-1], linewidth=1.1)
        order = np.arange(len(points))
        dots: dict[str, Any] = {"s": 11, "edgecolors": "#15191e", "linewidths": 0.4, "zorder": 2.5}
        axes.scatter(points[:, 0], points[:, 1], c=order, cmap=shades, vmin=0, vmax=max(len(points) - 1, 1), **dots)
    for trajectory, _ in paths:
        end = -1 if len(paths) > 1 else 0  # several may begin at one point, and are named where they end
        name = trajectory.title if len(paths) > 1 and trajectory.title else snapshot_names(trajectory)[end]
        _label(axes, float(trajectory.points[end, 0]), float(trajectory.points[end, 1]), name, width)


def _height(surface: Surface, width: float) -> float:
    ratio = np.ptp(surface.betas) / np.ptp(surface.alphas) if is_square(surface) else 0.8
    return float(np.clip(ratio * (width - AROUND) + BELOW, 0.4 * width, 1.4 * width))


def _room_along(surface: Surface, width: float) -> float:
    return _height(surface, width) - 0.8 * BELOW


def _label(axes: Axes, x: float, y: float, name: str, width: float) -> None:
    (low, high), room = axes.get_xlim(), width - AROUND
    text = fitted(name, LONGEST * room, SMALL)
    reach = text_width(text, SMALL) / room / 2
    at = (x - low) / (high - low)
    side = "left" if at < reach else "right" if at > 1 - reach else "center"  # a name at an edge is turned inwards
    properties: dict[str, Any] = {"fontsize": SMALL, "ha": side, "va": "bottom", "bbox": LABEL, "zorder": 6}
    axes.annotate(text, (x, y), (0, 5), textcoords="offset points", clip_on=True, **properties)


def _contours(axes: Axes, surface: Surface, heights: Heights, labels: bool) -> None:
    values = np.ma.masked_invalid(heights.values)
    properties: dict[str, Any] = {"colors": "white", "linewidths": 0.5, "linestyles": "solid", "alpha": 0.7}
    lines = axes.contour(surface.alphas, surface.betas, values, levels=heights.levels, **properties)
    if labels:
        texts = dict(zip(heights.levels.tolist(), heights.level_labels, strict=True))
        lines.clabel(heights.levels[::2], fontsize=6.5, fmt=texts)


def _colour_bar(axes: Axes, shades: ScalarMappable, heights: Heights, room: float) -> None:
    ticks, labels = heights.ticks
    beside = axes.inset_axes((1.04, 0, 0.035, 1))  # as high as the map, whatever its shape
    bar = axes.figure.colorbar(shades, cax=beside)
    bar.set_ticks(ticks, labels=labels)
    bar.set_label(wrapped(heights.label, room))
    bar.ax.spines[:].set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
