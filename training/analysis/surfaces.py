"""Surfaces of checkpoints: made once, found again, and resumed when interrupted."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from landscape.bands import band
from landscape.checks import check_derivatives
from landscape.evaluations import Evaluations
from landscape.files import check_writable
from landscape.objective import Objective
from landscape.planes import Plane, barrier
from landscape.progress import Report, silent
from landscape.quadratic import quadratic_radius
from landscape.results import CheckReport, EigenPairs, Surface
from landscape.storage import load_surface, save_surface
from landscape.surfaces import surface
from training.analysis.curvatures import eigenpairs_of
from training.analysis.metrics import extras_of
from training.analysis.planes import plane_of, slice_of
from training.analysis.slices import Slice
from training.analysis.subject import Subject
from training.objective import objective_of
from training.subsets import Subset


def surface_of(
    subject: Subject,
    subset: Subset,
    chosen: Slice,
    *,
    device: torch.device | str = "cpu",
    report: Report = silent,
) -> tuple[Surface, Path]:
    """The loss surface of a checkpoint, and the file it is in.

    A result of the same checkpoint and settings is read rather than made again; an interrupted one is continued.
    Repeats are results of their own, for seeds that follow the subset's, from which the first gets its band.

    Args:
        subject: The checkpoint.
        subset: Of its loss; its seed is that of random directions, too.
        chosen: Where to look, and at what.
        device: Where to compute.
        report: Told of each point.

    Raises:
        ValueError: An argument is out of range, or as ``objective_of``, ``extras_of`` and ``plane_of`` raise it.
        OSError: The folder for results cannot be written to, or a file is not there.
    """
    result = subject.place("surface", subset, **slice_of(chosen)).with_suffix(".npz")
    if result.exists():
        return load_surface(result), result
    check_writable(result)
    if chosen.repeats == 1:
        found = _computed(subject, subset, chosen, device, report)
    else:
        found = _repeated(subject, subset, chosen, device, report)
    save_surface(found, result)
    return found, result


def _repeated(subject: Subject, subset: Subset, chosen: Slice, device: torch.device | str, report: Report) -> Surface:
    """The first plane, with the band of all."""
    planes = []
    for repeat in range(chosen.repeats):

        def told(done: float, total: int, text: str = "", repeat: int = repeat) -> None:
            report(repeat + done / max(total, 1), chosen.repeats, f"planes {text}")

        once = replace(chosen, repeats=1)
        if repeat:
            once = replace(once, metric=(), check=False)
        planes.append(
            surface_of(subject, replace(subset, seed=subset.seed + repeat), once, device=device, report=told)[0]
        )
    first = planes[0]
    seeds = [subset.seed + repeat for repeat in range(chosen.repeats)]
    return replace(
        first,
        band=band(planes),
        metadata={**first.metadata, **subject.provenance(subset), "band_seeds": seeds},
    )


def _computed(subject: Subject, subset: Subset, chosen: Slice, device: torch.device | str, report: Report) -> Surface:
    started = time.perf_counter()
    objective, population = objective_of(subject.checkpoint, subject.dataset, subset, device=device)

    def eigenpairs(top: int, bottom: int) -> EigenPairs:
        return eigenpairs_of(subject, subset, objective, top=top, bottom=bottom, report=report)

    plane = plane_of(subject, objective, chosen, subset.seed, eigenpairs)
    extras = extras_of(subject, subset, objective, chosen.metric, device=device)
    place = subject.place(".partial", subset, metric=chosen.metric, directions=_digest(plane))
    partial = Evaluations(place.with_suffix(".npz"), key=subject.dataset.sha256)
    found = surface(
        objective,
        plane.x,
        plane.y,
        points=chosen.points,
        extent=plane.extent if chosen.extent is None else chosen.extent,
        tolerance=chosen.tolerance,
        grid=chosen.grid,
        parts=extras.parts,
        others=extras.others,
        metrics=extras.rankings,
        metric_points=chosen.metric_points,
        evaluations=partial,
        progress=lambda done, total: report(done, total, ""),
    )
    checked = _checked(objective, plane) if chosen.check or chosen.kind == "eigen" else {}
    described = {
        **subject.provenance(subset),
        "plane": {**asdict(chosen), "seed": subset.seed, **plane.description},
        "loss_stderr": objective.standard_error(population=population),
        **found.metadata,
        "seconds": round(time.perf_counter() - started, 3),
    }
    found = replace(found, metadata=described, marks=plane.marks, path=plane.path, **checked)
    if plane.y is None and chosen.kind == "toward":
        found = replace(found, barrier=barrier(found))
    partial.delete()
    return found


def _digest(plane: Plane) -> str:
    """SHA-256 of the directions themselves: eigenvectors that were continued since are others."""
    vectors = [vector.cpu().numpy().tobytes() for vector in (plane.x, plane.y) if vector is not None]
    return hashlib.sha256(b"".join(vectors)).hexdigest()


def _checked(objective: Objective[Any], plane: Plane) -> dict[str, Any]:
    """Derivatives along the directions against differences of the loss, and how far the quadratic model reaches."""
    directions = {"α": plane.x} | ({"β": plane.y} if plane.y is not None else {})
    checks: CheckReport = check_derivatives(objective, directions)
    if plane.y is None:
        return {"checks": checks}
    return {"checks": checks, "quadratic": quadratic_radius(objective, plane.x, plane.y)}
