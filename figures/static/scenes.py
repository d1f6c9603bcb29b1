"""The place of a 3D scene in a figure: as large as possible, with all of its labels inside.

Matplotlib draws a scene into a square and fills a part of it that depends on what is shown. The drawing grows with the
square, the letters around it do not. Both are measured, and the square is made as large as fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d import Axes3D, proj3d  # type: ignore[import-untyped]

from landscape.results import Floats

Scene = tuple[Axes3D, Floats]  # axes, and the points (N, 3) that must be visible
PASSES = 2  # of measuring: the perspective moves the labels a little when the size changes


@dataclass(frozen=True)
class Extent:
    """The size of a scene in both directions."""

    low: Floats  # (2,) of the drawing, in units of the square's side
    high: Floats  # (2,)
    before: Floats  # (2,) inches that the labels reach beyond it, to the left and below
    after: Floats  # (2,) to the right and above

    def side(self, width: float) -> float:
        """Return the side of the square in inches, for a scene that is ``width`` inches wide with its labels."""
        return float((width - self.before[0] - self.after[0]) / (self.high[0] - self.low[0]))

    def height(self, width: float) -> float:
        """Return the height in inches of a scene that is ``width`` inches wide."""
        return float(self.before[1] + self.side(width) * (self.high[1] - self.low[1]) + self.after[1])


def extent(scenes: Sequence[Scene], width: float) -> Extent:
    """Return an extent that holds each of the scenes of one figure if they are ``width`` inches wide."""
    side = width
    for _ in range(PASSES):
        for axes, _ in scenes:
            _put(axes, 0, 0, side)
        scenes[0][0].figure.draw_without_rendering()  # places the labels
        measured = [_extent(axes, points) for axes, points in scenes]
        largest = Extent(
            np.min([scene.low for scene in measured], 0),
            np.max([scene.high for scene in measured], 0),
            np.max([scene.before for scene in measured], 0),
            np.max([scene.after for scene in measured], 0),
        )
        side = largest.side(width)
    return largest


def place(axes: Axes3D, size: Extent, left: float, bottom: float, width: float) -> None:
    """Put a scene into the rectangle from (left, bottom) that is ``width`` wide; inches."""
    side = size.side(width)
    x, y = np.array([left, bottom]) + size.before - size.low * side
    _put(axes, x, y, side)


def _put(axes: Axes3D, left: float, bottom: float, side: float) -> None:
    width, height = axes.figure.get_size_inches()
    axes.set_position((left / width, bottom / height, side / width, side / height))


def _extent(axes: Axes3D, points: Floats) -> Extent:
    x, y, _ = proj3d.proj_transform(*points.T, axes.get_proj())
    drawn = axes.transData.transform(np.stack([x, y], 1)) / axes.figure.dpi  # (N, 2) inches
    low, high = drawn.min(0), drawn.max(0)
    boxes = [axis.get_tightbbox() for axis in (axes.xaxis, axes.yaxis, axes.zaxis)]
    labels = Bbox.union([box for box in boxes if box is not None]).get_points() / axes.figure.dpi
    corner, side = axes.bbox.p0 / axes.figure.dpi, axes.bbox.width / axes.figure.dpi
    return Extent(
        (low - corner) / side, (high - corner) / side, np.maximum(low - labels[0], 0), np.maximum(labels[1] - high, 0)
    )
