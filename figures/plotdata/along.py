"""Sharpness, loss and metric along a training run: four panels with one axis of epochs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.figures.style import LAMBDA_MAX, give_or_take, number
from landscape.results import Floats
from landscape.results.along import AlongTraining
from landscape.results.display.display_names import display_name

EPOCH_LABEL = "epoch"
MARGIN = 0.08  # of an axis, beyond what is drawn


@dataclass(frozen=True)
class AlongPanel:
    """One quantity against the epoch."""

    label: str
    epochs: Floats  # (T,)
    values: Floats  # (T,) NaN where it is not known
    errors: Floats  # (T,) NaN where there is none
    best: int | None  # the place of the snapshot with the highest metric

    @property
    def range(self) -> tuple[float, float]:
        """The limits of the axis, which holds the values with their errors."""
        known = np.isfinite(self.values)
        errors = np.where(np.isfinite(self.errors), self.errors, 0.0)[known]
        return _widened(self.values[known] - errors, self.values[known] + errors)

    @property
    def span(self) -> tuple[float, float]:
        """The limits of the axis of epochs."""
        return _widened(self.epochs, self.epochs)

    def hover(self, place: int) -> str:
        """Return the lines about one snapshot, joined by newlines."""
        value = give_or_take(float(self.values[place]), float(self.errors[place]))
        mark = "\nthe highest validation metric" if place == self.best else ""
        return f"epoch {number(float(self.epochs[place]))}\n{self.label} {value}{mark}"


def along_panels(along: AlongTraining) -> tuple[AlongPanel, ...]:
    """Return the panels of λmax, trace, loss and metric."""
    epochs, none = along.epochs.astype(np.float64), np.full(len(along.epochs), np.nan)
    matrix = "" if along.operator == "hessian" else f" of the {display_name(along.operator)}"
    return tuple(
        AlongPanel(label, epochs, values, errors, along.best)
        for label, values, errors in (
            (f"{LAMBDA_MAX}{matrix}", along.top, along.top_residual),
            (f"trace{matrix}", along.trace, along.trace_stderr),
            ("loss", along.loss, along.loss_stderr),
            (display_name(along.metric_name), along.metric, none),
        )
    )


def _widened(lows: Floats, highs: Floats) -> tuple[float, float]:
    if len(lows) == 0:
        return 0.0, 1.0
    low, high = float(lows.min()), float(highs.max())
    margin = MARGIN * (high - low) or max(abs(high), 1.0) / 2
    return low - margin, high + margin
