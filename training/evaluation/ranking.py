"""Where each user's held-out item ranks among all items, by counting scores that are at least as high.

Protocol: all items compete but those the user has had before, padding and [mask]. Ties count against the model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.choices import one_of
from landscape.models.sasrec import SASRec
from landscape.training.batches.packing import Batch, Ints, batch, pieces
from landscape.training.data.dataset import Dataset

SPLITS = {"valid": 2, "test": 1}  # the held-out item is s[-until]; s[:-until] is what the user has had before

Ranks = NDArray[np.float64]  # (U,) 0 is best; NaN: a score was no number; inf: the target was no candidate

USERS_A_BLOCK = 128  # 128 × 12,000 scores stay in a processor's cache, where they are counted
ITEMS_A_BLOCK = 2**14  # bounds memory, and keeps counts exact in float32
TOKENS_A_BATCH = 128 * 50


def check_split(split: str) -> int:
    """How far from the end the held-out item of ``split`` is; an error for an unknown split."""
    return SPLITS[one_of(split, SPLITS, "the split to rank on")]


class History:
    """The distinct items that each user has had before the held-out one: no candidates, in CSR form."""

    def __init__(self, dataset: Dataset, until: int) -> None:
        owner = np.repeat(np.arange(dataset.n_users), dataset.lengths)
        seen = np.arange(len(dataset.items)) < np.repeat(dataset.offsets[1:] - until, dataset.lengths)
        keys = np.unique(owner[seen] * (dataset.n_items + 1) + dataset.items[seen])
        self.items = keys % (dataset.n_items + 1)
        owners = keys // (dataset.n_items + 1)
        self.offsets = np.searchsorted(owners, np.arange(dataset.n_users + 1))
        self.targets = dataset.items[dataset.offsets[1:] - until].astype(np.int64)  # (U,)
        self.repeated = np.isin(
            np.arange(dataset.n_users) * (dataset.n_items + 1) + self.targets, keys
        )  # (U,) the held-out item is one of them

    def of(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Pairs (user − first, item) for the users first..last − 1."""
        counts = np.diff(self.offsets[first : last + 1])
        return np.repeat(np.arange(last - first), counts), self.items[self.offsets[first] : self.offsets[last]]


def reading_batches(dataset: Dataset, max_length: int, split: str) -> Iterator[Batch]:
    """What the model reads to predict every user's held-out item, packed, about 128 rows at a time."""
    read = pieces(dataset, max_length, until=check_split(split))
    size = max(1, round(TOKENS_A_BATCH / max(1.0, float(read.lengths.mean()))))
    for first in range(0, dataset.n_users, size):
        yield batch(dataset, read, np.arange(first, min(first + size, dataset.n_users)), max_length)


@torch.no_grad()
def encode(model: SASRec, dataset: Dataset, split: str) -> Tensor:
    """(U, d) the model's output at the last item before the held-out one, for every user."""
    hidden = model.items.weight.new_empty(dataset.n_users, model.items.embedding_dim)
    for read in reading_batches(dataset, model.max_length, split):
        read = read.to(hidden.device)
        hidden[read.users] = model(read.items, read.positions, read.segments, select=read.ends)
    return hidden


@torch.no_grad()
def model_ranks(model: SASRec, dataset: Dataset, split: str) -> Ranks:
    """The rank of every user's held-out item under a model, in evaluation mode.

    Memory is that of a block of scores (128 users by 16,384 items), however many items there are.

    Raises:
        ValueError: ``split`` is unknown.
    """
    was_training = model.training
    model.eval()
    try:
        hidden = encode(model, dataset, split)
    finally:
        model.train(was_training)
    table = model.items.weight[1 : dataset.n_items + 1]  # (V, d): row i − 1 is item i
    return rank_by_counting(hidden, table, History(dataset, check_split(split)))


def rank_by_counting(hidden: Tensor, table: Tensor, history: History) -> Ranks:
    """Ranks of the targets when the score of user u for item i is ⟨hidden[u], table[i − 1]⟩."""
    ranks = torch.empty(len(hidden), dtype=torch.float64, device=hidden.device)
    columns = [slice(start, min(start + ITEMS_A_BLOCK, len(table))) for start in range(0, len(table), ITEMS_A_BLOCK)]
    buffer = hidden.new_empty(
        USERS_A_BLOCK * min(ITEMS_A_BLOCK, len(table))
    )  # one for all: new memory costs page faults

    def product(rows: Tensor, block: slice) -> Tensor:
        width = block.stop - block.start
        return torch.mm(rows, table[block].T, out=buffer[: len(rows) * width].view(len(rows), width))

    for first in range(0, len(hidden), USERS_A_BLOCK):
        rows = hidden[first : first + USERS_A_BLOCK]
        seen_rows, seen_items = (torch.from_numpy(a).to(hidden.device) for a in history.of(first, first + len(rows)))
        targets = torch.from_numpy(history.targets[first : first + len(rows), None] - 1).to(hidden.device)
        # A product's last bits depend on its shape: the target's score is read from the product it is held against.
        scores = product(rows, columns[0])
        if len(columns) == 1:
            target = scores.gather(1, targets)
        else:
            target = torch.zeros_like(scores[:, :1])
            for block in columns:
                inside = (targets >= block.start) & (targets < block.stop)
                scores = product(rows, block)
                target += torch.where(
                    inside, scores.gather(1, (targets - block.start).clamp(0, scores.shape[1] - 1)), 0
                )
        count = torch.full((len(rows),), -1.0, dtype=torch.float64, device=hidden.device)  # −1: the target itself
        for block in columns:
            if len(columns) > 1:
                scores = product(rows, block)
            mine = (seen_items > block.start) & (seen_items <= block.stop)
            r, i = seen_rows[mine], seen_items[mine] - 1 - block.start
            count.index_add_(0, r, (scores[r, i] >= target[r, 0]).double(), alpha=-1)
            count += scores.ge_(target).sum(1)  # in place, as floats: several times quicker than through booleans
        ranks[first : first + len(rows)] = count
    ranks[~_finite_scores(hidden, table)] = torch.nan
    result: Ranks = ranks.cpu().numpy()
    result[history.repeated[: len(result)] & ~np.isnan(result)] = np.inf
    return result


def _finite_scores(hidden: Tensor, table: Tensor) -> Tensor:
    """(U,) whether all scores of a user are numbers: by Cauchy-Schwarz where that settles it, else by looking."""
    largest = table.norm(dim=1).max()
    fine = torch.isfinite(largest) & (hidden.norm(dim=1).double() * largest.double() < torch.finfo(table.dtype).max)
    for user in torch.nonzero(~fine).flatten().tolist() if torch.isfinite(largest) else []:
        fine[user] = torch.isfinite(table @ hidden[user]).all()
    return fine
