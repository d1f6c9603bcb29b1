"""The loss against the distance from the centre, model by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import colour
from landscape.results import Floats, RadialProfile

DISTANCE_LABEL = "distance r = √(α² + β²)"
RISE_LABEL, LOSS_LABEL = "rise of the loss above the centre", "loss"


@dataclass(frozen=True)
class Curve:
    """The curve of a model."""

    name: str  # any text
    colour: str
    radii: Floats  # (G,)
    mean: Floats  # (G,) over planes
    half: Floats  # (G,) of the interval's width; NaN for one plane
    planes: Floats  # (R, G) plane by plane
    level: float  # of the interval

    @property
    def has_interval(self) -> bool:
        """Whether there are enough planes for an interval."""
        return bool(np.isfinite(self.half).any())


def radial_curves(
    profiles: Mapping[str, RadialProfile],
    *,
    rise: bool = True,
    log: bool = False,
    colours: Mapping[str, str] | None = None,
) -> list[Curve]:
    """Return means with intervals; on a logarithmic axis values that are not above zero are left out."""
    curves = []
    for index, (name, profile) in enumerate(profiles.items()):
        planes = profile.rises if rise else profile.losses
        with np.errstate(invalid="ignore"):  # of infinite losses
            mean, half = planes.mean(0), profile.half_width(planes)
        if log:
            mean, planes = (np.where(values > 0, values, np.nan) for values in (mean, planes))
        model_colour = colour(index) if colours is None else colours[name]
        curves.append(Curve(name, model_colour, profile.radii, mean, half, planes, profile.level))
    return curves


def radial_limits(curves: Sequence[Curve], *, log: bool = False) -> tuple[float, float]:
    """Return the drawn range of the loss: means with their intervals, and single planes."""
    parts = [np.zeros(0)]
    for curve in curves:
        half = np.nan_to_num(curve.half)
        parts += [curve.mean - half, curve.mean + half, curve.planes.ravel()]
    ends = np.concatenate(parts)
    ends = ends[np.isfinite(ends) & ((ends > 0) | (not log))]
    if not len(ends):
        return (0.1, 1.0) if log else (0.0, 1.0)
    if log:
        return float(ends.min()) / 1.3, float(ends.max()) * 1.3
    margin = 0.05 * float(np.ptp(ends)) or 1.0
    return float(ends.min()) - margin, float(ends.max()) + margin


def furthest(curves: Sequence[Curve]) -> float:
    """Return the largest distance of all curves."""
    return max((float(curve.radii[-1]) for curve in curves if len(curve.radii)), default=1.0)
