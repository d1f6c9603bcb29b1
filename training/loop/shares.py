"""Several processes take the steps of one: each computes some rows of every batch, and gradients are added up.

All processes make the same batches from the same random numbers. Rows are independent of one another, so that a
process computes the terms of its rows, over the number of terms of the whole batch; the sum of the processes' gradients
is the gradient of one. Dropout draws the masks of the whole batch. The contrastive loss couples all views of a batch:
each process gets the others' representations, computes the loss of all, and differentiates it by its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from landscape.models.dropout import BatchShare, masks_of_whole_batch
from landscape.models.sasrec import SASRec
from landscape.processes import Processes
from landscape.training.batches.masked import MaskedBatch
from landscape.training.batches.packing import Batch
from landscape.training.batches.views import ViewedBatch
from landscape.training.config.methods import CONTRASTIVE, RECOMMENDATION
from landscape.training.loop.stages import RecommendationStage, Stage
from landscape.training.losses.cl4srec import WithContrast
from landscape.training.losses.next_item import Terms
from landscape.training.losses.nt_xent import nt_xent_terms, similarities


@dataclass(frozen=True)
class Shared:
    """A process's share of a batch, which is a batch itself, and where it lies in the whole one."""

    batch: Batch | MaskedBatch
    place: BatchShare


class SharedStage:
    """A stage of which several processes compute every batch together.

    The sums that ``loss`` returns are those of this process's share, and so are the numbers of terms.
    """

    def __init__(self, stage: Stage, processes: Processes) -> None:
        self.stage = stage
        self.processes = processes
        self.name, self.epochs, self.steps = stage.name, stage.epochs, stage.steps
        self.weights, self.exhausted = stage.weights, stage.exhausted

    def network(self) -> SASRec:
        """Return a network with new weights."""
        return self.stage.network()

    def batches(self, epoch: int) -> Iterator[Any]:
        """Yield this process's share of each batch."""
        rank, count = self.processes.rank, self.processes.count
        for batch in self.stage.batches(epoch):
            if isinstance(batch, ViewedBatch):
                yield share_of(batch.inputs, rank, count), share_of(batch.views, rank, count)
            else:
                yield share_of(batch, rank, count)

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Terms]:
        """Return sums and numbers of terms of a share, by part."""
        if isinstance(batch, tuple):
            return self._with_contrast(model, *batch)
        with masks_of_whole_batch(model, batch.place):
            return self.stage.loss(model, batch.batch)

    def minimised(self, parts: Mapping[str, Terms]) -> Tensor:
        """Return the scalar that a step minimises."""
        return self.stage.minimised(parts)

    def _with_contrast(self, model: nn.Module, inputs: Shared, views: Shared) -> dict[str, Terms]:
        stage, mine = self.stage, views.batch
        assert isinstance(stage, RecommendationStage) and isinstance(mine, Batch) and isinstance(model, SASRec)
        loss = stage.composite_loss
        assert isinstance(loss, WithContrast) and isinstance(inputs.batch, Batch)
        with masks_of_whole_batch(model, inputs.place):
            recommendation = loss.next_item(model, inputs.batch)
        with masks_of_whole_batch(model, views.place):
            own = model(mine.items, mine.positions, mine.segments, select=mine.ends)  # (S', d)
        everyones = own.new_zeros(views.place.n_selected, own.shape[1]).index_copy(
            0, views.place.selected, own.detach()
        )
        ends = self.processes.summed(everyones).index_copy(0, views.place.selected, own)  # (S, d)
        contrast = loss.contrast
        terms = nt_xent_terms(similarities(ends, temperature=contrast.temperature, similarity=contrast.similarity))
        # The value of this process's terms, with the derivative of all of them by this process's representations.
        total = terms.sum()
        value = terms.detach()[views.place.selected].sum() + (total - total.detach())
        return {
            RECOMMENDATION: recommendation,
            CONTRASTIVE: (value, torch.full((), len(own), device=own.device)),
        }


def shared(stage: Stage, processes: Processes) -> Stage:
    """Return the stage as these processes compute it; the stage itself for a process alone."""
    return stage if processes.count == 1 else SharedStage(stage, processes)


def share_of(batch: Batch | MaskedBatch, rank: int, count: int) -> Shared:
    """Return every ``count``-th row of a batch, from the ``rank``-th on, with the sequences in these rows.

    Where there are fewer rows than processes, some get a batch without rows.
    """
    n_rows, n = batch.positions.shape
    rows = torch.arange(n_rows)[rank::count]  # (R',)
    row_of_end = torch.div(batch.ends, n, rounding_mode="floor")
    kept = torch.nonzero(row_of_end % count == rank).flatten()  # (S',) sequences
    numbers = torch.zeros(len(batch.ends) + 1, dtype=torch.int64).index_copy(
        0, 1 + kept, torch.arange(1, len(kept) + 1)
    )
    common: dict[str, Any] = {
        "positions": batch.positions[rows],
        "segments": numbers[batch.segments[rows]],
        "ends": _within(batch.ends[kept], n, count),
        "users": batch.users[kept],
    }
    if isinstance(batch, MaskedBatch):
        return _masked_share(batch, rows, kept, common, rank, count)
    return Shared(
        replace(
            batch,
            items=batch.items[rows],
            targets=None if batch.targets is None else batch.targets[rows],
            negatives=None if batch.negatives is None else batch.negatives[..., rows, :],
            **common,
        ),
        BatchShare(rows, n_rows, kept, len(batch.ends)),
    )


def _masked_share(
    batch: MaskedBatch, rows: Tensor, kept: Tensor, common: dict[str, Any], rank: int, count: int
) -> Shared:
    encodings, n_rows, n = batch.items.shape
    n_places, n_sequences = len(batch.places), len(batch.ends)
    mine = torch.div(batch.places, n, rounding_mode="floor") % count == rank  # (P,) of the items
    numbers = mine.cumsum(0) - 1  # (P,) of an item among this process's
    masked, described = mine[batch.masked], mine[batch.described]
    # All encodings are in one forward pass, which selects the items of the first and the ends of the others.
    ends = [n_places + n_sequences * encoding + kept for encoding in range(encodings - 1)]
    place = BatchShare(
        rows=torch.cat([n_rows * encoding + rows for encoding in range(encodings)]),
        n_rows=encodings * n_rows,
        selected=torch.cat([torch.nonzero(mine).flatten(), *ends]),
        n_selected=n_places + (encodings - 1) * n_sequences,
    )
    share = replace(
        batch,
        items=batch.items[:, rows],
        places=_within(batch.places[mine], n, count),
        masked=numbers[batch.masked[masked]],
        targets=batch.targets[masked],
        negatives=batch.negatives[masked],
        described=numbers[batch.described[described]],
        attributes=batch.attributes[described],
        **common,
    )
    return Shared(share, place)


def _within(places: Tensor, n: int, count: int) -> Tensor:
    """Return places in the flattened rows of a share, of rows of n positions, from those in the whole batch."""
    return torch.div(torch.div(places, n, rounding_mode="floor"), count, rounding_mode="floor") * n + places % n
