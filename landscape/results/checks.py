"""Numbers that are computed in two ways."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from landscape.results.arrays import Floats, Metadata
from landscape.results.tables import Table


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

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "DIFFERS"
        return f"{self.what}: expected {self.expected:.6g}, found {self.found:.6g} ± {self.allowed:.1g}, {verdict}"


@dataclass(frozen=True)
class CheckReport:
    """Checks, one a line."""

    checks: tuple[Check, ...]
    metadata: Metadata = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether all of them agree."""
        return all(check.agrees for check in self.checks)

    def table(self, quadratic: QuadraticRadius | None = None) -> Table:
        """Return a row for each check, and how far a quadratic model reaches."""
        rows: list[tuple[str, float | str, float | str, float | str, str]] = [
            (check.what, check.expected, check.found, check.allowed, "yes" if check.agrees else "NO")
            for check in self.checks
        ]
        if quadratic is not None:
            finite = math.isfinite(quadratic.smallest)
            reach = f"‖δ‖ = {quadratic.distances.min():.3g}" if finite else "all that was tried"
            rows.append((f"quadratic model within {quadratic.share:.0%}, up to", "", reach, "", ""))
        return Table("Checks", ("", "expected", "found", "± allowed", "agrees"), tuple(rows))

    def rows(self) -> list[dict[str, str | float | bool]]:
        """Return the rows of a table: what, expected, found, allowed, agrees."""
        return [
            {
                "what": check.what,
                "expected": check.expected,
                "found": check.found,
                "allowed": check.allowed,
                "agrees": check.agrees,
            }
            for check in self.checks
        ]

    def __str__(self) -> str:
        return "\n".join(map(str, self.checks))

    def __repr__(self) -> str:
        differing = [check.what for check in self.checks if not check.agrees]
        names = f"; these differ: {', '.join(differing)}" if differing else ""
        return f"CheckReport({len(self.checks) - len(differing)} of {len(self.checks)} agree{names})"


@dataclass(frozen=True)
class Difference:
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

    def __repr__(self) -> str:
        return f"Difference({self.slope}; {self.curvature}; noise {self.noise:.1g}, {self.evaluations} evaluations)"


@dataclass(frozen=True)
class QuadraticRadius:
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

    def __repr__(self) -> str:
        if math.isfinite(self.smallest):
            where = f"{self.smallest:.3g} at {math.degrees(self.angle):.0f}°, distance {self.distances.min():.3g}"
        else:
            where = f"none up to {self.extents.min():.3g}" if self.smallest == math.inf else "nan"
        return (
            f"QuadraticRadius({where}; {self.share:.0%} of the rise, {len(self.angles)} rays, "
            f"{self.evaluations} evaluations, {self.products} products)"
        )
