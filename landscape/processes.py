"""Several processes that share out the batches of one loss, and the entries of long vectors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import ProcessGroup

T = TypeVar("T")


class OtherProcessError(RuntimeError):
    """Another process has failed, and says why itself."""


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

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return 0 if self.group is None else dist.get_rank(self.group)

    def summed(self, tensor: Tensor) -> Tensor:
        """Return the sum of the processes' tensors; the tensor itself may be overwritten."""
        if self.group is None:
            return tensor
        tensor = tensor.contiguous()
        with self._together():
            dist.all_reduce(tensor, group=self.group)
        return tensor

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Put the sum over the processes in place of each parameter's gradient; the same have one in all of them.

        Dense gradients are sent together. Sparse ones keep their form, with the rows that any process has.
        """
        if self.group is None:
            return
        dense: dict[torch.dtype, list[Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is None:
                continue
            if parameter.grad.is_sparse:
                parameter.grad = self._summed_rows(parameter.grad.coalesce())
            else:
                dense.setdefault(parameter.grad.dtype, []).append(parameter.grad)
        for gradients in dense.values():
            flat = self.summed(torch.cat([gradient.flatten() for gradient in gradients]))
            sums = flat.split([gradient.numel() for gradient in gradients])
            views = [own.view_as(gradient) for own, gradient in zip(sums, gradients, strict=True)]
            torch._foreach_copy_(gradients, views)

    def _summed_rows(self, gradient: Tensor) -> Tensor:
        """Return the sum of coalesced sparse gradients (n, …) by rows."""
        (mine,) = gradient.indices()
        present = torch.zeros(len(gradient), dtype=torch.int32, device=gradient.device)
        present[mine] = 1
        rows = self.summed(present).nonzero().flatten()
        values = gradient.values().new_zeros(len(rows), *gradient.shape[1:])
        values[torch.searchsorted(rows, mine)] = gradient.values()
        return torch.sparse_coo_tensor(rows[None], self.summed(values), gradient.shape, is_coalesced=True)

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
            OtherProcessError: It failed in another process, whose message it has. Its own error where it failed.
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
                raise OtherProcessError(f"process {rank} of {self.count}: {text}")
        return result  # type: ignore[return-value]  # no error, so it is set

    def from_first(self, function: Callable[[], T]) -> T:
        """Return what the function returns in the first process; the others do not call it.

        Raises:
            OtherProcessError: It failed there; the message is that process's. Its own error in the first process.
        """
        if self.group is None:
            return function()
        outcome: list[Any] = [None, None]
        error = None
        if self.rank == 0:
            try:
                outcome[0] = function()
            except Exception as problem:
                error, outcome[1] = problem, str(problem)
        with self._together():
            dist.broadcast_object_list(outcome, src=dist.get_global_rank(self.group, 0), group=self.group)
        if error is not None:
            raise error
        if outcome[1] is not None:
            raise OtherProcessError(f"process 0 of {self.count}: {outcome[1]}")
        result: T = outcome[0]
        return result

    def own(self, vector: Tensor) -> Tensor:
        """Return this process's slice of a vector (n,); all slices have ceil(n / count) entries, zeros at the end."""
        if self.group is None:
            return vector
        width, rank = self.width(len(vector)), self.rank
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
    def talking(self) -> Iterator[None]:
        """Raise a ConnectionError where code that sends by itself, as FSDP does, finds that another process has ended.

        Other errors of that code pass.
        """
        try:
            yield
        except RuntimeError as problem:
            if isinstance(problem, dist.DistError) or "gloo" in str(problem):
                raise self._ended(problem) from problem
            raise

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Raise a ConnectionError where another process does not take part any more."""
        try:
            yield
        except RuntimeError as problem:
            raise self._ended(problem) from problem

    def _ended(self, problem: RuntimeError) -> ConnectionError:
        reason = str(problem).splitlines()[0].split(". ")[0] if str(problem) else type(problem).__name__
        return ConnectionError(f"another of the {self.count} processes has ended: {reason}")

    def width(self, length: int) -> int:
        """Return the length of a slice of a vector of this length."""
        return math.ceil(length / self.count)

    @property
    def sliced(self) -> bool:
        """Whether the vectors of an analysis are slices, one in each process, which make up the whole one together."""
        return False

    def across(self, tensor: Tensor) -> Tensor:
        """Return the sum, over the slices of a vector, of what was computed from each; a whole vector is one slice."""
        return tensor

    def anywhere(self, flag: bool) -> bool:
        """Return whether the flag is set in any process that has a slice of the vector."""
        return flag

    def own_generator(self, generator: torch.Generator) -> torch.Generator:
        """Return the source of random numbers for this process's part of a vector."""
        return generator

    def require_equal(self, tensor: Tensor, name: str, remedy: str = "load the same weights in all processes") -> None:
        """Compare a vector among the processes, by its sums.

        Raises:
            ValueError: It is not the same in all of them.
        """
        numbers = tensor.detach().double()
        sums = (len(tensor), float(numbers.sum()), float(numbers.square().sum()))
        for rank, other in enumerate(self.gathered(sums)):
            if torch.tensor(other).nan_to_num().ne(torch.tensor(sums).nan_to_num()).any():
                raise ValueError(f"{name} of process {rank} and of process {self.rank} are not the same; {remedy}")

    def require_same(self, values: Mapping[str, Any]) -> None:
        """Compare plain values, such as settings and hashes of files, among the processes.

        Raises:
            ValueError: One is not the same in all of them; the message names it.
        """
        first, *others = self.gathered(dict(values))
        for rank, other in enumerate(others, 1):
            for name in dict.fromkeys([*first, *other]):
                if first.get(name) != other.get(name):
                    raise ValueError(
                        f"{name} is {other.get(name)!r} in process {rank} of {self.count} and {first.get(name)!r} in "
                        "the first; give all processes the same files and options"
                    )


class SlicedProcesses(Processes):
    """Processes that hold slices of every vector, of whatever lengths: none of them ever has a whole one.

    Nothing is cut or put together: ``own`` and ``whole`` return what they are given, and inner products, norms and
    flags are those of all slices.
    """

    @property
    def sliced(self) -> bool:
        """Whether the vectors of an analysis are slices, one in each process, which make up the whole one together."""
        return True

    def across(self, tensor: Tensor) -> Tensor:
        """Return the sum, over the slices of a vector, of what was computed from each; a whole vector is one slice."""
        return self.summed(tensor)

    def anywhere(self, flag: bool) -> bool:
        """Return whether the flag is set in any process that has a slice of the vector."""
        return any(self.gathered(flag))

    def own_generator(self, generator: torch.Generator) -> torch.Generator:
        """Return the source of random numbers for this process's part of a vector: the same would repeat them."""
        text = f"{generator.initial_seed()}:{self.rank}"
        return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1)

    def own(self, vector: Tensor) -> Tensor:
        """Return the slice itself."""
        return vector

    def whole(self, piece: Tensor, length: int) -> Tensor:
        """Return the slice itself."""
        return piece

    def width(self, length: int) -> int:
        """Return the length of the longest slice."""
        return max(self.gathered(length))


ALONE = Processes()


def refuse_slices(processes: Processes, name: str) -> None:
    """Refuse vectors of which each process has a slice.

    Args:
        processes: Those of the vectors.
        name: Of the analysis, in the error.

    Raises:
        ValueError: The vectors are slices.
    """
    if processes.sliced:
        raise ValueError(
            f"{name} needs whole vectors, and a ShardedObjective has a slice of them in each process; load the model's "
            "whole weights (get_model_state_dict, full_state_dict=True) into one that is not sharded, for an Objective"
        )
