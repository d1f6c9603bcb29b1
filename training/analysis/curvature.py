"""Curvatures of checkpoints: made once, found again section by section, and continued."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch

from landscape.devices import available_memory
from landscape.geometry.block_eigenvalues import block_eigenvalues
from landscape.geometry.curvature import curvature
from landscape.geometry.derivative_checks import check_derivatives
from landscape.geometry.localization import localization_by_block
from landscape.geometry.quadratic_model import quadratic_radius
from landscape.geometry.sharpness import sharpness
from landscape.linalg.lanczos import eigen_bytes
from landscape.linalg.spectral_density import basis_bytes, spectral_density
from landscape.linalg.trace import trace
from landscape.models.sasrec import BLOCKS
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.fisher import FisherOperator
from landscape.operators.gauss_newton import GaussNewtonOperator
from landscape.operators.hessian import HessianOperator
from landscape.progress import Progress, silent
from landscape.results import (
    BlockEigenvalues,
    CheckReport,
    Curvature,
    EigenPairs,
    Localization,
    QuadraticRadius,
    Sharpness,
    Spectrum,
    TraceEstimate,
)
from landscape.results.files import check_writable, write_json
from landscape.results.serialization import from_plain
from landscape.results.storage import load_curvature, load_lanczos_state, reading, save_curvature, save_lanczos_state
from landscape.training.analysis.objective import objective_of
from landscape.training.analysis.popularity import localization_by_popularity
from landscape.training.analysis.target import AnalysisTarget
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig

BY_NAME: dict[str, Callable[[Objective[Any]], CurvatureOperator]] = {
    "hessian": HessianOperator,
    "gauss-newton": GaussNewtonOperator,
    "fisher": lambda objective: FisherOperator(objective, objective.loss.by_user),  # type: ignore[attr-defined]
}
SHARE_OF_MEMORY = 0.5  # of what is free, that a Krylov basis may take

Section = TypeVar("Section")


def curvature_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    curvature_config: CurvatureConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> tuple[Curvature, Path]:
    """The curvature of a checkpoint's loss, and the file it is in.

    A result of the same checkpoint and settings is read rather than made again. Each section (eigenvalues, density,
    trace, sharpness, blocks, checks) is kept as soon as it is there, so that an interrupted command goes on with the
    next one; eigenvalues and density are continued where more is asked for.

    Args:
        target: The checkpoint.
        objective_config: Of its loss; its seed is that of starts and probes, too.
        curvature_config: What to compute.
        device: Where to compute.
        progress: Told how far each section is.

    Raises:
        ValueError: An argument is out of range, the memory does not suffice, or as ``objective_of`` raises it.
        OSError: The folder for results cannot be written to.
    """
    result = target.place("curvature", objective_config, **asdict(curvature_config)).with_suffix(".json")
    if result.exists():
        return load_curvature(result), result
    check_writable(result)
    started = time.perf_counter()
    objective, population = objective_of(target.checkpoint, target.dataset, objective_config, device=device)
    work = _Work(target, objective_config, objective, curvature_config.operator, progress)
    found = work.eigenvalues(curvature_config, population)
    sections: dict[str, Any] = {"localization": work.localization(found.pairs)}
    if curvature_config.density:
        sections["spectrum"] = work.spectrum(curvature_config)
    if curvature_config.trace:
        sections["trace"] = work.trace(curvature_config)
    if curvature_config.sharpness:
        sections["sharpness"] = work.sharpness(curvature_config, found)
    if curvature_config.by_block:
        sections["blocks"] = work.blocks(curvature_config)
    if curvature_config.checks:
        sections |= work.checks(found.pairs)
    described = {
        **target.provenance(objective_config),
        "measures": asdict(curvature_config),
        **found.metadata,
        "seconds": round(time.perf_counter() - started, 3),
    }
    found = replace(found, metadata=described, **sections)
    save_curvature(found, result)
    return found, result


def eigenpairs_of(
    target: AnalysisTarget,
    objective_config: ObjectiveConfig,
    objective: Objective[Any],
    top: int,
    bottom: int,
    *,
    progress: Progress = silent,
) -> EigenPairs:
    """Eigenvectors of the Hessian; what was found before is continued.

    Raises:
        ValueError: As ``top_eigenpairs`` raises it.
    """
    work = _Work(target, objective_config, objective, HessianOperator.name, progress)
    return work.eigenvalues(CurvatureConfig(top=top, bottom=bottom)).pairs


@dataclass(frozen=True)
class _Work:
    """The sections of one curvature, each kept as soon as it is there."""

    target: AnalysisTarget
    objective_config: ObjectiveConfig
    objective: Objective[Any]
    name: str  # of the operator
    progress: Progress

    @cached_property
    def operator(self) -> CurvatureOperator:
        """One for all sections: its graphs are made once."""
        return BY_NAME[self.name](self.objective)

    def eigenvalues(self, curvature_config: CurvatureConfig, population: float | None = None) -> Curvature:
        """Both ends of the spectrum, from where an earlier command left off."""
        state = self.target.place("lanczos", self.objective_config, operator=self.name).with_suffix(".npz")
        before = load_lanczos_state(state) if state.exists() else None
        limit = curvature_config.max_products or 10 * curvature_config.top + 90
        objective = self.objective
        forecast = eigen_bytes(
            objective.space.size, curvature_config.top, curvature_config.bottom, limit, objective.params.dtype
        )
        allowed = curvature_config.memory or int(SHARE_OF_MEMORY * available_memory(objective.device))
        told = f"products, at most; basis {_bytes(forecast)} at most, {_bytes(allowed)} allowed"
        self.progress(0, limit, told)
        found = curvature(
            objective,
            curvature_config.top,
            operator=self.operator,
            tolerance=curvature_config.tolerance,
            max_products=limit,
            bottom=curvature_config.bottom,
            memory=allowed,
            resume_from=before,
            seed=self.objective_config.seed,
            population=population,
            progress=lambda done, residual: self.progress(done, limit, f"{told}; residual {residual:.1e}"),
        )
        assert found.pairs.lanczos_state is not None
        save_lanczos_state(found.pairs.lanczos_state, state)
        memory = {"forecast": forecast, "allowed": allowed, "continued_from": before.products if before else 0}
        return replace(found, metadata={**found.metadata, "basis_bytes": memory})

    def localization(self, pairs: EigenPairs) -> tuple[Localization, ...]:
        """By block, and by popularity of the items."""
        space = self.objective.space
        by_popularity = localization_by_popularity(space, pairs, self.target.checkpoint, self.target.dataset)
        return tuple(filter(None, (localization_by_block(space, pairs, BLOCKS), by_popularity)))

    def spectrum(self, curvature_config: CurvatureConfig) -> Spectrum:
        """The density, kept after each probe."""
        n, dtype = self.objective.space.size, self.objective.params.dtype
        allowed = curvature_config.memory or int(SHARE_OF_MEMORY * available_memory(self.objective.device))
        needed = basis_bytes(n, curvature_config.steps, dtype)
        if needed > allowed:
            raise ValueError(
                f"--steps {curvature_config.steps} of the density need a basis of {_bytes(needed)}, and {_bytes(allowed)} are "
                f"allowed: about {curvature_config.steps * allowed // needed} steps; or give more --memory"
            )
        place = self.target.place("density", self.objective_config, operator=self.name, steps=curvature_config.steps)
        path = place.with_suffix(".json")
        found = _loaded(Spectrum, path)
        if found is not None and found.probes > curvature_config.probes:
            return found.first(curvature_config.probes)
        for probes in range(found.probes + 1 if found is not None else 1, curvature_config.probes + 1):
            done = (probes - 1) * curvature_config.steps
            found = spectral_density(
                self.operator,
                probes=probes,
                steps=curvature_config.steps,
                seed=self.objective_config.seed,
                resume_from=found,
                progress=lambda step, _, done=done: self.progress(  # type: ignore[misc]
                    done + step, curvature_config.probes * curvature_config.steps, "products for the density"
                ),
            )
            write_json(path, found)
        assert found is not None
        return found

    def trace(self, curvature_config: CurvatureConfig) -> TraceEstimate:
        """The sum of the eigenvalues."""

        def computed() -> TraceEstimate:
            self.progress(0, 1, f"trace, {curvature_config.trace_products} products")
            return trace(
                self.operator,
                products=curvature_config.trace_products,
                method=curvature_config.trace_method,
                seed=self.objective_config.seed,
            )

        what = {"products": curvature_config.trace_products, "method": curvature_config.trace_method}
        return self._kept(TraceEstimate, computed, operator=self.name, **what)

    def sharpness(self, curvature_config: CurvatureConfig, found: Curvature) -> Sharpness:
        """The table, with the largest eigenvalue of the Hessian where that is the operator."""

        def computed() -> Sharpness:
            return sharpness(
                self.objective,
                curvature_config.rhos,
                ascent_steps=curvature_config.ascent_steps,
                draws=curvature_config.draws,
                seed=self.objective_config.seed,
                progress=lambda done, total: self.progress(done, total, "evaluations for the sharpness"),
            )

        what = {
            "rhos": curvature_config.rhos,
            "ascent_steps": curvature_config.ascent_steps,
            "draws": curvature_config.draws,
        }
        table = self._kept(Sharpness, computed, **what)
        top = float(found.pairs.values[0]) if self.name == HessianOperator.name else float("nan")
        return replace(table, eigenvalue=top)

    def blocks(self, curvature_config: CurvatureConfig) -> BlockEigenvalues:
        """The largest eigenvalue of each block."""

        def computed() -> BlockEigenvalues:
            return block_eigenvalues(
                self.objective,
                BLOCKS,
                BY_NAME[self.name],
                tolerance=curvature_config.tolerance,
                max_products=curvature_config.max_products,
                seed=self.objective_config.seed,
                progress=lambda done, total: self.progress(done, total, "blocks"),
            )

        what = {"tolerance": curvature_config.tolerance, "max_products": curvature_config.max_products}
        return self._kept(BlockEigenvalues, computed, operator=self.name, **what)

    def checks(self, pairs: EigenPairs) -> dict[str, Any]:
        """Derivatives along the first eigenvectors, and how far the quadratic model reaches in their plane."""
        assert pairs.vectors is not None
        self.progress(0, 1, "checks")
        named = {f"eigenvector {i + 1}": vector for i, vector in enumerate(pairs.vectors[:2])}
        progress: CheckReport = check_derivatives(self.objective, named)
        if len(named) < 2:
            return {"checks": progress}
        radius: QuadraticRadius = quadratic_radius(self.objective, pairs.vectors[0], pairs.vectors[1])
        return {"checks": progress, "quadratic": radius}

    def _kept(self, kind: type[Section], computed: Callable[[], Section], **what: Any) -> Section:
        """A section from its file, or computed and put there."""
        path = self.target.place(kind.__name__.lower(), self.objective_config, **what).with_suffix(".json")
        found = _loaded(kind, path)
        if found is None:
            found = computed()
            write_json(path, found)
        return found


def _loaded(kind: type[Section], path: Path) -> Section | None:
    if not path.exists():
        return None
    with reading(path, kind.__name__.lower()) as content:
        return from_plain(kind, json.loads(content))


def _bytes(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.3g} {unit}"
        count /= 1000
    raise AssertionError
