"""A table of sharpness as curves: the rise of the loss against ρ, kind by kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.figures.style import GREEK_RHO, colour, give_or_take, number
from landscape.results import Floats, Sharpness
from landscape.results.display.display_names import display_name

RHO_LABEL = f"distance {GREEK_RHO}"
RISE_LABEL = "rise of the loss"
ADAPTIVE = "adaptive-"
EDGE = 0.05  # of the axis, beyond the marks at either end


@dataclass(frozen=True)
class Rise:
    """One kind of sharpness, ρ ascending."""

    kind: str
    colour: str
    adaptive: bool  # ρ is in units of the weights' size
    rhos: Floats  # (R,)
    values: Floats  # (R,)
    errors: Floats  # (R,) NaN if there is none
    hovers: tuple[str, ...]  # (R,) lines of the hover, joined by newlines

    @property
    def name(self) -> str:
        """The readable name of the kind."""
        return display_name(self.kind)


@dataclass(frozen=True)
class Rises:
    """All kinds, and the axes that hold them."""

    kinds: tuple[Rise, ...]
    log: bool
    low: float  # a rise outside of ``low`` to ``high`` is drawn at that end
    high: float
    span: tuple[float, float]  # drawn range of ρ
    log_rho: bool

    @property
    def range(self) -> tuple[float, float]:
        """The limits of the axis, with room for the marks at ``low`` and ``high``."""
        margin = (self.high / self.low) ** EDGE if self.log else EDGE * (self.high - self.low)
        return (self.low / margin, self.high * margin) if self.log else (self.low - margin, self.high + margin)

    def placed(self, rise: Rise) -> tuple[Floats, NDArray[np.int8]]:
        """Return heights (R,) within the axes, and the side on which the value lies: 0 inside, 1 above, −1 below."""
        side = np.where(rise.values > self.high, 1, np.where(rise.values < self.low, -1, 0)).astype(np.int8)
        return np.clip(rise.values, self.low, self.high), side


def rises(sharpness: Sharpness, *, log: bool = True) -> Rises:
    """Return the rises with limits for the axes; a logarithmic axis holds the positive ones."""
    order = np.argsort(sharpness.rhos)
    rhos = sharpness.rhos[order]
    kinds = tuple(
        Rise(
            kind=kind,
            colour=colour(place),
            adaptive=kind.startswith(ADAPTIVE),
            rhos=rhos,
            values=sharpness.values[order, place],
            errors=sharpness.stderr[order, place],
            hovers=tuple(_hover(sharpness, kind, place, row) for row in order),
        )
        for place, kind in enumerate(sharpness.kinds)
    )
    low, high = _limits(sharpness.values, log)
    log_rho = len(rhos) > 0 and rhos[0] > 0 and rhos[-1] > 3 * rhos[0]
    first, last = (float(rhos[0]), float(rhos[-1])) if len(rhos) else (0.1, 1.0)
    span = (first / 1.4, last * 1.4) if log_rho else (first - 0.1 * last, 1.1 * last)
    return Rises(kinds, log, low, high, span, bool(log_rho))


def _limits(values: Floats, log: bool) -> tuple[float, float]:
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if log:
        return (float(values.min()) / 2, float(values.max()) * 2) if len(values) else (0.1, 1.0)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    return low, high if low < high else low + 1.0


def _hover(sharpness: Sharpness, kind: str, place: int, row: int) -> str:
    at = (row, place)
    lines = [
        f"{display_name(kind)} at {GREEK_RHO} = {number(float(sharpness.rhos[row]))}",
        f"rise {give_or_take(float(sharpness.values[at]), float(sharpness.stderr[at]))}",
    ]
    if sharpness.steps[at]:
        lines.append(
            f"after {number(int(sharpness.steps[at]))} steps of ascent, the last gained "
            f"{number(float(sharpness.last_gain[at]), 2)}"
        )
    lines.append(f"{number(int(sharpness.evaluations[at]))} evaluations")
    return "\n".join(lines)


def noise_in_view(sharpness: Sharpness, rises: Rises) -> float:
    """Return the rounding noise of the loss; NaN if it lies outside of the axes."""
    return sharpness.noise if rises.low < sharpness.noise < rises.high else math.nan
