"""The part of plotly.js that the pages use: a third of its size, and half of the time until a page can draw.

``python -m landscape.figures.explorer.bundle`` (or ``make plotly``) builds it anew for the installed plotly.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from plotly.offline import get_plotlyjs, get_plotlyjs_version

TRACES = ("scatter", "scatter3d", "surface", "heatmap", "contour")  # the types that figures may have
BUNDLE = Path(__file__).with_name("plotly.min.js")
_VERSION = re.compile(r"plotly\.js v(\S+)")


@cache
def plotly_script() -> str:
    """Return plotly.js for a page: the bundle, or all of it where the installed plotly has another version.

    Figures are checked by the installed plotly, and its own plotly.js is the one that is known to draw them.
    """
    script = BUNDLE.read_text(encoding="utf-8")
    return script if bundled_version(script) == get_plotlyjs_version() else str(get_plotlyjs())


def bundled_version(script: str) -> str:
    """Return the version of plotly.js that a bundle's first line names.

    >>> bundled_version("/* plotly.js v4.1.1 (scatter, surface): ... */")
    '4.1.1'
    """
    found = _VERSION.search(script[:200])
    return found[1] if found else ""
