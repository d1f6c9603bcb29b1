"""How to read a page, and what it does not show: sentences about what is on the page, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.figures.captions.planes import ball_description, path_caption, plane_description
from landscape.figures.captions.surfaces import surface_error
from landscape.figures.entries import ModelEntry
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.style import GREEK_LAMBDA, LAMBDA_MAX, LAMBDA_MIN, number
from landscape.results import Curvature, Surface
from landscape.results.display_names import display_name


def reading(models: Sequence[ModelEntry], rho: float | None) -> list[str]:
    """Return what the pictures and numbers are; for one model also how they were computed."""
    surfaces = [model.surface for model in models if model.surface is not None]
    curvatures = [model.curvature for model in models if model.curvature is not None]
    alone = len(models) == 1
    sentences = _surfaces(surfaces, alone, rho) if surfaces else []
    sentences += _curvatures(curvatures, alone) if curvatures else []
    sentences.append("The address of this page keeps what you see: copy it to show somebody else the same view.")
    return [sentence for sentence in sentences if sentence]


def limits(models: Sequence[ModelEntry]) -> list[str]:
    """Return what the pictures and numbers do not show."""
    surfaces = [model.surface for model in models if model.surface is not None]
    curvatures = [model.curvature for model in models if model.curvature is not None]
    alone = len(models) == 1
    sentences = _limits_of_surfaces(surfaces, alone) if surfaces else []
    sentences += _limits_of_curvatures(curvatures) if curvatures else []
    if not alone:
        sentences += [
            "A model that was stopped early is not at a minimum of this loss: see its gradient norm and λₘᵢₙ.",
            "A flat minimum does not make a good model. Validation and test measure that.",
        ]
    sentences.append("Only models on one loss compare, with the same data, users and random draws.")
    return sentences


def _surfaces(surfaces: Sequence[Surface], alone: bool, rho: float | None) -> list[str]:
    any_plane = any(map(is_plane, surfaces))
    sentences = _positions(surfaces, alone)
    if alone:
        sentences += [plane_description(surfaces[0]), path_caption(surfaces[0])]
    elif any_plane:
        sentences.append(
            "On one scale, equal heights, colours and lines mean equal losses in all pictures, so that steepness can "
            "be compared by eye. A separate scale for each model shows the shape of flat models beside steep ones."
        )
    sentences.append("“Above lowest” subtracts the smallest loss shown. What remains is how fast the loss rises.")
    if any_plane:
        sentences.append(
            "The curves below the map show the loss along both lines of its crosshair."
            if alone
            else "The curves below the maps show the loss along both lines of the crosshair, which is at the same "
            "coordinates in all maps."
        )
    if rho is not None:
        sentences.append(ball_description(rho))
    if any(surface.quadratic is not None for surface in surfaces):
        sentences.append(
            "The quadratic model is the loss as gradient and Hessian at the centre predict it. Its dotted line on the "
            "map is where the loss departs from it."
        )
    if any(surface.barrier is not None for surface in surfaces):
        sentences.append(
            "The barrier is the most by which the loss rises above the straight line between its values at both ends. "
            "It is the barrier of this path; a curved path may have none."
        )
    return sentences + (_error(surfaces[0]) if alone else [])


def _positions(surfaces: Sequence[Surface], alone: bool) -> list[str]:
    draws = "on the same data with the same random draws at every point"
    sentences = []
    if any(map(is_plane, surfaces)):
        sentences.append(
            f"{'The trained model is at the centre.' if alone else 'Each model is at the centre of its own picture.'} "
            "The two coordinates are how far its parameters are moved along two directions, and the height is the loss "
            f"of the moved model, {draws}. Lines join points of equal loss: where they are close, the loss is steep."
        )
    if not all(map(is_plane, surfaces)):
        sentences.append(
            "Along a line, the trained model is at zero. The coordinate is how far its parameters are moved, and the "
            f"curve is the loss of the moved model, {draws}."
        )
    return sentences


def _error(surface: Surface) -> list[str]:
    sentences = [surface_error(surface)]
    if surface.error is not None:
        sentences.append(
            "The error was measured for the loss itself. On the log scale logarithms are interpolated, so that small "
            "losses keep their shape."
        )
    return sentences


def _curvatures(curvatures: Sequence[Curvature], alone: bool) -> list[str]:
    operators = {curvature.operator for curvature in curvatures}
    sentences = []
    if "hessian" in operators:
        sentences.append(
            "An eigenvalue of the Hessian is the curvature of the loss along its eigenvector: how fast the slope "
            f"changes as the parameters move that way. The largest, {LAMBDA_MAX}, measures sharpness; along the "
            "eigenvector of a negative one the loss curves downwards."
        )
    for matrix in sorted(map(display_name, operators - {"hessian"})):
        sentences.append(
            f"The {matrix} stands in for the Hessian: it has no negative eigenvalue, and near a good fit its largest "
            f"ones are near the Hessian's. The largest, {LAMBDA_MAX}, measures sharpness."
        )
    if alone:
        (only,) = curvatures
        sentences.append(
            f"Eigenvalues were computed by Lanczos' method from {number(only.pairs.products)} products with the "
            f"{display_name(only.operator)}. An eigenvalue lies within the residual ‖Hv − λv‖ of each value. For "
            "random unit vectors uᵀHv and vᵀHu, which should be equal, differ by "
            f"{number(only.asymmetry, 2)} of their scale: the noise of the arithmetic."
        )
    return sentences


def _limits_of_surfaces(surfaces: Sequence[Surface], alone: bool) -> list[str]:
    plane = any(map(is_plane, surfaces))
    sentences = [
        f"{'Two directions of very many are' if plane else 'One direction of very many is'} shown. A slice, above all "
        "a random one, can miss narrow valleys and directions in which the loss falls; eigenvalues of the Hessian show "
        "what it hides.",
        "Heights depend on the loss, its data and how the directions are scaled. Compare only pictures that agree in "
        "all three.",
        "The lowest point shown need not be a minimum: the model may still have a gradient that points out of "
        f"{'this plane' if plane else 'this line'}.",
    ]
    if not alone:
        sentences += [
            "Two other directions may rank the models otherwise. The curve against the distance has an interval "
            "over several planes: trust a difference that it shows.",
            "Random directions are scaled to each model's own weights. A step of 1 is therefore a different distance "
            "in each model. This is intended: a model with larger weights does not look flatter because of them.",
        ]
    return sentences


def _limits_of_curvatures(curvatures: Sequence[Curvature]) -> list[str]:
    sentences = [
        "A Krylov method cannot show that it missed no eigenvalue between two others. Another seed is the check.",
        f"{GREEK_LAMBDA} changes with the scale of the loss and with that of the parameters. {LAMBDA_MAX}‖θ‖² removes "
        f"a common scale of the parameters, but not a different scale by layer. Do not rank models by {LAMBDA_MAX} "
        f"alone: see {LAMBDA_MIN} and the gradient norm beside it.",
    ]
    if any(curvature.spectrum is not None for curvature in curvatures):
        sentences.append(
            "The density is known at its nodes only, and a node stands for all eigenvalues around it: one near zero "
            "may lie on either side, which is why the share below zero has bounds."
        )
    if any(curvature.localization for curvature in curvatures):
        sentences.append(
            "If two eigenvalues are close, their eigenvectors mix and no method can separate them: each share may "
            "be off by the number below its vector's name."
        )
    if any(curvature.blocks is not None for curvature in curvatures):
        sentences.append(
            "No block has the curvature between blocks: the largest eigenvalue of the whole can be above those of all "
            "blocks."
        )
    if any(curvature.sharpness is not None for curvature in curvatures):
        sentences.append(
            "Worst cases are the highest points that an ascent reached, and so lower bounds of the true maximum. "
            "Averages in many dimensions follow the trace, worst cases the largest eigenvalues."
        )
    return sentences
