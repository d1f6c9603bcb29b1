"""A plane in words: its directions, what lies in it, and the loss around the centre."""

from __future__ import annotations

import math

from landscape.figures.captions.facts import Fact, counted
from landscape.figures.plotdata.marks import trajectory_of
from landscape.figures.plotdata.planes import coordinates
from landscape.figures.style import GREEK_RHO, give_or_take, number, percent
from landscape.results import Barrier, RadialProfile, Surface

KINDS = {
    "random": "The directions are random, drawn separately for each parameter.",
    "eigen": "The directions are eigenvectors of the curvature, of length 1.",
    "toward": "The directions lead from one model to others.",
    "trajectory": "The directions are the principal components of a training run, which ends at the centre.",
}


def plane_description(surface: Surface) -> str:
    """Describe the kind of plane, and how far a unit of its coordinates moves the parameters."""
    kind = KINDS.get(str(surface.metadata.get("plane", {}).get("kind")), "")
    norms = surface.metadata.get("direction_norms") or []
    units = [
        f"{coordinate.symbol} = 1 is a distance of {number(norm, 3)}"
        for coordinate, norm in zip(coordinates(surface), norms, strict=False)
    ]
    if not units:
        return kind
    cosine = surface.metadata.get("cosine")
    angle = f"; the cosine between them is {number(cosine, 2)}" if cosine else ""
    return f"{kind} {', '.join(units)} in the space of parameters{angle}.".strip()


def ball_description(rho: float) -> str:
    """Describe the boundary of a ball."""
    return f"The closed line bounds the parameters within a distance of {GREEK_RHO} = {number(rho)} from the centre."


def path_caption(surface: Surface) -> str:
    """Describe the path of a training run, and how far it lies off the plane; empty without a path."""
    trajectory = trajectory_of(surface)
    if trajectory is None:
        return ""
    furthest = number(float(trajectory.off_plane.max()), 3)
    shares = surface.metadata.get("plane", {}).get("shares")
    held = f" The plane holds {percent(sum(shares))} of the squared distances." if shares else ""
    return (
        f"The path has {counted(len(trajectory.points), 'snapshot')}, pale at its beginning.{held} They lie up to "
        f"{furthest} off the plane, so their own losses are not the surface's."
    )


def barrier_fact(barrier: Barrier) -> Fact:
    """Describe how high the loss rises between two models."""
    error = barrier.error or math.nan
    return Fact(
        "Barrier",
        give_or_take(barrier.height, error, 3),
        f"above the straight line between the ends, at t = {number(barrier.at, 2)}; "
        f"{number(barrier.above_ends, 3)} above the higher end",
    )


def radial_profile_fact(profile: RadialProfile) -> Fact:
    """Describe the rise of the loss at the largest distance."""
    rises = profile.rises
    half = float(profile.half_width(rises)[-1])
    if math.isnan(half):
        error = "one plane, no interval"
    else:
        error = f"{profile.level:.0%} interval over {profile.repeats} planes"
    return Fact(
        f"Rise at r = {number(float(profile.radii[-1]), 3)}", give_or_take(float(rises.mean(0)[-1]), half, 3), error
    )


def radial_profile_caption(profile: RadialProfile) -> str:
    """Describe the curve and the shade around it."""
    if profile.repeats == 1:
        return "The loss, averaged over all directions of one plane. How much planes differ is unknown."
    return (
        f"Each thin line is one of {profile.repeats} planes, averaged over its directions; the thick line is their "
        f"mean, the shade its {profile.level:.0%} interval (Student's t over planes)."
    )
