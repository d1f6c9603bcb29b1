"""What the analyses return: NumPy arrays with plain metadata, no tensors, no models.

A result knows how to describe itself; how it is computed, stored and drawn is told elsewhere (``surfaces``,
``lanczos``, …; ``files``; the ``figures`` package).
"""

from landscape.results.arrays import Floats as Floats
from landscape.results.arrays import Integers as Integers
from landscape.results.arrays import Metadata as Metadata
from landscape.results.checks import Check as Check
from landscape.results.checks import CheckReport as CheckReport
from landscape.results.checks import Difference as Difference
from landscape.results.checks import QuadraticRadius as QuadraticRadius
from landscape.results.eigenvalues import BlockEigenvalues as BlockEigenvalues
from landscape.results.eigenvalues import Curvature as Curvature
from landscape.results.eigenvalues import EigenPairs as EigenPairs
from landscape.results.eigenvalues import Restart as Restart
from landscape.results.eigenvalues import Shares as Shares
from landscape.results.eigenvalues import TraceEstimate as TraceEstimate
from landscape.results.sharpness import Sharpness as Sharpness
from landscape.results.spectra import Spectrum as Spectrum
from landscape.results.surfaces import Band as Band
from landscape.results.surfaces import Barrier as Barrier
from landscape.results.surfaces import InterpolationError as InterpolationError
from landscape.results.surfaces import Mark as Mark
from landscape.results.surfaces import Path as Path
from landscape.results.surfaces import Surface as Surface
