"""Small data sets and models for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from landscape import Objective
from landscape.models.sasrec import SASRec
from landscape.training.data.dataset import Attributes, Dataset


def dataset_of(sequences: Sequence[Sequence[int]], n_items: int) -> Dataset:
    """Return a data set of these sequences."""
    lengths = [len(sequence) for sequence in sequences]
    return Dataset(
        name="small",
        items=np.concatenate([np.asarray(sequence, dtype=np.int32) for sequence in sequences]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        n_items=n_items,
        source="small",
        sha256="0" * 64,
    )


def random_dataset(lengths: Sequence[int], n_items: int = 60, seed: int = 0) -> Dataset:
    """Return users with these numbers of items, without repeats."""
    generator = np.random.default_rng(seed)
    return dataset_of([generator.permutation(n_items)[:length] + 1 for length in lengths], n_items)


def small_model(
    n_items: int = 60, *, max_length: int = 8, dtype: torch.dtype = torch.float64, seed: int = 0, **sizes: int
) -> SASRec:
    """Return a model with weights large enough to change its output."""
    torch.manual_seed(seed)
    model = SASRec(n_items, max_length=max_length, **{"width": 8, "layers": 2, "heads": 2} | sizes).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def with_attributes(dataset: Dataset, n_attributes: int = 9, seed: int = 0) -> Dataset:
    """Return the same data with 0 to 3 attributes for an item."""
    generator = np.random.default_rng(seed)
    of_items = [
        np.sort(generator.permutation(n_attributes)[: generator.integers(0, 4)]) + 1 for _ in range(dataset.n_items)
    ]
    return replace(
        dataset,
        attributes=Attributes(
            values=np.concatenate(of_items).astype(np.int32),
            offsets=np.concatenate([[0, 0], np.cumsum([len(own) for own in of_items])]).astype(np.int64),
            n_attributes=n_attributes,
            source="small",
            sha256="1" * 64,
        ),
    )


def assert_derivatives(objective: Objective[Any], *, step: float = 1e-5) -> None:
    """Compare the gradient and a Hessian product along a random direction with central differences, in float64."""
    torch.manual_seed(1)
    v = objective.space.project(torch.randn_like(objective.params))
    ends = [objective.params + sign * step * v for sign in (1, -1)]
    values, gradients = [objective.value(end) for end in ends], [objective.gradient(end) for end in ends]
    slope = (values[0] - values[1]) / (2 * step)
    np.testing.assert_allclose(float(objective.gradient() @ v), slope, rtol=1e-6, atol=1e-9)
    difference = (gradients[0] - gradients[1]) / (2 * step)
    torch.testing.assert_close(objective.hvp(v), difference, rtol=1e-4, atol=1e-7)
