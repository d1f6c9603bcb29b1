"""What the analyses return: NumPy arrays with plain metadata, no tensors, no models.

A result describes itself (``repr``, tables). It is computed in ``surfaces``, ``geometry`` and ``linalg``, stored by
``storage``, and drawn by the ``figures`` package.
"""

from landscape.results.checks import Check as Check
from landscape.results.checks import CheckReport as CheckReport
from landscape.results.checks import Difference as Difference
from landscape.results.checks import QuadraticRadius as QuadraticRadius
from landscape.results.curvature import Curvature as Curvature
from landscape.results.curvature import TraceEstimate as TraceEstimate
from landscape.results.eigenpairs import EigenPairs as EigenPairs
from landscape.results.eigenpairs import LanczosState as LanczosState
from landscape.results.localization import BlockEigenvalues as BlockEigenvalues
from landscape.results.localization import Localization as Localization
from landscape.results.numerics.arrays import Floats as Floats
from landscape.results.numerics.arrays import Integers as Integers
from landscape.results.numerics.arrays import Metadata as Metadata
from landscape.results.paths import Barrier as Barrier
from landscape.results.paths import Mark as Mark
from landscape.results.paths import Trajectory as Trajectory
from landscape.results.radial import RadialProfile as RadialProfile
from landscape.results.sharpness import Sharpness as Sharpness
from landscape.results.spectrum import Spectrum as Spectrum
from landscape.results.surface import InterpolationError as InterpolationError
from landscape.results.surface import Surface as Surface
