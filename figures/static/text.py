"""Text that fits: its width, and names and labels that are shortened or broken into lines."""

from __future__ import annotations

import math
import re
import textwrap

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from landscape.figures.static.canvas import FONT, LABEL_SIZE, TITLE_SIZE
from landscape.figures.style import shortened

HARD_SPACE = "\N{NO-BREAK SPACE}"


def title(figure: Figure, name: str | None) -> None:
    """Put the model's name above a figure, if there is one."""
    if name is not None:
        text = fitted(name, 0.96 * figure.get_figwidth(), TITLE_SIZE)
        figure.suptitle(text, fontsize=TITLE_SIZE, x=0.02, ha="left")


def text_width(text: str, size: float) -> float:
    """Return the width in inches of a line of text in letters of ``size`` points."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=size), False)
    return float(width) / 72


def fitted(name: str, width: float, size: float) -> str:
    """Return any text on one line, shortened in its middle to ``width`` inches."""
    line = " ".join(name.split())
    shorter = (shortened(line, length) for length in range(len(line) - 1, 3, -1))
    return next((text for text in (line, *shorter) if text_width(text, size) <= width), "…")


def wrapped(text: str, width: float, size: float = LABEL_SIZE) -> str:
    """Return a label broken into lines of at most about ``width`` inches."""
    if not text:
        return text
    letters = max(math.floor(len(text) * width / text_width(text, size)), 1)
    whole = re.sub(r"\([^)]*\)", lambda match: match[0].replace(" ", HARD_SPACE), text)  # (log scale) is not broken
    return textwrap.fill(whole, letters).replace(HARD_SPACE, " ")
