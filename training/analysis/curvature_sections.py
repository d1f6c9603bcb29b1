"""The sections of one curvature (eigenvalues, density, trace, …), each stored as soon as it is computed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from landscape.devices import available_memory
from landscape.geometry.block_eigenvalues import block_eigenvalues
from landscape.geometry.curvature import curvature
from landscape.geometry.derivative_checks import check_derivatives
from landscape.geometry.quadratic_model import quadratic_radius
from landscape.geometry.sharpness import sharpness
from landscape.linalg.lanczos import eigen_bytes, peak_bytes
from landscape.linalg.spectral_density import basis_bytes, spectral_density
from landscape.linalg.trace import trace
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.hessian import HessianOperator
from landscape.operators.memory import product_memory
from landscape.progress import Progress
from landscape.results import (
    BlockEigenvalues,
    Curvature,
    LanczosState,
    Sharpness,
    Spectrum,
    TraceEstimate,
)
from landscape.results.storage.cache import ResultCache
from landscape.training.analysis.operators import OPERATORS
from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.objective import ObjectiveConfig
from landscape.training.targets.target import AnalysisTarget

SHARE_OF_MEMORY = 0.5  # of the free memory, that a Krylov basis may take


@dataclass(frozen=True)
class CurvatureSections:
    """The sections of one curvature; one that was computed before is read, or continued."""

    target: AnalysisTarget
    objective_config: ObjectiveConfig
    objective: Objective[Any]
    config: CurvatureConfig
    progress: Progress

    @cached_property
    def operator(self) -> CurvatureOperator:
        """One for all sections, so that its graphs are built once."""
        return OPERATORS[self.config.operator](self.objective)

    @cached_property
    def cache(self) -> ResultCache:
        """Where the sections are stored."""
        return self.target.cache(self.objective_config)

    @property
    def allowed_bytes(self) -> int:
        """What a Krylov basis may take."""
        if self.config.memory:
            return self.config.memory
        free = int(SHARE_OF_MEMORY * available_memory(self.objective.device))
        return min(self.objective.processes.gathered(free))  # all take the same steps

    def all(self, population: float | None) -> Curvature:
        """Return the curvature with all sections that are asked for.

        Args:
            population: The number of batches in the data, for the loss's standard error; None if unknown.
        """
        result = self.eigenvalues(population)
        result = replace(result, localization=self.target.localizations(self.objective, result.pairs))
        if self.config.density:
            result = replace(result, spectrum=self.density())
        if self.config.trace:
            result = replace(result, trace=self.trace())
        if self.config.sharpness:
            result = replace(result, sharpness=self.sharpness(result))
        if self.config.by_block:
            result = replace(result, blocks=self.blocks())
        return self.checked(result) if self.config.checks else result

    def eigenvalues(self, population: float | None = None) -> Curvature:
        """Return both ends of the spectrum; Lanczos continues where an earlier run of this loss stopped."""
        config, objective, allowed = self.config, self.objective, self.allowed_bytes
        earlier = self.cache.load(LanczosState, operator=config.operator)
        limit = config.max_products or 10 * config.top + 90
        sizes = (objective.space.size, config.top, config.bottom, limit, objective.params.dtype)
        forecast = eigen_bytes(*sizes, active=objective.space.active)
        memory = f"basis {_format_bytes(forecast)} at most, {_format_bytes(allowed)} allowed"
        beside = product_memory(self.operator)
        if beside is not None:
            peak = peak_bytes(*sizes, product=beside.total, memory=allowed, active=objective.space.active)
            parts = f"graphs {_format_bytes(beside.graphs)}, a product {_format_bytes(beside.product)}"
            memory = f"{_format_bytes(peak)} at the peak: {memory}; {parts}"  # a terminal may cut off the end
        memory = f"products, at most; {memory}"
        self.progress(0, limit, memory)
        result = curvature(
            objective,
            config.top,
            operator=self.operator,
            tolerance=config.tolerance,
            max_products=limit,
            bottom=config.bottom,
            memory=allowed,
            resume_from=earlier,
            seed=self.objective_config.seed,
            population=population,
            progress=lambda done, total, text: self.progress(done, total, f"{memory}; {text}" if text else memory),
        )
        assert result.pairs.lanczos_state is not None
        self.cache.store(result.pairs.lanczos_state, operator=config.operator)
        basis = {"forecast": forecast, "allowed": allowed, "continued_from": earlier.products if earlier else 0}
        products = {} if beside is None else {"product_bytes": beside._asdict()}
        return replace(result, metadata={**result.metadata, "basis_bytes": basis, **products})

    def density(self) -> Spectrum:
        """Return the density of the eigenvalues, stored after each probe; more probes continue it."""
        probes, steps = self.config.probes, self.config.steps
        self._check_density_memory()
        settings = {"operator": self.config.operator, "steps": steps}
        spectrum = self.cache.load(Spectrum, **settings)
        if spectrum is not None and spectrum.probes > probes:
            return spectrum.first(probes)
        while spectrum is None or spectrum.probes < probes:
            done = spectrum.probes if spectrum is not None else 0
            spectrum = spectral_density(
                self.operator,
                probes=done + 1,
                steps=steps,
                seed=self.objective_config.seed,
                resume_from=spectrum,
                progress=lambda step, _total, _text, done=done: self.progress(  # type: ignore[misc]
                    done * steps + step, probes * steps, "products for the density"
                ),
            )
            self.cache.store(spectrum, **settings)
        return spectrum

    def _check_density_memory(self) -> None:
        steps, allowed = self.config.steps, self.allowed_bytes
        needed = basis_bytes(self.objective.space.size, steps, self.objective.params.dtype)
        if needed > allowed:
            raise ValueError(
                f"--steps {steps} of the density need a basis of {_format_bytes(needed)}, and {_format_bytes(allowed)} "
                f"are allowed: about {steps * allowed // needed} steps; or give more --memory"
            )

    def trace(self) -> TraceEstimate:
        """Return the sum of the eigenvalues."""
        products, method = self.config.trace_products, self.config.trace_method
        return self.cache.result(
            TraceEstimate,
            lambda: trace(
                self.operator,
                max_products=products,
                method=method,
                seed=self.objective_config.seed,
                progress=lambda done, total, _: self.progress(done, total, "products for the trace"),
            ),
            operator=self.config.operator,
            products=products,
            method=method,
        )

    def sharpness(self, result: Curvature) -> Sharpness:
        """Return the rises of the loss, with the largest eigenvalue of ``result`` if that is the Hessian's."""
        settings = {name: getattr(self.config, name) for name in ("rhos", "ascent_steps", "draws")}
        rises = self.cache.result(
            Sharpness,
            lambda: sharpness(self.objective, **settings, seed=self.objective_config.seed, progress=self.progress),
            **settings,
        )
        largest = float(result.pairs.values[0]) if self.config.operator == HessianOperator.name else float("nan")
        return replace(rises, eigenvalue=largest)

    def blocks(self) -> BlockEigenvalues:
        """Return the largest eigenvalue of each block."""
        settings = {name: getattr(self.config, name) for name in ("tolerance", "max_products")}
        return self.cache.result(
            BlockEigenvalues,
            lambda: block_eigenvalues(
                self.objective,
                self.target.blocks,
                OPERATORS[self.config.operator],
                **settings,
                seed=self.objective_config.seed,
                progress=self.progress,
            ),
            operator=self.config.operator,
            **settings,
        )

    def checked(self, result: Curvature) -> Curvature:
        """Return ``result`` with checks along the first eigenvectors, and how far the quadratic model reaches."""
        vectors = result.pairs.vectors
        assert vectors is not None
        directions = {f"eigenvector {i + 1}": vector for i, vector in enumerate(vectors[:2])}
        result = replace(result, checks=check_derivatives(self.objective, directions, progress=self.progress))
        if len(directions) < 2:
            return result
        return replace(result, quadratic=quadratic_radius(self.objective, *vectors[:2], progress=self.progress))


def _format_bytes(count: float) -> str:
    """A number of bytes with three digits and a unit."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
