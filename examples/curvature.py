"""All that is known of the curvature of a small classifier: spectrum, trace, blocks, sharpness, and whether it holds.

Run it with ``python examples/curvature.py``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import landscape

Batch = tuple[Tensor, Tensor]


def spirals(count: int, generator: torch.Generator) -> Batch:
    """Points (count, 2) on three noisy spiral arms, and the arms' numbers (count,)."""
    labels = torch.randint(3, (count,), generator=generator)
    radius = torch.rand(count, generator=generator)
    angle = 5 * radius + 2 * torch.pi / 3 * labels + 0.15 * torch.randn(count, generator=generator)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), labels


# Where the network ends and the convex loss begins: Gauss-Newton matrices need to know.
loss: landscape.CompositeLoss[Batch] = landscape.CompositeLoss(
    outputs=lambda model, batch: model(batch[0]),
    outer=lambda logits, batch: (F.cross_entropy(logits, batch[1], reduction="sum"), len(batch[1])),
)


def main() -> None:
    """Train for a second, then measure."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    batches = [spirals(size, generator) for size in (200, 200, 90)]
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 3))
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        for points, labels in batches:
            optimiser.zero_grad()
            F.cross_entropy(model(points), labels).backward()
            optimiser.step()

    objective = landscape.Objective(model, loss, batches)
    H = landscape.HessianOperator(objective)
    pairs = landscape.top_eigenpairs(H, k=2)
    print("Hessian        ", pairs)
    print("Gauss-Newton   ", landscape.top_eigenpairs(landscape.GaussNewtonOperator(objective), k=2))
    layers = {"first layer": "0.*", "second": "2.*", "third": "4.*"}
    print(landscape.block_eigenvalues(objective, layers).table().text())
    print(landscape.localization_by_block(objective.space, pairs, layers).table().text())
    print(landscape.spectral_density(H, probes=10, steps=30))
    print(landscape.trace(H, max_products=90))
    print(landscape.sharpness(objective, rhos=(0.05, 0.5), eigenvalue=float(pairs.values[0])))
    assert pairs.vectors is not None
    print(landscape.check_derivatives(objective, {"v1": pairs.vectors[0], "v2": pairs.vectors[1]}).table().text())
    print(landscape.quadratic_radius(objective, *pairs.vectors))


if __name__ == "__main__":
    main()
