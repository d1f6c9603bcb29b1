"""An orthonormal basis of a Krylov space, and a symmetric operator in that basis: a tridiagonal matrix T.

The thick restart, which keeps some eigenvectors of T and continues from them, is that of K. Wu and H. Simon,
Thick-Restart Lanczos Method for Large Symmetric Eigenvalue Problems (SIAM Journal on Matrix Analysis and Applications
2000).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.linalg.protocols import MaskedOperator, SymmetricOperator, dimension
from landscape.linalg.vectors import inner, length, unit
from landscape.processes import Processes
from landscape.results import Floats, Integers, LanczosState

ROWS = 16  # the basis grows by so many vectors at a time
SMALL = 1e-2  # products below this share of ‖T‖ count as so long, where errors are relative to their length


@dataclass
class Block:
    """A block of T, from one start: the values that a restart kept, followed by a tridiagonal part.

    A kept vector y has Hy = value · y + coupling · u, where u is the basis vector after the kept ones. The values are
    the first part of T's diagonal, the couplings the entries of u's row below them.
    """

    values: list[float] = field(default_factory=list)
    couplings: list[float] = field(default_factory=list)
    alphas: list[float] = field(default_factory=list)  # the diagonal
    betas: list[float] = field(
        default_factory=list
    )  # beside the diagonal; the last couples the block with the next basis vector


class Krylov:
    """The basis, which grows by one vector a product, and which ``restart`` makes small again.

    Each new vector is made orthogonal to all earlier ones, by classical Gram-Schmidt applied twice: without it, copies
    of the eigenvalues that converged first would appear repeatedly. T has a single block until the space is invariant,
    and one more for each time it was. Where processes share out the operator's batches, each holds its slice of every
    vector; inner products are summed over them.

    Only this class changes its counters; ``state`` returns them and ``resume_from`` takes them over.

    Attributes:
        size: The dimension of the space in which eigenvectors can lie.
        rows: The most vectors that the basis may have; None for no bound.
        count: m, the number of basis vectors.
        products: The number of products used, those before a restart or in an earlier run included.
        draws: The number of random vectors drawn.
        top: How many of T's largest eigenvalues no restart has dropped.
        bottom: How many of its smallest.
        blocks: T, block by block; the basis has the same order.
        invariant: Whether the basis spans an invariant space, up to rounding.
        complete: Whether that is the whole space, so that no eigenvalue is missing.
        asymmetry: The largest |uᵀHv - vᵀHu| / ‖Hv‖ seen over pairs of basis vectors u, v; where ‖Hv‖ is below a
            hundredth of ‖T‖, divided by that.
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
        products: int = 0,
    ) -> None:
        """Start anew or from an earlier state.

        Args:
            H: The operator (n, n).
            generator: Of the random vectors; one with the seed of the earlier run to continue it.
            start: A vector (n,) to start from, to which a random one of the same length is added.
            rows: The most vectors that the basis may have.
            resume_from: The state to continue.
            products: The number of products used before, for a run that starts anew.
        """
        self.H = H
        self.processes: Processes = getattr(H, "processes", Processes())
        self.generator = self.processes.own_generator(generator)
        self.size = dimension(H)
        self.top = self.bottom = self.size
        self.rows = rows
        self.products = products
        self.count = self.draws = 0
        self.blocks: list[Block] = []
        self.complete = False
        self.invariant = True
        self.asymmetry = 0.0
        self.scale = 0.0
        self._pieces: list[
            Tensor
        ] = []  # (ROWS, n), the last one only what ``rows`` leaves: the basis grows without copies
        if resume_from is not None:
            self._resume(resume_from)
            return
        self._next = self._random()
        if start is not None and self.processes.anywhere(bool(start.any())):
            start = self._project(start.to(self._next))
            self._next = self._unit(self._unit(start) + self._next)

    @property
    def resolution(self) -> float:
        """The rounding error of an eigenvalue or a residual: smaller values count as zero."""
        return 10 * torch.finfo(self._next.dtype).eps * self.scale

    @property
    def product_error(self) -> float:
        """The error of a residual beside rounding, of an operator with inexact products: its ``relative_error``."""
        return getattr(self.H, "relative_error", 0.0) * self.scale

    @property
    def following(self) -> Tensor:
        """The vector (n,) to be multiplied next; zeros where the space is invariant."""
        return torch.zeros_like(self._next) if self.invariant else self._next

    @property
    def full(self) -> bool:
        """Whether the basis has no room left, so that ``restart`` has to make some."""
        return self.rows is not None and self.count >= self.rows

    def multiply(self, vector: Tensor) -> Tensor:
        """Return the operator's product with a vector (n,), and count it."""
        self.products += 1
        return self.H @ vector

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
        image = self.multiply(self._next)
        image = self.processes.own(image)
        # float64 for what enters T, the operator's dtype for the basis
        alpha = self.processes.summed(inner(vector, image))
        norm = self._length(image)
        rest, along = self._orthogonalised(image)
        rest, _ = self._orthogonalised(rest)
        beta = self._length(rest)
        # Earlier steps computed uᵀHv for the earlier vectors u: ``before`` for the last, or the couplings of those that
        # a restart kept, and zero for the others.
        along[-1] = 0
        if block.alphas:
            along[-2] -= before
        elif block.couplings:
            along[-1 - len(block.couplings) : -1] -= along.new_tensor(block.couplings)
        # One synchronisation with the device for each product.
        a, b, size, defect = torch.stack([alpha, beta, norm, along.abs().max().double()]).tolist()
        if not (math.isfinite(a) and math.isfinite(b)):
            raise ValueError("the operator's product with a vector is not finite: check the parameters and the loss")
        block.alphas.append(a)
        block.betas.append(b)
        self.scale = max(self.scale, before + abs(a) + b)
        size = max(size, SMALL * self.scale)  # the product with an eigenvector of zero is rounding alone
        self.asymmetry = max(self.asymmetry, defect / size if size else 0.0)
        self.complete = self.count == self.size
        self.invariant = b <= self.resolution
        self._next = self._whole(rest if self.invariant else rest / b)

    def ends(self, kept: NDArray[np.bool_]) -> tuple[int, int]:
        """Return how many of T's largest and of its smallest eigenvalues no restart has dropped, this one included.

        Args:
            kept: (m,) for T's eigenvalues, largest first, whether a restart keeps them.
        """
        if kept.all():
            return self.top, self.bottom
        return min(self.top, int(np.argmin(kept))), min(self.bottom, int(np.argmin(kept[::-1])))

    def restart(self, kept: NDArray[np.bool_], blocks: Sequence[Block], coordinates: Floats) -> None:
        """Replace the basis by p of its combinations, in place; that takes the memory of one more vector.

        Args:
            kept: (m,) which of T's eigenvalues are kept, largest first.
            blocks: T's blocks, with the kept eigenvalues as ``values`` and ``couplings``.
            coordinates: (m, p) the kept eigenvectors in the basis, one a column, in the order of the blocks.
        """
        self.top, self.bottom = self.ends(kept)
        count = coordinates.shape[1]
        weights = torch.from_numpy(coordinates).to(self._next)
        length = len(self.processes.own(self._next))
        width = max(1, length // count)
        for left in range(0, length, width):
            columns = slice(left, min(left + width, length))
            combined = weights.new_zeros(count, columns.stop - left)
            for first, rows in self._rows():
                combined.addmm_(weights[first : first + len(rows)].T, rows[:, columns])
            for first, rows in self._rows():
                rows[: max(0, count - first), columns] = combined[first : first + len(rows)]
        self.count = count
        self.blocks = list(blocks)
        del self._pieces[math.ceil(count / ROWS) :]

    def combine(self, coordinates: Tensor) -> Tensor:
        """Return the unit vector (n,) in the direction that has these coordinates (m,) in the basis.

        A vector of the basis is returned as it is: dividing it by its norm once more would change its last bits.
        """
        places = coordinates.nonzero()
        if len(places) == 1 and coordinates[places[0]] == 1:
            first, place = divmod(int(places[0]), ROWS)
            return self._whole(self._pieces[first][place].clone())
        coordinates = coordinates.to(self._next)
        result = torch.zeros_like(self.processes.own(self._next))
        for first, rows in self._rows():
            result.addmv_(rows.T, coordinates[first : first + len(rows)])
        vector = self._whole(result)
        return vector.div_(length(vector, self.processes).to(vector.dtype))

    def free(self) -> None:
        """Free the basis: nothing can be computed from it any more, and no step taken."""
        self._pieces = []

    def state(
        self,
        kept: NDArray[np.bool_],
        *,
        values: Floats,
        vectors: NDArray[np.floating[Any]],
        couplings: Floats,
        blocks: Integers,
        residual: float,
    ) -> LanczosState:
        """Return the state from which a later run continues; the arguments describe the kept eigenvectors."""
        top, bottom = self.ends(kept)
        return LanczosState(
            values=values,
            vectors=vectors,
            couplings=couplings,
            blocks=blocks,
            following=self.following.cpu().numpy(),
            size=self.size,
            top=top,
            bottom=bottom,
            complete=self.complete,
            products=self.products,
            draws=self.draws,
            asymmetry=self.asymmetry,
            scale=self.scale,
            residual=residual,
        )

    def _length(self, piece: Tensor) -> Tensor:
        """Return the norm (), in float64, of a vector of which each process has a slice."""
        norm = torch.linalg.vector_norm(piece, dtype=torch.float64)
        return norm if self.processes.count == 1 else self.processes.summed(norm.square()).sqrt()

    def _whole(self, piece: Tensor) -> Tensor:
        return self.processes.whole(piece, int(self.H.shape[0]))

    def _append(self, vector: Tensor) -> Tensor:
        """Add a vector (n,) to the basis; return this process's slice of it, as it is stored."""
        vector = self.processes.own(vector)
        place = self.count % ROWS
        if place == 0:
            left = ROWS if self.rows is None else min(ROWS, self.rows - self.count)
            self._pieces.append(vector.new_empty(left, len(vector)))
        self._pieces[-1][place] = vector
        self.count += 1
        return self._pieces[-1][place]

    def _rows(self) -> Iterator[tuple[int, Tensor]]:
        """Yield the basis vectors, piece by piece, with the number of the piece's first vector."""
        for first, piece in zip(range(0, self.count, ROWS), self._pieces, strict=True):
            yield first, piece[: self.count - first]

    def _orthogonalised(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Return a slice without its components in the basis, subtracted once, and those components (m,)."""
        components = self.processes.summed(torch.cat([rows @ vector for _, rows in self._rows()]))
        for first, rows in self._rows():
            vector = torch.addmv(vector, rows.T, components[first : first + len(rows)], alpha=-1)
        return vector, components

    def _random(self) -> Tensor:
        """Return a random unit vector, orthogonal to the basis."""
        vector = self._project(self._draw().to(self.H.device, self.H.dtype))
        if not self.count:
            return self._unit(vector)
        piece = self.processes.own(vector)
        for _ in range(2):
            piece, _ = self._orthogonalised(piece)
        return self._unit(self._whole(piece))

    def _unit(self, vector: Tensor) -> Tensor:
        return unit(vector, self.processes)

    def _draw(self) -> Tensor:
        self.draws += 1
        return torch.randn(int(self.H.shape[0]), generator=self.generator, dtype=torch.float64)

    def _resume(self, resume_from: LanczosState) -> None:
        """Take over a basis with its counters and measurements."""
        while self.draws < resume_from.draws:  # earlier draws lie in the basis: skip them
            self._draw()
        self.blocks = [Block() for _ in range(resume_from.blocks.max() + 1)]
        for place in np.argsort(resume_from.blocks, kind="stable"):
            block = self.blocks[resume_from.blocks[place]]
            block.values.append(float(resume_from.values[place]))
            block.couplings.append(float(resume_from.couplings[place]))
            self._append(self._like(resume_from.vectors[place]))
        self._next = self._like(resume_from.following)
        self.invariant = not self.processes.anywhere(bool(self._next.any()))
        self.products, self.asymmetry, self.scale = resume_from.products, resume_from.asymmetry, resume_from.scale
        self.top, self.bottom, self.complete = resume_from.top, resume_from.bottom, resume_from.complete

    def _like(self, vector: NDArray[np.floating[Any]]) -> Tensor:
        return torch.tensor(vector, dtype=self.H.dtype, device=self.H.device)

    def _project(self, vector: Tensor) -> Tensor:
        return self.H.project(vector) if isinstance(self.H, MaskedOperator) else vector
