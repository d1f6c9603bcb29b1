"""How to read a page, and what it does not show: sentences about what is on the page, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.figures.captions.planes import ball_description, path_caption, plane_description
from landscape.figures.captions.surfaces import surface_error
from landscape.figures.captions.topology import minima_caption
from landscape.figures.entries import ModelEntry
from landscape.figures.plotdata.extents import is_plane
from landscape.figures.style import GREEK_LAMBDA, LAMBDA_MAX, LAMBDA_MIN, number
from landscape.results import Curvature, Surface
from landscape.results.display.display_names import display_name


def reading(models: Sequence[ModelEntry], rho: float | None) -> list[str]:
    """Return what the pictures and numbers are; for one model also how they were computed."""
    surfaces = [model.surface for model in models if model.surface is not None]
    curvatures = [model.curvature for model in models if model.curvature is not None]
    alone = len(models) == 1
    sentences = _surfaces(surfaces, alone, rho) if surfaces else []
    sentences += _curvatures(curvatures, alone) if curvatures else []
    sentences.append("The address of this page keeps the view: copy it to share what you see.")
    return [sentence for sentence in sentences if sentence]


def limits(models: Sequence[ModelEntry]) -> list[str]:
    """Return what the pictures and numbers do not show."""
    surfaces = [model.surface for model in models if model.surface is not None]
    curvatures = [model.curvature for model in models if model.curvature is not None]
    alone = len(models) == 1
    sentences = _limits_of_surfaces(surfaces, alone) if surfaces else []
    sentences += _limits_of_curvatures(curvatures) if curvatures else []
    if not alone:
        sentences.append("A flat minimum does not make a good model.")
    sentences.append("Only models on one loss compare, with the same data, users and random draws.")
    return sentences


def _surfaces(surfaces: Sequence[Surface], alone: bool, rho: float | None) -> list[str]:
    any_plane = any(map(is_plane, surfaces))
    sentences = _positions(surfaces, alone)
    if alone:
        sentences += [plane_description(surfaces[0]), path_caption(surfaces[0])]
    elif any_plane:
        sentences.append(
            "On one scale, equal heights, colours and lines mean equal losses; separate scales show shapes."
        )
    sentences.append("“Above lowest” subtracts the smallest loss shown.")
    if any_plane:
        sentences.append(f"The curves below follow both lines of {'its' if alone else 'the'} crosshair.")
    if rho is not None:
        sentences.append(ball_description(rho))
    if any(surface.quadratic is not None for surface in surfaces):
        sentences.append(
            "The quadratic model has the gradient and Hessian of the centre. Its dotted line is where the loss departs "
            "from it."
        )
    if any(surface.barrier is not None for surface in surfaces):
        sentences.append(
            "The barrier is the most by which the loss exceeds the straight line between its ends."
            + ("" if any(surface.curve is not None for surface in surfaces) else " A curved path may have none.")
        )
    if any(surface.curve is not None for surface in surfaces):
        sentences.append("The white line is a curve of low loss between two models; it lies in this plane exactly.")
    return sentences + ([*_error(surfaces[0]), minima_caption(surfaces[0])] if alone else [])


def _positions(surfaces: Sequence[Surface], alone: bool) -> list[str]:
    sentences = []
    if any(map(is_plane, surfaces)):
        sentences.append(
            f"{'The trained model is' if alone else 'Each model is'} at the centre; the coordinates move its "
            "parameters along two directions. The height is the loss there, on the same data and draws. Where lines of "
            "equal loss are close, it is steep."
        )
    if not all(map(is_plane, surfaces)):
        sentences.append(
            "Along a line, the trained model is at zero; the coordinate moves its parameters. The curve is the loss "
            "there, on the same data and draws."
        )
    return sentences


def _error(surface: Surface) -> list[str]:
    sentences = [surface_error(surface)]
    if surface.error is not None:
        sentences.append("On the log scale logarithms are interpolated; the error was measured for the loss itself.")
    return sentences


def _curvatures(curvatures: Sequence[Curvature], alone: bool) -> list[str]:
    operators = {curvature.operator for curvature in curvatures}
    sentences = []
    if "hessian" in operators:
        sentences.append(
            "An eigenvalue of the Hessian is the curvature of the loss along its eigenvector. The largest, "
            f"{LAMBDA_MAX}, measures sharpness; along a negative one the loss curves downwards."
        )
    for matrix in sorted(map(display_name, operators - {"hessian"})):
        sentences.append(
            f"The {matrix} stands in for the Hessian, without negative eigenvalues; near a good fit the largest ones "
            f"agree. {LAMBDA_MAX} measures sharpness."
        )
    if alone:
        (only,) = curvatures
        sentences.append(
            f"Lanczos' method took {number(only.pairs.products)} products with the {display_name(only.operator)}. An "
            "eigenvalue lies within the residual ‖Hv − λv‖ of each value. uᵀHv and vᵀHu of random unit vectors differ "
            f"by {number(only.asymmetry, 2)} of their scale: the noise of the arithmetic."
        )
    return sentences


def _limits_of_surfaces(surfaces: Sequence[Surface], alone: bool) -> list[str]:
    plane = any(map(is_plane, surfaces))
    sentences = [
        f"{'Two directions of very many are' if plane else 'One direction of very many is'} shown: the lowest "
        "point need not be a minimum.",
        "Heights depend on the loss, its data and the scale of the directions.",
    ]
    if not alone:
        sentences += [
            "Two other directions may rank the models otherwise: trust intervals over several planes.",
            "Random directions are scaled to each model's weights.",
        ]
    return sentences


def _limits_of_curvatures(curvatures: Sequence[Curvature]) -> list[str]:
    sentences = [
        "Krylov methods can miss an eigenvalue; another seed is the check.",
        f"{GREEK_LAMBDA} changes with the scale of loss and parameters; {LAMBDA_MAX}‖θ‖² removes a common one. Do not "
        f"rank by {LAMBDA_MAX} alone: see {LAMBDA_MIN} and the gradient norm.",
    ]
    if any(curvature.spectrum is not None for curvature in curvatures):
        sentences.append("The density is known at its nodes only, and a node stands for all eigenvalues around it.")
    if any(curvature.localization for curvature in curvatures):
        sentences.append(
            "If two eigenvalues are close, their eigenvectors mix: each share may be off by the number below its "
            "vector's name."
        )
    if any(curvature.blocks is not None for curvature in curvatures):
        sentences.append("No block has the curvature between blocks.")
    if any(curvature.sharpness is not None for curvature in curvatures):
        sentences.append("Worst cases are lower bounds of the true maximum; averages follow the trace.")
    return sentences
