"""What the static figures have in common: sizes, settings, axes, titles, and files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from figures.drawn.scales import ends, log_ticks, round_ticks
from figures.style import COLOUR_SCALE, number
from landscape.files import atomic
from landscape.results import Floats

SUFFIXES = (".png", ".pdf", ".svg")
SIZE = (4.5, 3.6)  # inches
COLUMN, PAGE = 3.5, 7.0  # inches: the width of one column of a paper, and of two
DPI = 200
COLOURS = LinearSegmentedColormap.from_list("loss", COLOUR_SCALE)
TEXT, GRID, QUIET = "#2a3038", "#d9dde2", "#8a929c"
LABEL = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "boxstyle": "round,pad=0.15"}  # behind names
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "axes.labelcolor": TEXT,
    "text.color": TEXT,
    "text.parse_math": False,  # names are any text, and a dollar sign in one is no formula
    "legend.fontsize": 7,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "pdf.fonttype": 42,  # TrueType, which publishers ask for, and which stays searchable
    "svg.fonttype": "path",
    "svg.hashsalt": "landscape",  # the same result, the same file
}


@contextmanager
def settings() -> Iterator[None]:
    """The look of all figures, while one is drawn or saved."""
    with matplotlib.rc_context(SETTINGS):
        yield


def single(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    return figure, figure.add_subplot()


def title(figure: Figure, name: str | None) -> None:
    """Put the model's name above a figure, if it has one."""
    if name is not None:
        figure.suptitle(name, fontsize=9.5, x=0.02, ha="left")


def coordinate_ticks(coordinates: Floats) -> tuple[list[float], list[str]]:
    """Round ticks within the coordinates, and what they say."""
    low, high = ends(coordinates)
    ticks = round_ticks(low, high, 4) if low < high else [low]
    return ticks, [number(tick) for tick in ticks]


def scale_axis(axes: Axes, which: str, low: float, high: float, label: str, *, log: bool = False) -> None:
    """Give the axis ``x`` or ``y`` its label, its limits in units of what it shows, and its ticks."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    axis.set_label_text(f"{label} (log scale)" if log else label)
    if log:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_minor_locator(NullLocator())
    set_limits(low, high)
    ticks = log_ticks(np.log10(low), np.log10(high)) if log else round_ticks(low, high)
    axis.set_ticks(ticks, [number(tick) for tick in ticks])


def plain_grid(axes: Axes, *, which: str = "both") -> None:
    """Lines behind the data instead of a frame around it."""
    axes.grid(True, axis=which, color=GRID, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


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
    with settings(), atomic(path) as file:
        figure.savefig(file, format=suffix[1:], dpi=DPI, metadata=undated)
