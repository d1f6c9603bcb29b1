"""The generalised Gauss-Newton matrix of an objective as a linear operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.linalg.vectors import norm
from landscape.objectives.autograd import RETAINED, Graph, Graphs, edge, pullback
from landscape.objectives.composite_loss import CompositeLoss, Outputs, composite_of, like, tensors_of
from landscape.objectives.loss_terms import ModelFunction, named_terms, weighted_sum
from landscape.objectives.objective import Objective
from landscape.operators.base import CurvatureOperator
from landscape.operators.gradient_differences import lacks_second_derivative

# The map M of a batch: (outputs z, their tangents, the batch) -> cotangents of z, a tensor for each of z's.
Middle = Callable[[Outputs, Sequence[Tensor], Any], Sequence[Tensor]]


class GaussNewtonOperator(CurvatureOperator):
    """G = Σ_b J_bᵀ (∇²_z ℓ_b) J_b at ``params``, on the active coordinates, without storing a matrix.

    z are the network's outputs in batch b, J_b = ∂z/∂θ, and ℓ_b(z) = Σ_p w_p · sum_pb(z) / (Σ_b count_pb) is what the
    batch adds to the objective L: the matrix has the objective's weights and its exact mean over terms. G is the
    Hessian of L with the network replaced by its linearisation at ``params`` (N. Schraudolph, Fast curvature
    matrix-vector products for second-order gradient descent, Neural Computation 2002), so that both are equal where z
    is linear in θ. It is symmetric, and positive semidefinite when ``outer`` is convex in z and no
    weight w_p is negative.

    Arguments and attributes are those of every ``CurvatureOperator``. Batches whose graphs are retained are multiplied
    by differentiating Jᵀu by u, the others in forward mode: ``retain`` changes the rounding. Where the network has no
    forward-mode derivative (recurrent layers, weight norms, checkpointed activations), their graphs are made anew.
    Where an operation cannot be differentiated twice (``EmbeddingBag``), Jv are central differences of outputs: a
    warning, ``method`` and ``relative_error`` say so.

    Squares of z = w·x, the sum of two terms over x = 1 and 2, have G = 2 (1² + 2²) / 2:

    >>> loss = CompositeLoss(lambda model, x: model(x), lambda z, x: (z.square().sum(), len(x)))
    >>> objective = Objective(torch.nn.Linear(1, 1, bias=False), loss, [torch.tensor([[1.0], [2.0]])])
    >>> GaussNewtonOperator(objective) @ torch.ones(1)
    tensor([5.])

    Attributes:
        loss: The ``CompositeLoss``: the objective's loss, or its attribute ``composite``.

    Raises:
        ValueError: The objective's loss is not a ``CompositeLoss``, nor has one as its attribute ``composite``. In a
            product: the outputs are not tensors.
    """

    name = "gauss-newton"

    def __init__(self, objective: Objective[Any], params: Tensor | None = None, *, retain: int = RETAINED) -> None:
        super().__init__(objective, params, retain=retain)
        composite = composite_of(objective.loss)
        if composite is None:
            name = getattr(objective.loss, "__name__", type(objective.loss).__name__)
            raise ValueError(
                "a Gauss-Newton matrix needs to know where the network ends and the convex loss begins, and the loss "
                f"{name!r} does not say that. Give the objective CompositeLoss(outputs, outer) as its loss, with "
                "outputs(model, batch) -> z and outer(z, batch) -> (sum, count), or landscape.supervised(criterion)"
            )
        self.loss: CompositeLoss[Any] = composite

    def _products(self, vectors: Tensor) -> Tensor:
        products = jacobian_product(self.objective, self.loss.outputs, self._outer_products, vectors, self._graphs)
        self._tell_differences()
        return products

    def _outer_products(self, outputs: Outputs, tangents: Sequence[Tensor], batch: Any) -> Sequence[Tensor]:
        """Return ∇²_z ℓ_b times the tangents, by differentiating ``outer`` twice."""
        scales = self.objective.scales
        leaves = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in tensors_of(outputs)]
        # Clones, since `outer` may write to what it is given (scores of padding set to −∞).
        terms = named_terms(self.loss.outer(like(outputs, [leaf.clone() for leaf in leaves]), batch))
        loss = weighted_sum([terms[part][0] for part in self.objective.part_names], scales)
        gradients = pullback([loss], leaves, create_graph=True)
        return pullback(gradients, leaves, tangents)


def jacobian_product(
    objective: Objective[Any],
    function: Callable[[Any, Any], Any],
    middle: Middle,
    vectors: Tensor,
    graphs: Graphs,
) -> Tensor:
    """Return Σ_b J_bᵀ M_b J_b v for the Jacobians J_b of ``function(model, batch)`` with respect to θ.

    Args:
        objective: Gives the model, the batches and the active coordinates.
        function: Its outputs z are a tensor or a tuple of tensors.
        middle: ``middle(z, tangents, batch)`` multiplies M_b by the tangents, one for each tensor of z.
        vectors: v (n,), or several as (m, n).
        graphs: Of this function at a point θ; those that are kept are used again.

    Returns:
        The shape of ``vectors``.
    """
    module, theta = ModelFunction(objective.model, function), graphs.theta
    rows = objective.space.project(vectors.detach()).reshape(-1, objective.space.size)  # (m, n)
    products = torch.zeros_like(rows)

    def product(graph: Graph | None, v: Tensor, index: int) -> Tensor:
        outputs, tangents = _jvp_from_graph(graph, v) if graph else _forward(objective, module, theta, v, index)
        primals = tensors_of(outputs)
        cotangents = middle(like(outputs, [z.detach() for z in primals]), tangents, objective.batches[index])
        return pullback(primals, [theta], cotangents, retain_graph=graph is not None)[0]

    def by_differences(v: Tensor, index: int) -> Tensor:
        primals = tensors_of(outputs := objective.evaluate(module, theta, index))
        tangents = _difference(objective, module, graphs, v, index)
        cotangents = middle(like(outputs, [z.detach() for z in primals]), tangents, objective.batches[index])
        return pullback(primals, [theta], cotangents)[0]

    # Fused attention has neither a forward-mode nor a second derivative.
    with objective.mode(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        for index in range(len(objective.batches)):
            transposed = partial(_transposed, objective, module, theta, index)
            graph = graphs.kept(index, transposed)
            # On a small Transformer, a product on a retained graph takes 4 times the floating-point operations of a
            # forward pass, and 5 in forward mode. Making the graph anew takes 3 more, for however many vectors.
            if graph is None and graphs.forward_mode:
                try:
                    products += torch.stack([product(None, v, index) for v in rows])
                    continue
                except torch.OutOfMemoryError:
                    raise
                except RuntimeError:  # no forward-mode derivative; if it is something else, the next line fails as well
                    graphs.forward_mode = False
            if not graphs.cause:
                try:
                    graph = graph or transposed()
                    products += torch.stack([product(graph, v, index) for v in rows])
                    continue
                except RuntimeError as problem:
                    if not lacks_second_derivative(problem):
                        raise
                    graphs.cause = str(problem).strip().splitlines()[0]
            products += torch.stack([by_differences(v, index) for v in rows])
    products = objective.processes.summed(products)
    return objective.space.project(products).reshape(vectors.shape)


def _forward(
    objective: Objective[Any], module: ModelFunction, theta: Tensor, v: Tensor, index: int
) -> tuple[Outputs, list[Tensor]]:
    """Return a batch's outputs z, with their graph, and Jv, computed in forward mode."""
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(theta, v)
        outputs = objective.evaluate(module, dual, index)
        pairs = [forward_ad.unpack_dual(tensor) for tensor in tensors_of(outputs)]
    # Jᵀ only after the level has ended: within it, the backward pass would be differentiated as well.
    tangents = [torch.zeros_like(z) if tangent is None else tangent.detach() for z, tangent in pairs]
    return like(outputs, [z for z, _ in pairs]), tangents


@torch.no_grad()
def _difference(
    objective: Objective[Any], module: ModelFunction, graphs: Graphs, v: Tensor, index: int
) -> list[Tensor]:
    """Return Jv by central differences of a batch's outputs, and keep their error as of the first product."""
    length, theta = norm(v), graphs.theta.detach()
    scale = norm(objective.space.project(theta)) or 1.0
    step = objective.space.resolution ** (1 / 3) * scale / length if length else 1.0

    def central(step: float) -> list[Tensor]:
        ahead, behind = (tensors_of(objective.evaluate(module, theta + sign * step * v, index)) for sign in (1, -1))
        return [(after - before) / (2 * step) for after, before in zip(ahead, behind, strict=True)]

    tangents = central(step)
    if not graphs.relative_error and length:
        wide = torch.cat([tensor.reshape(-1).double() for tensor in central(2 * step)])
        fine = torch.cat([tensor.reshape(-1).double() for tensor in tangents])
        graphs.relative_error = float((wide - fine).norm() / fine.norm().clamp_min(torch.finfo(fine.dtype).tiny))
    return tangents


def _transposed(objective: Objective[Any], module: ModelFunction, theta: Tensor, index: int) -> Graph:
    """Return a batch's Jᵀu as a function of u."""
    outputs = objective.evaluate(module, theta, index)
    primals = tensors_of(outputs)
    cotangents = tuple(torch.zeros_like(z).requires_grad_(z.is_floating_point()) for z in primals)
    (image,) = pullback(primals, [theta], cotangents, create_graph=True)
    return Graph(edge(image), outputs, cotangents)


def _jvp_from_graph(graph: Graph, v: Tensor) -> tuple[Outputs, list[Tensor]]:
    """Return the same as ``_forward`` from a retained graph: Jᵀu is linear in u, its derivative by u along v is Jv."""
    return graph.outputs, pullback([graph.derivative], graph.cotangents, [v], retain_graph=True)
