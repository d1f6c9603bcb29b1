"""What a plane is, what lies in it, and the loss around it, in words."""

from __future__ import annotations

import math

from landscape.figures.captions.facts import Fact, counted
from landscape.figures.plotdata.planes import coordinates
from landscape.figures.style import GREEK_RHO, give_or_take, number, percent
from landscape.results import Barrier, RadialProfile, Surface

KINDS = {
    "random": "The directions are random, drawn anew for each parameter.",
    "eigen": "The directions are eigenvectors of the curvature, of length 1.",
    "toward": "The directions lead from one model to others.",
    "trajectory": "The directions are the principal components of a training run, which ends at the centre.",
}


def plane_told(surface: Surface) -> str:
    """Which plane it is, and how far a unit of its coordinates moves the parameters."""
    kind = KINDS.get(str(surface.metadata.get("plane", {}).get("kind")), "")
    norms = surface.metadata.get("direction_norms") or []
    units = [
        f"{coordinate.symbol} = 1 is a distance of {number(norm, 3)}"
        for coordinate, norm in zip(coordinates(surface), norms, strict=False)
    ]
    if not units:
        return kind
    across = surface.metadata.get("cosine")
    angle = f"; the cosine between them is {number(across, 2)}" if across else ""
    return f"{kind} {', '.join(units)} in the space of parameters{angle}.".strip()


def ball_told(rho: float) -> str:
    """What the boundary of a ball is."""
    return f"The closed line bounds the parameters within a distance of {GREEK_RHO} = {number(rho)} from the centre."


def path_caption(surface: Surface) -> str:
    """What the path is, and how far the run strays from the plane; empty where there is none."""
    if surface.trajectory is None or not len(surface.trajectory.points):
        return ""
    furthest = number(float(surface.trajectory.off_plane.max()), 3)
    shares = surface.metadata.get("plane", {}).get("shares")
    held = f" The plane holds {percent(sum(shares))} of the squared distances." if shares else ""
    return (
        f"The path has {counted(len(surface.trajectory.points), 'snapshot')}, pale at its beginning.{held} Each is placed "
        f"where it is nearest; it lies up to {furthest} off the plane, so that its own loss is not the surface's."
    )


def barrier_fact(barrier: Barrier) -> Fact:
    """How high the loss rises between two models."""
    error = barrier.error or math.nan
    return Fact(
        "Barrier",
        give_or_take(barrier.height, error, 3),
        f"above the straight line between the ends, at t = {number(barrier.at, 2)}; "
        f"{number(barrier.above_ends, 3)} above the higher end",
    )


def band_fact(band: RadialProfile) -> Fact:
    """The rise of the loss at the largest distance."""
    rises = band.rises
    half = float(band.half_width(rises)[-1])
    error = "one plane, no interval" if math.isnan(half) else f"{band.level:.0%} interval over {band.repeats} planes"
    return Fact(
        f"Rise at r = {number(float(band.radii[-1]), 3)}", give_or_take(float(rises.mean(0)[-1]), half, 3), error
    )


def band_caption(band: RadialProfile) -> str:
    """What the curve and the shade around it are."""
    if band.repeats == 1:
        return "The loss, averaged over all directions of one plane: there is no telling how planes differ."
    return (
        f"Each thin line is one of {band.repeats} planes, averaged over its directions; the thick one is their mean, "
        f"the shade its {band.level:.0%} interval (Student's t over planes)."
    )
