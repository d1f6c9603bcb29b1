"""An orthonormal basis of a Krylov space, and a symmetric operator in it: a tridiagonal matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

ROWS = 16  # by which the basis grows


class SymmetricOperator(Protocol):
    """What Lanczos needs: a symmetric matrix, or anything that multiplies like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, n)."""

    @property
    def dtype(self) -> torch.dtype:
        """Of the vectors it takes."""

    @property
    def device(self) -> torch.device:
        """Of the vectors it takes."""

    def __matmul__(self, vector: Tensor, /) -> Tensor:
        """The product with a vector (n,)."""


@runtime_checkable
class Restricted(Protocol):
    """An operator of whose coordinates some take no part: its rows and columns there are zero and not its spectrum."""

    @property
    def active(self) -> int:
        """How many coordinates take part."""

    def project(self, vector: Tensor) -> Tensor:
        """The vector with zeros at the others."""


@dataclass
class Block:
    """A tridiagonal block of T, from one start."""

    alphas: list[float] = field(default_factory=list)  # the diagonal
    betas: list[float] = field(default_factory=list)  # beside it; the last one is the open end of the recurrence


class Krylov:
    """The basis, which grows by one product at a time.

    Each new vector is made orthogonal to all earlier ones, by classical Gram-Schmidt applied twice: without it, copies
    of the eigenvalues that converged first would appear again and again. T has a single block until the space is
    invariant, and another one for each time it was.

    Attributes:
        size: The dimension of the space in which eigenvectors can lie.
        count: m, the number of basis vectors, and of products used.
        blocks: T, block by block.
        invariant: Whether the basis spans an invariant space, as far as rounding lets one tell.
        asymmetry: The largest |uᵀHv - vᵀHu| / ‖Hv‖ seen over pairs of basis vectors u, v.
    """

    def __init__(self, H: SymmetricOperator | Tensor, generator: torch.Generator, start: Tensor | None = None) -> None:
        if len(H.shape) != 2 or H.shape[0] != H.shape[1]:
            raise ValueError(f"an operator of shape {tuple(H.shape)} has no eigenvalues; it must be square")
        self.H = H
        self.generator = generator
        self.size = H.active if isinstance(H, Restricted) else int(H.shape[0])
        self.count = 0
        self.blocks: list[Block] = []
        self.invariant = True
        self.asymmetry = 0.0
        self._pieces: list[Tensor] = []  # (ROWS, n) each: the basis grows without being copied
        self._scale = 0.0  # a bound of ‖T‖
        self._next = self._random()
        if start is not None and start.any():
            start = self._project(start.to(self._next))
            self._next = _unit(_unit(start) + self._next)

    @property
    def resolution(self) -> float:
        """What rounding leaves of a zero, relative to the operator's size."""
        return 10 * torch.finfo(self._next.dtype).eps * self._scale

    def step(self) -> None:
        """Multiply the operator by the next basis vector, which adds a row and a column to T.

        Raises:
            ValueError: The product is not finite.
        """
        if self.invariant:
            if self.blocks:
                self._next = self._random()
            self.blocks.append(Block())
        block = self.blocks[-1]
        before = block.betas[-1] if block.betas else 0.0
        vector = self._append(self._next)
        image = self.H @ vector
        # float64 for what enters T, the operator's dtype for the basis
        alpha = vector.double() @ image.double()
        norm = torch.linalg.vector_norm(image, dtype=torch.float64)
        rest, along = self._orthogonalised(image)
        rest, _ = self._orthogonalised(rest)
        beta = torch.linalg.vector_norm(rest, dtype=torch.float64)
        # An earlier step found uᵀHv for the earlier vectors u: ``before`` for the last, zero for the others.
        along[-1] = 0
        if before:
            along[-2] -= before
        # One wait for the device a product
        a, b, size, defect = torch.stack([alpha, beta, norm, along.abs().max().double()]).tolist()
        if not (math.isfinite(a) and math.isfinite(b)):
            raise ValueError("the operator's product with a vector is not finite: check the parameters and the loss")
        block.alphas.append(a)
        block.betas.append(b)
        self.asymmetry = max(self.asymmetry, defect / size if size else 0.0)
        self._scale = max(self._scale, before + abs(a) + b)
        self.invariant = b <= self.resolution
        self._next = rest if self.invariant else rest / b

    def combine(self, coordinates: Tensor) -> Tensor:
        """The unit vector (n,) in the direction that has these coordinates (m,) in the basis."""
        coordinates = coordinates.to(self._next)
        result = torch.zeros_like(self._next)
        for first, rows in self._rows():
            result.addmv_(rows.T, coordinates[first : first + len(rows)])
        return _unit(result)

    def _append(self, vector: Tensor) -> Tensor:
        place = self.count % ROWS
        if place == 0:
            self._pieces.append(vector.new_empty(ROWS, len(vector)))
        self._pieces[-1][place] = vector
        self.count += 1
        return self._pieces[-1][place]

    def _rows(self) -> Iterator[tuple[int, Tensor]]:
        """The basis vectors, piece by piece, each with the number of its first."""
        for first, piece in zip(range(0, self.count, ROWS), self._pieces, strict=True):
            yield first, piece[: self.count - first]

    def _orthogonalised(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """The vector without its components in the basis, once, and those components (m,)."""
        components = torch.cat([rows @ vector for _, rows in self._rows()])
        for first, rows in self._rows():
            vector = torch.addmv(vector, rows.T, components[first : first + len(rows)], alpha=-1)
        return vector, components

    def _random(self) -> Tensor:
        """A random unit vector, orthogonal to the basis."""
        drawn = torch.randn(int(self.H.shape[0]), generator=self.generator, dtype=torch.float64)
        vector = self._project(drawn.to(self.H.device, self.H.dtype))
        for _ in range(2 if self.count else 0):
            vector, _ = self._orthogonalised(vector)
        return _unit(vector)

    def _project(self, vector: Tensor) -> Tensor:
        return self.H.project(vector) if isinstance(self.H, Restricted) else vector


def _unit(vector: Tensor) -> Tensor:
    length = torch.linalg.vector_norm(vector, dtype=torch.float64)
    return vector.div(length.to(vector.dtype))
