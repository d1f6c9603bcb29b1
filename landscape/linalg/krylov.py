"""An orthonormal basis of a Krylov space, and a symmetric operator in it: a tridiagonal matrix.

Its thick restart, which keeps some eigenvectors of that matrix and goes on from them, is that of K. Wu and H. Simon,
Thick-Restart Lanczos Method for Large Symmetric Eigenvalue Problems (SIAM Journal on Matrix Analysis and Applications
2000).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.results import Floats, LanczosState

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
class MaskedOperator(Protocol):
    """An operator of whose coordinates some take no part: its rows and columns there are zero and not its spectrum."""

    @property
    def active(self) -> int:
        """How many coordinates take part."""

    def project(self, vector: Tensor) -> Tensor:
        """The vector with zeros at the others."""


def dimension(H: SymmetricOperator | Tensor) -> int:
    """Of the space in which eigenvectors can lie.

    Raises:
        ValueError: H is not square.
    """
    if len(H.shape) != 2 or H.shape[0] != H.shape[1]:
        raise ValueError(f"an operator of shape {tuple(H.shape)} has no eigenvalues; it must be square")
    return H.active if isinstance(H, MaskedOperator) else int(H.shape[0])


@dataclass
class Block:
    """A block of T, from one start: tridiagonal, behind what a restart kept of it.

    A kept vector y has Hy = value · y + coupling · u, where u is the vector that follows the kept ones. The values are
    the first part of T's diagonal, the couplings the row of u beside them.
    """

    values: list[float] = field(default_factory=list)
    couplings: list[float] = field(default_factory=list)
    alphas: list[float] = field(default_factory=list)  # the diagonal
    betas: list[float] = field(default_factory=list)  # beside it; the last one is the open end of the recurrence


class Krylov:
    """The basis, which grows by one product at a time, and which ``lanczos_state`` makes small again.

    Each new vector is made orthogonal to all earlier ones, by classical Gram-Schmidt applied twice: without it, copies
    of the eigenvalues that converged first would appear again and again. T has a single block until the space is
    invariant, and another one for each time it was.

    Attributes:
        size: The dimension of the space in which eigenvectors can lie.
        rows: The most vectors that the basis may have; None for no bound.
        count: m, the number of basis vectors.
        products: The number of products used, those before a restart included.
        draws: The number of random vectors drawn.
        top: So many of T's largest eigenvalues no restart has dropped.
        bottom: As many of its smallest.
        blocks: T, block by block, and the basis in the same order.
        invariant: Whether the basis spans an invariant space, as far as rounding lets one tell.
        complete: Whether that is the whole space: nothing is left to find.
        asymmetry: The largest |uᵀHv - vᵀHu| / ‖Hv‖ seen over pairs of basis vectors u, v.
        scale: A bound of ‖T‖.
    """

    def __init__(
        self,
        H: SymmetricOperator | Tensor,
        generator: torch.Generator,
        start: Tensor | None = None,
        *,
        rows: int | None = None,
        resume_from: LanczosState | None = None,
    ) -> None:
        self.H = H
        self.generator = generator
        self.size = dimension(H)
        self.top = self.bottom = self.size
        self.rows = rows
        self.count = self.products = self.draws = 0
        self.blocks: list[Block] = []
        self.complete = False
        self.invariant = True
        self.asymmetry = 0.0
        self.scale = 0.0
        self._pieces: list[Tensor] = []  # (ROWS, n) each, the last one what ``rows`` leaves: it grows without copies
        if resume_from is not None:
            self._resume(resume_from)
            return
        self._next = self._random()
        if start is not None and start.any():
            start = self._project(start.to(self._next))
            self._next = _unit(_unit(start) + self._next)

    @property
    def resolution(self) -> float:
        """What rounding leaves of a zero, relative to the operator's size."""
        return 10 * torch.finfo(self._next.dtype).eps * self.scale

    @property
    def following(self) -> Tensor:
        """The vector (n,) to be multiplied next; zeros where the space is invariant."""
        return torch.zeros_like(self._next) if self.invariant else self._next

    @property
    def full(self) -> bool:
        """Whether there is no row left, and ``lanczos_state`` has to make some."""
        return self.rows is not None and self.count >= self.rows

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
        before = block.betas[-1] if block.betas else math.hypot(*block.couplings)
        vector = self._append(self._next)
        image = self.H @ vector
        # float64 for what enters T, the operator's dtype for the basis
        alpha = vector.double() @ image.double()
        norm = torch.linalg.vector_norm(image, dtype=torch.float64)
        rest, along = self._orthogonalised(image)
        rest, _ = self._orthogonalised(rest)
        beta = torch.linalg.vector_norm(rest, dtype=torch.float64)
        # An earlier step found uᵀHv for the earlier vectors u: ``before`` for the last, or the couplings of those which
        # a restart kept, and zero for the others.
        along[-1] = 0
        if block.alphas:
            along[-2] -= before
        elif block.couplings:
            along[-1 - len(block.couplings) : -1] -= along.new_tensor(block.couplings)
        # One wait for the device a product
        a, b, size, defect = torch.stack([alpha, beta, norm, along.abs().max().double()]).tolist()
        if not (math.isfinite(a) and math.isfinite(b)):
            raise ValueError("the operator's product with a vector is not finite: check the parameters and the loss")
        block.alphas.append(a)
        block.betas.append(b)
        self.products += 1
        self.asymmetry = max(self.asymmetry, defect / size if size else 0.0)
        self.scale = max(self.scale, before + abs(a) + b)
        self.complete = self.count == self.size
        self.invariant = b <= self.resolution
        self._next = rest if self.invariant else rest / b

    def restart(self, kept: Sequence[Block], coordinates: Floats) -> None:
        """Replace the basis by p of its combinations, in place; beside it, it takes the memory of one vector.

        Args:
            kept: T's blocks, each with what is kept of it as ``values`` and ``couplings``.
            coordinates: (m, p) Of the kept in the basis, one a column, in the order of the blocks.
        """
        count = coordinates.shape[1]
        weights = torch.from_numpy(coordinates).to(self._next)
        width = max(1, len(self._next) // count)
        for left in range(0, len(self._next), width):
            columns = slice(left, left + width)
            combined = weights.new_zeros(count, len(self._next[columns]))
            for first, rows in self._rows():
                combined.addmm_(weights[first : first + len(rows)].T, rows[:, columns])
            for first, rows in self._rows():
                rows[: max(0, count - first), columns] = combined[first : first + len(rows)]
        self.count = count
        self.blocks = list(kept)
        del self._pieces[math.ceil(count / ROWS) :]

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
            left = ROWS if self.rows is None else min(ROWS, self.rows - self.count)
            self._pieces.append(vector.new_empty(left, len(vector)))
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
        vector = self._project(self._draw().to(self.H.device, self.H.dtype))
        for _ in range(2 if self.count else 0):
            vector, _ = self._orthogonalised(vector)
        return _unit(vector)

    def _draw(self) -> Tensor:
        self.draws += 1
        return torch.randn(int(self.H.shape[0]), generator=self.generator, dtype=torch.float64)

    def _resume(self, resume_from: LanczosState) -> None:
        """Take over a basis, and with it what was counted and measured."""
        while self.draws < resume_from.draws:  # what was drawn lies in the basis, and must not be drawn again
            self._draw()
        self.blocks = [Block() for _ in range(resume_from.blocks.max() + 1)]
        for place in np.argsort(resume_from.blocks, kind="stable"):
            block = self.blocks[resume_from.blocks[place]]
            block.values.append(float(resume_from.values[place]))
            block.couplings.append(float(resume_from.couplings[place]))
            self._append(self._like(resume_from.vectors[place]))
        self._next = self._like(resume_from.following)
        self.invariant = not self._next.any()
        self.products, self.asymmetry, self.scale = resume_from.products, resume_from.asymmetry, resume_from.scale
        self.top, self.bottom, self.complete = resume_from.top, resume_from.bottom, resume_from.complete

    def _like(self, vector: NDArray[np.floating[Any]]) -> Tensor:
        return torch.tensor(vector, dtype=self.H.dtype, device=self.H.device)

    def _project(self, vector: Tensor) -> Tensor:
        return self.H.project(vector) if isinstance(self.H, MaskedOperator) else vector


def _unit(vector: Tensor) -> Tensor:
    length = torch.linalg.vector_norm(vector, dtype=torch.float64)
    return vector.div(length.to(vector.dtype))
