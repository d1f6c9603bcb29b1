"""A Transformer that FSDP shards: its loss, a surface, and its largest eigenvalue, without a whole copy anywhere.

Run it with ``torchrun --nproc-per-node 2 examples/sharded.py``.
"""

import os
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard

import landscape

WORDS, WIDTH, LENGTH, BATCHES = 60, 32, 12, 4


class Model(nn.Module):
    """From words (B, n) to scores of the next ones (B, n, V)."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.scores = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WORDS)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, 4, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(2)
        )

    def forward(self, words: Tensor) -> Tensor:
        """Compute the scores."""
        hidden = self.words(words)
        mask = nn.Transformer.generate_square_subsequent_mask(words.shape[1], dtype=hidden.dtype)
        for layer in self.layers:
            hidden = layer(hidden, src_mask=mask, is_causal=True)
        scores: Tensor = self.scores(hidden)
        return scores


def loss(model: nn.Module, batch: Tensor) -> tuple[Tensor, int]:
    """Return the sum of the cross-entropies of the next words, and their number."""
    scores, targets = model(batch[:, :-1]), batch[:, 1:]
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="sum"), targets.numel()


def main() -> None:
    """Analyse in all processes that torchrun has started; the first one prints."""
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)  # it computes otherwise without gradients
    model = Model().double()  # products are differences of gradients, with 8 more digits than in float32
    batches = [torch.randint(WORDS, (8, LENGTH + 1)) for _ in range(BATCHES)]
    for layer in model.layers:
        fully_shard(layer)
    fully_shard(model)  # the whole model last: what is left of it
    mine = batches[dist.get_rank() :: dist.get_world_size()]
    objective = landscape.ShardedObjective(model, loss, mine)
    plane = landscape.random_plane(objective.space, objective.params)
    surface = landscape.surface(objective, plane.x, plane.y, points=21, extent=0.5)
    pairs = landscape.top_eigenpairs(landscape.HessianOperator(objective, differences=True), tolerance=1e-4)
    assert pairs.bottom is not None
    if dist.get_rank() == 0:
        here = f"{objective.space.size:,} of {objective.space.total:,} coordinates here"
        print(f"{dist.get_world_size()} processes, {here}")
        print(f"loss {surface.loss[10, 10]:.6f}, {surface!r}")
        print(f"largest eigenvalue {pairs.values[0]:.6f}, smallest {pairs.bottom.values[0]:.4f}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # as Python is taken down, Gloo's threads may abort the process (pytorch/pytorch#190489)
