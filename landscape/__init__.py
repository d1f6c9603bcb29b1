"""The geometry of a loss: surfaces through parameter space and the extreme eigenvalues of its Hessian.

For any PyTorch model, loss function and data::

    objective = landscape.Objective(model, loss, batches)  # loss(model, batch) -> (sum of terms, number of terms)
    x, y = (landscape.random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    surface = landscape.surface(objective, x, y)
    pairs = landscape.top_eigenpairs(landscape.HessianOperator(objective), k=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from landscape.version import __version__ as __version__

if TYPE_CHECKING:
    from landscape.curvatures import curvature as curvature
    from landscape.directions import cosine as cosine
    from landscape.directions import orthogonalise as orthogonalise
    from landscape.directions import random_direction as random_direction
    from landscape.evaluations import Evaluations as Evaluations
    from landscape.files import load_surface as load_surface
    from landscape.files import save_surface as save_surface
    from landscape.interpolation import resample as resample
    from landscape.lanczos import top_eigenpairs as top_eigenpairs
    from landscape.objective import Objective as Objective
    from landscape.operators import HessianOperator as HessianOperator
    from landscape.operators import asymmetry as asymmetry
    from landscape.params import ParamSpace as ParamSpace
    from landscape.results import Curvature as Curvature
    from landscape.results import EigenPairs as EigenPairs
    from landscape.results import InterpolationError as InterpolationError
    from landscape.results import Surface as Surface
    from landscape.surfaces import surface as surface

_HOMES = {  # where each public name lives: imported when first asked for, so that `import landscape` costs nothing
    "Curvature": "results",
    "EigenPairs": "results",
    "Evaluations": "evaluations",
    "HessianOperator": "operators",
    "InterpolationError": "results",
    "Objective": "objective",
    "ParamSpace": "params",
    "Surface": "results",
    "asymmetry": "operators",
    "cosine": "directions",
    "curvature": "curvatures",
    "load_surface": "files",
    "orthogonalise": "directions",
    "random_direction": "directions",
    "resample": "interpolation",
    "save_surface": "files",
    "surface": "surfaces",
    "top_eigenpairs": "lanczos",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"landscape.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
