"""Surfaces of checkpoints: made once, found again, and resumed when interrupted."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from landscape.geometry.derivative_checks import check_derivatives
from landscape.geometry.quadratic_model import quadratic_radius
from landscape.objectives.objective import Objective
from landscape.progress import Progress, silent
from landscape.results import CheckReport, EigenPairs, Surface
from landscape.results.files import check_writable
from landscape.results.storage import load_surface, save_surface
from landscape.surfaces.evaluation_cache import Evaluations
from landscape.surfaces.planes import Plane, barrier
from landscape.surfaces.radial import radial_profile
from landscape.surfaces.surface import surface
from landscape.training.analysis.curvature import eigenpairs_of
from landscape.training.analysis.objective import objective_of
from landscape.training.analysis.planes import plane_of, slice_of
from landscape.training.analysis.surface_metrics import extras_of
from landscape.training.analysis.target import AnalysisTarget
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig


def surface_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    chosen: SurfaceConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Surface, Path]:
    """The loss surface of a checkpoint, and the file it is in.

    A result of the same checkpoint and settings is read rather than made again; an interrupted one is continued.
    Repeats are results of their own, for seeds that follow the subset's, from which the first gets its band.

    Args:
        target: The checkpoint.
        objective_config: Of its loss; its seed is that of random directions, too.
        chosen: Where to look, and at what.
        device: Where to compute.
        progress: Told of each point.

    Raises:
        ValueError: An argument is out of range, or as ``objective_of``, ``extras_of`` and ``plane_of`` raise it.
        OSError: The folder for results cannot be written to, or a file is not there.
    """
    result = target.place("surface", objective_config, **slice_of(chosen)).with_suffix(".npz")
    if result.exists():
        return load_surface(result), result
    check_writable(result)
    if chosen.repeats == 1:
        found = _computed(target, objective_config, chosen, device, progress)
    else:
        found = _repeated(target, objective_config, chosen, device, progress)
    save_surface(found, result)
    return found, result


def _repeated(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    chosen: SurfaceConfig,
    device: torch.device | str,
    progress: Progress,
) -> Surface:
    """The first plane, with the band of all."""
    planes = []
    for repeat in range(chosen.repeats):

        def told(done: float, total: int, text: str = "", repeat: int = repeat) -> None:
            progress(repeat + done / max(total, 1), chosen.repeats, f"planes {text}")

        once = replace(chosen, repeats=1)
        if repeat:
            once = replace(once, metric=(), check=False)
        planes.append(
            surface_of(
                target,
                replace(objective_config, seed=objective_config.seed + repeat),
                once,
                device=device,
                progress=told,
            )[0]
        )
    first = planes[0]
    seeds = [objective_config.seed + repeat for repeat in range(chosen.repeats)]
    return replace(
        first,
        radial_profile=radial_profile(planes),
        metadata={**first.metadata, **target.provenance(objective_config), "band_seeds": seeds},
    )


def _computed(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    chosen: SurfaceConfig,
    device: torch.device | str,
    progress: Progress,
) -> Surface:
    started = time.perf_counter()
    objective, population = objective_of(target.checkpoint, target.dataset, objective_config, device=device)

    def eigenpairs(top: int, bottom: int) -> EigenPairs:
        return eigenpairs_of(target, objective_config, objective, top=top, bottom=bottom, progress=progress)

    plane = plane_of(target, objective, chosen, objective_config.seed, eigenpairs)
    extras = extras_of(target, objective_config, objective, chosen.metric, device=device)
    place = target.place(".partial", objective_config, metric=chosen.metric, directions=_digest(plane))
    partial = Evaluations(place.with_suffix(".npz"), key=target.dataset.sha256)
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
        progress=lambda done, total: progress(done, total, ""),
    )
    checked = _checked(objective, plane) if chosen.check or chosen.kind == "eigen" else {}
    described = {
        **target.provenance(objective_config),
        "plane": {**asdict(chosen), "seed": objective_config.seed, **plane.description},
        "loss_stderr": objective.standard_error(population=population),
        **found.metadata,
        "seconds": round(time.perf_counter() - started, 3),
    }
    found = replace(found, metadata=described, marks=plane.marks, trajectory=plane.trajectory, **checked)
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
