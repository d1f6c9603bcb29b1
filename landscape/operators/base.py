"""Matrices of an objective as linear operators, for ``landscape.linalg`` and for SciPy's solvers."""

from __future__ import annotations

import copy
import math
import warnings
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator
from torch import Tensor

from landscape.linalg.protocols import SymmetricOperator
from landscape.linalg.vectors import dot, norm, unit
from landscape.objectives.autograd import RETAINED, Graphs
from landscape.objectives.objective import Objective, check_loss
from landscape.processes import ALONE, Processes, refuse_slices


class CurvatureOperator(ABC):
    """A symmetric n×n matrix of an objective at a point, of which only products with vectors are computed.

    A subclass defines the matrix by its product with rows of vectors, ``_products``.

    Args:
        objective: The loss L.
        params: (n,) where to take the matrix; by default the objective's own θ₀.
        retain: The bytes that graphs kept between products may take. As many batches as fit keep theirs until the
            operator is freed; the others' are made again at each product. 0 keeps none.

    Attributes:
        shape: (n, n). Rows and columns of inactive coordinates are zero.
        active: The number of active coordinates.
        products: The number of products with a vector computed so far.
        retain: The bytes that graphs kept between products may take.
        name: The name of the matrix in results.
        method: How products are computed, where not by exact derivatives.
        relative_error: Of a product, beside rounding.

    Raises:
        ValueError: ``params`` has another length, ``retain`` is negative, or the loss is not finite, has no gradient,
            or is not a function of the parameters and the batches alone.
    """

    name: ClassVar[str]
    takes_slices: ClassVar[bool] = False  # whether vectors may be slices, as those of a ``ShardedObjective`` are

    def __init__(self, objective: Objective[Any], params: Tensor | None = None, *, retain: int = RETAINED) -> None:
        if not self.takes_slices:
            refuse_slices(objective.processes, type(self).__name__)
        self.objective = objective
        self.params = params
        self.shape = (objective.space.size, objective.space.size)
        self.dtype = objective.params.dtype
        self.device = objective.params.device
        self.active = objective.space.active
        self.products = 0
        self.retain = retain
        self.method = ""
        self.relative_error = 0.0
        self._graphs = objective.graphs(params, retain)
        # Derivatives can be finite where the loss is not: it may be evaluated by another path than differentiated.
        check_loss(objective.value(params), objective, params)

    @property
    def processes(self) -> Processes:
        """Those that share out the batches; a Krylov basis is shared out among them as well."""
        return self.objective.processes

    @property
    def multiplied(self) -> Objective[Any] | None:
        """The objective by which products are computed, for ``product_memory``; None where they are differences."""
        return self.objective

    def multiply_alone(self, objective: Objective[Any], graphs: Graphs, vector: Tensor) -> None:
        """Compute one product of another objective, a part of ``multiplied``, on graphs of its own."""
        part = copy.copy(self)
        part.objective, part._graphs = objective, graphs  # noqa: SLF001 (a copy of the same class)
        part._products(vector)  # noqa: SLF001

    @abstractmethod
    def _products(self, vectors: Tensor) -> Tensor:
        """Return the products with a vector (n,), or with the rows of (m, n), in the same shape."""

    def _tell_differences(self) -> None:
        """Say, once, that products with Jacobians are differences of outputs, if they are."""
        cause = self._graphs.cause
        if cause and not self.method:
            self.relative_error = self._graphs.relative_error
            self.method = (
                f"central differences of outputs, with a relative error of {self.relative_error:.1g}, since the loss "
                f"has no second derivative ({cause})"
            )
            warnings.warn(f"products are {self.method}", stacklevel=4)

    def __matmul__(self, vector: Tensor) -> Tensor:
        """Return the product with a vector (n,), or with m vectors as columns (n, m).

        Raises:
            ValueError: The vector has another length.
        """
        if vector.ndim not in (1, 2) or len(vector) != self.shape[1]:
            raise ValueError(f"a vector of shape {tuple(vector.shape)} does not fit an operator of shape {self.shape}")
        self.products += vector[0].numel()  # 1, or one for each column
        # Contiguous: strided rows are multiplied more slowly, and with other rounding than a single vector.
        rows = vector.to(self.device, self.dtype).movedim(0, -1).contiguous()
        return self._products(rows).movedim(-1, 0)

    def project(self, vector: Tensor) -> Tensor:
        """Return the vector (n,) with zeros at the inactive coordinates."""
        return self.objective.space.project(vector)

    def to_scipy(self) -> LinearOperator:
        """Return the operator for SciPy, which takes and returns NumPy arrays on the CPU."""

        def product(array: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
            vector = torch.from_numpy(np.ascontiguousarray(array))
            return (self @ vector).cpu().numpy().astype(dtype)

        dtype = np.dtype(str(self.dtype).removeprefix("torch."))
        return LinearOperator(self.shape, matvec=product, rmatvec=product, matmat=product, rmatmat=product, dtype=dtype)

    def __repr__(self) -> str:
        size = f"{self.shape[0]}×{self.shape[1]}"
        return f"{type(self).__name__}({size}, {self.dtype}, {self.device}, {self.products} products)"


def asymmetry(H: SymmetricOperator | Tensor, *, seed: int = 0) -> float:
    """Return |uᵀHv - vᵀHu| / (‖Hu‖ ‖Hv‖)^½ for random unit vectors u, v: zero, up to rounding, if H is symmetric.

    It costs two products. ``top_eigenpairs`` reports the same of its own vectors without any.

    >>> asymmetry(torch.eye(3))
    0.0

    Args:
        H: The operator (n, n), or a dense matrix.
        seed: Of the vectors.
    """
    generator = torch.Generator().manual_seed(seed)
    processes: Processes = getattr(H, "processes", ALONE)
    generator = processes.own_generator(generator)
    drawn = torch.randn(2, int(H.shape[0]), generator=generator, dtype=torch.float64).to(H.device, H.dtype)
    u, v = (unit(vector, processes) for vector in drawn)
    image_of_u, image_of_v = H @ u, H @ v
    scale = math.sqrt(norm(image_of_u, processes) * norm(image_of_v, processes))
    return abs(dot(u, image_of_v, processes) - dot(v, image_of_u, processes)) / scale if scale != 0 else 0.0
