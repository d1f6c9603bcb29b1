"""The generalised Gauss-Newton matrix of an objective as a linear operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import CheckpointError

from landscape.objective import Objective, _weighted
from landscape.operators import CurvatureOperator
from landscape.split import Outputs, Split, like, tensors_of
from landscape.terms import named_terms

# The map M of a batch: (outputs z, their tangents, the batch) -> cotangents of z, a tensor for each of z's.
Middle = Callable[[Outputs, Sequence[Tensor], Any], Sequence[Tensor]]


class GaussNewtonOperator(CurvatureOperator):
    """G = Σ_b J_bᵀ (∇²_z ℓ_b) J_b at ``params``, on the coordinates that take part, without storing a matrix.

    z are the network's outputs in batch b, J_b = ∂z/∂θ, and ℓ_b(z) = Σ_p w_p · sum_pb(z) / (Σ_b count_pb) is what the
    batch adds to the objective L: the matrix has the objective's weights and its exact mean over terms. G is the
    Hessian of L with the network replaced by its linearisation at ``params`` (Schraudolph 2002), so that both are
    equal where z is linear in θ. It is symmetric, and positive semidefinite when ``outer`` is convex in z and no
    weight w_p is negative.

    Arguments and attributes are those of every ``CurvatureOperator``.

    Raises:
        ValueError: The objective's loss is no ``Split``. In a product: the outputs are no tensors.
        NotImplementedError: In a product: an operation of the network has no forward-mode derivative.
        CheckpointError: In a product: the network checkpoints activations.
    """

    def __init__(self, objective: Objective[Any], params: Tensor | None = None) -> None:
        super().__init__(objective, params)
        loss = objective._call.loss
        if not isinstance(loss, Split):
            raise ValueError(
                "a Gauss-Newton matrix needs to know where the network ends and the convex loss begins; "
                f"{getattr(loss, '__name__', type(loss).__name__)!r} does not say. "
                "Give the objective Split(outputs, outer) as its loss, with outputs(model, batch) -> z and "
                "outer(z, batch) -> (sum, count)"
            )
        self.split: Split[Any] = loss

    def _products(self, vectors: Tensor) -> Tensor:
        return sandwich(self.objective, self.split.outputs, self._outer_products, vectors, self.params)

    def _outer_products(self, outputs: Outputs, tangents: Sequence[Tensor], batch: Any) -> Sequence[Tensor]:
        """∇²_z ℓ_b times the tangents, by differentiating ``outer`` twice."""
        scales = self.objective._scales
        leaves = [tensor.requires_grad_(tensor.is_floating_point()) for tensor in tensors_of(outputs)]
        # Clones, since `outer` may write to what it is given (scores of padding set to −∞).
        terms = named_terms(self.split.outer(like(outputs, [leaf.clone() for leaf in leaves]), batch))
        loss = _weighted([terms[part][0] for part in self.objective._parts], scales)
        gradients = _pullback([loss], leaves, create_graph=True)
        return _pullback(gradients, leaves, tangents)


def sandwich(
    objective: Objective[Any],
    function: Callable[[Any, Any], Any],
    middle: Middle,
    vectors: Tensor,
    params: Tensor | None = None,
) -> Tensor:
    """Σ_b J_bᵀ M_b J_b v for the Jacobians J_b of ``function(model, batch)`` with respect to θ.

    Args:
        objective: Of which the model, the batches and the coordinates that take part are used.
        function: Its outputs z are a tensor or a tuple of tensors.
        middle: ``middle(z, tangents, batch)`` multiplies M_b by the tangents, one for each tensor of z.
        vectors: v (n,), or several as (m, n).
        params: θ (n,), by default θ₀.

    Returns:
        The shape of ``vectors``.
    """
    call, theta = Calling(objective.model, function), objective._leaf(params)
    rows = objective.space.project(vectors.detach()).reshape(-1, objective.space.size)  # (m, n)
    products = torch.zeros_like(rows)
    # Fused attention has no forward-mode derivative.
    with objective._mode(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        for index, batch in enumerate(objective.batches):
            for row, v in zip(products, rows, strict=True):
                try:
                    row += _sandwiched(objective, call, middle, theta, v, batch, index)
                except (NotImplementedError, CheckpointError) as problem:
                    problem.add_note(
                        "The product with a Jacobian is found in forward mode: give a torch.autograd.Function of your "
                        "own a jvp, and leave out activation checkpointing."
                    )
                    raise
    return objective.space.project(products).reshape(vectors.shape)


def _sandwiched(
    objective: Objective[Any], call: nn.Module, middle: Middle, theta: Tensor, v: Tensor, batch: Any, index: int
) -> Tensor:
    """One batch's Jᵀ M J v (n,)."""
    # Jv in forward mode, beside the pass whose graph Jᵀ uses: on a small Transformer, a product takes 5 times the
    # floating-point operations of a forward pass. Differentiating Jᵀu by u takes 7 (and 3 + 4m for m vectors, which
    # is less than 5m from m = 4 on, but all eigenvalue solvers multiply by one vector at a time). A Hessian's takes 9.
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(theta, v)  # type: ignore[no-untyped-call]  # torch has no types here
        outputs = objective._called(call, dual, batch, index)
        pairs = [forward_ad.unpack_dual(tensor) for tensor in tensors_of(outputs)]  # type: ignore[no-untyped-call]
    # Jᵀ only after the level has ended: within it, the backward pass would be differentiated as well.
    primals = [primal for primal, _ in pairs]
    tangents = [torch.zeros_like(z) if tangent is None else tangent.detach() for z, tangent in pairs]
    cotangents = middle(like(outputs, [z.detach() for z in primals]), tangents, batch)
    (product,) = _pullback(primals, [theta], cotangents)
    return product


def _pullback(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    *,
    create_graph: bool = False,
) -> list[Tensor]:
    """The cotangents of the inputs, zeros for those on which no output depends."""
    ones = [torch.ones_like(output) for output in outputs] if cotangents is None else cotangents
    pairs = [(output, one) for output, one in zip(outputs, ones, strict=True) if output.requires_grad]
    free = [tensor for tensor in inputs if tensor.requires_grad]
    if not pairs or not free:
        return [torch.zeros_like(tensor) for tensor in inputs]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            free,
            [one for _, one in pairs],
            create_graph=create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
    )
    return [next(found) if tensor.requires_grad else torch.zeros_like(tensor) for tensor in inputs]


class Calling(nn.Module):
    """A model and a function of it and a batch as one module, whose parameters can be replaced."""

    def __init__(self, model: nn.Module, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.model = model
        self.function = function

    def forward(self, batch: Any) -> Any:
        """What the function returns for one batch."""
        return self.function(self.model, batch)
