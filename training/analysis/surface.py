"""Surfaces of checkpoints and problems: computed once, then read, and resumed when interrupted."""

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
from landscape.results import EigenPairs, Surface
from landscape.surfaces.barrier import barrier
from landscape.surfaces.evaluation_cache import EvaluationCache
from landscape.surfaces.planes import Plane
from landscape.surfaces.radial import radial_profile
from landscape.surfaces.surface import surface
from landscape.training.analysis.curvature import eigenpairs_of
from landscape.training.analysis.planes import curve_of, plane_of, plane_settings
from landscape.training.analysis.sample_size import surface_sample
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.target import AnalysisTarget


def surface_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    surface_config: SurfaceConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Surface, Path]:
    """Return the loss surface of a model, and the file it is stored in.

    A result of the same model and settings is read and not computed again; an interrupted one is continued. With
    ``users="auto"`` it is of as many users as ``surface_sample`` returns.
    Repeats are separate results, for consecutive seeds from that of ``objective_config``; the first also gets the
    radial profile of all.

    Args:
        target: The model.
        objective_config: Its loss; the seed is that of random directions, too.
        surface_config: The plane, and what to compute on it.
        device: Where to compute.
        progress: Called with (evaluations done, evaluations known to be needed, text).

    Raises:
        ValueError: An argument is out of range, or as ``target`` and ``plane_of`` raise it.
        OSError: The folder for results cannot be written to, or a file does not exist.
    """

    def compute() -> Surface:
        config, sample = objective_config, None
        if config.is_auto:
            measured = surface_config
            if measured.curve:  # its plane is not known yet: the errors are those of the straight line
                measured = replace(measured, curve=False, points=51)
            sample = surface_sample(target, config, measured, device=device, progress=progress)
            config = config.with_first(sample.size, sample.total)
        several = surface_config.repeats > 1
        result = (_repeated if several else _computed)(target, config, surface_config, device, progress)
        return result if sample is None else replace(result, metadata={**result.metadata, "sample": sample.metadata()})

    cache, settings = target.cache(objective_config), plane_settings(target, surface_config)
    return cache.result(Surface, compute, **settings), cache.path(Surface, **settings)


def _repeated(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    surface_config: SurfaceConfig,
    device: torch.device | str,
    progress: Progress,
) -> Surface:
    """The first plane, with the radial profile of all."""
    planes, repeats = [], surface_config.repeats
    seeds = [objective_config.seed + repeat for repeat in range(repeats)]
    for repeat, seed in enumerate(seeds):

        def report(done: float, total: int, text: str = "", repeat: int = repeat) -> None:
            progress(repeat + done / max(total, 1), repeats, "planes")

        once = replace(surface_config, repeats=1)
        if repeat:
            once = replace(once, metric=(), check=False)
        seeded = replace(objective_config, seed=seed)
        planes.append(surface_of(target, seeded, once, device=device, progress=report)[0])
    first = planes[0]
    metadata = {**first.metadata, **target.provenance(objective_config), "band_seeds": seeds}
    return replace(first, radial_profile=radial_profile(planes), metadata=metadata)


def _computed(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    surface_config: SurfaceConfig,
    device: torch.device | str,
    progress: Progress,
) -> Surface:
    """One plane or line."""
    started = time.perf_counter()
    objective, population = target.objective(objective_config, device=device)

    def eigenpairs(top: int, bottom: int) -> EigenPairs:
        return eigenpairs_of(target, objective_config, objective, top=top, bottom=bottom, progress=progress)

    curve = None
    if surface_config.curve:
        plane, curve = curve_of(target, objective, surface_config, objective_config.seed, population, progress)
    else:
        plane = plane_of(target, objective, surface_config, objective_config.seed, eigenpairs)
    extras = target.extras(objective_config, objective, surface_config.metric, device=device)
    cache, settings = target.cache(objective_config), {"metric": surface_config.metric, "directions": _digest(plane)}
    partial = EvaluationCache(cache.file(".partial", ".npz", **settings), key=target.data_sha256)
    result = surface(
        objective,
        plane.x,
        plane.y,
        points=surface_config.points,
        extent=plane.extent if surface_config.extent is None else surface_config.extent,
        tolerance=surface_config.tolerance,
        grid=surface_config.grid,
        parts=extras.parts,
        others=extras.others,
        metrics=extras.metrics,
        metric_points=surface_config.metric_points,
        cache=partial,
        progress=progress,
    )
    result = replace(
        result, marks=plane.marks, trajectory=plane.trajectory, other_trajectories=plane.other_trajectories
    )
    if curve is not None:
        result = replace(result, curve=replace(curve, bend=None), barrier=curve.straight.barrier)
    if surface_config.check or surface_config.kind == "eigen":
        result = _checked(result, objective, plane, progress)
    if plane.y is None and surface_config.kind == "toward":
        result = replace(result, barrier=barrier(result))
    metadata = {
        **target.provenance(objective_config),
        "plane": {**asdict(surface_config), "seed": objective_config.seed, **plane.description},
        "loss_stderr": objective.standard_error(population=population),
        **result.metadata,
        "seconds": round(time.perf_counter() - started, 3),
    }
    partial.delete()
    return replace(result, metadata=metadata)


def _digest(plane: Plane) -> str:
    """SHA-256 of the directions: eigenvectors that were continued since then are other directions."""
    vectors = [vector.cpu().numpy().tobytes() for vector in (plane.x, plane.y) if vector is not None]
    return hashlib.sha256(b"".join(vectors)).hexdigest()


def _checked(result: Surface, objective: Objective[Any], plane: Plane, progress: Progress) -> Surface:
    """The surface with checks of derivatives along the directions, and how far the quadratic model reaches."""
    directions = {"α": plane.x} | ({"β": plane.y} if plane.y is not None else {})
    result = replace(result, checks=check_derivatives(objective, directions, progress=progress))
    if plane.y is None:
        return result
    return replace(result, quadratic=quadratic_radius(objective, plane.x, plane.y, progress=progress))
