"""The rank of each user's held-out item among all items, by counting the scores that are at least as high.

Protocol: the candidates are all items except those that the user has had before (unless repeats are allowed), padding
and [mask]. Ties count against the model. The target's score is read from a product as the others' are, and not compared
with itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.choices import one_of
from landscape.models.sasrec import SASRec
from landscape.objectives.batches import to_device
from landscape.processes import Processes
from landscape.training.batches.packing import Batch, Ints, batch, input_windows, within_sequences
from landscape.training.data.dataset import Dataset
from landscape.training.data.splits import HELD_OUT, RANKED

Ranks = NDArray[np.float64]  # (U,) 0 is best; NaN: a score is not finite; inf: the target is not a candidate

# A block of scores fits into a processor's cache, where it is multiplied and counted several times as fast as beyond.
USERS_A_BLOCK = 256
ITEMS_A_BLOCK = 2**11  # counts stay exact in float32
USERS_A_TILE = 16  # products with a multiple of these many users are the quickest; with fewer, last bits differ
TOKENS_A_BATCH = 128 * 50
ALONE = Processes()


def ranked_split(split: str) -> str:
    """Return the split's name as it is spelt in ``RANKED``.

    Raises:
        ValueError: It is not one of them.
    """
    return one_of(split, RANKED, "the split to rank on")


@dataclass(frozen=True)
class UserBlock:
    """Users whose targets are in one block of items, or in few, and the pairs of item and user that do not count."""

    homes: dict[int, tuple[Tensor, Tensor]]  # by the number of such a block: places in it of items, and their users'
    users: Ints  # (B,)
    excluded: Tensor  # (2, P) places of an item and a user within their blocks, block by block of items
    borders: list[int]  # those of block i are from borders[i] to borders[i + 1]

    def without_excluded(self, scores: Tensor, number: int) -> Tensor:
        """Lower the scores (W, B) of a block in place, so that pairs that do not count are below any target."""
        first, last = self.borders[number : number + 2]
        if first < last:
            items, users = self.excluded[:, first:last].to(scores.device)
            scores[items, users] = -torch.inf
        return scores


class History:
    """Every user's target s[-held_out], and the distinct items before it, which are not candidates, in CSR form.

    With ``allow_repeats`` all items are candidates, and there are no such items.
    """

    def __init__(self, dataset: Dataset, held_out: int, *, allow_repeats: bool = False) -> None:
        keys = dataset.distinct_keys(dataset.prefix_mask(held_out))
        users = np.arange(dataset.n_users)
        self.targets = dataset.items[dataset.offsets[1:] - held_out].astype(np.int64)  # (U,)
        wanted = dataset.user_item_keys(users, self.targets)
        repeated = np.isin(wanted, keys, assume_unique=True)  # (U,) the target was there before
        self.n_repeated = int(repeated.sum())
        self.excluded = repeated & (not allow_repeats)  # (U,) the target is not a candidate
        owners, self.items = np.divmod(keys[:0] if allow_repeats else keys, dataset.n_items + 1)
        self.n_items = dataset.n_items
        self.offsets = np.searchsorted(owners, np.arange(dataset.n_users + 1))

    def of(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Return pairs (user − first, item) for the users first..last − 1."""
        counts = np.diff(self.offsets[first : last + 1])
        return np.repeat(np.arange(last - first), counts), self.items[self.offsets[first] : self.offsets[last]]

    @cached_property
    def user_blocks(self) -> list[UserBlock]:
        """All users, sorted by the block of items that their target is in; made once, for all models.

        Users of one block of users have one home, so that each score is computed once. Where there are few users for
        each home, their blocks would be too small for a quick product, and are filled up with those of the next homes.
        """
        homes = (self.targets - 1) // ITEMS_A_BLOCK
        order = np.argsort(homes, kind="stable")
        starts = np.searchsorted(homes[order], np.arange(homes.max() + 2))
        alone = [
            (first, min(first + USERS_A_BLOCK, end))
            for start, end in pairwise(starts.tolist())
            for first in range(start, end, USERS_A_BLOCK)
        ]
        full = [(first, first + USERS_A_BLOCK) for first in range(0, len(order), USERS_A_BLOCK)]
        # Scores of homes are computed twice in full blocks, so that these are at most twice the products.
        return [self._user_block(order[first:last]) for first, last in (alone if len(alone) <= 2 * len(full) else full)]

    def _user_block(self, users: Ints) -> UserBlock:
        counts = self.offsets[users + 1] - self.offsets[users]
        seen = self.items[np.repeat(self.offsets[users], counts) + within_sequences(counts)]
        places = np.arange(len(users))
        columns = np.concatenate([places, np.repeat(places, counts)])
        items = np.concatenate([self.targets[users], seen]) - 1  # the target is not compared with itself
        order = np.argsort(items, kind="stable")
        borders = np.searchsorted(items[order], np.arange(0, self.n_items + ITEMS_A_BLOCK, ITEMS_A_BLOCK))
        pairs = np.stack([items[order] % ITEMS_A_BLOCK, columns[order]])
        homes, rows = np.divmod(self.targets[users] - 1, ITEMS_A_BLOCK)
        homed = {int(home): np.flatnonzero(homes == home) for home in np.unique(homes)}
        by_home = {home: (torch.from_numpy(rows[mine]), torch.from_numpy(mine)) for home, mine in homed.items()}
        return UserBlock(by_home, users, torch.from_numpy(pairs), borders.tolist())


def input_batches(dataset: Dataset, max_length: int, split: str) -> Iterator[Batch]:
    """Yield the inputs from which every user's held-out item is predicted, packed, about 128 rows at a time."""
    inputs = input_windows(dataset, max_length, held_out=HELD_OUT[ranked_split(split)])
    size = max(1, round(TOKENS_A_BATCH / max(1.0, float(inputs.lengths.mean()))))
    for first in range(0, dataset.n_users, size):
        yield batch(dataset, inputs, np.arange(first, min(first + size, dataset.n_users)), max_length)


class FullRanking:
    """The ranking of one split, with all that does not depend on the model: made once, it ranks under many.

    Args:
        dataset: Whose users and items.
        split: One of ``RANKED``.
        max_length: Of the models.
        allow_repeats: Whether items that a user has had stay candidates, for data where people buy again.

    Raises:
        ValueError: ``split`` is unknown.
    """

    def __init__(self, dataset: Dataset, split: str, max_length: int, *, allow_repeats: bool = False) -> None:
        self.dataset = dataset
        self.batches = list(input_batches(dataset, max_length, split))
        self.history = History(dataset, HELD_OUT[ranked_split(split)], allow_repeats=allow_repeats)

    @torch.no_grad()
    def encode(self, model: SASRec, processes: Processes = ALONE) -> Tensor:
        """Return (U, d) the model's output at the last item before the held-out one, for every user."""
        hidden = model.items.weight.new_zeros(self.dataset.n_users, model.items.embedding_dim)
        for rows in self.batches[processes.rank :: processes.count]:
            rows = to_device(rows, hidden.device, non_blocking=True)
            hidden[rows.users] = model(rows.items, rows.positions, rows.segments, select=rows.ends)
        return processes.summed(hidden)

    @torch.no_grad()
    def ranks(self, model: SASRec, processes: Processes = ALONE) -> Ranks:
        """Return the rank of every user's held-out item under a model, in evaluation mode.

        Memory for scores is that of one block of them, however many users and items there are. Processes share out
        the blocks of users; ranks are those of one process to the last bit, since each product is one of its products.
        """
        was_training = model.training
        model.eval()
        try:
            hidden = self.encode(model, processes)
        finally:
            model.train(was_training)
        table = model.items.weight[1 : self.dataset.n_items + 1]  # (V, d): row i − 1 is item i
        return rank_by_counting(hidden, table, self.history, processes)


def model_ranks(model: SASRec, dataset: Dataset, split: str, *, allow_repeats: bool = False) -> Ranks:
    """Return the rank of every user's held-out item under one model, as ``FullRanking`` does.

    Raises:
        ValueError: ``split`` is unknown.
    """
    return FullRanking(dataset, split, model.max_length, allow_repeats=allow_repeats).ranks(model)


def rank_by_counting(hidden: Tensor, table: Tensor, history: History, processes: Processes = ALONE) -> Ranks:
    """Return the targets' ranks when the score of user u for item i is ⟨hidden[u], table[i − 1]⟩.

    Args:
        hidden: (U, d).
        table: (V, d).
        history: The targets, and the items that are not candidates.
        processes: They share out the blocks of users, and all get all ranks.
    """
    ranks = torch.zeros(len(hidden), dtype=torch.float64, device=hidden.device)
    blocks = table.split(ITEMS_A_BLOCK)
    # One buffer for all products: new memory costs page faults.
    buffer = hidden.new_empty((USERS_A_BLOCK + USERS_A_TILE) * ITEMS_A_BLOCK)
    for user_block in history.user_blocks[processes.rank :: processes.count]:
        users = torch.from_numpy(user_block.users).to(hidden.device)
        rows = hidden.new_zeros(-(-len(users) // USERS_A_TILE) * USERS_A_TILE, hidden.shape[1])
        rows[: len(users)] = hidden[users]
        target = hidden.new_zeros(1, len(rows))
        count = torch.zeros(len(rows), dtype=torch.float64, device=hidden.device)

        def product(number: int, rows: Tensor = rows) -> Tensor:
            shape = len(blocks[number]), len(rows)
            return torch.mm(blocks[number], rows.T, out=buffer[: shape[0] * shape[1]].view(shape))  # (W, B)

        # The blocks with the targets come first: scores are compared with those that are read from a product. One that
        # is computed by itself may have other last bits, which would decide ties.
        for home, (places, mine) in user_block.homes.items():
            scores = product(home)
            places, mine = places.to(hidden.device), mine.to(hidden.device)
            target[0, mine] = scores[places, mine]
        # The product of the last home is still there.
        for number in sorted(range(len(blocks)), key=home.__ne__):
            if number != home:
                scores = product(number)
            # In place, as floats: several times quicker than through booleans.
            count += user_block.without_excluded(scores, number).ge_(target).sum(0)
        ranks[users] = count[: len(users)]
    ranks = processes.summed(ranks)
    ranks[~_finite_scores(hidden, table)] = torch.nan
    result: Ranks = ranks.cpu().numpy()
    result[history.excluded & ~np.isnan(result)] = np.inf
    return result


def _finite_scores(hidden: Tensor, table: Tensor) -> Tensor:
    """Return (U,) whether all scores of a user are finite, by Cauchy-Schwarz where that decides."""
    largest = table.norm(dim=1).max()
    bound = hidden.norm(dim=1).double() * largest.double()
    fine: Tensor = torch.isfinite(largest) & (bound < torch.finfo(table.dtype).max)
    for user in torch.nonzero(~fine).flatten().tolist() if torch.isfinite(largest) else []:
        fine[user] = torch.isfinite(table @ hidden[user]).all()
    return fine
