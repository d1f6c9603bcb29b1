"""What single batches add to a loss, as objectives of their own."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from landscape.objectives.loss_terms import Batch
from landscape.objectives.objective import Objective
from landscape.processes import Processes, refuse_slices


def pieces(objective: Objective[Batch], part: int) -> Iterator[Objective[Batch]]:
    """Yield for each batch of this process the sum of its terms of one part, as a function of the same parameters.

    Gradients and matrices of the pieces are those of Σ terms, without the part's weight and number of terms: they add
    up to those of the loss, if they are multiplied by w_p / N_p. Other processes have no share in a piece.

    The loss (w - x)² summed over x = 1, 2 and over x = 6 has the second derivatives 2·2 and 2:

    >>> import torch
    >>> model = torch.nn.Linear(1, 1, bias=False)
    >>> def loss(model, x):
    ...     return (model.weight - x).square().sum(), len(x)
    >>> objective = Objective(model, loss, [torch.tensor([1.0, 2.0]), torch.tensor([6.0])])
    >>> [piece.hvp(torch.ones(1)).item() for piece in pieces(objective, 0)]
    [4.0, 2.0]

    Args:
        objective: The loss.
        part: Which of its parts.
    """
    refuse_slices(objective.processes, "taking batches apart")
    counts, _ = objective.counts, objective.total_counts  # so that they are shared, and the loss is checked
    weights = [float(index == part) for index in range(counts.shape[1])]
    for index, batch in enumerate(objective.batches):
        piece = copy.copy(objective)
        piece.batches, piece._counts = [batch], counts[index : index + 1]  # noqa: SLF001 (a copy of the same class)
        piece.processes = Processes(None)
        piece.part_weights = piece.scales = weights  # in place of the cached properties
        if objective.training_mode_seed is not None:
            piece.training_mode_seed = objective.training_mode_seed + index  # the batch's own masks
        yield piece
