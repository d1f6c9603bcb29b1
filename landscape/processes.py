"""Several processes that share out the batches of one loss, and the entries of long vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import ProcessGroup

T = TypeVar("T")


class Processes:
    """A group of processes; without one, this process alone, where nothing is sent.

    All processes call the same methods in the same order, and get the same numbers to the last bit.

    Args:
        group: Of torch.distributed, which has to be initialised.

    Raises:
        ConnectionError: In any method: another process has ended.
    """

    def __init__(self, group: ProcessGroup | None = None) -> None:
        self.group = group

    @property
    def count(self) -> int:
        """The number of processes."""
        return 1 if self.group is None else dist.get_world_size(self.group)

    def summed(self, tensor: Tensor) -> Tensor:
        """Return the sum of the processes' tensors; the tensor itself may be overwritten."""
        if self.group is None:
            return tensor
        tensor = tensor.contiguous()
        with self._together():
            dist.all_reduce(tensor, group=self.group)
        return tensor

    def gathered(self, value: T) -> list[T]:
        """Return each process's value, in the order of their ranks."""
        if self.group is None:
            return [value]
        values: list[T] = [value] * self.count
        with self._together():
            dist.all_gather_object(values, value, group=self.group)
        return values

    def all_or_none(self, function: Callable[[], T]) -> T:
        """Return what the function returns here, if it fails in no process.

        Raises:
            RuntimeError: It failed in another process; the message is that process's. Its own error where it failed.
        """
        if self.group is None:
            return function()
        result, error = None, None
        try:
            result = function()
        except Exception as problem:
            error = problem
        texts = self.gathered(None if error is None else str(error))
        if error is not None:
            raise error
        for rank, text in enumerate(texts):
            if text is not None:
                raise RuntimeError(f"process {rank} of {self.count}: {text}")
        return result  # type: ignore[return-value]  # no error, so it is set

    def own(self, vector: Tensor) -> Tensor:
        """Return this process's slice of a vector (n,); all slices have ceil(n / count) entries, zeros at the end."""
        if self.group is None:
            return vector
        width, rank = self.width(len(vector)), dist.get_rank(self.group)
        piece = vector[rank * width : (rank + 1) * width]
        return piece if len(piece) == width else torch.cat([piece, piece.new_zeros(width - len(piece))])

    def whole(self, piece: Tensor, length: int) -> Tensor:
        """Return the vector (n,) of this length of which each process has its ``own`` slice."""
        if self.group is None:
            return piece
        pieces = [torch.empty_like(piece) for _ in range(self.count)]
        with self._together():
            dist.all_gather(pieces, piece.contiguous(), group=self.group)
        return torch.cat(pieces)[:length]

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Raise a ConnectionError where another process does not take part any more."""
        try:
            yield
        except RuntimeError as problem:
            reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise ConnectionError(f"another of the {self.count} processes has ended: {reason}") from problem

    def width(self, length: int) -> int:
        """Return the length of a slice of a vector of this length."""
        return math.ceil(length / self.count)

    def require_equal(self, tensor: Tensor, name: str) -> None:
        """Compare a vector among the processes, by its sums.

        Raises:
            ValueError: It is not the same in all of them.
        """
        numbers = tensor.detach().double()
        sums = (len(tensor), float(numbers.sum()), float(numbers.square().sum()))
        for rank, other in enumerate(self.gathered(sums)):
            if torch.tensor(other).nan_to_num().ne(torch.tensor(sums).nan_to_num()).any():
                raise ValueError(
                    f"{name} of process {rank} and of process {dist.get_rank(self.group)} are not the same; load the "
                    "same weights in all processes"
                )
