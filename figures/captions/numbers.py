"""All numbers of several models with their uncertainties, as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from landscape.figures.captions.cells import MISSING, Cell, CellOf, cell, of_curvature, of_surface
from landscape.figures.captions.measures import share_below_zero
from landscape.figures.entries import ModelEntry
from landscape.figures.plotdata.histories import VALIDATED, series
from landscape.figures.style import GREEK_RHO, LAMBDA_MAX, LAMBDA_MIN, number, percent
from landscape.results import Curvature, EigenPairs, Surface
from landscape.results.display.display_names import display_name


@dataclass(frozen=True)
class Row:
    """A number of all models."""

    label: str
    note: str  # what the error after ± is, and how the number is known
    cells: tuple[Cell, ...]  # one a model


@dataclass(frozen=True)
class _Quantity:
    label: str
    note: str
    cell: CellOf
    without: str = ""  # the note if no cell has an error


def number_rows(models: Sequence[ModelEntry]) -> list[Row]:
    """Return a row for each number that at least one of the models has."""
    quantities = [*_LOSSES, *_metrics(models), *_rises(models), *_CURVATURES, *_sharpness(models), *_COSTS]
    rows = [_row(quantity, models) for quantity in quantities]
    return [row for row in rows if any(cell.text != MISSING for cell in row.cells)]


def _row(quantity: _Quantity, models: Sequence[ModelEntry]) -> Row:
    """Return a row; its note explains ± only where there is one."""
    cells = tuple(map(quantity.cell, models))
    promised = quantity.note.startswith("±") and not any("±" in cell.text for cell in cells)
    return Row(quantity.label, quantity.without if promised else quantity.note, cells)


def _loss(model: ModelEntry) -> Cell:
    if model.surface is not None and math.isfinite(model.surface.centre):
        error = model.surface.metadata.get("loss_stderr")
        return cell(model.surface.centre, error if isinstance(error, float) else math.nan)
    return Cell() if model.curvature is None else cell(model.curvature.loss, model.curvature.loss_stderr)


def _validated(model: ModelEntry) -> Cell:
    validated = series(model.history, VALIDATED)
    if validated.best is None:
        return Cell()
    value = float(validated.values[validated.best])
    return Cell(value, f"{number(value)}, epoch {number(validated.epochs[validated.best])}")


def _barrier(surface: Surface) -> Cell:
    barrier = surface.barrier
    return Cell() if barrier is None else cell(barrier.height, barrier.error or math.nan)


def _surface_error(surface: Surface) -> Cell:
    if surface.error is None:
        return Cell(0.0, "none, all evaluated")
    if math.isnan(surface.error.relative):
        return Cell()
    return Cell(surface.error.relative, percent(surface.error.relative))


def _eigenvalue(pairs: EigenPairs | None) -> Cell:
    if pairs is None or not len(pairs.values):
        return Cell()
    eigenvalue = cell(float(pairs.values[0]), float(pairs.residuals[0]))
    return eigenvalue if pairs.converged[0] else Cell(eigenvalue.value, f"{eigenvalue.text}, not converged")


def _trace(curvature: Curvature) -> Cell:
    return Cell() if curvature.trace is None else cell(curvature.trace.mean, curvature.trace.stderr)


def _below_zero(curvature: Curvature) -> Cell:
    if curvature.spectrum is None:
        return Cell()
    return Cell(curvature.spectrum.share_below()[0], share_below_zero(curvature.spectrum))


_LOSSES = [
    _Quantity("Loss at the centre", "± standard error, from the batches", _loss, "its standard error is unknown"),
    _Quantity("Validation NDCG@20", "the best epoch of training", _validated),
    _Quantity("Barrier", "above the straight line between the ends", of_surface(_barrier)),
]
_CURVATURES = [
    _Quantity(
        LAMBDA_MAX,
        "± residual, within which an eigenvalue lies",
        of_curvature(lambda curvature: _eigenvalue(curvature.pairs)),
        "its residual is zero",
    ),
    _Quantity(
        LAMBDA_MIN,
        "± residual; below zero: not a minimum",
        of_curvature(lambda curvature: _eigenvalue(curvature.pairs.bottom)),
        "below zero: not a minimum",
    ),
    _Quantity("Trace", "± standard error over probes", of_curvature(_trace), "without a standard error"),
    _Quantity("Eigenvalues below zero", "estimate, and its bounds for these probes", of_curvature(_below_zero)),
    _Quantity(
        "Gradient norm",
        "zero only at a stationary point",
        of_curvature(lambda curvature: cell(curvature.gradient_norm)),
    ),
    _Quantity(
        f"{LAMBDA_MAX}‖θ‖²",
        "sharpness without the common scale of the parameters",
        of_curvature(lambda curvature: cell(float(curvature.pairs.values[0]) * curvature.params_norm**2)),
    ),
]
_COSTS = [
    _Quantity("Surface error", "of the range, at points left out of the fit", of_surface(_surface_error)),
    _Quantity("Evaluations", "of the loss, for the surface", of_surface(lambda surface: cell(surface.evaluations))),
    _Quantity(
        "Products",
        "with the matrix, for the eigenvalues",
        of_curvature(lambda curvature: cell(curvature.pairs.products)),
    ),
]


def _metrics(models: Sequence[ModelEntry]) -> list[_Quantity]:
    """One for each metric of any surface."""
    names = dict.fromkeys(name for model in models if model.surface is not None for name in model.surface.metrics)
    return [_Quantity(f"{name} at the centre", "measured with the surface", _metric(name)) for name in names]


def _metric(name: str) -> CellOf:
    return of_surface(lambda surface: cell(surface.of(name).centre) if name in surface.metrics else Cell())


def _rises(models: Sequence[ModelEntry]) -> list[_Quantity]:
    """One for each distance to which any radial profile reaches."""
    profiles = [
        model.surface.radial_profile
        for model in models
        if model.surface is not None and model.surface.radial_profile is not None
    ]
    levels = {float(profile.radii[-1]): profile.level for profile in profiles}
    return [
        _Quantity(
            f"Rise at r = {number(reach, 3)}",
            f"± {level:.0%} interval over planes",
            _rise(reach),
            "one plane: no interval",
        )
        for reach, level in sorted(levels.items())
    ]


def _rise(reach: float) -> CellOf:
    def rise(surface: Surface) -> Cell:
        profile = surface.radial_profile
        if profile is None or profile.radii[-1] != reach:
            return Cell()
        rises = profile.rises
        return cell(float(rises.mean(0)[-1]), float(profile.half_width(rises)[-1]))

    return of_surface(rise)


def _sharpness(models: Sequence[ModelEntry]) -> list[_Quantity]:
    """One for each kind and distance of any table, kind by kind."""
    curvatures = [model.curvature for model in models if model.curvature is not None]
    tables = [curvature.sharpness for curvature in curvatures if curvature.sharpness is not None]
    kinds = dict.fromkeys(kind for table in tables for kind in table.kinds)
    rhos = sorted({rho for table in tables for rho in table.rhos.tolist()})
    notes = {"average": "± standard error over directions"}
    return [
        _Quantity(
            f"Sharpness: {display_name(kind)}, {GREEK_RHO} = {number(rho)}",
            notes.get(kind, "a lower bound of the largest rise"),
            _rise_within(kind, rho),
            "over directions",
        )
        for kind in kinds
        for rho in rhos
    ]


def _rise_within(kind: str, rho: float) -> CellOf:
    def rise(curvature: Curvature) -> Cell:
        table = curvature.sharpness
        if table is None or kind not in table.kinds or rho not in table.rhos:
            return Cell()
        at = table.rhos.tolist().index(rho), table.kinds.index(kind)
        return cell(float(table.values[at]), float(table.stderr[at]))

    return of_curvature(rise)
