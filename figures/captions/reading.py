"""How to read a page, and what it does not show: sentences about what is there, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.figures.captions.planes import ball_told, path_caption, plane_told
from landscape.figures.captions.surfaces import surface_error
from landscape.figures.entries import ModelEntry
from landscape.figures.plotdata.comparison import is_plane
from landscape.figures.style import GREEK_LAMBDA, LAMBDA_MAX, LAMBDA_MIN, MATRICES, number
from landscape.results import Curvature, Surface


def reading(models: Sequence[ModelEntry], rho: float | None) -> list[str]:
    """What the pictures and numbers are; of one model also how they were found."""
    surfaces = [model.surface for model in models if model.surface is not None]
    curvatures = [model.curvature for model in models if model.curvature is not None]
    alone = len(models) == 1
    told = _positions(surfaces, alone)
    if alone and surfaces:
        told += [plane_told(surfaces[0]), path_caption(surfaces[0])]
    if not alone and any(map(is_plane, surfaces)):
        told.append(
            "On one scale, equal heights, colours and lines mean equal losses in all pictures, so that steepness can "
            "be compared by eye. A scale of its own shows the shape of a model that the others dwarf."
        )
    if surfaces:
        told.append("Above lowest, the smallest loss shown is taken off: what is left is how fast the loss rises.")
    if any(map(is_plane, surfaces)):
        told.append(
            "The curves below the maps show the loss along both lines of the crosshair, which is at the same "
            "coordinates in all maps."
            if not alone
            else "The curves below the map show the loss along both lines of its crosshair."
        )
    if rho is not None and surfaces:
        told.append(ball_told(rho))
    if any(surface.quadratic is not None for surface in surfaces):
        told.append(
            "The quadratic model is what gradient and Hessian at the centre say of the loss. Its dotted line on the "
            "map is where the loss departs from it."
        )
    if any(surface.barrier is not None for surface in surfaces):
        told.append(
            "The barrier is the most by which the loss rises above the straight line between its values at both ends. "
            "It is that of this path; a curved one may have none."
        )
    if alone and surfaces:
        told += _error(surfaces[0])
    told += _curvature(curvatures, alone)
    told.append("The address of this page keeps what you see: copy it to show somebody else the same.")
    return [sentence for sentence in told if sentence]


def limits(models: Sequence[ModelEntry]) -> list[str]:
    """What the pictures and numbers do not show."""
    surfaces = [model.surface for model in models if model.surface is not None]
    curvatures = [model.curvature for model in models if model.curvature is not None]
    alone = len(models) == 1
    told = _limits_of_surfaces(surfaces, alone) if surfaces else []
    told += _limits_of_curvatures(curvatures) if curvatures else []
    if not alone:
        told += [
            "A model that was stopped early is at no minimum of this loss: see its gradient norm and λₘᵢₙ.",
            "A flat minimum is not thereby a good model. Validation and test say that.",
        ]
    told.append("Only models on one loss compare, with the same data, users and random draws.")
    return told


def _positions(surfaces: Sequence[Surface], alone: bool) -> list[str]:
    draws = "on the same data with the same random draws at every point"
    told = []
    if any(map(is_plane, surfaces)):
        told.append(
            f"{'The trained model is at the centre.' if alone else 'Each model is at the centre of its own picture.'} "
            "The two coordinates say how far its parameters are moved along two directions, and the height is the loss "
            f"of the model moved there, {draws}. Lines join points of equal loss: where they crowd, the loss is steep."
        )
    if not all(map(is_plane, surfaces)):
        told.append(
            "Along a line, the trained model is at zero. The coordinate says how far its parameters are moved, and the "
            f"curve is the loss of the model moved there, {draws}."
        )
    return told


def _error(surface: Surface) -> list[str]:
    told = [surface_error(surface)]
    if surface.error is not None:
        told.append(
            "The error was measured for the loss itself. On the log scale logarithms are interpolated, so that small "
            "losses keep their shape."
        )
    return told


def _curvature(curvatures: Sequence[Curvature], alone: bool) -> list[str]:
    if not curvatures:
        return []
    operators = {curvature.operator for curvature in curvatures}
    told = []
    if "hessian" in operators:
        told.append(
            "An eigenvalue of the Hessian is the curvature of the loss along its eigenvector: how fast the slope "
            f"changes as the parameters move that way. The largest, {LAMBDA_MAX}, measures sharpness; a negative one "
            "is a direction in which the loss curves downwards."
        )
    for matrix in sorted(MATRICES.get(each, each) for each in operators - {"hessian"}):
        told.append(
            f"The {matrix} stands in for the Hessian: it has no negative eigenvalue, and near a good fit its largest "
            f"ones are near the Hessian's. The largest, {LAMBDA_MAX}, measures sharpness."
        )
    if alone:
        (only,) = curvatures
        matrix = MATRICES.get(only.operator, only.operator)
        told.append(
            f"Eigenvalues were found by Lanczos' method from {number(only.pairs.products)} products with the {matrix}. "
            "One lies within the residual ‖Hv − λv‖ of each value. For random unit vectors uᵀHv and vᵀHu, which should "
            f"be equal, differ by {number(only.asymmetry, 2)} of their scale: the noise of the arithmetic."
        )
    return told


def _limits_of_surfaces(surfaces: Sequence[Surface], alone: bool) -> list[str]:
    plane = any(map(is_plane, surfaces))
    told = [
        f"{'Two directions of very many are' if plane else 'One direction of very many is'} shown. A slice, above all "
        "a random one, can miss narrow valleys and directions in which the loss falls; eigenvalues of the Hessian show "
        "what it hides.",
        "Heights depend on the loss, its data and how the directions are scaled. Compare only pictures that agree in "
        "all three.",
        "The lowest point shown is not a minimum because it looks like one: the model may still have a gradient out of "
        f"{'this plane' if plane else 'this line'}.",
    ]
    if not alone:
        told += [
            "The next two directions may rank the models otherwise. The curve against the distance has an interval "
            "over several planes: trust a difference that it shows.",
            "Random directions are scaled to each model's own weights. A step of 1 is therefore a different distance "
            "in each, which is meant: a model with larger weights is not flatter for it.",
        ]
    return told


def _limits_of_curvatures(curvatures: Sequence[Curvature]) -> list[str]:
    told = [
        "A Krylov method cannot show that it missed no eigenvalue between two others. Another seed is the check.",
        f"{GREEK_LAMBDA} changes with the scale of the loss and with that of the parameters. {LAMBDA_MAX}‖θ‖² takes "
        f"out a common scale of the parameters, not one by layer. Do not rank models by {LAMBDA_MAX} alone, and see "
        f"{LAMBDA_MIN} and the gradient norm beside it.",
    ]
    if any(curvature.spectrum is not None for curvature in curvatures):
        told.append(
            "The density is known at its nodes only, and a node stands for all eigenvalues around it: one near zero "
            "may fall on either side, which is why the share below zero has bounds."
        )
    if any(curvature.localization for curvature in curvatures):
        told.append(
            "Where two eigenvalues are close, their eigenvectors mix and no method can tell them apart: each share may "
            "be off by the number below its vector's name."
        )
    if any(curvature.blocks is not None for curvature in curvatures):
        told.append(
            "The curvature between blocks is in no block: the largest eigenvalue of the whole can be above all of "
            "theirs."
        )
    if any(curvature.sharpness is not None for curvature in curvatures):
        told.append(
            "Worst cases are the highest points that an ascent met, and so lower bounds of the true maximum. Averages "
            "in many dimensions follow the trace, worst cases the largest eigenvalues."
        )
    return told
