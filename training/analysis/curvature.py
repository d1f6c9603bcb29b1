"""Curvatures of checkpoints and problems: computed once, then read; interrupted ones go on section by section."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from landscape.objectives.objective import Objective
from landscape.progress import Progress, silent
from landscape.results import Curvature, EigenPairs
from landscape.training.analysis.curvature_sections import CurvatureSections
from landscape.training.analysis.sample_size import curvature_sample
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.targets.target import AnalysisTarget


def curvature_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    curvature_config: CurvatureConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Curvature, Path]:
    """Return the curvature of a model's loss, and the file it is stored in.

    A result of the same model and settings is read and not computed again. Each section (eigenvalues, density,
    trace, sharpness, blocks) is stored as soon as it is computed, so that an interrupted command goes on with the next
    one; eigenvalues and density are continued where more is asked for. With ``users="auto"`` the result is of as many
    users as ``curvature_sample`` returns.

    Args:
        target: The model.
        objective_config: Its loss; the seed is that of starts and probes, too.
        curvature_config: What to compute.
        device: Where to compute.
        progress: Called with (done, total, text) of each section.

    Raises:
        ValueError: An argument is out of range, the memory does not suffice, or as ``target.objective`` raises it.
        OSError: The folder for results cannot be written to.
    """

    def compute() -> Curvature:
        started = time.perf_counter()
        config, chosen = objective_config, {}
        if config.is_auto:
            sample = curvature_sample(target, config, curvature_config, device=device, progress=progress)
            config, chosen = config.with_first(sample.size, sample.total), {"sample": sample.metadata()}
        objective, population = target.objective(config, device=device)
        sections = CurvatureSections(target, config, objective, curvature_config, progress)
        result = sections.all(population)
        metadata = {
            **target.provenance(config),
            **chosen,
            "measures": asdict(curvature_config),
            **result.metadata,
            "seconds": round(time.perf_counter() - started, 3),
        }
        return replace(result, metadata=metadata)

    cache, settings = target.cache(objective_config), asdict(curvature_config)
    return cache.result(Curvature, compute, **settings), cache.path(Curvature, **settings)


def eigenpairs_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    objective: Objective[Any],
    top: int,
    bottom: int,
    *,
    progress: Progress = silent,
) -> EigenPairs:
    """Return eigenvectors of the Hessian; an earlier run of Lanczos is continued.

    Raises:
        ValueError: As ``top_eigenpairs`` raises it.
    """
    config = CurvatureConfig(top=top, bottom=bottom)
    return CurvatureSections(target, objective_config, objective, config, progress).eigenvalues().pairs
