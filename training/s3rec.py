"""S3Rec's pre-training (Zhou et al. 2020): its instances, laid out in packed rows, and its four losses.

An instance is a prefix of a user's training sequence. It is encoded four times, bidirectionally: with items masked,
with a segment masked (the context), and with only that segment shown, as it is (the positive) and replaced by a
piece of somebody else's sequence (the negative). All four share one layout and one pass through the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from landscape.split import Split
from models.s3rec import S3Rec
from training.datasets import Attributes, Dataset
from training.losses import Terms
from training.negatives import NegativeSampler
from training.packing import Ints, Pieces, lay_out, moved_to, pieces, within_sequences


@dataclass(frozen=True)
class MaskedBatch:
    """S instances with P items between them, in R rows of n positions; all tensors int64."""

    items: Tensor  # (4, R, n) items masked, context, positive, negative
    positions: Tensor  # (R, n) 0..n − 1, right-aligned within each instance
    segments: Tensor  # (R, n) 1 + the instance's number, 0 for padding
    places: Tensor  # (P,) of the items, in the flattened rows
    ends: Tensor  # (S,) of the instances' last items
    users: Tensor  # (S,)
    masked: Tensor  # (Q,) which of the P items are masked
    targets: Tensor  # (Q,) what they are
    negatives: Tensor  # (Q,) as many sampled items
    described: Tensor  # (M,) which of the P items has …
    attributes: Tensor  # (M,) … this attribute

    def to(self, device: torch.device | str) -> MaskedBatch:
        """The same batch on another device."""
        return moved_to(self, device)


class Instances:
    """All prefixes of what users' training sequences s[:-2] end with, and how batches are made of them.

    Args:
        dataset: With attributes.
        max_length: Items n of the longest prefix.
        users: (U',) whose sequences.
        share: Probability with which an item is masked; the last one of an instance always is.

    Raises:
        ValueError: The data has no attributes.
    """

    def __init__(self, dataset: Dataset, max_length: int, users: Ints, *, share: float = 0.2) -> None:
        self.dataset = dataset
        self.max_length = max_length
        self.share = share
        self.attributes = attributes_of(dataset)
        read = pieces(dataset, max_length, until=2)
        lengths = read.lengths[users]
        self.users = np.repeat(users, lengths)  # (I,)
        self.prefixes = Pieces(np.repeat(read.starts[users], lengths), within_sequences(lengths) + 1)  # (I,)
        trained = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - 2, dataset.lengths)
        # Segments of others are cut from training parts alone; the reference's contain held-out items.
        self.pool = dataset.items[trained]
        self.sampler = NegativeSampler(dataset)

    def __len__(self) -> int:
        return len(self.users)

    def of(self, users: Ints) -> Ints:
        """The instances of these users."""
        return np.flatnonzero(np.isin(self.users, users))

    def batch(self, chosen: Ints, generator: np.random.Generator, *, padded: bool = False) -> MaskedBatch:
        """Mask the chosen instances (S,) at random and lay them out."""
        mine = self.prefixes[chosen]
        layout = lay_out(mine.lengths, self.max_length, padded=padded)
        within = within_sequences(mine.lengths)
        items = self.dataset.items[np.repeat(mine.starts, mine.lengths) + within].astype(np.int64)  # (P,)
        is_last = within + 1 == np.repeat(mine.lengths, mine.lengths)
        masked = np.flatnonzero((generator.random(len(items)) < self.share) | is_last)
        hidden = items.copy()
        hidden[masked] = self._mask
        described, attributes = self._attributes(items)
        laid = [hidden, *self._segments(items, mine.lengths, within, generator)]
        return MaskedBatch(
            items=torch.stack([layout.lay(values) for values in laid]),
            positions=layout.positions,
            segments=layout.segments,
            places=torch.from_numpy(layout.places),
            ends=torch.from_numpy(layout.ends),
            users=torch.from_numpy(self.users[chosen]),
            masked=torch.from_numpy(masked),
            targets=torch.from_numpy(items[masked]),
            negatives=torch.from_numpy(
                self.sampler.draw_for(np.repeat(self.users[chosen], mine.lengths)[masked], generator).astype(np.int64)
            ),
            described=torch.from_numpy(described),
            attributes=torch.from_numpy(attributes),
        )

    @property
    def _mask(self) -> int:
        return self.dataset.n_items + 1

    def _segments(self, items: Ints, lengths: Ints, within: Ints, generator: np.random.Generator) -> list[Ints]:
        """Context, positive and negative (P,) each; an instance of one item is all three."""
        sizes = generator.integers(1, np.maximum(lengths // 2, 1), endpoint=True)  # (S,)
        starts = generator.integers(0, lengths - sizes, endpoint=True)
        elsewhere = generator.integers(0, len(self.pool) - sizes, endpoint=True)
        first, size, other = (np.repeat(values, lengths) for values in (starts, sizes, elsewhere))
        inside = (within >= first) & (within < first + size)
        foreign = self.pool[other + np.where(inside, within - first, 0)]
        alone = np.repeat(lengths == 1, lengths)
        context, positive, negative = (
            np.where(alone, items, values)
            for values in (
                np.where(inside, self._mask, items),
                np.where(inside, items, self._mask),
                np.where(inside, foreign, self._mask),
            )
        )
        return [context, positive, negative]

    def _attributes(self, items: Ints) -> tuple[Ints, Ints]:
        """Pairs (place among the items, attribute): the targets of AAP and MAP, without a matrix of zeros."""
        starts, ends = self.attributes.offsets[items], self.attributes.offsets[items + 1]
        counts = ends - starts
        source = np.repeat(starts, counts) + within_sequences(counts)
        return np.repeat(np.arange(len(items)), counts), self.attributes.values[source].astype(np.int64)


def attributes_of(dataset: Dataset) -> Attributes:
    """The data's attributes.

    Raises:
        ValueError: It has none.
    """
    if dataset.attributes is None:
        raise ValueError(
            f"S3Rec is pre-trained on item attributes, and {dataset.name} has none: there is no "
            f"{dataset.name}_item2attributes.json beside {dataset.source}; give the file with --attributes"
        )
    return dataset.attributes


def pretraining_outputs(model: S3Rec, batch: MaskedBatch) -> tuple[Tensor, Tensor, Tensor]:
    """What the four losses are convex in.

    Returns:
        (P, A + 1) logits of the attribute table's columns, by W_map where an item is masked, by W_aap elsewhere;
        (Q,) σ(qᵀe⁺) − σ(qᵀe⁻) with q = W_mip h + b at the masked items; (S,) the same of the context's last output
        against the two segments' last outputs.
    """
    _, rows, n = batch.items.shape
    starts = rows * n * torch.arange(1, 4, device=batch.ends.device)  # of the other three encodings
    select = torch.cat([batch.places, (starts[:, None] + batch.ends).flatten()])
    encoded = model(
        batch.items.flatten(0, 1),
        batch.positions.repeat(4, 1),
        batch.segments.repeat(4, 1),
        causal=False,
        select=select,
    )
    outputs, ends = encoded.split([len(batch.places), 3 * len(batch.ends)])  # (P, d), (3·S, d)
    context, positive, negative = ends.chunk(3)
    visible = _visible(batch)
    projected = torch.where(visible[:, None], model.heads["aap"](outputs), model.heads["map"](outputs))
    query = model.heads["mip"](outputs[batch.masked])  # (Q, d)
    return (
        projected @ model.attributes.weight.T,
        _preference(query, model.items(batch.targets), model.items(batch.negatives)),
        _preference(model.heads["sp"](context), positive, negative),
    )


def pretraining_terms(outputs: tuple[Tensor, Tensor, Tensor], batch: MaskedBatch) -> dict[str, Terms]:
    """S3Rec's four losses.

    - aap, item-attribute: binary cross-entropy of σ(aᵀ(W h + b)) over all columns of the attribute table, at the
      items that are not masked; map, sequence-attribute: the same at the masked ones, with a W of its own.
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


class AttributeLosses(Split[MaskedBatch]):
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
