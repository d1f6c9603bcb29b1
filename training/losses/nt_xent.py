"""The contrastive loss between two views of each user, the others of the batch being the negatives."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from landscape.choices import one_of
from landscape.training.config.methods import SIMILARITIES

# Under the root of the norm: v/|v| has no derivative at 0, and v/√(|v|² + c) has all of them. c is nothing beside the
# |v|² of a view, and its power −3/2, through which the derivatives go, is well within float32 (below 1e-25 it is not).
NORM_FLOOR = 1e-12


def similarities(views: Tensor, *, temperature: float, similarity: str) -> Tensor:
    """How similar all pairs of views are, over the temperature.

    Args:
        views: (2B, d), the first views of B users, then their second views in the same order.
        temperature: Similarities are divided by it.
        similarity: ``dot``, the inner product, or ``cosine``, that of the normalised views. Normalisation divides by
            √(|v|² + 1e-12), so that a zero vector stays zero and has derivatives.

    Returns:
        (2B, 2B)

    Raises:
        ValueError: The number of views is odd or 0, the temperature is not a positive finite number, or the
            similarity is unknown.
    """
    if len(views) == 0 or len(views) % 2:
        raise ValueError(
            f"each user has two views, got {len(views)} in all; pass the first views, then the second ones"
        )
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"the temperature must be a finite number above 0, got {temperature}; 1.0 changes nothing")
    if one_of(similarity, SIMILARITIES, "the similarity") == "cosine":
        views = views * (views.square().sum(-1, keepdim=True) + NORM_FLOOR).rsqrt()
    return (views / temperature) @ views.T


def nt_xent_terms(logits: Tensor) -> Tensor:
    """Normalised temperature-scaled cross-entropy (SimCLR, Chen et al. 2020, Eq. 1; CL4SRec, Xie et al. 2022).

    Each of the 2B views is an anchor once. Its positive is the other view of its user, its negatives are the 2(B − 1)
    views of all other users, and its term is −log softmax(similarities / temperature) at the positive. With one user
    there are no negatives: the loss and its gradient are exactly 0. It is convex in ``logits``.

    Args:
        logits: (2B, 2B) as ``similarities`` returns them.

    Returns:
        (2B,)
    """
    half = len(logits) // 2
    positives = torch.cat([logits.diagonal(half), logits.diagonal(-half)])  # (2B,)
    # −∞ is safe: a row keeps a finite logit, its positive, so logsumexp never subtracts infinities.
    itself = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    return logits.masked_fill(itself, -math.inf).logsumexp(-1) - positives
