"""The loss against the distance from the centre, averaged over the angle, in several random planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.results.display.frames import Tabular
from landscape.results.display.plotting import Pictured
from landscape.results.display.tables import Table
from landscape.results.numerics.arrays import Floats
from landscape.results.numerics.estimates import LEVEL, student_half_width


@dataclass(frozen=True)
class RadialProfile(Pictured, Tabular):
    """The loss against the distance r = √(α² + β²) from the checkpoint, averaged over angles, in several planes.

    The planes are the replications: the directions, and what is random in the loss, are drawn anew for each. Within a
    plane all directions are averaged, and their spread is not an error.
    """

    radii: Floats  # (G,) r, from 0 on
    losses: Floats  # (R, G) by plane
    level: float = LEVEL  # of the intervals

    def __post_init__(self) -> None:
        if self.losses.shape[1:] != self.radii.shape or not len(self.losses):
            raise ValueError(
                f"losses {self.losses.shape} do not fit; {len(self.radii)} radii need (R, {len(self.radii)})"
            )

    @property
    def repeats(self) -> int:
        """R, the number of planes."""
        return len(self.losses)

    @property
    def rises(self) -> Floats:
        """(R, G) by how much the loss exceeds that at r = 0, by plane: what "flat" is about."""
        return self.losses - self.losses[:, :1]

    @property
    def mean(self) -> Floats:
        """(G,) of the losses."""
        mean: Floats = self.losses.mean(0)
        return mean

    def half_width(self, values: Floats | None = None) -> Floats:
        """(G,) of the confidence interval of a mean of ``values`` (R, G), the losses by default.

        Student's t with R - 1 degrees of freedom; NaN for one plane.
        """
        values = self.losses if values is None else values
        if len(values) < 2:
            return np.full(values.shape[1], np.nan)
        return student_half_width(values.std(0, ddof=1) / np.sqrt(len(values)), len(values), self.level)

    def columns(self) -> dict[str, Any]:
        """Return the losses in a row for each plane and distance: plane (from 1), radius, loss, rise."""
        return {
            "plane": np.repeat(np.arange(1, self.repeats + 1), len(self.radii)),
            "radius": np.tile(self.radii, self.repeats),
            "loss": self.losses.ravel(),
            "rise": self.rises.ravel(),
        }

    def table(self) -> Table:
        """Return the mean rise at a few distances, with its interval."""
        at = np.unique(np.linspace(0, len(self.radii) - 1, 6).round().astype(int)[1:])
        rises = self.rises
        halves = self.half_width(rises)
        rows = tuple((f"r = {self.radii[i]:.3g}", (float(rises.mean(0)[i]), float(halves[i]))) for i in at)
        title = f"Rise of the loss with the distance, {self.repeats} planes"
        return Table(title, ("", f"mean ± {self.level:.0%} interval"), rows)

    def __repr__(self) -> str:
        rises = self.rises
        mean, half = float(rises.mean(0)[-1]), float(self.half_width(rises)[-1])
        error = "" if np.isnan(half) else f" ± {half:.1g}"
        return f"RadialProfile(rise {mean:.3g}{error} at r = {self.radii[-1]:.3g}, {self.repeats} planes)"
