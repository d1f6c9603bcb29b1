"""Results that draw themselves: on matplotlib's axes, and as a picture in a notebook.

How each is drawn is a matter of the figures, which are built on results. ``PLOTS`` names their module, which is
imported with the first drawing: results need neither the figures nor matplotlib, and nothing here imports upwards.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

from landscape.results.display.tables import NotebookDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOTS = "landscape.figures.static.plots"  # has ``plot(result, axes, **options)`` and ``picture(result)``


class Plotted(NotebookDisplay):
    """A result that can be plotted."""

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the result on axes of matplotlib, as its figure in ``landscape.figures.static`` does.

        Args:
            ax: The axes; by default those of a new figure of pyplot's, which a notebook shows.
            options: Of the figure, but for its name and width: ``log=True``, for example.

        Returns:
            The axes.

        Raises:
            TypeError: The figure has no such option.
            ValueError: What an option asks for is not in the result.
        """
        if ax is None:
            from matplotlib import pyplot  # the figures themselves leave it alone

            _, ax = pyplot.subplots(layout="constrained")
        importlib.import_module(PLOTS).plot(self, ax, **options)
        return ax


class Pictured(Plotted):
    """A result that a notebook shows as a picture above its tables."""

    def _heading(self) -> str:
        """Return the result in a sentence, and its picture, as HTML."""
        return super()._heading() + cast(str, importlib.import_module(PLOTS).picture(self))
