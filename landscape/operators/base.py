"""Matrices of an objective as linear operators, for our Lanczos and for SciPy's solvers: the Hessian first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator
from torch import Tensor

from landscape.linalg.krylov import SymmetricOperator
from landscape.objectives.autograd import RETAINED
from landscape.objectives.objective import Objective


class CurvatureOperator(ABC):
    """A symmetric n×n matrix of an objective at a point, of which only products with vectors are computed.

    A subclass says what the matrix is by its product with rows of vectors, ``_products``.

    Args:
        objective: The loss L.
        params: (n,) where to take the matrix; by default the objective's own θ₀.
        retain: How many bytes the graphs may take that are kept between products: those of as many batches as fit,
            which are freed with the operator. For the others they are made again at each product; 0 keeps none.

    Attributes:
        shape: (n, n). Rows and columns of coordinates that take no part are zero.
        active: How many coordinates take part.
        products: How many products with a vector have been computed.
        name: What the matrix is called in results.

    Raises:
        ValueError: ``params`` has another length, or ``retain`` is negative.
    """

    name: ClassVar[str]

    def __init__(self, objective: Objective[Any], params: Tensor | None = None, *, retain: int = RETAINED) -> None:
        self.objective = objective
        self.params = params
        self.shape = (objective.space.size, objective.space.size)
        self.dtype = objective.params.dtype
        self.device = objective.params.device
        self.active = objective.space.active
        self.products = 0
        self._graphs = objective._graphs(params, retain)

    @abstractmethod
    def _products(self, vectors: Tensor) -> Tensor:
        """The products with a vector (n,), or with the rows of (m, n), in the same shape."""

    def __matmul__(self, vector: Tensor) -> Tensor:
        """The product with a vector (n,), or with m vectors as columns (n, m).

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
        """The vector (n,) with zeros where coordinates take no part."""
        return self.objective.space.project(vector)

    def to_scipy(self) -> LinearOperator:
        """The same for SciPy: takes and returns NumPy arrays, on the CPU."""

        def product(array: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
            vector = torch.from_numpy(np.ascontiguousarray(array))
            return (self @ vector).cpu().numpy().astype(dtype)

        dtype = np.dtype(str(self.dtype).removeprefix("torch."))
        return LinearOperator(self.shape, matvec=product, rmatvec=product, matmat=product, rmatmat=product, dtype=dtype)

    def __repr__(self) -> str:
        size = f"{self.shape[0]}×{self.shape[1]}"
        return f"{type(self).__name__}({size}, {self.dtype}, {self.device}, {self.products} products)"


def asymmetry(H: SymmetricOperator | Tensor, generator: torch.Generator) -> float:
    """|uᵀHv - vᵀHu| / (‖Hu‖ ‖Hv‖)^½ for random unit vectors u, v: zero, but for rounding, of a symmetric operator.

    It costs two products. ``top_eigenpairs`` reports the same of its own vectors without any.
    """
    drawn = torch.randn(2, int(H.shape[0]), generator=generator, dtype=torch.float64).to(H.device, H.dtype)
    u, v = torch.nn.functional.normalize(drawn, dim=1)
    image_of_u, image_of_v = (H @ u).double(), (H @ v).double()
    scale = (image_of_u.norm() * image_of_v.norm()).sqrt()
    return float((u.double() @ image_of_v - v.double() @ image_of_u).abs() / scale) if scale > 0 else 0.0
