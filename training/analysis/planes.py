"""Directions of a surface: random, eigenvectors, through other checkpoints, or of a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from landscape.objectives.objective import Objective
from landscape.provenance import file_sha256
from landscape.results import EigenPairs
from landscape.results.files import errors_about
from landscape.surfaces.planes import Plane, eigen_plane, plane_through, random_plane, trajectory_plane
from landscape.training.analysis.target import AnalysisTarget
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.surface import SurfaceConfig
from landscape.training.loop.run_folder import snapshots


def plane_settings(surface_config: SurfaceConfig) -> dict[str, Any]:
    """Return all settings of a surface, with which its result is stored; files by the SHA-256 of their content.

    Raises:
        FileNotFoundError: A file or a run does not exist.
        ValueError: A file is not a checkpoint.
    """
    settings: dict[str, Any] = {
        **asdict(surface_config),
        "toward": [_checkpoint_sha256(path) for path in surface_config.toward],
    }
    if surface_config.trajectory is not None:
        settings["trajectory"] = [_checkpoint_sha256(path) for path in snapshots(surface_config.trajectory)]
    return settings


def _checkpoint_sha256(path: str | Path) -> str:
    """The SHA-256 of a file that is a checkpoint: any other is refused before a result is looked for or begun."""
    load_checkpoint(path)
    return file_sha256(path)


def plane_of(
    target: AnalysisTarget,
    objective: Objective[Any],
    surface_config: SurfaceConfig,
    seed: int,
    eigenpairs: Callable[[int, int], EigenPairs],
) -> Plane:
    """Return the directions that a surface's settings name.

    Args:
        target: The checkpoint.
        objective: Its loss.
        surface_config: Which plane.
        seed: Of random directions.
        eigenpairs: Returns as many eigenvectors from the top and from the bottom as it is called with.

    Raises:
        ValueError: Another checkpoint has another network or is of other data, there are no eigenvectors or snapshots
            of that number, or points do not span a plane.
        FileNotFoundError: A checkpoint or a run does not exist.
    """
    if surface_config.kind == "eigen":
        pairs = eigenpairs(*surface_config.eigenpairs)
        plane = eigen_plane(pairs, surface_config.eigen, objective.params)
    elif surface_config.kind == "toward":
        paths = surface_config.toward
        others = [load_checkpoint(path) for path in paths]
        names = _distinct([target.checkpoint.title, *(other.title for other in others)])
        points = [_point(target, objective, other, path) for other, path in zip(others, paths, strict=True)]
        with errors_about(" and ".join(paths)):
            plane = plane_through(objective.params, points, names)
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


def _point(target: AnalysisTarget, objective: Objective[Any], other: Checkpoint, path: str | Path) -> Tensor:
    """Another checkpoint's parameters (n,) at the active coordinates, this one's at the others."""
    if other.data["sha256"] != target.dataset.sha256:
        raise ValueError(f"{path} was trained on {other.data['name']}, whose items are not those of {target.dataset}")
    try:
        params = objective.space.flatten(other.weights).to(objective.params)
    except ValueError as problem:
        raise ValueError(f"{path} has another network than {target.path}: {problem}") from None
    return objective.params + objective.space.project(params - objective.params)


def _trajectory(target: AnalysisTarget, objective: Objective[Any], run: str) -> Plane:
    """The plane of a run's snapshots, with the loss at each snapshot."""
    checkpoints = [load_checkpoint(path) for path in snapshots(run)]
    points = [_point(target, objective, checkpoint, run) for checkpoint in checkpoints]
    plane = trajectory_plane(objective.params, points, [f"epoch {checkpoint.epoch}" for checkpoint in checkpoints])
    assert plane.trajectory is not None
    losses = np.array([objective.value(point) for point in points])
    return replace(plane, trajectory=replace(plane.trajectory, loss=losses))


def _distinct(names: list[str]) -> list[str]:
    """Names with numbers where two are the same."""
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
