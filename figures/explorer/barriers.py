"""The page about the barriers between several models: the table in colours, and all numbers."""

from __future__ import annotations

from landscape.figures.captions.cards import Card
from landscape.figures.explorer.single import single_page
from landscape.figures.interactive.surfaces.barriers import barriers_figure
from landscape.results.curve import BarrierMatrix

CARD = Card(
    "Barriers between models",
    "The most by which the loss on the straight path between two models exceeds the straight line between their "
    "losses, on the same data and draws. Two networks whose neurons are in another order have a barrier, although they "
    "compute the same; a curved path may have none.",
)


def barriers_page(matrix: BarrierMatrix, *, title: str) -> str:
    """Return a page with the figure and the table of barriers; ``title`` is any text."""
    return single_page(matrix, barriers_figure(matrix), CARD, title=title, kind="Barriers", height="32rem")
