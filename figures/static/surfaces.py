"""The loss over a plane, in three dimensions."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]

from landscape.figures.plotdata.contours import contour_lines
from landscape.figures.plotdata.planes import ball, coordinates, heights_at, path_line, quadratic_heights, spots
from landscape.figures.plotdata.scales import Heights, Limits, aspect, ends, floor_of, heights, require_plane
from landscape.figures.static.canvas import (
    COLOURS,
    COLUMN,
    DPI,
    QUIET,
    checked,
    coordinate_ticks,
    settings,
    text_width,
    title,
)
from landscape.figures.static.scenes import Scene, extent, place
from landscape.figures.style import BALL_COLOUR, MARK, PATH_COLOURS, QUADRATIC_COLOUR
from landscape.results import Floats, Surface

TITLE = 0.22  # inches
MARGIN = 0.03  # inches around a scene
CELLS = 150  # patches along an axis, at least: each has one colour, and larger ones are seen
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
    """The loss as a surface in three dimensions, its contours on the floor below; marks and a path lie on it.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title.
        log: Whether heights, colours and contours are logarithmic.
        rho: The radius of a ball around the centre, whose boundary is drawn: in the plane, an ellipse.
        quadratic: Whether to draw the quadratic model that the surface carries, to look through.
        limits: The drawn range of the heights, where several figures share one; see ``drawn.scales.shared_limits``.
        width: Of the figure, in inches; its height follows.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws; or it does not carry what is to be
            drawn.
    """
    require_plane(surface)
    drawn = heights(surface, log=log, limits=limits)
    with settings():
        figure = Figure(figsize=(checked(width), width), dpi=DPI)
        scene = framed(figure, surface, drawn, width)
        inside, head = width - 2 * MARGIN, TITLE if name else 0.0
        around = extent([scene], inside)
        figure.set_size_inches(width, around.height(inside) + head + 2 * MARGIN)
        place(scene[0], around, MARGIN, MARGIN, inside)
        fill(scene[0], surface, drawn, rho=rho, quadratic=quadratic)
        title(figure, name)
    return figure


def framed(figure: Figure, surface: Surface, drawn: Heights, width: float) -> Scene:
    """Axes for the surface, and the points of its drawing, for a scene of about ``width`` inches."""
    floor = floor_of(drawn)
    axes: Axes3D = figure.add_subplot(projection="3d", computed_zorder=False)
    _frame(axes, surface, drawn, floor, small=width < SMALL_SCENE)
    alphas, betas = np.meshgrid(surface.alphas, surface.betas)
    solid = np.stack([alphas, betas, drawn.values], -1).reshape(-1, 3)
    (left, right), (front, back) = ends(surface.alphas), ends(surface.betas)
    corners = [(x, y, floor) for x in (left, right) for y in (front, back)]
    return axes, np.array([*corners, (right, back, drawn.high), *solid[np.isfinite(solid[:, 2])]])


def fill(axes: Axes3D, surface: Surface, drawn: Heights, *, rho: float | None = None, quadratic: bool = False) -> None:
    """Draw the surface with all that lies on it, and below it."""
    floor = floor_of(drawn)
    _contours(axes, surface, drawn, floor)
    alphas, betas = np.meshgrid(*(_finer(axis) for axis in (surface.alphas, surface.betas)))
    at = np.stack([alphas.ravel(), betas.ravel()], 1)
    axes.plot_surface(
        alphas,
        betas,
        heights_at(surface, drawn.values, at).reshape(alphas.shape),
        rcount=len(alphas),
        ccount=len(alphas.T),
        cmap=COLOURS,
        vmin=drawn.low,
        vmax=drawn.high,
        linewidth=0,
        antialiased=False,  # seams between the patches would show
        rasterized=True,  # thousands of patches are slow in a PDF; at DPI dots an inch none is seen
        zorder=3,
    )
    if quadratic:
        model = quadratic_heights(surface, drawn)
        axes.plot_surface(
            *np.meshgrid(surface.alphas, surface.betas),
            np.where(model <= drawn.high, model, np.nan),  # nothing clips a scene at its axes
            cmap=ListedColormap([QUADRATIC_COLOUR]),
            alpha=0.4,
            linewidth=0,
            rasterized=True,
            zorder=4,
        )
    _overlays(axes, surface, drawn, floor, rho)


def _finer(axis: Floats) -> Floats:
    """The coordinates, and others between them; the surface stays what it is, but its colours change in small steps."""
    between = -(-CELLS // (len(axis) - 1))
    steps = np.arange((len(axis) - 1) * between + 1) / between
    return np.interp(steps, np.arange(len(axis)), axis)


def _overlays(axes: Axes3D, surface: Surface, drawn: Heights, floor: float, rho: float | None) -> None:
    if rho is not None:
        edge = ball(surface, rho)
        axes.plot(*edge.T, heights_at(surface, drawn.values, edge), color=BALL_COLOUR, linewidth=1.5, zorder=5)
    if surface.trajectory is not None and len(surface.trajectory.points):
        along, at = path_line(surface.trajectory.points), surface.trajectory.points
        axes.plot(*along.T, heights_at(surface, drawn.values, along), color=PATH_COLOURS[-1], linewidth=1.4, zorder=5)
        last = heights_at(surface, drawn.values, at)
        axes.plot(*at.T, last, "o", color=PATH_COLOURS[1], markersize=2.5, mec="#15191e", mew=0.4, zorder=6)
    for spot in spots(surface):
        height = drawn.place(spot.value)
        if np.isfinite(height):
            axes.plot([spot.alpha] * 2, [spot.beta] * 2, [floor, height], color=MARK, linewidth=0.9, zorder=2)
            marker = "o" if (spot.alpha, spot.beta) == (0, 0) else "D"
            axes.plot(
                [spot.alpha], [spot.beta], [height], marker, color=MARK, markersize=4.5, mec="white", mew=0.6, zorder=7
            )


def _contours(axes: Axes3D, surface: Surface, drawn: Heights, floor: float) -> None:
    points, levels = contour_lines(surface.alphas, surface.betas, drawn.values, drawn.levels)
    for line in np.split(np.arange(len(points)), np.flatnonzero(np.isnan(points[:, 0]))):
        at = line[~np.isnan(points[line, 0])]
        if len(at):
            colour = COLOURS((levels[at[0]] - drawn.low) / (drawn.high - drawn.low))
            axes.plot(points[at, 0], points[at, 1], floor, color=colour, linewidth=0.9, zorder=1)


def _frame(axes: Axes3D, surface: Surface, drawn: Heights, floor: float, *, small: bool) -> None:
    axes.view_init(elev=36, azim=-54)
    axes.set_box_aspect(aspect(surface.alphas, surface.betas), zoom=1.0)
    axes.set(xlim=ends(surface.alphas), ylim=ends(surface.betas), zlim=(floor, drawn.high))
    across, along = coordinates(surface)
    axes.set_xlabel(across.symbol, labelpad=-6)
    axes.set_ylabel(along.symbol, labelpad=-6)
    count = 2 if small else 4
    axes.set_xticks(*coordinate_ticks(surface.alphas, count))
    axes.set_yticks(*coordinate_ticks(surface.betas, count))
    ticks, told = drawn.ticks
    every = 2 if small and len(ticks) > 3 else 1
    axes.set_zticks(ticks[::every], told[::every])
    for axis, side, pad in ((axes.xaxis, "right", -3), (axes.yaxis, "left", -3), (axes.zaxis, "left", -6)):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color(QUIET)
        axis.set_tick_params(pad=pad)
        for label in axis.get_ticklabels():
            label.set_horizontalalignment(side)  # away from the box: centred ones meet at its corner
    size = axes.zaxis.label.get_fontsize()
    widest = 72 * max((text_width(each, size) for each in told), default=0.0)
    axes.zaxis.set_rotate_label(False)
    axes.set_zlabel(drawn.label, rotation=90, labelpad=0.55 * widest - 8)  # seen from here, a point of it is two
    axes.grid(False)
