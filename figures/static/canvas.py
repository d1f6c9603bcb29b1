"""What the static figures have in common: sizes, settings, axes, names that fit, and files."""

from __future__ import annotations

import math
import re
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import NullLocator

from landscape.figures.plotdata.scales import ends, log_ticks, round_ticks
from landscape.figures.style import COLOUR_SCALE, number, shortened
from landscape.results import Floats
from landscape.results.files import atomic

SUFFIXES = (".png", ".pdf", ".svg")
COLUMN, PAGE = 3.5, 7.0  # inches: the width of one column of a paper, and of two
WIDTHS = {"column": COLUMN, "page": PAGE}
NARROWEST, WIDEST = 3.0, 20.0  # inches: letters keep their size, and have no room in less
FLAT = 0.68  # height of a plot of curves, in units of its width
TALLEST = 3.2  # inches, of such a plot: a wider one is not higher
DPI = 300  # of a PNG, and of what is no line and no letter in a PDF or an SVG
FONT = "DejaVu Sans"  # comes with matplotlib: the same picture on every machine
TITLE_SIZE, LABEL_SIZE, SMALL = 9.5, 8.5, 7.0  # points
COLOURS = LinearSegmentedColormap.from_list("loss", COLOUR_SCALE)
HARD_SPACE = "\N{NO-BREAK SPACE}"
TEXT, GRID, QUIET = "#2a3038", "#d9dde2", "#8a929c"
LABEL = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "boxstyle": "round,pad=0.15"}  # behind names
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": [FONT],
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": LABEL_SIZE,
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
    "legend.fontsize": SMALL,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "pdf.fonttype": 42,  # TrueType, which publishers ask for, and which stays searchable
    "svg.fonttype": "path",
    "svg.hashsalt": "landscape",  # the same result, the same file
}
_lock = threading.RLock()  # matplotlib has one set of settings for all threads


@contextmanager
def settings() -> Iterator[None]:
    """The look of all figures, while one is drawn or saved: neither touches the user's settings, nor is touched."""
    with _lock, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def width_of(told: str) -> float:
    """A width in inches from ``column``, ``page`` or a number.

    Raises:
        ValueError: It is none of these, or one that nothing fits into.
    """
    try:
        return checked(WIDTHS[told] if told in WIDTHS else float(told))
    except ValueError:
        raise ValueError(
            f"a picture is {', '.join(WIDTHS)} or {NARROWEST} to {WIDEST} inches wide, not {told!r}"
        ) from None


def checked(width: float) -> float:
    """The width of a figure in inches; ValueError where letters would have no room, or the paper none."""
    if not NARROWEST <= width <= WIDEST:
        raise ValueError(f"width={width} must lie between {NARROWEST} and {WIDEST} inches")
    return width


def single(width: float, height: float | None = None, *, layout: str = "constrained") -> tuple[Figure, Axes]:
    """A figure with one pair of axes, sizes in inches; without a height that of a plot of curves."""
    height = min(FLAT * width, TALLEST) if height is None else height
    figure = Figure(figsize=(checked(width), height), dpi=DPI, layout=layout)  # type: ignore[arg-type]
    return figure, figure.add_subplot()


def title(figure: Figure, name: str | None) -> None:
    """Put the model's name above a figure, if it has one."""
    if name is not None:
        told = fitted(name, 0.96 * figure.get_figwidth(), TITLE_SIZE)
        figure.suptitle(told, fontsize=TITLE_SIZE, x=0.02, ha="left")


def text_width(text: str, size: float) -> float:
    """How many inches wide a line of text is in letters of ``size`` points."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=size), False)
    return float(width) / 72


def fitted(name: str, width: float, size: float) -> str:
    """Any text on one line, shortened in its middle to ``width`` inches."""
    line = " ".join(name.split())
    shorter = (shortened(line, length) for length in range(len(line) - 1, 3, -1))
    return next((each for each in (line, *shorter) if text_width(each, size) <= width), "…")


def wrapped(text: str, width: float, size: float = LABEL_SIZE) -> str:
    """A label on as many lines as it takes where each has ``width`` inches."""
    if not text:
        return text
    letters = max(math.floor(len(text) * width / text_width(text, size)), 1)
    whole = re.sub(r"\([^)]*\)", lambda found: found[0].replace(" ", HARD_SPACE), text)  # (log scale) is not broken
    return textwrap.fill(whole, letters).replace(HARD_SPACE, " ")


def coordinate_ticks(coordinates: Floats, count: int = 4) -> tuple[list[float], list[str]]:
    """Round ticks within the coordinates, about ``count`` of them, and what they say."""
    low, high = ends(coordinates)
    ticks = round_ticks(low, high, count) if low < high else [low]
    return ticks, [number(tick) for tick in ticks]


def scale_axis(axes: Axes, which: str, low: float, high: float, label: str, *, log: bool = False) -> None:
    """Give the axis ``x`` or ``y`` its label, its limits in units of what it shows, and its ticks."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_limits = axes.set_xlim if which == "x" else axes.set_ylim
    box = axes.figure.bbox
    room = 0.72 * (box.width if which == "x" else box.height) / axes.figure.dpi
    axis.set_label_text(wrapped(f"{label} (log scale)" if log else label, room))
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
