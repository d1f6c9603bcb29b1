"""How many users an answer needs: surfaces and curvatures of growing parts of the data, until errors are small."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.geometry.sampling import eigenvalue_error, quadratic_error, rise_errors
from landscape.objectives.growing import SamplingError, grow
from landscape.objectives.objective import Objective
from landscape.progress import Progress, silent
from landscape.results import EigenPairs, Floats, LanczosState
from landscape.results.interpolation import tensor_product
from landscape.results.sample import SampleSize
from landscape.surfaces.axes import plane_axes
from landscape.surfaces.planes import Plane
from landscape.training.analysis.curvature_sections import CurvatureSections
from landscape.training.analysis.operators import OPERATORS
from landscape.training.analysis.planes import plane_of, plane_settings
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.config.surface import SurfaceConfig
from landscape.training.targets.target import AnalysisTarget

SHARE = 1 / 50  # of the data to begin with, if that is more
PROBES = 4  # random vectors for the error of the trace
RISE, TOP, TRACE = "loss above the centre, of its range", "λ1", "trace"  # the quantities


def surface_sample(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    surface_config: SurfaceConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> SampleSize:
    """Return how many users a surface needs; a stored answer is read.

    Measured are the differences of the loss to that at the centre, at the corners, the middles of the edges and the
    centre of the plane, or at five points of a line: the largest error, as a share of the range of the loss there.
    Along eigenvectors of the part's own Hessian the differences are also compared with those of other users.

    Args:
        target: The model.
        objective_config: Its loss, with ``users="auto"``.
        surface_config: The plane.
        device: Where to compute.
        progress: Called with (done, total, text).

    Raises:
        ValueError: As ``target`` and ``plane_of`` raise it.
        OSError: The folder for results cannot be written to, or a file does not exist.
    """
    total = target.sample_total(objective_config)

    def measure(count: int) -> dict[str, SamplingError]:
        part = objective_config.with_first(count, total)
        objective, population = target.objective(part, device=device)
        report = _titled(progress, target, count, total)
        report(0, 1, "errors")

        def eigenpairs(top: int, bottom: int) -> EigenPairs:
            config = CurvatureConfig(top=top, bottom=bottom)
            return CurvatureSections(target, part, objective, config, report).eigenvalues().pairs

        plane = plane_of(target, objective, surface_config, objective_config.seed, eigenpairs)
        directions = torch.stack([vector for vector in (plane.x, plane.y) if vector is not None])
        points = _points(plane, surface_config)[:, : len(directions)]
        rises, errors = rise_errors(objective, directions, points, population=population if count < total else None)
        others = _others(target, objective_config, count, total, device) if surface_config.kind == "eigen" else None
        elsewhere = rise_errors(others, directions, points)[0] if others is not None else rises
        biases = (1 - count / total) * (rises - elsewhere)
        worst = int(np.argmax(np.hypot(errors, biases)))  # NaN counts as the largest
        span = float(rises.max() - rises.min())
        return {RISE: _relative(errors[worst], biases[worst], span)}

    return _grown(target, objective_config, total, measure, "hessian", **plane_settings(target, surface_config))


def curvature_sample(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    curvature_config: CurvatureConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> SampleSize:
    """Return how many users a curvature needs; a stored answer is read.

    Measured are the largest eigenvalue, with its bias, and, where it is asked for, the trace. See ``eigenvalue_error``:
    the other data are as many other users, as far as there are.

    Args:
        target: The model.
        objective_config: Its loss, with ``users="auto"``.
        curvature_config: What is to be computed.
        device: Where to compute.
        progress: Called with (done, total, text).

    Raises:
        ValueError: As ``target.objective`` raises it, or the memory does not suffice.
        OSError: The folder for results cannot be written to.
    """
    total, matrix = target.sample_total(objective_config), OPERATORS[curvature_config.operator]

    def measure(count: int) -> dict[str, SamplingError]:
        part = objective_config.with_first(count, total)
        objective, population = target.objective(part, device=device)
        population = population if count < total else None
        sections = CurvatureSections(target, part, objective, curvature_config, _titled(progress, target, count, total))
        vectors = sections.eigenvalues().pairs.vectors
        assert vectors is not None
        top = torch.from_numpy(np.asarray(vectors[0]))
        others = _others(target, objective_config, count, total, device)
        found = eigenvalue_error(objective, others, matrix, top, share=count / total, population=population)
        errors = {TOP: _relative(found.stderr, found.bias, found.value - found.bias)}
        if curvature_config.trace:
            mean, error = quadratic_error(
                objective, matrix, _signs(objective, objective_config.seed), population=population
            )
            errors[TRACE] = _relative(error, 0.0, mean)
        return errors

    operator = curvature_config.operator
    settings = {"operator": operator, "trace": curvature_config.trace}
    return _grown(target, objective_config, total, measure, operator, **settings)


def _grown(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    total: int,
    measure: Callable[[int], dict[str, SamplingError]],
    matrix: str,
    /,
    **settings: Any,
) -> SampleSize:
    """The stored answer to the same question, or a new one."""
    precision = objective_config.precision
    assert precision is not None
    first = max(target.sample_first, math.ceil(SHARE * total))
    sample = target.cache(objective_config).result(
        SampleSize, lambda: grow(measure, total, precision, first=first, unit=target.sample_unit), **settings
    )
    for size in sample.sizes[:-1].tolist():  # nobody will continue these
        cache = target.cache(objective_config.with_first(size, total))
        cache.path(LanczosState, operator=matrix).unlink(missing_ok=True)
    return sample


def _others(
    target: AnalysisTarget, objective_config: ObjectiveConfig, count: int, total: int, device: torch.device | str
) -> Objective[Any] | None:
    """The loss on as many other users as the part has, as far as there are; None if there are none."""
    config = objective_config.with_others(count, total)
    return target.objective(config, device=device)[0] if config is not None else None


def _points(plane: Plane, surface_config: SurfaceConfig) -> Floats:
    """Points (k, 2) of the plane where errors are measured; the centre is not needed."""
    extent = plane.extent if surface_config.extent is None else surface_config.extent
    axes = plane_axes(surface_config.points, extent, line=plane.y is None)
    count = 5 if plane.y is None else 3
    points = tensor_product(*(axis.nodes(count) for axis in axes))
    return np.concatenate([np.zeros((1, 2)), points[points.any(1)]])  # the range includes the centre


def _signs(objective: Objective[Any], seed: int) -> Tensor:
    """Random signs (PROBES, n), the same for every part."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, (PROBES, objective.space.size), generator=generator).to(objective.params) * 2 - 1


def _relative(stderr: float, bias: float, size: float) -> SamplingError:
    """Errors as shares of a size; infinite ones of 0."""
    size = abs(size)
    return SamplingError(*(float(number) / size if size else math.inf for number in (stderr, bias)))


def _titled(progress: Progress, target: AnalysisTarget, count: int, total: int) -> Progress:
    def report(done: float, needed: int, text: str = "") -> None:
        progress(done, needed, f"{count:,} of {total:,} {target.sample_unit}" + (f": {text}" if text else ""))

    return report
