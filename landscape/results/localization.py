"""Where a loss is sharp: the largest eigenvalue of each block, and the share of eigenvectors that lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.display.frames import Tabular, from_rows
from landscape.results.display.plotting import Plotted
from landscape.results.display.printable import printable
from landscape.results.display.tables import Row, Table
from landscape.results.numerics.arrays import Floats, Integers


@dataclass(frozen=True)
class BlockEigenvalues(Plotted, Tabular):
    """The largest eigenvalue of each diagonal block, where the parameters of other blocks are fixed.

    None exceeds the largest eigenvalue of the whole, if that is not negative (Cauchy's interlacing theorem).
    """

    names: tuple[str, ...]  # (G,)
    values: Floats  # (G,) λmax of the block
    residuals: Floats  # (G,) ‖Hv − λv‖ within the block
    converged: NDArray[np.bool_]  # (G,)
    sizes: Integers  # (G,) active coordinates
    products: Integers  # (G,) operator-vector products used

    def table(self) -> Table:
        """Return a row for each block."""
        rows: list[Row] = [
            (name, (float(self.values[i]), float(self.residuals[i])), int(self.sizes[i]), bool(self.converged[i]))
            for i, name in enumerate(self.names)
        ]
        return Table("Largest eigenvalue by block", ("", "± residual", "coordinates", "converged"), rows)

    def rows(self) -> list[dict[str, str | float | int | bool]]:
        """Return the rows of a table: block, coordinates, value, residual, converged, products."""
        return [
            {
                "block": name,
                "coordinates": int(self.sizes[i]),
                "value": float(self.values[i]),
                "residual": float(self.residuals[i]),
                "converged": bool(self.converged[i]),
                "products": int(self.products[i]),
            }
            for i, name in enumerate(self.names)
        ]

    def columns(self) -> dict[str, Any]:
        """Return ``rows`` by column."""
        return from_rows(self.rows())

    def __repr__(self) -> str:
        values = ", ".join(
            f"{printable(name, 60)} {value:.4g}±{residual:.1g}{'' if done else ' (not converged)'}"
            for name, value, residual, done in zip(self.names, self.values, self.residuals, self.converged, strict=True)
        )
        return f"BlockEigenvalues({values}; {self.products.sum()} products)"


@dataclass(frozen=True)
class Localization(Plotted, Tabular):
    """How the squared components of unit eigenvectors divide among groups of coordinates.

    A vector v that is off by an angle φ has shares that are each off by at most sin φ.
    """

    by: str  # what the groups are: block, item popularity
    groups: tuple[str, ...]  # (G,)
    values: Floats  # (K, G) shares of the K vectors; a row sums to 1 if the groups have all coordinates, else to less
    errors: Floats  # (K,) by how much each share may be off: residual / gap to the nearest other eigenvalue, at most 1
    baselines: Mapping[str, Floats] = field(default_factory=dict)  # name -> (G,): coordinates (what a random vector
    # would have), interactions

    def __post_init__(self) -> None:
        shape = (len(self.errors), len(self.groups))
        if self.values.shape != shape:
            raise ValueError(
                f"values {self.values.shape} do not fit; {shape[0]} errors and {shape[1]} groups need {shape}"
            )

    def table(self) -> Table:
        """Return a row for each group, in per cent."""
        vectors = [f"v{i + 1}" + ("" if np.isnan(e) else f" (± {e:.2g})") for i, e in enumerate(100 * self.errors)]
        columns = [*self.values, *self.baselines.values()]
        rows: list[Row] = [
            (group, *(round(100 * float(column[g]), 2) for column in columns)) for g, group in enumerate(self.groups)
        ]
        return Table(f"Share of the eigenvectors by {self.by}, in %", ("", *vectors, *self.baselines), rows)

    def columns(self) -> dict[str, Any]:
        """Return the shares in a row for each vector and group: vector (from 1), group, share, error."""
        vectors, groups = self.values.shape
        return {
            "vector": np.repeat(np.arange(1, vectors + 1), groups),
            "group": [*self.groups] * vectors,
            "share": self.values.ravel(),
            "error": np.repeat(self.errors, groups),
        }

    def __repr__(self) -> str:
        largest = ", ".join(
            f"v{i + 1} {shares.max():.0%} in {printable(self.groups[int(shares.argmax())], 60)}"
            for i, shares in enumerate(self.values)
            if len(shares)
        )
        return f"Localization(by {printable(self.by, 60)} of {len(self.groups)}, most of {largest or 'nothing'})"
