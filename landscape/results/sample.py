"""How much of the data an answer needs: a random part that grew until the error was small enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.results.display.printable import printable
from landscape.results.display.tables import Row, Table, TableDisplay
from landscape.results.numerics.arrays import Floats, Integers


@dataclass(frozen=True)
class SampleSize(TableDisplay):
    """The sizes that were tried, each part of the data containing the one before, and the errors of the answer.

    Errors are relative to the size of their quantity, and estimates for all of the data; in the row of all of it, for
    further data like these.
    """

    precision: float  # asked for: the largest error
    total: int  # the number of users, or batches, that there are
    sizes: Integers  # (T,) in the order in which they were tried; the last one is the answer's
    errors: Floats  # (T, Q) standard errors; NaN where unknown
    biases: Floats  # (T, Q) by how much the quantity is too large
    quantities: tuple[str, ...]  # (Q,)
    unit: str = "users"

    @property
    def size(self) -> int:
        """How many were taken."""
        return int(self.sizes[-1])

    @property
    def reached(self) -> bool:
        """Whether the errors of the answer, with the biases, are known and at most the precision."""
        return bool((np.hypot(self.errors[-1], self.biases[-1]) <= self.precision).all())

    def metadata(self, size: int | None = None) -> dict[str, Any]:
        """Return what is stored with an answer; ``size`` is how many it is of, where other models needed more."""
        return {
            "unit": self.unit,
            "size": self.size if size is None else size,
            "needed": self.size,
            "total": self.total,
            "precision": self.precision,
            "reached": self.reached,
            "quantities": list(self.quantities),
            "errors": _plain(self.errors[-1]),
            "biases": _plain(self.biases[-1]),
            "tried": self.sizes.tolist(),
        }

    def table(self) -> Table:
        """Return standard error and bias of each quantity at each size."""
        header = (self.unit, *(f"{name}{what}" for name in self.quantities for what in (", error", ", too large by")))
        rows: list[Row] = [
            (int(size), *(_percent(number) for pair in zip(errors, biases, strict=True) for number in pair))
            for size, errors, biases in zip(self.sizes, self.errors.tolist(), self.biases.tolist(), strict=True)
        ]
        return Table("Errors by size", header, rows)

    def __repr__(self) -> str:
        return f"SampleSize({sample_text(self.metadata())})"


def sample_text(sample: Mapping[str, Any]) -> str:
    """Return in words how much of the data an answer is of, from ``SampleSize.metadata``.

    >>> import numpy as np
    >>> sample = SampleSize(
    ...     0.01, 5000, np.array([200, 900]), np.array([[0.02], [0.008]]), np.zeros((2, 1)), ("trace",)
    ... )
    >>> sample_text(sample.metadata())
    '900 of 5,000 users, chosen by the data for errors of at most 1%'
    """
    size, total, unit = sample["size"], sample["total"], printable(sample["unit"], 20)
    part = f"all {total:,} {unit}" if size == total else f"{size:,} of {total:,} {unit}"
    precision = _percent(sample["precision"])
    if not sample["reached"]:
        earlier = f" with {sample['tried'][-2]:,}" if len(sample["tried"]) > 1 else f", as estimates for further {unit}"
        return f"{part}: errors of at most {precision} were NOT reached{earlier}"
    others = "" if sample["needed"] == size else f"; this answer needs {sample['needed']:,}, another one more"
    return f"{part}, chosen by the data for errors of at most {precision}{others}"


def sample_tables(metadata: Mapping[str, Any]) -> list[Table]:
    """Return how much of the data a result is of, where that was chosen by the data, as at most one table."""
    sample = metadata.get("sample")
    if sample is None:
        return []
    part = sample["needed"] < sample["total"]
    biased = part and any(sample["biases"])
    rows: list[Row] = [
        (name, _percent(error), *([_percent(bias) if bias else ""] if biased else []))
        for name, error, bias in zip(sample["quantities"], sample["errors"], sample["biases"], strict=True)
    ]
    title = sample_text(sample)
    header = ("", f"standard error, for {'all' if part else 'further'} {printable(sample['unit'], 20)}")
    return [Table(title[:1].upper() + title[1:], (*header, "too large by") if biased else header, rows)]


def check_sample(metadata: Mapping[str, Any]) -> None:
    """Check that metadata from a file have all that ``sample_tables`` shows; their types were checked before.

    Raises:
        ValueError: Something is missing.
    """
    sample = metadata.get("sample")
    if sample is None:
        return
    names = ("unit", "size", "needed", "total", "precision", "reached", "quantities", "errors", "biases", "tried")
    missing = [name for name in names if sample.get(name) is None]
    if missing:
        raise ValueError(f"metadata.sample lacks {', '.join(missing)}")
    if not len(sample["quantities"]) == len(sample["errors"]) == len(sample["biases"]):
        raise ValueError("metadata.sample has errors that are not those of its quantities")


def _plain(numbers: Floats) -> list[float | None]:
    return [number if math.isfinite(number) else None for number in numbers.tolist()]


def _percent(share: float | None) -> str:
    """A share with two digits.

    >>> _percent(0.01), _percent(0.00123), _percent(None)
    ('1%', '0.12%', 'unknown')
    """
    return f"{100 * share:.2g}%" if share is not None and math.isfinite(share) else "unknown"
