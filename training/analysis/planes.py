"""Directions of a surface: random, eigenvectors, through other models, or of a training run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from landscape.objectives.objective import Objective
from landscape.progress import Progress
from landscape.results import EigenPairs
from landscape.results.curve import LowLossCurve
from landscape.results.display.display_names import short_names
from landscape.results.storage.files import errors_about
from landscape.surfaces.barrier import active_point
from landscape.surfaces.curve import curve_plane, low_loss_curve
from landscape.surfaces.planes import Plane, eigen_plane, plane_through, random_plane, trajectory_plane
from landscape.training.config.surface import SurfaceConfig
from landscape.training.loop.history import METRIC
from landscape.training.targets.target import AnalysisTarget


def plane_settings(target: AnalysisTarget, surface_config: SurfaceConfig) -> dict[str, Any]:
    """Return all settings of a surface, with which its result is stored; files by the SHA-256 of their content.

    Raises:
        FileNotFoundError: A file or a run does not exist.
        ValueError: A file holds no such model.
    """
    settings: dict[str, Any] = {
        **asdict(surface_config),
        "toward": [target.point_sha256(path) for path in surface_config.toward],
    }
    if not surface_config.curve:  # so that what was stored before there were curves is found
        del settings["curve"], settings["curve_steps"]
    # One run as when there could be one, so that what was stored then is found.
    runs = [[target.point_sha256(path) for path in target.snapshots(run)] for run in surface_config.trajectory]
    settings["trajectory"] = None if not runs else runs[0] if len(runs) == 1 else runs
    return settings


def plane_of(
    target: AnalysisTarget,
    objective: Objective[Any],
    surface_config: SurfaceConfig,
    seed: int,
    eigenpairs: Callable[[int, int], EigenPairs],
) -> Plane:
    """Return the directions that a surface's settings name.

    Args:
        target: The model.
        objective: Its loss.
        surface_config: Which plane.
        seed: Of random directions.
        eigenpairs: Returns as many eigenvectors from the top and from the bottom as it is called with.

    Raises:
        ValueError: Another model has another network or is of other data, there are no eigenvectors or snapshots
            of that number, or points do not span a plane.
        FileNotFoundError: A file or a run does not exist.
    """
    if surface_config.kind == "eigen":
        pairs = eigenpairs(*surface_config.eigenpairs)
        plane = eigen_plane(pairs, surface_config.eigen, objective.params)
    elif surface_config.kind == "toward":
        paths = surface_config.toward
        others = [target.point(objective, path) for path in paths]
        names = distinct(short_names([target.title, *(other.title for other in others)]))
        with errors_about(" and ".join(paths)):
            plane = plane_through(objective.params, [active_point(objective, other.params) for other in others], names)
    elif surface_config.kind == "trajectory":
        plane = _trajectories(target, objective, surface_config.trajectory)
    else:
        seeds = (2 * seed,) if surface_config.is_line else (2 * seed, 2 * seed + 1)
        plane = random_plane(
            objective.space,
            objective.params,
            seeds,
            normalize=surface_config.normalize,
            vectors=surface_config.vectors,
            orthogonal=surface_config.orthogonal,
        )
    return replace(plane, y=None) if surface_config.is_line else plane


def curve_of(
    target: AnalysisTarget,
    objective: Objective[Any],
    surface_config: SurfaceConfig,
    seed: int,
    population: float | None,
    progress: Progress,
) -> tuple[Plane, LowLossCurve]:
    """Return a curve of low loss to another model, and the plane through it; errors as of ``plane_of``."""
    (path,) = surface_config.toward
    other = target.point(objective, path)
    first, last = distinct(short_names([target.title, other.title]))
    with errors_about(path):
        end = active_point(objective, other.params)
        curve = low_loss_curve(
            objective,
            objective.params,
            end,
            steps=surface_config.curve_steps,
            seed=seed,
            names=(first, last),
            population=population,
            progress=progress,
        )
        return curve_plane(curve, objective.params, end), curve


def _trajectories(target: AnalysisTarget, objective: Objective[Any], runs: Sequence[str]) -> Plane:
    """The plane of the snapshots of one run or several, with loss and validation metric at each snapshot."""
    steps = [[target.point(objective, path) for path in target.snapshots(run)] for run in runs]
    points = [[active_point(objective, step.params) for step in run] for run in steps]
    names = [[step.step for step in run] for run in steps]
    others = list(zip(points[1:], names[1:], strict=True))
    plane = trajectory_plane(objective.params, points[0], names[0], others=others)
    titles = distinct([target.run_title(run, one[0]) for run, one in zip(runs, steps, strict=True)])
    first, *further = (
        replace(
            placed,
            loss=np.array([objective.value(point) for point in snapshots]),
            title=title,
            **_validated(target.run_history(run), placed.names),
        )
        for placed, snapshots, title, run in zip(
            (plane.trajectory, *plane.other_trajectories), points, titles, runs, strict=True
        )
        if placed is not None
    )
    ends = not (points[0][-1] - objective.params).any()
    marks = plane.marks if ends else tuple(replace(mark, name="checkpoint") for mark in plane.marks)
    hashes = [[target.point_sha256(path) for path in target.snapshots(run)] for run in runs]
    description = {**plane.description, "snapshot_sha256": hashes}
    return replace(plane, trajectory=first, other_trajectories=tuple(further), marks=marks, description=description)


def _validated(history: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """The metric that selects the best epoch, at each snapshot; empty if the history has none."""
    found = {f"epoch {int(row['epoch'])}": row[METRIC] for row in history if isinstance(row.get(METRIC), float)}
    values = np.array([found.get(name, np.nan) for name in names])
    return {"metric": values, "metric_name": METRIC} if np.isfinite(values).any() else {}


def distinct(names: list[str]) -> list[str]:
    """Return names with numbers where two are the same."""
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
