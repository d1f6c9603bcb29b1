"""The public names of ``landscape``, read by type checkers and, at the first use of a name, by ``lazy_loader``."""

from .adapters.huggingface import huggingface as huggingface
from .adapters.supervised import supervised as supervised
from .geometry.block_eigenvalues import block_eigenvalues as block_eigenvalues
from .geometry.curvature import curvature as curvature
from .geometry.derivative_checks import check_derivatives as check_derivatives
from .geometry.finite_differences import central_difference as central_difference
from .geometry.localization import (
    localization_by_block as localization_by_block,
)
from .geometry.localization import (
    localization_by_rows as localization_by_rows,
)
from .geometry.quadratic_model import quadratic_radius as quadratic_radius
from .geometry.sharpness import sharpness as sharpness
from .linalg.lanczos import top_eigenpairs as top_eigenpairs
from .linalg.spectral_density import spectral_density as spectral_density
from .linalg.trace import trace as trace
from .objectives.blocks import (
    block as block,
)
from .objectives.blocks import (
    subspace as subspace,
)
from .objectives.composite_loss import CompositeLoss as CompositeLoss
from .objectives.directions import (
    cosine as cosine,
)
from .objectives.directions import (
    orthogonalise as orthogonalise,
)
from .objectives.directions import (
    random_direction as random_direction,
)
from .objectives.objective import Objective as Objective
from .objectives.sharded_objective import ShardedObjective as ShardedObjective
from .operators.base import (
    CurvatureOperator as CurvatureOperator,
)
from .operators.base import (
    asymmetry as asymmetry,
)
from .operators.fisher import FisherOperator as FisherOperator
from .operators.gauss_newton import GaussNewtonOperator as GaussNewtonOperator
from .operators.hessian import HessianOperator as HessianOperator
from .operators.memory import ProductMemory as ProductMemory
from .operators.memory import product_memory as product_memory
from .parameters.parameter_space import ParamSpace as ParamSpace
from .parameters.sharded_space import ShardedSpace as ShardedSpace
from .results import (
    Barrier as Barrier,
)
from .results import (
    BlockEigenvalues as BlockEigenvalues,
)
from .results import (
    Check as Check,
)
from .results import (
    CheckReport as CheckReport,
)
from .results import (
    Curvature as Curvature,
)
from .results import (
    Difference as Difference,
)
from .results import (
    EigenPairs as EigenPairs,
)
from .results import (
    InterpolationError as InterpolationError,
)
from .results import (
    LanczosState as LanczosState,
)
from .results import (
    Localization as Localization,
)
from .results import (
    Mark as Mark,
)
from .results import (
    QuadraticRadius as QuadraticRadius,
)
from .results import (
    RadialProfile as RadialProfile,
)
from .results import (
    Sharpness as Sharpness,
)
from .results import (
    Spectrum as Spectrum,
)
from .results import (
    Surface as Surface,
)
from .results import (
    TraceEstimate as TraceEstimate,
)
from .results import (
    Trajectory as Trajectory,
)
from .results.curve import (
    BarrierMatrix as BarrierMatrix,
)
from .results.curve import (
    LowLossCurve as LowLossCurve,
)
from .results.curve import (
    PathLoss as PathLoss,
)
from .results.interpolation import resample as resample
from .results.storage.cache import ResultCache as ResultCache
from .results.storage.save_load import (
    load_curvature as load_curvature,
)
from .results.storage.save_load import (
    load_surface as load_surface,
)
from .results.storage.save_load import (
    save_curvature as save_curvature,
)
from .results.storage.save_load import (
    save_surface as save_surface,
)
from .results.topology import Topology as Topology
from .surfaces.barrier import (
    barrier as barrier,
)
from .surfaces.barrier import (
    barrier_matrix as barrier_matrix,
)
from .surfaces.curve import (
    curve_plane as curve_plane,
)
from .surfaces.curve import (
    low_loss_curve as low_loss_curve,
)
from .surfaces.evaluation_cache import EvaluationCache as EvaluationCache
from .surfaces.planes import (
    Plane as Plane,
)
from .surfaces.planes import (
    eigen_plane as eigen_plane,
)
from .surfaces.planes import (
    plane_through as plane_through,
)
from .surfaces.planes import (
    random_plane as random_plane,
)
from .surfaces.planes import (
    trajectory_plane as trajectory_plane,
)
from .surfaces.quantities import Metric as Metric
from .surfaces.radial import (
    angular_mean as angular_mean,
)
from .surfaces.radial import (
    radial_profile as radial_profile,
)
from .surfaces.surface import surface as surface
from .version import __version__ as __version__
