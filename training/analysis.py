"""Surfaces and curvatures of checkpoints: made once, found again, and resumed when interrupted.

Results lie beside the checkpoint in ``results/``, under names that carry a hash of all that made them.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from landscape.curvatures import curvature
from landscape.directions import random_direction
from landscape.evaluations import Evaluations
from landscape.files import curvature_values, load_curvature, load_surface, save_curvature, save_surface, surface_values
from landscape.progress import Report, silent
from landscape.provenance import command, file_sha256, versions
from landscape.results import Curvature, Surface
from landscape.surfaces import surface
from training.checkpoint import Checkpoint, data_of, describe, load_checkpoint
from training.datasets import Dataset
from training.objective import Subset, objective_of


@dataclass(frozen=True)
class Subject:
    """A checkpoint that is looked at, with its data."""

    path: Path
    sha256: str
    checkpoint: Checkpoint
    dataset: Dataset

    @classmethod
    def open(cls, path: str | Path, data: str | None = None, *, data_dir: str | None = None) -> Subject:
        """Read a checkpoint and find its data; errors as ``load_checkpoint`` and ``data_of`` raise them."""
        checkpoint = load_checkpoint(path)
        return cls(Path(path), file_sha256(path), checkpoint, data_of(checkpoint, data, data_dir=data_dir))

    def provenance(self, subset: Subset) -> dict[str, Any]:
        """What the numbers come from."""
        return {
            "title": f"{self.checkpoint.title}{subset.title}",
            "command": command(),
            "checkpoint": {
                "file": self.path.name,
                "sha256": self.sha256,
                "epoch": self.checkpoint.epoch,
                "method": self.checkpoint.method,
            },
            "data": {"name": self.dataset.name, "sha256": self.dataset.sha256},
            "objective": asdict(subset),
            "versions": versions(),
            "threads": torch.get_num_threads(),
        }


@dataclass(frozen=True)
class Plane:
    """Which surface: two random directions, and how finely and how far."""

    points: int | tuple[int, int] = 51
    extent: float = 1.0
    tolerance: float = 1e-3
    grid: bool = False
    normalize: str = "filter"
    vectors: str = "zero"
    seed: int = 0

    def seeds(self) -> tuple[int, int]:
        """Of the two directions."""
        return 2 * self.seed, 2 * self.seed + 1


def surface_of(
    subject: Subject,
    subset: Subset,
    plane: Plane,
    *,
    device: torch.device | str = "cpu",
    report: Report = silent,
    keep: Path | None = None,
) -> tuple[Surface, Path]:
    """The loss surface of a checkpoint, and the file it is in.

    A result of the same checkpoint and settings is read rather than made again; an interrupted one is continued.

    Args:
        subject: The checkpoint.
        subset: Of its loss.
        plane: Where to look.
        device: Where to compute.
        report: Told of each point.
        keep: The folder for the result; ``results/`` beside the checkpoint by default.

    Raises:
        ValueError: An argument is out of range.
        OSError: The folder cannot be written to.
    """
    what = {"checkpoint": subject.sha256, **asdict(subset), "directions": [plane.normalize, plane.vectors, plane.seed]}
    result = _place(subject, keep, "surface", what | asdict(plane)).with_suffix(".npz")
    if result.exists():
        return load_surface(result), result
    objective, population = objective_of(subject.checkpoint, subject.dataset, subset, device=device)
    x, y = (
        random_direction(objective.space, objective.params, normalize=plane.normalize, vectors=plane.vectors, seed=seed)
        for seed in plane.seeds()
    )
    partial = Evaluations(_place(subject, keep, ".partial", what).with_suffix(".npz"), key=subject.dataset.sha256)
    started = time.perf_counter()
    found = surface(
        objective,
        x,
        y,
        points=plane.points,
        extent=plane.extent,
        tolerance=plane.tolerance,
        grid=plane.grid,
        evaluations=partial,
        progress=lambda done, total: report(done, total, ""),
    )
    described = {
        **subject.provenance(subset),
        "plane": {**asdict(plane), "direction_seeds": list(plane.seeds())},
        "loss_stderr": objective.standard_error(population=population),
        **found.metadata,
        "seconds": round(time.perf_counter() - started, 3),
    }
    found = replace(found, metadata=described)
    save_surface(found, result)
    partial.delete()
    return found, result


def curvature_of(
    subject: Subject,
    subset: Subset,
    k: int,
    *,
    tolerance: float = 1e-3,
    max_products: int | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    report: Report = silent,
    keep: Path | None = None,
) -> tuple[Curvature, Path]:
    """The top k Hessian eigenvalues of a checkpoint, and the file they are in; otherwise as ``surface_of``."""
    what = {
        "checkpoint": subject.sha256,
        **asdict(subset),
        "k": k,
        "tolerance": tolerance,
        "max_products": max_products,
        "start": seed,
    }
    result = _place(subject, keep, "curvature", what).with_suffix(".json")
    if result.exists():
        return load_curvature(result), result
    objective, population = objective_of(subject.checkpoint, subject.dataset, subset, device=device)
    limit = max_products if max_products is not None else 10 * k + 90
    found = curvature(
        objective,
        k,
        tolerance=tolerance,
        max_products=max_products,
        seed=seed,
        population=population,
        progress=lambda done, residual: report(done, limit, f"products, at most; residual {residual:.1e}"),
    )
    found = replace(found, metadata={**subject.provenance(subset), **found.metadata})
    save_curvature(found, result)
    return found, result


def describe_file(path: str | Path) -> dict[str, Any]:
    """What is in a checkpoint or a result file, but for weights and arrays; errors as their readers raise them."""
    suffix = Path(path).suffix
    if suffix == ".npz":
        return surface_values(load_surface(path))
    if suffix == ".json":
        return curvature_values(load_curvature(path))
    return describe(load_checkpoint(path))


def _place(subject: Subject, keep: Path | None, kind: str, what: dict[str, Any]) -> Path:
    folder = keep if keep is not None else subject.path.parent / "results"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:10]
    return folder / f"{kind}-{subject.path.stem}-{digest}"
