"""The page about a training run: sharpness, loss and metric along it, and all numbers."""

from __future__ import annotations

from landscape.figures.explorer.rendering import bare, render
from landscape.figures.interactive.along import along_figure
from landscape.figures.themes import THEMES, template
from landscape.results.along import AlongTraining
from landscape.results.serialization import to_plain


def along_page(along: AlongTraining, *, title: str) -> str:
    """Return a page with the figure and the table of a run.

    Args:
        along: What to show.
        title: Any text.

    Returns:
        HTML that opens from disk and loads nothing; about 5 MB of it are plotly.js.
    """
    data = {
        "name": title,
        "figure": bare(along_figure(along)),
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
    }
    return render(
        "along.html", data=data, title=title, tables=along.tables(), provenance=to_plain(dict(along.metadata))
    )
