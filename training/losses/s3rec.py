"""S3Rec's pre-training (Zhou et al. 2020): its instances, laid out in packed rows, and its four losses.

An instance is a prefix of a user's training sequence. It is encoded four times, bidirectionally: with items masked,
with a segment masked (the context), and with only that segment shown, as it is (the positive) and replaced by a
piece of somebody else's sequence (the negative). All four share one layout and one pass through the network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from landscape.models.encoder import Ends
from landscape.models.s3rec import S3Rec
from landscape.objectives.composite_loss import CompositeLoss
from landscape.training.batches.masked import MaskedBatch
from landscape.training.losses.attribute_loss import attribute_loss
from landscape.training.losses.next_item import Terms


def pretraining_outputs(model: S3Rec, batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor]:
    """What the four losses are convex in.

    Returns:
        (P, A + 1) logits of the attribute table's columns, by W_map where an item is masked, by W_aap elsewhere;
        (Q,) σ(qᵀe⁺) − σ(qᵀe⁻) with q = W_mip h + b at the masked items; (S,) the same of the context's last output
        against the two segments' last outputs.
    """
    outputs, mip, sp = _encoded(model, batch)
    visible = _visible(batch)
    projected = torch.where(visible[:, None], model.heads["aap"](outputs), model.heads["map"](outputs))
    return projected @ model.attributes.weight.T, mip, sp


def _encoded(model: S3Rec, batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Return (P, d) outputs of the items, and the preferences of mip (Q,) and sp (S,)."""
    encodings, rows, n = batch.items.shape
    count = len(batch.ends)
    # One lookup for all: each has a gradient of the table's size.
    looked_up = model.items(torch.cat([batch.items.flatten(), batch.targets, batch.negatives]))
    embedded, targets, negatives = looked_up.split([batch.items.numel(), len(batch.targets), len(batch.negatives)])
    others = torch.arange(1, encodings, device=batch.ends.device)[:, None]
    encoded = model.encode(
        embedded.view(encodings * rows, n, embedded.shape[1]),
        batch.positions.repeat(encodings, 1),
        batch.segments.repeat(encodings, 1),
        causal=False,
        select=batch.places,
        ends=Ends(
            first_row=rows,
            places=(rows * n * others + batch.places).flatten(),
            owners=(count * (others - 1) + batch.segments.flatten()[batch.places] - 1).flatten(),
            ends=(rows * n * others + batch.ends).flatten(),
        ),
    )
    outputs, ends = encoded.split([len(batch.places), (encodings - 1) * count])  # (P, d), (3·S, d)
    context, positive, negative = ends.chunk(encodings - 1)
    query = model.heads["mip"](outputs[batch.masked])  # (Q, d)
    return outputs, _preference(query, targets, negatives), _preference(model.heads["sp"](context), positive, negative)


def pretraining_terms(outputs: tuple[Tensor, Tensor, Tensor], batch: MaskedBatch) -> dict[str, Terms]:
    """S3Rec's four losses.

    - aap, item-attribute: binary cross-entropy of σ(aᵀ(W h + b)) over all columns of the attribute table, at the
      items that are not masked; map, sequence-attribute: the same at the masked ones, with another W.
    - mip, sequence-item: −log σ(σ(qᵀe⁺) − σ(qᵀe⁻)) at the masked items; sp, sequence-segment: the same at the
      context. The double sigmoid is the reference's.

    Returns:
        Sums and numbers of terms: columns of items for aap and map, items for mip, instances for sp.
    """
    logits, mip, sp = outputs
    visible = _visible(batch)
    columns = logits.shape[1]
    # −log σ(z) = softplus(z) − z: the ones of a multi-hot target are visited alone.
    zeros = F.softplus(logits).sum(-1)  # (P,)
    ones = logits[batch.described, batch.attributes]  # (M,)
    seen = visible.to(zeros.dtype)
    seen_ones = seen[batch.described]
    return {
        "aap": ((zeros * seen).sum() - (ones * seen_ones).sum(), visible.sum() * columns),
        "mip": (F.softplus(-mip).sum(), visible.new_ones(mip.shape).sum()),
        "map": ((zeros * (1 - seen)).sum() - (ones * (1 - seen_ones)).sum(), (~visible).sum() * columns),
        "sp": (F.softplus(-sp).sum(), visible.new_ones(sp.shape).sum()),
    }


def pretraining_losses(model: S3Rec, batch: MaskedBatch) -> dict[str, Terms]:
    """S3Rec's four losses as ``pretraining_terms`` of ``pretraining_outputs``, for the steps of training.

    Logits are neither computed for both maps nor kept, and the result can be differentiated once.
    """
    outputs, mip, sp = _encoded(model, batch)
    visible = _visible(batch)
    described = visible[batch.described]  # (M,)
    table = model.attributes.weight

    def by_attributes(map_name: str, mine: Tensor, pairs: Tensor) -> Terms:
        numbers = mine.cumsum(0) - 1  # (P,) of an item among these
        projected = model.heads[map_name](outputs.index_select(0, mine.nonzero().flatten()))
        total = attribute_loss(projected, table, numbers[batch.described[pairs]], batch.attributes[pairs])
        return total, mine.sum() * len(table)

    return {
        "aap": by_attributes("aap", visible, described),
        "mip": (F.softplus(-mip).sum(), visible.new_ones(mip.shape).sum()),
        "map": by_attributes("map", ~visible, ~described),
        "sp": (F.softplus(-sp).sum(), visible.new_ones(sp.shape).sum()),
    }


class AttributeLosses(CompositeLoss[MaskedBatch]):
    """S3Rec's four losses, split where they are convex."""

    def by_user(self, model: S3Rec, batch: MaskedBatch) -> dict[str, Tensor]:
        """The sums of each user's terms by part, (U,) over the users of the batch."""
        logits, mip, sp = pretraining_outputs(model, batch)
        users, of_instance = batch.users.unique(return_inverse=True)  # (U,), (S,)
        n = batch.segments.numel()
        owner = of_instance[batch.segments.flatten()[batch.places % n] - 1]  # (P,)
        visible = _visible(batch)
        zeros = F.softplus(logits).sum(-1)
        by_place = zeros.index_add(0, batch.described, -logits[batch.described, batch.attributes])  # (P,)

        def summed(values: Tensor, owners: Tensor) -> Tensor:
            return values.new_zeros(len(users)).index_add(0, owners, values)

        return {
            "aap": summed(by_place * visible, owner),
            "mip": summed(F.softplus(-mip), owner[batch.masked]),
            "map": summed(by_place * ~visible, owner),
            "sp": summed(F.softplus(-sp), of_instance),
        }


pretraining = AttributeLosses(pretraining_outputs, pretraining_terms)


def _visible(batch: MaskedBatch) -> Tensor:
    """(P,) whether each item is not masked."""
    visible = torch.ones(len(batch.places), dtype=torch.bool, device=batch.places.device)
    return visible.index_fill(0, batch.masked, False)


def _preference(query: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """σ(q·p) − σ(q·n) for each row of (N, d) tensors."""
    return torch.sigmoid((query * positive).sum(-1)) - torch.sigmoid((query * negative).sum(-1))
