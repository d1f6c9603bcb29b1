"""From a slice to directions: random, of eigenvectors, through other checkpoints, or of a training run."""

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
from landscape.surfaces.planes import Plane, eigen_plane, plane_through, random_plane, trajectory_plane
from landscape.training.analysis.target import AnalysisTarget
from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint
from landscape.training.config.surface import SurfaceConfig
from landscape.training.loop.run_folder import snapshots


def slice_of(chosen: SurfaceConfig) -> dict[str, Any]:
    """All settings of a slice, for a result's name; files by their content.

    Raises:
        FileNotFoundError: A file or a run is not there.
    """
    kept: dict[str, Any] = {**asdict(chosen), "toward": [file_sha256(path) for path in chosen.toward]}
    if chosen.trajectory is not None:
        kept["trajectory"] = [file_sha256(path) for path in snapshots(chosen.trajectory)]
    return kept


def plane_of(
    target: AnalysisTarget,
    objective: Objective[Any],
    chosen: SurfaceConfig,
    seed: int,
    eigenpairs: Callable[[int, int], EigenPairs],
) -> Plane:
    """The directions that a slice names.

    Args:
        target: The checkpoint.
        objective: Its loss.
        chosen: Which plane.
        seed: Of random directions.
        eigenpairs: Finds so many eigenvectors from the top and from the bottom.

    Raises:
        ValueError: Another checkpoint has another network or is of other data, there are no eigenvectors or snapshots
            of that number, or points do not span a plane.
        FileNotFoundError: A checkpoint or a run is not there.
    """
    if chosen.kind == "eigen":
        pairs = eigenpairs(*chosen.eigenpairs)
        plane = eigen_plane(pairs, chosen.eigen, objective.params)
    elif chosen.kind == "toward":
        others = [load_checkpoint(path) for path in chosen.toward]
        names = _distinct([target.checkpoint.title, *(other.title for other in others)])
        points = [_point(target, objective, other, path) for other, path in zip(others, chosen.toward, strict=True)]
        plane = plane_through(objective.params, points, names)
    elif chosen.trajectory is not None:
        plane = _trajectory(target, objective, chosen.trajectory)
    else:
        seeds = (2 * seed,) if chosen.is_line else (2 * seed, 2 * seed + 1)
        plane = random_plane(
            objective.space,
            objective.params,
            seeds,
            normalize=chosen.normalize,
            vectors=chosen.vectors,
            orthogonal=chosen.orthogonal,
        )
    return replace(plane, y=None) if chosen.is_line else plane


def _point(target: AnalysisTarget, objective: Objective[Any], other: Checkpoint, path: str | Path) -> Tensor:
    """Another checkpoint's parameters (n,), those that take part in the loss."""
    if other.data["sha256"] != target.dataset.sha256:
        raise ValueError(f"{path} was trained on {other.data['name']}, whose items are not those of {target.dataset}")
    try:
        found = objective.space.flatten(other.weights).to(objective.params)
    except ValueError as problem:
        raise ValueError(f"{path} has another network than {target.path}: {problem}") from None
    return objective.params + objective.space.project(found - objective.params)


def _trajectory(target: AnalysisTarget, objective: Objective[Any], run: str) -> Plane:
    """The plane of a run's snapshots, with their own losses."""
    kept = [load_checkpoint(path) for path in snapshots(run)]
    points = [_point(target, objective, each, run) for each in kept]
    plane = trajectory_plane(objective.params, points, [f"epoch {each.epoch}" for each in kept])
    assert plane.trajectory is not None
    losses = np.array([objective.value(point) for point in points])
    return replace(plane, trajectory=replace(plane.trajectory, loss=losses))


def _distinct(names: list[str]) -> list[str]:
    """Names with numbers where two are the same."""
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]
