"""The loss surface and the sharpest directions of a small convolutional network, on images made here.

Run it with ``python examples/convolutional.py``.
"""

import torch
import torch.nn.functional as F
from torch import nn

import landscape


def stripes(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy images (count, 1, 8, 8) of stripes that run across (label 0) or down (label 1)."""
    labels = torch.randint(2, (count,), generator=generator)
    across = torch.sin(torch.arange(8.0) + 6 * torch.rand(count, 1, generator=generator))[:, :, None].expand(-1, 8, 8)
    images = torch.where(labels[:, None, None] == 1, across.transpose(1, 2), across)
    return (images + torch.randn(images.shape, generator=generator))[:, None], labels


def loss(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """The sum of the cross-entropies and their number: what an objective takes for any model."""
    images, labels = batch
    return F.cross_entropy(model(images), labels, reduction="sum"), len(labels)


def main() -> None:
    """Train for a second, then look around."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    batches = [stripes(size, generator) for size in (128, 128, 128, 40)]  # the last one smaller, as loaders leave it
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 2))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(10):
        for batch in batches:
            total, count = loss(model, batch)
            optimiser.zero_grad()
            (total / count).backward()
            optimiser.step()

    objective = landscape.Objective(model, loss, batches)
    x, y = (landscape.random_direction(objective.space, objective.params, seed=seed) for seed in (0, 1))
    print(landscape.surface(objective, x, y))

    pairs = landscape.top_eigenpairs(landscape.HessianOperator(objective), k=3)
    print(pairs)
    assert pairs.vectors is not None  # only pairs that were read from a file may lack them
    print(landscape.surface(objective, *pairs.vectors[:2], points=31))  # an eigenvector is a direction like any other


if __name__ == "__main__":
    main()
