"""Figures for papers with matplotlib, from results alone: the same functions as in ``interactive``.

Nothing global is touched: figures are built without pyplot, and settings hold only while one is drawn or saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]

from figures.contours import contour_lines
from figures.interactive import FLOOR
from figures.scales import Heights, centre_in_view, heights, line_coordinates, not_finite, require_plane, round_ticks
from figures.spectra import spectrum_limits, spectrum_rows
from figures.style import (
    ALPHA_LABEL,
    BETA_LABEL,
    COLOUR_SCALE,
    EIGENVALUE_LABEL,
    GREEK_ALPHA,
    GREEK_BETA,
    MARK,
    PALETTE,
    number,
)
from landscape.files import atomic
from landscape.results import Curvature, Floats, Surface

SUFFIXES = (".png", ".pdf", ".svg")
SIZE = (4.5, 3.6)  # inches
DPI = 200
SHADES = 257  # so many that their steps are not seen
COLOURS = LinearSegmentedColormap.from_list("loss", COLOUR_SCALE)
TEXT, GRID = "#2a3038", "#d9dde2"
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#8a929c",
    "xtick.color": "#8a929c",
    "ytick.color": "#8a929c",
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "axes.labelcolor": TEXT,
    "text.color": TEXT,
    "pdf.fonttype": 42,  # TrueType, which publishers ask for, and which stays searchable
    "svg.fonttype": "path",
    "svg.hashsalt": "landscape",  # the same result, the same file
}


def surface_figure(surface: Surface, *, name: str | None = None, log: bool = False) -> Figure:
    """The loss as a surface in three dimensions, with its contours on the floor below.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title.
        log: Whether heights, colours and contours are logarithmic.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws.
    """
    require_plane(surface)
    drawn = heights(surface, log=log)
    floor = drawn.low - FLOOR * (drawn.high - drawn.low)
    with _settings():
        figure = Figure(figsize=SIZE, dpi=DPI)
        axes: Axes3D = figure.add_axes((0, 0.04, 0.96, 0.9 if name else 0.96), projection="3d", computed_zorder=False)
        _frame(axes, surface, drawn, floor)
        points, levels = contour_lines(surface.alphas, surface.betas, drawn.values, drawn.levels)
        for line in np.split(np.arange(len(points)), np.flatnonzero(np.isnan(points[:, 0]))):
            at = line[~np.isnan(points[line, 0])]
            if len(at):
                colour = COLOURS((levels[at[0]] - drawn.low) / (drawn.high - drawn.low))
                axes.plot(points[at, 0], points[at, 1], floor, color=colour, linewidth=0.9, zorder=1)
        centre = drawn.place(centre_in_view(surface))
        if np.isfinite(centre):
            axes.plot([0, 0], [0, 0], [floor, centre], color=MARK, linewidth=0.9, zorder=2)
        alphas, betas = np.meshgrid(surface.alphas, surface.betas)
        axes.plot_surface(
            alphas,
            betas,
            drawn.values,
            rcount=len(surface.betas),
            ccount=len(surface.alphas),
            cmap=COLOURS,
            vmin=drawn.low,
            vmax=drawn.high,
            linewidth=0,
            antialiased=False,  # seams between the patches would show
            rasterized=True,  # thousands of patches are slow in a PDF; at DPI dots an inch none is seen
            zorder=3,
        )
        if np.isfinite(centre):
            axes.plot([0], [0], [centre], "o", color=MARK, markersize=4.5, mec="white", mew=0.6, zorder=4)
        _title(figure, name)
    return figure


def contour_figure(surface: Surface, *, name: str | None = None, log: bool = False) -> Figure:
    """The loss seen from above: contours, the points evaluated, the centre marked; holes stay white.

    Args:
        surface: A plane, (B, A) with both at least 2.
        name: Of the model, shown as the title.
        log: Whether colours and contours are logarithmic.

    Raises:
        ValueError: The surface is a line or a point, which ``line_figure`` draws.
    """
    require_plane(surface)
    drawn = heights(surface, log=log)
    with _settings():
        figure = Figure(figsize=SIZE, dpi=DPI, layout="compressed")
        axes = figure.add_subplot()
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
        axes.plot(surface.alphas[columns], surface.betas[rows], "x", color="#8a929c", markersize=2.5, mew=0.5)
        if np.isfinite(centre_in_view(surface)):
            axes.plot([0], [0], "o", color=MARK, markersize=5, mec="white", mew=0.8)
        axes.set(xlabel=ALPHA_LABEL, ylabel=BETA_LABEL)
        axes.set(xlim=_ends(surface.alphas), ylim=_ends(surface.betas))
        axes.set_xticks(*_coordinate_ticks(surface.alphas))
        axes.set_yticks(*_coordinate_ticks(surface.betas))
        if 0.25 <= np.ptp(surface.betas) / np.ptp(surface.alphas) <= 4:
            axes.set_aspect("equal")
        axes.spines[:].set_visible(False)
        _colour_bar(figure, axes, shades, drawn)
        _title(figure, name)
    return figure


def line_figure(surface: Surface, *, name: str | None = None, log: bool = False) -> Figure:
    """The loss along a line: the curve, the points evaluated on it, the centre marked. A single point is drawn as one.

    Args:
        surface: A surface with one β, or one α; (1, A) or (B, 1).
        name: Of the model, shown as the title.
        log: Whether the axis of the loss is logarithmic.

    Raises:
        ValueError: The surface is a plane, which ``surface_figure`` draws.
    """
    coordinate, label, column = line_coordinates(surface)
    drawn = heights(surface, log=log)
    margin = 0.06 * (drawn.high - drawn.low)
    with _settings():
        figure = Figure(figsize=(SIZE[0], 0.75 * SIZE[1]), dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        marker = "o" if len(coordinate) == 1 else ""
        axes.plot(coordinate, drawn.values.ravel(), marker=marker, color=PALETTE["blue"], linewidth=1.5)
        if not surface.evaluated.all():
            at = [drawn.place(loss) for loss in surface.node_loss.tolist()]
            axes.plot(surface.nodes[:, column], at, "o", color=PALETTE["blue"], markersize=3)
        centre = drawn.place(centre_in_view(surface))
        if np.isfinite(centre):
            axes.plot([0], [centre], "o", color=MARK, markersize=6, mec="white", mew=0.8)
        ticks, labels = drawn.ticks
        axes.set(xlabel=label, ylabel=drawn.label, ylim=(drawn.low - margin, drawn.high + margin))
        axes.set_xticks(*_coordinate_ticks(coordinate))
        axes.set_yticks(ticks, labels)
        axes.yaxis.grid(True, color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        _title(figure, name)
    return figure


def spectrum_figure(curvature: Curvature, *, name: str | None = None) -> Figure:
    """Eigenvalues with bars as long as their residuals: an eigenvalue of the Hessian lies within each bar.

    Filled marks converged, open ones did not. The other end of the spectrum, where it is known, is below in another
    colour.
    """
    rows = spectrum_rows(curvature)
    labels = [label for _, names, *_ in rows for label in names]
    with _settings():
        figure = Figure(figsize=(SIZE[0], 0.9 + 0.26 * len(labels)), dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        axes.axvline(0, color="#8a929c", linewidth=0.9)
        row = 0
        for pairs, names, colour, _ in rows:
            at = np.arange(row, row + len(names))
            row += len(names)
            axes.errorbar(
                pairs.values, at, xerr=pairs.residuals, fmt="none", ecolor=colour, elinewidth=1.2, capsize=2.5
            )
            for chosen, fill in ((pairs.converged, colour), (~pairs.converged, "white")):
                axes.plot(pairs.values[chosen], at[chosen], "o", color=colour, mfc=fill, markersize=5.5, mew=1.2)
        low, high = spectrum_limits(curvature)
        ticks = round_ticks(low, high)
        axes.set_xticks(ticks, [number(tick) for tick in ticks])
        axes.set_yticks(range(len(labels)), labels)
        axes.set(xlabel=EIGENVALUE_LABEL, xlim=(low, high), ylim=(len(labels) - 0.5, -0.5))
        axes.grid(True, color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        _title(figure, name)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure; the suffix says as what. Fonts are embedded, and the same figure gives the same file.

    Raises:
        ValueError: The suffix is none of ``SUFFIXES``.
        OSError: The file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a figure is saved as {', '.join(SUFFIXES)}, not {suffix or 'without a suffix'}")
    undated = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": None}[suffix]
    with _settings(), atomic(path) as file:
        figure.savefig(file, format=suffix[1:], dpi=DPI, metadata=undated)


@contextmanager
def _settings() -> Iterator[None]:
    with matplotlib.rc_context(SETTINGS):
        yield


def _frame(axes: Axes3D, surface: Surface, drawn: Heights, floor: float) -> None:
    axes.view_init(elev=36, azim=-54)
    sides = np.array([np.ptp(surface.alphas), np.ptp(surface.betas)])
    axes.set_box_aspect((*np.maximum(sides / sides.max(), 0.35), 0.72), zoom=1.0)
    axes.set(xlim=_ends(surface.alphas), ylim=_ends(surface.betas), zlim=(floor, drawn.high))
    axes.set_xlabel(GREEK_ALPHA, labelpad=-4)
    axes.set_ylabel(GREEK_BETA, labelpad=-4)
    axes.zaxis.set_rotate_label(False)
    axes.set_zlabel(drawn.label, rotation=90, labelpad=-2)
    axes.set_zticks(*drawn.ticks)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_color("#8a929c")
        axis.set_tick_params(pad=-1)
    axes.set_xticks(*_coordinate_ticks(surface.alphas))
    axes.set_yticks(*_coordinate_ticks(surface.betas))
    axes.grid(False)


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


def _coordinate_ticks(coordinates: Floats) -> tuple[list[float], list[str]]:
    low, high = _ends(coordinates)
    ticks = round_ticks(low, high, 4) if low < high else [low]
    return ticks, [number(tick) for tick in ticks]


def _ends(coordinates: Floats) -> tuple[float, float]:
    return float(coordinates[0]), float(coordinates[-1])


def _title(figure: Figure, name: str | None) -> None:
    # parse_math: a name is any text, and a dollar sign in it is no formula.
    if name is not None:
        figure.suptitle(name, fontsize=9.5, parse_math=False, x=0.02, ha="left")
