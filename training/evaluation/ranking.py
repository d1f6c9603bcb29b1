"""The rank of each user's held-out item among all items, by counting the scores that are at least as high.

Protocol: the candidates are all items except those that the user has had before, padding and [mask]. Ties count
against the model. The target's score is read from the same product as the others' and not compared with itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.choices import one_of
from landscape.models.sasrec import SASRec
from landscape.objectives.batches import to_device
from landscape.training.batches.packing import Batch, Ints, batch, input_windows
from landscape.training.data.dataset import Dataset
from landscape.training.data.splits import HELD_OUT, RANKED

Ranks = NDArray[np.float64]  # (U,) 0 is best; NaN: a score is not finite; inf: the target is not a candidate

USERS_A_BLOCK = 128  # 128 × 12,000 scores fit into a processor's cache, where they are counted
ITEMS_A_BLOCK = 2**14  # bounds memory, and keeps counts exact in float32
TOKENS_A_BATCH = 128 * 50


def ranked_split(split: str) -> str:
    """Return the split's name as it is spelt in ``RANKED``.

    Raises:
        ValueError: It is not one of them.
    """
    return one_of(split, RANKED, "the split to rank on")


class History:
    """Every user's target s[-held_out], and the distinct items before it, which are not candidates, in CSR form."""

    def __init__(self, dataset: Dataset, held_out: int) -> None:
        seen = dataset.prefix_mask(held_out)
        keys = np.unique(dataset.user_item_keys(dataset.owners[seen], dataset.items[seen]))
        owners, self.items = np.divmod(keys, dataset.n_items + 1)
        self.offsets = np.searchsorted(owners, np.arange(dataset.n_users + 1))
        self.targets = dataset.items[dataset.offsets[1:] - held_out].astype(np.int64)  # (U,)
        users = np.arange(dataset.n_users)
        self.repeated = np.isin(dataset.user_item_keys(users, self.targets), keys)  # (U,) the target was there before

    def of(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Return pairs (user − first, item) for the users first..last − 1."""
        counts = np.diff(self.offsets[first : last + 1])
        return np.repeat(np.arange(last - first), counts), self.items[self.offsets[first] : self.offsets[last]]


def input_batches(dataset: Dataset, max_length: int, split: str) -> Iterator[Batch]:
    """Yield the inputs from which every user's held-out item is predicted, packed, about 128 rows at a time."""
    inputs = input_windows(dataset, max_length, held_out=HELD_OUT[ranked_split(split)])
    size = max(1, round(TOKENS_A_BATCH / max(1.0, float(inputs.lengths.mean()))))
    for first in range(0, dataset.n_users, size):
        yield batch(dataset, inputs, np.arange(first, min(first + size, dataset.n_users)), max_length)


@torch.no_grad()
def encode(model: SASRec, dataset: Dataset, split: str) -> Tensor:
    """Return (U, d) the model's output at the last item before the held-out one, for every user."""
    hidden = model.items.weight.new_empty(dataset.n_users, model.items.embedding_dim)
    for rows in input_batches(dataset, model.max_length, split):
        rows = to_device(rows, hidden.device, non_blocking=True)
        hidden[rows.users] = model(rows.items, rows.positions, rows.segments, select=rows.ends)
    return hidden


@torch.no_grad()
def model_ranks(model: SASRec, dataset: Dataset, split: str) -> Ranks:
    """Return the rank of every user's held-out item under a model, in evaluation mode.

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
    return rank_by_counting(hidden, table, History(dataset, HELD_OUT[ranked_split(split)]))


def rank_by_counting(hidden: Tensor, table: Tensor, history: History) -> Ranks:
    """Return the targets' ranks when the score of user u for item i is ⟨hidden[u], table[i − 1]⟩.

    Args:
        hidden: (U, d).
        table: (V, d).
        history: The targets, and the items that are not candidates.
    """
    ranks = torch.empty(len(hidden), dtype=torch.float64, device=hidden.device)
    blocks = [slice(start, min(start + ITEMS_A_BLOCK, len(table))) for start in range(0, len(table), ITEMS_A_BLOCK)]
    # One buffer for all products: new memory costs page faults.
    buffer = hidden.new_empty(USERS_A_BLOCK * min(ITEMS_A_BLOCK, len(table)))

    def product(rows: Tensor, block: slice) -> Tensor:
        width = block.stop - block.start
        return torch.mm(rows, table[block].T, out=buffer[: len(rows) * width].view(len(rows), width))

    for first in range(0, len(hidden), USERS_A_BLOCK):
        rows = hidden[first : first + USERS_A_BLOCK]
        seen_rows, seen_items = (torch.from_numpy(a).to(hidden.device) for a in history.of(first, first + len(rows)))
        columns = torch.from_numpy(history.targets[first : first + len(rows), None] - 1).to(hidden.device)
        target = torch.zeros_like(hidden[: len(rows), :1])
        # A product's last bits depend on its shape: the target's score is read from the product it is compared with.
        for block in blocks:
            scores = product(rows, block)
            inside = (columns >= block.start) & (columns < block.stop)
            target += torch.where(inside, scores.gather(1, (columns - block.start).clamp(0, scores.shape[1] - 1)), 0)
        count = torch.full((len(rows),), -1.0, dtype=torch.float64, device=hidden.device)  # −1: the target itself
        for block in blocks:
            if len(blocks) > 1:  # otherwise the product is there
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
    """Return (U,) whether all scores of a user are finite, by Cauchy-Schwarz where that decides."""
    largest = table.norm(dim=1).max()
    bound = hidden.norm(dim=1).double() * largest.double()
    fine: Tensor = torch.isfinite(largest) & (bound < torch.finfo(table.dtype).max)
    for user in torch.nonzero(~fine).flatten().tolist() if torch.isfinite(largest) else []:
        fine[user] = torch.isfinite(table @ hidden[user]).all()
    return fine
