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

from landscape.blocks import block_eigenvalues
from landscape.checks import check_derivatives
from landscape.curvatures import curvature
from landscape.devices import available_memory
from landscape.files import check_writable, write_json
from landscape.fisher import FisherOperator
from landscape.gauss_newton import GaussNewtonOperator
from landscape.lanczos import eigen_bytes
from landscape.objective import Objective
from landscape.operators import CurvatureOperator, HessianOperator
from landscape.progress import Report, silent
from landscape.quadratic import quadratic_radius
from landscape.results import (
    BlockEigenvalues,
    CheckReport,
    Curvature,
    EigenPairs,
    QuadraticRadius,
    Shares,
    Sharpness,
    Spectrum,
    TraceEstimate,
)
from landscape.results.plain import from_plain
from landscape.shares import shares_by_block
from landscape.sharpnesses import sharpness
from landscape.spectrum import basis_bytes, spectral_density
from landscape.storage import load_curvature, load_restart, reading, save_curvature, save_restart
from landscape.traces import trace
from models.sasrec import BLOCKS
from training.analysis.deciles import shares_by_popularity
from training.analysis.measures import Measures
from training.analysis.subject import Subject
from training.objective import objective_of
from training.subsets import Subset

BY_NAME: dict[str, Callable[[Objective[Any]], CurvatureOperator]] = {
    "hessian": HessianOperator,
    "gauss-newton": GaussNewtonOperator,
    "fisher": lambda objective: FisherOperator(objective, objective.loss.by_user),  # type: ignore[attr-defined]
}
SHARE_OF_MEMORY = 0.5  # of what is free, that a Krylov basis may take

Section = TypeVar("Section")


def curvature_of(
    subject: Subject,
    subset: Subset,
    measures: Measures,
    *,
    device: torch.device | str = "cpu",
    report: Report = silent,
) -> tuple[Curvature, Path]:
    """The curvature of a checkpoint's loss, and the file it is in.

    A result of the same checkpoint and settings is read rather than made again. Each section (eigenvalues, density,
    trace, sharpness, blocks, checks) is kept as soon as it is there, so that an interrupted command goes on with the
    next one; eigenvalues and density are continued where more is asked for.

    Args:
        subject: The checkpoint.
        subset: Of its loss; its seed is that of starts and probes, too.
        measures: What to compute.
        device: Where to compute.
        report: Told how far each section is.

    Raises:
        ValueError: An argument is out of range, the memory does not suffice, or as ``objective_of`` raises it.
        OSError: The folder for results cannot be written to.
    """
    result = subject.place("curvature", subset, **asdict(measures)).with_suffix(".json")
    if result.exists():
        return load_curvature(result), result
    check_writable(result)
    started = time.perf_counter()
    objective, population = objective_of(subject.checkpoint, subject.dataset, subset, device=device)
    work = _Work(subject, subset, objective, measures.operator, report)
    found = work.eigenvalues(measures, population)
    sections: dict[str, Any] = {"shares": work.shares(found.pairs)}
    if measures.density:
        sections["spectrum"] = work.spectrum(measures)
    if measures.trace:
        sections["trace"] = work.trace(measures)
    if measures.sharpness:
        sections["sharpness"] = work.sharpness(measures, found)
    if measures.by_block:
        sections["blocks"] = work.blocks(measures)
    if measures.checks:
        sections |= work.checks(found.pairs)
    described = {
        **subject.provenance(subset),
        "measures": asdict(measures),
        **found.metadata,
        "seconds": round(time.perf_counter() - started, 3),
    }
    found = replace(found, metadata=described, **sections)
    save_curvature(found, result)
    return found, result


def eigenpairs_of(
    subject: Subject,
    subset: Subset,
    objective: Objective[Any],
    top: int,
    bottom: int,
    *,
    report: Report = silent,
) -> EigenPairs:
    """Eigenvectors of the Hessian; what was found before is continued.

    Raises:
        ValueError: As ``top_eigenpairs`` raises it.
    """
    work = _Work(subject, subset, objective, HessianOperator.name, report)
    return work.eigenvalues(Measures(top=top, bottom=bottom)).pairs


@dataclass(frozen=True)
class _Work:
    """The sections of one curvature, each kept as soon as it is there."""

    subject: Subject
    subset: Subset
    objective: Objective[Any]
    name: str  # of the operator
    report: Report

    @cached_property
    def operator(self) -> CurvatureOperator:
        """One for all sections: its graphs are made once."""
        return BY_NAME[self.name](self.objective)

    def eigenvalues(self, measures: Measures, population: float | None = None) -> Curvature:
        """Both ends of the spectrum, from where an earlier command left off."""
        state = self.subject.place("lanczos", self.subset, operator=self.name).with_suffix(".npz")
        before = load_restart(state) if state.exists() else None
        limit = measures.max_products or 10 * measures.top + 90
        objective = self.objective
        forecast = eigen_bytes(objective.space.size, measures.top, measures.bottom, limit, objective.params.dtype)
        allowed = measures.memory or int(SHARE_OF_MEMORY * available_memory(objective.device))
        told = f"products, at most; basis {_bytes(forecast)} at most, {_bytes(allowed)} allowed"
        self.report(0, limit, told)
        found = curvature(
            objective,
            measures.top,
            operator=self.operator,
            tolerance=measures.tolerance,
            max_products=limit,
            bottom=measures.bottom,
            memory=allowed,
            before=before,
            seed=self.subset.seed,
            population=population,
            progress=lambda done, residual: self.report(done, limit, f"{told}; residual {residual:.1e}"),
        )
        assert found.pairs.restart is not None
        save_restart(found.pairs.restart, state)
        memory = {"forecast": forecast, "allowed": allowed, "continued_from": before.products if before else 0}
        return replace(found, metadata={**found.metadata, "basis_bytes": memory})

    def shares(self, pairs: EigenPairs) -> tuple[Shares, ...]:
        """By block, and by popularity of the items."""
        space = self.objective.space
        by_popularity = shares_by_popularity(space, pairs, self.subject.checkpoint, self.subject.dataset)
        return tuple(filter(None, (shares_by_block(space, pairs, BLOCKS), by_popularity)))

    def spectrum(self, measures: Measures) -> Spectrum:
        """The density, kept after each probe."""
        n, dtype = self.objective.space.size, self.objective.params.dtype
        allowed = measures.memory or int(SHARE_OF_MEMORY * available_memory(self.objective.device))
        needed = basis_bytes(n, measures.steps, dtype)
        if needed > allowed:
            raise ValueError(
                f"--steps {measures.steps} of the density need a basis of {_bytes(needed)}, and {_bytes(allowed)} are "
                f"allowed: about {measures.steps * allowed // needed} steps; or give more --memory"
            )
        place = self.subject.place("density", self.subset, operator=self.name, steps=measures.steps)
        path = place.with_suffix(".json")
        found = _loaded(Spectrum, path)
        if found is not None and found.probes > measures.probes:
            return found.first(measures.probes)
        for probes in range(found.probes + 1 if found is not None else 1, measures.probes + 1):
            done = (probes - 1) * measures.steps
            found = spectral_density(
                self.operator,
                probes=probes,
                steps=measures.steps,
                seed=self.subset.seed,
                before=found,
                progress=lambda step, _, done=done: self.report(  # type: ignore[misc]
                    done + step, measures.probes * measures.steps, "products for the density"
                ),
            )
            write_json(path, found)
        assert found is not None
        return found

    def trace(self, measures: Measures) -> TraceEstimate:
        """The sum of the eigenvalues."""

        def computed() -> TraceEstimate:
            self.report(0, 1, f"trace, {measures.trace_products} products")
            return trace(
                self.operator, products=measures.trace_products, method=measures.trace_method, seed=self.subset.seed
            )

        what = {"products": measures.trace_products, "method": measures.trace_method}
        return self._kept(TraceEstimate, computed, operator=self.name, **what)

    def sharpness(self, measures: Measures, found: Curvature) -> Sharpness:
        """The table, with the largest eigenvalue of the Hessian where that is the operator."""

        def computed() -> Sharpness:
            return sharpness(
                self.objective,
                measures.rhos,
                ascent_steps=measures.ascent_steps,
                draws=measures.draws,
                seed=self.subset.seed,
                progress=lambda done, total: self.report(done, total, "evaluations for the sharpness"),
            )

        what = {"rhos": measures.rhos, "ascent_steps": measures.ascent_steps, "draws": measures.draws}
        table = self._kept(Sharpness, computed, **what)
        top = float(found.pairs.values[0]) if self.name == HessianOperator.name else float("nan")
        return replace(table, eigenvalue=top)

    def blocks(self, measures: Measures) -> BlockEigenvalues:
        """The largest eigenvalue of each block."""

        def computed() -> BlockEigenvalues:
            return block_eigenvalues(
                self.objective,
                BLOCKS,
                BY_NAME[self.name],
                tolerance=measures.tolerance,
                max_products=measures.max_products,
                seed=self.subset.seed,
                progress=lambda done, total: self.report(done, total, "blocks"),
            )

        what = {"tolerance": measures.tolerance, "max_products": measures.max_products}
        return self._kept(BlockEigenvalues, computed, operator=self.name, **what)

    def checks(self, pairs: EigenPairs) -> dict[str, Any]:
        """Derivatives along the first eigenvectors, and how far the quadratic model reaches in their plane."""
        assert pairs.vectors is not None
        self.report(0, 1, "checks")
        named = {f"eigenvector {i + 1}": vector for i, vector in enumerate(pairs.vectors[:2])}
        report: CheckReport = check_derivatives(self.objective, named)
        if len(named) < 2:
            return {"checks": report}
        radius: QuadraticRadius = quadratic_radius(self.objective, pairs.vectors[0], pairs.vectors[1])
        return {"checks": report, "quadratic": radius}

    def _kept(self, kind: type[Section], computed: Callable[[], Section], **what: Any) -> Section:
        """A section from its file, or computed and put there."""
        path = self.subject.place(kind.__name__.lower(), self.subset, **what).with_suffix(".json")
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
