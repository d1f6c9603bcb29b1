"""A plane in words: its directions, what lies in it, and the loss around the centre."""

from __future__ import annotations

import math

from landscape.figures.captions.facts import Fact, counted
from landscape.figures.plotdata.surfaces.planes import coordinates
from landscape.figures.style import GREEK_RHO, give_or_take, number, percent
from landscape.results import Barrier, RadialProfile, Surface
from landscape.results.curve import LowLossCurve

KINDS = {
    "random": "The directions are random, drawn separately for each parameter.",
    "eigen": "The directions are eigenvectors of the curvature, of length 1.",
    "toward": "The directions lead from one model to others.",
    "trajectory": "The directions are the principal components of a training run, which ends at the centre.",
    "trajectories": "The directions are the principal components of several training runs, seen from the centre.",
}


def plane_description(surface: Surface) -> str:
    """Describe the kind of plane, and how far a unit of its coordinates moves the parameters."""
    kind = KINDS.get(str(surface.metadata.get("plane", {}).get("kind")), "")
    if len(surface.trajectories) > 1:
        kind = KINDS["trajectories"]
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
    """Describe the paths of training runs, and how far they lie off the plane; empty without a path."""
    runs = [run for run in surface.trajectories if len(run.points)]
    if not runs:
        return ""
    furthest = number(max(float(run.off_plane.max()) for run in runs), 3)
    shares = surface.metadata.get("plane", {}).get("shares")
    held = f" The plane holds {percent(sum(shares))} of the squared distances." if shares else ""
    count = counted(sum(len(run.points) for run in runs), "snapshot")
    whose = "The path has" if len(runs) == 1 else f"The {len(runs)} paths have"
    return (
        f"{whose} {count}, pale at {'its' if len(runs) == 1 else 'their'} beginning.{held} They lie up to {furthest} "
        "off the plane, so their own losses are not the surface's."
    )


def barrier_fact(barrier: Barrier) -> Fact:
    """Describe how high the loss rises between two models."""
    error = barrier.error or barrier.stderr or math.nan
    return Fact(
        "Barrier",
        give_or_take(barrier.height, error, 3),
        f"above the straight line between the ends, at t = {number(barrier.at, 2)}; "
        f"{number(barrier.above_ends, 3)} above the higher end",
    )


def curve_caption(curve: LowLossCurve) -> str:
    """Describe the two paths between models, and how the curved one was found."""
    training = curve.metadata.get("training", {})
    steps = f" in {counted(training['steps'], 'step')}, each on one batch" if "steps" in training else ""
    return (
        f"The loss on the straight path from {curve.names[0]} to {curve.names[1]}, and on a quadratic Bézier curve "
        f"whose bend was trained for a low loss{steps} (Garipov et al. 2018); evaluated on all batches at "
        f"{counted(len(curve.straight.t), 'point')}, between which a peak may be missed. The shade is the standard "
        f"error from taking part of the data. The curve is {number(curve.length / curve.distance, 3)} times as long. "
        "The bend was trained on the data and draws that the loss is shown of: below the ends, the curve fits these "
        "better, which says nothing of others. Another seed may find another curve, and more steps a lower one."
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
