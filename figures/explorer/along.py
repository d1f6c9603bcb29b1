"""The page about a training run: sharpness, loss and metric along it, and all numbers."""

from __future__ import annotations

from landscape.figures.captions.cards import Card
from landscape.figures.explorer.single import single_page
from landscape.figures.interactive.along import along_figure
from landscape.results.along import AlongTraining

CARD = Card(
    "Sharpness along training",
    "Each mark is a snapshot; bars are residuals of λmax and standard errors of trace and loss. The snapshot with the "
    "highest validation metric has another colour.",
)


def along_page(along: AlongTraining, *, title: str) -> str:
    """Return a page with the figure and the table of a run; ``title`` is any text."""
    return single_page(along, along_figure(along), CARD, title=title, kind="Along training", height="40rem")
