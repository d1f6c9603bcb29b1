"""A page about one result with one figure: the figure, all numbers, and where they come from."""

from __future__ import annotations

from typing import Protocol

import plotly.graph_objects as go

from landscape.figures.captions.cards import Card
from landscape.figures.explorer.rendering import bare, render
from landscape.figures.themes import THEMES, template
from landscape.results.display.tables import Table
from landscape.results.numerics.arrays import Metadata
from landscape.results.storage.serialization import to_plain


class _Result(Protocol):
    @property
    def metadata(self) -> Metadata: ...

    def tables(self) -> list[Table]: ...


def single_page(result: _Result, figure: go.Figure, card: Card, *, title: str, kind: str, height: str) -> str:
    """Return a page with a figure and the tables of its result.

    Args:
        result: What to show.
        figure: Of it.
        card: Heading and caption of the figure.
        title: Any text.
        kind: What the page is about, in a few words.
        height: Of the figure, in CSS.

    Returns:
        HTML that opens from disk and loads nothing; about 2 MB of it are plotly.js.
    """
    data = {
        "name": title,
        "figure": bare(figure),
        "templates": {theme: template(theme).to_plotly_json() for theme in THEMES},
    }
    return render(
        "single.html",
        data=data,
        title=title,
        kind=kind,
        card=card,
        height=height,
        tables=result.tables(),
        provenance=to_plain(dict(result.metadata)),
    )
