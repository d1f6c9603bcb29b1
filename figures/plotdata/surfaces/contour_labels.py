"""Where the values of contour lines are written on a map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.plotdata.scales import Heights
from landscape.figures.plotdata.surfaces.contours import contour_lines
from landscape.results import Floats, Surface

LONG = 0.3  # of a side: a shorter line has no label
EDGE = 0.07  # of a side: no label is nearer to an edge
APART = 0.14  # of a side: no two labels are nearer to each other, nor to the centre
SPREAD = 3  # points before and after a label that tell its direction


@dataclass(frozen=True)
class ContourLabel:
    """The value of a contour line, written along it."""

    x: float
    y: float
    angle: float  # degrees clockwise, −90 to 90, on a map with sides of equal length
    text: str


def contour_labels(surface: Surface, heights: Heights) -> list[ContourLabel]:
    """Return labels of the contour lines of a map, at most one a line: the longest lines first, where there is room.

    Args:
        surface: A plane.
        heights: Of it, on the scale of the map.
    """
    labels: list[ContourLabel] = []
    taken = [np.array([0.5, 0.5])]
    sides = np.array([np.ptp(surface.alphas), np.ptp(surface.betas)])
    corner = np.array([surface.alphas.min(), surface.betas.min()])
    lines = [
        ((points - corner) / sides, text)
        for level, text in zip(heights.levels, heights.level_labels, strict=True)
        for points in _lines(surface, heights, level)
    ]
    for points, text in sorted(lines, key=lambda line: -_length(line[0])):
        place = _place(points, taken)
        if place is None:
            continue
        taken.append(points[place])
        x, y = corner + sides * points[place]
        labels.append(ContourLabel(float(x), float(y), _angle(points, place), text))
    return labels


def _lines(surface: Surface, heights: Heights, level: float) -> list[Floats]:
    """The lines of one level, each with points (N, 2)."""
    points, _ = contour_lines(surface.alphas, surface.betas, heights.values, np.array([level]))
    parts = np.split(points, np.flatnonzero(np.isnan(points[:, 0])))
    return [part[np.isfinite(part[:, 0])] for part in parts if np.isfinite(part[:, 0]).sum() > 1]


def _length(points: Floats) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _place(points: Floats, taken: list[Floats]) -> int | None:
    """The point of a line that is farthest from other labels; None if there is no room."""
    if _length(points) < LONG:
        return None
    room = np.min([np.linalg.norm(points - other, axis=1) for other in taken], axis=0)
    inside = np.minimum(points, 1 - points).min(axis=1)
    room = np.where(inside >= EDGE, room, -1.0)
    place = int(room.argmax())
    return place if room[place] >= APART else None


def _angle(points: Floats, place: int) -> float:
    """The direction of a line at one of its points, from as many points before it as after it."""
    if np.array_equal(points[0], points[-1]):
        around = np.arange(place - SPREAD, place + SPREAD + 1) % (len(points) - 1)
        across, along = points[around[-1]] - points[around[0]]
    else:
        reach = max(min(SPREAD, place, len(points) - 1 - place), 1)
        across, along = points[min(place + reach, len(points) - 1)] - points[max(place - reach, 0)]
    return (90 - math.degrees(math.atan2(along, across))) % 180 - 90
