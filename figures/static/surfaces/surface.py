"""The loss over a plane, in three dimensions."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]

from landscape.figures.plotdata.extents import aspect, ends, require_plane
from landscape.figures.plotdata.scales import Heights, Limits, plot_heights
from landscape.figures.plotdata.surfaces.contours import contour_lines
from landscape.figures.plotdata.surfaces.curves import curve_line
from landscape.figures.plotdata.surfaces.marks import coloured_paths, heights_at, path_line, spots
from landscape.figures.plotdata.surfaces.planes import ball, coordinates, quadratic_heights
from landscape.figures.static.axes import coordinate_ticks
from landscape.figures.static.canvas import COLOURS, COLUMN, DPI, QUIET, checked, settings
from landscape.figures.static.scenes import Scene, extent, place
from landscape.figures.static.text import text_width, title
from landscape.figures.style import BALL_COLOUR, MARK, QUADRATIC_COLOUR
from landscape.results import Floats, Surface

TITLE = 0.22  # inches
MARGIN = 0.03  # inches around a scene
CELLS = 150  # patches along an axis, at least: a patch has one colour, and larger ones are visible
SMALL_SCENE = 2.5  # inches: a narrower one has fewer ticks


def surface_figure(
    surface: Surface,
    *,
    name: str | None = None,
    log: bool = False,
    rho: float | None = None,
    quadratic: bool = False,
    limits: Limits | None = None,
    width: float = COLUMN,
) -> Figure:
    """Draw the loss as a surface in three dimensions, with marks and a path on it, and contours on the floor below.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title.
        log: Whether heights, colours and contours are logarithmic.
        rho: The radius of a ball around the centre; its boundary in the plane, an ellipse, is heights.
        quadratic: Whether to draw the surface's quadratic model, as a transparent surface.
        limits: The drawn range of the heights, if several figures share one; see ``plotdata.scales.shared_limits``.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or what is to be drawn is missing.
    """
    require_plane(surface)
    heights = plot_heights(surface, log=log, limits=limits)
    with settings():
        figure = Figure(figsize=(checked(width), width), dpi=DPI)
        scene = framed(figure, surface, heights, width)
        inside, head = width - 2 * MARGIN, TITLE if name else 0.0
        around = extent([scene], inside)
        figure.set_size_inches(width, around.height(inside) + head + 2 * MARGIN)
        place(scene[0], around, MARGIN, MARGIN, inside)
        fill(scene[0], surface, heights, rho=rho, quadratic=quadratic)
        title(figure, name)
    return figure


def framed(figure: Figure, surface: Surface, heights: Heights, width: float) -> Scene:
    """Axes for the surface, and the points of its drawing, for a scene of about ``width`` inches."""
    axes: Axes3D = figure.add_subplot(projection="3d", computed_zorder=False)
    _frame(axes, surface, heights, small=width < SMALL_SCENE)
    alphas, betas = np.meshgrid(surface.alphas, surface.betas)
    solid = np.stack([alphas, betas, heights.values], -1).reshape(-1, 3)
    (left, right), (front, back) = ends(surface.alphas), ends(surface.betas)
    corners = [(x, y, heights.floor) for x in (left, right) for y in (front, back)]
    return axes, np.array([*corners, (right, back, heights.high), *solid[np.isfinite(solid[:, 2])]])


def fill(
    axes: Axes3D, surface: Surface, heights: Heights, *, rho: float | None = None, quadratic: bool = False
) -> None:
    """Draw the surface with everything on it, and the contours below it."""
    _contours(axes, surface, heights)
    alphas, betas = np.meshgrid(*(_finer(axis) for axis in (surface.alphas, surface.betas)))
    at = np.stack([alphas.ravel(), betas.ravel()], 1)
    axes.plot_surface(
        alphas,
        betas,
        heights_at(surface, heights.values, at).reshape(alphas.shape),
        rcount=len(alphas),
        ccount=len(alphas.T),
        cmap=COLOURS,
        vmin=heights.low,
        vmax=heights.high,
        linewidth=0,
        antialiased=False,  # else seams between the patches are visible
        rasterized=True,  # thousands of patches are slow in a PDF
        zorder=3,
    )
    if quadratic:
        model = quadratic_heights(surface, heights)
        axes.plot_surface(
            *np.meshgrid(surface.alphas, surface.betas),
            np.where(model <= heights.high, model, np.nan),  # nothing clips a scene at its axes
            cmap=ListedColormap([QUADRATIC_COLOUR]),
            alpha=0.4,
            linewidth=0,
            rasterized=True,
            zorder=4,
        )
    _overlays(axes, surface, heights, rho)


def _finer(axis: Floats) -> Floats:
    # Colours then change in small steps; the surface is bilinear and stays the same.
    between = -(-CELLS // (len(axis) - 1))
    steps = np.arange((len(axis) - 1) * between + 1) / between
    return np.interp(steps, np.arange(len(axis)), axis)


def _overlays(axes: Axes3D, surface: Surface, heights: Heights, rho: float | None) -> None:
    if rho is not None:
        edge = ball(surface, rho)
        axes.plot(*edge.T, heights_at(surface, heights.values, edge), color=BALL_COLOUR, linewidth=1.5, zorder=5)
    line = curve_line(surface)
    if line is not None:
        axes.plot(*line.T, heights_at(surface, heights.values, line), color="white", linewidth=1.8, zorder=5)
    for trajectory, colours in coloured_paths(surface):
        along, at = path_line(trajectory.points), trajectory.points
        axes.plot(*along.T, heights_at(surface, heights.values, along), color=colours[-1], linewidth=1.4, zorder=5)
        snapshots = heights_at(surface, heights.values, at)
        axes.plot(*at.T, snapshots, "o", color=colours[1], markersize=2.5, mec="#15191e", mew=0.4, zorder=6)
    for spot in spots(surface):
        height = heights.place(spot.value)
        if np.isfinite(height):
            axes.plot([spot.alpha] * 2, [spot.beta] * 2, [heights.floor, height], color=MARK, linewidth=0.9, zorder=2)
            top = [spot.alpha], [spot.beta], [height]
            marker = "o" if spot.is_centre else "D"
            axes.plot(*top, marker, color=MARK, markersize=4.5, mec="white", mew=0.6, zorder=7)


def _contours(axes: Axes3D, surface: Surface, heights: Heights) -> None:
    points, levels = contour_lines(surface.alphas, surface.betas, heights.values, heights.levels)
    for line in np.split(np.arange(len(points)), np.flatnonzero(np.isnan(points[:, 0]))):
        at = line[~np.isnan(points[line, 0])]
        if len(at):
            colour = COLOURS((levels[at[0]] - heights.low) / (heights.high - heights.low))
            axes.plot(points[at, 0], points[at, 1], heights.floor, color=colour, linewidth=0.9, zorder=1)


def _frame(axes: Axes3D, surface: Surface, heights: Heights, *, small: bool) -> None:
    axes.view_init(elev=36, azim=-54)
    axes.set_box_aspect(aspect(surface.alphas, surface.betas), zoom=1.0)
    axes.set(xlim=ends(surface.alphas), ylim=ends(surface.betas), zlim=(heights.floor, heights.high))
    first, second = coordinates(surface)
    axes.set_xlabel(first.symbol, labelpad=-6)
    axes.set_ylabel(second.symbol, labelpad=-6)
    count = 2 if small else 4
    axes.set_xticks(*coordinate_ticks(surface.alphas, count))
    axes.set_yticks(*coordinate_ticks(surface.betas, count))
    ticks, labels = heights.ticks
    every = 2 if small and len(ticks) > 3 else 1
    axes.set_zticks(ticks[::every], labels[::every])
    for axis, side, pad in ((axes.xaxis, "right", -3), (axes.yaxis, "left", -3), (axes.zaxis, "left", -6)):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(QUIET)
        axis.set_tick_params(pad=pad)
        for label in axis.get_ticklabels():
            label.set_horizontalalignment(side)  # away from the box: centred labels overlap at its corner
    size = axes.zaxis.label.get_fontsize()
    widest = 72 * max((text_width(tick, size) for tick in labels), default=0.0)
    axes.zaxis.set_rotate_label(False)
    axes.set_zlabel(heights.label, rotation=90, labelpad=0.55 * widest - 8)  # in this view, a point of the pad is two
    axes.grid(False)
