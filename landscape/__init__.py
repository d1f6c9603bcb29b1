"""The geometry of a loss: surfaces through parameter space, eigenvalues, spectra and sharpness.

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
    from landscape.bands import band as band
    from landscape.bands import radial_profile as radial_profile
    from landscape.blocks import block as block
    from landscape.blocks import block_eigenvalues as block_eigenvalues
    from landscape.checks import central_difference as central_difference
    from landscape.checks import check_derivatives as check_derivatives
    from landscape.curvatures import curvature as curvature
    from landscape.directions import cosine as cosine
    from landscape.directions import orthogonalise as orthogonalise
    from landscape.directions import random_direction as random_direction
    from landscape.evaluations import Evaluations as Evaluations
    from landscape.fisher import FisherOperator as FisherOperator
    from landscape.gauss_newton import GaussNewtonOperator as GaussNewtonOperator
    from landscape.interpolation import resample as resample
    from landscape.lanczos import top_eigenpairs as top_eigenpairs
    from landscape.objective import Objective as Objective
    from landscape.operators import CurvatureOperator as CurvatureOperator
    from landscape.operators import HessianOperator as HessianOperator
    from landscape.operators import asymmetry as asymmetry
    from landscape.params import ParamSpace as ParamSpace
    from landscape.planes import Plane as Plane
    from landscape.planes import barrier as barrier
    from landscape.planes import eigen_plane as eigen_plane
    from landscape.planes import plane_through as plane_through
    from landscape.planes import random_plane as random_plane
    from landscape.planes import trajectory_plane as trajectory_plane
    from landscape.quadratic import quadratic_radius as quadratic_radius
    from landscape.quantities import Metric as Metric
    from landscape.results import Band as Band
    from landscape.results import Barrier as Barrier
    from landscape.results import BlockEigenvalues as BlockEigenvalues
    from landscape.results import CheckReport as CheckReport
    from landscape.results import Curvature as Curvature
    from landscape.results import EigenPairs as EigenPairs
    from landscape.results import InterpolationError as InterpolationError
    from landscape.results import Mark as Mark
    from landscape.results import Path as Path
    from landscape.results import Restart as Restart
    from landscape.results import Shares as Shares
    from landscape.results import Sharpness as Sharpness
    from landscape.results import Spectrum as Spectrum
    from landscape.results import Surface as Surface
    from landscape.results import TraceEstimate as TraceEstimate
    from landscape.shares import shares_by_block as shares_by_block
    from landscape.shares import shares_by_rows as shares_by_rows
    from landscape.sharpnesses import sharpness as sharpness
    from landscape.spectrum import spectral_density as spectral_density
    from landscape.split import Split as Split
    from landscape.storage import load_curvature as load_curvature
    from landscape.storage import load_surface as load_surface
    from landscape.storage import save_curvature as save_curvature
    from landscape.storage import save_surface as save_surface
    from landscape.surfaces import surface as surface
    from landscape.traces import trace as trace

_HOMES = {  # where each public name lives: imported when first asked for, so that `import landscape` costs nothing
    "Band": "results",
    "Barrier": "results",
    "BlockEigenvalues": "results",
    "CheckReport": "results",
    "Curvature": "results",
    "CurvatureOperator": "operators",
    "EigenPairs": "results",
    "Evaluations": "evaluations",
    "FisherOperator": "fisher",
    "GaussNewtonOperator": "gauss_newton",
    "HessianOperator": "operators",
    "InterpolationError": "results",
    "Mark": "results",
    "Metric": "quantities",
    "Objective": "objective",
    "ParamSpace": "params",
    "Path": "results",
    "Plane": "planes",
    "Restart": "results",
    "Shares": "results",
    "Sharpness": "results",
    "Spectrum": "results",
    "Split": "split",
    "Surface": "results",
    "TraceEstimate": "results",
    "asymmetry": "operators",
    "band": "bands",
    "barrier": "planes",
    "block": "blocks",
    "block_eigenvalues": "blocks",
    "central_difference": "checks",
    "check_derivatives": "checks",
    "cosine": "directions",
    "curvature": "curvatures",
    "eigen_plane": "planes",
    "load_curvature": "storage",
    "load_surface": "storage",
    "orthogonalise": "directions",
    "plane_through": "planes",
    "quadratic_radius": "quadratic",
    "radial_profile": "bands",
    "random_direction": "directions",
    "random_plane": "planes",
    "resample": "interpolation",
    "save_curvature": "storage",
    "save_surface": "storage",
    "shares_by_block": "shares",
    "shares_by_rows": "shares",
    "sharpness": "sharpnesses",
    "spectral_density": "spectrum",
    "surface": "surfaces",
    "top_eigenpairs": "lanczos",
    "trace": "traces",
    "trajectory_plane": "planes",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"landscape.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
