"""How much memory a product with a curvature operator takes, before it is computed."""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from landscape.objectives.autograd import Graph, Graphs
from landscape.objectives.batches import batch_bytes
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.processes import ALONE

WITHOUT_DATA = 2**26  # bytes of a vector from which shapes alone are followed: that starts in seconds, and takes none


class ProductMemory(NamedTuple):
    """The bytes that products with an operator take beside the model, its data and a Krylov basis."""

    graphs: int  # of graphs kept between products
    product: int  # of the rest at its peak: vectors, and one batch's computation

    @property
    def total(self) -> int:
        """Both."""
        return self.graphs + self.product


def product_memory(operator: CurvatureOperator) -> ProductMemory | None:
    """Measure what products take, by one product with the largest of this process's batches alone.

    All tensors that are alive at a time are counted, each storage once. The other batches are taken to need as much as
    this one. Vectors of 64 MiB or more are multiplied without data, by torch's ``FakeTensor``: shapes alone decide
    what is allocated, and nothing is.

    Two batches of 100 rows; graphs of both are kept:

    >>> from landscape.operators.hessian import HessianOperator
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 50), torch.nn.Tanh(), torch.nn.Linear(50, 1))
    >>> def loss(model, x):
    ...     return model(x).square().sum(), len(x)
    >>> H = HessianOperator(Objective(model, loss, [torch.ones(100, 2), torch.ones(90, 2)]))
    >>> product_memory(H).graphs // 1000
    81

    Args:
        operator: Any, by exact products.

    Returns:
        None where it cannot be measured: products are differences, there is no batch here, or the loss refuses it.
    """
    objective = operator.multiplied
    if objective is None or objective.processes.sliced or not objective.batches or operator.method:
        return None
    modes: list[Callable[[], AbstractContextManager[Any]]] = [nullcontext]
    if objective.params.nbytes >= WITHOUT_DATA:
        modes.insert(0, _without_data)
    for mode in modes:
        try:
            return _measured(operator, objective, mode)
        except torch.OutOfMemoryError:
            raise
        except Exception:
            continue
    return None


def _measured(
    operator: CurvatureOperator, objective: Objective[Any], mode: Callable[[], AbstractContextManager[Any]]
) -> ProductMemory:
    _ = objective.scales  # they take data, and are kept
    part = copy.copy(objective)
    part.batches, part.processes = [max(objective.batches, key=batch_bytes)], ALONE
    with mode() as shapes, _Live() as live, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if shapes is not None:
            part.params = shapes.from_tensor(objective.params)
            part.fixed = {name: shapes.from_tensor(tensor) for name, tensor in objective.fixed.items()}
        graphs = _MeasuredGraphs(part.params.clone().requires_grad_(), live)
        operator.multiply_alone(part, graphs, torch.ones_like(part.params))
    all_graphs = graphs.cost * len(objective.batches)
    if all_graphs <= operator.retain:  # the peak has one of them
        return ProductMemory(all_graphs, live.peak - graphs.cost)
    return ProductMemory(operator.retain, live.peak)


def _without_data() -> AbstractContextManager[Any]:
    from torch._subclasses.fake_tensor import FakeTensorMode  # here: it takes seconds

    mode: AbstractContextManager[Any] = FakeTensorMode(allow_non_fake_inputs=True)
    return mode


class _Live(TorchDispatchMode):
    """Counts the bytes of all storages that operations return, as long as these live.

    Attributes:
        now: The bytes that are alive.
        peak: The most that were.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation, and count what it returns."""
        returned = func(*args, **(kwargs or {}))
        for value in tree_iter(returned):
            if isinstance(value, Tensor):
                self._count(value.untyped_storage())
        return returned

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata  # noqa: SLF001 (the storage itself, under whatever object of Python)
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.now += self._sizes[key]
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.now -= self._sizes.pop(key)


class _MeasuredGraphs(Graphs):
    """Graphs that are all kept, and the bytes of the last one."""

    def __init__(self, theta: Tensor, live: _Live) -> None:
        super().__init__(theta)
        self.cost = 0
        self._live = live

    def kept(self, index: int, build: Callable[[], Graph]) -> Graph | None:
        """Return the graph, built now."""
        before = self._live.now
        graph = build()
        self.cost = self._live.now - before
        return graph
