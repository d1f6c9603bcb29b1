"""What is drawn of bands: the loss against the distance from the centre, model by model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from landscape.figures.style import colour
from landscape.results import Floats, RadialProfile

DISTANCE_LABEL = "distance r = √(α² + β²)"
RISE_LABEL, LOSS_LABEL = "rise of the loss above the centre", "loss"


@dataclass(frozen=True)
class Curve:
    """One model."""

    name: str  # any text
    colour: str
    radii: Floats  # (G,)
    mean: Floats  # (G,)
    half: Floats  # (G,) of the interval; NaN for one plane
    planes: Floats  # (R, G) each plane's own
    level: float

    @property
    def has_interval(self) -> bool:
        """Whether there are planes enough for one."""
        return bool(np.isfinite(self.half).any())


def curves(
    bands: Mapping[str, RadialProfile],
    *,
    rise: bool = True,
    log: bool = False,
    colours: Mapping[str, str] | None = None,
) -> list[Curve]:
    """Means with intervals; on a logarithmic axis what is not above zero is left out."""
    found = []
    for index, (name, band) in enumerate(bands.items()):
        values = band.rises if rise else band.losses
        with np.errstate(invalid="ignore"):  # of infinite losses
            mean, half = values.mean(0), band.half_width(values)
        if log:
            mean, values = (np.where(each > 0, each, np.nan) for each in (mean, values))
        drawn_in = colour(index) if colours is None else colours[name]
        found.append(Curve(name, drawn_in, band.radii, mean, half, values, band.level))
    return found


def limits(found: list[Curve], *, log: bool = False) -> tuple[float, float]:
    """The drawn range of the loss: means with their intervals, and single planes."""
    parts = [np.zeros(0)]
    for curve in found:
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
