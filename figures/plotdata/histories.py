"""The course of a training run, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from landscape.figures.entries import History
from landscape.results import Floats

VALIDATED, TRAINED = "valid_ndcg@20", "train_loss"  # columns of a history


@dataclass(frozen=True)
class Series:
    """A column of a history."""

    epochs: Floats  # (E,)
    values: Floats  # (E,) NaN if not measured

    @property
    def best(self) -> int | None:
        """The row of the highest value; None if nothing was measured."""
        return int(np.nanargmax(self.values)) if np.isfinite(self.values).any() else None


def series(history: History, column: str) -> Series:
    """Return a column of a history. Stages without validation are left out: pre-training minimises another loss."""
    epochs, stages = _numbers(history, "epoch"), [str(row.get("stage", "")) for row in history]
    validated = {
        stage for stage, value in zip(stages, _numbers(history, VALIDATED), strict=True) if math.isfinite(value)
    }
    shown = np.array([not validated or stage in validated for stage in stages], dtype=bool)
    return Series(epochs[shown], _numbers(history, column)[shown])


def _numbers(history: History, column: str) -> Floats:
    return np.array([_number(row.get(column, math.nan)) for row in history], dtype=np.float64)


def _number(text: float | str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
