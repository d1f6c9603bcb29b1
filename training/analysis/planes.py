"""Directions of a surface: random, eigenvectors, through other models, or of a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from torch import Tensor

from landscape.objectives.objective import Objective
from landscape.results import EigenPairs
from landscape.results.files import errors_about
from landscape.surfaces.planes import Plane, eigen_plane, plane_through, random_plane, trajectory_plane
from landscape.training.analysis.target import AnalysisTarget, Point
from landscape.training.config.surface import SurfaceConfig


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
    if surface_config.trajectory is not None:
        settings["trajectory"] = [target.point_sha256(path) for path in target.snapshots(surface_config.trajectory)]
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
        names = _distinct([target.title, *(other.title for other in others)])
        with errors_about(" and ".join(paths)):
            plane = plane_through(objective.params, [_active(objective, other) for other in others], names)
    elif surface_config.trajectory is not None:
        plane = _trajectory(target, objective, surface_config.trajectory)
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


def _active(objective: Objective[Any], other: Point) -> Tensor:
    """Another model's parameters (n,) at the active coordinates, this one's at the others."""
    params = other.params.to(objective.params)
    return objective.params + objective.space.project(params - objective.params)


def _trajectory(target: AnalysisTarget, objective: Objective[Any], run: str) -> Plane:
    """The plane of a run's snapshots, with the loss at each snapshot."""
    steps = [target.point(objective, path) for path in target.snapshots(run)]
    points = [_active(objective, step) for step in steps]
    plane = trajectory_plane(objective.params, points, [step.step for step in steps])
    assert plane.trajectory is not None
    losses = np.array([objective.value(point) for point in points])
    return replace(plane, trajectory=replace(plane.trajectory, loss=losses))


def _distinct(names: list[str]) -> list[str]:
    """Names with numbers where two are the same."""
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
