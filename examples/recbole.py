"""The loss of RecBole's SASRec on its own data: a problem for ``landscape surface``, ``curvature`` and ``compare``.

RecBole's checkpoints hold its configuration as Python objects, which only RecBole can read. Where it is installed, take
the weights out once, and then analyse them without it::

    python -c "import torch; torch.save(torch.load('saved/SASRec.pth', weights_only=False)['state_dict'], 'sasrec.pt')"
    landscape curvature examples/recbole.py --weights sasrec.pt --set data=dataset/ml-100k/ml-100k.inter

The network below has RecBole's names and computes what RecBole 1.2.1 computes: the scores of a trained model differed
by 3e-8, and the pairs of prefix and next item were the same. For another sequential model of RecBole, write its network
in the place of this one.
"""

from __future__ import annotations

import csv
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import landscape

MASKED = -10000.0  # what RecBole adds to the scores of attention that are masked
Batch = tuple[tuple[Tensor, Tensor], Tensor]  # ((items (B, n), lengths (B,)), next items (B,))


class Attention(nn.Module):
    """Attention of several heads, added to its input and normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.dense = (nn.Linear(width, width) for _ in range(4))
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """From (B, n, d), and (B, 1, n, n) to add to the scores, to (B, n, d)."""
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        result: Tensor = self.LayerNorm(self.dense(mixed) + x)
        return result


class FeedForward(nn.Module):
    """Two layers, added to their input and normalised."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dense_1, self.dense_2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        """From (B, n, d) to (B, n, d)."""
        result: Tensor = self.LayerNorm(self.dense_2(F.gelu(self.dense_1(x))) + x)
        return result


class SASRec(nn.Module):
    """RecBole's SASRec: items from the left, padding 0 on the right, scores of all items from the last state."""

    def __init__(self, items: int, length: int, width: int, inner: int, layers: int, heads: int) -> None:
        super().__init__()
        self.item_embedding = nn.Embedding(items, width, padding_idx=0)
        self.position_embedding = nn.Embedding(length, width)
        self.blocks = [
            nn.ModuleDict({"multi_head_attention": Attention(width, heads), "feed_forward": FeedForward(width, inner)})
            for _ in range(layers)
        ]
        self.trm_encoder = nn.ModuleDict({"layer": nn.ModuleList(self.blocks)})
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """From items (B, n) and the number of those that are no padding (B,) to scores (B, items)."""
        n = items.shape[1]
        x = self.LayerNorm(self.item_embedding(items) + self.position_embedding.weight[:n])
        seen = (items != 0)[:, None, None, :] & torch.ones(n, n, dtype=torch.bool, device=items.device).tril()
        mask = torch.where(seen, 0.0, MASKED).to(x)
        for block in self.blocks:
            x = block["feed_forward"](block["multi_head_attention"](x, mask))
        last = x[torch.arange(len(x), device=x.device), lengths - 1]
        scores: Tensor = last @ self.item_embedding.weight.T
        return scores


def sequences(path: Path) -> tuple[list[list[int]], int]:
    """Return each user's items in the order of time, numbered from 1 as RecBole does, and the number of rows."""
    numbers: dict[str, int] = {}
    users: dict[str, list[tuple[float, int]]] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            item = numbers.setdefault(row["item_id:token"], len(numbers) + 1)
            users.setdefault(row["user_id:token"], []).append((float(row["timestamp:float"]), item))
    ordered = [[item for _, item in sorted(events, key=lambda event: event[0])] for events in users.values()]
    return ordered, len(numbers) + 1


def batches_of(histories: list[list[int]], length: int, size: int) -> list[Batch]:
    """Return each prefix of the items but the last two, which RecBole holds out, with the item that follows."""
    pairs = [(items[max(0, end - length) : end], items[end]) for items in histories for end in range(1, len(items) - 2)]
    batches = []
    for first in range(0, len(pairs), size):
        prefixes, targets = zip(*pairs[first : first + size], strict=True)
        rows = torch.zeros(len(prefixes), length, dtype=torch.long)
        for row, prefix in zip(rows, prefixes, strict=True):
            row[: len(prefix)] = torch.tensor(prefix)
        batches.append(((rows, torch.tensor([len(prefix) for prefix in prefixes])), torch.tensor(targets)))
    return batches


def objective(
    data: Path, length: int = 50, width: int = 64, inner: int = 256, layers: int = 2, heads: int = 2, users: int = 200
) -> landscape.Objective[Batch]:
    """Return cross-entropy over all items; the sizes are those of RecBole's configuration."""
    histories, items = sequences(data)
    model = SASRec(items, length, width, inner, layers, heads)
    loss = landscape.supervised(F.cross_entropy)
    return landscape.Objective(model, loss, batches_of(histories[:users], length, size=256))
