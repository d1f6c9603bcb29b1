"""The interface of a symmetric operator, which a dense matrix has as well."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


class SymmetricOperator(Protocol):
    """A symmetric matrix, or anything that multiplies vectors like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, n)."""

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the vectors."""

    @property
    def device(self) -> torch.device:
        """The device of the vectors."""

    def __matmul__(self, vector: Tensor, /) -> Tensor:
        """Return the product with a vector (n,)."""


@runtime_checkable
class MaskedOperator(Protocol):
    """An operator with inactive coordinates, whose rows and columns are zero and do not belong to its spectrum."""

    @property
    def active(self) -> int:
        """The number of active coordinates."""

    def project(self, vector: Tensor) -> Tensor:
        """Return the vector with zeros at the inactive coordinates."""


def dimension(H: SymmetricOperator | Tensor) -> int:
    """Return the dimension of the space in which eigenvectors can lie: the number of active coordinates.

    Raises:
        ValueError: H is not square, or has no active coordinate.
    """
    if len(H.shape) != 2 or H.shape[0] != H.shape[1]:
        raise ValueError(f"an operator of shape {tuple(H.shape)} has no eigenvalues; it must be square")
    size = H.active if isinstance(H, MaskedOperator) else int(H.shape[0])
    if size == 0:
        raise ValueError("the operator has no active coordinate; include at least one")
    return size
