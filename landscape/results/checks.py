"""Numbers that are computed in two ways."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from landscape.results.display.frames import Tabular, from_rows
from landscape.results.display.tables import NotebookDisplay, Row, Table
from landscape.results.numerics.arrays import Floats, Metadata

WORDS = {"agrees": "yes", "differs": "NO", "cannot tell": "cannot tell"}  # by verdict, in a column "agrees"


@dataclass(frozen=True)
class Check:
    """One number computed in two ways."""

    what: str
    expected: float
    found: float
    allowed: float  # how far apart the two may be; for smaller numbers, the check is void

    @property
    def agrees(self) -> bool:
        """Whether the two differ by no more than is allowed; never where one of the three is not finite."""
        finite = all(map(math.isfinite, (self.expected, self.found, self.allowed)))
        return finite and abs(self.found - self.expected) <= self.allowed

    @property
    def verdict(self) -> str:
        """``agrees``, ``differs``, or ``cannot tell`` where rounding or a kink hides how far the two are apart."""
        if self.agrees:
            return "agrees"
        hidden = self.allowed == math.inf and math.isfinite(self.expected) and math.isfinite(self.found)
        return "cannot tell" if hidden else "differs"

    def __str__(self) -> str:
        verdict = self.verdict.upper() if self.verdict == "differs" else self.verdict
        return f"{self.what}: expected {self.expected:.6g}, found {self.found:.6g} ± {self.allowed:.1g}, {verdict}"


@dataclass(frozen=True)
class CheckReport(NotebookDisplay, Tabular):
    """Checks, one a line."""

    checks: tuple[Check, ...]
    metadata: Metadata = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether none of them differs."""
        return not self.named("differs")

    def named(self, verdict: str) -> list[str]:
        """Return what was checked with this verdict: ``agrees``, ``differs`` or ``cannot tell``."""
        return [check.what for check in self.checks if check.verdict == verdict]

    def table(self, quadratic: QuadraticRadius | None = None) -> Table:
        """Return a row for each check, and how far a quadratic model reaches."""
        rows: list[tuple[str, float | str, float | str, float | str, str]] = [
            (check.what, check.expected, check.found, check.allowed, WORDS[check.verdict]) for check in self.checks
        ]
        if quadratic is not None:
            finite = math.isfinite(quadratic.smallest)
            reach = f"‖δ‖ = {quadratic.distances.min():.3g}" if finite else "all that was tried"
            rows.append((f"quadratic model within {quadratic.share:.0%}, up to", "", reach, "", ""))
        return Table("Checks", ("", "expected", "found", "± allowed", "agrees"), tuple(rows))

    def rows(self) -> list[dict[str, str | float | bool]]:
        """Return the rows of a table: what, expected, found, allowed, agrees, verdict."""
        return [
            {
                "what": check.what,
                "expected": check.expected,
                "found": check.found,
                "allowed": check.allowed,
                "agrees": check.agrees,
                "verdict": check.verdict,
            }
            for check in self.checks
        ]

    def columns(self) -> dict[str, Any]:
        """Return ``rows`` by column."""
        return from_rows(self.rows())

    def __str__(self) -> str:
        return "\n".join(map(str, self.checks))

    def __repr__(self) -> str:
        differing, hidden = self.named("differs"), self.named("cannot tell")
        names = f"; these differ: {', '.join(differing)}" if differing else ""
        names += f"; cannot tell: {', '.join(hidden)}" if hidden else ""
        return f"CheckReport({len(self.named('agrees'))} of {len(self.checks)} agree{names})"


@dataclass(frozen=True)
class Difference(NotebookDisplay):
    """f'(0) and f''(0) of f(t) = L(θ + t·d): ``found`` from values of the loss, ``expected`` from its derivatives."""

    slope: Check  # f'(0) against gᵀd
    curvature: Check  # f''(0) against dᵀHd
    slope_step: float  # h of the selected differences, of values from -8h to 8h; NaN where none was finite
    curvature_step: float
    slope_error: float  # of ``slope.found`` alone: truncation and SIGMAS times the noise; inf: no convergence
    curvature_error: float
    noise: float  # standard deviation of the loss's rounding errors near θ
    evaluations: int  # of the loss

    @property
    def agrees(self) -> bool:
        """Whether both derivatives agree."""
        return self.slope.agrees and self.curvature.agrees

    def table(self) -> Table:
        """Return a row for each derivative."""
        return CheckReport((self.slope, self.curvature)).table()

    def __repr__(self) -> str:
        return f"Difference({self.slope}; {self.curvature}; noise {self.noise:.1g}, {self.evaluations} evaluations)"


@dataclass(frozen=True)
class QuadraticRadius(NotebookDisplay, Tabular):
    """How far from θ, along rays of a plane, the loss is what its gradient and Hessian say."""

    angles: Floats  # (A,) φ of the rays θ + r (cos φ · x + sin φ · y), in radians
    radii: Floats  # (A,) r of the departure; inf: none up to ``extents``, 0: everywhere, NaN: L(θ) is not finite
    distances: Floats  # (A,) ‖δ‖₂ there
    extents: Floats  # (A,) the largest r tried
    share: float  # of the quadratic's own rise that counts as a departure
    gradient: Floats  # (2,) of the loss in the plane's coordinates
    hessian: Floats  # (2, 2) likewise
    noise: float  # standard deviation of the loss's rounding errors near θ; a departure exceeds SIGMAS of it
    evaluations: int  # of the loss
    products: int  # with the Hessian

    @property
    def smallest(self) -> float:
        """The smallest radius, in the plane's coordinates."""
        return float(self.radii.min())

    @property
    def angle(self) -> float:
        """The angle of the smallest radius; NaN where no ray has one."""
        return float(self.angles[self.radii.argmin()]) if math.isfinite(self.smallest) else math.nan

    def table(self) -> Table:
        """Return a row for each ray."""
        rows: list[Row] = [
            (f"{math.degrees(angle):.0f}°", float(self.radii[i]), float(self.distances[i]), float(self.extents[i]))
            for i, angle in enumerate(self.angles)
        ]
        header = ("direction", "radius", "distance", "tried up to")
        return Table(f"Where the loss departs from its quadratic model by {self.share:.0%}", header, rows)

    def columns(self) -> dict[str, Any]:
        """Return angle (in radians), radius, distance and extent of each ray."""
        return {"angle": self.angles, "radius": self.radii, "distance": self.distances, "extent": self.extents}

    def __repr__(self) -> str:
        if math.isfinite(self.smallest):
            where = f"{self.smallest:.3g} at {math.degrees(self.angle):.0f}°, distance {self.distances.min():.3g}"
        else:
            where = f"none up to {self.extents.min():.3g}" if self.smallest == math.inf else "nan"
        return (
            f"QuadraticRadius({where}; {self.share:.0%} of the rise, {len(self.angles)} rays, "
            f"{self.evaluations} evaluations, {self.products} products)"
        )
