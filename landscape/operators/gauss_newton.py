"""The generalised Gauss-Newton matrix of an objective as a linear operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import CheckpointError

from landscape.objectives.autograd import RETAINED, Graph, Graphs, edge, pullback
from landscape.objectives.composite_loss import CompositeLoss, Outputs, like, tensors_of
from landscape.objectives.loss_terms import named_terms
from landscape.objectives.objective import Objective, _weighted
from landscape.operators.base import CurvatureOperator

# The map M of a batch: (outputs z, their tangents, the batch) -> cotangents of z, a tensor for each of z's.
Middle = Callable[[Outputs, Sequence[Tensor], Any], Sequence[Tensor]]


class GaussNewtonOperator(CurvatureOperator):
    """G = Σ_b J_bᵀ (∇²_z ℓ_b) J_b at ``params``, on the coordinates that take part, without storing a matrix.

    z are the network's outputs in batch b, J_b = ∂z/∂θ, and ℓ_b(z) = Σ_p w_p · sum_pb(z) / (Σ_b count_pb) is what the
    batch adds to the objective L: the matrix has the objective's weights and its exact mean over terms. G is the
    Hessian of L with the network replaced by its linearisation at ``params`` (Schraudolph 2002), so that both are
    equal where z is linear in θ. It is symmetric, and positive semidefinite when ``outer`` is convex in z and no
    weight w_p is negative.

    Arguments and attributes are those of every ``CurvatureOperator``. Batches whose graphs are retained are multiplied
    by differentiating Jᵀu by u, the others in forward mode: ``retain`` changes the rounding.

    Raises:
        ValueError: The objective's loss is no ``CompositeLoss``, nor has one as its attribute ``split``. In a product: the
            outputs are no tensors.
        NotImplementedError: In a product: an operation of the network has no forward-mode derivative, and not all
            graphs are retained.
        CheckpointError: In a product: the network checkpoints activations, and not all graphs are retained.
    """

    name = "gauss-newton"

    def __init__(self, objective: Objective[Any], params: Tensor | None = None, *, retain: int = RETAINED) -> None:
        super().__init__(objective, params, retain=retain)
        loss = getattr(objective.loss, "split", objective.loss)
        if not isinstance(loss, CompositeLoss):
            raise ValueError(
                "a Gauss-Newton matrix needs to know where the network ends and the convex loss begins; "
                f"{getattr(loss, '__name__', type(loss).__name__)!r} does not say. "
                "Give the objective CompositeLoss(outputs, outer) as its loss, with outputs(model, batch) -> z and "
                "outer(z, batch) -> (sum, count)"
            )
        self.split: CompositeLoss[Any] = loss

    def _products(self, vectors: Tensor) -> Tensor:
        return jacobian_product(self.objective, self.split.outputs, self._outer_products, vectors, self._graphs)

    def _outer_products(self, outputs: Outputs, tangents: Sequence[Tensor], batch: Any) -> Sequence[Tensor]:
        """∇²_z ℓ_b times the tangents, by differentiating ``outer`` twice."""
        scales = self.objective._scales
        leaves = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in tensors_of(outputs)]
        # Clones, since `outer` may write to what it is given (scores of padding set to −∞).
        terms = named_terms(self.split.outer(like(outputs, [leaf.clone() for leaf in leaves]), batch))
        loss = _weighted([terms[part][0] for part in self.objective._parts], scales)
        gradients = pullback([loss], leaves, create_graph=True)
        return pullback(gradients, leaves, tangents)


def jacobian_product(
    objective: Objective[Any],
    function: Callable[[Any, Any], Any],
    middle: Middle,
    vectors: Tensor,
    graphs: Graphs,
) -> Tensor:
    """Σ_b J_bᵀ M_b J_b v for the Jacobians J_b of ``function(model, batch)`` with respect to θ.

    Args:
        objective: Of which the model, the batches and the coordinates that take part are used.
        function: Its outputs z are a tensor or a tuple of tensors.
        middle: ``middle(z, tangents, batch)`` multiplies M_b by the tangents, one for each tensor of z.
        vectors: v (n,), or several as (m, n).
        graphs: Of this function at a point θ, of which those that are kept are used again.

    Returns:
        The shape of ``vectors``.
    """
    call, theta = Calling(objective.model, function), graphs.theta
    rows = objective.space.project(vectors.detach()).reshape(-1, objective.space.size)  # (m, n)
    products = torch.zeros_like(rows)
    # Fused attention has neither a forward-mode nor a second derivative.
    with objective._mode(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        for index, batch in enumerate(objective.batches):
            graph = graphs.kept(index, partial(_transposed, objective, call, theta, index))
            # On a small Transformer, a product on a retained graph takes 4 times the floating-point operations of a
            # forward pass, and 5 in forward mode. Making the graph anew takes 3 more, for however many vectors.
            for row, v in zip(products, rows, strict=True):
                try:
                    outputs, tangents = (
                        _jvp_from_graph(graph, v) if graph else _forward(objective, call, theta, v, index)
                    )
                    primals = tensors_of(outputs)
                    cotangents = middle(like(outputs, [z.detach() for z in primals]), tangents, batch)
                    row += pullback(primals, [theta], cotangents, retain_graph=graph is not None)[0]
                except (NotImplementedError, CheckpointError) as problem:
                    problem.add_note(
                        "The product with a Jacobian is found in forward mode where graphs are not retained: give a "
                        "torch.autograd.Function of your own a jvp and leave out activation checkpointing, or retain "
                        "more bytes."
                    )
                    raise
    return objective.space.project(products).reshape(vectors.shape)


def _forward(
    objective: Objective[Any], call: nn.Module, theta: Tensor, v: Tensor, index: int
) -> tuple[Outputs, list[Tensor]]:
    """A batch's outputs z, with their graph, and Jv in forward mode beside it."""
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(theta, v)  # type: ignore[no-untyped-call]  # torch has no types here
        outputs = objective._called(call, dual, objective.batches[index], index)
        pairs = [forward_ad.unpack_dual(tensor) for tensor in tensors_of(outputs)]  # type: ignore[no-untyped-call]
    # Jᵀ only after the level has ended: within it, the backward pass would be differentiated as well.
    tangents = [torch.zeros_like(z) if tangent is None else tangent.detach() for z, tangent in pairs]
    return like(outputs, [z for z, _ in pairs]), tangents


def _transposed(objective: Objective[Any], call: nn.Module, theta: Tensor, index: int) -> Graph:
    """A batch's Jᵀu as a function of u."""
    outputs = objective._called(call, theta, objective.batches[index], index)
    primals = tensors_of(outputs)
    cotangents = tuple(torch.zeros_like(z).requires_grad_(z.is_floating_point()) for z in primals)
    (image,) = pullback(primals, [theta], cotangents, create_graph=True)
    return Graph(edge(image), outputs, cotangents)


def _jvp_from_graph(graph: Graph, v: Tensor) -> tuple[Outputs, list[Tensor]]:
    """The same as ``_forward`` from a retained graph: Jᵀu is linear in u, and its derivative by u along v is Jv."""
    return graph.outputs, pullback([graph.derivative], graph.cotangents, [v], retain_graph=True)


class Calling(nn.Module):
    """A model and a function of it and a batch as one module, whose parameters can be replaced."""

    def __init__(self, model: nn.Module, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, batch: Any) -> Any:
        """What the function returns for one batch."""
        return self.function(self.model, batch)
