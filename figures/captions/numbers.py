"""All numbers of several models with their uncertainties, as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.figures.entries import ModelEntry
from landscape.figures.plotdata.comparison import VALIDATED, series
from landscape.figures.style import GREEK_RHO, LAMBDA_MAX, LAMBDA_MIN, give_or_take, number, percent
from landscape.results import Curvature, EigenPairs, Surface

MISSING = "–"


@dataclass(frozen=True)
class Cell:
    """A number of a model."""

    value: float = math.nan  # to sort by
    text: str = MISSING  # with its uncertainty


@dataclass(frozen=True)
class Row:
    """A number of all models."""

    label: str
    note: str  # what stands behind ±, and how the number is known
    cells: tuple[Cell, ...]  # one a model


def number_rows(models: Sequence[ModelEntry]) -> list[Row]:
    """Every number that any of the models has."""
    told = [*_LOSSES, *_metrics(models), *_rises(models), *_CURVATURES, *_sharpness(models), *_EFFORTS]
    rows = [Row(label, note, tuple(map(cell, models))) for label, note, cell in told]
    return [row for row in rows if any(cell.text != MISSING for cell in row.cells)]


def _loss(model: ModelEntry) -> Cell:
    if model.surface is not None and math.isfinite(model.surface.centre):
        error = model.surface.metadata.get("loss_stderr")
        return _give(model.surface.centre, error if isinstance(error, float) else math.nan)
    return Cell() if model.curvature is None else _give(model.curvature.loss, model.curvature.loss_stderr)


def _validated(model: ModelEntry) -> Cell:
    found = series(model.history, VALIDATED)
    if not np.isfinite(found.values).any():
        return Cell()
    best = int(np.nanargmax(found.values))
    return Cell(float(found.values[best]), f"{number(float(found.values[best]))}, epoch {number(found.epochs[best])}")


def _of_curvature(cell: Callable[[Curvature], Cell]) -> Callable[[ModelEntry], Cell]:
    return lambda model: Cell() if model.curvature is None else cell(model.curvature)


def _of_surface(cell: Callable[[Surface], Cell]) -> Callable[[ModelEntry], Cell]:
    return lambda model: Cell() if model.surface is None else cell(model.surface)


def _eigenvalue(pairs: EigenPairs | None) -> Cell:
    if pairs is None or not len(pairs.values):
        return Cell()
    found = _give(float(pairs.values[0]), float(pairs.residuals[0]))
    return found if pairs.converged[0] else Cell(found.value, f"{found.text}, not converged")


def _trace(curvature: Curvature) -> Cell:
    trace = curvature.trace
    return Cell() if trace is None else _give(trace.mean, trace.stderr)


def _negative(curvature: Curvature) -> Cell:
    if curvature.spectrum is None:
        return Cell()
    share, _ = curvature.spectrum.share_below()
    low, high = curvature.spectrum.share_bounds()
    return Cell(share, f"{percent(share)} ({number(100 * low, 2)} to {percent(high)})")


def _barrier(surface: Surface) -> Cell:
    barrier = surface.barrier
    return Cell() if barrier is None else _give(barrier.height, barrier.error or math.nan)


def _error(surface: Surface) -> Cell:
    if surface.error is None:
        return Cell(0.0, "none, all evaluated")
    if math.isnan(surface.error.relative):
        return Cell()
    return Cell(surface.error.relative, percent(surface.error.relative))


def _give(value: float, error: float) -> Cell:
    return Cell(value, give_or_take(value, error)) if not math.isnan(value) else Cell()


_Told = list[tuple[str, str, Callable[[ModelEntry], Cell]]]  # label, note, and what a model has of it
_LOSSES: _Told = [
    ("Loss at the centre", "± standard error over users", _loss),
    ("Validation NDCG@20", "the best epoch of training", _validated),
    ("Barrier", "above the straight line between the ends", _of_surface(_barrier)),
]
_CURVATURES: _Told = [
    (LAMBDA_MAX, "± residual, within which an eigenvalue lies", _of_curvature(lambda each: _eigenvalue(each.pairs))),
    (LAMBDA_MIN, "± residual; below zero: not a minimum", _of_curvature(lambda each: _eigenvalue(each.pairs.bottom))),
    ("Trace", "± standard error over probes", _of_curvature(_trace)),
    ("Eigenvalues below zero", "estimate, and its bounds for these probes", _of_curvature(_negative)),
    (
        "Gradient norm",
        "zero only at a stationary point",
        _of_curvature(lambda each: _give(each.gradient_norm, math.nan)),
    ),
    (
        f"{LAMBDA_MAX}‖θ‖²",
        "sharpness without the common scale of the parameters",
        _of_curvature(lambda each: _give(float(each.pairs.values[0]) * each.params_norm**2, math.nan)),
    ),
]
_EFFORTS: _Told = [
    ("Surface error", "of the range, at points left out of the fit", _of_surface(_error)),
    ("Evaluations", "of the loss, for the surface", _of_surface(lambda each: _give(each.evaluations, math.nan))),
    (
        "Products",
        "with the matrix, for the eigenvalues",
        _of_curvature(lambda each: _give(each.pairs.products, math.nan)),
    ),
]


def _metrics(models: Sequence[ModelEntry]) -> _Told:
    """A row for each metric of any surface."""
    names = dict.fromkeys(name for model in models if model.surface is not None for name in model.surface.metrics)
    return [(f"{name} at the centre", "measured with the surface", _metric(name)) for name in names]


def _metric(name: str) -> Callable[[ModelEntry], Cell]:
    def cell(surface: Surface) -> Cell:
        return _give(surface.of(name).centre, math.nan) if name in surface.metrics else Cell()

    return _of_surface(cell)


def _rises(models: Sequence[ModelEntry]) -> _Told:
    """A row for each distance to which any model's bands reach."""
    bands = [
        model.surface.radial_profile
        for model in models
        if model.surface is not None and model.surface.radial_profile is not None
    ]
    levels = {float(band.radii[-1]): band.level for band in bands}
    return [
        (f"Rise at r = {number(reach, 3)}", f"± {level:.0%} interval over planes", _rise(reach))
        for reach, level in sorted(levels.items())
    ]


def _rise(reach: float) -> Callable[[ModelEntry], Cell]:
    def cell(surface: Surface) -> Cell:
        band = surface.radial_profile
        if band is None or band.radii[-1] != reach:
            return Cell()
        rises = band.rises
        return _give(float(rises.mean(0)[-1]), float(band.half_width(rises)[-1]))

    return _of_surface(cell)


def _sharpness(models: Sequence[ModelEntry]) -> _Told:
    """A row for each kind and distance of any table, the kinds together."""
    curvatures = [model.curvature for model in models if model.curvature is not None]
    tables = [curvature.sharpness for curvature in curvatures if curvature.sharpness is not None]
    kinds = dict.fromkeys(kind for table in tables for kind in table.kinds)
    rhos = sorted({rho for table in tables for rho in table.rhos.tolist()})
    notes = {"average": "± standard error over directions"}
    return [
        (
            f"Sharpness {kind}, {GREEK_RHO} = {number(rho)}",
            notes.get(kind, "a lower bound of the largest rise"),
            _rise_within(kind, rho),
        )
        for kind in kinds
        for rho in rhos
    ]


def _rise_within(kind: str, rho: float) -> Callable[[ModelEntry], Cell]:
    def cell(curvature: Curvature) -> Cell:
        table = curvature.sharpness
        if table is None or kind not in table.kinds or rho not in table.rhos:
            return Cell()
        at = table.rhos.tolist().index(rho), table.kinds.index(kind)
        return _give(float(table.values[at]), float(table.stderr[at]))

    return _of_curvature(cell)
