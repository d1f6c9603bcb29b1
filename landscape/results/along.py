"""How sharpness, loss and ranking change along a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landscape.results.display.display_names import display_name
from landscape.results.display.frames import Tabular
from landscape.results.display.tables import Row, Table, TableDisplay
from landscape.results.numerics.arrays import Floats, Integers, Metadata
from landscape.results.sample import sample_tables


@dataclass(frozen=True)
class AlongTraining(TableDisplay, Tabular):
    """What was measured at each snapshot of a training run, in the order of their epochs."""

    epochs: Integers  # (T,) 0: before the first step
    top: Floats  # (T,) λmax
    top_residual: Floats  # (T,) ‖Hv − λmax v‖
    trace: Floats  # (T,) the sum of all eigenvalues
    trace_stderr: Floats  # (T,)
    loss: Floats  # (T,)
    loss_stderr: Floats  # (T,) of the loss as an estimate for all users; 0 when all users are in it
    gradient_norm: Floats  # (T,) ‖∇L‖₂
    metric: Floats  # (T,) of the validation after the epoch; NaN where there was none, such as before the first
    metric_name: str = "valid_ndcg@20"  # as the run's history calls it
    operator: str = "hessian"  # or gauss-newton, fisher: the matrix of λmax and trace
    metadata: Metadata = field(default_factory=dict)

    @property
    def best(self) -> int | None:
        """The place of the snapshot with the highest metric; None if there is no metric."""
        return int(np.nanargmax(self.metric)) if np.isfinite(self.metric).any() else None

    def tables(self) -> list[Table]:
        """Return a row for each snapshot."""
        header = ("epoch", "λmax ± residual", "trace", "loss", "gradient norm", display_name(self.metric_name))
        rows: list[Row] = [
            (
                int(epoch),
                (float(self.top[i]), float(self.top_residual[i])),
                (float(self.trace[i]), float(self.trace_stderr[i])),
                (float(self.loss[i]), float(self.loss_stderr[i]) or math.nan),
                float(self.gradient_norm[i]),
                float(self.metric[i]),
            )
            for i, epoch in enumerate(self.epochs)
        ]
        return [*sample_tables(self.metadata), Table(f"Along training ({display_name(self.operator)})", header, rows)]

    def columns(self) -> dict[str, Any]:
        """Return the fields with a value for each snapshot, by their names; the metric's is its own."""
        fields = ("top", "top_residual", "trace", "trace_stderr", "loss", "loss_stderr", "gradient_norm")
        return {
            "epoch": self.epochs,
            **{name: getattr(self, name) for name in fields},
            self.metric_name: self.metric,
        }

    def __repr__(self) -> str:
        low, high = (int(self.epochs[place]) for place in (0, -1)) if len(self.epochs) else (0, 0)
        first, last = (f"{self.top[place]:.4g}" if len(self.top) else "none" for place in (0, -1))
        return f"AlongTraining({len(self.epochs)} snapshots, epochs {low} to {high}, λmax {first} to {last})"
