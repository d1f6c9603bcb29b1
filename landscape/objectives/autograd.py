"""Derivatives by the parameters, and their graphs, which are kept between products as far as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakSet

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge, saved_tensors_hooks

from landscape.objectives.composite_loss import Outputs, tensors_of

RETAINED = 2**30  # bytes; a Hessian product on kept graphs leaves out 3 of its 9 passes, a Gauss-Newton one 1 of 5


def derivative(
    outputs: Tensor | GradientEdge,
    theta: Tensor,
    vector: Tensor | None = None,
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
) -> Tensor:
    """Return the derivative (n,) by θ of a scalar, or of the outputs' product with a vector; see ``pullback``."""
    cotangents = None if vector is None else [vector]
    return pullback([outputs], [theta], cotangents, create_graph=create_graph, retain_graph=retain_graph)[0]


def pullback(
    outputs: Sequence[Tensor | GradientEdge],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    *,
    create_graph: bool = False,
    retain_graph: bool = False,
) -> list[Tensor]:
    """Return the cotangents of the inputs, zeros for those on which no output depends.

    Args:
        outputs: Tensors, or edges of their graphs.
        inputs: Leaves of these graphs.
        cotangents: One for each output; 1 by default, for scalars.
        create_graph: Whether the result will be differentiated again.
        retain_graph: Whether the graph of the outputs is needed again.

    Raises:
        RuntimeError: With ``create_graph``, an operation cannot be differentiated again.
    """
    given: Sequence[Tensor | None] = cotangents if cotangents is not None else [None] * len(outputs)
    pairs = [
        (output, cotangent)
        for output, cotangent in zip(outputs, given, strict=True)
        if isinstance(output, GradientEdge) or output.requires_grad
    ]
    free = [tensor for tensor in inputs if tensor.requires_grad]
    if not pairs or not free:  # a batch that touches no parameter, or a loss that is linear in them
        return [torch.zeros_like(tensor) for tensor in inputs]
    # autograd.grad, never backward(create_graph=True): that ties .grad to the graph, and memory grows by each product.
    computed = torch.autograd.grad(
        [output for output, _ in pairs],  # type: ignore[arg-type]  # torch takes edges and tensors side by side
        free,
        [cotangent for _, cotangent in pairs],
        create_graph=create_graph,
        retain_graph=create_graph or retain_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    if create_graph:
        _require_second_derivative(computed)
    derivatives = iter(computed)
    return [next(derivatives) if tensor.requires_grad else torch.zeros_like(tensor) for tensor in inputs]


def graph_nodes(outputs: Iterable[Tensor]) -> Iterator[Node]:
    """Return all nodes of the graphs of these tensors, each once."""
    waiting = [output.grad_fn for output in outputs if output.grad_fn is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        yield node
        new = {following for following, _ in node.next_functions if following is not None} - seen
        seen |= new
        waiting += new


def _require_second_derivative(derivatives: Iterable[Tensor]) -> None:
    # torch ends the graph there, and raises only where nothing else leads to θ: its part of a product would be missing.
    if any(node.name() == "torch::autograd::Error" for node in graph_nodes(derivatives)):
        raise RuntimeError(
            "trying to differentiate twice: the loss uses a function that was marked with @once_differentiable"
        )


def edge(tensor: Tensor) -> Tensor | GradientEdge:
    """Return the tensor's graph without its values; the tensor itself where it has no graph."""
    return get_gradient_edge(tensor) if tensor.requires_grad else tensor


class Graph(NamedTuple):
    """A batch's first derivative by θ, ready to be differentiated again."""

    derivative: Tensor | GradientEdge  # ∇L_b, or Jᵀu as a function of u; an edge keeps the graph without the values
    outputs: Outputs = ()  # z, from which a pass back through J starts
    cotangents: tuple[Tensor, ...] = ()  # u, one for each tensor of z


class Graphs:
    """Graphs of an objective's batches at one point, which all products with vectors there share.

    The first batches' graphs are kept, as many as fit. The cost of a graph is measured when it is built: the storages
    of all tensors that it holds, counted once, without θ and the ``owned`` ones. All are freed with this object.

    Args:
        theta: The point (n,), the leaf by which all graphs differentiate.
        limit: The bytes to keep; 0 for none.
        owned: Tensors that stay in memory anyway.

    Attributes:
        forward_mode: Whether products on graphs that are not kept may be computed in forward mode.
        cause: Why Jacobians are multiplied by differences of outputs; empty where they are not.
        relative_error: Of those differences.

    Raises:
        ValueError: The limit is negative.
    """

    def __init__(self, theta: Tensor, limit: int = 0, owned: Iterable[Tensor] = ()) -> None:
        if limit < 0:
            raise ValueError(f"retain={limit} must not be negative; it is a number of bytes, 0 for none")
        self.theta = theta
        self.forward_mode = True
        self.cause = ""
        self.relative_error = 0.0
        self._left = limit
        self._owned = {_address(tensor) for tensor in (theta, *owned)}
        self._kept: list[Graph] = []

    def kept(self, index: int, build: Callable[[], Graph]) -> Graph | None:
        """Return the graph of a batch that is kept, built at the first call; None for one that does not fit.

        Batches have to be requested in their order. After one that does not fit, no other is tried.
        """
        if index < len(self._kept):
            return self._kept[index]
        if self._left <= 0:
            return None
        try:
            graph, held = _measure_graph(build)
        except RuntimeError:  # out of memory, or a loss that refuses hooks, as torch.func's transforms do
            self._kept.clear()
            self._left = 0
            return None
        cost = sum(size for address, size in held.items() if address not in self._owned)
        if cost > self._left:
            self._left = 0
            return None
        self._left -= cost
        self._kept.append(graph)
        return graph


@dataclass(eq=False, slots=True, weakref_slot=True)
class _Saved:
    """A tensor that a graph holds, with its version: torch checks these only where there are no hooks."""

    tensor: Tensor
    version: int

    @classmethod
    def pack(cls, tensor: Tensor) -> _Saved:
        # Detached: with its graph, which holds it, it would never be freed.
        return cls(tensor.detach(), tensor._version)

    def unpack(self) -> Tensor:
        if self.tensor._version != self.version:
            raise RuntimeError(
                f"a tensor {tuple(self.tensor.shape)} that a product needs was changed in place after an earlier one; "
                "make a new objective when data change, and write to copies in the loss"
            )
        return self.tensor


def _measure_graph(build: Callable[[], Graph]) -> tuple[Graph, dict[int, int]]:
    """Build a graph; return it with the bytes of the storages that it holds by their address."""
    alive: WeakSet[_Saved] = WeakSet()  # tensors for the first derivative alone are freed once it is computed

    def pack(tensor: Tensor) -> _Saved:
        saved = _Saved.pack(tensor)
        alive.add(saved)
        return saved

    with saved_tensors_hooks(pack, _Saved.unpack):
        graph = build()
    values = [graph.derivative] if isinstance(graph.derivative, Tensor) else []
    held = [saved.tensor for saved in alive] + values + [*tensors_of(graph.outputs), *graph.cotangents]
    return graph, {_address(tensor): tensor.untyped_storage().nbytes() for tensor in held}


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
