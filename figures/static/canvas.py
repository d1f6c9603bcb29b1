"""Sizes and settings of all static figures, and how they are saved."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from landscape.figures.style import COLOUR_SCALE
from landscape.results.storage.files import atomic

SUFFIXES = (".png", ".pdf", ".svg")
COLUMN, PAGE = 3.5, 7.0  # inches: the width of one column of a paper, and of two
WIDTHS = {"column": COLUMN, "page": PAGE}
NARROWEST, WIDEST = 3.0, 20.0  # inches; letters have a fixed size and do not fit into less
FLAT = 0.68  # height of a plot of curves, in units of its width
TALLEST = 3.2  # inches, the largest height of such a plot
DPI = 300  # of a PNG, and of parts of a PDF or an SVG that are stored as pixels
FONT = "DejaVu Sans"  # comes with matplotlib: the same picture on every machine
TITLE_SIZE, LABEL_SIZE, SMALL = 9.5, 8.5, 7.0  # points
COLOURS = LinearSegmentedColormap.from_list("loss", COLOUR_SCALE)
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
    "text.parse_math": False,  # names are any text; a dollar sign in one does not start a formula
    "legend.fontsize": SMALL,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "pdf.fonttype": 42,  # TrueType, which publishers ask for, and which is searchable
    "svg.fonttype": "path",
    "svg.hashsalt": "landscape",  # the same result, the same file
}
_lock = threading.RLock()  # matplotlib has one set of settings for all threads


@contextmanager
def settings() -> Iterator[None]:
    """Use the settings of all figures while one is drawn or saved, whatever the user's are; those are restored."""
    with _lock, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def width_of(text: str) -> float:
    """Return a width in inches from ``column``, ``page`` or a number.

    Raises:
        ValueError: The text is none of these, or the width is out of range.
    """
    try:
        return checked(WIDTHS[text] if text in WIDTHS else float(text))
    except ValueError:
        raise ValueError(
            f"a picture is {', '.join(WIDTHS)} or {NARROWEST} to {WIDEST} inches wide, not {text!r}"
        ) from None


def checked(width: float) -> float:
    """Return the width of a figure in inches; ValueError if it is out of range."""
    if not NARROWEST <= width <= WIDEST:
        raise ValueError(f"width={width} must lie between {NARROWEST} and {WIDEST} inches")
    return width


def single(width: float, height: float | None = None, *, layout: str = "constrained") -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes, sizes in inches; the default height is that of a plot of curves."""
    height = min(FLAT * width, TALLEST) if height is None else height
    figure = Figure(figsize=(checked(width), height), dpi=DPI, layout=layout)  # type: ignore[arg-type]
    return figure, figure.add_subplot()


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format of the suffix. Fonts are embedded, and the same figure gives the same file.

    Raises:
        ValueError: The suffix is not one of ``SUFFIXES``.
        OSError: The file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a figure is saved as {', '.join(SUFFIXES)}, not {suffix or 'without a suffix'}")
    undated = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": None}[suffix]
    with settings(), atomic(path) as file:
        figure.savefig(file, format=suffix[1:], dpi=DPI, metadata=undated)
